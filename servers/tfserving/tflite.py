"""A TensorFlow Lite file's signature, where TensorFlow Serving looks for it.

Converters write signatures into a table of the file, which TensorFlow Serving does not read: it would call inputs and
outputs after the graph's tensors. It reads serialized ``SignatureDef`` messages from the metadata, a FlexBuffers map
(``tensorflow/lite/tools/signature/signature_def_util.cc``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from exporters.artifact import Manifest
from exporters.savedmodel.signature import SERVING_DEFAULT
from models import TensorSpec, package_versions
from servers.errors import ServerError
from servers.tfserving_api import tfserving_pb2 as pb
from servers.tfserving_api.grpc import tensor_info
from servers.tfserving_api.signature import METHOD

METADATA: Final = "signature_defs_metadata"


def with_signature(path: Path, manifest: Manifest) -> bytes:
    """The file with the manifest's inputs and outputs as its signature ``serving_default``.

    Raises:
        MissingPackage: ai-edge-litert is not installed, which knows the file format.
        ServerError: the file has no such tensors.
    """
    package_versions("ai-edge-litert", needed_for="the server tfserving with TensorFlow Lite")
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    inputs, outputs = _tensors(model, manifest)
    signature = pb.SignatureDef(method_name=METHOD)
    for entries, specs, named in (
        (signature.inputs, manifest.inputs, inputs),
        (signature.outputs, manifest.outputs, outputs),
    ):
        for spec in specs:
            if spec.name not in named:
                raise ServerError(f"{path}: no signature with a tensor {spec.name!r}")
            entries[spec.name].CopyFrom(tensor_info(spec, named[spec.name]))
    buffer = schema.BufferT()
    buffer.data = list(_flexbuffer(signature.SerializeToString()))
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensors(model: Any, manifest: Manifest) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What the graph calls the tensors of the signature that fits, or else each tensor by its own name."""
    graph = model.subgraphs[0]

    def name(index: int) -> str:
        return str(graph.tensors[index].name.decode())

    def by(maps: Iterable[Any]) -> dict[str, str]:
        return {found.name.decode(): name(found.tensorIndex) for found in maps}

    signatures = [(by(each.inputs), by(each.outputs)) for each in model.signatureDefs or ()]
    for inputs, outputs in signatures:
        if _has(inputs, manifest.inputs) and _has(outputs, manifest.outputs):
            return inputs, outputs
    inputs, outputs = ({name(index): name(index) for index in indices} for indices in (graph.inputs, graph.outputs))
    return inputs, outputs


def _has(named: Mapping[str, str], specs: tuple[TensorSpec, ...]) -> bool:
    return named.keys() >= {spec.name for spec in specs}


def _flexbuffer(signature: bytes) -> bytes:
    from flatbuffers import flexbuffers

    builder = flexbuffers.Builder()
    with builder.Map():
        builder.Key(SERVING_DEFAULT)
        # As a string, which its public method takes as text alone; the reader takes any bytes.
        builder._WriteBlob(signature, append_zero=True, type_=flexbuffers.Type.STRING)
    return bytes(builder.Finish())
