"""In CI a failed test is run once more, and the summary keeps what it said (decision 0016)."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
from pathlib import Path
import pytest

@pytest.fixture(scope="module")
def peer():
    return object()

def test_flaky(peer):
    mark = Path(__file__).with_name("seen")
    if not mark.exists():
        mark.touch()
        print("what the peer said")
        raise ValueError("port 34112 is no number")

def test_bad(peer):
    assert peer is None

def test_good(peer):
    assert peer
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str]:
    """Return status and output of such a suite, run as CI runs ours."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    words = (ROOT / "tests" / "run").read_text(encoding="utf-8")
    found = re.search(r"^\[\[ -z \$\{CI:-\} \]\] \|\| again=\((.*)\)$", words, re.MULTILINE)
    assert found
    assert '"${again[@]}"' in words
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-n", "1", "--dist", "loadfile", "-W", "error",
         "-p", "no:cacheprovider", *found[1].split()],
        cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


def test_a_test_that_fails_twice_fails_the_run(told: tuple[int, str]) -> None:
    """What is broken stays broken."""
    status, words = told
    assert status == 1, words
    assert "FAILED test_suite.py::test_bad" in words
    assert "1 failed, 2 passed, 2 rerun" in words


def test_a_test_that_passes_the_second_time_is_told_with_its_failure(
    told: tuple[int, str],
) -> None:
    """The cause can be looked for without seeing it again."""
    _, words = told
    assert "FAILED test_suite.py::test_flaky" not in words
    told_flaky = words[words.index("= flaky: ") :]
    assert "FLAKY test_suite.py::test_flaky - ValueError: port 34112 is no number" in told_flaky
    assert "what the peer said" in told_flaky
    assert "test_bad" not in told_flaky.split("short test summary")[0]
