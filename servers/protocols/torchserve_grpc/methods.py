"""TorchServe's calls, by their paths in its own protos, and the names of what our handler takes."""

from typing import Final

PING: Final = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Ping"
PREDICTIONS: Final = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"
DESCRIBE_MODEL: Final = "/org.pytorch.serve.grpc.management.ManagementAPIsService/DescribeModel"

DATA: Final = "data"
"""The input that has the tensors."""
DESCRIBE: Final = "describe"
"""The input that asks our handler what it is, as a header does over REST: this port has no call for that."""
