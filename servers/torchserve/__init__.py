"""TorchServe, speaking its own protocols over REST and gRPC."""
