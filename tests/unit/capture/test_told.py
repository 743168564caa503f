"""Stories of a capture: who is who, what belongs together, how it ended, and what stays open."""

from collections.abc import Callable
from pathlib import Path

import pytest
from framebuilder import ACK, RST, SYN, THEM, THEM6, US, US6, Film, icmp, tcp, udp
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok

from probe.capture.dialog import AddressError, Us
from probe.capture.reading import read
from probe.capture.told import Tale, Told, tell
from probe.plan.action import Call, Options, Register, Unregister
from probe.scenario.source import NOWHERE
from probe.trace.failure import Failure
from probe.trace.trace import IcmpReceived, MessageReceived, MessageSent, NameLookup
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome

Tell = Callable[..., list[Told]]


@pytest.fixture
def film_tells(tmp_path: Path) -> Tell:
    """Return what writes a film and reads what it tells."""

    def told(film: Film, us: str | None = None) -> list[Told]:
        return list(tale(film, tmp_path, us).told)

    return told


def tale(film: Film, folder: Path, us: str | None = None) -> Tale:
    """Return everything that a film tells."""
    return tell(read(film.pcap(folder / "x.pcap")), us=Us.of(us) if us else None)


def outcome(one: Told) -> Outcome:
    """Return the verdict on a story."""
    return judge(None, one.judged, NOWHERE).outcome


def failure(one: Told) -> Failure | None:
    """Return what ended it."""
    found = one.trace.failure()
    return found.failure if found else None


def unanswered(method: str = "INVITE") -> Wire:
    """Return a request with its retransmissions until Timer B."""
    wire = Wire(method).send(method, body=OFFER if method == "INVITE" else "")
    for at in (0.5, 1.5, 3.5, 7.5, 15.5, 31.5):
        wire.resend(at=at)
    return wire


# What is told -----------------------------------------------------------------------------------


def test_a_call_is_the_trace_that_a_run_would_have_made(film_tells: Tell) -> None:
    """Same messages, directions and times."""
    wire = answered_call()
    (one,) = film_tells(Film().wire(wire))
    made = wire.trace().events
    assert [(type(e), e.text) for e in one.trace.events] == [(type(e), e.text) for e in made]  # type: ignore[union-attr]
    assert [e.at for e in one.trace.events] == pytest.approx([e.at for e in made], abs=2e-6)
    assert outcome(one) is Outcome.MET
    assert (one.open, failure(one)) == ("", None)
    assert (one.us, one.them) == ("192.0.2.10:5060", "198.51.100.1:5060")
    assert one.frames == (1, len(made))


@pytest.mark.parametrize(("near", "far"), [(US, THEM), (US6, THEM6)])
@pytest.mark.parametrize("size", [40, 1400])
def test_a_call_over_tcp(
    film_tells: Tell, near: tuple[str, int], far: tuple[str, int], size: int
) -> None:
    """In pieces, both versions of IP; a connection that is closed after the call is no fault."""
    client = (near[0], 41000)
    film = Film().connect(client, far)
    film.wire(answered_call(), us=client, them=far, stream=True, size=size)
    film.packet(tcp(far, client, seq=5, flags=RST))
    (one,) = film_tells(film.pause(1))
    assert outcome(one) is Outcome.MET
    assert all(isinstance(e, MessageSent | MessageReceived) for e in one.trace.events)


def test_the_attempt_knows_what_the_request_says(film_tells: Tell) -> None:
    """Number, interval, target; no account, no expectation."""
    expires = {"Expires": "0"}
    film = (
        Film()
        .wire(refused_call(403), call_id="1")
        .wire(register_ok(), call_id="2")
        .wire(Wire("REGISTER").send("REGISTER", headers=expires).receive(200), call_id="3")
        .wire(Wire("OPTIONS").send("OPTIONS").receive(200), call_id="4")
        .wire(Wire("MESSAGE").send("MESSAGE").receive(202), call_id="5")
    )
    told = film_tells(film)
    assert [one.attempt.label.partition(" at ")[0] for one in told] == [
        "call +12025550123",
        "register 100@198.51.100.1",
        "register 100@198.51.100.1",
        "OPTIONS sip:+12025550123@198.51.100.1",
        "MESSAGE sip:+12025550123@198.51.100.1",
    ]
    kinds = [type(one.attempt.action) for one in told]
    assert kinds[:4] == [Call, Register, Unregister, Options]
    assert [one.attempt.direction for one in told] == [
        "outbound",
        *["register"] * 2,
        *["outbound"] * 2,
    ]
    assert all(one.attempt.account is None for one in told)
    assert [one.attempt.step for one in told] == [1, 2, 3, 4, 5]
    assert [outcome(one) for one in told] == [Outcome.NOT_MET, *[Outcome.MET] * 4]


