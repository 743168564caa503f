# ruff: noqa: INP001 - a script, not a package
"""Holds the trace of many calls against a capture of them: messages, order and times.

    python benchmarks/capture_agreement.py [--calls 100] [--jobs auto]

Calls SIPp on loopback, one call after the other, or as many at a time as `--jobs` says, while
dumpcap captures; tshark then reads the capture. Ends with an error where a message of the capture
is not in the trace, or the other way round, or in another order. Needs sipp, dumpcap and tshark
(`tests/install-peers`), and the right to capture on loopback.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "peers"))

from agreement import differences, in_trace, in_words, on_wire, write_calls, write_rows
from sipp import running_sipp_uas
from sipprobe_command import RunningSipprobe, running_sipprobe
from userfolder import UserFolder
from wire import running_capture

PER_CALL_S = 0.5
"""Far more than a call takes: for the deadlines of SIPp and of the wait for the command."""


def main() -> None:
    """Place the calls and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--jobs", help="calls at a time, as `sipprobe run --jobs` has it")
    chosen = parser.parse_args()
    calls: int = chosen.calls
    within_s = 20 + calls * PER_CALL_S
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        here = Path(name)

        def start(
            args: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None
        ) -> RunningSipprobe:
            return stack.enter_context(running_sipprobe(here, args, cwd=cwd, env=env))

        for part in ("user", "sipp", "capture"):
            (here / part).mkdir()
        folder = UserFolder(here / "user", start)
        uas = stack.enter_context(
            running_sipp_uas(
                here / "sipp", "answer", calls=calls, pause_ms=0, timeout_s=round(within_s)
            )
        )
        capture = stack.enter_context(running_capture(here / "capture", uas.port))
        (write_rows if chosen.jobs else write_calls)(folder, uas.port, calls)
        jobs = ["--jobs", chosen.jobs] if chosen.jobs else []
        run = folder.read(folder.start("run", "check", "--results", "results", *jobs), within_s)
        if run.exit_code != 0:
            sys.exit(f"not every call was answered:\n{run.finished.stdout}{run.finished.stderr}")
        found = differences(
            in_trace(run), on_wire(capture.sip(uas.port), uas.port), at_once=bool(chosen.jobs)
        )
    now = datetime.now(timezone.utc)
    print(f"{now:%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}")  # noqa: T201 - figures are what this prints
    print(in_words(found, calls))  # noqa: T201 - as above


if __name__ == "__main__":
    main()
