"""Unary gRPC calls as the load engine makes them: prebuilt frames of HTTP/2."""
