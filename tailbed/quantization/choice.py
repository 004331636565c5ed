"""What a study measures: which artifacts of a model, and for how long."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exporters import DEFAULT_PRECISION, exporters_of
from loadtest.scenario import ClosedLoop
from models import MODELS, TailbedError
from servers import STACKS
from tailbed.analysis.comparison import blocks_needed
from tailbed.analysis.intervals import FEWEST_RUNS
from tailbed.analysis.percentiles import sample_floor
from tailbed.suite import Suite
from tailbed.suite.artifacts import Ref, named, precisions_of

CLIENTS: Final = 4
"""Of the closed loop for throughput."""
_WARMUP_S, _SHORTEST_S, _LONGEST_S = 2.0, 2.0, 60.0
_MARGIN = 2.0
"""A server takes longer for a request than the artifact alone, and P99 needs so many whatever happens."""
_BESIDE_S = 3.0
"""Of every run: the load generator's start, the reduction of its records, the ends of all processes."""
_BEFORE_S = 30.0
"""Of every experiment: the cores' own stalls, and the client's floor."""


class QuantizationError(TailbedError):
    """A study that cannot be made."""


@dataclass(frozen=True)
class Asked:
    """What the user asks for.

    Attributes:
        model: which one.
        stack: the server, one for all.
        formats: of the model; all by default.
        precisions: all by default; fp32 is always among them.
        artifacts: ``model/format/precision`` or ``model/format``, in place of formats and precisions.
        blocks: runs of every cell; as many as can show a difference by default.
        duration_s: of every measured window; by default as long as P99 takes.
        keep_awake: whether the cores are kept from sleeping.
    """

    model: str
    stack: str = "grpc"
    formats: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    blocks: int | None = None
    duration_s: float | None = None
    keep_awake: bool = False


def wanted(asked: Asked) -> tuple[list[Ref], list[str]]:
    """The artifacts of the study, every format's fp32 first, and what the server does not serve, each in one line.

    Raises:
        TailbedError: a name is unknown, the stack cannot run, or there is no other precision than fp32 to compare.
    """
    model = MODELS.get(asked.model)
    stack = STACKS.get(asked.stack)
    if missing := stack.missing():
        raise QuantizationError(f"{asked.stack} cannot run here: {missing}")
    if not model.frameworks:
        raise QuantizationError(
            f"{model.name} is there only as it was imported: what can be quantized is a model of ours, or one imported "
            "from an ONNX file in fp32"
        )
    exporters = exporters_of(model)
    refs = list(dict.fromkeys(_named(asked) if asked.artifacts else _crossed(asked)))
    served = [ref for ref in refs if stack.serves(exporters[ref[1]].format) is not None]
    refused = dict.fromkeys(ref[1] for ref in refs if ref not in served)
    if not any(precision != DEFAULT_PRECISION for _, _, precision in served):
        raise QuantizationError(
            f"nothing of {model.name} to compare with fp32 on {asked.stack}: its formats are {', '.join(exporters)}"
        )
    return served, [f"{model.name}/{format}: {asked.stack} does not serve it" for format in refused]


def _crossed(asked: Asked) -> Iterator[Ref]:
    model = MODELS.get(asked.model)
    offered = {format: precisions_of(model, format) for format in asked.formats or exporters_of(model)}
    for precision in asked.precisions:
        if not any(precision in each for each in offered.values()):
            there = dict.fromkeys(name for each in offered.values() for name in each)
            raise QuantizationError(f"no {precision!r} of {model.name}: choose from {', '.join(there)}")
    for format, precisions in offered.items():
        chosen = [each for each in precisions if not asked.precisions or each in asked.precisions]
        if any(each != DEFAULT_PRECISION for each in chosen):
            yield from _with_full(model.name, format, chosen)


def _named(asked: Asked) -> Iterator[Ref]:
    refs = [named(ref) for ref in asked.artifacts]
    for ref in refs:
        if ref[0] != asked.model:
            raise QuantizationError(f"{'/'.join(ref)} is not of {asked.model}")
    for format in dict.fromkeys(ref[1] for ref in refs):
        yield from _with_full(asked.model, format, [ref[2] for ref in refs if ref[1] == format])


def _with_full(model: str, format: str, precisions: Sequence[str]) -> Iterator[Ref]:
    full = [DEFAULT_PRECISION] if DEFAULT_PRECISION in precisions_of(MODELS.get(model), format) else []
    yield from ((model, format, precision) for precision in dict.fromkeys([*full, *precisions]))


def suite_of(asked: Asked, refs: Sequence[str], slowest_ms: float) -> Suite:
    """The experiment: every artifact in a closed loop of one client and in one of ``CLIENTS``.

    Args:
        asked: what the user asks for.
        refs: ``model/format/precision`` of what could be made.
        slowest_ms: how long the slowest of them computes on a request.
    """
    comparisons = sum(not ref.endswith(f"/{DEFAULT_PRECISION}") for ref in refs)
    enough = max(FEWEST_RUNS, blocks_needed(max(1, comparisons)))
    longest = math.ceil(_MARGIN * sample_floor(0.99) * slowest_ms / 1e3)
    name = re.sub(r"[^a-z0-9]+", "-", asked.model.lower()).strip("-")
    return Suite(
        name=f"quantize-{name}",
        artifacts=tuple(refs),
        stacks=(asked.stack,),
        scenarios=tuple(ClosedLoop(concurrency=clients) for clients in (1, CLIENTS)),
        warmup_s=_WARMUP_S,
        steady_limit_s=None,
        duration_s=asked.duration_s or min(_LONGEST_S, max(_SHORTEST_S, longest)),
        blocks=asked.blocks or enough,
        attempts=2,
        keep_awake=asked.keep_awake,
    )


def expected_s(suite: Suite, loads_s: Sequence[float]) -> float:
    """About how long the experiment takes where nothing disturbs it.

    Args:
        suite: the study's.
        loads_s: how long each artifact takes to load.
    """
    run = suite.warmup_s + suite.duration_s + _BESIDE_S
    return _BEFORE_S + suite.blocks * len(suite.scenarios) * sum(run + load_s for load_s in loads_s)


def scenarios_of(suite: Suite) -> tuple[str, str]:
    """The labels of the loads for latency and for throughput.

    Raises:
        QuantizationError: the suite is not one of a study.
    """
    labels = {each.label for each in suite.scenarios}
    latency, throughput = (ClosedLoop(concurrency=clients).label for clients in (1, CLIENTS))
    if labels != {latency, throughput} or suite.services:
        raise QuantizationError(f"suite {suite.name} is not one of 'tailbed quantize'")
    return latency, throughput
