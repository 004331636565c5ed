"""TensorFlow Serving's REST API: predictions in JSON, by columns."""
