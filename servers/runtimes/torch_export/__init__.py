"""torch.export programs."""
