"""Every run that is INVALID or was disturbed, and why."""
