"""TorchScript on the CPU."""
