"""Which instruction sets the processor has, as Linux tells them."""

from pathlib import Path

from exporters.cpu_features import cpu_features


def test_only_those_that_matter_are_told_and_in_order(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16 avx2 avx512_vnni sse2\nbugs\t\t: amx_int8\n")
    assert cpu_features(info) == ("avx2", "avx512_vnni", "avx512_bf16")


def test_an_arm_processor_tells_its_own(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nFeatures\t: fp asimd asimddp bf16 i8mm\n")
    assert cpu_features(info) == ("asimddp", "i8mm", "bf16")


def test_a_system_that_does_not_tell_has_none(tmp_path: Path) -> None:
    assert cpu_features(tmp_path / "missing") == ()
    (tmp_path / "other").write_text("machine: none\n")
    assert cpu_features(tmp_path / "other") == ()
