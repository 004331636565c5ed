"""What the figures show that a reader would want to be told. A rule is a function; it speaks only of what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tailbed.analysis.intervals import FEWEST_RUNS
from tailbed.quantization.kernels import Kernels
from tailbed.results.decisions import PrecisionResult, QuantizationStudy, Ratio

_NOTHING = 0.95
"""A precision whose P50 is surely above this share of fp32's gains nothing that is worth having."""
_CONVOLUTION = "Conv"
_SIGNED, _UNSIGNED, _DYNAMIC, _FULL = "int8-static-signed", "int8-static", "int8-dynamic", "fp32"
_BYTES = ("avx_vnni", "avx512_vnni", "amx_int8", "i8mm")
_NATIVE = {"fp16": ("avx512_fp16", "amx_fp16"), "bf16": ("avx512_bf16", "amx_bf16", "bf16")}


@dataclass(frozen=True)
class Evidence:
    """What the rules look at."""

    study: QuantizationStudy
    kernels: Mapping[tuple[str, str], Kernels]

    def of(self, format: str, precision: str) -> PrecisionResult | None:
        """The result of one artifact, if it was measured."""
        found = (each for each in self.study.results if (each.format, each.precision) == (format, precision))
        return next(found, None)


def find(study: QuantizationStudy, kernels: Mapping[tuple[str, str], Kernels]) -> list[str]:
    """Every finding, the gains first.

    Args:
        study: whose own findings are not looked at.
        kernels: of its artifacts, by format and precision.
    """
    evidence = Evidence(study, kernels)
    return [sentence for rule in RULES for sentence in rule(evidence)]


def gains(evidence: Evidence) -> Iterator[str]:
    """What is shown to be faster, and what it costs in accuracy."""
    faster = [(result, ratio) for result, ratio in _shown(evidence) if _estimate(ratio) < 1]
    for result, ratio in sorted(faster, key=lambda each: _estimate(each[1])):
        yield f"{_name(result)} is {_times(ratio, faster=True)} as fast as fp32 at the median{_cost(result)}"


def losses(evidence: Evidence) -> Iterator[str]:
    """What is shown to be slower, and of dynamic int8 how much of it are the convolutions."""
    for result, ratio in _shown(evidence):
        if _estimate(ratio) <= 1:
            continue
        where = _convolutions(evidence, result) if result.precision == _DYNAMIC else ""
        yield f"{_name(result)} takes {_times(ratio, faster=False)} fp32's time at the median{where}"


def signed_activations(evidence: Evidence) -> Iterator[str]:
    """Signed activations where unsigned ones have the processor's instructions."""
    has = [name for name in evidence.study.instruction_sets if name in _BYTES]
    for result in evidence.study.results:
        other = evidence.of(result.format, _UNSIGNED)
        if result.precision != _SIGNED or not _gained_nothing(result.p50_ratio):
            continue
        sentence = f"int8 with signed activations gained nothing on this CPU in {result.format}{_at_most(result)}"
        if other and other.p50_ratio and other.p50_ratio.claimed and _estimate(other.p50_ratio) < 1:
            sentence += f", where unsigned ones (u8s8) are {_times(other.p50_ratio, faster=True)} as fast as fp32"
            sentence += f": it has {', '.join(has)}" if has else ""
        yield sentence


def without_gain(evidence: Evidence) -> Iterator[str]:
    """What is surely not faster and not shown to be slower."""
    for result in evidence.study.results:
        ratio = result.p50_ratio
        if result.precision == _SIGNED or ratio is None or ratio.claimed or not _gained_nothing(ratio):
            continue
        native = _NATIVE.get(result.precision, ())
        lacks = bool(native) and not set(native) & set(evidence.study.instruction_sets)
        why = f", which has no instructions for {result.precision}" if lacks else ""
        yield f"{_name(result)} gains nothing on this CPU{why}{_at_most(result)}"


def accuracy(evidence: Evidence) -> Iterator[str]:
    """What is shown to be less right, where that is not told with its gain."""
    for result in evidence.study.results:
        told = result.p50_ratio is not None and result.p50_ratio.claimed and _estimate(result.p50_ratio) < 1
        if result.accuracy_change and result.accuracy_change.claimed and not told:
            yield f"{_name(result)} has another accuracy than fp32{_cost(result)}"


