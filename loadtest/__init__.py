"""Endpoint -> records: the load engine, its Locust user, and the protocols that it speaks."""
