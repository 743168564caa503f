"""Holds a run's trace against a capture of the same calls: every message, its order, its time."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ports import LOOPBACK
from userfolder import Run, UserFolder
from wire import OnWire


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A message, as one of the two saw it."""

    at: float
    "When, in seconds since 1970."

    sent: bool
    "Whether it left us."

    call_id: str
    "Its Call-ID."

    text: str
    "The whole message."


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How far two clocks' words on the same messages lie apart, in seconds."""

    of_sent: tuple[float, ...]
    "Trace minus capture for each message that we sent; the trace notes it before it leaves."

    of_received: tuple[float, ...]
    "Trace minus capture for each message that we received; the trace notes it once it is read."

    @property
    def all(self) -> tuple[float, ...]:
        """Every difference, as a distance."""
        return tuple(abs(difference) for difference in (*self.of_sent, *self.of_received))


def write_calls(folder: UserFolder, port: int, count: int) -> None:
    """Write a scenario of so many calls, one after the other, to a UDP port on loopback."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}")
    step = f'- call: "sip:+12025550123@{LOOPBACK}:{port}"\n  hangup_after: 0.1s'
    folder.scenario("\n".join([step] * count))


def write_rows(folder: UserFolder, port: int, count: int) -> None:
    """Write a scenario of one call, for each row of a file, to a UDP port on loopback."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}", registers=False)
    numbers = "".join(f"{5_550_000_000 + number}\n" for number in range(count))
    step = f'- call: "sip:${{NUMBER}}@{LOOPBACK}:{port}"\n  hangup_after: 0s'
    folder.scenario(step, top="data: numbers.csv\n")
    (folder.path / "scenarios" / "numbers.csv").write_text(f"NUMBER\n{numbers}")


def in_trace(run: Run) -> list[Seen]:
    """Return the messages of a run's trace in the order of their times."""
    found = []
    for trace in _traces(run):
        start = dt.datetime.fromisoformat(trace["started_at"]).timestamp()
        found += [
            Seen(
                at=start + event["at"],
                sent=event["type"] == "MessageSent",
                call_id=_call_id(event["text"]),
                text=event["text"],
            )
            for event in trace["events"]
            if event["type"] in {"MessageSent", "MessageReceived"}
        ]
    # A message may stand in two traces: a call's, and that of the step that ended it.
    return sorted(set(found), key=lambda seen: seen.at)


def on_wire(messages: Sequence[OnWire], far_end: int) -> list[Seen]:
    """Return the messages of a capture by UDP between us and a far end's port."""
    far = f"{LOOPBACK}:{far_end}"
    return [
        Seen(
            at=message.time,
            sent=message.dst == far,
            call_id=message.call_id,
            text=message.payload.decode(),
        )
        for message in messages
        if far in {message.src, message.dst}
    ]


def differences(
    trace: Sequence[Seen], wire: Sequence[Seen], *, at_once: bool = False
) -> Differences:
    """Return how far the times lie apart; AssertionError where the messages are not the same.

    The order is that of the wire within each call, and, unless many are up at once, among all.
    """
    of_calls: dict[str, tuple[list[Seen], list[Seen]]] = {}
    for place, messages in enumerate((trace, wire)):
        for seen in messages:
            of_calls.setdefault(seen.call_id, ([], []))[place].append(seen)
    for call, both in of_calls.items():
        ours, theirs = ([(seen.sent, seen.text) for seen in messages] for messages in both)
        assert ours == theirs, f"call {call}: {_heads(ours)} in the trace, {_heads(theirs)} on wire"
    if not at_once:
        assert [seen.text for seen in trace] == [seen.text for seen in wire]
    pairs = [pair for both in of_calls.values() for pair in zip(*both, strict=True)]
    return Differences(
        of_sent=tuple(ours.at - theirs.at for ours, theirs in pairs if ours.sent),
        of_received=tuple(ours.at - theirs.at for ours, theirs in pairs if not ours.sent),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least so large a share of the values does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def in_words(found: Differences, calls: int) -> str:
    """Return the figures of a comparison as lines of text."""
    lines = [
        f"{calls} calls, {len(found.all)} SIP messages on the wire, all in the trace, in order"
    ]
    for name, values in (
        ("|trace - capture|", found.all),
        ("sent: trace before capture", [-value for value in found.of_sent]),
        ("received: trace after capture", found.of_received),
    ):
        lines.append(
            f"{name:<30} median {median(values) * 1e3:6.3f} ms   "
            f"p99 {percentile(values, 0.99) * 1e3:6.3f} ms   max {max(values) * 1e3:6.3f} ms"
        )
    return "\n".join(lines)


def _traces(run: Run) -> list[dict[str, Any]]:
    """Return every try's trace, and that of the cleaning up."""
    tries = [trace for finding in run.traces["findings"] for trace in finding["tries"]]
    return [*tries, *run.traces["cleanup"]]


def _call_id(text: str) -> str:
    """Return the Call-ID of a message."""
    return next(
        line.partition(":")[2].strip()
        for line in text.split("\r\n")
        if line.lower().startswith(("call-id:", "i:"))
    )


def _heads(messages: Sequence[tuple[bool, str]]) -> list[str]:
    """Return first lines, for a message about a difference."""
    return [f"{'>' if sent else '<'} {text.splitlines()[0]}" for sent, text in messages]
