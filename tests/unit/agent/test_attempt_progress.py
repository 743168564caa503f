"""How far an attempt got: only messages of its own Call-ID count."""

import pytest
from wirebuilder import REMOTE, Wire

from probe.agent.progress import Progress, Watched
from probe.trace.trace import AgentNote, BytesDropped, IcmpReceived, TransportChanged


def seen(wire: Wire, method: str = "INVITE") -> Progress:
    """Return the progress after all events of a wire."""
    progress = Progress(method)
    for event in wire.log.all():
        progress.see(event)
    return progress


def connection(state: str) -> TransportChanged:
    """Return a change of a TLS connection."""
    return TransportChanged(at=0.0, transport="TLS", remote=REMOTE, state=state, error="", tls="")


def test_the_first_request_of_ours_names_the_call() -> None:
    """What the peer sends before, and requests of another method, name no Call-ID."""
    wire = Wire().send("OPTIONS").receive(200).request("OPTIONS")
    assert seen(wire).call_id is None
    assert seen(wire.send("INVITE")).call_id == "c1@192.0.2.10"


def test_messages_of_another_call() -> None:
    """A response with another Call-ID changes nothing."""
    progress = seen(Wire().send("INVITE").receive(200, headers={"Call-ID": "other@x"}))
    assert progress.unanswered


def test_a_message_that_is_not_sip() -> None:
    """Text that cannot be read is passed over."""
    assert seen(Wire().send("INVITE").raw("\x00\x01 not SIP\r\n")).unanswered


def test_events_that_say_nothing_about_progress() -> None:
    """A note of the agent changes nothing."""
    wire = Wire().send("INVITE").add(AgentNote(at=0.0, kind="warning", detail="assertion"))
    assert seen(wire).unanswered


def test_requests_in_a_dialog_that_end_nothing() -> None:
    """INFO either way is no end of the call, and its answers are none of INVITE."""
    wire = Wire().send("INVITE").receive(200).send("ACK").send("INFO").receive(481)
    progress = seen(wire.request("INFO").reply(200))
    assert progress.final_status == 200
    ends = (progress.peer_bye, progress.peer_bye_answered, progress.bye_sent, progress.bye_final)
    assert ends == (False, False, False, False)


def test_a_cancel_is_answered() -> None:
    """The final response to CANCEL is no final response to INVITE."""
    progress = seen(Wire().send("INVITE").receive(180).send("CANCEL").receive(200))
    assert progress.cancel_final
    assert progress.final_status is None
    assert not progress.settled


def test_a_copy_of_a_request_is_no_new_request() -> None:
    """The request is timed from its first copy."""
    assert seen(Wire().send("INVITE").resend(at=0.5)).sent_at == 0.0


def test_what_the_first_request_met_says_nothing_of_the_second() -> None:
    """A request with credentials starts over: errors and responses before it do not count."""
    wire = Wire().send("INVITE")
    wire.add(
        IcmpReceived(at=0.0, remote=REMOTE, offender="192.0.2.1", icmp_type=3, icmp_code=3)
    ).add(BytesDropped(at=0.0, remote=REMOTE, size=1, detail=""))
    before = seen(wire)
    after = seen(wire.receive(100).receive(407).send("ACK").send("INVITE", auth=True, at=2.0))
    assert (len(before.icmp), before.dropped) == (1, 1)
    assert (after.icmp, after.dropped, after.sent_at) == ([], 0, 2.0)
    assert (after.provisional_at, after.final_status, after.unanswered) == (None, None, True)


@pytest.mark.parametrize(
    ("wire", "settled"),
    [
        (Wire().send("INVITE"), True),
        (Wire().send("INVITE").receive(200), True),
        (Wire().send("INVITE").receive(200).send("ACK"), False),
        (Wire().send("INVITE").receive(200).send("ACK").send("BYE"), False),
        (Wire().send("INVITE").receive(200).send("ACK").send("BYE").receive(401), False),
        (Wire().send("INVITE").receive(200).send("ACK").send("BYE").receive(481), True),
        (Wire().send("INVITE").receive(200).send("ACK").request("BYE"), False),
        (Wire().send("INVITE").receive(200).send("ACK").request("BYE").reply(200), True),
        (Wire().send("INVITE").receive(180).send("CANCEL").receive(487, to="INVITE"), True),
    ],
    ids=[
        "begun",
        "answered without ACK",
        "up",
        "BYE sent",
        "BYE challenged",
        "BYE answered",
        "peer's BYE",
        "peer's BYE answered",
        "cancelled",
    ],
)
def test_whether_something_is_still_owed(wire: Wire, *, settled: bool) -> None:
    """A call is settled when neither side owes a message."""
    assert seen(wire).settled is settled


def test_a_connection_that_waits_for_its_handshake() -> None:
    """TCP is up until the connection is complete or lost."""
    states = []
    progress = Progress("REGISTER")
    for state in ("accepted", "connected", "accepted", "disconnected"):
        progress.see(connection(state))
        states.append(progress.accepted)
    assert states == [True, False, True, False]


def shown_to(watched: Watched, wire: Wire) -> None:
    """Show every event of a wire to those who are followed."""
    for event in wire.log.all():
        watched.see(event)


def test_an_attempt_finds_its_messages_among_those_of_others() -> None:
    """One that opens a Call-ID gets its messages; one that is over still gets its own."""
    watched, first, second = Watched(), Progress("INVITE"), Progress("INVITE")
    watched.begin(first)
    shown_to(watched, Wire().send("INVITE").receive(486))
    watched.rest(first)
    watched.begin(second)
    shown_to(watched, Wire(call_id="c2@192.0.2.10").send("INVITE").receive(180))
    assert (first.final_status, second.call_id, second.final_status) == (486, "c2@192.0.2.10", None)
    shown_to(watched, Wire().send("INVITE").receive(200))
    assert (first.final_status, second.final_status) == (200, None)


def test_two_attempts_of_one_call_id() -> None:
    """A second REGISTER keeps the Call-ID: both see its answer."""
    watched, first, second = Watched(), Progress("REGISTER"), Progress("REGISTER")
    watched.begin(first)
    shown_to(watched, Wire().send("REGISTER").receive(200))
    watched.begin(second)
    shown_to(watched, Wire().send("REGISTER").receive(403))
    assert (first.final_status, second.final_status) == (403, 403)
    watched.end(first)
    shown_to(watched, Wire().send("REGISTER").receive(200))
    assert (first.final_status, second.final_status) == (403, 200)


def test_icmp_concerns_who_is_under_way() -> None:
    """What is no message goes to attempts that are not through."""
    watched, first, second = Watched(), Progress("INVITE"), Progress("INVITE")
    for progress in (first, second):
        watched.begin(progress)
        shown_to(watched, Wire(call_id=f"{id(progress)}@x").send("INVITE"))
    watched.rest(first)
    error = IcmpReceived(at=1.0, remote=REMOTE, offender="192.0.2.1", icmp_type=3, icmp_code=3)
    watched.see(error)
    assert (first.icmp, second.icmp) == ([], [error])


def test_an_attempt_that_sent_nothing_is_forgotten() -> None:
    """Once it is through, the next request opens another attempt."""
    watched, first, second = Watched(), Progress("INVITE"), Progress("INVITE")
    watched.begin(first)
    watched.rest(first)
    watched.begin(second)
    shown_to(watched, Wire().send("INVITE"))
    assert (first.call_id, second.call_id) == (None, "c1@192.0.2.10")
