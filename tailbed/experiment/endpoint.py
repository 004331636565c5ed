"""Loading an endpoint that is there already, whoever started it and whatever model it serves."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from exporters import ANSWERS, Artifact, ArtifactStore
from loadtest.access import check_protocol, resolve_target
from loadtest.inputs import described, requests, write_pool
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.scenario import AnyScenario
from models import MODELS, TensorMismatch, Tensors, check_tensors
from models.inputs import is_batched, one_item
from servers import EndpointError, ModelMetadata, connect
from servers.protocols import protocol_of
from tailbed.analysis.run import Subject, summarize
from tailbed.experiment.interruption import measure
from tailbed.experiment.placement import place
from tailbed.results.schema import RunResult

GENERATED_ITEMS = 64
"""Distinct requests that are made up for a model that nobody here knows."""


def load_endpoint(
    url: str,
    model: str,
    scenario: AnyScenario,
    folder: Path,
    *,
    protocol: str | None = None,
    inputs: Path | None,
    headers: Mapping[str, str] | None = None,
    ca_file: Path | None = None,
    warmup_s: float,
    duration_s: float,
    timeout_s: float,
    seed: int,
    engines: int = 1,
    progress: Callable[[float], None],
) -> RunResult:
    """Run one load and reduce it to its figures.

    Args:
        url: ``http://HOST:PORT`` or ``grpc://HOST:PORT``.
        model: the model's name on that server.
        folder: where plan, pool, records and logs go.
        protocol: what the server is asked in; None for the Open Inference Protocol, as the server takes tensors.
        inputs: an ``.npz`` of request inputs, or None.
        headers: as in ``LoadPlan``.
        ca_file: as in ``LoadPlan``.
        engines: how many load engines share the load. They get the last cores, one each, if that leaves one; else all
            share all cores, and their times are less exact.

    Raises:
        TailbedError: the endpoint does not answer, has no such model, or does not take the inputs.
        Interrupted: the user stopped it.
    """
    headers = dict(headers or {})
    target = resolve_target(url, headers, ca_file)
    if protocol is None:
        protocol = protocol_of(target, timeout_s=timeout_s)
    else:
        check_protocol(protocol, target)
    with connect(url, protocol=protocol, timeout_s=timeout_s, headers=target.headers, ca_file=ca_file) as client:
        metadata = described(client, model, inputs)
        config: Mapping[str, str] = {}
        with contextlib.suppress(EndpointError):  # a server that cannot tell is loaded all the same
            config = client.config(model)
    batched = is_batched(metadata.inputs + metadata.outputs)
    artifact = None if inputs else _artifact_served(config)
    if artifact is not None:
        pool = artifact.folder / ANSWERS
    else:
        pool = folder / "pool.npz"
        write_pool(pool, _requests(model, metadata, seed, inputs, batched))
    plan = LoadPlan(
        protocol=protocol,
        url=url,
        headers=headers,
        ca_file=ca_file,
        model=model,
        pool=pool,
        batched=batched,
        check=AnswerCheck(tolerance=artifact.manifest.answer_tolerance) if artifact else None,
        scenario=scenario,
        warmup_s=warmup_s,
        duration_s=duration_s,
        timeout_s=timeout_s,
        seed=seed,
        core=place().client,
    )
    usable = sorted(os.sched_getaffinity(0))
    cores = tuple(usable[-engines:]) if engines < len(usable) else ()
    subject = Subject(
        model=model,
        format=artifact.manifest.export if artifact else None,
        precision=artifact.manifest.precision if artifact else None,
        runtime=metadata.platform or None,
        run=".",
    )
    return measure(
        plan, folder, lambda records: summarize(records, plan, subject), progress, engines=engines, cores=cores
    )


def _artifact_served(config: Mapping[str, str]) -> Artifact | None:
    """The artifact here that the server has, so that its answers can be checked; None where the server is not ours."""
    for artifact in ArtifactStore().list():
        if artifact.manifest.sha256 == config.get("sha256"):
            return artifact
    return None


def _requests(model: str, metadata: ModelMetadata, seed: int, file: Path | None, batched: bool) -> Tensors:
    """The user's inputs; or a known model's own if the server takes them; or inputs made up from its metadata."""
    if file is None and metadata.inputs and model in MODELS.names():
        with contextlib.suppress(TensorMismatch, ImportError):
            own = MODELS.get(model).requests()
            check_tensors(metadata.inputs, one_item(own, 0, batched=batched))
            return own
    return requests(model, metadata, file, items=GENERATED_ITEMS, seed=seed, batched=batched)
