"""TensorFlow Serving itself: its own binary, ``tensorflow_model_server``."""
