"""OPTIONS as a control: what each kind of peer looks like, and where is asked."""

import socket
import time
from collections.abc import Callable

import pytest
from asking import account, answer, attempt, closed_port, datagrams, empty_trace, streams
from msgspec.structs import replace
from wirebuilder import ANSWER, Wire

from probe.controls.inquiry import LIMIT_S, Inquiry
from probe.plan.action import Account
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace


def ask(
    of: Account, trace: Trace | None = None, inquiry: Inquiry | None = None
) -> list[ControlRan]:
    """Run the control about an account."""
    asked = (inquiry or Inquiry()).ask(Control.OPTIONS, attempt(of), trace or empty_trace())
    return list(asked)


def one(events: list[ControlRan], role: str, transport: str = "UDP") -> ControlRan:
    """Return the event of a role and a transport."""
    return next(
        e for e in events if e.fact("role") == role and e.fact("transport") in {transport, None}
    )


def test_an_answer() -> None:
    """Status, product, capabilities and how they saw us are facts; it takes no second."""
    with datagrams(lambda text: answer(text, 405, "Server: Trunk/1\x07", "Allow: INVITE")) as (
        port,
        seen,
    ):
        found = one(ask(account(port=port)), "used")
    assert found.result == "answered"
    assert found.fact("status") == "405"
    assert found.fact("server") == "Trunk/1"
    assert found.fact("allow") == "INVITE"
    assert found.fact("received") == "203.0.113.9"
    assert found.fact("rport") == "4242"
    assert found.took_s < 1.0
    assert len(found.messages) == 2
    assert "User-Agent: sipprobe/test" in seen[0]
    assert "Authorization" not in seen[0]
    assert "s3cret" not in seen[0]


def test_an_answer_after_the_first_copy_was_lost() -> None:
    """One further copy is sent before silence is believed."""
    got: list[str] = []

    def second(text: str) -> str | None:
        got.append(text)
        return answer(text) if len(got) > 1 else None

    with datagrams(second) as (port, seen):
        found = one(ask(account(port=port)), "used")
    assert found.result == "answered"
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        (lambda text: text.replace("Call-ID: ", "Call-ID: other"), "altered=Call-ID"),
        (
            lambda text: "\r\n".join(x for x in text.split("\r\n") if not x.startswith("From:")),
            "lacks=From",
        ),
    ],
    ids=["another", "none"],
)
def test_what_comes_back_other_than_it_was_sent(changed: Callable[[str], str], fact: str) -> None:
    """A field that is missing was left out by the server: nobody on the way rewrote it."""
    with datagrams(lambda text: changed(answer(text))) as (port, _):
        found = one(ask(account(port=port)), "used")
    assert [f for f in found.facts if f.startswith(("altered=", "lacks="))] == [fact]


def test_a_closed_port() -> None:
    """ICMP says so, with its sender."""
    found = one(ask(account(port=closed_port())), "used")
    assert found.result == "port-closed"
    assert found.fact("icmp") == "3/3"
    assert found.fact("offender") == "127.0.0.1"


def test_silence_is_decided_in_time() -> None:
    """Two copies, about a second; then once without our name, and a look for a web server."""
    began = time.monotonic()
    with datagrams(lambda _: None) as (port, seen):
        events = ask(account(port=port))
    assert one(events, "used").result == "silent"
    assert one(events, "unnamed").result == "silent"
    assert time.monotonic() - began < LIMIT_S + 1.0
    assert len(seen) == 4
    assert "User-Agent" not in seen[-1]


@pytest.mark.parametrize(("listens", "result"), [(True, "open"), (False, "refused")])
def test_whether_a_silent_machine_is_a_web_server(
    monkeypatch: pytest.MonkeyPatch, listens: bool, result: str
) -> None:
    """One connection, without a word of SIP."""
    with datagrams(lambda _: None) as (port, _), streams(lambda _: "") as (web, seen):
        wanted = web if listens else closed_port(socket.SOCK_STREAM)
        monkeypatch.setattr("probe.controls.options._WEB_PORT", wanted)
        found = one(ask(account(port=port)), "web", "TCP")
    assert found.result == result
    assert seen in ([], [""])


def test_another_transport_of_the_same_machine() -> None:
    """UDP has no program, TCP answers on the same port."""
    with streams(answer) as (port, seen):
        events = ask(account(port=port))
    assert one(events, "used").result == "port-closed"
    assert one(events, "transport", "TCP").result == "answered"
    assert "transport=tcp" in seen[0]


