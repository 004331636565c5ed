import re

import pytest

from models import MODELS
from models.wrn.architecture import ARCHITECTURES
from models.wrn.names import canonical
from models.wrn.weights import shapes

MODEL = MODELS.get("wrn-28-10")


def _authors(name: str) -> str:
    """A name of ours as the authors' PyTorch code has it."""
    name = re.sub(r"^bn1\.", "bn.", name)
    name = re.sub(r"^layer(\d)\.(\d)\.", lambda at: f"group{int(at[1]) - 1}.block{at[2]}.", name)
    if name == "conv1.weight" or re.search(r"\.(conv\d|shortcut)\.weight$", name):
        name = name.removesuffix(".weight").replace("shortcut", "convdim")
    if name.startswith("fc."):
        return name
    return re.sub(r"(conv|\.bn)([12])", lambda kind: f"{kind[1]}{int(kind[2]) - 1}", name)


def _classes(name: str) -> str:
    """A name of ours as xternalz/WideResNet-pytorch has it."""
    return re.sub(r"^layer(\d)\.(\d)\.", r"block\1.layer.\2.", name).replace("shortcut", "convShortcut")


def test_names_of_other_code_lead_to_all_tensors() -> None:
    wanted = shapes(MODEL)
    for foreign in (str, _authors, _classes):
        assert [canonical(foreign(key)) for key in wanted] == list(wanted)


@pytest.mark.parametrize(
    ("foreign", "own"),
    [
        ("conv0", "conv1.weight"),
        ("group0.block0.bn0.running_mean", "layer1.0.bn1.running_mean"),
        ("group2.block3.conv1", "layer3.3.conv2.weight"),
        ("group1.block0.convdim", "layer2.0.shortcut.weight"),
        ("bn.weight", "bn1.weight"),
        ("block1.layer.0.convShortcut.weight", "layer1.0.shortcut.weight"),
        ("module.block3.layer.1.bn2.bias", "layer3.1.bn2.bias"),
        ("block1.layer.0.bn1.num_batches_tracked", None),
        ("block1.layer.0.se.weight", "layer1.0.se.weight"),
        ("linear.weight", "linear.weight"),
    ],
)
def test_a_foreign_name(foreign: str, own: str | None) -> None:
    assert canonical(foreign) == own


def test_the_depth_is_that_of_the_name() -> None:
    blocks = ARCHITECTURES["wrn-28-10"].blocks()
    assert len(blocks) == 12
    assert [block.name for block in blocks if block.projects] == ["layer1.0", "layer2.0", "layer3.0"]
    assert [block.name for block in blocks if block.stride == 2] == ["layer2.0", "layer3.0"]
