"""A call that reaches several agents: a group, or a redirection."""

from pathlib import Path

from probe.plan.action import Call, Expect, Take
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario
from probe.scenario.schema import Profile, Settings

AGENTS = """agents:
  alice: {uri: "sip:100@embedded"}
  bob: {uri: "sip:101@embedded"}
  carol: {uri: "sip:102@embedded"}
steps:
"""


def plan_of(folder: Path, *steps: str) -> Plan:
    """Return the plan of these steps."""
    file = folder / "one.sip.yaml"
    file.write_text(AGENTS + "".join(f"  - {step}\n" for step in steps), encoding="utf-8")
    scenario = load_scenario(file, variables={}, environ={})
    return resolve(scenario, Settings(), embedded=Profile(uri="sip:100@127.0.0.1:1"))


def expected(plan: Plan, attempt: int) -> list[tuple[str, str]]:
    """Return who is told of a call beforehand, and how they take it."""
    told = plan.attempts[attempt].prepares
    return [(t.account, t.manner.kind) for t in told if isinstance(t, Expect)]


def test_whoever_rings_in_a_later_step_is_told_before_the_call(tmp_path: Path) -> None:
    """Both phones of a group let it ring, and the steps take that very call."""
    plan = plan_of(
        tmp_path, '{call: "600", from: alice, at: carol}', "{ring: bob}", "{answer: carol}"
    )
    call, rings, answers = plan.attempts
    assert expected(plan, 0) == [("carol", "ring"), ("bob", "ring")]
    assert isinstance(call.action, Call)
    assert call.action.wait_for == "ringing"
    assert [a.action.call for a in (rings, answers) if isinstance(a.action, Take)] == [0, 0]


def test_a_later_call_is_told_by_itself(tmp_path: Path) -> None:
    """What comes after the next call belongs to that."""
    plan = plan_of(
        tmp_path,
        '{call: "101", from: alice, at: bob}',
        '{call: "102", from: alice, at: carol}',
        "{answer: carol}",
    )
    assert expected(plan, 0) == [("bob", "answer")]
    assert expected(plan, 1) == [("carol", "ring")]


def test_the_caller_is_not_reached_by_its_own_call(tmp_path: Path) -> None:
    """A step of the caller waits for another call."""
    plan = plan_of(tmp_path, '{call: "101", from: alice, at: bob}', "{answer: alice}")
    assert expected(plan, 0) == [("bob", "answer")]
