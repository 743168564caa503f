"""Requests that reach us beside calls: who is answered what, and what is kept for later steps."""

import pytest
from fakeagent import ACCOUNT

from probe.agent.conversation import Content, Conversation
from probe.agent.inbox import MOST_KEPT, Inbox, Subscription
from probe.sip.message import SipMessage, parse_message

CONTACT = "<sip:100@192.0.2.10:5060>"


def request(
    method: str, *fields: str, call_id: str = "c1", cseq: int = 1, to: str = ""
) -> SipMessage:
    """Return a request of the peer."""
    lines = [
        f"{method} sip:100@192.0.2.10 SIP/2.0",
        "From: <sip:b@c>;tag=theirs",
        f"To: <sip:100@x>{to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *fields,
    ]
    return parse_message("\r\n".join(lines) + "\r\n\r\n")


def status(inbox: Inbox, message: SipMessage) -> int | None:
    """Return what a request is answered with; None where the stack does it."""
    reply = inbox.decide(message, 1.0)
    return None if reply is None else reply.status


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("INFO", (), 481),
        ("UPDATE", (), 481),
        ("NOTIFY", ("Event: message-summary",), 200),
        ("NOTIFY", ("Event: dialog",), 481),
        ("NOTIFY", (), 481),
        ("PUBLISH", (), 405),
        ("REFER", (), 405),
        ("FROBNICATE", (), 501),
        ("MESSAGE", (), None),
        ("OPTIONS", (), None),
        ("INVITE", (), None),
        ("SUBSCRIBE", (), None),
    ],
)
def test_a_request_outside_a_dialog(
    method: str, fields: tuple[str, ...], expected: int | None
) -> None:
    """As the RFCs say where no step awaits it."""
    assert status(Inbox(()), request(method, *fields)) == expected


@pytest.mark.parametrize("method", ["INFO", "PUBLISH", "FROBNICATE"])
def test_what_a_step_awaits_is_accepted(method: str) -> None:
    """200, where it would be refused."""
    assert status(Inbox((method,)), request(method)) == 200


def test_a_package_may_be_awaited_alone() -> None:
    """Another one is refused still."""
    inbox = Inbox(("NOTIFY check-sync",))
    assert status(inbox, request("NOTIFY", "Event: check-sync")) == 200
    assert status(inbox, request("NOTIFY", "Event: weather", cseq=2)) == 481


def test_a_refusal_says_what_we_take() -> None:
    """405 has an Allow (RFC 3261 §21.4.6)."""
    reply = Inbox(()).decide(request("PUBLISH"), 1.0)
    assert reply is not None
    assert dict(reply.headers)["Allow"].startswith("INVITE, ")


def test_a_request_inside_a_dialog_is_the_stacks() -> None:
    """It is kept for a step that waits for it."""
    inbox = Inbox(())
    assert status(inbox, request("INFO", to=";tag=ours")) is None
    assert [one.message.method for one in inbox.waiting("INFO")] == ["INFO"]


def test_a_copy_gets_the_same_answer_and_counts_once() -> None:
    """Stateless answers: the peer repeats what it did not hear."""
    inbox = Inbox(("INFO",))
    assert status(inbox, request("INFO")) == status(inbox, request("INFO")) == 200
    assert len(inbox.waiting("INFO")) == 1


def subscribed() -> tuple[Inbox, Subscription]:
    """Return an inbox with one subscription whose SUBSCRIBE has left."""
    conversation = Conversation(ACCOUNT, "sip:100@x", CONTACT)
    conversation.write("SUBSCRIBE", Content())
    inbox = Inbox(())
    inbox.subscriptions[3] = Subscription(conversation=conversation, package="dialog;x=1")
    return inbox, inbox.subscriptions[3]


def notify(
    subscription: Subscription, state: str = "active", *, event: str = "dialog", cseq: int = 1
) -> SipMessage:
    """Return a NOTIFY of a subscription."""
    talk = subscription.conversation
    fields = (f"Event: {event}", f"Subscription-State: {state}", "Contact: <sip:n@192.0.2.9>")
    return request("NOTIFY", *fields, call_id=talk.call_id, cseq=cseq, to=f";tag={talk.local_tag}")


def test_a_notify_of_ours_makes_the_dialog_and_moves_the_state() -> None:
    """Also where it overtakes the 200 of its SUBSCRIBE (RFC 6665 §4.1.2.4)."""
    inbox, subscription = subscribed()
    assert status(inbox, notify(subscription)) == 200
    assert (subscription.state, subscription.over) == ("active", False)
    assert subscription.conversation.remote_tag == "theirs"
    assert subscription.conversation.target == "sip:n@192.0.2.9"
    assert len(inbox.waiting("NOTIFY", "", 3)) == 1
    assert inbox.waiting("NOTIFY") == ()


def test_a_notify_that_ends_it() -> None:
    """After that, nothing more is accepted."""
    inbox, subscription = subscribed()
    assert status(inbox, notify(subscription, "terminated;reason=timeout")) == 200
    assert subscription.over
    assert status(inbox, notify(subscription, cseq=2)) == 481


def test_a_notify_that_does_not_fit() -> None:
    """Another package, an older number, another dialog under the same Call-ID."""
    inbox, subscription = subscribed()
    assert status(inbox, notify(subscription, cseq=5)) == 200
    assert status(inbox, notify(subscription, event="presence", cseq=6)) == 489
    assert status(inbox, notify(subscription, cseq=4)) == 500
    stranger = request("NOTIFY", call_id=subscription.conversation.call_id, to=";tag=x", cseq=7)
    assert status(inbox, stranger) == 481


def test_a_storm_does_not_fill_the_memory() -> None:
    """Only the latest are kept."""
    inbox = Inbox(("INFO",))
    for number in range(MOST_KEPT + 10):
        status(inbox, request("INFO", cseq=number))
    assert len(inbox.strangers) == MOST_KEPT
    assert inbox.strangers[-1].message.cseq == (MOST_KEPT + 9, "INFO")
