"""TensorFlow on the CPU or an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from exporters.checker import Compute, ModelFile
from models import Tensors, package_versions
from models.frameworks.tensorflow import onednn_enabled, tensorflow
from models.packages import first_installed
from servers.runtimes.fixed_batch import FixedBatch
from servers.runtimes.runtime import DeviceError, LoadedModel, Runtime, RuntimeLoadError
from servers.runtimes.tensorflow.savedmodel import check_operations, choose

_DEVICES = {"cpu": "/CPU:0", "cuda": "/GPU:0"}


class _Signature:
    def __init__(
        self, tf: Any, loaded: Any, signature: str, device: str, file: ModelFile, facts: Mapping[str, str]
    ) -> None:
        self.facts = facts
        self._tensor = tf.constant
        self._device = tf.device
        self._on = device
        self._loaded = loaded  # a signature does not keep its variables alive
        self._signature = loaded.signatures[signature]
        self._outputs = [spec.name for spec in file.outputs]
        self.run = FixedBatch(self._run, file.batch_sizes).run if file.batch_sizes else self._run

    def _run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        with self._device(self._on):
            outputs = self._signature(**{name: self._tensor(array) for name, array in inputs.items()})
        return {name: outputs[name].numpy() for name in self._outputs}


class _TensorFlow:
    name = "tensorflow"
    formats: tuple[str, ...] = ("savedmodel",)
    platform = "tensorflow_savedmodel"
    packages: tuple[str, ...] = (first_installed("tensorflow-cpu", "tensorflow"),)

    devices: tuple[str, ...] = ("cpu", "cuda")

    def load(self, file: ModelFile, compute: Compute) -> LoadedModel:
        """Load a SavedModel.

        A SavedModel is a program. Its graph can hold operations that read and write files and use the network with
        the rights of this process: load only what you would also run. Operations that call Python are refused, since
        the function is not in the file.

        TensorFlow has its threads once for the whole process, from its first operation on: the first model loaded
        sets them, and the facts tell what they are.

        Raises:
            RuntimeLoadError: the folder is not a SavedModel, or has no signature that fits.
            DeviceError: there is no such device.
            MissingPackage: TensorFlow is not installed.
        """
        versions = package_versions(*self.packages, needed_for="the runtime tensorflow")
        tf = tensorflow()
        threads = _set_threads(tf, compute.threads)
        device = self._device(tf, compute.device)
        # On a GPU products would otherwise round their float32 inputs to 10 bits of mantissa.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            check_operations(file.path)
            with tf.device(device):
                loaded = tf.saved_model.load(str(file.path))
            signature = choose(dict(loaded.signatures), file.inputs, file.outputs)
        # The errors of protobuf, of TensorFlow and of its Python side have no common class.
        except Exception as error:
            raise RuntimeLoadError(file.path, "a SavedModel that TensorFlow can run", error) from error
        facts = {
            **versions,
            "device": compute.device,
            "signature": signature,
            "onednn": "on" if onednn_enabled() else "off",
            **threads,
            **({"tf32": "off"} if compute.device == "cuda" else {}),
        }
        return _Signature(tf, loaded, signature, device, file, facts)

    def _device(self, tf: Any, device: str) -> str:
        if device not in _DEVICES:
            raise DeviceError(self.name, device, f"it knows {' and '.join(_DEVICES)}")
        if device == "cuda" and not tf.config.list_physical_devices("GPU"):
            built = "finds no GPU" if tf.test.is_built_with_cuda() else "is built without CUDA"
            raise DeviceError(self.name, device, f"TensorFlow {tf.__version__} {built}")
        return _DEVICES[device]


def _set_threads(tf: Any, threads: int) -> dict[str, str]:
    """Set the threads of one operation, and one operation at a time. Returns what is in force."""
    threading = tf.config.threading
    with suppress(RuntimeError):  # "cannot be modified after initialization"
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(1)
    found = {
        "intra_op_threads": threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": threading.get_inter_op_parallelism_threads(),
    }
    return {name: str(count) if count else "as many as cores" for name, count in found.items()}


RUNTIME: Runtime = _TensorFlow()
