"""A server without a model: what the client alone costs, and the most that it can see."""
