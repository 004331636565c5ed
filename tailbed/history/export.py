"""The history for other programs: all runs in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tailbed.history.errors import NO_RUN, HistoryError
from tailbed.history.store import opened

ENDINGS: Final = (".csv", ".parquet")
_ORDER: Final = "started, experiment, cell, block"


def export_file(path: Path) -> int:
    """Write every run of the history, oldest first, as CSV or Parquet by the file's ending; replaces the file.

    Returns:
        The number of runs.

    Raises:
        HistoryError: the ending is of neither, there is nothing to write, or the file cannot be written.
    """
    import duckdb

    if path.suffix.lower() not in ENDINGS:
        raise HistoryError(f"{path}: the history is exported as {' or '.join(ENDINGS)}: name a file that ends so")
    partial = path.with_name(f"{path.name}.partial")
    with opened() as database:
        runs = database.table("runs").order(_ORDER)
        count = len(runs)
        if not count:
            raise HistoryError(NO_RUN)
        try:
            if path.suffix.lower() == ".csv":
                runs.write_csv(str(partial))
            else:
                runs.write_parquet(str(partial), compression="zstd")
            partial.replace(path)
        except (duckdb.Error, OSError) as error:
            partial.unlink(missing_ok=True)
            raise HistoryError(f"{path}: cannot be written: {str(error).splitlines()[0]}") from error
    return count
