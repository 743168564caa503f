"""What the README and the quick start show is what a reader gets who types it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICK_START = (ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def alike(text: str) -> list[str]:
    """Return the lines of a report without what differs from run to run."""
    for pattern, instead in (
        (r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ", "RUN"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\d+\.\d+ s\b|\+?\d+\.\d{3}\b", "T"),
        (r"\b\d+ ms\b", "T"),
    ):
        text = re.sub(pattern, instead, text)
    words = " ".join(
        text.split()
    )  # what is wrapped elsewhere, as a time has more digits, is the same
    return re.split(r"(?<=[.✗]) ", words)


def typed(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Carry out a command of a page."""
    program = Path(sys.executable).with_name("sipprobe")
    verb, *rest = shlex.split(command, comments=True)
    assert verb == "sipprobe"
    return subprocess.run(
        [program, *rest],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "100"},
    )


def shown(command: str) -> str:
    """Return what the README shows below a command."""
    blocks = [block for _, block in FENCED.findall(README) if block.startswith(f"$ {command}\n")]
    assert len(blocks) == 1
    return str(blocks[0].partition("\n")[2])


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give a folder with the scenario that the README shows."""
    (tmp_path / "scenarios").mkdir()
    (scenario,) = (b for kind, b in FENCED.findall(README) if kind == "yaml" and "9503" in b)
    (tmp_path / "scenarios" / "second-line.sip.yaml").write_text(scenario, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "status"), [("sipprobe run trunk-check", 0), ("sipprobe run second-line", 1)]
)
def test_the_readme_shows_what_is_printed(command: str, status: int, here: Path) -> None:
    """Word for word, but for times, ports and the name of the run."""
    done = typed(command, here)
    assert done.returncode == status
    assert alike(done.stderr + done.stdout) == alike(shown(command))


def test_commands_of_the_quick_start_do_what_it_says(tmp_path: Path) -> None:
    """Those that need no trunk of the reader's own, one after the other in one folder."""
    statuses = {
        "sipprobe run trunk-check --var TEST_NUMBER=9404": (1, "expected 183 or 180, got 404"),
        "sipprobe init --yes --uri sip.carrier.example --user 100 --transport tcp "
        "--number +12025550123": (0, "wrote sipprobe.yaml\nwrote scenarios/carrier.sip.yaml\n"),
        "sipprobe init --observe 9486 --trunk embedded": (0, "wrote scenarios/call-9486.sip.yaml"),
        "sipprobe run call-9486": (0, "407 → 100 486 ACK"),
        "sipprobe explain last": (0, ""),
    }
    for command, (status, words) in statuses.items():
        assert command in QUICK_START
        done = typed(command, tmp_path)
        assert (done.returncode, words in done.stdout) == (status, True), done
