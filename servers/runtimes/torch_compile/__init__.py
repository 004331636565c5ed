"""PyTorch models compiled from their weights at load."""
