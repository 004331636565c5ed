"""Where the history lies: a Parquet file an experiment, read together by DuckDB."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from models import TailbedError, home
from tailbed.history.columns import Row, schema
from tailbed.history.errors import HistoryError
from tailbed.history.rows import rows_of
from tailbed.results.folder import ExperimentFolder

if TYPE_CHECKING:
    import duckdb

_ATTEMPTS: Final = 5
_ABANDONED_S: Final = 3600.0
"""A half-written file of that age is of a process that was killed."""


def store() -> Path:
    """The folder of the history's files: ``$TAILBED_HISTORY``, else ``$TAILBED_HOME/history``."""
    named = os.environ.get("TAILBED_HISTORY")
    return Path(named) if named else home() / "history"


def record(folder: ExperimentFolder, warn: Callable[[str], None]) -> None:
    """Put an experiment into the history as far as it was measured; what goes wrong is a line, and no more.

    To be called when it has ended or was stopped, as often as that happens: the same experiment replaces itself.
    """
    try:
        if rows := rows_of(folder):
            _write(rows)
    except TailbedError as error:
        warn(f"not in the history: {error}")
    except Exception as error:  # noqa: BLE001  # whatever it is, the results are on disk and the experiment is over
        warn(f"{folder.path}: not in the history: {error or type(error).__name__}")


def add(folder: ExperimentFolder) -> Row:
    """Put an experiment into the history; the same one replaces itself, wherever its folder was before.

    Returns:
        One of its rows, for what it is called and where it lies.

    Raises:
        ResultsError: it is not a results folder, or its summary cannot be read.
        HistoryError: no run of it was measured, or the history cannot be written.
    """
    rows = rows_of(folder)
    if not rows:
        raise HistoryError(f"{folder.path}: no run was measured: there is nothing to remember")
    try:
        _write(rows)
    except OSError as error:
        raise HistoryError(f"{store()}: cannot be written: {error.strerror}") from error
    return rows[0]


def forget(experiment: str) -> None:
    """Take an experiment out of the history, by its identity; its results folder stays."""
    _file(experiment).unlink(missing_ok=True)


@contextmanager
def opened() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory whose table ``runs`` is the history as it is now, with at least the columns of ``COLUMNS``.

    Nothing that is done to the table reaches the files.

    Raises:
        HistoryError: a file of the history cannot be read.
    """
    import duckdb

    with duckdb.connect() as connection:
        connection.register("nothing", schema().empty_table())
        for attempt in range(_ATTEMPTS):
            files = sorted(map(str, store().glob("*.parquet")))
            stored = " UNION ALL BY NAME SELECT * FROM read_parquet(?, union_by_name = true)" if files else ""
            try:
                connection.execute(f"CREATE TABLE runs AS SELECT * FROM nothing{stored}", [files] if files else [])  # noqa: S608
                break
            except duckdb.Error as error:
                # A file that another process has just replaced or removed is not one that cannot be read.
                if attempt == _ATTEMPTS - 1 or files == sorted(map(str, store().glob("*.parquet"))):
                    first = str(error).splitlines()[0]
                    raise HistoryError(f"{store()}: the history cannot be read: {first}") from error
        connection.unregister("nothing")
        yield connection


def fetched(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of what was executed, by column name."""
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _write(rows: list[Row]) -> None:
    """Replace the experiment's file in one step. Of processes that do so at once, the last one's stays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _file(str(rows[0]["experiment"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob("*.partial"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _ABANDONED_S:
                left.unlink()
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        pq.write_table(pa.Table.from_pylist(rows, schema()), partial, compression="zstd")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _file(experiment: str) -> Path:
    return store() / f"{experiment}.parquet"
