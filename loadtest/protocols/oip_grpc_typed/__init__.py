"""The Open Inference Protocol over gRPC with typed contents, for servers that refuse raw ones."""
