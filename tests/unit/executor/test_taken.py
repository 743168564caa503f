"""Calls that reached a worker which died: found in its trace, ended with a BYE of ours."""

import socket
import threading
from collections.abc import Iterator

import pytest
from wirebuilder import ANSWER, OFFER, Wire

from probe.executor.taken import end_taken, taken_bye, taken_calls
from probe.sip.message import parse_message
from probe.trace.trace import AgentNote, Event

HEADERS = {
    "Contact": "<sip:100@198.51.100.7:5090>",
    "From": "<sip:100@pbx.example>;tag=theirs",
    "To": "<sip:101@pbx.example>",
    "Record-Route": "<sip:198.51.100.8:5070;lr>, <sip:198.51.100.9;lr>",
}


def reached(headers: dict[str, str] | None = None) -> Wire:
    """Return a call that reached us and that we answered."""
    wire = Wire("INVITE", call_id="taken-1", number="101")
    wire.request("INVITE", headers=headers or HEADERS, body=OFFER).reply(180)
    return wire.reply(200, body=ANSWER).request("ACK", headers={"CSeq": "1 ACK"})


def test_call_that_is_up_is_found() -> None:
    """Answered and not ended by either side."""
    (call,) = taken_calls(reached().log.all())
    assert call.answer.status == 200
    assert call.invite.call_id == "taken-1"


@pytest.mark.parametrize(
    "wire",
    [
        Wire("INVITE").request("INVITE", body=OFFER).reply(180),
        Wire("INVITE").request("INVITE", body=OFFER).reply(486),
        reached().request("BYE").reply(200),
        reached().send("BYE").receive(200),
        Wire("INVITE").send("INVITE", body=OFFER).receive(200, body=ANSWER).send("ACK"),
    ],
    ids=["rings", "refused", "their BYE", "our BYE", "our call"],
)
def test_nothing_else_is_ours_to_end(wire: Wire) -> None:
    """What rings ends with the caller; what we placed is looked for elsewhere."""
    assert taken_calls(wire.log.all()) == ()


def test_bye_of_the_called_side() -> None:
    """Target and routes of the INVITE, tags turned round, a number of our own (§12.2.1.1)."""
    (call,) = taken_calls(reached().send("INFO").receive(200).log.all())
    bye = parse_message(taken_bye(call))
    assert bye.request_uri == "sip:100@198.51.100.7:5090"
    assert bye.all("Route") == ("<sip:198.51.100.8:5070;lr>", "<sip:198.51.100.9;lr>")
    assert (bye.from_tag, bye.to_tag) == (call.answer.to_tag, "theirs")
    assert bye.cseq[0] > call.number > 0


@pytest.fixture
def far_end() -> Iterator[tuple[int, list[str]]]:
    """Return the port of a peer on loopback that answers one BYE, and what it heard."""
    heard: list[str] = []
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", 0))
    wire.settimeout(10.0)

    def answer() -> None:
        data, origin = wire.recvfrom(65535)
        heard.append(data.decode())
        request = parse_message(heard[0])
        lines = [
            "SIP/2.0 200 OK",
            f"Via: {request.first('Via')}",
            f"From: {request.first('From')}",
            f"To: {request.first('To')}",
            f"Call-ID: {request.call_id}",
            f"CSeq: {request.first('CSeq')}",
            "Content-Length: 0",
        ]
        wire.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), origin)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield wire.getsockname()[1], heard
    thread.join(10.0)
    wire.close()


def test_bye_is_sent_and_its_answer_heard(far_end: tuple[int, list[str]]) -> None:
    """Where the Contact is an address, it goes there."""
    port, heard = far_end
    recorded: list[Event] = []
    headers = {
        "Contact": f"<sip:100@127.0.0.1:{port}>",
        "From": "<sip:100@x>;tag=t",
        "To": "<sip:101@x>",
    }
    (call,) = taken_calls(reached(headers).log.all())
    assert end_taken(call, lambda: float(len(recorded)) / 100, recorded.append)
    assert heard[0].startswith(f"BYE sip:100@127.0.0.1:{port} SIP/2.0\r\n")
    assert isinstance(recorded[-1], AgentNote)


def test_connection_that_went_with_the_worker_is_told() -> None:
    """No BYE can be sent, and a note says so."""
    recorded: list[Event] = []
    wire = Wire("INVITE", transport="TCP", call_id="t2").request("INVITE", headers=HEADERS)
    wire.reply(200, body=ANSWER)
    (call,) = taken_calls(wire.log.all())
    assert not end_taken(call, lambda: 1.0, recorded.append)
    (note,) = recorded
    assert isinstance(note, AgentNote)
    assert "TCP" in note.detail
