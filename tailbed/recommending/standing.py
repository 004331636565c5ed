"""Which measured figures may speak for a deployment."""

from __future__ import annotations

from tailbed.results.schema import Cell, Measurement
from tailbed.slo import Slo


def objection(cell: Cell, field: str, name: str) -> str | None:
    """Why a cell's figure does not count, in words; None where it does.

    Args:
        field: of the cell, such as ``p99_ms``.
        name: as people call it.
    """
    if cell.validity == "INVALID":
        reasons = cell.reasons or ["INVALID"]
        # Of several blocks' reasons, the server's own is what a reader must know first.
        reason = next((each for each in reasons if "saturated" in each), reasons[0]).partition(";")[0]
        return reason if "saturated" in reason else f"INVALID: {reason}"
    if getattr(cell, field) is None:
        return f"no {name}: {cell.missing.get(field, 'not measured').partition(';')[0]}"
    return None


def beyond(found: Measurement, slo: Slo) -> str | None:
    """Why a VALID measurement does not keep to the objective; None where it does."""
    value = getattr(found, slo.field)
    if value is None:
        return f"no {slo.name}: {found.missing.get(slo.field, 'not measured').partition(';')[0]}"
    if value > slo.limit_ms:
        return f"{slo.name} {value:.3g} ms is beyond the objective of {slo.limit_ms:g} ms"
    return None


def reason_against(cell: Cell, slo: Slo | None) -> str | None:
    """Why a cell's throughput does not count, whether its P99 stands or not; None where it does."""
    return objection(cell, "throughput", "throughput") or (beyond(cell, slo) if slo else None)
