"""TorchServe's inference API over gRPC, with safetensors both ways."""
