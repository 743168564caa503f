"""Ctrl-C while the program still loads."""

import subprocess
import sys

import pytest

RAISES = "import sys; sys.argv = [{name!r}]; import probe.cli.early; raise {error}"


@pytest.mark.parametrize("name", ["/usr/bin/sipprobe", "-m", "/x/probe/cli/__main__.py"])
def test_an_interruption_is_a_word_and_no_traceback(name: str) -> None:
    """Whatever was being imported."""
    done = subprocess.run(
        [sys.executable, "-c", RAISES.format(name=name, error="KeyboardInterrupt")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr == "interrupted\n"


@pytest.mark.parametrize(
    ("name", "error"), [("pytest", "KeyboardInterrupt"), ("sipprobe", "ValueError('a bug')")]
)
def test_other_errors_and_other_programs_keep_their_traceback(name: str, error: str) -> None:
    """Who imports the package is not told what to show."""
    done = subprocess.run(
        [sys.executable, "-c", RAISES.format(name=name, error=error)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" in done.stderr
