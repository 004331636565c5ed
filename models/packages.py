"""Which optional packages are installed, and a clear line for those that are not."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from models.errors import TailbedError


class MissingPackage(TailbedError):
    """An optional package that this step needs is not installed."""

    def __init__(self, package: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the package {package!r}: 'tailbed doctor' says how to get it")


def package_versions(*distributions: str, needed_for: str) -> dict[str, str]:
    """Versions of the installed ``distributions`` by name, without importing them.

    Raises:
        MissingPackage: one of them is not installed.
    """
    versions = {}
    for distribution in distributions:
        try:
            versions[distribution] = version(distribution)
        except PackageNotFoundError as error:
            raise MissingPackage(distribution, needed_for) from error
    return versions


def first_installed(*distributions: str) -> str:
    """The first of ``distributions`` that is installed; the very first where none is.

    For one library that comes under several names, such as a build of it without its GPU part.
    """
    for distribution in distributions:
        try:
            version(distribution)
        except PackageNotFoundError:
            continue
        return distribution
    return distributions[0]