@pytest.mark.parametrize(
    ("headers", "expires"),
    [
        ({"Expires": "120"}, 120),
        ({"Contact": "<sip:a@b>;expires=60;q=1", "Expires": "9"}, 60),
        ({}, 3600),
        ({"Expires": "soon"}, 3600),
        ({"Expires": "9999999999"}, 2**32 - 1),
    ],
)
def test_interval_of_a_registration(
    film_tells: Tell, headers: dict[str, str], expires: int
) -> None:
    """The Contact's parameter goes before the header field (RFC 3261 §10.2.1.1)."""
    (one,) = film_tells(
        Film().wire(Wire("REGISTER").send("REGISTER", headers=headers).receive(200))
    )
    assert isinstance(one.attempt.action, Register)
    assert one.attempt.action.expires == expires


def test_every_refresh_of_a_registration_counts(film_tells: Tell) -> None:
    """One Call-ID over three refreshes, the second of them refused: one failure of three."""
    wire = (
        Wire("REGISTER")
        .send("REGISTER").receive(401).send("REGISTER", auth=True).receive(200)
        .send("REGISTER", at=60, auth=True).receive(403)
        .send("REGISTER", at=120, auth=True).receive(401, stale=True)
        .send("REGISTER", auth=True).receive(200)
    )  # fmt: skip
    told = film_tells(Film().wire(wire))
    assert [outcome(one) for one in told] == [Outcome.MET, Outcome.NOT_MET, Outcome.MET]
    assert [len(one.trace.events) for one in told] == [4, 2, 4]


def test_interval_that_is_too_brief_is_one_story(film_tells: Tell) -> None:
    """423 is answered by the same request with a longer interval."""
    wire = Wire("REGISTER").send("REGISTER").receive(423).send("REGISTER").receive(200)
    (one,) = film_tells(Film().wire(wire))
    assert outcome(one) is Outcome.MET


def test_pings_in_one_call_id_are_told_one_by_one(film_tells: Tell) -> None:
    """Some send OPTIONS under one Call-ID for ever, and beside a registration."""
    wire = Wire("OPTIONS").send("OPTIONS").receive(200).send("OPTIONS", at=30).receive(503)
    wire.send("REGISTER", at=31).receive(200, to="REGISTER")
    told = film_tells(Film().wire(wire))
    assert [one.trace.method for one in told] == ["OPTIONS", "OPTIONS", "REGISTER"]
    assert [outcome(one) for one in told] == [Outcome.MET, Outcome.NOT_MET, Outcome.MET]


# Who is who -------------------------------------------------------------------------------------


def proxied() -> Film:
    """Return a call through a proxy: two legs of one Call-ID, both captured at the proxy."""
    far = ("203.0.113.5", 5060)
    film = Film()
    for event in refused_call(486).trace().events:
        assert isinstance(event, MessageSent | MessageReceived)
        first, second = (US, THEM), (THEM, far)
        text = event.text.encode()
        if isinstance(event, MessageReceived):
            first, second = (far, THEM), (THEM, US)
        via = b"Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK-proxy\r\nVia:"
        outer = [text, text.replace(b"Via:", via, 1)]
        for ends, data in zip(
            (first, second), outer if ends_out(event) else outer[::-1], strict=True
        ):
            film.packet(udp(*ends, data))
    return film