@pytest.mark.parametrize(
    ("back", "result", "speaks"),
    [
        (None, "closed", None),
        ("", "mute", None),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "not-sip", "HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "not-sip", "TLS"),
    ],
)
def test_a_stream_that_does_not_speak_sip(
    back: str | bytes | None, result: str, speaks: str | None
) -> None:
    """Closed, mute and another protocol are three results."""
    with streams(lambda _: back) as (port, _):
        found = one(ask(account(port=port, transport="TCP")), "used", "TCP")
    assert found.result == result
    assert found.fact("speaks") == speaks


def test_a_refused_connection() -> None:
    """Nobody listens."""
    port = closed_port(socket.SOCK_STREAM)
    assert one(ask(account(port=port, transport="TCP")), "used", "TCP").result == "refused"


def test_where_only_small_requests_pass() -> None:
    """An INVITE was lost, OPTIONS is answered: one as large as the INVITE goes after it."""

    def small(text: str) -> str | None:
        return answer(text) if len(text) < 800 else None

    with datagrams(small) as (port, seen):
        trace = lost_call(port, {"X-Account": "a" * 900})
        events = ask(account(port=port), trace)
    assert one(events, "used").result == "answered"
    assert one(events, "sized").result == "silent"
    sent = trace.events[0]
    assert abs(len(seen[1]) - len(sent.text)) == 0
    assert one(events, "headers").result == "silent"


def test_where_one_header_field_is_dropped() -> None:
    """Size passes, the header field does not."""

    def without_account(text: str) -> str | None:
        return None if "X-Account" in text else answer(text)

    with datagrams(without_account) as (port, _):
        events = ask(account(port=port), lost_call(port, {"X-Account": "a"}))
    assert [e.result for e in events if e.fact("role") in {"used", "sized", "headers"}] == [
        "answered",
        "answered",
        "silent",
    ]


def lost_call(port: int, headers: dict[str, str]) -> Trace:
    """Return the trace of a call that nobody answered."""
    trace = Wire("INVITE").send("INVITE", headers=headers).trace()
    return replace(
        trace,
        events=tuple(replace(e, remote=f"127.0.0.1:{port}") for e in trace.events),
    )


def test_a_place_that_the_peer_chose_is_not_asked() -> None:
    """Inside a call the peer says where requests go; the question goes where the profile says."""
    with datagrams(answer) as (port, seen):
        wire = Wire("INVITE").send("INVITE").receive(200, body=ANSWER).send("ACK").send("BYE")
        trace = wire.trace()
        ours = [replace(e, remote=f"127.0.0.1:{port}") for e in trace.events[:2]]
        chosen = [replace(e, remote="127.0.0.66:5060") for e in trace.events[2:]]
        events = ask(account(port=port), replace(trace, events=(*ours, *chosen)))
        assert len(seen) == 1
    assert not any("127.0.0.66" in event.target for event in events)


def test_nothing_but_the_embedded_trunk_is_asked_beside_it() -> None:
    """What else listens on this machine is not ours to ask."""
    with datagrams(answer) as (port, _):
        events = ask(account(port=port, embedded=True))
    assert [event.target for event in events] == [f"udp 127.0.0.1:{port}"]


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "sip..example", "b\u00fc\ud800.example"])
def test_a_host_name_that_no_library_takes(host: str) -> None:
    """It is an event like any other, whatever the control."""
    of = account(host=host, port=None, transport="TLS", nameserver="127.0.0.1:9")
    for control in (Control.NAMES, Control.OPTIONS, Control.TLS, Control.CHALLENGE):
        assert Inquiry().ask(control, attempt(of), empty_trace())


def test_the_same_question_is_not_asked_twice() -> None:
    """A second attempt of the run gets the first one's answer and sends nothing."""
    inquiry = Inquiry()
    with datagrams(answer) as (port, seen):
        first = ask(account(port=port), inquiry=inquiry)
        again = ask(account(port=port), inquiry=inquiry)
        assert len(seen) == 1
    assert [e.result for e in again] == [e.result for e in first]
    assert sum(e.took_s for e in again) == 0


def test_where_the_time_of_the_run_is_used_up() -> None:
    """Nothing is sent, and the event says why."""
    with datagrams(answer) as (port, seen):
        found = ask(account(port=port), inquiry=Inquiry(limit_s=0.0))
        assert seen == []
    assert {e.result for e in found} == {"not-run"}
    assert "used" in found[0].detail


def test_a_hundred_silent_attempts_take_three_seconds_together() -> None:
    """All controls of a run share one limit."""
    inquiry = Inquiry()
    began = time.monotonic()
    with datagrams(lambda _: None) as (port, seen):
        for _ in range(100):
            assert ask(account(port=port), inquiry=inquiry)
    assert time.monotonic() - began < LIMIT_S + 2.0
    assert len(seen) <= 6
