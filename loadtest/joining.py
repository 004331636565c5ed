"""The records of several engines that shared one load, put together: as if one engine had offered all of it.

Each engine leaves its own in a folder ``engine-0``, ``engine-1`` and so on. Rows are joined, never figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from loadtest import records
from loadtest.errors import LoadError
from loadtest.records import EngineFacts, NotWrittenError, Records

_COLUMNS = ("intended_ns", "sent_ns", "done_ns", "outcome", "input_index", "warmup", "correct")


def engine_name(index: int) -> str:
    """An engine's name, and that of its folder in the run's."""
    return f"engine-{index}"


def join(parts: Sequence[Records | None]) -> Records:
    """All rows of several engines' records, ordered by intended time.

    All times must be on one clock, see ``shifted``. If all engines measured to the end, so did the whole, and its
    window begins with the first and ends with the last of theirs: they are one and the same, except for Offline's,
    whose windows end with each engine's last answer. Otherwise the window is the time in which all measured; what lies
    outside of it is kept and marked as warm-up, not counted.

    Args:
        parts: in the order of the engines; None for one that left nothing.

    Raises:
        LoadError: none left anything.
    """
    found = [part for part in parts if part is not None]
    if not found:
        raise LoadError(f"nothing was measured: none of {len(parts)} engines left records")
    facts = _facts([part.facts for part in found], _incomplete(parts))
    columns = {name: np.concatenate([getattr(part, name) for part in found]) for name in _COLUMNS}
    order = np.argsort(columns["intended_ns"], kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    if not facts.finished:
        intended_ns = columns["intended_ns"]
        columns["warmup"] |= (intended_ns < facts.window_start_ns) | (intended_ns >= facts.window_end_ns)
    return Records(**columns, facts=facts)


def gather(folder: Path, engines: int) -> Records:
    """Join what ``engines`` engines left in their folders, also if they died, and write ``records.parquet``.

    Raises:
        NotWrittenError: it cannot be written; what the engines left stays.
        LoadError: none left anything.
    """
    found = join([_left_in(folder / engine_name(index)) for index in range(engines)])
    try:
        records.write(folder / records.NAME, found)
    except OSError as error:
        reason = str(error.strerror or error).splitlines()[0]
        raise NotWrittenError(
            f"{folder / records.NAME}: cannot be written ({reason}); each engine's are kept"
        ) from error
    return found


def shifted(part: Records, by_ns: int) -> Records:
    """The same records on a clock that is ahead by ``by_ns``, such as another machine's CLOCK_MONOTONIC."""
    facts = part.facts
    return replace(
        part,
        intended_ns=part.intended_ns + by_ns,
        sent_ns=np.where(part.sent_ns > 0, part.sent_ns + by_ns, 0),
        done_ns=part.done_ns + by_ns,
        facts=facts.model_copy(
            update={
                "load_start_ns": facts.load_start_ns + by_ns,
                "window_start_ns": facts.window_start_ns + by_ns,
                "window_end_ns": facts.window_end_ns + by_ns,
                "stalls": [(start_ns + by_ns, length_ns) for start_ns, length_ns in facts.stalls],
            }
        ),
    )


def _left_in(folder: Path) -> Records | None:
    try:
        return records.recover(folder)
    except NotWrittenError:
        raise
    except LoadError:
        return None


def _incomplete(parts: Sequence[Records | None]) -> str | None:
    reasons = []
    for index, part in enumerate(parts):
        if part is None:
            reasons.append(f"{engine_name(index)} left no records")
        elif not part.facts.finished:
            after_s = (part.facts.window_end_ns - part.facts.load_start_ns) / 1e9
            reasons.append(f"{engine_name(index)} ended {after_s:.1f} s after the load's start")
    return "; ".join(reasons) or None


def _facts(facts: Sequence[EngineFacts], incomplete: str | None) -> EngineFacts:
    begins, ends = [fact.window_start_ns for fact in facts], [fact.window_end_ns for fact in facts]
    begin_ns, end_ns = (max(begins), min(ends)) if incomplete else (min(begins), max(ends))
    return EngineFacts(
        load_start_ns=min(fact.load_start_ns for fact in facts),
        window_start_ns=begin_ns,
        window_end_ns=max(begin_ns, end_ns),
        finished=incomplete is None,
        client_busy=_busy(facts),
        spinning=all(fact.spinning for fact in facts),
        cores=min(fact.cores for fact in facts),
        stalls=sorted(stall for fact in facts for stall in fact.stalls),
        stalls_dropped=sum(fact.stalls_dropped for fact in facts),
        cap_hits=sum(fact.cap_hits for fact in facts),
        checked=sum(fact.checked for fact in facts),
        wrong=sum(fact.wrong for fact in facts),
        first_wrong=next((fact.first_wrong for fact in facts if fact.first_wrong is not None), None),
        incomplete=incomplete,
    )


def _busy(facts: Sequence[EngineFacts]) -> float | None:
    """Of the busiest engine's core; engines without one of their own may all be on the same few, and add up there."""
    own = [fact.client_busy for fact in facts if fact.client_busy is not None and fact.spinning]
    sharing = [fact for fact in facts if fact.client_busy is not None and not fact.spinning]
    if sharing:
        whole = sum(fact.client_busy or 0.0 for fact in sharing) / min(fact.cores for fact in sharing)
        own.append(max(whole, *(fact.client_busy or 0.0 for fact in sharing)))
    return max(own, default=None)
