"""NOTIFYs held against the file: in order, by their facts, and what is due without any words."""

import pytest
from msgspec.structs import replace
from wirebuilder import Wire

from probe.scenario.expectation import Expectation
from probe.scenario.reading import read
from probe.scenario.source import NOWHERE
from probe.trace.failure import Failure
from probe.trace.trace import Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Outcome, Verdict


def subscribed(*states: str, expires: str = "300", status: int = 200) -> Trace:
    """Return a SUBSCRIBE with its NOTIFYs, each a state and messages waiting or not."""
    headers = {"Event": "message-summary", "Expires": expires}
    wire = Wire("SUBSCRIBE").send("SUBSCRIBE", headers=headers).receive(status)
    for state in states:
        word, _, waiting = state.partition(" ")
        fields = {
            "Event": "message-summary",
            "Subscription-State": word,
            "Content-Type": "application/simple-message-summary",
        }
        body = f"Messages-Waiting: {waiting or 'no'}\r\n"
        wire.request("NOTIFY", headers=fields, body=body).reply(200)
    return wire.trace()


def verdict(trace: Trace, **expect: object) -> Verdict:
    """Judge a trace."""
    return judge(read(Expectation, expect) if expect else None, trace, NOWHERE)


def said(trace: Trace, **expect: object) -> str:
    """Return what was not met, in words."""
    found = verdict(trace, **expect)
    assert found.outcome is Outcome.NOT_MET
    return found.mismatches[0].message


def test_by_default_a_notify_follows() -> None:
    """A 2xx alone is not enough; the observed sequence shows the NOTIFYs."""
    found = verdict(subscribed("active"))
    assert (found.outcome, found.expected, found.observed) == (
        Outcome.MET, "2xx NOTIFY", "200 NOTIFY",
    )  # fmt: skip
    assert said(subscribed()) == "expected a NOTIFY, got no NOTIFY"


def test_by_default_an_end_is_confirmed() -> None:
    """After Expires: 0 a NOTIFY says terminated."""
    assert verdict(subscribed("active", "terminated", expires="0")).outcome is Outcome.MET
    assert said(subscribed("active", expires="0")) == (
        "expected a NOTIFY with state terminated, got state active"
    )


def test_a_refusal_is_told_once() -> None:
    """No NOTIFY is missed where there is no subscription."""
    found = verdict(subscribed(status=489), notify=[{"state": "active"}])
    assert [mismatch.path for mismatch in found.mismatches] == ["expect"]


@pytest.mark.parametrize(
    "notify",
    [
        {"messages_waiting": "no"},
        [{"messages_waiting": "no"}, {"messages_waiting": "yes"}],
        [{"state": "pending|active"}, {"state": "terminated"}],
    ],
)
def test_what_came_in_order(notify: object) -> None:
    """Others may stand between those that are wanted."""
    trace = subscribed("active no", "active no", "active yes", "terminated yes")
    assert verdict(trace, notify=notify).outcome is Outcome.MET


def test_the_nearest_is_quoted() -> None:
    """Only what differs is told, and the NOTIFY that proves it is cited."""
    trace = subscribed("pending no", "active no")
    found = verdict(trace, notify=[{"state": "active", "messages_waiting": "yes"}])
    (mismatch,) = found.mismatches
    assert mismatch.message == (
        "expected a NOTIFY with messages_waiting yes, got messages_waiting no"
    )
    assert mismatch.evidence == trace.received("NOTIFY")[1:]


def test_one_that_does_not_come_any_more() -> None:
    """What comes before it does not count."""
    message = said(subscribed("active yes"), notify=[{"state": "active"}, {"state": "terminated"}])
    assert message == (
        "expected NOTIFY 2 with state terminated, got 1 NOTIFY, and no other after it"
    )


def test_a_sequence_may_name_notify() -> None:
    """Then the list is not needed."""
    assert verdict(subscribed("active"), responses="200 NOTIFY").outcome is Outcome.MET
    assert verdict(subscribed("active"), responses="200 NOTIFY NOTIFY").outcome is Outcome.NOT_MET


def test_an_awaited_request_is_met_by_its_arrival() -> None:
    """The answer is ours."""
    wire = Wire("NOTIFY").request("NOTIFY", headers={"Event": "check-sync"}).reply(200)
    trace = replace(wire.trace(), serving=True)
    assert verdict(trace).outcome is Outcome.MET
    assert verdict(trace, notify=[{"event": "check-sync"}]).outcome is Outcome.MET
    assert said(trace, notify=[{"event": "other"}]) == (
        "expected a NOTIFY with event other, got event check-sync"
    )


def test_an_awaited_request_that_does_not_come() -> None:
    """The trunk is to blame, not we."""
    wire = Wire("INFO").fail(Failure.NO_REQUEST, method="INFO", at=5.0, deadline="within 5 s")
    trace = replace(wire.trace(), serving=True)
    assert said(trace) == "expected an INFO, got none (within 5 s)"


def test_the_body_of_a_message() -> None:
    """What arrived is looked at like the INVITE of a call."""
    wire = Wire("MESSAGE").request("MESSAGE", body="hello bob\r\n").reply(200)
    trace = replace(wire.trace(), serving=True)
    assert verdict(trace, callee={"body": "contains bob"}).outcome is Outcome.MET
    assert verdict(trace, callee={"body": "hello bob"}).outcome is Outcome.MET
    assert said(trace, callee={"body": "goodbye"}) == "expected body goodbye, got hello bob"
