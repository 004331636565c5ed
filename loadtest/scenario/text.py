"""A scenario on a command line, in the words that suites use."""

from __future__ import annotations

import yaml
from pydantic import TypeAdapter, ValidationError

from loadtest.errors import LoadError
from loadtest.scenario import AnyScenario, Scenario

_ADAPTER: TypeAdapter[AnyScenario] = TypeAdapter(Scenario)


def parse(text: str) -> AnyScenario:
    """Read a YAML mapping such as ``{kind: ramp, from_rate: 100, to_rate: 500}``; a bare ``ramp`` is ``{kind: ramp}``.

    Raises:
        LoadError: it is no scenario; the line names the field.
    """
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        reason = getattr(error, "problem", None) or str(error)
        raise LoadError(f"scenario {text!r}: not YAML: {' '.join(str(reason).split())}") from error
    if isinstance(data, str):
        data = {"kind": data}
    if not isinstance(data, dict):
        raise LoadError(f"scenario {text!r}: expected {{kind: KIND, ...}} as in a suite")
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        # pydantic puts the kind first, which is no field.
        field = ".".join(str(step) for step in first["loc"][1:]) or "kind"
        raise LoadError(f"scenario: {field}: {first['msg'].removeprefix('Value error, ')}") from error
