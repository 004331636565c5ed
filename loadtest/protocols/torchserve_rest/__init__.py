"""TorchServe's inference API over HTTP/1.1, with safetensors both ways."""
