"""Where the time goes inside the servers, and what they take."""
