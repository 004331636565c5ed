"""The folder of compiled executables: ``batch-<size>.xla`` each, and ``executables.json``, which says who can run them.

Machine code is handed to the native loader only after the checks here: on a processor without an instruction set that
the compiler used it would end the process by an illegal instruction, and a damaged file by anything.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models import TailbedError, TensorSpec
from models.validation import first_problem

HEADER: Final = "executables.json"
_CPUINFO: Final = Path("/proc/cpuinfo")
_X86: Final = (
    *("sse", "ssse", "pni", "avx", "amx", "fma", "f16c", "bmi", "abm", "popcnt", "movbe", "movdir", "gfni", "aes"),
    *("vaes", "pclmul", "vpclmul", "sha_ni", "adx", "xop", "tbm", "cx16"),
)
"""How the names begin that Linux has for what a compiler may use of an x86-64. The rest of its list is about the
kernel, virtual machines and mitigations, which differ between machines that run the same code. ARM's has no such rest.
"""


class ExecutablesError(TailbedError):
    """A folder that is damaged, or compiled for another jaxlib or another processor."""


class Header(BaseModel):
    """What the executables need, stored as ``executables.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    jaxlib: str
    """The version that compiled them: XLA promises no other one to load them."""
    machine: str
    """The processor's architecture, such as ``x86_64``."""
    instruction_sets: tuple[str, ...]
    """Those of the processor that they were compiled on and for; empty where the system does not tell."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    sha256: dict[int, str] = Field(min_length=1)
    """The checksum of each file, by batch size."""


def write(
    folder: Path, executables: Mapping[int, bytes], inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> None:
    """Write executables by batch size, compiled by this process."""
    folder.mkdir()
    for size, content in executables.items():
        (folder / _name(size)).write_bytes(content)
    header = Header(
        jaxlib=version("jaxlib"),
        machine=platform.machine(),
        instruction_sets=instruction_sets(),
        inputs=inputs,
        outputs=outputs,
        sha256={size: sha256(content).hexdigest() for size, content in executables.items()},
    )
    (folder / HEADER).write_text(header.model_dump_json(indent=2) + "\n")


def read(folder: Path) -> tuple[Header, dict[int, bytes]]:
    """The header and the executables by batch size, safe to be loaded here.

    Raises:
        ExecutablesError: a file is missing or damaged, or they were compiled for another jaxlib or processor.
    """
    try:
        header = Header.model_validate_json((folder / HEADER).read_bytes())
        _check_host(header)
        contents = {size: (folder / _name(size)).read_bytes() for size in sorted(header.sha256)}
    except OSError as error:
        raise ExecutablesError(f"{Path(error.filename).name}: {error.strerror}") from error
    except ValidationError as error:
        raise ExecutablesError(f"{HEADER}: {first_problem(error)}") from error
    for size, content in contents.items():
        if sha256(content).hexdigest() != header.sha256[size]:
            raise ExecutablesError(f"{_name(size)} is damaged: its SHA-256 differs from the one in {HEADER}")
    return header, contents


def instruction_sets(cpuinfo: Path = _CPUINFO) -> tuple[str, ...]:
    """The processor's instruction sets by Linux' names, sorted; none where the system does not tell."""
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return ()
    for line in lines:
        names = line.partition(":")[2].split()
        if line.startswith("flags"):
            return tuple(sorted(name for name in names if name.startswith(_X86)))
        if line.startswith("Features"):
            return tuple(sorted(names))
    return ()


def _check_host(header: Header) -> None:
    if header.jaxlib != (installed := version("jaxlib")):
        raise ExecutablesError(f"compiled by jaxlib {header.jaxlib}, and {installed} is installed: export it again")
    if header.machine != platform.machine():
        raise ExecutablesError(f"compiled for {header.machine}, and this is {platform.machine()}: export it again here")
    if missing := set(header.instruction_sets) - set(instruction_sets()):
        raise ExecutablesError(
            f"compiled for a processor with {', '.join(sorted(missing))}, which this one lacks: export it again here"
        )


def _name(size: int) -> str:
    return f"batch-{size}.xla"
