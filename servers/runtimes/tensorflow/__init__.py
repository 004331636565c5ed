"""TensorFlow, for SavedModels."""
