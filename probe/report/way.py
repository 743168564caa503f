"""The way to a server in the words of a ladder: names looked up, servers tried and left."""

from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import NameLookup

SLOW_LOOKUP_S = 0.5
"""A look-up that took longer than this stands in the ladder although it succeeded."""

AT_ONCE_S = 0.02
"""A silence that took less was none: the system refused to send the question."""


def way_label(event: NameLookup | DnsAnswer | NextHop) -> tuple[str, str] | None:
    """Return label and mark of a rung, or None where the event is not worth one."""
    if isinstance(event, NextHop):
        return _hop(event)
    return _question(event) if isinstance(event, DnsAnswer) else _lookup(event)


def _hop(event: NextHop) -> tuple[str, str] | None:
    if event.left:
        return f"left {event.remote}: {event.left}", "✗"
    if event.place == 1:
        return None
    return f"server {event.place} of {event.of}: {event.remote} by {event.transport}", ""


def _question(event: DnsAnswer) -> tuple[str, str] | None:
    if event.code != "silent" and event.took_s < SLOW_LOOKUP_S:
        return None
    if event.code == "silent" and event.took_s < AT_ONCE_S:
        return f"asked {event.kind} {event.name}: no name server could be reached", ""
    said = "no answer" if event.code == "silent" else event.code
    return f"asked {event.kind} {event.name}: {said} after {event.took_s:.1f} s", ""


def _lookup(event: NameLookup) -> tuple[str, str] | None:
    if event.error is not None:
        words = {
            "unknown": "no such name",
            "empty": "no address",
            "silent": "no answer from the resolver",
        }.get(event.error, "the look-up failed")
        return f"looked up {event.name}: {words}", "✗"
    if event.took_s < SLOW_LOOKUP_S:
        return None
    found = ", ".join(event.addresses)
    return f"looked up {event.name}: {found} after {event.took_s:.1f} s", ""
