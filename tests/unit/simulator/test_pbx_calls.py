"""Calls between users of the embedded PBX: two legs, one call."""

from collections.abc import Callable

import pytest
from pbx_phone import connected

from probe.simulator.clock import Timers
from probe.simulator.trunk import EmbeddedTrunk


def test_a_call_reaches_the_registered_user(trunk: EmbeddedTrunk, party: Callable) -> None:
    """Ringing, answer, ACK and BYE pass through; each leg has a Call-ID of its own."""
    alice, bob = party("100"), party("101")
    alice.dial("101")
    alice.taken(100)
    invite = bob.take("INVITE")
    assert invite.request_uri == f"sip:101@127.0.0.1:{bob.port}"
    assert invite.call_id != alice.call_id
    assert (invite.first("From") or "").startswith('"Alice" <sip:100@')
    assert invite.body == alice.sdp()
    bob.respond(invite, "180 Ringing")
    assert alice.taken(180).body == ""
    bob.respond(invite, "200 OK", body=bob.sdp())
    answered = alice.taken(200)
    assert answered.body == bob.sdp()
    alice.confirm(answered)
    bob.take("ACK")
    bob.send("BYE", 'Reason: Q.850;cause=16;text="Normal"')
    bob.taken(200)
    bye = alice.take("BYE")
    assert bye.first("Reason") == 'Q.850;cause=16;text="Normal"'
    alice.respond(bye, "200 OK")
    one, other = sorted(trunk.calls, key=lambda call: call.outgoing)
    assert (one.dialled, one.caller, one.code, one.ended_by) == ("101", "100", 200, "callee")
    assert (other.dialled, other.caller, other.code, other.state) == ("101", "100", 200, "ended")


def test_the_caller_hangs_up(party: Callable) -> None:
    """BYE of the caller goes to the callee."""
    alice, bob = party("100"), party("101")
    connected(alice, bob)
    alice.send("BYE")
    alice.taken(200)
    bob.respond(bob.take("BYE"), "200 OK")


@pytest.mark.parametrize("status", ["486 Busy Here", "603 Decline", "480 Gone Fishing"])
def test_a_refusal_comes_back_as_it_was(party: Callable, status: str) -> None:
    """Code, phrase and Reason are the callee's; both INVITEs get their ACK."""
    alice, bob = party("100"), party("101")
    branch = alice.dial("101")
    alice.taken(100)
    bob.respond(bob.take("INVITE"), status, 'Reason: Q.850;cause=17;text="busy"')
    bob.take("ACK")
    refused = alice.read()
    assert f"{refused.status} {refused.reason}" == status
    assert refused.first("Reason") == 'Q.850;cause=17;text="busy"'
    alice.refused(refused, "101", branch)


def test_nobody_registered(party: Callable) -> None:
    """A user who is nowhere is 480 with cause 20; an extension of nobody is 404."""
    alice = party("100")
    branch = alice.dial("102")
    refused = alice.final()[-1]
    assert (refused.status, refused.first("Reason")) == (
        480,
        'Q.850;cause=20;text="Subscriber absent"',
    )
    alice.refused(refused, "102", branch)
    alice.dial("109")
    assert alice.final()[-1].status == 404


def test_the_caller_gives_up(trunk: EmbeddedTrunk, party: Callable) -> None:
    """CANCEL reaches the callee with its Reason; the caller gets 487."""
    alice, bob = party("100"), party("101")
    branch = alice.dial("101")
    alice.taken(100)
    invite = bob.take("INVITE")
    bob.respond(invite, "180 Ringing")
    alice.taken(180)
    alice.write(
        alice.text("CANCEL", "101", "Reason: SIP;cause=487", branch=branch, cseq=alice.cseq)
    )
    assert {alice.read().status, alice.read().status} == {200, 487}
    cancel = bob.take("CANCEL")
    assert cancel.first("Reason") == "SIP;cause=487"
    assert cancel.branch == invite.branch
    bob.respond(cancel, "200 OK")
    bob.respond(invite, "487 Request Terminated")
    bob.take("ACK")
    assert {call.ended_by for call in trunk.calls} == {"cancel"}


def test_cancel_waits_for_the_first_response(party: Callable) -> None:
    """Before a provisional response there is no CANCEL (RFC 3261 §9.1)."""
    alice, bob = party("100"), party("101")
    branch = alice.dial("101")
    alice.taken(100)
    invite = bob.take("INVITE")
    alice.write(alice.text("CANCEL", "101", branch=branch, cseq=alice.cseq))
    assert {alice.read().status, alice.read().status} == {200, 487}
    again = bob.read()
    assert again.method == "INVITE"  # its first retransmission, 50 ms later
    bob.respond(invite, "180 Ringing")
    while (cancel := bob.read()).method == "INVITE":
        pass
    assert cancel.method == "CANCEL"


