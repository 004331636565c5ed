"""What bounds the figures: the client's floor, and each deployment's capacity in a closed loop."""
