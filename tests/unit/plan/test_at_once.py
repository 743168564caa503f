"""Calls that are up at a time, held against what the installed pjsua2 carries."""

from collections.abc import Callable
from pathlib import Path

import pytest

from probe.plan.capabilities import Capabilities
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.source import Problem, ScenarioError

FOUR = Capabilities(
    version="2.15.1",
    max_calls=4,
    max_accounts=8,
    ipv6=False,
    tls=True,
    tls_library="",
    tls13=False,
    dtls_srtp=False,
    codecs=("PCMU", "PCMA"),
    max_message=4000,
    live_asserts=True,
)


@pytest.fixture
def problems(tmp_path: Path) -> Callable[..., tuple[Problem, ...]]:
    """Return what says why the steps of a scenario cannot be carried out."""

    def of(*steps: str, agents: str = "") -> tuple[Problem, ...]:
        settings = tmp_path / "sipprobe.yaml"
        settings.write_text(
            'trunks:\n  t:\n    uri: "sip:100@127.0.0.1:5999"\n    allow_to: ["*"]\n'
        )
        file = tmp_path / "one.sip.yaml"
        lines = ["trunk: t", "steps:", *(f"  - {step}" for step in steps)]
        file.write_text("\n".join(lines) + f"\n{agents}")
        scenario = load_scenario(file, variables={}, environ={})
        profiles = load_settings(settings, variables={}, environ={})
        try:
            resolve(scenario, profiles, engine=lambda: FOUR)
        except ScenarioError as error:
            return tuple(error.problems)
        return ()

    return of


UP = [f'{{call: "1000{number}", name: c{number}}}' for number in range(6)]


def test_fifth_call_at_a_time_is_refused_at_its_line(
    problems: Callable[..., tuple[Problem, ...]],
) -> None:
    """It is told once, at the first call that finds no room."""
    (found,) = problems(*UP, "talk: 1s")
    assert found.source.line == 7
    assert found.message == (
        "this is call 5 of 'trunk' that is up at a time, and the installed pjsua2 carries 4"
    )
    assert "2.15.1" in str(found.hint)


def test_calls_one_after_the_other_need_no_room(
    problems: Callable[..., tuple[Problem, ...]],
) -> None:
    """What ends by itself, or by a step, makes room again."""
    assert problems(*UP) == ()
    assert problems(*UP[:4], "hangup: c1", *UP[4:5], "talk: 1s") == ()


def test_calls_that_nobody_is_sure_of_are_not_counted(
    problems: Callable[..., tuple[Problem, ...]],
) -> None:
    """A call that is expected to be refused, or that only rings, may not be up at all."""
    refused = [f'{{call: "1000{number}", expect: {{responses: 486}}}}' for number in range(6)]
    assert problems(*refused, "wait: 1s") == ()
    rings = [f'{{call: "1000{number}", ring_for: 1s}}' for number in range(6)]
    assert problems(*rings, "wait: 1s") == ()


def test_called_side_has_no_more_room(problems: Callable[..., tuple[Problem, ...]]) -> None:
    """An agent that is called has a process of its own, with as much room."""
    agents = "agents:\n  " + "\n  ".join(
        f'{name}: {{uri: "sip:{name}@127.0.0.1:5999"}}' for name in ("a", "b", "c")
    )
    calls = [f'{{call: "c", from: {name}, at: c}}' for name in "aaabbb"]
    (found,) = problems(*calls, "talk: 1s", agents=agents + "\n")
    assert "this is call 5 of 'c'" in found.message
