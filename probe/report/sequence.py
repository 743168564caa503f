"""A ladder as a Mermaid sequence diagram, which GitHub and GitLab draw where they show Markdown.

Every sign but letters, digits and a few that mean nothing to Mermaid is written as a character
code (``#59;``), so that what a peer wrote ends neither a line, nor the diagram, nor the fence.
"""

import re
from collections.abc import Iterator

from probe.report.ladder import Direction, Rung, ladder
from probe.report.model import Finding
from probe.report.text import plain
from probe.trace.trace import MessageEvent, MessageReceived

MOST_RUNGS = 60
"""Rungs of one diagram; GitHub draws no diagram of more than 50,000 characters."""

_OTHERS = re.compile(r"[^A-Za-z0-9 .,/()+-]")


def diagram(finding: Finding) -> str:
    """Return the fenced diagram of a finding's last try; empty where no message was seen."""
    trace = finding.last.trace
    first = next((event for event in trace.events if isinstance(event, MessageEvent)), None)
    if first is None:
        return ""
    account = finding.attempt.account
    us, peer = ("probe", account.host) if account else (first.local or "probe", first.remote)
    rungs = ladder(trace, finding.last.verdict)
    lines = [
        "```mermaid",
        "sequenceDiagram",
        f"  participant us as {coded(us)}",
        f"  participant peer as {coded(peer)}",
        *(f"  {line}" for line in _lines(rungs[:MOST_RUNGS], finding)),
    ]
    if len(rungs) > MOST_RUNGS:
        lines.append(f"  Note over us,peer: {len(rungs) - MOST_RUNGS} more are left out")
    return "\n".join((*lines, "```", ""))


def coded(text: str) -> str:
    """Return a text on one line that Mermaid shows as it is."""
    return _OTHERS.sub(lambda found: f"#{ord(found[0])};", plain(text, 120))


def _lines(rungs: tuple[Rung, ...], finding: Finding) -> Iterator[str]:
    events = finding.last.trace.events
    for rung in rungs:
        times = f" ({rung.copies} times)" if rung.copies > 1 else ""
        marked = f" {rung.mark}" if rung.mark else ""
        said = f"{rung.at:.3f} {coded(rung.label + times + marked)}"
        if rung.direction is Direction.NONE:
            yield f"Note over us,peer: {said}"
        elif rung.direction is Direction.SENT:
            yield f"us->>peer: {said}"
        elif isinstance(events[rung.event], MessageReceived):
            yield f"peer-->>us: {said}"
        else:  # ICMP, or bytes that are no SIP
            yield f"peer--xus: {said}"
