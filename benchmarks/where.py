# ruff: noqa: INP001 - a script, not a package
"""Where the processor time of a run goes: start, read, wire, supervise, trace, judge, write.

    python benchmarks/where.py [--calls 1000] [--jobs auto] [--lines 12]

Runs `sipprobe run` with a call for each row of a file, against SIPp on loopback. Every few
milliseconds of processor time that a process of it spends (ITIMER_PROF, as fine as the kernel's
tick), it notes which function of ours it is in: the innermost frame of the package, and the phase
that its room belongs to. Time in the SIP stack counts for the function that called it. Needs sipp.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType

from speed import LOOPBACK, MANY, UAS, FarEnd, cost

TICK_S = 0.004
"""Processor time between two looks; finer than the tick of most kernels is not had."""

PHASES = {
    "scenario": "read",
    "plan": "read",
    "naming": "read",
    "agent": "wire",
    "rtp": "wire",
    "executor": "supervise",
    "trace": "trace",
    "sip": "trace",
    "capture": "trace",
    "verdict": "judge",
    "diagnosis": "judge",
    "reference": "judge",
    "inquest": "judge",
    "runner": "judge",
    "report": "write",
    "results": "write",
}
"""What the rooms and files of the package work for."""


def looking(folder: str, who: str) -> None:
    """Let this process, and each that it forks, note what it works for."""
    place = f"{folder}/looks-{who}"

    def look(_signal: int, frame: FrameType | None) -> None:
        # Opened each time: a forked worker closes what it did not open itself.
        file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(file, f"{told(frame)}\n".encode())
        os.close(file)

    signal.signal(signal.SIGPROF, look)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)


def told(frame: FrameType | None) -> str:
    """Return phase and function of what a process does."""
    innermost = None
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return "import\t(import)"
        if innermost is None and "/probe/" in file:
            innermost = file.rpartition("/probe/")[2], frame.f_code.co_qualname
        frame = frame.f_back
    if innermost is None:
        return "start\t(start)"
    place, name = innermost
    phase = PHASES.get(place.partition("/")[0].removesuffix(".py"), "start")
    return f"{phase}\t{name} ({place})"


def child(folder: str, arguments: list[str]) -> None:
    """Run the command in this process, and let its workers look at themselves too."""
    looking(folder, "parent")
    os.register_at_fork(after_in_child=lambda: looking(folder, "worker"))
    from probe.cli import main as command  # noqa: PLC0415 - its import is a part of the time
    from probe.executor import begin  # noqa: PLC0415 - as above

    place = str(Path(__file__).parent)
    begin._LAUNCH = (  # noqa: SLF001 - the only way into a worker that was not forked
        begin._LAUNCH.replace(  # noqa: SLF001 - as above
            "; from probe",
            f"; sys.path.append({place!r}); from where import looking;"
            f" looking({folder!r}, 'worker'); from probe",
            1,
        )
    )
    sys.argv = ["sipprobe", *arguments]
    try:
        command()
    finally:  # Python gives the signal back at its end, and it would end the process
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    """Place the calls and print the table."""
    wanted = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    wanted.add_argument("--calls", type=int, default=1000, help="how many (default: 1000)")
    wanted.add_argument("--jobs", default="auto", help="plans at a time (default: auto)")
    wanted.add_argument("--lines", type=int, default=12, help="functions that are named")
    wanted.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = wanted.parse_args()
    if chosen.child:
        child(chosen.child[0], chosen.child[1:])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = "\n".join(f"{5_550_000_000 + number}" for number in range(chosen.calls))
        (folder / "numbers.csv").write_text(f"NUMBER\n{rows}\n")
        far = FarEnd(folder, UAS)
        try:
            (folder / "many.sip.yaml").write_text(MANY.format(host=LOOPBACK, port=far.port))
            command = [sys.executable, __file__, "--child", name, "run", "many.sip.yaml"]
            spent = cost([*command, *(["--jobs", chosen.jobs] if chosen.jobs else [])], folder, 600)
        finally:
            far.close()
        looks = {
            who: [line.split("\t") for line in _lines(folder / f"looks-{who}")]
            for who in ("parent", "worker")
        }
    total = sum(map(len, looks.values())) or 1
    each_ms = 1000 * spent.cpu / total  # a tick of the kernel, where that is longer than ours
    phases = {who: Counter(phase for phase, _ in found) for who, found in looks.items()}
    each = 1000 * spent.cpu / chosen.calls
    print(f"{chosen.calls:,} calls, {each:.2f} ms of processor time each")  # noqa: T201 - figures are what this prints
    print("\n| phase | parent | worker | share |\n| --- | --- | --- | --- |")  # noqa: T201 - as above
    for phase in dict.fromkeys(("import", "start", *PHASES.values())):
        parent, worker = phases["parent"][phase], phases["worker"][phase]
        print(  # noqa: T201 - as above
            f"| {phase} | {parent * each_ms:,.0f} ms | {worker * each_ms:,.0f} ms |"
            f" {100 * (parent + worker) / total:.0f} % |"
        )
    for who, found in looks.items():
        print(f"\nms a call in the {who}, in which function:")  # noqa: T201 - as above
        for words, count in Counter(function for _, function in found).most_common(chosen.lines):
            print(f"{count * each_ms / chosen.calls:8.3f}  {words}")  # noqa: T201 - as above


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


if __name__ == "__main__":
    main()
