"""TorchServe's inference and management APIs over gRPC, with safetensors as what it carries."""