def test_who_answers_too_late_is_hung_up_on(party: Callable) -> None:
    """A 200 that crosses the CANCEL gets ACK and BYE."""
    alice, bob = party("100"), party("101")
    branch = alice.dial("101")
    alice.taken(100)
    invite = bob.take("INVITE")
    bob.respond(invite, "180 Ringing")
    alice.taken(180)
    alice.write(alice.text("CANCEL", "101", branch=branch, cseq=alice.cseq))
    bob.take("CANCEL")
    bob.respond(invite, "200 OK", body=bob.sdp())
    assert bob.take("ACK")
    assert bob.take("BYE")


def test_every_contact_of_a_user_rings(trunk: EmbeddedTrunk, party: Callable) -> None:
    """The first to answer has the call, the other hears that it was answered elsewhere."""
    alice, desk, mobile = party("100"), party("101"), party("101")
    assert len(trunk.bindings_of("101")) == 2
    alice.dial("101")
    alice.taken(100)
    first, second = desk.take("INVITE"), mobile.take("INVITE")
    desk.respond(first, "180 Ringing")
    alice.taken(180)
    mobile.respond(second, "183 Session Progress", body=mobile.sdp())
    assert alice.taken(183).body == "", "early sound of one of several phones is nobody's"
    mobile.respond(second, "200 OK", body=mobile.sdp())
    assert alice.taken(200).body == mobile.sdp()
    cancel = desk.take("CANCEL")
    assert cancel.first("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'


def test_an_offer_may_come_late(party: Callable) -> None:
    """No SDP in the INVITE: the offer is in the 200, the answer in the ACK."""
    alice, bob = party("100"), party("101")
    alice.dial("101", body="")
    alice.taken(100)
    invite = bob.take("INVITE")
    assert invite.body == ""
    bob.respond(invite, "200 OK", body=bob.sdp())
    answered = alice.taken(200)
    assert answered.body == bob.sdp()
    alice.confirm(answered, body=alice.sdp())
    assert bob.take("ACK").body == alice.sdp()


def test_the_200_is_repeated_until_the_caller_acknowledges(party: Callable) -> None:
    """The callee's ACK is the caller's; a lost one is repeated."""
    alice, bob = party("100"), party("101")
    alice.dial("101")
    alice.taken(100)
    invite = bob.take("INVITE")
    bob.respond(invite, "200 OK", body=bob.sdp())
    first, second = alice.taken(200), alice.taken(200)
    assert first == second
    assert bob.nothing(0.05)
    alice.confirm(first)
    ack = bob.take("ACK")
    bob.respond(invite, "200 OK", body=bob.sdp())
    assert bob.take("ACK") == ack


def test_a_caller_who_never_acknowledges_is_given_up(
    start: Callable[..., EmbeddedTrunk], party: Callable
) -> None:
    """Both parties get BYE after 64 x T1."""
    trunk = start(timers=Timers(t1=0.01, t2=0.05, t4=0.1))
    alice, bob = party("100", trunk), party("101", trunk)
    alice.dial("101")
    bob.respond(bob.take("INVITE"), "200 OK", body=bob.sdp())
    while (message := alice.read()).method != "BYE":
        assert message.status in {100, 200}
    assert bob.take("BYE")
    assert {call.ended_by for call in trunk.calls} == {"ack-timeout"}


def test_hold_passes_through(party: Callable) -> None:
    """A re-INVITE reaches the other party with its SDP, and the answer comes back."""
    alice, bob = party("100"), party("101")
    connected(alice, bob)
    alice.send("INVITE", body=alice.sdp("sendonly", 2))
    alice.taken(100)
    hold = bob.take("INVITE")
    assert hold.body == alice.sdp("sendonly", 2)
    bob.respond(hold, "200 OK", body=bob.sdp("recvonly", 2))
    held = alice.taken(200)
    assert held.body == bob.sdp("recvonly", 2)
    alice.send("ACK", cseq=held.cseq[0])
    bob.take("ACK")
    bob.send("INVITE", body=bob.sdp("inactive", 3))
    bob.taken(100)
    other = alice.take("INVITE")
    alice.respond(other, "488 Not Acceptable Here", 'Warning: 305 me "no"')
    alice.take("ACK")
    refused = bob.taken(488)
    assert refused.first("Warning") == '305 me "no"'


def test_two_changes_at_once_are_refused(party: Callable) -> None:
    """The second re-INVITE of a glare is 491 (RFC 3261 §14.2)."""
    alice, bob = party("100"), party("101")
    connected(alice, bob)
    alice.send("INVITE", body=alice.sdp("sendonly", 2))
    alice.taken(100)
    bob.take("INVITE")
    bob.send("INVITE", body=bob.sdp("sendonly", 2))
    bob.taken(491)


@pytest.mark.parametrize("method", ["INFO", "MESSAGE", "UPDATE"])
def test_requests_in_the_call_reach_the_other_party(party: Callable, method: str) -> None:
    """So do their answers, and the fields that belong to the call."""
    alice, bob = party("100"), party("101")
    connected(alice, bob)
    kind = "application/dtmf-relay" if method == "INFO" else "text/plain"
    headers = ["X-Test: 1", "Session-Expires: 90"]
    body = "" if method == "UPDATE" else "Signal=4\r\n"
    if body:
        headers.append(f"Content-Type: {kind}")
    bob.send(method, *headers, body=body)
    request = alice.take(method)
    assert (request.body, request.first("X-Test")) == (body, "1")
    assert request.first("Session-Expires") == "90"
    alice.respond(request, "415 Unsupported Media Type", "Accept: text/x")
    answer = bob.taken(415)
    assert answer.first("Accept") == "text/x"


def test_a_party_that_is_gone_ends_the_call(party: Callable) -> None:
    """481 to a re-INVITE means that the other side has no such call (RFC 3261 §12.2.1.2)."""
    alice, bob = party("100"), party("101")
    connected(alice, bob)
    alice.send("INVITE", body=alice.sdp("sendonly", 2))
    alice.taken(100)
    bob.respond(bob.take("INVITE"), "481 Call/Transaction Does Not Exist")
    alice.taken(481)
    assert alice.take("BYE")


def test_session_timers_are_the_parties_own(party: Callable) -> None:
    """Session-Expires, Supported and Require: timer pass both ways (RFC 4028)."""
    alice, bob = party("100"), party("101")
    alice.dial("101", "Session-Expires: 90;refresher=uac", "Min-SE: 90", "Supported: timer")
    alice.taken(100)
    invite = bob.take("INVITE")
    assert invite.first("Session-Expires") == "90;refresher=uac"
    assert invite.first("Min-SE") == "90"
    assert "timer" in (invite.first("Supported") or "")
    bob.respond(
        invite, "200 OK", "Require: timer", "Session-Expires: 90;refresher=uac", body=bob.sdp()
    )
    answered = alice.taken(200)
    assert answered.first("Require") == "timer"
    assert answered.first("Session-Expires") == "90;refresher=uac"


def test_nobody_answers(start: Callable[..., EmbeddedTrunk], party: Callable) -> None:
    """The PBX gives up after its own time (timer C) and cancels."""
    trunk = start(timers=Timers(ring=0.1))
    alice, bob = party("100", trunk), party("101", trunk)
    alice.dial("101")
    alice.taken(100)
    bob.respond(bob.take("INVITE"), "180 Ringing")
    alice.taken(180)
    refused = alice.taken(480)
    assert "cause=19" in (refused.first("Reason") or "")
    assert bob.take("CANCEL")


def test_a_phone_that_says_nothing(start: Callable[..., EmbeddedTrunk], party: Callable) -> None:
    """A contact that never answers is 408 after 64 x T1."""
    trunk = start(timers=Timers(t1=0.005, t2=0.05, t4=0.1))
    alice, bob = party("100", trunk), party("101", trunk)
    alice.dial("101")
    assert alice.final()[-1].status == 408
    assert bob.take("INVITE")


def test_the_end_of_the_pbx_ends_its_calls(party: Callable, trunk: EmbeddedTrunk) -> None:
    """Calls get BYE, ringing ones 503 and CANCEL."""
    alice, bob, carol, dave = (party(user) for user in ("100", "101", "102", "103"))
    connected(alice, bob)
    carol.dial("103")
    carol.taken(100)
    dave.respond(dave.take("INVITE"), "180 Ringing")
    carol.taken(180)
    trunk.stop()
    assert alice.take("BYE")
    assert bob.take("BYE")
    assert carol.taken(503)
    assert dave.take("CANCEL")
    assert {call.state for call in trunk.calls} == {"ended"}


def test_calls_are_limited(start: Callable[..., EmbeddedTrunk], party: Callable) -> None:
    """Legs count; one call too many is 486."""
    trunk = start(max_calls=2)
    alice, bob, carol = (party(user, trunk) for user in ("100", "101", "102"))
    connected(alice, bob)
    carol.dial("101")
    assert carol.final()[-1].status == 486


def test_caller_ids(party: Callable) -> None:
    """Users show themselves; the world outside shows what it says, asserted by the PBX."""
    alice, bob, outside = party("100"), party("101"), party("199")
    outside.user, outside.auth = "+12025550142", "199"
    outside.dial("+12025550101")
    invite = bob.take("INVITE")
    assert "<sip:+12025550142@" in (invite.first("From") or "")
    assert "<sip:+12025550142@" in (invite.first("P-Asserted-Identity") or "")
    bob.respond(invite, "486 Busy Here")
    bob.take("ACK")
    alice.user = "103"
    alice.auth = "100"
    alice.dial("101", "Privacy: id")
    invite = bob.take("INVITE")
    assert (invite.first("From") or "").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert invite.first("P-Asserted-Identity") is None


def test_no_header_field_is_smuggled_from_leg_to_leg(party: Callable) -> None:
    """What a URI escapes stays escaped: a line end in a number or name is nobody's header field."""
    bob, outside = party("101"), party("199")
    outside.user, outside.auth = "1%0d%0aX-Evil%3a%201%0d%0aX", "199"
    outside.dial("101")
    invite = bob.take("INVITE")
    assert invite.first("X-Evil") is None
    assert "%0D%0A" in (invite.first("From") or "")
    assert "%0D%0A" in (invite.first("P-Asserted-Identity") or "")
