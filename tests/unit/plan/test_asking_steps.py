"""Steps that ask, subscribe and wait: what the agent is told, and what is never asked."""

from pathlib import Path

import pytest

from probe.plan.asks import Ask, AskInCall, Await, Subscribe, Unsubscribe
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.source import ScenarioError

SETTINGS = """\
trunks:
  carrier: {uri: "sip:100@carrier.example", allow_to: ["1*", "+12025550123"]}
"""


def plan(folder: Path, steps: str) -> Plan:
    """Return the plan of some steps."""
    (folder / "sipprobe.yaml").write_text(SETTINGS, encoding="utf-8")
    agents = 'agents:\n  bob: {uri: "sip:101@carrier.example"}\n'
    text = f"trunk: carrier\n{agents}steps:\n{steps}"
    (folder / "asks.sip.yaml").write_text(text, encoding="utf-8")
    settings = load_settings(folder / "sipprobe.yaml", variables={}, environ={})
    scenario = load_scenario(folder / "asks.sip.yaml", variables={}, environ={})
    return resolve(scenario, settings)


def test_a_subscription_and_its_end(tmp_path: Path) -> None:
    """To ourselves where nothing is written; the end knows whose it is."""
    steps = """\
  - subscribe: message-summary
    from: bob
    name: box
    for: 500ms
    expect: {notify: [{messages_waiting: yes}]}
  - await: notify
    of: box
  - unsubscribe: box
"""
    made = plan(tmp_path, steps)
    first, wait, end = (attempt.action for attempt in made.attempts)
    assert isinstance(first, Subscribe)
    assert (first.account, first.target, first.watch) == ("bob", "sip:101@carrier.example", 0.5)
    assert first.wanted == ((("messages_waiting", "yes"),),)
    assert isinstance(wait, Await)
    assert (wait.account, wait.subscription) == ("bob", 0)
    assert isinstance(end, Unsubscribe)
    assert (end.account, end.subscription) == ("bob", 0)
    assert [attempt.depends_on for attempt in made.attempts] == [(), (0,), (0,)]
    assert all(not account.awaited for account in made.accounts)


def test_a_message_that_must_arrive_is_two_attempts(tmp_path: Path) -> None:
    """One sends, one looks; each has its part of the expectation."""
    steps = """\
  - message: hello
    to: "101"
    at: bob
    expect: {responses: 202, callee: {body: hello}}
"""
    sends, looks = plan(tmp_path, steps).attempts
    assert isinstance(sends.action, Ask)
    assert (sends.action.account, sends.action.body) == ("trunk", "hello")
    assert sends.expectation is not None
    assert sends.expectation.callee is None
    assert sends.expectation.responses is not None
    assert isinstance(looks.action, Await)
    assert (looks.action.account, looks.direction, looks.depends_on) == ("bob", "inbound", (0,))
    assert looks.expectation is not None
    assert looks.expectation.callee is not None
    assert looks.expectation.responses is None


def test_requests_outside_and_inside_calls(tmp_path: Path) -> None:
    """A line end in a body is CRLF; a call goes on while something is asked in it."""
    steps = """\
  - call: "101"
    at: bob
    name: talk
  - request: INFO
    in: talk
    from: bob
    body: 'a\\nb'
  - request: OPTIONS
"""
    call, info, options = plan(tmp_path, steps).attempts
    assert getattr(call.action, "hangup_after", 0) is None
    assert isinstance(info.action, AskInCall)
    assert (info.action.account, info.action.call) == ("bob", 0)
    assert (info.action.body, info.action.content_type) == ("a\r\nb", "text/plain")
    assert isinstance(options.action, Ask)
    assert options.action.target == "sip:carrier.example"


def test_what_is_awaited_is_known_to_the_account(tmp_path: Path) -> None:
    """It must be answered 200 before the step begins."""
    steps = """\
  - await: notify
    at: bob
    event: check-sync;x=1
  - await: info
    at: bob
"""
    (bob,) = plan(tmp_path, steps).accounts
    assert bob.awaited == ("NOTIFY check-sync", "INFO")


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ('  - message: help\n    to: "911"\n', "emergency number 911"),
        ('  - subscribe: dialog\n    to: "112"\n', "emergency number 112"),
        ('  - request: INFO\n    to: "sip:911@carrier.example"\n', "emergency number 911"),
        ('  - message: hi\n    to: "+4930123456"\n', "not among the destinations"),
        (
            '  - request: PUBLISH\n    to: "101"\n    headers: {X-To: "sip:112@x"}\n',
            "emergency number 112",
        ),
        (
            '  - call: "101"\n    name: talk\n  - request: INFO\n    in: talk\n    from: bob\n',
            "'bob' is not in the call",
        ),
        (
            "  - subscribe: dialog\n    name: lamp\n  - await: notify\n    of: lamp\n    at: bob\n",
            "is trunk's",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, steps: str, says: str) -> None:
    """The rails of calls hold for every request."""
    with pytest.raises(ScenarioError) as caught:
        plan(tmp_path, steps)
    assert says in caught.value.render()
