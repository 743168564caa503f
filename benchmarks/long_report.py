# ruff: noqa: INP001 - a script, not a package
"""Makes the reports of a run of thousands of attempts, with the time and memory of each.

    python benchmarks/long_report.py [--attempts 10000]

Of ten attempts nine are answered calls and one is a refused one, every message with a Call-ID of
its own. They are put away as a run does it; then one format after the other is written. Time is
wall time and CPU time, memory the most that the process had until then.
"""

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from msgspec.structs import replace

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "unit")]

from reportbuilder import finding, report  # noqa: E402 - the path is set above
from wirebuilder import ANSWER, OFFER, Wire, refused_call  # noqa: E402 - the path is set above

from probe.diagnosis.diagnose import diagnose  # noqa: E402 - the path is set above
from probe.report.formats import FORMATS, pieces  # noqa: E402 - the path is set above
from probe.report.kept import Kept  # noqa: E402 - the path is set above
from probe.report.model import Finding, RunReport  # noqa: E402 - the path is set above
from probe.results import RunFolder  # noqa: E402 - the path is set above
from probe.trace.trace import MessageEvent, Trace  # noqa: E402 - the path is set above
from probe.verdict.judge import judge  # noqa: E402 - the path is set above

EACH = 100
"""Attempts of a scenario."""


def peak_mib() -> float:
    """Return the most resident memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def traces() -> tuple[Trace, Trace]:
    """Return an answered call with a challenge and session descriptions, and a refused one."""
    answered = (
        Wire()
        .send("INVITE", body=OFFER)
        .receive(407)
        .send("ACK")
        .send("INVITE", auth=True, body=OFFER)
        .receive(100)
        .receive(180)
        .receive(200, body=ANSWER)
        .send("ACK")
        .send("BYE")
        .receive(200)
    )
    return answered.media().trace(), refused_call(503).trace()


def own(trace: Trace, number: int) -> Trace:
    """Return a trace as one of many: with a Call-ID of its own, and the clock of its scenario."""
    clock = trace.started_at + timedelta(minutes=number // EACH)
    events = (
        replace(event, at=event.at + number % EACH, text=event.text.replace("c1@", f"c{number}@"))
        if isinstance(event, MessageEvent)
        else event
        for event in trace.events
    )
    return replace(trace, started_at=clock, events=tuple(events))


def judged(trace: Trace, number: int) -> Finding:
    """Return the finding of an attempt."""
    one = finding(trace, scenario=f"row-{number // EACH}", step=1 + number % EACH)
    verdict = judge(None, trace, one.attempt.source)
    why = None if verdict.outcome.value == "MET" else diagnose(one.attempt, trace, verdict)
    return finding(trace, verdict, why, scenario=one.scenario, step=one.attempt.step)


def gathered(attempts: int, folder: Path) -> RunReport:
    """Return a run of so many attempts."""
    answered, refused = traces()
    kept = Kept(folder)
    for number in range(attempts):
        trace = refused if number % 10 == 9 else answered
        kept.findings.add(judged(own(trace, number), number))
    return replace(report(), findings=kept.findings, cleanup=kept.cleanup)


def main() -> None:
    """Put the attempts away, write every format, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--attempts", type=int, default=10_000, help="how many (default: 10000)")
    given = parser.parse_args()
    now = datetime.now(timezone.utc)
    print(f"{now:%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}")  # noqa: T201 - figures are what this prints
    print(f"{'':20} {'s':>7} {'CPU s':>7} {'peak MiB':>9} {'MB on disk':>11}")  # noqa: T201 - as above
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        whole: list[RunReport] = []

        def take(words: str, act: Callable[[], object], *files: Path) -> None:
            began, cpu = time.monotonic(), time.process_time()
            act()
            took, cpu = time.monotonic() - began, time.process_time() - cpu
            size = sum(file.stat().st_size for file in files) / 1e6
            print(f"{words:20} {took:>7.1f} {cpu:>7.1f} {peak_mib():>9.0f} {size:>11.1f}")  # noqa: T201 - as above

        def write(path: Path, text: Iterable[str]) -> None:
            with path.open("w", encoding="utf-8") as file:
                file.writelines(text)

        take("put away", lambda: whole.append(gathered(given.attempts, here)))
        for form in FORMATS:
            text = pieces(whole[0], form, color=False, width=100, verbosity=0)
            take(form, lambda f=form, t=text: write(here / f, t), here / form)  # type: ignore[misc]
        folder = RunFolder.prepare(here, "run")
        files = [folder.path / file for file in ("report.json", "trace.json", "call.pcap")]
        take(
            "the run's folder", lambda: folder.write(whole[0], secrets=["s3cret-password"]), *files
        )


if __name__ == "__main__":
    main()
