"""Raw records: one row a request, from the engine's spool to a Parquet file."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from loadtest import spool
from loadtest.errors import LoadError

NAME: Final = "records.parquet"
_METADATA: Final = b"tailbed"


class NotWrittenError(LoadError):
    """Records could not be written; what was measured is still in the spool."""


class Outcome(enum.IntEnum):
    """How a request ended. Protocol errors are offset by their kind: HTTP 503 is 1503, gRPC status 14 is 2014."""

    OK = 0
    REFUSED = 1
    """No connection could be made."""
    RESET = 2
    """The connection ended before the answer was complete."""
    TIMEOUT = 3
    MALFORMED = 4
    """What came is not an answer of the protocol."""
    STOPPED = 5
    """The run was stopped before an answer came."""
    HTTP = 1000
    GRPC = 2000


def outcome_name(outcome: int) -> str:
    """The outcome as people read it: ``"ok"``, ``"timeout"``, ``"http 503"``, ``"grpc 14"``."""
    if outcome > Outcome.GRPC:
        return f"grpc {outcome - Outcome.GRPC}"
    if outcome > Outcome.HTTP:
        return f"http {outcome - Outcome.HTTP}"
    return Outcome(outcome).name.lower()


def _parse_outcome(name: str) -> int:
    kind, _, status = name.partition(" ")
    return Outcome[kind.upper()] + int(status or 0)


class EngineFacts(BaseModel):
    """What the engine knows of its own run beside the rows. Stored as the Parquet file's ``tailbed`` metadata."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    load_start_ns: int
    """Start of the load, CLOCK_MONOTONIC; from here to the window it was warm-up."""
    by_rule: bool = False
    """Whether the warm-up was to go on until the load was steady, and not by time alone."""
    unsteady: str | None = None
    """By rule: why the load was not steady when the window began, or the run was stopped before; None if it was."""
    window_start_ns: int
    """Start of the measured window, CLOCK_MONOTONIC; requests intended before it are warm-up."""
    window_end_ns: int
    """End of the measured window: as planned, or when the run was stopped before."""
    finished: bool
    """False when the run was stopped or the engine died before the window's end."""
    client_busy: float | None
    """Share of its core that the engine computed in the window, not counting spinning; None if it died."""
    spinning: bool
    """Whether the engine had a core of its own and spun while waiting."""
    cores: int = 1
    """CPU cores that the engine might run on."""
    stalls: list[tuple[int, int]] = []
    """Gaps in the spinning engine's own loop that its work does not explain, as (start, length) in nanoseconds,
    warm-up included; see ``loadtest.engine.stalls``."""
    stalls_dropped: int = 0
    """How many more there were than are kept in ``stalls``."""
    cap_hits: int
    """Requests that found ``max_in_flight`` outstanding and had to wait in the client."""
    checked: int
    """Answers in the window that were compared with known ones."""
    wrong: int
    first_wrong: str | None
    """The first wrong answer in one line."""
    incomplete: str | None = None
    """Of several engines: which did not measure to the end, in one line; None if all did."""


@dataclass(frozen=True)
class Records:
    """All requests of one run, ordered by intended time, and the engine's facts.

    Attributes:
        intended_ns, sent_ns, done_ns: int64 ``[requests]``, CLOCK_MONOTONIC. ``sent_ns`` is 0 where the request
            was never sent.
        outcome: int32 ``[requests]``, see ``Outcome``.
        input_index: int32 ``[requests]``, the item of the pool that was sent.
        warmup: bool ``[requests]``, intended before the measured window.
        correct: int8 ``[requests]``, 1 where the answer was compared with the known one and agrees, 0 where it
            does not, -1 where it was not compared.
        facts: the engine's own facts.
    """

    intended_ns: np.ndarray
    sent_ns: np.ndarray
    done_ns: np.ndarray
    outcome: np.ndarray
    input_index: np.ndarray
    warmup: np.ndarray
    correct: np.ndarray
    facts: EngineFacts


