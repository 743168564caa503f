"""The BYE or CANCEL for a call whose worker is dead: which calls, which bytes, to whom."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.executor import orphan
from probe.executor.orphan import (
    OpenCall,
    bye_text,
    cancel_text,
    end_call,
    open_calls,
    unheard_invites,
)
from probe.sip.message import SipMessage, parse_message
from probe.trace.failure import Failure
from probe.trace.trace import AgentNote, Event, MessageEvent, MessageReceived, MessageSent


def up(**headers: str | None) -> Wire:
    """Return a call that was answered, and nothing since; ``headers`` are those of the 200."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Wire().send("INVITE").receive(180).receive(200, headers=fields).send("ACK")


def ringing() -> Wire:
    """Return a call that rings."""
    return Wire().send("INVITE").receive(100).receive(180)


def only(wire: Wire) -> OpenCall:
    """Return the one open call of a wire."""
    (call,) = open_calls(wire.log.all())
    return call


def bye(wire: Wire) -> SipMessage:
    """Return the BYE of the one open call of a wire."""
    call = only(wire)
    assert call.answer is not None
    return parse_message(bye_text(call.invite, call.answer))


# -- which calls are open --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wire",
    [
        Wire(),
        register_ok(),
        Wire().send("INVITE"),
        refused_call(486),
        answered_call(),
        up().send("BYE"),
        up().request("BYE"),
        ringing().send("CANCEL").receive(200).receive(487, to="INVITE").send("ACK"),
    ],
)
def test_call_that_nobody_took_up_or_that_ended_is_not_open(wire: Wire) -> None:
    """Neither BYE nor CANCEL may be sent then (RFC 3261 §9.1, §15)."""
    assert open_calls(wire.log.all()) == ()


def test_ringing_call_is_open_without_an_answer() -> None:
    """It owes a CANCEL."""
    call = only(ringing())
    assert call.answer is None
    assert call.invite.method == "INVITE"


def test_call_that_got_only_100_is_open() -> None:
    """A provisional response is enough for a CANCEL to be allowed (RFC 3261 §9.1)."""
    assert only(Wire().send("INVITE").receive(100)).answer is None


def test_answered_call_is_open_with_its_answer() -> None:
    """It owes a BYE."""
    call = only(up())
    assert call.answer is not None
    assert call.answer.status == 200


def test_call_that_answered_a_challenge_is_open_with_the_second_invite() -> None:
    """The refused INVITE ended; the one with credentials is the call."""
    wire = Wire().send("INVITE").receive(407).send("ACK").send("INVITE", auth=True).receive(180)
    assert only(wire).invite.cseq == (2, "INVITE")


def test_challenged_invite_whose_repetition_got_no_answer_is_not_open() -> None:
    """The challenge took up the first INVITE only."""
    wire = Wire().send("INVITE").receive(407).send("ACK").send("INVITE", auth=True)
    assert open_calls(wire.log.all()) == ()


def test_re_invite_does_not_replace_the_call() -> None:
    """A request inside the dialog opens nothing."""
    events = list(up().log.all())
    first = events[0]
    assert isinstance(first, MessageEvent)
    text = first.text.replace("CSeq: 1", "CSeq: 7").replace(
        "To: <sip:+12025550123@198.51.100.1>", "To: <sip:+12025550123@198.51.100.1>;tag=b1"
    )
    events.append(MessageSent(at=9.0, transport="UDP", local="", remote="", text=text))
    (call,) = open_calls(tuple(events))
    assert call.invite.cseq == (1, "INVITE")


def test_answer_to_another_request_does_not_end_a_call() -> None:
    """A 481 to an INFO says nothing of the INVITE's CSeq."""
    call = only(up().send("INFO").receive(481))
    assert call.answer is not None


def test_invite_of_the_peer_is_no_call_of_ours() -> None:
    """We end what we began."""
    assert open_calls(Wire().request("INVITE").log.all()) == ()


def test_bytes_that_are_no_sip_and_notes_are_passed_over() -> None:
    """A peer cannot hide an open call behind rubbish."""
    wire = ringing().raw("\x00\x01").add(AgentNote(at=1.0, kind="warning", detail="x"))
    assert only(wire).answer is None


def test_open_calls_come_in_the_order_of_their_invites() -> None:
    """Two calls of one worker are both ended."""
    first, second = Wire(call_id="a@192.0.2.10"), Wire(call_id="b@192.0.2.10")
    first.send("INVITE").receive(180)
    second.send("INVITE").receive(180)
    found = open_calls((*first.log.all(), *second.log.all()))
    assert [call.invite.call_id for call in found] == ["a@192.0.2.10", "b@192.0.2.10"]


