"""Numbers of the embedded PBX that ring somebody else than they name."""

from collections.abc import Callable

import pytest
from pbx_phone import Party, connected

from probe.simulator import routes
from probe.simulator.routes import Stage


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let parties of a hunt ring a tenth of a second only."""
    short = {
        number: routes.Route(
            stages=tuple(
                Stage(users=s.users, numbers=s.numbers, seconds=s.seconds and 0.1)
                for s in route.stages
            ),
            redirect=route.redirect,
            forwarded=route.forwarded,
        )
        for number, route in routes.GROUPS.items()
    }
    monkeypatch.setattr(routes, "GROUPS", short)


def test_a_ring_group(party: Callable[..., Party]) -> None:
    """Both ring, the first to answer has it, the other is told so."""
    alice, bob, carol = party("100"), party("101"), party("102")
    alice.dial("600")
    alice.taken(100)
    one, two = bob.take("INVITE"), carol.take("INVITE")
    bob.respond(one, "180 Ringing")
    carol.respond(two, "180 Ringing")
    alice.taken(180)
    alice.taken(180)
    carol.respond(two, "200 OK", body=carol.sdp())
    cancel = bob.take("CANCEL")
    assert cancel.first("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    alice.confirm(alice.taken(200))
    carol.take("ACK")


def test_a_ring_group_in_which_nobody_takes_the_call(party: Callable[..., Party]) -> None:
    """The refusal that says most comes back, when the last has refused."""
    alice, bob, carol = party("100"), party("101"), party("102")
    alice.dial("600")
    alice.taken(100)
    bob.respond(bob.take("INVITE"), "480 Temporarily Unavailable")
    carol.respond(carol.take("INVITE"), "486 Busy Here")
    alice.taken(486)


@pytest.mark.usefixtures("soon")
def test_a_hunt_goes_on_when_nobody_answers(party: Callable[..., Party]) -> None:
    """101 is cancelled after its time, then 102 rings, with Diversion."""
    alice, bob, carol = party("100"), party("101"), party("102")
    alice.dial("601")
    alice.taken(100)
    first = bob.take("INVITE")
    assert first.first("Diversion") is None
    bob.respond(first, "180 Ringing")
    alice.taken(180)
    second = carol.take("INVITE")
    assert second.first("Diversion") == "<sip:601@127.0.0.1>;reason=no-answer"
    bob.take("CANCEL")
    carol.respond(second, "200 OK", body=carol.sdp())
    alice.taken(200)


@pytest.mark.parametrize("registered", [True, False])
def test_a_hunt_goes_on_when_the_first_is_busy_or_away(
    party: Callable[..., Party], registered: bool
) -> None:
    """Nobody waits for a refusal or for a phone that is not there."""
    alice, carol = party("100"), party("102")
    if registered:
        bob = party("101")
    alice.dial("601")
    alice.taken(100)
    if registered:
        bob.respond(bob.take("INVITE"), "486 Busy Here")
    carol.respond(carol.take("INVITE"), "200 OK", body=carol.sdp())
    alice.taken(200)


def test_a_redirection_by_the_pbx(party: Callable[..., Party]) -> None:
    """602 is 302 with the extension to call instead."""
    alice = party("100")
    alice.dial("602")
    alice.taken(100)
    moved = alice.taken(302)
    assert (moved.first("Contact") or "").startswith("<sip:102@127.0.0.1:")


def test_a_forwarded_number(party: Callable[..., Party]) -> None:
    """603 tells the caller with 181 and the target with Diversion."""
    alice, carol = party("100"), party("102")
    alice.dial("603")
    alice.taken(100)
    alice.taken(181)
    invite = carol.take("INVITE")
    assert invite.first("Diversion") == "<sip:603@127.0.0.1>;reason=unconditional"


def test_a_phone_that_redirects_is_followed(party: Callable[..., Party]) -> None:
    """302 of a phone rings where it points to; the caller sees nothing of it."""
    alice, bob, carol = party("100"), party("101"), party("102")
    alice.dial("101")
    alice.taken(100)
    invite = bob.take("INVITE")
    bob.respond(invite, "302 Moved Temporarily", contact="Contact: <sip:102@127.0.0.1>")
    bob.take("ACK")
    second = carol.take("INVITE")
    assert second.first("Diversion") == "<sip:101@127.0.0.1>;reason=unconditional"
    carol.respond(second, "200 OK", body=carol.sdp())
    alice.taken(200)


def test_a_redirection_to_nowhere_is_the_callers(party: Callable[..., Party]) -> None:
    """A 302 that leads to nobody comes back as a refusal; it is not rung for ever."""
    alice, bob = party("100"), party("101")
    alice.dial("101")
    alice.taken(100)
    for _ in range(16):
        invite = bob.take("INVITE")
        bob.respond(invite, "302 Moved Temporarily", contact="Contact: <sip:101@127.0.0.1>")
        bob.take("ACK")
    assert alice.read().status == 480


def test_the_direct_number(party: Callable[..., Party]) -> None:
    """The world outside reaches 101 by its number."""
    outside, bob = party("199"), party("101")
    connected(outside, bob, "+12025550101")


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("how", ["busy", "no answer", "away"])
def test_voicemail_takes_the_call(party: Callable[..., Party], how: str) -> None:
    """604 rings 101; where nobody has the call, its voicemail does."""
    alice = party("100")
    if how != "away":
        bob = party("101")
    alice.dial("604")
    if how != "away":
        alice.taken(100)
        invite = bob.take("INVITE")
        bob.respond(invite, "486 Busy Here" if how == "busy" else "180 Ringing")
    while (message := alice.read()).status != 200:
        assert message.status in {100, 180}
    assert "o=embedded" in message.body
