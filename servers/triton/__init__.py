"""NVIDIA Triton Inference Server, speaking the Open Inference Protocol over HTTP and gRPC."""
