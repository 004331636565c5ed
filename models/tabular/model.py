"""The tabular models, as the registry knows them."""

from __future__ import annotations

from models.model import Model
from models.tabular.data import CLASSES, FEATURES, evaluation, requests
from models.tensor import TensorSpec


def _model(name: str, framework: str, summary: str) -> Model:
    return Model(
        name=f"tabular-{name}",
        summary=f"{summary} on scikit-learn's breast cancer data",
        inputs=(TensorSpec("features", "float32", ("batch", FEATURES)),),
        outputs=(TensorSpec("scores", "float32", ("batch", CLASSES)),),
        evaluation=evaluation,
        requests=requests,
        frameworks=(framework,),
        package="models.tabular",
    )


MODELS = (
    _model("gradient-boosting", "sklearn", "scikit-learn's histogram gradient boosting, 100 trees,"),
    _model("svm", "sklearn", "scikit-learn's support vector machine with a radial kernel"),
    _model("logistic", "sklearn", "scikit-learn's logistic regression"),
    _model("mlp", "sklearn", "scikit-learn's multilayer perceptron with hidden layers of 64 and 32"),
    _model("lightgbm", "lightgbm", "LightGBM, 100 trees,"),
    _model("xgboost", "xgboost", "XGBoost, 100 trees,"),
)
