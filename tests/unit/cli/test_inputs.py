"""Variables, settings and files, as every verb reads them."""

from pathlib import Path

import click
import pytest
from commandline import CARRIER

from probe.cli import inputs
from probe.scenario.source import ScenarioError


@pytest.mark.parametrize(
    ("flag", "no_color", "terminal", "colored"),
    [
        (None, "", True, True),
        (None, "", False, False),
        (None, "1", True, False),
        ("always", "1", False, True),
        ("never", "", True, False),
    ],
)
def test_color_is_for_people_unless_told(
    monkeypatch: pytest.MonkeyPatch, flag: str | None, no_color: str, terminal: bool, colored: bool
) -> None:
    """The flag decides, then NO_COLOR (if not empty), then whether a terminal is there."""
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert inputs.wants_color(flag, terminal) is colored


@pytest.mark.parametrize(
    ("environment", "flag", "terminal", "colored"),
    [
        ({"FORCE_COLOR": "1"}, None, False, True),
        ({"FORCE_COLOR": "0"}, None, True, False),
        ({"FORCE_COLOR": ""}, None, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, None, True, False),
        ({"FORCE_COLOR": "1"}, "never", True, False),
        ({"TERM": "dumb"}, None, True, False),
    ],
)
def test_the_environment_may_force_color(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    flag: str | None,
    terminal: bool,
    colored: bool,
) -> None:
    """Logs of CI services show colours though they are no terminals; NO_COLOR wins."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert inputs.wants_color(flag, terminal) is colored


def test_variable_keeps_what_stands_behind_the_first_equals_sign() -> None:
    """A value may hold equals signs, or be empty."""
    assert inputs.variables(("A=b=c", "D=")) == {"A": "b=c", "D": ""}


@pytest.mark.parametrize("pair", ["NUMBER", "=x", "a-b=c", "1A=x"])
def test_pair_that_is_none_is_wrong_usage(pair: str) -> None:
    """A variable needs a name that ${NAME} can hold."""
    with pytest.raises(click.UsageError, match="--var takes NAME=VALUE, got '"):
        inputs.variables((pair,))


def test_secret_without_a_name_is_not_repeated() -> None:
    """Who forgets the name has typed the secret itself."""
    with pytest.raises(click.UsageError) as refused:
        inputs.variables(("hunter22",), secret=True)
    assert refused.value.message == "--secret takes NAME=VALUE"


def test_no_settings_anywhere_are_empty_settings(here: Path) -> None:
    """A sipprobe.yaml is not needed for the embedded trunk."""
    assert inputs.settings({}, None).trunks == {}


def test_nearest_settings_are_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sipprobe.yaml counts from below its folder too."""
    (here / "sipprobe.yaml").write_text(CARRIER)
    (here / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(here / "a" / "b")
    assert set(inputs.settings({}, None).trunks) == {"carrier"}


def test_given_settings_win_over_the_nearest(here: Path) -> None:
    """--config is that file and no other."""
    (here / "sipprobe.yaml").write_text(CARRIER)
    (here / "other.yaml").write_text('trunks: {pbx: {uri: "sip:1@pbx.example"}}\n')
    assert set(inputs.settings({}, here / "other.yaml").trunks) == {"pbx"}


def test_nothing_stands_for_the_scenarios_folder(carrier: Path) -> None:
    """Without names, every scenario of ./scenarios is meant, by name."""
    assert [path.name for path in inputs.paths(())] == [
        "one-call.sip.yaml",
        "one-registration.sip.yaml",
    ]


def test_nothing_in_a_folder_without_scenarios_is_nothing(here: Path) -> None:
    """Without names and without ./scenarios nothing is found, and that is no error here."""
    assert inputs.paths(()) == ()


def test_names_paths_and_folders_mix_and_count_once(carrier: Path) -> None:
    """A file that is named in three ways is read once, in the order of the first."""
    found = inputs.paths(("one-registration", "scenarios", "scenarios/one-call.sip.yaml"))
    assert [path.name for path in found] == ["one-registration.sip.yaml", "one-call.sip.yaml"]


def test_name_of_no_scenario_is_refused(carrier: Path) -> None:
    """The nearest name is in the hint."""
    with pytest.raises(ScenarioError) as refused:
        inputs.paths(("one-cal",))
    assert "did you mean 'one-call'?" in refused.value.render()


def test_environment_wins_over_what_the_settings_say(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag, then the environment, then vars: of sipprobe.yaml."""
    (here / "sipprobe.yaml").write_text("vars: {A: settings, B: settings, C: settings}\n")
    (here / "x.sip.yaml").write_text("name: ${A} ${B} ${C}\nsteps: [register: ]\n")
    monkeypatch.setenv("B", "environment")
    monkeypatch.setenv("C", "environment")
    given = {"C": "flag"}
    known = inputs.settings(given, None)
    (scenario,) = inputs.scenarios((here / "x.sip.yaml",), given, known)
    assert scenario.name == "settings environment flag"


@pytest.mark.parametrize("color", [True, False])
def test_problems_end_a_command_in_color_where_wanted(
    capsys: pytest.CaptureFixture[str], color: bool
) -> None:
    """--color always holds for a pipe too."""
    with pytest.raises(click.exceptions.Exit) as left, inputs.problems_end_the_command(color=color):
        inputs.paths(("no-such-scenario",))
    assert left.value.exit_code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert ("\x1b[" in said.err) is color
    assert "there is no scenario 'no-such-scenario'" in said.err


def test_problems_do_not_show_what_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    """A secret that is quoted in a problem is taken out."""

    def hide(text: str) -> str:
        return text.replace("hunter22", "redacted")

    with (
        pytest.raises(click.exceptions.Exit),
        inputs.problems_end_the_command(color=False, hide=hide),
    ):
        inputs.paths(("hunter22",))
    assert "hunter22" not in capsys.readouterr().err


def test_lists_and_hints_fit_a_terminal_and_stay_whole_in_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line of a file stays as it is: marks stand under its columns."""
    names = ", ".join(f"scenario-{number}" for number in range(20))
    quoted = "3 | " + "x" * 100
    text = f"{quoted}\n  hint: there are: {names}\n  \x1b[36mhint: {names}\x1b[0m"
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    assert inputs.fitting(text) == text
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    first, *others = inputs.fitting(text).split("\n")
    assert first == quoted
    bare = [line.replace("\x1b[36m", "").replace("\x1b[0m", "") for line in others]
    assert max(map(len, bare)) <= 60
    assert " ".join(" ".join(bare).split()) == f"hint: there are: {names} hint: {names}"
    assert all(line.startswith("  ") for line in bare)