def ends_out(event: object) -> bool:
    """Whether a message goes away from the caller."""
    return isinstance(event, MessageSent)


def test_a_proxy_is_no_part_of_the_callers_story(film_tells: Tell) -> None:
    """Its own leg of the same Call-ID is between others."""
    (one,) = film_tells(proxied())
    assert len(one.trace.events) == len(refused_call(486).trace().events)
    assert {e.remote for e in one.trace.events} == {"198.51.100.1:5060"}  # type: ignore[union-attr]


def test_messages_between_others_are_counted(tmp_path: Path) -> None:
    """It is said how many are left out."""
    notes = tale(proxied(), tmp_path).notes
    assert "messages between others than the two sides of their story: 4" in notes


def test_us_can_be_chosen(film_tells: Tell) -> None:
    """From the called side the same call is an incoming one, and our own answer is explained."""
    (one,) = film_tells(Film().wire(refused_call(404)), us="198.51.100.1")
    assert one.attempt.direction == "inbound"
    assert one.us == "198.51.100.1:5060"
    assert [type(e) for e in one.trace.events] == [
        *(MessageReceived, MessageSent),
        *(MessageSent, MessageReceived),
    ]
    assert outcome(one) is Outcome.NOT_MET


@pytest.mark.parametrize("us", ["192.0.2.10", "192.0.2.10:5060", "198.51.100.1:5060"])
def test_us_with_and_without_a_port(film_tells: Tell, us: str) -> None:
    """A port says which of several programs of one address."""
    (one,) = film_tells(Film().wire(refused_call(404)), us=us)
    assert one.us.startswith(us)


def test_stories_of_others_are_left_out(film_tells: Tell) -> None:
    """With --us only what our address took part in is told."""
    film = (
        Film().wire(refused_call(404)).wire(refused_call(403), us=("192.0.2.77", 5060), call_id="2")
    )
    assert len(film_tells(film)) == 2
    (one,) = film_tells(film, us="192.0.2.77")
    assert one.call_id == "2"
    assert film_tells(film, us="192.0.2.10:5070") == []


@pytest.mark.parametrize("written", ["me", "1.2.3", "1.2.3.4:", "1.2.3.4:123456", "[::1", ""])
def test_an_address_that_is_none(written: str) -> None:
    """The form is shown."""
    with pytest.raises(AddressError, match=r"is no address: write 192\.0\.2\.10, "):
        Us.of(written)


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [("2001:DB8:0::1", "2001:db8::1", None), ("[2001:db8::1]:5060", "2001:db8::1", 5060)],
)
def test_an_address_of_version_6(written: str, host: str, port: int | None) -> None:
    """In brackets with a port, else without; in its one form (RFC 5952)."""
    assert Us.of(written) == Us(host, port)


def test_both_sides_on_one_address(film_tells: Tell) -> None:
    """Ports tell who is who on loopback."""
    near, far = ("127.0.0.1", 40000), ("127.0.0.1", 5060)
    (one,) = film_tells(Film("null").wire(answered_call(), us=near, them=far))
    assert outcome(one) is Outcome.MET
    assert (one.us, one.them) == ("127.0.0.1:40000", "127.0.0.1:5060")


def test_connection_back_to_the_port_of_our_contact(film_tells: Tell) -> None:
    """On loopback a BYE that comes on a connection of theirs is still theirs."""
    near, far = ("127.0.0.1", 41000), ("127.0.0.1", 5060)
    contact = {"Contact": "<sip:100@127.0.0.1:5070>"}
    wire = Wire("INVITE", transport="TCP").send("INVITE", body=OFFER, headers=contact)
    wire.receive(200, body=ANSWER).send("ACK")
    film = Film("null").connect(near, far).wire(wire, us=near, them=far, stream=True)
    wire.request("BYE").reply(200)
    theirs, ours = ("127.0.0.1", 43000), ("127.0.0.1", 5070)
    bye, ok = wire.trace().events[-2:]
    film.connect(theirs, ours)
    film.stream(theirs, ours, bye.text.encode())  # type: ignore[union-attr]
    film.stream(ours, theirs, ok.text.encode())  # type: ignore[union-attr]
    (one,) = film_tells(film)
    assert [type(e) for e in one.trace.events[-2:]] == [MessageReceived, MessageSent]


