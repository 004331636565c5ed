"""Every stack tells where the time of its requests went."""

from pathlib import Path

import pytest

from servers import STACKS, Deployment, connect, mean_times, start
from tests.conftest import Exported


@pytest.mark.parametrize("stack", STACKS.names())
def test_a_stack_counts_requests_and_their_time(digits: Exported, tmp_path: Path, stack: str) -> None:
    artifact = digits["onnx"]
    inputs = {name: array[:1] for name, array in artifact.answers().inputs.items()}
    with start(Deployment(artifact, stack), folder=tmp_path) as server:
        before = STACKS.get(stack).times(server.endpoint)
        with connect(server.endpoint.url, timeout_s=10) as client:
            for _ in range(7):
                client.infer(server.endpoint.model, inputs)
        after = STACKS.get(stack).times(server.endpoint)
        assert before is not None
        assert after is not None
        assert after.requests - before.requests == 7
        means = mean_times(before, after)
    assert means is not None
    assert means[0] >= 0
    assert means[1] > 0
    assert STACKS.get(stack).times(server.endpoint) is None  # it has ended
