"""grpc.aio on uvloop, speaking the Open Inference Protocol over gRPC."""
