"""What is served: reference models, the same weights in every framework, with the data to check them on."""

from models.errors import TailbedError
from models.home import home
from models.model import MODELS, EvaluationSet, Model, Source
from models.registry import Registry, UnknownName
from models.tensor import TensorMismatch, Tensors, TensorSpec, check_tensors

__all__ = [
    "MODELS",
    "EvaluationSet",
    "Model",
    "Registry",
    "Source",
    "TailbedError",
    "TensorMismatch",
    "TensorSpec",
    "Tensors",
    "UnknownName",
    "check_tensors",
    "home",
]