# -- INVITEs that nobody answered ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "unheard"),
    [
        (Wire().send("INVITE"), 1),
        (Wire().send("INVITE").fail(Failure.AGENT_CRASHED), 1),
        (Wire().send("INVITE").resend().raw("rubbish"), 1),
        (Wire().send("INVITE").receive(407).send("ACK").send("INVITE", auth=True), 1),
        (Wire().send("INVITE").fail(Failure.NO_RESPONSE), 0),
        (Wire().send("INVITE").receive(100), 0),
        (refused_call(486), 0),
        (up().request("OPTIONS").reply(200), 0),
        (register_ok(), 0),
    ],
)
def test_invite_is_unheard_until_anything_came_back_or_it_was_given_up(
    wire: Wire, unheard: int
) -> None:
    """Nothing may be sent for such a call, so all that is left is to tell the user."""
    assert len(unheard_invites(wire.log.all())) == unheard


# -- CANCEL ----------------------------------------------------------------------------------------


def test_cancel_repeats_what_identifies_the_invite() -> None:
    """Request-URI, Via with branch, From, To, Call-ID and CSeq number are the INVITE's own."""
    invite = only(ringing()).invite
    cancel = parse_message(cancel_text(invite))
    assert cancel.method == "CANCEL"
    assert cancel.request_uri == invite.request_uri
    assert cancel.all("Via") == (invite.first("Via"),)
    for name in ("From", "To", "Call-ID"):
        assert cancel.first(name) == invite.first(name)
    assert cancel.cseq == (1, "CANCEL")
    assert cancel.to_tag == ""


def test_cancel_takes_the_route_of_the_invite() -> None:
    """Route values are those of the request being cancelled (RFC 3261 §9.1)."""
    wire = Wire().send("INVITE", headers={"Route": "<sip:edge.example;lr>"}).receive(180)
    cancel = parse_message(cancel_text(only(wire).invite))
    assert cancel.all("Route") == ("<sip:edge.example;lr>",)


# -- BYE -------------------------------------------------------------------------------------------


def test_bye_goes_on_in_the_dialog() -> None:
    """Both tags, the same Call-ID, the next CSeq number, a branch of its own (§12.2.1.1)."""
    call = only(up())
    message = bye(up())
    assert call.answer is not None
    assert message.method == "BYE"
    assert message.first("From") == call.invite.first("From")
    assert message.first("To") == call.answer.first("To")
    assert message.to_tag == "b1"
    assert message.call_id == call.invite.call_id
    assert message.cseq == (2, "BYE")
    assert message.branch.startswith("z9hG4bK")
    assert message.branch != call.invite.branch


@pytest.mark.parametrize(
    ("contact", "target"),
    [
        ("<sip:gw@198.51.100.7:5090;ob>", "sip:gw@198.51.100.7:5090;ob"),
        ("sip:gw@198.51.100.7;expires=60", "sip:gw@198.51.100.7"),
        ('"Gate" <sip:gw@198.51.100.7>;q=1', "sip:gw@198.51.100.7"),
        ("<tel:+12025550123>", "sip:+12025550123@198.51.100.1"),
        (None, "sip:+12025550123@198.51.100.1"),
    ],
)
def test_bye_is_for_the_contact_of_the_answer(contact: str | None, target: str) -> None:
    """The remote target is the Request-URI; where it leads nowhere, the INVITE's is."""
    assert bye(up(Contact=contact)).request_uri == target


@pytest.mark.parametrize(
    "recorded",
    [
        "<sip:p1.example;lr>, <sip:p2.example;lr>",
        "<sip:p1.example;lr>,<sip:p2.example;lr>",
    ],
)
def test_bye_takes_the_recorded_route_backwards(recorded: str) -> None:
    """The caller's route set is Record-Route in reverse order (RFC 3261 §12.1.2)."""
    message = bye(up(Record_Route=recorded))
    assert message.all("Route") == ("<sip:p2.example;lr>", "<sip:p1.example;lr>")


# -- on the wire -----------------------------------------------------------------------------------