def test_capture_that_begins_in_mid_call(tmp_path: Path) -> None:
    """Responses before the first request are counted; the BYE is told."""
    wire = answered_call()
    film = Film()
    for event in wire.trace().events[3:]:
        assert isinstance(event, MessageSent | MessageReceived)
        ends = (US, THEM) if isinstance(event, MessageSent) else (THEM, US)
        film.packet(udp(*ends, event.text.encode()))
    found = tale(film, tmp_path)
    (one,) = found.told
    assert one.trace.method == "BYE"
    assert any(
        note.startswith("messages whose request is not in the capture: ") for note in found.notes
    )


# How it ended -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS"])
def test_silence_until_the_timer_ran_out(film_tells: Tell, method: str) -> None:
    """The capture goes on: nothing came for 32 s."""
    (one,) = film_tells(Film().wire(unanswered(method)).pause(10))
    assert failure(one) is Failure.NO_RESPONSE
    assert outcome(one) is Outcome.NOT_MET
    assert one.open == ""
    assert any("another way" in text for text in one.unknown)


@pytest.mark.parametrize(("method", "timer"), [("INVITE", "Timer B"), ("REGISTER", "Timer F")])
def test_silence_until_the_capture_ends(film_tells: Tell, method: str, timer: str) -> None:
    """20 s of silence prove nothing."""
    (one,) = film_tells(Film().wire(Wire(method).send(method).resend(at=0.5)).pause(19.5))
    assert one.open == (
        f"the capture ends 20 s after the {method}, before {timer} (32 s) ends the wait for a "
        "first response"
    )
    assert failure(one) is None


def test_ringing_until_the_capture_ends(film_tells: Tell) -> None:
    """A telephone may ring for minutes."""
    wire = Wire().send("INVITE").receive(100).receive(180, at=1)
    (one,) = film_tells(Film().wire(wire).pause(60))
    assert one.open.startswith(
        "the capture ends 60 s after the 180, before a proxy's Timer C (180 s)"
    )
    (one,) = film_tells(Film().wire(wire).pause(200))
    assert (one.open, failure(one)) == ("", Failure.NO_FINAL_RESPONSE)


def test_provisional_to_another_request(film_tells: Tell) -> None:
    """Timer F ends the wait for a final response to a REGISTER (RFC 3261 §17.1.2.2)."""
    wire = Wire("REGISTER").send("REGISTER").receive(100, at=2)
    (one,) = film_tells(Film().wire(wire).pause(20))
    assert "Timer F" in one.open
    (one,) = film_tells(Film().wire(wire).pause(40))
    assert failure(one) is Failure.NO_FINAL_RESPONSE


def cancelled(after: float, *, rang: bool, ended: bool = True) -> Wire:
    """Return a call that its caller cancels."""
    wire = Wire().send("INVITE").receive(100)
    if rang:
        wire.receive(180)
    wire.send("CANCEL", at=after).receive(200, to="CANCEL")
    if ended:
        wire.receive(487, to="INVITE").send("ACK")
    return wire


@pytest.mark.parametrize(("after", "rang"), [(40.0, True), (3.0, True), (3.0, False)])
def test_caller_who_hangs_up(film_tells: Tell, after: float, rang: bool) -> None:
    """Ringing that nobody answers, or a misdialled number, is no fault of the trunk."""
    (one,) = film_tells(Film().wire(cancelled(after, rang=rang)))
    assert outcome(one) is Outcome.MET
    assert one.trace.our_cancel


def test_caller_who_gave_up_waiting(film_tells: Tell) -> None:
    """CANCEL after 20 s without ringing: the 487 answers the CANCEL, and nothing else came."""
    (one,) = film_tells(Film().wire(cancelled(20.0, rang=False)))
    assert failure(one) is Failure.NO_FINAL_RESPONSE
    assert outcome(one) is Outcome.NOT_MET
    found = one.trace.failure()
    assert found is not None
    assert found.detail == "the calling side gave up: CANCEL after 20 s without ringing"


