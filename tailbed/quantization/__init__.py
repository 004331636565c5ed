"""What quantizing a model buys and costs: every precision against fp32 on one server. docs/QUANTIZATION.md."""

from tailbed.quantization.choice import Asked, QuantizationError, expected_s, scenarios_of, suite_of, wanted
from tailbed.quantization.looking import look, looked_at, make
from tailbed.quantization.study import conclude

__all__ = [
    "Asked",
    "QuantizationError",
    "conclude",
    "expected_s",
    "look",
    "looked_at",
    "make",
    "scenarios_of",
    "suite_of",
    "wanted",
]