class Peer:
    """A UDP socket that answers, or does not, in a thread of its own."""

    def __init__(self, *replies: str | None) -> None:
        """Each request gets the next reply: a template over its Call-ID and CSeq, or None."""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(5.0)
        self.port: int = self.sock.getsockname()[1]
        self.seen: list[tuple[str, tuple[str, int]]] = []
        self._replies = replies
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for reply in self._replies:
            try:
                data, origin = self.sock.recvfrom(65535)
            except OSError:
                return
            self.seen.append((data.decode(), origin))
            if reply is not None:
                asked = parse_message(data.decode())
                cseq = f"{asked.cseq[0]} {asked.cseq[1]}"
                self.sock.sendto(reply.format(cseq=cseq).encode(), origin)

    def close(self) -> None:
        """Wait for the thread, close the socket."""
        self._thread.join(5.0)
        self.sock.close()


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Open peers; close them at the end."""
    opened: list[Peer] = []

    def _open(*replies: str | None) -> Peer:
        opened.append(Peer(*replies))
        return opened[-1]

    yield _open
    for one in opened:
        one.close()


OK = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-x\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
    "Call-ID: c1@192.0.2.10\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
)
"""A 200 to whatever is asked."""

GONE = OK.replace("200 OK", "481 Gone")
TRYING = OK.replace("200 OK", "100 Trying")
OTHER = OK.replace("{cseq}", "99 INFO")


def moved(call: OpenCall, *, port: int, local: str = "127.0.0.1:0") -> OpenCall:
    """Return a call whose INVITE went from and to this machine."""
    sent = MessageSent(
        at=0.0, transport="UDP", local=local, remote=f"127.0.0.1:{port}", text=call.sent.text
    )
    return OpenCall(invite=call.invite, answer=call.answer, sent=sent)


def ignore(event: Event) -> None:
    """Record nothing."""


def sent_in(events: list[Event]) -> list[str | None]:
    """Return the methods of the requests that were recorded as sent."""
    return [e.message.method for e in events if isinstance(e, MessageSent)]


def told_in(events: list[Event]) -> str:
    """Return the note that was recorded."""
    (note,) = [event for event in events if isinstance(event, AgentNote)]
    assert note.kind == "cleanup"
    return note.detail


def test_bye_that_is_answered_is_sent_once(peer: Callable[..., Peer]) -> None:
    """It goes to the contact of the answer; both messages stand in the trace."""
    far = peer(OK)
    events: list[Event] = []
    call = only(up(Contact=f"<sip:gw@127.0.0.1:{far.port}>"))
    assert end_call(moved(call, port=1), time.monotonic, events.append)
    assert sent_in(events) == ["BYE"]
    assert [type(event) for event in events] == [MessageSent, MessageReceived, AgentNote]
    assert told_in(events) == "BYE sent for the call that the worker left behind: answered"


def test_refusal_of_the_bye_ends_it_as_well(peer: Callable[..., Peer]) -> None:
    """A 481 says that there is no such call any more."""
    far = peer(GONE)
    call = only(up(Contact=f"<sip:gw@127.0.0.1:{far.port}>"))
    assert end_call(moved(call, port=1), time.monotonic, ignore)


def test_bye_goes_to_the_nearest_recorded_route(peer: Callable[..., Peer]) -> None:
    """Not to the contact, which may be unreachable from here."""
    far = peer(OK)
    recorded = f"<sip:p1.example;lr>, <sip:127.0.0.1:{far.port};lr>"
    call = only(up(Record_Route=recorded))
    assert end_call(moved(call, port=1), time.monotonic, ignore)
    assert "Route: <sip:p1.example;lr>" in far.seen[0][0]


def test_bye_to_a_contact_that_leads_nowhere_goes_where_the_invite_went(
    peer: Callable[..., Peer],
) -> None:
    """A tel: URI has no host (RFC 3966)."""
    far = peer(OK)
    call = only(up(Contact="<tel:+12025550123>"))
    assert end_call(moved(call, port=far.port), time.monotonic, ignore)


@pytest.mark.parametrize(
    "target",
    ["sip:gw@slow.example", "sip:gw@127.0.0.1.example:5060", "sip:gw@224.0.1.75", "sip:gw@0.0.0.0"],
)
@pytest.mark.parametrize("field", ["Contact", "Record-Route"])
def test_name_or_group_in_an_answer_is_neither_looked_up_nor_sent_to(
    peer: Callable[..., Peer], field: str, target: str
) -> None:
    """A resolver may take half a minute: the BYE takes the way of the INVITE."""
    far = peer(OK)
    events: list[Event] = []
    call = only(up(**{field.replace("-", "_"): f"<{target};lr>"}))
    assert end_call(moved(call, port=far.port), time.monotonic, events.append)
    assert {e.remote for e in events if isinstance(e, MessageSent)} == {f"127.0.0.1:{far.port}"}


def test_invite_that_went_to_a_name_gets_no_bye() -> None:
    """Nothing is sent where an address is not known as such."""
    call = only(up(Contact="<sip:gw@slow.example>"))
    sent = MessageSent(
        at=0.0, transport="UDP", local="", remote="slow.example:5060", text=call.sent.text
    )
    events: list[Event] = []
    aimed = OpenCall(invite=call.invite, answer=call.answer, sent=sent)
    assert not end_call(aimed, time.monotonic, events.append)
    assert sent_in(events) == []


@pytest.mark.parametrize("contact", ["<sip:gw@127.0.0.1\r>", "<sip:gw@127.0.0.1 SIP/2.0>"])
def test_contact_cannot_write_lines_of_the_bye(contact: str) -> None:
    """What is no URI does not become the Request-URI."""
    message = bye(up(Contact=contact))
    assert message.request_uri == "sip:+12025550123@198.51.100.1"


def test_ringing_call_is_cancelled_where_its_invite_went(peer: Callable[..., Peer]) -> None:
    """A CANCEL takes the way of its INVITE."""
    far = peer(OK)
    events: list[Event] = []
    assert end_call(moved(only(ringing()), port=far.port), time.monotonic, events.append)
    assert sent_in(events) == ["CANCEL"]
    assert told_in(events).startswith("CANCEL sent")


def test_request_leaves_from_the_port_of_the_dead_worker(peer: Callable[..., Peer]) -> None:
    """A NAT or the peer's access list may know only that one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    far = peer(OK)
    call = moved(only(ringing()), port=far.port, local=f"127.0.0.1:{free}")
    assert end_call(call, time.monotonic, ignore)
    assert far.seen[0][1] == ("127.0.0.1", free)