def test_cancel_that_ends_nothing(film_tells: Tell) -> None:
    """Without a 487 the INVITE is still open on their side."""
    wire = cancelled(3.0, rang=True, ended=False)
    (one,) = film_tells(Film().wire(wire).pause(5))
    assert one.open == "the capture ends 5.0 s after the CANCEL, before the 487"
    (one,) = film_tells(Film().wire(wire).pause(40))
    assert failure(one) is Failure.NO_FINAL_RESPONSE


def test_challenge_at_the_end_of_the_capture(film_tells: Tell) -> None:
    """The login may have come a moment later."""
    wire = Wire("REGISTER").send("REGISTER").receive(401)
    (one,) = film_tells(Film().wire(wire).pause(1))
    assert one.open == "the capture ends 1.0 s after the 401, before a login"
    (one,) = film_tells(Film().wire(wire).pause(6))
    assert (one.open, outcome(one)) == ("", Outcome.NOT_MET)


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        (Wire().send("INVITE").receive(200, body=ANSWER), "after the 200, before an ACK"),
        (
            Wire().send("INVITE").receive(200, body=ANSWER).send("ACK").send("BYE"),
            "after the BYE, before an answer",
        ),
    ],
    ids=["ACK", "BYE"],
)
def test_call_whose_end_is_not_seen(film_tells: Tell, wire: Wire, says: str) -> None:
    """An ACK or the answer to a BYE may be on its way; after half a minute it is missing."""
    (one,) = film_tells(Film().wire(wire).pause(2))
    assert says in one.open
    (one,) = film_tells(Film().wire(wire).pause(40))
    assert (one.open, outcome(one)) == ("", Outcome.NOT_MET)


def test_call_that_is_still_up(film_tells: Tell) -> None:
    """Nothing is owed while people talk."""
    wire = Wire().send("INVITE").receive(200, body=ANSWER).send("ACK")
    (one,) = film_tells(Film().wire(wire))
    assert (one.open, outcome(one)) == ("", Outcome.MET)


def test_answer_that_came_late_is_an_answer(film_tells: Tell) -> None:
    """A 403 after 40 s is what the trunk said."""
    wire = unanswered().receive(403, at=40.0)
    (one,) = film_tells(Film().wire(wire).pause(60))
    assert failure(one) is None
    final = one.trace.final()
    assert final is not None
    assert final.status == 403


# The network ------------------------------------------------------------------------------------


def invite(film: Film, **more: object) -> bytes:
    """Add an INVITE to a film and return its packet."""
    film.wire(Wire().send("INVITE", body=OFFER), **more)  # type: ignore[arg-type]
    return film.frames[-1][1][14:]


@pytest.mark.parametrize("quoted", [28, 600])
def test_icmp_error_belongs_to_the_request_that_it_quotes(film_tells: Tell, quoted: int) -> None:
    """By its Call-ID, or where a router quotes eight bytes only, by its ends and its time."""
    film = Film()
    invite(film, call_id="other")
    film.wire(Wire().send("INVITE").receive(486), call_id="fine")
    packet = invite(film, call_id="mine")
    film.packet(icmp("198.51.100.1", packet[:quoted], 3, 3))
    told = {one.call_id: one for one in film_tells(film)}
    assert failure(told["mine"]) is Failure.PORT_UNREACHABLE
    assert not any("another way" in text for text in told["mine"].unknown)
    assert failure(told["other"]) is None
    (event,) = [e for e in told["mine"].trace.events if isinstance(e, IcmpReceived)]
    assert (event.offender, event.remote, event.icmp_type, event.icmp_code) == (
        "198.51.100.1", "198.51.100.1:5060", 3, 3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "code", "wanted"),
    [
        (3, 1, Failure.HOST_UNREACHABLE),
        (3, 13, Failure.PROHIBITED),
        (11, 0, Failure.HOST_UNREACHABLE),
    ],
)
def test_what_icmp_says(film_tells: Tell, kind: int, code: int, wanted: Failure) -> None:
    """Routers and filters name themselves."""
    film = Film()
    film.packet(icmp("203.0.113.1", invite(film)[:28], kind, code))
    (one,) = film_tells(film)
    assert failure(one) is wanted


