"""The Open Inference Protocol over gRPC, with raw contents."""
