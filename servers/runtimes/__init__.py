"""The runtimes behind our own servers, one folder each."""

from servers.runtimes.runtime import RUNTIMES, DeviceError, LoadedModel, Runtime, RuntimeLoadError, runtime_for

__all__ = ["RUNTIMES", "DeviceError", "LoadedModel", "Runtime", "RuntimeLoadError", "runtime_for"]
