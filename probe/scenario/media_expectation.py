"""What the audio of a call should be like: bounds on what arrived and what left.

Each key is a figure of the media report (docs/media.md), and its bound is written like any other:
``loss: max 1%``, ``jitter: max 30ms``, ``mos: min 3.8``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from probe.scenario.bounds import Bound, parse_bound
from probe.scenario.sound_expectation import SoundExpectation
from probe.scenario.source import refuse
from probe.scenario.written import Parsed, fields

_EXAMPLES = {"%": "max 1%", "s": "max 30ms", "": "min 3.8"}
_UNITS = {"%": "a percentage", "s": "a time with its unit", "": "a number without a unit"}


def bound_in(unit: Literal["%", "s", ""]) -> Callable[[object], Bound]:
    """Return the reader of a bound in a unit."""

    def read(value: object) -> Bound:
        bound = parse_bound(value)
        if bound.unit != unit:
            hint = f"for example: {_EXAMPLES[unit]}"
            place = next(iter(value.values())) if isinstance(value, dict) else value
            raise refuse(place, f"this bound takes {_UNITS[unit]}", hint)
        return bound

    return read


Share = Annotated[Bound | None, Parsed(bound_in("%"))]
Time = Annotated[Bound | None, Parsed(bound_in("s"))]
Count = Annotated[Bound | None, Parsed(bound_in(""))]


class MediaExpectation(SoundExpectation, frozen=True, kw_only=True):
    """What the audio of one side of a call should be like."""

    example = "media: {rx_packets: min 50, loss: max 1%, jitter: max 30ms, mos: min 3.8}"

    rx_packets: Count = None
    "RTP packets received."
    tx_packets: Count = None
    "RTP packets sent."
    loss: Share = None
    "Share of the packets to us that never came."
    tx_loss: Share = None
    "Share of our packets that the other side's RTCP reports lost."
    discarded: Share = None
    "Share of the packets to us that came too late to be played."
    reordered: Count = None
    "Packets that came out of order."
    duplicates: Count = None
    "Packets that came twice."
    jitter: Time = None
    "Mean interarrival jitter (RFC 3550)."
    jitter_max: Time = None
    "Largest interarrival jitter."
    gap: Time = None
    "Longest time without a packet, outside hold and announced silence."
    first_packet: Time = None
    "From the answer to the first packet; 0 where audio came before the answer."
    rtt: Time = None
    "Mean round-trip time, from RTCP."
    mos: Count = None
    "Estimated mean opinion score (E-model)."

    def bounds(self) -> tuple[tuple[str, Bound], ...]:
        """Return the bounds that were written, by name."""
        found = ((name, getattr(self, name)) for name in fields(type(self)))
        return tuple((name, bound) for name, bound in found if isinstance(bound, Bound))
