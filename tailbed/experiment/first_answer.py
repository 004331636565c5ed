"""The stages of a server's start, up to its first correct answer."""

from __future__ import annotations

import time
from collections.abc import Mapping

from exporters.artifact import Answers
from loadtest.engine.answers import first_fault
from servers import EndpointError, RunningServer, connect
from tailbed.results.schema import ColdStart


def observe_cold_start(
    server: RunningServer, answers: Answers, *, tolerance: Mapping[str, float], timeout_s: float
) -> ColdStart | None:
    """Ask a server that has just got ready its first question, and say when each stage was over.

    None for a server that ran before.

    The first answer is one of a new connection, that of a blocking client, which over HTTP first asks whether the
    server takes binary tensors. Each output must agree with the artifact's own within its ``tolerance``.

    Args:
        answers: of the artifact. Read them before the start: reading them here would count.
    """
    if server.started_ns is None:
        return None
    started_ns = server.started_ns
    item, expected = answers.request(0), answers.answer(0)
    answered_ns = None
    with connect(server.endpoint.url, protocol=server.endpoint.protocol, timeout_s=timeout_s) as client:
        try:
            outputs = client.infer(server.endpoint.model, item)
        except EndpointError:
            pass
        else:
            now = time.monotonic_ns()
            if first_fault(outputs, expected, tolerance) is None:
                answered_ns = now

    def since_start_ms(then_ns: int) -> float:
        return (then_ns - started_ns) / 1e6

    return ColdStart(
        listening_ms=since_start_ms(server.listening_ns),
        ready_ms=since_start_ms(server.ready_ns),
        first_answer_ms=None if answered_ns is None else since_start_ms(answered_ns),
    )