def from_rows(rows: np.ndarray, correct: np.ndarray, facts: EngineFacts) -> Records:
    """Records of a spool's rows (``[requests]`` of ``spool.DTYPE``, in any order) and their ``correct``."""
    order = np.argsort(rows["intended_ns"], kind="stable")
    columns = {name: np.ascontiguousarray(rows[name][order]) for name in spool.DTYPE.names or ()}
    warmup = columns["intended_ns"] < facts.window_start_ns
    return Records(**columns, warmup=warmup, correct=correct[order], facts=facts)


def write(path: Path, records: Records) -> None:
    """Write a Parquet file; it appears complete or not at all.

    Its columns are those of ``Records``, but ``outcome`` is a readable string and an unknown ``correct`` is null.
    """
    # Not at the module's top: the command line imports this module and must start faster than pyarrow does.
    import pyarrow as pa
    import pyarrow.parquet as pq

    outcomes, index = np.unique(records.outcome, return_inverse=True)
    labels = pa.array([outcome_name(outcome) for outcome in outcomes.tolist()], pa.string())
    columns: dict[str, Any] = {
        "intended_ns": records.intended_ns,
        "sent_ns": records.sent_ns,
        "done_ns": records.done_ns,
        "outcome": pa.DictionaryArray.from_arrays(index.astype(np.int32), labels),
        "input_index": records.input_index,
        "warmup": records.warmup,
        "correct": pa.array(records.correct == 1, mask=records.correct < 0),
    }
    table = pa.table(columns).replace_schema_metadata({_METADATA: records.facts.model_dump_json()})
    unfinished = path.with_name(f"{path.name}.part")
    pq.write_table(table, unfinished, compression="zstd")
    unfinished.rename(path)


def read(path: Path) -> Records:
    """Read a Parquet file that ``write`` made.

    Raises:
        LoadError: the file is missing, unreadable or not one of records.
    """
    import pyarrow as pa  # not at the module's top: see write
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        facts = EngineFacts.model_validate_json((table.schema.metadata or {})[_METADATA])
        outcome = table["outcome"].combine_chunks().dictionary_encode()
        codes = np.array([_parse_outcome(str(name)) for name in outcome.dictionary.to_pylist()], dtype=np.int32)
        correct = table["correct"].cast(pa.int8()).fill_null(pa.scalar(-1, pa.int8()))
        return Records(
            **{name: table[name].to_numpy() for name in ("intended_ns", "sent_ns", "done_ns", "input_index", "warmup")},
            outcome=codes[outcome.indices.to_numpy()],
            correct=correct.to_numpy(),
            facts=facts,
        )
    except FileNotFoundError as error:
        raise LoadError(f"{path}: no records") from error
    except (OSError, pa.ArrowException, KeyError, ValidationError) as error:
        raise LoadError(f"{path}: not a file of records ({str(error).splitlines()[0]})") from error


def recover(folder: Path) -> Records:
    """What an engine left in ``folder``: its records, or those of its spool if it died, marked as not finished.

    A spool is turned into ``records.parquet`` and removed.

    Raises:
        NotWrittenError: ``records.parquet`` cannot be written; the spool stays.
        LoadError: there is neither, or not one whole row in the spool, or it cannot be read.
    """
    if (folder / NAME).exists():
        return read(folder / NAME)
    path = folder / spool.NAME
    try:
        reader = spool.SpoolReader(path)
        try:
            window, rows = reader.window, reader.read()
        finally:
            reader.close()
    except FileNotFoundError as error:
        raise LoadError(f"{folder}: nothing was measured: there is no {spool.NAME}") from error
    except OSError as error:
        raise LoadError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not len(rows):
        raise LoadError(f"{folder}: nothing was measured: {spool.NAME} has no rows")
    facts = EngineFacts(
        load_start_ns=window.load_start_ns,
        window_start_ns=window.start_ns,
        window_end_ns=max(window.start_ns, min(window.end_ns, int(rows["done_ns"].max()))),
        finished=False,
        client_busy=None,
        spinning=False,
        cap_hits=0,
        checked=0,
        wrong=0,
        first_wrong=None,
    )
    records = from_rows(rows, np.full(len(rows), -1, dtype=np.int8), facts)
    try:
        write(folder / NAME, records)
        path.unlink()
    except OSError as error:
        reason = str(error.strerror or error).splitlines()[0]
        raise NotWrittenError(f"{folder / NAME}: cannot be written ({reason}); {spool.NAME} is kept") from error
    return records