def test_icmp_error_about_something_else(film_tells: Tell) -> None:
    """Another Call-ID, other ports, or an answer that came all the same."""
    film = Film()
    packet = invite(film, call_id="gone")
    film.frames.clear()
    invite(film, call_id="here")
    film.packet(icmp("198.51.100.1", packet, 3, 3))
    film.packet(icmp("198.51.100.1", udp(US, ("198.51.100.1", 53), b"x"), 3, 3))
    (one,) = film_tells(film)
    assert failure(one) is None
    film = Film()
    film.packet(icmp("198.51.100.1", invite(film), 3, 3))
    film.wire(Wire().send("INVITE").resend().receive(486))
    (one,) = film_tells(film)
    assert failure(one) is None


def test_connection_refused(film_tells: Tell) -> None:
    """RST to SYN on a port of SIP; three tries of it are one story."""
    client = ("192.0.2.10", 41000)
    film = Film()
    for number in range(3):
        near = (client[0], client[1] + number)
        film.packet(tcp(near, THEM, seq=1, flags=SYN)).packet(
            tcp(THEM, near, seq=0, flags=RST | ACK)
        )
    (one,) = film_tells(film)
    assert failure(one) is Failure.TCP_REFUSED
    assert one.notes == ("asked for 3 times",)
    assert one.attempt.label.startswith("connect to 198.51.100.1:5060 at ")


def test_connection_that_nobody_answers(film_tells: Tell) -> None:
    """SYN again and again: a failure after 32 s of capture, not before."""
    film = Film()
    for at in (0.0, 1.0, 3.0, 7.0):
        film.packet(tcp(("192.0.2.10", 41000), THEM, seq=1, flags=SYN), at=at)
    assert film_tells(film) == []
    (one,) = film_tells(film.pause(30))
    assert failure(one) is Failure.TCP_TIMEOUT


def test_connection_that_a_router_refuses(film_tells: Tell) -> None:
    """ICMP about a SYN."""
    syn = tcp(("192.0.2.10", 41000), THEM, seq=1, flags=SYN)
    (one,) = film_tells(Film().packet(syn).packet(icmp("203.0.113.1", syn, 3, 13)))
    assert failure(one) is Failure.PROHIBITED


def test_connections_of_others_are_nobodys_business(film_tells: Tell) -> None:
    """A web server that refuses is no story, unless SIP was seen at its port."""
    web = (THEM[0], 8080)
    refused = [
        tcp(("192.0.2.10", 41000), web, seq=1, flags=SYN),
        tcp(web, ("192.0.2.10", 41000), seq=0, flags=RST | ACK),
    ]
    film = Film()
    for packet in refused:
        film.packet(packet)
    assert film_tells(film) == []
    (refusal, _) = sorted(
        film_tells(film.wire(refused_call(486), them=web)), key=lambda one: one.trace.method
    )
    assert failure(refusal) is Failure.TCP_REFUSED


@pytest.mark.parametrize("flags", [RST, ACK | 1])
def test_connection_that_is_closed_in_mid_request(film_tells: Tell, flags: int) -> None:
    """No answer, and no way for one."""
    client = ("192.0.2.10", 41000)
    film = Film().connect(client, THEM)
    film.wire(Wire(transport="TCP").send("INVITE"), us=client, stream=True)
    film.packet(tcp(THEM, client, seq=0, flags=flags))
    (one,) = film_tells(film)
    assert failure(one) is Failure.CONNECTION_LOST


def test_tls_that_is_refused_by_us(film_tells: Tell) -> None:
    """Our side's alert about their certificate has a name; what is said inside has none."""
    client, server = ("192.0.2.10", 41000), ("198.51.100.1", 5061)
    hello = bytes([22, 3, 1, 0, 100]) + bytes(100)
    film = (
        Film().connect(client, server).stream(client, server, hello).stream(server, client, hello)
    )
    film.stream(client, server, b"\x15\x03\x03\0\x02\x02\x2d")
    (one,) = film_tells(film)
    assert failure(one) is Failure.TLS_CERTIFICATE
    found = one.trace.failure()
    assert found is not None
    assert found.detail == "TLS alert certificate expired (45) from 192.0.2.10:41000"


