"""How far an attempt got: only messages of its own Call-ID count."""

import pytest
from wirebuilder import REMOTE, Wire

from probe.agent.progress import Progress
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
