"""Steps of the called side and inside a call become attempts."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from test_resolve import plan, problems_of

from probe.plan.action import Call, Expect, Follow, Hangup, Hold, Refresh, Take, Transfer
from probe.plan.plan import Plan

AGENTS = (
    'alice: {uri: "sip:100@pbx.example"}',
    'bob: {uri: "sip:101@pbx.example"}',
    'carol: {uri: "sip:102@pbx.example"}',
)
CALL = '{call: "101", from: alice, at: bob, name: first}'


def story(folder: Path, *steps: str) -> Plan:
    """Return the plan of steps with three agents."""
    return plan(folder, *steps, agents=AGENTS)


def refused(folder: Path, *steps: str) -> list[str]:
    """Return why such steps have no plan."""
    return [p.message for p in problems_of(folder, *steps, agents=AGENTS)]


def told(made: Plan, index: int = 0) -> Expect:
    """Return what the called agent is told before an attempt."""
    (expect,) = [one for one in made.attempts[index].prepares if isinstance(one, Expect)]
    return expect


def test_call_that_is_to_reach_an_agent_tells_it_before(tmp_path: Path) -> None:
    """The called agent answers by itself; the caller waits for the end."""
    made = story(tmp_path, CALL.replace("}", ", answer_after: 2 rings}"))
    expect = told(made)
    assert (expect.account, expect.call) == ("bob", 0)
    assert (expect.manner.kind, expect.manner.after, expect.manner.status) == ("answer", 10.0, 200)
    action = made.attempts[0].action
    assert isinstance(action, Call)
    assert action.wait_for == "final"
    wanted = made.attempts[0].expectation
    assert wanted is not None
    assert wanted.source("at").text.strip().startswith("- {call")


@pytest.mark.parametrize(
    ("keys", "kind", "status", "reason"),
    [
        ("answer_with: 486", "reject", 486, ""),
        ("answer_with: 603 Not now", "reject", 603, "Not now"),
        ('answer_with: 302, contact: "102"', "redirect", 302, ""),
    ],
    ids=["busy", "declined", "moved"],
)
def test_called_agent_may_refuse(
    tmp_path: Path, keys: str, kind: str, status: int, reason: str
) -> None:
    """Code, phrase, and where a redirection leads."""
    manner = told(story(tmp_path, CALL.replace("}", f", {keys}}}"))).manner
    assert (manner.kind, manner.status, manner.reason) == (kind, status, reason)
    assert manner.contact == ("sip:102@pbx.example" if kind == "redirect" else None)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("answer: bob", "answer"),
        ("{reject: bob, with: 480}", "reject"),
        ('{redirect: bob, to: "102"}', "redirect"),
        ("ring: bob", "ring"),
    ],
    ids=["answer", "reject", "redirect", "ring"],
)
def test_later_step_decides_over_a_call_that_rings(tmp_path: Path, step: str, kind: str) -> None:
    """The call only rings, and its own step ends with that."""
    made = story(tmp_path, CALL, step)
    assert told(made).manner.kind == "ring"
    action, take = (attempt.action for attempt in made.attempts)
    assert isinstance(action, Call)
    assert (action.wait_for, action.hangup_after) == ("ringing", None)
    assert isinstance(take, Take)
    assert (take.account, take.call, take.manner.kind) == ("bob", 0, kind)
    assert made.attempts[1].direction == "inbound"


def test_step_that_answers_belongs_to_the_call_before_it(tmp_path: Path) -> None:
    """An answer after another call to the same agent is that one's."""
    made = story(
        tmp_path,
        CALL.replace("}", ", hangup_after: 1s}"),
        CALL.replace("first", "b"),
        "answer: bob",
    )
    assert [told(made, 0).manner.kind, told(made, 1).manner.kind] == ["answer", "ring"]
    take = made.attempts[2].action
    assert isinstance(take, Take)
    assert take.call == 1


def test_call_from_outside_is_its_own(tmp_path: Path) -> None:
    """No step places it; later steps are in it."""
    made = story(
        tmp_path, "{answer: bob, within: 5s, name: inbound}", "hangup: bob", "hold: inbound"
    )
    take, hangup, hold = (attempt.action for attempt in made.attempts)
    assert isinstance(take, Take)
    assert (take.call, take.within) == (0, 5.0)
    assert isinstance(hangup, Hangup)
    assert (hangup.account, hangup.call) == ("bob", 0)
    assert isinstance(hold, Hold)
    assert hold.account == "bob"


def test_ring_then_answer_are_one_call(tmp_path: Path) -> None:
    """The second step goes on with what the first took up."""
    made = story(tmp_path, "ring: bob", "answer: bob", "answer: bob")
    calls = [a.action.call for a in made.attempts if isinstance(a.action, Take)]
    assert calls == [0, 0, 2]


