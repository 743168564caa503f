# ruff: noqa: INP001 - a script, not a package
"""Says what a call costs once its trace is there: judging, redacting, keeping, writing, telling.

    python benchmarks/judging.py [--calls 1000] [--refused 0] [--profile FILE]

Nothing is sent: the messages of answered calls (INVITE, 100, 180, 200, ACK, BYE, 200, with session
descriptions and what was counted of the sound) are made beforehand, each call with a number, a
Call-ID, branches and tags of its own, and the runner gets them from an executor that only hands
them out. Of a hundred calls ``--refused`` are answered 486. Times are CPU time of this process, in
microseconds a call.
"""

import argparse
import cProfile
import os
import platform
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

from msgspec.structs import replace

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from probe import runner  # noqa: E402 - the path is set above
from probe.cli.keeping import Keeper  # noqa: E402 - the path is set above
from probe.cli.progress import Progress  # noqa: E402 - the path is set above
from probe.executor.local import PlanRun, Ran  # noqa: E402 - the path is set above
from probe.plan.plan import Plan  # noqa: E402 - the path is set above
from probe.plan.resolve import resolve  # noqa: E402 - the path is set above
from probe.plan.secrets import Passwords  # noqa: E402 - the path is set above
from probe.report.formats import pieces  # noqa: E402 - the path is set above
from probe.results import RunFolder  # noqa: E402 - the path is set above
from probe.scenario.loader import load_many  # noqa: E402 - the path is set above
from probe.scenario.schema import Settings  # noqa: E402 - the path is set above
from probe.trace.media import Agreed, MediaReport  # noqa: E402 - the path is set above
from probe.trace.trace import Event, MessageReceived, MessageSent, Trace  # noqa: E402 - as above

SCENARIO = """name: rows
data: numbers.csv
agents:
  me: {uri: "sip:alice@127.0.0.1:15998", password: "s3cret-password", registers: no}
steps:
  - call: "sip:${NUMBER}@127.0.0.1:15998"
    from: me
    hangup_after: 0s
    expect: {responses: 100? 180 200 ACK}
"""

