"""Locust as the driver: its users start the engine, its statistics show what the engine measures."""
