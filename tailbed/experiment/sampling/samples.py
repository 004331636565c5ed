"""The samples of one run, in memory and as a Parquet file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models import TailbedError

NAME: Final = "samples.parquet"
"""The file's name in a run's folder."""


class SamplesError(TailbedError):
    """A file of samples that cannot be written or read."""


@dataclass(frozen=True)
class Samples:
    """All readings of one run in the order of reading, one a row.

    Attributes:
        time_ns: int64 ``[readings]``, CLOCK_MONOTONIC, the same for all readings of a sample.
        name: str ``[readings]``, what was read; see the probes.
        subject: str ``[readings]``, of what.
        value: int64 ``[readings]``, in the unit that ends the name.
    """

    time_ns: np.ndarray
    name: np.ndarray
    subject: np.ndarray
    value: np.ndarray

    def series(self, name: str, subject: str) -> tuple[np.ndarray, np.ndarray]:
        """Times and values of one quantity, both int64 ``[samples that have it]``."""
        rows = (self.name == name) & (self.subject == subject)
        return self.time_ns[rows], self.value[rows]

    def subjects(self, name: str) -> list[str]:
        """What the quantity was read of, sorted."""
        return sorted(set(self.subject[self.name == name].tolist()))


def write(path: Path, samples: Samples) -> None:
    """Write a Parquet file with the columns of ``Samples``; it appears complete or not at all.

    Raises:
        SamplesError: it cannot be written.
    """
    # Not at the module's top: the command line imports this module and must start faster than pyarrow does.
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "time_ns": samples.time_ns,
            "name": pa.array(samples.name.tolist(), pa.string()).dictionary_encode(),
            "subject": pa.array(samples.subject.tolist(), pa.string()).dictionary_encode(),
            "value": samples.value,
        }
    )
    unfinished = path.with_name(f"{path.name}.part")
    try:
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.rename(path)
    except OSError as error:
        raise SamplesError(f"{path}: cannot be written ({error.strerror or error})") from error


def read(path: Path) -> Samples:
    """Read a Parquet file that ``write`` made.

    Raises:
        SamplesError: the file is missing, unreadable or not one of samples.
    """
    import pyarrow as pa  # not at the module's top: see write
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        return Samples(
            time_ns=table["time_ns"].to_numpy(),
            name=np.array(table["name"].to_pylist(), dtype=np.str_),
            subject=np.array(table["subject"].to_pylist(), dtype=np.str_),
            value=table["value"].to_numpy(),
        )
    except FileNotFoundError as error:
        raise SamplesError(f"{path}: no samples") from error
    except (OSError, pa.ArrowException, KeyError) as error:
        raise SamplesError(f"{path}: not a file of samples ({str(error).splitlines()[0]})") from error
