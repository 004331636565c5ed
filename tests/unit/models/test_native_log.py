import os
import subprocess
import sys
from threading import Thread

import pytest

from models.frameworks.native_log import without_lines


def test_only_the_known_lines_are_kept_away(capfd: pytest.CaptureFixture[str]) -> None:
    with without_lines("INFO: known", r"W\d+ "):
        os.write(2, b"INFO: known, and more\nINFO: other\nW0001 file.cc\nthe last W0001 without an end")
    assert capfd.readouterr().err == "INFO: other\nthe last W0001 without an end"


def test_what_is_written_before_an_error_comes_through(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with without_lines("known"):
            os.write(2, b"known\nwhy\n")
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "why\nafter\n"


def test_one_inside_another_and_several_threads_leave_the_descriptor_as_it_was(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def both(number: int) -> None:
        with without_lines("outer"), without_lines("inner"):
            os.write(2, f"outer\ninner\nline {number}\n".encode())

    threads = [Thread(target=both, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"line 9\n")
    assert sorted(capfd.readouterr().err.split("\n")) == ["", *(f"line {number}" for number in range(8)), "line 9"]


def test_a_closed_descriptor_is_no_error() -> None:
    program = (
        "import os; os.close(2)\nfrom models.frameworks.native_log import without_lines\n"
        "with without_lines('x'): print('ran')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "ran\n"