def test_tls_is_unknown_where_it_is_with_the_same_host(film_tells: Tell) -> None:
    """What another host says in secret has nothing to do with a call."""
    film = Film().wire(refused_call(403), call_id="1")
    film.wire(refused_call(403), them=("203.0.113.8", 5060), call_id="2")
    client, server = ("192.0.2.10", 41000), ("198.51.100.1", 5061)
    hello = bytes([22, 3, 1, 0, 100]) + bytes(100)
    film.connect(client, server).stream(client, server, hello)
    words = "What was said over TLS with 198.51.100.1:5061: it cannot be read."
    assert [words in one.unknown for one in film_tells(film)] == [True, False]


def test_names_that_were_asked_for(film_tells: Tell) -> None:
    """The look-up of the Request-URI's host, with how long it took."""
    film = Film().dns(US[0], "pbx.example", THEM[0]).dns(US[0], "other.example", "203.0.113.9")
    film.dns(US[0], "pbx.example", kind=28).dns("192.0.2.77", "pbx.example", rcode=3)
    wire = refused_call(404).trace()
    texts = [
        e.text.replace("sip:+12025550123@198.51.100.1 ", "sip:+12025550123@pbx.example ")
        for e in wire.events
    ]  # type: ignore[union-attr]
    for event, text in zip(wire.events, texts, strict=True):
        ends = (US, THEM) if isinstance(event, MessageSent) else (THEM, US)
        film.packet(udp(*ends, text.encode()))
    (one,) = film_tells(film)
    (event,) = [e for e in one.trace.events if isinstance(e, NameLookup)]
    assert (event.name, event.addresses, event.error) == ("pbx.example", (THEM[0],), None)
    assert event.took_s == pytest.approx(0.01, abs=1e-3)
    assert not any("DNS" in text for text in one.unknown)


def test_name_that_is_not_in_the_capture_is_unknown(film_tells: Tell) -> None:
    """What DNS said cannot be known."""
    film = Film()
    text = Wire().send("INVITE").receive(404).trace().events[0].text  # type: ignore[union-attr]
    film.packet(udp(US, THEM, text.replace("123@198.51.100.1 ", "123@pbx.example ").encode()))
    (one,) = film_tells(film)
    assert "What DNS says of pbx.example: no look-up of it is in the capture." in one.unknown
    assert one.unknown[0] == "How our side is configured: a capture holds messages, no settings."


def test_datagrams_that_were_captured_twice_count_once(tmp_path: Path) -> None:
    """A capture on all interfaces shows a packet at each; a retransmission comes later."""
    film = Film()
    wire = Wire().send("INVITE").resend(at=0.5).receive(486)
    for event in wire.trace().events:
        ends = (US, THEM) if isinstance(event, MessageSent) else (THEM, US)
        for more in (0.0, 0.001):
            film.packet(udp(*ends, event.text.encode()), at=event.at + more)  # type: ignore[union-attr]
    found = tale(film, tmp_path)
    (one,) = found.told
    assert [e.retransmission for e in one.trace.events] == [False, True, False]  # type: ignore[union-attr]
    assert "captured twice and counted once: 3" in found.notes


def test_what_stays_secret(film_tells: Tell) -> None:
    """Digest responses, nonces and keys are gone before anything is told; equal stay equal."""
    wire = Wire("REGISTER").send("REGISTER").receive(401, nonce="dcd98b7102dd2f0e")
    wire.send("REGISTER", auth=True).receive(200)
    (one,) = film_tells(Film().wire(wire))
    text = "".join(e.text for e in one.trace.events)  # type: ignore[union-attr]
    assert "dcd98b7102dd2f0e" not in text
    assert "0123456789abcdef" not in text
    assert text.count('nonce="redacted-1"') == 2
