"""How a deployment's throughput grows with the clients of a closed loop, and why it stops growing, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from servers import Settings
from tailbed.analysis.validity import BUSY_LIMIT
from tailbed.planning.usl import NEGLIGIBLE, Law, fit_law
from tailbed.results.decisions import Scalability
from tailbed.results.schema import RunResult

FAR: Final = 2.0
"""A peak at more clients than so many times the most that were measured is beyond what the runs show."""
BADLY: Final = 0.1
"""Of the measured throughput: one run scatters by less, so that a law which is further off is not what happens."""


def scalability(runs: Mapping[int, RunResult], settings: Settings) -> Scalability:
    """Fit the Universal Scalability Law to the VALID runs.

    Args:
        runs: one closed loop for each number of clients.
        settings: of the server.

    Raises:
        FitError: too few of them are VALID.
    """
    valid = {count: run for count, run in sorted(runs.items()) if run.validity == "VALID" and run.throughput > 0}
    measured = {count: run.throughput for count, run in valid.items()}
    law = fit_law(measured)
    fitted = Scalability(
        lambda_per_s=law.lambda_per_s,
        sigma=law.sigma,
        kappa=law.kappa,
        r_squared=law.r_squared,
        peak_clients=law.peak_clients,
        peak_per_s=law.peak_per_s,
        measured=measured,
        fitted={count: law.throughput(count) for count in measured},
        reason="",
        runs=[run.run for run in valid.values() if run.run],
    )
    said = [*_doubt(fitted), *_sentences(law, runs, settings)]
    return fitted.model_copy(update={"reason": ". ".join(said)})


def _doubt(fitted: Scalability) -> list[str]:
    off, clients = fitted.misfit
    if off <= BADLY:
        return []
    where = f"{off:.0%} off at {clients} client{'s' * (clients > 1)}"
    return [f"The law is no good description here, {where}: believe the points rather than what follows"]


def _sentences(law: Law, runs: Mapping[int, RunResult], settings: Settings) -> list[str]:
    said = [_bend(law, settings)]
    if (peak := law.peak_clients) is not None and peak > FAR * law.most_clients:
        said.append(f"The peak at {peak:.0f} clients lies beyond the {law.most_clients} that were measured")
    busy = [count for count, run in sorted(runs.items()) if (run.client_busy or 0.0) >= BUSY_LIMIT]
    if busy:
        said.append(
            f"From {busy[0]} clients on the load engine itself was busy for {BUSY_LIMIT:.0%} of its core or more: "
            "such runs are INVALID and not fitted, and what they show is the client's limit"
        )
    else:
        most = runs[max(runs)]
        if most.client_busy is not None:
            said.append(f"It is not the client's limit: that was busy for {most.client_busy:.0%} of its core")
    return said


def _bend(law: Law, settings: Settings) -> str:
    contention, coherency = law.contention, law.coherency
    if contention + coherency < NEGLIGIBLE:
        return f"Throughput grows in proportion up to {law.most_clients} clients: nothing bends it yet"
    share = f"sigma {law.sigma:.3g}"
    if coherency > contention:
        return (
            f"Mostly coherency bends it: each pair of clients costs kappa {law.kappa:.2g} of a request's time, as "
            f"where more {_workers(settings)} take turns on the same cores, caches and locks than there is work for"
        )
    if law.sigma >= 1 / (settings.instances + 1):
        why = (
            f"as {_workers(settings)} must, which {'works' if settings.instances == 1 else 'work'} on "
            f"{settings.instances} request{'s' * (settings.instances > 1)} at a time"
        )
    else:
        why = f"with {_workers(settings)}, outside what they do side by side"
    also = (
        "" if coherency < NEGLIGIBLE * (1 + contention) else f", and coherency, kappa {law.kappa:.2g}, lowers it again"
    )
    return f"Contention bends it: {share} of the work is done one request after the other, {why}{also}"


def _workers(settings: Settings) -> str:
    instances, threads = settings.instances, settings.threads
    return f"{instances} instance{'s' * (instances > 1)} with {threads} thread{'s' * (threads > 1)}" + (
        " each" if instances > 1 else ""
    )
