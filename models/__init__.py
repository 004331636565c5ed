"""What is served: reference models, the same weights in every framework, with the data to check them on."""

from models.errors import TailbedError
from models.home import home
from models.model import MODELS, EvaluationSet, Model, Source
from models.packages import MissingPackage, package_versions
from models.publishing import PublishError, published
from models.registry import Registry, UnknownName
from models.tensor import TensorMismatch, Tensors, TensorSpec, check_tensors

__all__ = [
    "MODELS",
    "EvaluationSet",
    "MissingPackage",
    "Model",
    "PublishError",
    "Registry",
    "Source",
    "TailbedError",
    "TensorMismatch",
    "TensorSpec",
    "Tensors",
    "UnknownName",
    "check_tensors",
    "home",
    "package_versions",
    "published",
]
