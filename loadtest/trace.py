"""Recorded arrivals: a table with a column ``arrival_s``, one row a request, in order.

The column holds seconds from the trace's start, 0 or more, each at least the one before. The table is a CSV file whose
first line names the columns, or a Parquet file; other columns are passed over.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Final

import numpy as np

from loadtest.errors import LoadError

COLUMN: Final = "arrival_s"


def read_trace(path: Path, rate: float | None = None) -> np.ndarray:
    """Arrival times in seconds, float64 ``[arrivals]``, ascending.

    Args:
        path: a ``.csv`` or ``.parquet`` file.
        rate: stretch or squeeze time until the mean gap between arrivals is ``1 / rate``; None leaves it.

    Raises:
        LoadError: the file is missing, or no trace; the line names the file and the row.
    """
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise LoadError(f"{path}: a trace is a .csv or a .parquet file")
    try:
        times_s, rows = reader(path)
    except FileNotFoundError as error:
        raise LoadError(f"{path}: no such file") from error
    except OSError as error:
        raise LoadError(f"{path}: cannot be read ({error.strerror or error})") from error
    _check(path, times_s, rows)
    if rate is None:
        return times_s
    span_s = float(times_s[-1] - times_s[0])
    if not span_s:
        raise LoadError(f"{path}: all arrivals are at one time: they have no rate to be changed")
    scaled: np.ndarray = times_s * ((len(times_s) - 1) / (span_s * rate))
    return scaled


def _read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The times, and the line in the file of each."""
    times_s: list[float] = []
    lines: list[int] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            column = _column(path, header)
            for row in reader:
                if row:
                    times_s.append(_number(path, reader.line_num, row, column))
                    lines.append(reader.line_num)
    except (csv.Error, UnicodeDecodeError) as error:
        raise LoadError(f"{path}: not a CSV file ({error})") from error
    return np.array(times_s, dtype=np.float64), np.array(lines, dtype=np.int64)


def _number(path: Path, line: int, row: list[str], column: int) -> float:
    if column >= len(row):
        raise LoadError(f"{path}: row {line}: has no {COLUMN}")
    try:
        return float(row[column])
    except ValueError as error:
        raise LoadError(f"{path}: row {line}: {COLUMN} is {row[column][:40]!r}, not a number of seconds") from error


def _read_parquet(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The times, and the row of each, from 1."""
    import pyarrow as pa  # not at the module's top: the command line imports this module and starts faster
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        _column(path, names)
        column = pq.read_table(path, columns=[COLUMN])[COLUMN]
    except pa.ArrowException as error:
        raise LoadError(f"{path}: not a Parquet file ({str(error).splitlines()[0]})") from error
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise LoadError(f"{path}: {COLUMN} holds {column.type}, not numbers of seconds")
    times_s: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy()
    return times_s, np.arange(1, len(times_s) + 1)


def _column(path: Path, names: list[str]) -> int:
    if COLUMN not in names:
        raise LoadError(f"{path}: has no column {COLUMN}: it has {', '.join(names)[:200] or 'none'}")
    return names.index(COLUMN)


def _check(path: Path, times_s: np.ndarray, rows: np.ndarray) -> None:
    """Refuse what is no ascending row of times; ``rows`` are what people call each one."""
    if not len(times_s):
        raise LoadError(f"{path}: has no arrivals")
    wrong = ~(np.isfinite(times_s) & (times_s >= 0))
    earlier = np.concatenate([[False], times_s[1:] < times_s[:-1]])
    if not (wrong | earlier).any():
        return
    index = int(np.argmax(wrong | earlier))
    value = times_s[index]
    if wrong[index]:
        shown = "missing" if math.isnan(value) else f"{value:g}"
        raise LoadError(f"{path}: row {rows[index]}: {COLUMN} is {shown}, expected seconds of 0 or more")
    raise LoadError(f"{path}: row {rows[index]}: {COLUMN} is {value:g}, earlier than the {times_s[index - 1]:g} before")
