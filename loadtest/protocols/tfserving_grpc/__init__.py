"""TensorFlow Serving's gRPC API, with tensors as ``tensor_content``."""
