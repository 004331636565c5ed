"""The Open Inference Protocol v2: its wire formats over HTTP and gRPC."""
