"""How a user's model becomes an artifact, whatever its format."""
