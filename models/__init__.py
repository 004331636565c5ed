"""What is served: reference models, the same weights in every framework, with the data to check them on."""

from models.errors import TailbedError
from models.home import home
from models.model import FRAMEWORKS, Behaviour, EvaluationSet, Model, Source
from models.models import MODELS, Models
from models.packages import MissingPackage, package_versions
from models.publishing import PublishError, published
from models.registry import Registry, UnknownName
from models.tensor import TensorMismatch, Tensors, TensorSpec, check_tensors
from models.weights import Weights

__all__ = [
    "FRAMEWORKS",
    "MODELS",
    "Behaviour",
    "EvaluationSet",
    "MissingPackage",
    "Model",
    "Models",
    "PublishError",
    "Registry",
    "Source",
    "TailbedError",
    "TensorMismatch",
    "TensorSpec",
    "Tensors",
    "UnknownName",
    "Weights",
    "check_tensors",
    "home",
    "package_versions",
    "published",
]
