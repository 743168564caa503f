"""The way to a server, as rungs of a ladder."""

import pytest

from probe.report.way import way_label
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import NameLookup


def hop(place: int, left: str = "") -> NextHop:
    """Return a server that is tried, or left."""
    return NextHop(
        at=0.0,
        place=place,
        of=2,
        host="s.example",
        remote="192.0.2.1:5060",
        transport="TCP",
        left=left,
    )


def answer(code: str, took_s: float) -> DnsAnswer:
    """Return a question with its answer."""
    return DnsAnswer(
        at=0.0,
        kind="SRV",
        name="_sip._udp.x.example",
        code=code,
        records=(),
        ttl=None,
        servers=("192.0.2.53:53",),
        took_s=took_s,
    )


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (hop(1), None),
        (hop(2), ("server 2 of 2: 192.0.2.1:5060 by TCP", "")),
        (hop(1, "answered 503"), ("left 192.0.2.1:5060: answered 503", "✗")),
        (answer("NOERROR", 0.1), None),
        (answer("empty", 0.9), ("asked SRV _sip._udp.x.example: empty after 0.9 s", "")),
        (answer("silent", 3.0), ("asked SRV _sip._udp.x.example: no answer after 3.0 s", "")),
        (
            NameLookup(
                at=0.0, name="x", addresses=(), error="denied", detail="", took_s=0.0, ttl=None
            ),
            ("looked up x: the look-up failed", "✗"),
        ),
    ],
)
def test_what_is_worth_a_rung(
    event: NameLookup | DnsAnswer | NextHop, expected: tuple[str, str] | None
) -> None:
    """Failures and what comes after a first server; what went well and quickly is not."""
    assert way_label(event) == expected


def test_a_silence_of_no_time_is_a_name_server_out_of_reach() -> None:
    """Without a network the system refuses to send the question."""
    asked = answer("silent", 0.0)
    told = "asked SRV _sip._udp.x.example: no name server could be reached"
    assert way_label(asked) == (told, "")