def computed_otherwise(evidence: Evidence) -> Iterator[str]:
    """What is not computed in the precision that it is stored in, by the runtime's own word."""
    for result in evidence.study.results:
        told = evidence.kernels.get((result.format, result.precision))
        products = [each for each in told.kernels if each.operation != "pooling"] if told else []
        if not products:
            continue
        if result.precision.startswith("int8"):
            wide = sorted({each.operation for each in products if not each.in_int8})
            if wide:
                yield f"{_name(result)}: {', '.join(wide)} not in int8 but in {_types(told, wide)}, by oneDNN's own log"
            elif not any("vnni" in name or "amx" in name for name in result.computes_in):
                unused = [name for name in evidence.study.instruction_sets if name in _BYTES]
                if unused:
                    yield f"{_name(result)} did not use {', '.join(unused)}, which this CPU has, by oneDNN's own log"
        elif result.precision in _NATIVE and all(each.type == "f32" for each in products):
            yield f"{_name(result)} is computed in f32, by oneDNN's own log"


RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    gains,
    losses,
    signed_activations,
    without_gain,
    accuracy,
    computed_otherwise,
)


def _shown(evidence: Evidence) -> Iterator[tuple[PrecisionResult, Ratio]]:
    for result in evidence.study.results:
        if result.p50_ratio is not None and result.p50_ratio.claimed:
            yield result, result.p50_ratio


def _name(result: PrecisionResult) -> str:
    return f"{result.format}/{result.precision}"


def _estimate(ratio: Ratio) -> float:
    return ratio.estimate if ratio.estimate is not None else 1.0


def _times(ratio: Ratio, *, faster: bool) -> str:
    """``2.7x (95% 2.6 to 2.8)``: this over fp32, or the other way round for what is faster."""
    assert ratio.estimate is not None
    assert ratio.low is not None
    assert ratio.high is not None
    ends = (1 / ratio.estimate, 1 / ratio.high, 1 / ratio.low) if faster else (ratio.estimate, ratio.low, ratio.high)
    digits = 1 if ends[1] >= 1.5 else 2
    estimate, low, high = (f"{end:.{digits}f}" for end in ends)
    return f"{estimate}x (95% {low} to {high})"


def _cost(result: PrecisionResult) -> str:
    change = result.accuracy_change
    if change is not None:
        interval = f"95% {100 * change.low:+.1f} to {100 * change.high:+.1f}, {change.items} items"
        word = "costs" if change.estimate < 0 else "brings" if change.estimate > 0 else "changes"
        verdict = "" if change.claimed else "no difference in accuracy shown, "
        return f" and {word} {abs(100 * change.estimate):.1f} points of accuracy ({verdict}{interval})"
    if result.agreement is not None and result.agreement_low is not None and result.agreement_high is not None:
        interval = f"95% {100 * result.agreement_low:.1f} to {100 * result.agreement_high:.1f}"
        return f" and labels {100 * result.agreement:.1f}% as fp32 does ({interval})"
    return ""


def _gained_nothing(ratio: Ratio | None) -> bool:
    return ratio is not None and ratio.blocks >= FEWEST_RUNS and ratio.low is not None and ratio.low >= _NOTHING


def _at_most(result: PrecisionResult) -> str:
    ratio = result.p50_ratio
    assert ratio is not None
    return f" (P50 {_estimate(ratio):.2f} of fp32's, 95% {ratio.low:.2f} to {ratio.high:.2f})"


def _convolutions(evidence: Evidence, result: PrecisionResult) -> str:
    """How long the convolutions take in this precision and in fp32, where ONNX Runtime's profile tells."""
    own, full = (evidence.kernels.get((result.format, each)) for each in (result.precision, _FULL))
    if own is None or full is None:
        return ""
    this, before = (
        sum(time for operator, time in each.operators_ms.items() if _CONVOLUTION in operator) for each in (own, full)
    )
    if not this or not before or this <= before:
        return ""
    return (
        f": its convolutions are {this / before:.1f}x as slow, {this:.3g} ms instead of {before:.3g} in ONNX Runtime's "
        "own profile of one request"
    )


def _types(told: Kernels | None, operations: list[str]) -> str:
    kernels = told.kernels if told else ()
    return ", ".join(sorted({each.type for each in kernels if each.operation in operations and not each.in_int8}))
