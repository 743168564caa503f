"""Tests of what only some engines can do: skipped with the reason, never lost (decision 0023)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest

@pytest.mark.engine(max_calls=1, codecs="pcmu")
def test_of_every_engine():
    pass

@pytest.mark.engine(max_calls=1_000_000)
def test_of_no_engine():
    raise AssertionError("nobody can do that")

@pytest.mark.engine(max_calls=1)
def test_without_its_peer():
    pytest.skip("there is no peer here")
"""

pytestmark = pytest.mark.pjsua2


def outcomes(folder: Path, **environment: str) -> dict[str, str]:
    """Return how each test of such a suite ended."""
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    names = ("PYTEST", "COV", "SIPPROBE", "CI")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(names)}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=folder, env={**clean, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    lines = [line for line in run.stdout.splitlines() if "test_suite.py" in line]
    found = {}
    for name in ("test_of_every_engine", "test_of_no_engine", "test_without_its_peer"):
        told = [line.split()[0] for line in lines if name in line and line.split()[0].isupper()]
        found[name] = told[-1] if told else "SKIPPED"  # those are told by file and line
    assert "is not the engine made for probing: max_calls is" in run.stdout
    return found


@pytest.mark.parametrize(
    ("environment", "lacking", "peerless"),
    [
        ({"CI": "true"}, "SKIPPED", "FAILED"),
        ({"CI": "true", "SIPPROBE_TEST_ENGINE": "1"}, "ERROR", "FAILED"),
    ],
    ids=["first pass", "second pass"],
)
def test_what_an_engine_lacks_is_skipped_in_the_first_pass_only(
    tmp_path: Path, environment: dict[str, str], lacking: str, peerless: str
) -> None:
    """A missing peer is no excuse in CI, nor a missing ability where the better engine is there."""
    assert outcomes(tmp_path, **environment) == {
        "test_of_every_engine": "PASSED",
        "test_of_no_engine": lacking,
        "test_without_its_peer": peerless,
    }
