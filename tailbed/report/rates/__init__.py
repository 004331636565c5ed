"""The response time's percentile against the rate, deployment by deployment."""
