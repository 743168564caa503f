"""The ladder of a trace, as data and as text."""

import pytest
from msgspec.structs import replace
from reportbuilder import timing, verdict
from wirebuilder import ANSWER, OFFER, REMOTE, Wire, answered_call, refused_call, register_ok, sdp

from probe.report.flow import flow
from probe.report.ladder import FAULTS, Direction, Rung, draw, ladder
from probe.scenario.source import NOWHERE
from probe.trace.failure import Failure
from probe.trace.trace import (
    AgentNote,
    BytesDropped,
    Event,
    IcmpReceived,
    NameLookup,
    TransportChanged,
)
from probe.verdict.verdict import Measured, Mismatch, Outcome


def labels(wire: Wire) -> list[str]:
    """Return the labels of a story's ladder, with the count of copies."""
    return [f"{rung.label} x{rung.copies}" for rung in ladder(wire.trace())]


def test_challenge_is_marked_as_answered() -> None:
    """A 401 that got credentials reads as answered, with no reason phrase."""
    assert [(r.direction.value, r.label, r.note) for r in ladder(register_ok().trace())] == [
        ("sent", "REGISTER", ""),
        ("received", "401", "answered"),
        ("sent", "REGISTER + credentials", ""),
        ("received", "200 OK", ""),
    ]


def test_ack_of_an_answered_challenge_is_left_out() -> None:
    """The ACK of a 407 that we answered says nothing; the ACK of a final does."""
    wire = (
        Wire().send("INVITE", body=OFFER).receive(407).send("ACK").send("INVITE", auth=True)
    ).receive(486)
    assert labels(wire.send("ACK")) == [
        "INVITE (SDP PCMU,PCMA) x1",
        "407 x1",
        "INVITE + credentials x1",
        "486 Busy Here x1",
        "ACK x1",
    ]


def test_unanswered_challenge_keeps_its_reason() -> None:
    """A 401 that ended the attempt reads as any final response."""
    wire = Wire("REGISTER").send("REGISTER").receive(401)
    assert labels(wire) == ["REGISTER x1", "401 Unauthorized x1"]


def test_retransmissions_collapse_into_the_first_copy() -> None:
    """Three copies of an INVITE are one rung that counts them; so are two of a 180."""
    wire = Wire().send("INVITE").resend().resend().receive(180).again()
    assert labels(wire) == ["INVITE x3", "180 Ringing x2"]


def test_a_copy_whose_first_is_missing_is_a_rung() -> None:
    """A trace that begins with a retransmission still shows the message."""
    wire = Wire().send("INVITE").resend()
    trace = wire.trace()
    assert [rung.event for rung in ladder(replace(trace, events=trace.events[1:]))] == [0]


def test_the_same_text_sent_again_on_purpose_is_a_rung_of_its_own() -> None:
    """Only what the trace marks as retransmission collapses."""
    trace = Wire().send("INVITE").resend().trace()
    fresh = replace(trace, events=(trace.events[0], replace(trace.events[1], retransmission=False)))
    assert len(ladder(fresh)) == 2


@pytest.mark.parametrize(
    ("status", "headers", "label"),
    [
        (503, {"Retry-After": "30"}, "503 Retry-After: 30"),
        (302, {"Contact": "<sip:b@c>"}, "302 Contact: <sip:b@c>"),
        (423, {"Min-Expires": "600"}, "423 Min-Expires: 600"),
        (486, {}, "486 Busy Here"),
    ],
)
def test_telling_field_stands_for_the_reason(
    status: int, headers: dict[str, str], label: str
) -> None:
    """What the peer asks for in a header field says more than its reason phrase."""
    assert labels(refused_call(status, headers=headers))[2] == f"{label} x1"


def test_response_without_reason_is_its_code() -> None:
    """An empty reason phrase leaves the code alone."""
    assert labels(refused_call(486, ""))[2] == "486 x1"


def test_description_without_audio_is_said() -> None:
    """A 200 whose SDP has no audio section says so."""
    wire = Wire().send("INVITE").receive(200, body="v=0\r\nm=video 4 RTP/AVP 31\r\n")
    assert labels(wire)[1] == "200 (SDP without audio) x1"


def test_bytes_that_are_no_sip_are_shown_as_such() -> None:
    """Hostile bytes are one safe line."""
    assert labels(Wire().send("INVITE").raw("\x1b[2JHTTP/1.1 400 no\r\nx"))[1] == (
        "not SIP: �[2JHTTP/1.1 400 no x1"
    )


