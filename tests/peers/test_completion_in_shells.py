"""The completion that docs/command-line.md tells to switch on, in the shells themselves."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
PATIENCE_S = 60.0
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}


def switched_on(shell: str) -> str:
    """Return the command of the page for a shell."""
    found = re.search(rf"^(.*_SIPPROBE_COMPLETE={shell}_source.*?) +#", PAGE, re.MULTILINE)
    assert found is not None
    return found[1]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which `sipprobe` is the one under test."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "TERM": "dumb",
        "PS1": "ready> ",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give a folder with a scenario and a run."""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "nightly-check.sip.yaml").write_text("steps: [{register: }]\n")
    (tmp_path / "results" / "2026-11-21T04-27-25Z-x").mkdir(parents=True)
    (tmp_path / "results" / "2026-11-21T04-27-25Z-x" / "report.json").write_text("{}")
    return tmp_path


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, command: list[str], folder: Path) -> None:
        ours, its = pty.openpty()
        self._screen = ours
        self._process = subprocess.Popen(
            command,
            stdin=its,
            stdout=its,
            stderr=its,
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
        )
        os.close(its)

    def type(self, text: str, until: str) -> str:
        """Type a text and read until something stands on the screen; return what was read."""
        os.write(self._screen, text.encode())
        end = time.monotonic() + PATIENCE_S
        read = ""
        while not re.search(until, read):
            left = end - time.monotonic()
            ready, _, _ = select.select([self._screen], [], [], max(0.0, left))
            assert ready, f"never came: {until!r} in {read!r}"
            read += os.read(self._screen, 65536).decode(errors="replace")
        return read

    def close(self) -> None:
        """End the shell."""
        os.killpg(self._process.pid, signal.SIGKILL)  # its own session
        self._process.wait()
        os.close(self._screen)


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_verbs_flags_scenarios_codes_and_runs(shell: str, here: Path) -> None:
    """A person types the beginning and Tab; the shell writes the rest of the word."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    terminal = Terminal(SHELLS[shell], here)
    try:
        prepared = "autoload -Uz compinit; compinit -u -D; " if shell == "zsh" else ""
        terminal.type(
            f"PS1='go'on'> '; {prepared}{switched_on(shell)}; echo switch''ed\r", "switched"
        )
        for typed, completed in (
            ("sipprobe valid", "validate"),
            ("sipprobe run --exitf", "--exitfirst"),
            ("sipprobe run nightly", "nightly-check"),
            ("sipprobe explain 48", "48[0-9]"),
            ("sipprobe report 2026", "2026-11-21T04-27-25Z-x"),
        ):
            tabs = "\t\t" if "[" in completed else "\t"
            terminal.type(f"{typed}{tabs}", completed)
            terminal.type("\x15\r", "goon> ")
    finally:
        terminal.close()


def test_fish_completes_and_says_what_a_word_means(here: Path) -> None:
    """`complete -C` is what Tab asks."""
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    asked = "complete -C 'sipprobe explain 486'; echo ==; complete -C 'sipprobe run nigh'"
    script = f"{switched_on('fish')}; {asked}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=here,
        env=environment(here),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    explained, _, scenarios = done.stdout.partition("==\n")
    assert explained == "486\tBusy Here\n"
    assert scenarios.strip() == "nightly-check"
