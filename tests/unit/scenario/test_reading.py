"""Models are read key by key, and every problem of them is told at its place."""

from pathlib import Path

import pytest

from probe.scenario.expectation import Expectation
from probe.scenario.loader import load_many, load_scenario
from probe.scenario.reading import _reader_of, read
from probe.scenario.schema import VERBS, CallStep, Profile, Scenario, Settings, TrunkProfile
from probe.scenario.secret import Secret
from probe.scenario.serving import Module, Serve
from probe.scenario.source import NOWHERE, ScenarioError
from probe.scenario.written import Written, fields

NOT_READ = {(Scenario, "steps"), (Scenario, "matrix")}
"""Steps are read one by one, and a matrix is taken out before."""


def problems_of(path: Path, text: str) -> list[str]:
    """Return what is wrong with a scenario, with its place."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_many([path], variables={}, environ={})
    return [f"{p.source.line}:{p.source.column} {p.message}" for p in caught.value.problems]


@pytest.mark.parametrize(
    "model",
    [*VERBS.values(), Scenario, Settings, Profile, TrunkProfile, Expectation, Serve, Module],
)
def test_each_key_has_a_reader(model: type[Written]) -> None:
    """What a user writes is never taken as it stands."""
    unread = {
        name
        for name in fields(model)
        if name not in model.inner and _reader_of(model, name) is None
    }
    assert unread == {name for kind, name in NOT_READ if kind is model}


def test_every_problem_of_a_mapping_is_told() -> None:
    """The first does not hide the others, nor those of parts below."""
    with pytest.raises(ScenarioError) as caught:
        read(CallStep, {"call": "1 2", "timeout": "0s", "expect": {"failure": "?", "sdp": "PCMU"}})
    assert len(caught.value.problems) == 4
    assert {problem.source for problem in caught.value.problems} == {NOWHERE}


def test_key_that_is_missing_and_key_that_nobody_knows() -> None:
    """A mapping made in Python is held to the same keys."""
    with pytest.raises(ScenarioError) as caught:
        read(CallStep, {"to": "101", "colour": "red"})
    assert [problem.message for problem in caught.value.problems] == ["unknown key 'colour'"]
    with pytest.raises(ScenarioError, match="'call:' is missing"):
        read(CallStep, {"from": "alice"})


def test_part_of_a_list_is_shown_in_its_own_line(tmp_path: Path) -> None:
    """Not at the key of the list."""
    text = "steps:\n  - subscribe: dialog\n    expect:\n      notify:\n        - {state: {a: b}}\n"
    assert problems_of(tmp_path / "one.sip.yaml", text) == [
        "5:12 expected a text, found a mapping (key: value)"
    ]


def test_what_an_agent_says_counts_even_if_it_is_the_default(tmp_path: Path) -> None:
    """`record: off` of an agent takes the place of the trunk's `record: on`."""
    path = tmp_path / "one.sip.yaml"
    path.write_text(
        "agents: {a: {uri: 'sip:a@b.example', record: off}}\nsteps: [register: a]\n",
        encoding="utf-8",
    )
    agent = load_scenario(path, variables={}, environ={}).agents["a"]
    assert agent.said() == {"uri", "record"}
    assert agent.over(Profile(record=True, realm="x")).record is False
    assert Profile(auth_user="x").over(Profile(record=True)).record is True


def test_secret_is_shown_nowhere() -> None:
    """Neither by itself nor in what holds it; who asks in so many words gets it."""
    secret = Secret("hunter2")
    profile = Profile(uri="sip:a@b.example", password=secret)
    for shown in (repr(secret), str(secret), f"{secret}", repr(profile), str([profile])):
        assert "hunter2" not in shown
    assert secret.revealed() == "hunter2"
    assert secret != Secret("other")
    assert len({secret, Secret("hunter2")}) == 1


def test_row_that_is_wrong_is_found_among_others(tmp_path: Path) -> None:
    """What was read of an earlier row hides nothing of a later one."""
    text = (
        "data:\n  - {N: '101', S: '200'}\n  - {N: '1 2', S: '200'}\n  - {N: '103', S: '18'}\n"
        "  - {N: '104', S: ''}\nsteps:\n  - call: ${N}\n    expect: {responses: '180 ${S}'}\n"
    )
    assert problems_of(tmp_path / "one.sip.yaml", text) == [
        "7:11 ' ' cannot be part of a number",
        "8:30 '18' is not a status code (100 to 699) nor a class such as 18x or 4xx",
        "8:30 variable S is empty",
    ]


def test_each_row_has_its_own_values_and_places(tmp_path: Path) -> None:
    """The rest is the same object, read once."""
    path = tmp_path / "one.sip.yaml"
    path.write_text(
        "name: ${N}\ndata: [{N: '101', T: 1s}, {N: '102', T: 2s}]\n"
        "steps:\n  - call: ${N}\n    expect: {responses: 200, timing: {pdd: 'max ${T}'}}\n"
        "  - call: '100'\n    hangup_after: ${T}\n    expect: {responses: 200}\n",
        encoding="utf-8",
    )
    one, two = load_many([path], variables={}, environ={})
    assert [(s.id, s.name) for s in (one, two)] == [("one[101 1s]", "101"), ("one[102 2s]", "102")]
    first, second = one.steps, two.steps
    assert [s.to for s in (first[0], second[0]) if isinstance(s, CallStep)] == ["101", "102"]
    assert [s.hangup_after for s in (first[1], second[1]) if isinstance(s, CallStep)] == [1.0, 2.0]
    assert first[1].expect is second[1].expect
    bounds = [s.expect.timing["pdd"].max for s in (first[0], second[0]) if s.expect]
    assert bounds == [1.0, 2.0]
    assert "N is '101' at" in first[0].source("call").notes[0]
    assert "N is '102' at" in second[0].source("call").notes[0]