def test_times_begin_where_the_attempt_began() -> None:
    """The first time is counted from the attempt's beginning, or from an earlier first event."""
    trace = answered_call().trace()
    assert ladder(replace(trace, began=-2.0))[0].at == 2.0
    assert ladder(replace(trace, began=3.0))[0].at == 0.0


def test_delays_stand_where_they_end() -> None:
    """Post-dial delay at the 180, set-up at the 200, each with the mark of its bound."""
    judged = verdict(
        delays=timing(pdd_s=0.5, setup_s=1.5),
        measured=(
            Measured(name="pdd", value_s=0.5, bound="max 4s", state="ok"),
            Measured(name="setup", value_s=1.5, bound="max 1s", state="fail"),
        ),
    )
    remarks = [(r.label, r.note, r.mark) for r in ladder(answered_call().trace(), judged)]
    assert remarks[2:4] == [
        ("180 Ringing", "pdd 0.500 s", "✓"),
        ("200 (SDP PCMU)", "setup 1.500 s", "✗"),
    ]


def test_registration_delay_stands_at_the_200() -> None:
    """A warned bound is marked with !, and a delay without a bound has no mark."""
    slow = Measured(name="rrd", value_s=0.03, bound="max 1s, warn 0.01s", state="warn")
    judged = verdict(delays=timing(rrd_s=0.03), measured=(slow,))
    last = ladder(register_ok().trace(), judged)[-1]
    assert (last.note, last.mark) == ("rrd 0.030 s", "!")
    assert ladder(register_ok().trace(), verdict(delays=timing(rrd_s=0.03)))[-1].mark == ""


def test_delay_without_its_event_has_no_place() -> None:
    """A delay that the verdict knows and the trace does not show is left out."""
    rungs = ladder(Wire().send("INVITE").trace(), verdict(delays=timing(pdd_s=1.0)))
    assert [rung.note for rung in rungs] == [""]


def test_evidence_of_a_mismatch_is_crossed() -> None:
    """The last event that proves a mismatch is marked, also where a delay ends there."""
    wrong = Mismatch(
        path="expect.timing.pdd",
        expected="max 0.1s",
        observed="0.5 s",
        evidence=(0, 2),
        source=NOWHERE,
        message="expected max 0.1s, got 0.5 s",
    )
    silent = Mismatch(
        path="expect.x", expected="", observed="", evidence=(), source=NOWHERE, message=""
    )
    elsewhere = Mismatch(
        path="expect.y", expected="", observed="", evidence=(99,), source=NOWHERE, message=""
    )
    judged = verdict(
        Outcome.NOT_MET, mismatches=(wrong, silent, elsewhere), delays=timing(pdd_s=0.5)
    )
    rungs = ladder(answered_call().trace(), judged)
    assert [rung.mark for rung in rungs] == ["", "", "✗", "", "", "", ""]
    assert rungs[2].note == "pdd 0.500 s"


def test_every_failure_has_words() -> None:
    """No failure of the vocabulary is unknown to the ladder."""
    assert set(FAULTS) == set(Failure)


@pytest.mark.parametrize(
    ("wire", "label"),
    [
        (
            Wire().send("INVITE").fail(Failure.NO_RESPONSE, at=10.0, deadline="timeout 10s"),
            "no answer for 10.0 s (timeout)",
        ),
        (
            Wire()
            .send("INVITE")
            .receive(180, at=1.0)
            .fail(Failure.NO_FINAL_RESPONSE, at=61.0, deadline="answer_within=60s"),
            "no final answer for 60.0 s (answer_within)",
        ),
        (
            Wire().fail(Failure.TCP_TIMEOUT, at=5.0),
            "connection not answered for 5.0 s",
        ),
        (
            Wire().send("INVITE").fail(Failure.NO_ROUTE, detail="Network is \x1bunreachable"),
            "this machine has no route there: Network is �unreachable",
        ),
        (Wire().send("INVITE").fail(Failure.AGENT_CRASHED), "our worker process crashed"),
    ],
)
def test_failure_says_what_was_seen(wire: Wire, label: str) -> None:
    """A failure names how long was waited, whose deadline it was, and the kernel's words."""
    last = ladder(wire.trace())[-1]
    assert (last.label, last.mark, last.direction) == (label, "✗", Direction.NONE)


