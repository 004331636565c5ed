"""``jax.export``'s files, compiled when they are loaded."""
