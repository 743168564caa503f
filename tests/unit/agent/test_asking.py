"""Requests, subscriptions and waits of an agent, on a clock of the test's own."""

from collections.abc import Callable

import pytest
from fakeagent import ACCOUNT, Stage, What, trigger
from msgspec.structs import replace

from probe.plan.asks import Ask, Await, Subscribe, Unsubscribe
from probe.sip.message import parse_message
from probe.trace.failure import Failure
from probe.trace.trace import MessageReceived, MessageSent

SUBSCRIBE = Subscribe(attempt=0, account="trunk", package="dialog", target="sip:101@198.51.100.1")
MESSAGE = Ask(
    attempt=0, account="trunk", method="MESSAGE", target="sip:101@198.51.100.1", body="hi",
    content_type="text/plain", timeout=5.0,
)  # fmt: skip
ASKED = 'WWW-Authenticate: Digest realm="r", nonce="n%s", qop="auth"'
UDP = {"transport": "UDP", "local": "192.0.2.10:5060", "remote": "198.51.100.1:5060"}


def left(stage: Stage) -> What:
    """Record that the request which was written last left."""
    return lambda _wire: stage.record(
        MessageSent(at=stage.agent.now, text=stage.agent.written[-1], **UDP)
    )


def answer(stage: Stage, status: int, *fields: str) -> What:
    """Answer the request that was written last."""

    def act(_wire: object) -> None:
        asked = parse_message(stage.agent.written[-1])
        tag = "" if asked.to_tag else ";tag=far"
        lines = [
            f"SIP/2.0 {status} Whatever",
            f"From: {asked.first('From')}",
            f"To: {asked.first('To')}{tag}",
            f"Call-ID: {asked.call_id}",
            f"CSeq: {asked.first('CSeq')}",
            *fields,
        ]
        text = "\r\n".join(lines) + "\r\n\r\n"
        stage.record(MessageReceived(at=stage.agent.now, text=text, **UDP))

    return act


def notify(stage: Stage, state: str, cseq: int, statuses: list[int]) -> What:
    """Let a NOTIFY of the conversation arrive, and keep how it is answered."""

    def act(_wire: object) -> None:
        asked = parse_message(stage.agent.written[-1])
        lines = [
            "NOTIFY sip:100@192.0.2.10 SIP/2.0",
            "From: <sip:101@198.51.100.1>;tag=far",
            f"To: {asked.first('From')}",
            f"Call-ID: {asked.call_id}",
            f"CSeq: {cseq} NOTIFY",
            "Event: dialog",
            f"Subscription-State: {state}",
        ]
        text = "\r\n".join(lines) + "\r\n\r\n"
        stage.record(MessageReceived(at=stage.agent.now, text=text, **UDP))
        reply = stage.agent.decide(parse_message(text), stage.agent.now)
        statuses.append(0 if reply is None else reply.status)

    return act


def told(stage: Stage, method: str, status: int, *fields: str, then: tuple[What, ...] = ()) -> None:
    """Tell that the next request is answered after 0.1 s, and what follows 0.1 s later."""
    stage.on(
        f"request {method}",
        (0.0, left(stage)),
        (0.1, answer(stage, status, *fields)),
        (0.1, trigger("answered")),
        *((0.2 + number / 10, what) for number, what in enumerate(then)),
    )


def test_a_message_that_is_accepted() -> None:
    """One request with its body; it ends with its answer."""
    stage = Stage("MESSAGE")
    told(stage, "MESSAGE", 202)
    assert stage.took(MESSAGE) == 0.1
    (text,) = stage.agent.written
    assert text.endswith("Content-Type: text/plain\r\n\r\nhi")
    assert not stage.failures


def test_a_challenge_is_answered_once() -> None:
    """The same Call-ID, the next CSeq, credentials; a second refusal is the answer."""
    stage = Stage("MESSAGE")
    told(stage, "MESSAGE", 401, ASKED % 1)
    told(stage, "MESSAGE", 401, ASKED % 2)
    stage.script.run(MESSAGE)
    first, second = map(parse_message, stage.agent.written)
    assert first.call_id == second.call_id
    assert second.cseq[0] == first.cseq[0] + 1
    assert not first.has_credentials
    assert second.has_credentials


def test_a_nonce_that_was_only_stale_is_answered_again() -> None:
    """That is no refusal (RFC 7616 §3.3)."""
    stage = Stage("MESSAGE")
    told(stage, "MESSAGE", 407, (ASKED % 1).replace("WWW", "Proxy"))
    told(stage, "MESSAGE", 401, ASKED % 1)
    told(stage, "MESSAGE", 401, ASKED % 2 + ", stale=true")
    told(stage, "MESSAGE", 200)
    stage.script.run(MESSAGE)
    with_login = [parse_message(text).has_credentials for text in stage.agent.written]
    assert with_login == [False, True, True, True]


def test_without_a_password_the_challenge_is_the_answer() -> None:
    """Nothing is sent again."""
    stage = Stage("MESSAGE", account=replace(ACCOUNT, password=None))
    told(stage, "MESSAGE", 401, ASKED % 1)
    stage.script.run(MESSAGE)
    assert len(stage.agent.written) == 1


