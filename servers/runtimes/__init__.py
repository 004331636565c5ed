"""The runtimes behind our own servers, one folder each."""

from servers.runtimes.runtime import RUNTIMES, LoadedModel, Runtime, RuntimeLoadError, runtime_for

__all__ = ["RUNTIMES", "LoadedModel", "Runtime", "RuntimeLoadError", "runtime_for"]