@pytest.mark.parametrize(("named", "by"), [("bob", "bob"), ("alice", "alice"), ("first", "alice")])
def test_either_side_hangs_up(tmp_path: Path, named: str, by: str) -> None:
    """An agent's name says who sends BYE; a call's name leaves it to who placed it."""
    made = story(tmp_path, CALL, f"hangup: {named}")
    action = made.attempts[1].action
    assert isinstance(action, Hangup)
    assert (action.account, action.call) == (by, 0)
    assert made.attempts[1].depends_on == (0,)


def test_steps_inside_a_call_keep_it_up(tmp_path: Path) -> None:
    """A call with a hold in it is not hung up after a second."""
    made = story(
        tmp_path, CALL, "{hold: first, by: bob}", "{resume: , by: bob}", "{refresh: , with: update}"
    )
    call, hold, resume, refresh = (attempt.action for attempt in made.attempts)
    assert isinstance(call, Call)
    assert call.hangup_after is None
    assert isinstance(hold, Hold)
    assert isinstance(resume, Hold)
    assert isinstance(refresh, Refresh)
    assert (hold.resume, resume.resume) == (False, True)
    assert (refresh.account, refresh.method) == ("alice", "UPDATE")
    assert [a.method for a in made.attempts] == ["INVITE", "INVITE", "INVITE", "UPDATE"]
    assert [a.label for a in made.attempts[1:]] == ["bob holds", "bob resumes", "alice refreshes"]


def test_blind_transfer_tells_everybody(tmp_path: Path) -> None:
    """Carol is called, alice may follow the REFER, bob sends it; it counts as a call."""
    made = story(tmp_path, CALL, '{transfer: first, by: bob, to: "102", at: carol}')
    attempt = made.attempts[1]
    assert isinstance(attempt.action, Transfer)
    assert (attempt.action.account, attempt.action.target) == ("bob", "sip:102@pbx.example")
    expect, follow = attempt.prepares
    assert isinstance(expect, Expect)
    assert isinstance(follow, Follow)
    assert (expect.account, expect.call) == ("carol", 1)
    assert (follow.account, follow.target) == ("alice", "sip:102@pbx.example")
    assert attempt.limits is not None
    assert attempt.method == "REFER"


def test_attended_transfer_names_the_call_that_is_replaced(tmp_path: Path) -> None:
    """Bob is in both calls."""
    made = story(
        tmp_path,
        CALL,
        '{call: "102", from: bob, at: carol, name: second}',
        "{transfer: first, by: bob, with: second}",
    )
    attempt = made.attempts[2]
    assert isinstance(attempt.action, Transfer)
    assert (attempt.action.call, attempt.action.replaces) == (0, 1)
    assert attempt.depends_on == (0, 1)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((CALL.replace("at: bob", "at: alice"),), "'alice' cannot be called by itself"),
        ((CALL, "{hold: first, by: carol}"), "'carol' is not in the call of step 1"),
        (
            (CALL, '{call: "102", from: alice, name: second}',
             "{transfer: first, by: bob, with: second}"),
            "'bob' is not in the call of step 2",
        ),
    ],
    ids=["self", "not in it", "not in both"],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, steps: tuple[str, ...], words: str) -> None:
    """Each with the place where it is written."""
    assert refused(tmp_path, *steps) == [words]


@pytest.mark.parametrize(
    "step",
    [
        '{transfer: first, by: bob, to: "112"}',
        '{redirect: bob, to: "911"}',
        CALL.replace("}", ', answer_with: 302, contact: "112"}').replace("first", "other"),
    ],
    ids=["transfer", "redirect", "contact"],
)
def test_nobody_is_sent_to_an_emergency_desk(tmp_path: Path, step: str) -> None:
    """A REFER or a 302 makes somebody else dial: the same rails hold."""
    (words,) = refused(tmp_path, CALL, step)
    assert "it is never dialled" in words


def test_last_look_sees_where_a_transfer_leads(tmp_path: Path) -> None:
    """Whoever made the plan: an emergency number never leaves."""
    from probe.executor.gate import why_never  # noqa: PLC0415 - beside the plan that it looks at

    made = story(tmp_path, CALL, '{transfer: first, by: bob, to: "102"}')
    attempt = made.attempts[1]
    assert why_never(attempt) is None
    assert isinstance(attempt.action, Transfer)
    away = replace(attempt, action=replace(attempt.action, target="sip:911@pbx.example"))
    assert "emergency number" in str(why_never(replace(away, provider="sip.us")))