def test_wait_is_counted_for_its_own_call() -> None:
    """Messages of another Call-ID do not begin the wait."""
    wire = Wire(call_id="other").send("INVITE")
    mine = Wire().send("INVITE", at=2.0).fail(Failure.NO_RESPONSE, at=5.0)
    for event in mine.log.all():
        wire.add(event)
    assert ladder(wire.trace())[-1].label == "no answer for 3.0 s"


def icmp(kind: int, code: int, offender: str = "198.51.100.1", remote: str = REMOTE) -> Event:
    """Return an ICMP error."""
    return IcmpReceived(at=0.1, remote=remote, offender=offender, icmp_type=kind, icmp_code=code)


@pytest.mark.parametrize(
    ("event", "label", "note", "mark"),
    [
        (icmp(3, 3), "ICMP port unreachable (3/3)", "", "✗"),
        (
            icmp(3, 13, "203.0.113.9"),
            "ICMP administratively prohibited (3/13)",
            "from 203.0.113.9",
            "✗",
        ),
        (icmp(12, 7), "ICMP error (12/7)", "", "✗"),
        (icmp(1, 4, "2001:db8::1", "[2001:db8::1]:5060"), "ICMP port unreachable (1/4)", "", "✗"),
        (
            NameLookup(
                at=0.1, name="x.invalid", addresses=(), error="unknown", detail="", took_s=0.1
            ),
            "looked up x.invalid: no such name",
            "",
            "✗",
        ),
        (
            NameLookup(at=0.1, name="x", addresses=(), error="failed", detail="", took_s=0.1),
            "looked up x: the look-up failed",
            "",
            "✗",
        ),
        (
            NameLookup(
                at=2.1, name="x", addresses=("192.0.2.1",), error=None, detail="", took_s=2.0
            ),
            "looked up x: 192.0.2.1 after 2.0 s",
            "",
            "",
        ),
        (
            TransportChanged(
                at=0.1, transport="TLS", remote=REMOTE, state="accepted", error="", tls=""
            ),
            "TCP connected, TLS handshake begins",
            "",
            "",
        ),
        (
            TransportChanged(
                at=0.1, transport="TLS", remote=REMOTE, state="connected", error="", tls="TLSv1.2"
            ),
            "TLS connected TLSv1.2",
            "",
            "",
        ),
        (
            TransportChanged(
                at=0.1, transport="TCP", remote=REMOTE, state="disconnected", error="reset", tls=""
            ),
            "TCP disconnected: reset",
            "",
            "✗",
        ),
        (
            TransportChanged(
                at=0.1,
                transport="TLS",
                remote=REMOTE,
                state="disconnected",
                error="SSL",
                tls="",
                certificate=("unknown issuer", "expired"),
            ),
            "TLS certificate refused: unknown issuer; expired",
            "",
            "✗",
        ),
        (
            BytesDropped(at=0.1, remote=REMOTE, size=322, detail="syntax error"),
            "322 bytes, not SIP",
            "syntax error",
            "✗",
        ),
        (AgentNote(at=0.1, kind="crash", detail="SIGABRT"), "crash: SIGABRT", "", "✗"),
        (AgentNote(at=0.1, kind="restart", detail="new worker"), "restart: new worker", "", ""),
    ],
)
def test_other_events_have_rungs(event: Event, label: str, note: str, mark: str) -> None:
    """Faults of names, connections, routers and our own agent stand in the ladder."""
    (rung,) = ladder(Wire().add(event).trace())
    assert (rung.label, rung.note, rung.mark) == (label, note, mark)


@pytest.mark.parametrize(
    "event",
    [
        NameLookup(at=0.1, name="x", addresses=("192.0.2.1",), error=None, detail="", took_s=0.01),
        TransportChanged(
            at=9.0, transport="TCP", remote=REMOTE, state="disconnected", error="", tls=""
        ),
    ],
)
def test_what_is_as_it_should_be_has_no_rung(event: Event) -> None:
    """A quick look-up and an orderly close are not worth a line."""
    assert ladder(Wire().add(event).trace()) == ()


