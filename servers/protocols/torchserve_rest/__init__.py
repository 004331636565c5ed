"""TorchServe's inference and management APIs over REST, with safetensors as what it carries."""
