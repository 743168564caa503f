"""Session timers of the trunk's own calls, with a clock that stands still."""

import pytest
from sip_phone import Clock, Phone
from sipmessage import URI, Request

from probe.simulator.session_timer import SessionTimer


def invite(expires: str, tags: str = "timer") -> Request:
    """Return an INVITE that asks for an interval."""
    request = Request("INVITE", URI.parse("sip:x@127.0.0.1"))
    request.headers.add("Session-Expires", expires)
    request.headers.add("Supported", tags)
    return request


def timer(clock: Clock) -> tuple[SessionTimer, list[tuple[str, float]]]:
    """Return a timer and the list of what it does, with the time."""
    done: list[tuple[str, float]] = []
    made = SessionTimer(
        clock,
        lambda: done.append(("refresh", clock.now)),
        lambda: done.append(("end", clock.now)),
    )
    return made, done


@pytest.mark.parametrize(
    ("expires", "ends"), [("90", 60.0), ("90;refresher=uac", 60.0), ("1800", 1768.0)]
)
def test_the_caller_refreshes_or_the_call_ends(clock: Clock, expires: str, ends: float) -> None:
    """BYE comes a third of the interval early, 32 s at most (RFC 4028 §10)."""
    made, done = timer(clock)
    seconds = expires.partition(";")[0]
    assert made.agree(invite(expires)) == (
        ("Require", "timer"),
        ("Session-Expires", f"{seconds};refresher=uac"),
    )
    clock.pass_to(ends - 1)
    assert done == []
    made.agree(invite(expires))
    clock.pass_to(ends + 1)
    assert done == []
    clock.pass_to(3600)
    assert done == [("end", 2 * ends - 1)]


def test_we_refresh_where_the_caller_wants_it(clock: Clock) -> None:
    """At half of the interval; answered, it begins anew."""
    made, done = timer(clock)
    assert made.agree(invite("90;refresher=uas"))[1] == ("Session-Expires", "90;refresher=uas")
    clock.pass_to(46)
    assert done == [("refresh", 45.0)]
    made.refreshed()
    clock.pass_to(105)
    assert done == [("refresh", 45.0), ("refresh", 91.0)]
    clock.pass_to(300)
    assert done[-1] == ("end", 106.0)


@pytest.mark.parametrize("request_", [invite("90", "norefersub"), invite("soon")])
def test_who_asks_for_none_gets_none(clock: Clock, request_: Request) -> None:
    """Without the option tag, or with a value that is none."""
    made, done = timer(clock)
    assert made.refusal(request_) is None
    assert made.agree(request_) == ()
    clock.pass_to(3600)
    assert done == []


def test_a_call_to_the_trunk_agrees_on_an_interval(phone: Phone) -> None:
    """Require: timer is served, and too small an interval is 422 with the smallest."""
    refused = phone.invite("x", "Supported: timer", "Session-Expires: 60")[-1]
    assert (refused.status, refused.first("Min-SE")) == (422, "90")
    phone.call_id += "x"
    answered = phone.invite("x", "Require: timer", "Session-Expires: 90")[-1]
    assert answered.first("Session-Expires") == "90;refresher=uac"
    assert answered.first("Require") == "timer"
    phone.acknowledge(answered)
    tag = answered.to_tag
    fresh = phone.ask("UPDATE", "x", "Supported: timer", "Session-Expires: 120", to_tag=tag)
    assert fresh.first("Session-Expires") == "120;refresher=uac"
    small = phone.ask("UPDATE", "x", "Supported: timer", "Session-Expires: 30", to_tag=tag)
    assert small.status == 422