def test_icmp_errors_collapse() -> None:
    """One ICMP error a retransmission is one rung that counts them."""
    assert labels(Wire().add(icmp(3, 3)).add(icmp(3, 3))) == ["ICMP port unreachable (3/3) x2"]


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        (register_ok(), "REGISTER 401 → 200"),
        (answered_call(), "100 180 200 ACK … BYE 200"),
        (
            Wire()
            .send("INVITE")
            .receive(407)
            .send("ACK")
            .send("INVITE", auth=True)
            .receive(180)
            .receive(180, headers={"X": "1"})
            .receive(200, body=ANSWER)
            .send("ACK"),
            "407 → 180 200 ACK",
        ),
        (answered_call().again(), "100 180 200 ACK … BYE 200"),
        (
            Wire().send("INVITE").receive(200).send("ACK").request("BYE", at=3.0).reply(200),
            "200 ACK … BYE (from the peer) 200",
        ),
        (
            Wire()
            .send("INVITE")
            .receive(180)
            .send("CANCEL")
            .receive(200, to="CANCEL")
            .receive(487, to="INVITE")
            .send("ACK"),
            "180 CANCEL 200 487 ACK",
        ),
        (Wire("OPTIONS").send("OPTIONS").receive(200), "OPTIONS 200"),
        (Wire("OPTIONS"), ""),
        (Wire(""), ""),
    ],
)
def test_flow_is_one_line(wire: Wire, shown: str) -> None:
    """What came is said in the words of a scenario, an answered challenge before an arrow."""
    assert flow(wire.trace()) == shown


def test_flow_of_a_hangup_is_its_own_request() -> None:
    """The trace of a hangup also holds the call; only the BYE is its flow."""
    assert flow(replace(answered_call().trace(), method="BYE")) == "BYE 200"


def test_drawing_of_a_call() -> None:
    """The first time is absolute, the others count from the rung above."""
    wire = (
        Wire()
        .send("INVITE", body=sdp("PCMU", "G729"))
        .resend(at=0.5)
        .receive(100, at=0.52)
        .fail(Failure.NO_FINAL_RESPONSE, at=10.5, deadline="timeout 10s")
    )
    assert "\n".join(draw(ladder(wire.trace()), peer="pbx.example")) == (
        "    probe                               pbx.example\n"
        "    0.000  ──── INVITE (SDP PCMU,G729) ×2 ──▶\n"
        "   +0.520  ◀─── 100 Trying ─────────────────\n"
        "   +9.980  ✗ no final answer for 10.0 s (timeout)"
    )


def test_drawing_without_a_message_has_no_columns() -> None:
    """Where nothing was sent there is no probe and no peer."""
    assert draw(ladder(Wire().fail(Failure.NAME_RESOLUTION, at=0.2).trace()), peer="x") == (
        "    0.200  ✗ the name gave no address",
    )


def test_drawing_of_a_long_fault_is_wrapped() -> None:
    """A fault in many words goes on below its own beginning."""
    rung = Rung(event=0, direction=Direction.NONE, label="a " * 30 + "end", at=0.0)
    assert draw([rung], peer="x", width=60) == (
        "    0.000  · " + ("a " * 24).strip(),
        "             " + "a " * 6 + "end",
    )


def test_drawing_stays_inside_80_columns() -> None:
    """Hostile lengths are cut: label, note and the peer's name."""
    rungs = [
        Rung(
            event=n,
            direction=way,
            label="x" * 200,
            at=float(n),
            note="n" * 30,
            mark="✗",
            copies=n + 1,
        )
        for n, way in enumerate((Direction.SENT, Direction.RECEIVED))
    ]
    lines = draw(rungs, peer="y" * 300, width=80)
    assert max(map(len, lines)) == 80
    assert lines[2].count("×2") == 1


def test_time_that_runs_backwards_is_no_negative_delay() -> None:
    """Events are in the order of recording; a stamp from before is shown as no time."""
    rungs = [
        Rung(event=n, direction=Direction.NONE, label="x", at=at)
        for n, at in enumerate((1.0, 0.5, 1.5))
    ]
    assert [line.split()[0] for line in draw(rungs, peer="x")] == ["1.000", "+0.000", "+0.500"]


def test_flow_of_a_transfer_tells_what_its_notifies_told() -> None:
    """202 promises nothing: the fragments say how it went."""
    wire = Wire("REFER").send("REFER", headers={"Refer-To": "<sip:102@x>"}).receive(202)
    for line in ("100 Trying", "180 Ringing", "200 OK"):
        wire.request("NOTIFY", headers={"Content-Type": "message/sipfrag"}, body=f"SIP/2.0 {line}")
        wire.reply(200)
    assert flow(wire.trace()) == "REFER 202 NOTIFY 100 NOTIFY 180 NOTIFY 200"