def test_port_that_is_taken_is_replaced_by_another(peer: Callable[..., Peer]) -> None:
    """A BYE from a strange port is better than none."""
    far = peer(OK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        call = moved(only(ringing()), port=far.port, local=f"127.0.0.1:{number}")
        assert end_call(call, time.monotonic, ignore)
    assert far.seen[0][1][1] != number


def test_worker_that_did_not_say_its_address_is_no_hindrance(peer: Callable[..., Peer]) -> None:
    """Any port of this machine does."""
    far = peer(OK)
    call = moved(only(ringing()), port=far.port, local="")
    assert end_call(call, time.monotonic, ignore)


def test_silent_peer_is_asked_three_times(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copies are the same bytes, and the user is told to look."""
    monkeypatch.setattr(orphan, "WAITS_S", (0.02, 0.02, 0.02))
    far = peer(None, None, None)
    events: list[Event] = []
    assert not end_call(moved(only(ringing()), port=far.port), time.monotonic, events.append)
    assert sent_in(events) == ["CANCEL"] * 3
    far.close()
    assert len({text for text, _ in far.seen}) == 1
    assert "not answered, check at the trunk that it ended" in told_in(events)


@pytest.mark.parametrize("noise", [TRYING, OTHER, "no SIP at all"])
def test_only_a_final_response_to_our_request_counts(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch, noise: str
) -> None:
    """A provisional response, an answer to something else or rubbish is recorded, and we go on."""
    monkeypatch.setattr(orphan, "WAITS_S", (0.05, 2.0))
    far = peer(noise, OK)
    events: list[Event] = []
    assert end_call(moved(only(ringing()), port=far.port), time.monotonic, events.append)
    assert [isinstance(event, MessageReceived) for event in events].count(True) == 2


def test_clock_that_jumps_past_the_wait_is_no_endless_wait(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept sends the next copy instead of listening on."""
    monkeypatch.setattr(orphan, "WAITS_S", (1.0, 1.0))
    far = peer(None, None)
    ticks = itertools.count(0.0, 10.0)
    events: list[Event] = []
    assert not end_call(moved(only(ringing()), port=far.port), lambda: next(ticks), events.append)
    assert sent_in(events) == ["CANCEL"] * 2


def test_contact_that_no_datagram_can_reach_is_told() -> None:
    """A peer may name any number as its port; nothing leaves, and nothing is recorded as sent."""
    events: list[Event] = []
    call = moved(only(up(Contact="<sip:gw@127.0.0.1:99999>")), port=1)
    assert not end_call(call, time.monotonic, events.append)
    assert sent_in(events) == []
    assert "not answered" in told_in(events)


def test_contact_of_another_address_family_does_not_stop_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker at an IPv4 address has no port to hand over to IPv6: any other is taken."""
    monkeypatch.setattr(orphan, "WAITS_S", (0.02,))
    call = moved(only(up(Contact="<sip:gw@[::1]:9>")), port=1, local="127.0.0.1:5060")
    events: list[Event] = []
    assert not end_call(call, time.monotonic, events.append)
    assert "not answered" in told_in(events)


@pytest.mark.parametrize(
    ("wire", "method"),
    [
        (Wire(transport="TCP").send("INVITE").receive(180), "CANCEL"),
        (Wire(transport="TCP").send("INVITE").receive(200).send("ACK"), "BYE"),
    ],
)
def test_call_over_a_connection_cannot_be_ended_and_that_is_told(wire: Wire, method: str) -> None:
    """The connection went with the worker; nothing is sent elsewhere instead."""
    events: list[Event] = []
    assert not end_call(only(wire), time.monotonic, events.append)
    assert sent_in(events) == []
    assert f"its {method} could not be sent" in told_in(events)
    assert "TCP" in told_in(events)