US, PEER = "127.0.0.1:49494", "127.0.0.1:15998"
OFFER = """v=0
o=- 4004290352 4004290352 IN IP4 127.0.0.1
s=pjmedia
b=AS:84
t=0 0
m=audio 54436 RTP/AVP 0 8 120
c=IN IP4 127.0.0.1
b=TIAS:64000
a=rtcp:54437 IN IP4 127.0.0.1
a=sendrecv
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:120 telephone-event/8000
a=fmtp:120 0-16
a=ssrc:1612986780 cname:07b710da328e05bb
"""
ANSWER = """v=0
o=user1 53655765 2353687637 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 6020 RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""


def message(  # noqa: PLR0913, PLR0917 - the parts of a message
    start: str, number: int, cseq: str, branch: str, body: str = "", tag: str = ""
) -> str:
    """Return a message of call ``number`` as on the wire."""
    ours = not start.startswith("SIP/")
    lines = [
        start,
        f"Via: SIP/2.0/UDP {US};rport;branch=z9hG4bKPj{branch}W2ZAYJV3cHyi6qSy8pQJ5n{number}",
        *(["Max-Forwards: 70"] if ours else []),
        f"From: sip:alice@127.0.0.1;tag=ls8.7.w-hyBpwsRbCzW2ZAYJV3c-{number}",
        f"To: sip:service{number}@127.0.0.1{tag}",
        f"Call-ID: Gz1PpH2dSUIz2zSC4EOtiKcJKJ-{number}",
        f"CSeq: {cseq}",
        f"Contact: <sip:alice@{US}>" if ours else f"Contact: <sip:{PEER};transport=UDP>",
    ]
    if start.startswith("INVITE"):
        lines += [
            "Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER",
            "Supported: replaces, 100rel, norefersub",
            "User-Agent: sipprobe/0.1.0",
        ]
    lines += ["Content-Type: application/sdp"] if body else []
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", body])


def events(number: int, *, refused: bool) -> tuple[Event, ...]:
    """Return what happened in call ``number``."""
    invite = partial(message, number=number, cseq="6758 INVITE", branch="a")
    tag = f";tag=16865SIPpTag01{number}"
    to_peer = f"sip:{PEER};transport=UDP SIP/2.0"
    told = [
        (MessageSent, invite(f"INVITE sip:service{number}@{PEER} SIP/2.0", body=OFFER)),
        (MessageReceived, invite("SIP/2.0 100 Trying")),
        (MessageReceived, invite("SIP/2.0 180 Ringing", tag=tag)),
    ]
    if refused:
        told += [
            (MessageReceived, invite("SIP/2.0 486 Busy Here", tag=tag)),
            (MessageSent, message(f"ACK {to_peer}", number, "6758 ACK", "a", tag=tag)),
        ]
    else:
        told += [
            (MessageReceived, invite("SIP/2.0 200 OK", body=ANSWER, tag=tag)),
            (MessageSent, message(f"ACK {to_peer}", number, "6758 ACK", "b", tag=tag)),
            (MessageSent, message(f"BYE {to_peer}", number, "6759 BYE", "c", tag=tag)),
            (MessageReceived, message("SIP/2.0 200 OK", number, "6759 BYE", "c", tag=tag)),
        ]
    return tuple(
        kind(at=0.0137 + 0.0021 * place, transport="UDP", local=US, remote=PEER, text=text)
        for place, (kind, text) in enumerate(told)
    )


def sound(number: int) -> MediaReport:
    """Return what was counted of a call without talk."""
    agreed = Agreed(
        at=0.0165, local="127.0.0.1:54436", remote="127.0.0.1:6020", direction="sendrecv",
        codec="PCMU", payload_type=0, clock_rate=8000, ptime_s=0.02,
    )  # fmt: skip
    return MediaReport(
        call_id=f"Gz1PpH2dSUIz2zSC4EOtiKcJKJ-{number}", codec="PCMU", rx_packets=0, rx_lost=0,
        rx_reordered=0, rx_duplicates=0, rx_jitter_s=0.0, tx_packets=1, tx_lost=None, rtt_s=None,
        local="127.0.0.1:54436", remote="127.0.0.1:6020", direction="sendrecv", payload_type=0,
        clock_rate=8000, ptime_s=0.02, agreed=(agreed,), tx_bytes=160,
    )  # fmt: skip


class HandsOut:
    """An executor that carries nothing out: every plan gets the trace of a call."""

    interrupted = skipping = False

    def __init__(self, refused: int, sums: Counter[str]) -> None:
        """Take how many of a hundred calls are refused."""
        self._refused = refused
        self._sums = sums
        self._number = 0
        self._ready: list[Trace] = []
        self._last = time.process_time_ns()
        self.blocks: list[int] = []
        "Nanoseconds that each hundred of calls took, the first entry what was before them."
        self._began = datetime.now(timezone.utc)

    def run(self, plan: Plan) -> PlanRun:
        """Return what a plan's call came to; the time that this takes is none of the runner's."""
        if not self._ready:  # many at a time: to look at the clock costs as much as a call
            with counted(self._sums, "handing out"):
                now = time.process_time_ns()
                self.blocks.append(now - self._last)
                self._ready = [self._trace(self._number + ahead) for ahead in range(100)][::-1]
                self._number += 100
                self._last = time.process_time_ns()
        (attempt,) = plan.attempts
        ran = (Ran(attempt=attempt, tries=(self._ready.pop(),)),)
        return PlanRun(ran=ran, cleanup=None, alarms=(), engine="2.15.1")

    def _trace(self, number: int) -> Trace:
        refused = number % 100 < self._refused
        return Trace(
            attempt=f"me calls sip:service{number}@{PEER}", method="INVITE",
            agent="pjsua2 2.15.1", started_at=self._began + timedelta(milliseconds=number),
            began=0.0, ended=0.03, events=events(number, refused=refused),
            media=() if refused else (sound(number),),
        )  # fmt: skip


@contextmanager
def counted(sums: Counter[str], what: str) -> Iterator[None]:
    """Add the CPU time of a block to a sum, in nanoseconds."""
    began = time.process_time_ns()
    yield
    sums[what] += time.process_time_ns() - began


def plans(here: Path, calls: int) -> tuple[Plan, ...]:
    """Return a scenario of so many rows, resolved."""
    (here / "rows.sip.yaml").write_text(SCENARIO, encoding="utf-8")
    numbers = "\n".join(f"service{number}" for number in range(calls))
    (here / "numbers.csv").write_text(f"NUMBER\n{numbers}\n", encoding="utf-8")
    rows = load_many([here / "rows.sip.yaml"], variables={}, environ={})
    return tuple(resolve(row, Settings(), passwords=Passwords()) for row in rows)


def run(wanted: tuple[Plan, ...], refused: int, here: Path, sums: Counter[str]) -> None:
    """Hand the calls out, judge, keep, write and tell; add up what each costs."""
    folder = RunFolder.prepare(here, "run")
    keeper = Keeper(folder, wanted, hidden=(), shown=lambda report: report)
    executor = HandsOut(refused, sums)
    setting = runner.Setting(
        run_id=folder.run_id, started_at=datetime.now(timezone.utc), vantage=platform.node()
    )
    began = time.monotonic()
    with Progress(wanted, shown="") as progress, counted(sums, "whole run"):
        report = runner.run(
            wanted,
            executor,
            setting,
            elapsed=lambda: time.monotonic() - began,
            found=progress.found,
            told=keeper.told,
            kept=keeper.room(),
        )
    sums["of the best hundred"] = min(executor.blocks[1:], default=0) * len(wanted) // 100
    with counted(sums, "folder"):
        keeper.whole(report)
    with counted(sums, "text"):
        text = pieces(replace(report, folder="run"), "text", color=False, width=100, verbosity=0)
        write(here / "text", text)


def write(path: Path, text: Iterable[str]) -> None:
    """Write a report."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(text)


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--refused", type=int, default=0, help="of a hundred (default: 0)")
    parser.add_argument("--profile", help="write a profile of cProfile there")
    given = parser.parse_args()
    sums: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        wanted = plans(Path(name), given.calls)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        profile = cProfile.Profile()
        if given.profile:
            profile.enable()
        run(wanted, given.refused, Path(name), sums)
        if given.profile:
            profile.disable()
            profile.dump_stats(given.profile)
    sums["judge, redact, keep"] = sums.pop("whole run") - sums.pop("handing out")
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    best = sums.pop("of the best hundred") / 1000 / given.calls
    lines = [
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {machine}; CPU time in us a call",
        f"{given.calls} calls, {given.refused} % refused",
        *(f"{what:20} {spent / 1000 / given.calls:>8.0f}" for what, spent in sums.items()),
        f"{'of the best hundred':20} {best:>8.0f}",
        f"{'all':20} {sum(sums.values()) / 1000 / given.calls:>8.0f}",
    ]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines.append(f"peak memory {after:.0f} MiB, {before:.0f} MiB with the plans alone")
    print("\n".join(lines))  # noqa: T201 - figures are what this prints


if __name__ == "__main__":
    main()
