"""Reading a suite from YAML, with errors that name the file, the line and the field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from loadtest.scenario import Trace
from loadtest.trace import read_trace
from models import TailbedError
from tailbed.suite.schema import Suite


class SuiteError(TailbedError):
    """A suite that cannot be read: file, line, field, and what would be right."""


def named_suites() -> list[str]:
    """The suites that come with tailbed."""
    shipped = resources.files("tailbed.suite") / "named"
    return sorted(Path(entry.name).stem for entry in shipped.iterdir() if entry.name.endswith(".yaml"))


def read_suite(name: str) -> Suite:
    """Read a suite by its name, or from a YAML file.

    Raises:
        SuiteError: no such suite or file, or something in it is wrong.
    """
    if name in named_suites():
        file = f"{name}.yaml"
        return _parse((resources.files("tailbed.suite") / "named" / file).read_text(encoding="utf-8"), file)
    try:
        return _parse(Path(name).read_text(encoding="utf-8"), name)
    except FileNotFoundError as error:
        raise SuiteError(
            f"no suite or file {name!r}: name a YAML file or one of {', '.join(named_suites())}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{name}: cannot be read: {error}") from error


def check_traces(suite: Suite) -> None:
    """Read the traces that the suite replays, so that a bad one is told before anything is measured.

    Raises:
        LoadError: one is missing, or no trace.
    """
    for scenario in suite.scenarios:
        if isinstance(scenario, Trace):
            read_trace(scenario.path, scenario.rate)


def _parse(text: str, file: str) -> Suite:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            raise SuiteError(f"{file}: is empty: a suite has name, models, formats, stacks and scenarios")
        for key in _repeated_keys(root):
            raise SuiteError(f"{file}:{key.start_mark.line + 1}: {key.value}: is there twice")
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SuiteError(f"{file}:{line}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SuiteError(f"{file}: not YAML: {error}") from error
    try:
        return Suite.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        line, field = _locate(root, first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise SuiteError(f"{file}:{line}: {field or 'the suite'}: {problem}{more}") from error


def _locate(node: yaml.Node, location: Sequence[int | str]) -> tuple[int, str]:
    """The line of the deepest node on the way, and the way itself as ``scenarios[1].rate``.

    pydantic puts the tag of a union into the location; it is no key of the document and is passed over.
    """
    line, field = node.start_mark.line + 1, ""
    for place, step in enumerate(location):
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node, field = node.value[step], f"{field}[{step}]"
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode) and isinstance(step, str):
            found = next((pair for pair in node.value if pair[0].value == step), None)
            if found is None and place < len(location) - 1:
                continue
            field = f"{field}.{step}" if field else step
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
    return line, field


def _repeated_keys(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Keys that stand twice in one mapping, of which YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key
                seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated_keys(value)
