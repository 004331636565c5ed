import subprocess
import sys

import numpy as np
import pytest

from models import MissingPackage, package_versions


def test_versions_by_distribution() -> None:
    assert package_versions("numpy", needed_for="this test") == {"numpy": np.__version__}


def test_a_missing_package_says_what_needs_it() -> None:
    with pytest.raises(MissingPackage, match=r"^a test needs the package 'no-such-thing': 'tailbed doctor' says"):
        package_versions("numpy", "no-such-thing", needed_for="a test")


def test_a_model_without_its_framework_gives_one_line() -> None:
    program = """
import sys
from models import MODELS, MissingPackage, Weights
sys.modules["torch"] = None  # as if it were not installed
try:
    MODELS.get("digits").build("pytorch", Weights({}, "", ""))
except MissingPackage as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "digits in pytorch needs the package 'torch': 'tailbed doctor' says how to get it\n"
