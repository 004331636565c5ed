"""What precisions buy and cost."""
