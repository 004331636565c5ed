"""A model's weights: its own, or those that the user chose."""

from models.weights.weights import Weights, WeightsError, forget_chosen, identity, keep_chosen, model_weights

__all__ = ["Weights", "WeightsError", "forget_chosen", "identity", "keep_chosen", "model_weights"]
