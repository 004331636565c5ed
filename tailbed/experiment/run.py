"""One run: a fresh server process, one deployment, one scenario, one seed, measured once."""

from __future__ import annotations

from pathlib import Path

from exporters import ANSWERS
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.records import Records
from loadtest.scenario import AnyScenario
from servers import STACKS, RunningServer, mean_times, start
from servers.containers import Engine
from tailbed.analysis.disturbance import Sampled
from tailbed.analysis.run import Subject, summarize
from tailbed.experiment.deployment_record import write_deployment
from tailbed.experiment.first_answer import observe_cold_start
from tailbed.experiment.interruption import Progress, measure
from tailbed.experiment.order import Run
from tailbed.experiment.placement import Placement, off_cores
from tailbed.experiment.sampling import NAME, Sampler, dear_probes_of, probes_of, resources, steal, throttles, write
from tailbed.results.schema import ColdStart, RunResult
from tailbed.suite import Suite


def execute(
    run: Run,
    load: AnyScenario,
    suite: Suite,
    folder: Path,
    placement: Placement,
    progress: Progress,
    attempt: int = 1,
    engine: Engine | None = None,
) -> RunResult:
    """Start the server, load it, stop it, and reduce the records to the run's figures.

    While this runs, the calling thread keeps off the server's cores.

    Args:
        load: the run's scenario, with a rate where that was a share of capacity.
        folder: the run's own; gets the plan, the raw records, the samples and the logs.
        attempt: which attempt at the run this is, from 1.
        engine: as in ``servers.start``.

    Raises:
        TailbedError: nothing could be measured, in one line.
        Interrupted: the user stopped it.
    """
    folder.mkdir(parents=True)
    candidate = run.candidate
    deployment, manifest, answers = candidate.deployment, candidate.artifact.manifest, candidate.artifact.answers()
    with (
        off_cores(placement.server),
        start(
            deployment, folder=folder / "server", timeout_s=suite.start_timeout_s, nice=placement.nice, engine=engine
        ) as server,
    ):
        cold_start = observe_cold_start(server, answers, tolerance=manifest.answer_tolerance, timeout_s=suite.timeout_s)
        write_deployment(folder, candidate, server)
        plan = _plan(run, load, suite, server, placement)
        # Asked before and after the load only: while it lasts, an answer would take its time from the requests.
        stack = STACKS.get(candidate.stack)
        before = stack.times(server.endpoint)
        probes = probes_of(server.process.pid, placement.cores, placement.server or ())
        with Sampler(probes, dear=dear_probes_of(server.process)) as sampler:

            def reduce(records: Records) -> RunResult:
                samples = sampler.finish()
                write(folder / NAME, samples)
                queue_ms, compute_ms = mean_times(before, stack.times(server.endpoint)) or (None, None)
                stolen, throttled = steal(samples, placement.cores), throttles(samples, placement.cores)
                subject = Subject(
                    model=manifest.model,
                    format=manifest.export,
                    precision=manifest.precision,
                    runtime=candidate.runtime,
                    server=candidate.stack,
                    cold_start=_until_steady(cold_start, records, server),
                    exit_code=server.process.poll(),
                    queue_mean_ms=queue_ms,
                    compute_mean_ms=compute_ms,
                    resources=resources(samples),
                    steal=Sampled(*stolen) if stolen else None,
                    throttling=Sampled(*throttled) if throttled else None,
                    variant=candidate.variant,
                    arm=run.arm,
                    block=run.block,
                    attempt=attempt,
                    run=f"runs/{folder.name}",
                )
                return summarize(records, plan, subject)

            return measure(plan, folder, reduce, progress)


def _plan(run: Run, load: AnyScenario, suite: Suite, server: RunningServer, placement: Placement) -> LoadPlan:
    artifact = run.candidate.artifact
    warmup_s, steady_limit_s = suite.warmup(STACKS.get(run.candidate.stack).warmup_s)
    return LoadPlan(
        protocol=server.endpoint.protocol,
        url=server.endpoint.url,
        model=server.endpoint.model,
        pool=artifact.folder / ANSWERS,
        batched=artifact.manifest.batched,
        check=AnswerCheck(tolerance=artifact.manifest.answer_tolerance),
        scenario=load,
        warmup_s=warmup_s,
        steady_limit_s=steady_limit_s,
        duration_s=run.duration_s or suite.duration_s,
        # The same arrivals for all deployments of a block, and others in the next.
        seed=suite.seed + run.block - 1,
        timeout_s=suite.timeout_s,
        core=placement.client,
        nice=placement.nice,
    )


def _until_steady(cold_start: ColdStart | None, records: Records, server: RunningServer) -> ColdStart | None:
    """The stages with that of steady answers, where the load came to it by the rule of windows."""
    facts = records.facts
    if cold_start is None or server.started_ns is None:
        return None
    if not facts.by_rule or facts.unsteady or not facts.finished:
        return cold_start
    return cold_start.model_copy(update={"steady_ms": (facts.window_start_ns - server.started_ns) / 1e6})
