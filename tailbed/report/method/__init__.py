"""How it was measured and concluded, in short."""
