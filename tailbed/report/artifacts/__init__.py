"""What was served: artifacts and images."""
