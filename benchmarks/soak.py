# ruff: noqa: INP001 - a script, not a package
"""Runs thousands of calls in one run and watches memory, descriptors and sockets of its processes.

    python benchmarks/soak.py [--calls 5000] [--each 100]

Calls SIPp on loopback, one call after the other, in scenarios of so many calls each, with caps in
the profile, so that the ledger counts every call. Needs sipp (`tests/install-peers`).
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "peers"))

from ports import LOOPBACK
from sipp import running_sipp_uas
from sipprobe_command import RunningSipprobe, running_sipprobe
from userfolder import UserFolder, children

PER_CALL_S = 2.0
"""Far more than a call takes: for deadlines only."""

ROWS = 10
"""Rows of the table."""

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(slots=True, kw_only=True)
class Sample:
    """The most that was seen of a process while some calls were made."""

    memory_mb: float = 0.0
    "Resident memory."

    descriptors: int = 0
    "Open descriptors."

    sockets: int = 0
    "Of these, sockets."

    def take(self, pid: int) -> None:
        """Look at a process; one that has ended is left out."""
        with suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            links = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]  # noqa: PTH115 - a link to no file
            self.memory_mb = max(self.memory_mb, pages * _PAGE_KB / 1024)
            self.descriptors = max(self.descriptors, len(links))
            self.sockets = max(self.sockets, sum(link.startswith("socket:") for link in links))

    def row(self) -> str:
        """Return its columns."""
        return f"{self.memory_mb:>10.1f} {self.descriptors:>6} {self.sockets:>8}"


class Journal:
    """Counts the calls that a run has judged."""

    def __init__(self, results: Path, each: int) -> None:
        self._results = results
        self._each = each
        self._place = 0
        self._lines = 0

    def calls(self) -> int:
        """Return how many calls its journal has, read from where the last look ended.

        A line a call, and one for the end of each scenario.
        """
        for file in self._results.glob("*/findings.jsonl"):
            with suppress(OSError), file.open("rb") as stream:
                stream.seek(self._place)
                while data := stream.read(1 << 20):
                    self._lines += data.count(b"\n")
                    self._place += len(data)
        scenarios, calls = divmod(self._lines, self._each + 1)
        return scenarios * self._each + calls


def watch(running: RunningSipprobe, folder: UserFolder, calls: int, each: int) -> list[str]:
    """Return one row for each tenth of the calls, and one for the report that is made of them."""
    journal = Journal(folder.path / "results", each)
    rows: list[str] = []
    seen: list[tuple[int, float, float]] = []
    parent, worker = Sample(), Sample()
    step = calls // ROWS
    began = time.monotonic()
    while running.process.status() is None:
        made = journal.calls()
        parent.take(running.pid)
        for pid in children(running.pid):
            worker.take(pid)
        if made >= step * (len(rows) + 1) or made == calls:
            taken = time.monotonic() - began
            rows.append(f"{made:>6} {taken:>7.0f} {parent.row()} {worker.row()}")
            seen.append((made, parent.memory_mb, worker.memory_mb))
            parent, worker = Sample(), Sample()
            if made == calls:
                break
        time.sleep(0.05)
    while running.process.status() is None:
        parent.take(running.pid)
        time.sleep(0.02)
    rows.append(f"report {time.monotonic() - began:>7.0f} {parent.row()}")
    for name, column in (("parent", 1), ("worker", 2)):
        rows.append(f"{name}: {slope_kb(seen, column):+.2f} kB a call after the first tenth")
    return rows


def slope_kb(seen: Sequence[tuple[int, float, float]], column: int) -> float:
    """Return by how many kB memory grows a call: the line of least squares through the tenths."""
    later = [(float(row[0]), row[column] * 1024) for row in seen[1:] or seen]
    if len(later) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*later, strict=True)).slope


def main() -> None:
    """Place the calls and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--each", type=int, default=100, help="in a scenario (default: 100)")
    given = parser.parse_args()
    calls, each = given.calls - given.calls % given.each, given.each
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        here = Path(name)
        for part in ("user", "sipp"):
            (here / part).mkdir()

        def start(
            args: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None
        ) -> RunningSipprobe:
            return stack.enter_context(running_sipprobe(here, args, cwd=cwd, env=env))

        folder = UserFolder(here / "user", start)
        uas = stack.enter_context(
            running_sipp_uas(
                here / "sipp", "answer", calls=calls, pause_ms=0,
                timeout_s=round(60 + calls * PER_CALL_S),
            )
        )  # fmt: skip
        caps = {"calls_per_run": "10000", "calls_per_day": "100000", "minutes_per_day": "10000"}
        folder.trunk(uri=f"sip:100@{LOOPBACK}:{uas.port}", caps=caps)
        for number in range(calls // each):
            steps = '- call: "+12025550123"\n  hangup_after: 0.01s\n' * each
            folder.scenario(steps, name=f"s{number:05}", top="timeout: 10m\n")
        running = folder.start("run", "-q", env={"XDG_STATE_HOME": name})
        rows = watch(running, folder, calls, each)
        finished = running.finish(60)
    now = datetime.now(timezone.utc)
    print(f"{now:%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}")  # noqa: T201 - figures are what this prints
    print(f"{'':14} {'parent':>26} {'worker':>26}")  # noqa: T201 - as above
    heads = f"{'MB':>10} {'files':>6} {'sockets':>8}"
    print(f"{'calls':>6} {'s':>7} {heads} {heads}")  # noqa: T201 - as above
    print("\n".join(rows))  # noqa: T201 - as above
    if finished.exit_code != 0:
        sys.exit(f"not every call was met:\n{finished.stdout[-2000:]}{finished.stderr[-2000:]}")


if __name__ == "__main__":
    main()