def test_silence_ends_at_our_deadline() -> None:
    """As for any other request."""
    stage = Stage("MESSAGE")
    stage.on("request MESSAGE", (0.0, left(stage)))
    stage.script.run(MESSAGE)
    assert stage.failed == [("MESSAGE", Failure.NO_RESPONSE)]


def subscribed(stage: Stage, *states: str) -> list[int]:
    """Tell a subscription that is accepted, with its NOTIFYs; return how they are answered."""
    statuses: list[int] = []
    notes = tuple(notify(stage, state, n, statuses) for n, state in enumerate(states, start=1))
    told(stage, "SUBSCRIBE", 200, "Contact: <sip:far@198.51.100.9>", then=notes)
    return statuses


def test_a_subscription_ends_its_watch_with_the_first_notify() -> None:
    """There is nothing more to wait for where nothing else was wanted."""
    stage = Stage("SUBSCRIBE")
    statuses = subscribed(stage, "active", "active")
    assert stage.took(SUBSCRIBE) == 0.2
    assert statuses == [200]
    fields = parse_message(stage.agent.written[0])
    assert (fields.first("Event"), fields.first("Expires")) == ("dialog", "300")
    assert fields.first("Accept") == "application/dialog-info+xml"


def test_a_subscription_waits_for_what_is_wanted() -> None:
    """Until it came, two seconds at most; a time that the step names is kept to."""
    wanted = ((("state", "terminated"),),)
    stage = Stage("SUBSCRIBE")
    subscribed(stage, "active", "terminated")
    assert stage.took(replace(SUBSCRIBE, wanted=wanted)) == 0.3
    stage = Stage("SUBSCRIBE")
    subscribed(stage, "active")
    assert stage.took(replace(SUBSCRIBE, wanted=wanted)) == pytest.approx(2.1, abs=0.02)
    stage = Stage("SUBSCRIBE")
    subscribed(stage, "active")
    assert stage.took(replace(SUBSCRIBE, watch=0.5)) == pytest.approx(0.6, abs=0.02)


def test_the_end_is_asked_for_in_the_dialog() -> None:
    """Both tags, the notifier's Contact, Expires: 0; the NOTIFY that says so is answered 200."""
    stage = Stage("SUBSCRIBE")
    statuses = subscribed(stage, "active")
    stage.script.run(SUBSCRIBE)
    told(stage, "SUBSCRIBE", 200, then=(notify(stage, "terminated", 2, statuses),))
    ending = Unsubscribe(attempt=1, account="trunk", subscription=0)
    assert stage.took(ending) == 0.2
    last = parse_message(stage.agent.written[-1])
    assert (last.to_tag, last.request_uri) == ("far", "sip:far@198.51.100.9")
    assert last.first("Expires") == "0"
    assert statuses == [200, 200]
    stage.script.finish()
    assert len(stage.agent.written) == 2


def test_what_still_stands_is_ended_with_the_scenario() -> None:
    """Nobody is left with a subscriber that is gone."""
    stage = Stage("SUBSCRIBE")
    statuses = subscribed(stage, "active")
    stage.script.run(SUBSCRIBE)
    told(stage, "SUBSCRIBE", 200, then=(notify(stage, "terminated", 2, statuses),))
    stage.script.finish()
    assert parse_message(stage.agent.written[-1]).first("Expires") == "0"
    assert statuses == [200, 200]


def test_a_refused_subscription_takes_no_notify() -> None:
    """Nothing is watched, and there is nothing to end."""
    stage = Stage("SUBSCRIBE")
    told(stage, "SUBSCRIBE", 489)
    assert stage.took(SUBSCRIBE) == 0.1
    stage.script.finish()
    assert len(stage.agent.written) == 1


def test_a_wait_takes_what_came_before_it() -> None:
    """Its trace begins with the arrival."""
    stage = Stage("SUBSCRIBE")
    statuses = subscribed(stage, "active")
    stage.script.run(SUBSCRIBE)
    at = stage.agent.now + 1.0
    late: Callable[[object], object] = notify(stage, "active", 2, statuses)  # type: ignore[assignment]
    stage.agent._due.append((at, 99, late))
    stage.script.idle(0.6)
    stage.script.idle(0.6)
    done = stage.script.run(Await(attempt=1, account="trunk", method="NOTIFY", subscription=0))
    assert done.call_id == parse_message(stage.agent.written[0]).call_id
    assert done.began == at
    assert statuses == [200, 200]


def test_a_wait_in_vain() -> None:
    """The deadline of the step, and what did not come."""
    stage = Stage("NOTIFY")
    action = Await(attempt=1, account="trunk", method="INFO", within=0.5)
    assert stage.took(action) == pytest.approx(0.5, abs=0.02)
    (failure,) = stage.failures
    assert (failure.failure, failure.deadline) == (Failure.NO_REQUEST, "within 0.5 s")
