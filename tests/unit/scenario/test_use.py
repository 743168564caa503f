"""`use:`: the steps of another file, with variables of their own."""

from pathlib import Path

import pytest

from probe.scenario.loader import load_scenario
from probe.scenario.schema import CallStep, HangupStep, RegisterStep, Scenario
from probe.scenario.source import ScenarioError

LOGIN = """\
name: Not what the story is called
trunk: of-this-file-alone
agents:
  phone: {uri: "sip:${USER:-100}@pbx.example", password_file: secret.pw}
steps:
  - register: phone
"""
CALL = """\
steps:
  - call: ${NUMBER:-999999}
    name: ${CALL:-first}
    from: phone
"""


def story(folder: Path, text: str, **environ: str) -> Scenario:
    """Load a scenario that stands beside a folder of parts."""
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    (parts / "login.sip.yaml").write_text(LOGIN, encoding="utf-8")
    (parts / "call.sip.yaml").write_text(CALL, encoding="utf-8")
    both = "steps: [use: login.sip.yaml, {use: call.sip.yaml, with: {NUMBER: '${TO}'}}]\n"
    (parts / "both.sip.yaml").write_text(both, encoding="utf-8")
    (folder / "story.sip.yaml").write_text(text, encoding="utf-8")
    return load_scenario(folder / "story.sip.yaml", variables={}, environ=environ)


def test_steps_and_agents_of_a_file_are_put_in_place(tmp_path: Path) -> None:
    """They are numbered through; later steps name calls and agents of that file."""
    found = story(
        tmp_path,
        "steps:\n"
        "  - use: parts/login.sip.yaml\n"
        "  - use: parts/call.sip.yaml\n"
        "    with: {NUMBER: '101'}\n"
        "  - hangup: first\n"
        "  - register: phone\n",
    )
    register, call, hangup, again = found.steps
    assert [step.index for step in found.steps] == [1, 2, 3, 4]
    assert isinstance(register, RegisterStep)
    assert isinstance(call, CallStep)
    assert isinstance(hangup, HangupStep)
    assert isinstance(again, RegisterStep)
    assert (call.to, call.name, hangup.by) == ("101", "first", "first")
    assert found.agents["phone"].uri == "sip:100@pbx.example"
    assert (found.id, found.name, found.trunk) == ("story", "story", "embedded")


def test_path_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    """For files of files, and for what an agent there names."""
    found = story(tmp_path, "steps:\n  - use: parts/both.sip.yaml\n    with: {TO: '102'}\n")
    assert [getattr(step, "to", None) for step in found.steps] == [None, "102"]
    place = found.agents["phone"].source("password_file")
    assert place.file == str(tmp_path / "parts" / "login.sip.yaml")


def test_what_with_gives_wins_over_the_environment(tmp_path: Path) -> None:
    """Without it the file asks whom every file asks, and last itself."""
    use = "steps:\n  - use: parts/login.sip.yaml\n  - use: parts/call.sip.yaml\n"
    with_number = story(tmp_path, use + "    with: {NUMBER: '101'}\n", NUMBER="+12025550199")
    of_environment = story(tmp_path, use, NUMBER="+12025550199")
    of_itself = story(tmp_path, use)
    found = [scenario.steps[1] for scenario in (with_number, of_environment, of_itself)]
    assert [getattr(step, "to", "") for step in found] == ["101", "+12025550199", "999999"]
    givers = [[one.giver for one in step.source("call").filled] for step in found]
    assert givers == [[], ["the environment"], []]


def test_value_of_with_remembers_who_gave_it(tmp_path: Path) -> None:
    """A number of the environment is not the author's for being handed on."""
    text = "steps:\n  - use: parts/both.sip.yaml\n    with: {TO: '${OUR}'}\n"
    step = story(tmp_path, text, OUR="+12025550199").steps[1]
    assert [one.giver for one in step.source("call").filled] == ["the environment"]


def test_file_may_be_used_twice_under_other_names(tmp_path: Path) -> None:
    """The name of its call is given by `with:`; agents that are the same are one."""
    text = "steps:\n  - use: parts/login.sip.yaml\n  - use: parts/login.sip.yaml\n"
    for number in ("101", "102"):
        text += (
            f"  - use: parts/call.sip.yaml\n    with: {{NUMBER: '{number}', CALL: to-{number}}}\n"
        )
    found = story(tmp_path, text + "  - hangup: to-101\n")
    assert [step.name for step in found.steps] == [None, None, "to-101", "to-102", None]
    with pytest.raises(ScenarioError, match="the agent 'phone' is another one"):
        story(tmp_path, "steps: [use: parts/login.sip.yaml, {use: parts/login.sip.yaml,"
                        " with: {USER: '200'}}]\n")  # fmt: skip


def test_place_inside_says_where_it_is_used(tmp_path: Path) -> None:
    """Also what is found out later, when it is resolved or judged."""
    found = story(tmp_path, "steps:\n  - use: parts/both.sip.yaml\n    with: {TO: '102'}\n")
    place = found.steps[1].source("call")
    assert (place.file, place.line) == (str(tmp_path / "parts" / "call.sip.yaml"), 2)
    both, whole = tmp_path / "parts" / "both.sip.yaml", tmp_path / "story.sip.yaml"
    assert f"used at {both}:1" in place.notes
    assert f"used at {whole}:2" in place.notes


def test_story_that_grows_without_bound_is_refused(tmp_path: Path) -> None:
    """Files of files of files multiply."""
    for depth in range(1, 5):
        steps = "".join(f"  - use: grow{depth + 1}.sip.yaml\n" for _ in range(10))
        (tmp_path / f"grow{depth}.sip.yaml").write_text(f"steps:\n{steps}", encoding="utf-8")
    (tmp_path / "grow5.sip.yaml").write_text("steps: [register: ]\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="more than 2000 steps"):
        load_scenario(tmp_path / "grow1.sip.yaml", variables={}, environ={})
