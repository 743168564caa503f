"""`allow_to` of a profile: what a trunk does not let through is refused before anything is sent."""

import re
from pathlib import Path

import pytest

from probe.plan.plan import Plan
from probe.plan.rails import allowed
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.source import ScenarioError

HOST = "sip.carrier.example"


@pytest.mark.parametrize(
    ("target", "pattern"),
    [
        ("+12025550123", "+1202555*"),
        ("+12025550123", "+12025550123"),
        ("*97", "*97"),
        ("sip:+12025550123@sip.carrier.example", "+1202555*"),
        ("sip:%2B12025550123@SIP.carrier.example;user=phone", "+1202555*"),
        ("sip:echo@other.example", "sip:*@other.example"),
    ],
)
def test_a_destination_that_a_pattern_covers_is_let_through(target: str, pattern: str) -> None:
    """The number counts, however it is written."""
    assert allowed(target, (pattern,), HOST)


@pytest.mark.parametrize(
    ("target", "pattern"),
    [
        ("+12035550123", "+1202555*"),
        ("2025550123", "+1202555*"),
        ("+12025550123", "+1202555012"),
        ("+12025550123", "+1202555....."),
        ("sip:+12025550123@other.example", "+1202555*"),
    ],
)
def test_any_other_destination_is_not(target: str, pattern: str) -> None:
    """A pattern is no regular expression, and a number at another host is another destination."""
    assert not allowed(target, (pattern,), HOST)


def test_no_pattern_lets_nothing_through() -> None:
    """An empty list forbids; it does not mean that everything goes."""
    assert not allowed("+12025550123", (), HOST)


def plan_for(number: str, folder: Path) -> Plan:
    """Resolve one call on a trunk that lets one block of numbers through."""
    settings = folder / "sipprobe.yaml"
    settings.write_text(
        f'trunks: {{carrier: {{uri: "sip:100@{HOST}", allow_to: ["+1202555*"]}}}}\n',
        encoding="utf-8",
    )
    scenario = folder / "one.sip.yaml"
    scenario.write_text(f"trunk: carrier\nsteps:\n  - call: {number}\n", encoding="utf-8")
    return resolve(
        load_scenario(scenario, variables={}, environ={}),
        load_settings(settings, variables={}, environ={}),
    )


def test_a_call_within_the_block_is_planned(tmp_path: Path) -> None:
    """The profile does not stand in the way of what it allows."""
    assert plan_for("+12025550123", tmp_path).attempts[0].label == "call +12025550123"


def test_a_call_outside_the_block_is_refused_at_its_line(tmp_path: Path) -> None:
    """The refusal points at the call and names what is allowed."""
    with pytest.raises(ScenarioError) as caught:
        plan_for("+12035550123", tmp_path)
    problem = caught.value.problems[0]
    assert (problem.source.line, problem.source.column) == (3, 11)
    assert problem.message == "+12035550123 is not among the destinations of 'trunk'"
    assert "+1202555*" in str(problem.hint)
    assert re.search(r"sipprobe\.yaml:\d+ lets through .*add it there$", str(problem.hint))
