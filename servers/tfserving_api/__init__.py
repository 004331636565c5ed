"""TensorFlow Serving's API on the wire, over REST and gRPC: https://www.tensorflow.org/tfx/serving/api_rest and
``tensorflow_serving/apis`` in its repository. A protocol only: the server is in ``servers.tfserving``."""
