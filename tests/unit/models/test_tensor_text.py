"""Specifications written as text."""

import pytest

from models import TensorSpec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("image:float32:batch,3,224,224", TensorSpec("image", "float32", ("batch", 3, 224, 224))),
        ("serving:x:0:int64:batch, 12", TensorSpec("serving:x:0", "int64", ("batch", 12))),
        ("rate:float64:", TensorSpec("rate", "float64", ())),
        ("on:bool:1", TensorSpec("on", "bool", (1,))),
    ],
)
def test_a_specification_is_read_from_text(text: str, spec: TensorSpec) -> None:
    assert TensorSpec.parse(text) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "x:float32",
        ":float32:1",
        "x:floaty:1",
        "x:str:1",
        "x:f4:1",
        "x:float32:0",
        "x:float32:-1",
        "x:float32:1,,2",
    ],
)
def test_what_is_no_specification_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not NAME:DTYPE:SHAPE, such as image:float32:batch,3,224,224"):
        TensorSpec.parse(text)
