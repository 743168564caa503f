"""REFER in a call between users of the embedded PBX: it calls, connects, tells and hangs up."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from pbx_phone import Party, connected

from probe.simulator.trunk import EmbeddedTrunk
from probe.sip.message import SipMessage


def told(party: Party, code: int) -> SipMessage:
    """Take the NOTIFY that tells a code, answer it."""
    notify = party.take("NOTIFY")
    assert notify.body.startswith(f"SIP/2.0 {code} "), notify.body
    assert (notify.first("Event") or "").startswith("refer;id=")
    state = notify.first("Subscription-State") or ""
    assert state.startswith("terminated" if code >= 200 else "active")
    party.respond(notify, "200 OK")
    return notify


def reinvited(party: Party, body: str) -> SipMessage:
    """Take the re-INVITE that connects a party anew, answer it."""
    change = party.take("INVITE")
    assert change.body.replace("\r\n", "\n").splitlines()[2:] == body.splitlines()[2:]
    party.respond(change, "200 OK", body=party.sdp(version=5))
    party.take("ACK")
    return change


def test_a_blind_transfer(trunk: EmbeddedTrunk, party: Callable[..., Party]) -> None:
    """202, NOTIFY 100, 180, 200; the others are connected; then BYE to the one who transferred."""
    alice, bob, carol = party("100"), party("101"), party("102")
    connected(alice, bob)
    bob.send("REFER", "Refer-To: <sip:102@127.0.0.1>", "Referred-By: <sip:101@127.0.0.1>")
    assert bob.taken(202).first("Contact")
    told(bob, 100)
    invite = carol.take("INVITE")
    assert (invite.first("From") or "").startswith('"Alice" <sip:100@')
    assert invite.first("Referred-By") == "<sip:101@127.0.0.1>"
    assert invite.body == alice.sdp()
    carol.respond(invite, "180 Ringing")
    told(bob, 180)
    carol.respond(invite, "200 OK", body=carol.sdp())
    carol.take("ACK")
    change = reinvited(alice, carol.sdp())
    assert "o=101 7 2 " in change.body, "one session for Alice, whoever speaks to her"
    told(bob, 200)
    bob.respond(bob.take("BYE"), "200 OK")
    alice.send("BYE")
    alice.taken(200)
    carol.respond(carol.take("BYE"), "200 OK")
    assert {call.state for call in trunk.calls} == {"ended"}
    assert len(trunk.calls) == 3


def test_the_caller_may_transfer_as_well(party: Callable[..., Party]) -> None:
    """Whoever asks leaves; the other party stays and is held no more."""
    alice, bob, carol = party("100"), party("101"), party("102")
    connected(alice, bob)
    alice.send("INVITE", body=alice.sdp("sendonly", 2))
    alice.taken(100)
    bob.respond(bob.take("INVITE"), "200 OK", body=bob.sdp("recvonly", 2))
    alice.send("ACK", cseq=alice.taken(200).cseq[0])
    bob.take("ACK")
    alice.send("REFER", "Refer-To: sip:102@127.0.0.1")
    alice.taken(202)
    told(alice, 100)
    invite = carol.take("INVITE")
    assert "recvonly" not in invite.body
    carol.respond(invite, "200 OK", body=carol.sdp())
    carol.take("ACK")
    reinvited(bob, carol.sdp())
    told(alice, 200)
    assert alice.take("BYE")


def test_the_one_who_transfers_may_hang_up_at_once(party: Callable[..., Party]) -> None:
    """BYE right after the 202 does not end the call of the one who is transferred."""
    alice, bob, carol = party("100"), party("101"), party("102")
    connected(alice, bob)
    bob.send("REFER", "Refer-To: <sip:102@127.0.0.1>")
    bob.taken(202)
    told(bob, 100)
    bob.send("BYE")
    bob.taken(200)
    invite = carol.take("INVITE")
    carol.respond(invite, "200 OK", body=carol.sdp())
    carol.take("ACK")
    reinvited(alice, carol.sdp())
    carol.send("BYE")
    carol.taken(200)
    assert alice.take("BYE")
    assert bob.nothing(0.1)


@pytest.mark.parametrize(
    ("number", "code"), [("102", 486), ("103", 480), ("109", 404), ("9503", 503)]
)
def test_a_transfer_that_fails(party: Callable[..., Party], number: str, code: int) -> None:
    """The last NOTIFY tells the refusal, and the call is still there."""
    alice, bob, carol = party("100"), party("101"), party("102")
    connected(alice, bob)
    bob.send("REFER", f"Refer-To: <sip:{number}@127.0.0.1>")
    bob.taken(202)
    told(bob, 100)
    if number == "102":
        carol.respond(carol.take("INVITE"), "486 Busy Here")
    told(bob, code)
    bob.send("INFO")
    alice.respond(alice.take("INFO"), "200 OK")
    bob.taken(200)


def test_a_transfer_without_subscription(party: Callable[..., Party]) -> None:
    """Refer-Sub: false is honoured (RFC 4488)."""
    alice, bob, carol = party("100"), party("101"), party("102")
    connected(alice, bob)
    bob.send("REFER", "Refer-To: <sip:102@127.0.0.1>", "Refer-Sub: false")
    assert bob.taken(202).first("Refer-Sub") == "false"
    carol.respond(carol.take("INVITE"), "200 OK", body=carol.sdp())
    carol.take("ACK")
    reinvited(alice, carol.sdp())
    assert bob.take("BYE")


def test_a_transfer_to_a_number_of_the_pbx_itself(party: Callable[..., Party]) -> None:
    """The PBX calls itself: the transferred party hears what the number plays."""
    alice, bob = party("100"), party("101")
    connected(alice, bob)
    bob.send("REFER", "Refer-To: <sip:+12025550123@127.0.0.1>")
    bob.taken(202)
    for code in (100, 180):
        told(bob, code)
    change = alice.take("INVITE")
    assert "m=audio" in change.body
    alice.respond(change, "200 OK", body=alice.sdp(version=2))
    alice.take("ACK")
    told(bob, 200)
    assert bob.take("BYE")


def test_the_one_who_is_transferred_gives_up(party: Callable[..., Party]) -> None:
    """Their BYE ends the transfer: the target is cancelled, the other party hung up on."""
    alice, bob, carol = party("100"), party("101"), party("102")
    connected(alice, bob)
    bob.send("REFER", "Refer-To: <sip:102@127.0.0.1>")
    bob.taken(202)
    told(bob, 100)
    carol.respond(carol.take("INVITE"), "180 Ringing")
    told(bob, 180)
    alice.send("BYE")
    alice.taken(200)
    assert carol.take("CANCEL")
    assert bob.take("BYE")


def consultation(party: Callable[..., Party]) -> tuple[Party, Party, Party, Party]:
    """Bring Alice into a call with Bob, whose second phone has called Carol."""
    alice, bob, carol = party("100"), party("101"), party("102")
    connected(alice, bob)
    second = party("101")
    connected(second, carol)
    return alice, bob, carol, second


def replaces(second: Party) -> str:
    """Return a Refer-To that names the dialog of a second call."""
    own, remote = second.own.partition("tag=")[2], second.remote.partition("tag=")[2]
    value = quote(f"{second.call_id};to-tag={remote};from-tag={own}", safe="")
    return f"Refer-To: <sip:102@127.0.0.1?Replaces={value}>"


def test_an_attended_transfer(trunk: EmbeddedTrunk, party: Callable[..., Party]) -> None:
    """Both others are re-INVITEd to each other; both calls of the one who transferred end."""
    alice, bob, carol, second = consultation(party)
    bob.send("REFER", replaces(second))
    bob.taken(202)
    told(bob, 100)
    reinvited(carol, alice.sdp())
    reinvited(alice, carol.sdp(version=5))
    second.respond(second.take("BYE"), "200 OK")
    told(bob, 200)
    bob.respond(bob.take("BYE"), "200 OK")
    carol.send("BYE")
    carol.taken(200)
    alice.respond(alice.take("BYE"), "200 OK")
    assert {call.state for call in trunk.calls} == {"ended"}


def test_an_attended_transfer_to_no_call(party: Callable[..., Party]) -> None:
    """A Replaces that names nothing of ours is 481, and both calls stay."""
    alice, bob = party("100"), party("101")
    connected(alice, bob)
    bob.send("REFER", "Refer-To: <sip:102@h?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>")
    bob.taken(202)
    told(bob, 100)
    told(bob, 481)
    assert alice.nothing(0.1)


def test_an_attended_transfer_that_the_target_refuses(party: Callable[..., Party]) -> None:
    """The calls stay as they were."""
    alice, bob, carol, second = consultation(party)
    bob.send("REFER", replaces(second))
    bob.taken(202)
    told(bob, 100)
    carol.respond(carol.take("INVITE"), "488 Not Acceptable Here")
    carol.take("ACK")
    told(bob, 503)
    assert alice.nothing(0.1)
    assert second.nothing(0.1)


@pytest.mark.parametrize("headers", [(), ("Refer-To: <sip:a@h>", "Refer-To: <sip:b@h>")])
def test_a_referral_to_nobody_or_to_two(party: Callable[..., Party], headers: tuple) -> None:
    """REFER needs exactly one Refer-To."""
    alice, bob = party("100"), party("101")
    connected(alice, bob)
    bob.send("REFER", *headers)
    bob.taken(400)


def test_the_one_who_is_transferred_refuses_the_new_session(
    trunk: EmbeddedTrunk, party: Callable[..., Party]
) -> None:
    """Nobody is left in a call that has no other side."""
    alice, bob, carol = party("100"), party("101"), party("102")
    connected(alice, bob)
    bob.send("REFER", "Refer-To: <sip:102@127.0.0.1>")
    bob.taken(202)
    told(bob, 100)
    carol.respond(carol.take("INVITE"), "200 OK", body=carol.sdp())
    carol.take("ACK")
    alice.respond(alice.take("INVITE"), "488 Not Acceptable Here")
    alice.take("ACK")
    assert alice.take("BYE")
    assert carol.take("BYE")
    told(bob, 503)
    bob.respond(bob.take("BYE"), "200 OK")
    assert {call.state for call in trunk.calls} == {"ended"}
