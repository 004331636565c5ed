"""Sending prebuilt requests: HTTP/1.1 and unary gRPC calls, on the engine's own event loop."""
