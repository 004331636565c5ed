"""How deployments start, and what they answer first after a pause."""
