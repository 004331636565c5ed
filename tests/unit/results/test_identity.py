"""Names and order of deployments."""

from hypothesis import given
from hypothesis import strategies as st

from tailbed.results.identity import Identity, in_order, natural, short_names
from tests.unit.report.experiments import make_cell


def identity(**fields: str | None) -> Identity:
    return Identity.of(make_cell(**fields))


def test_only_what_differs_is_named() -> None:
    deployments = [identity(format=f, server=s) for f in ("onnx", "torchscript") for s in ("fastapi", "grpc")]
    assert short_names(deployments) == ["onnx · fastapi", "onnx · grpc", "torchscript · fastapi", "torchscript · grpc"]


def test_a_part_that_follows_from_another_is_left_out() -> None:
    deployments = [identity(server="fastapi", protocol="http"), identity(server="grpc", protocol="grpc")]
    assert short_names(deployments) == ["fastapi", "grpc"]


def test_a_single_deployment_is_named_in_full() -> None:
    assert short_names([identity()]) == ["digits/onnx/fp32 · fastapi"]
    assert short_names([identity(format=None, precision=None, server=None)]) == ["digits"]


def test_what_the_endpoint_does_not_tell_is_called_unknown() -> None:
    assert short_names([identity(server=None), identity()]) == ["unknown server", "fastapi"]


@given(st.sets(st.builds(Identity, *[st.sampled_from(["a", "b"])] * len(Identity._fields)), min_size=2))
def test_names_tell_deployments_apart(identities: set[Identity]) -> None:
    ordered = in_order(identities)
    assert len(set(short_names(ordered))) == len(ordered)


def test_numbers_are_ordered_by_value() -> None:
    scenarios = ["poisson 1600/s", "closed x16", "poisson 800/s", "closed x2"]
    assert sorted(scenarios, key=natural) == ["closed x2", "closed x16", "poisson 800/s", "poisson 1600/s"]


def test_the_order_does_not_depend_on_that_of_measuring() -> None:
    deployments = [identity(format=f) for f in ("torchscript", None, "onnx", "onnx")]
    assert [d.format for d in in_order(deployments)] == [None, "onnx", "torchscript"]
