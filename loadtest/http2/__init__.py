"""HTTP/2 (RFC 9113) as far as unary gRPC calls need it, for either side of a connection."""
