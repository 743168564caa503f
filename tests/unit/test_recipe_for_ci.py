"""docs/recipes/ci: the composite action and the GitLab template, by what their scripts do."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CI = Path(__file__).parents[2] / "docs" / "recipes" / "ci"
ACTION: dict[str, Any] = yaml.safe_load((CI / "action/action.yml").read_text(encoding="utf-8"))
JOB: dict[str, Any] = yaml.safe_load((CI / "gitlab.yml").read_text(encoding="utf-8"))[".sipprobe"]


@pytest.fixture
def runner(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a runner whose sipprobe notes its arguments, a line each."""
    program = tmp_path / "sipprobe"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/said\nexit "${{LEAVES:-0}}"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_PATH": str(tmp_path / "path"),
        "RUNNER_TEMP": str(tmp_path / "temp"),
    }


def carried_out(script: str, environment: dict[str, str], *shell: str) -> int:
    """Run a script as a runner does, in the folder of its sipprobe; return its status."""
    folder = Path(environment["GITHUB_OUTPUT"]).parent
    done = subprocess.run(
        [*(shell or ("bash", "--noprofile", "--norc", "-eo", "pipefail")), "-c", script],
        env=environment,
        cwd=folder,
        check=False,
    )
    return done.returncode


def calls() -> dict[str, Any]:
    """Return the step of the action that places the calls."""
    (step,) = (step for step in ACTION["runs"]["steps"] if step.get("id") == "run")
    found: dict[str, Any] = step
    return found


@pytest.mark.parametrize(
    ("scenarios", "arguments", "said"),
    [
        ("", "", ["--"]),
        ("a.sip.yaml\nb c.sip.yaml\n", "", ["--", "a.sip.yaml", "b c.sip.yaml"]),
        ("a", "--trunk\ncarrier\n\n", ["--trunk", "carrier", "--", "a"]),
        ("$(touch evil)\n`touch evil`", "", ["--", "$(touch evil)", "`touch evil`"]),
    ],
)  # fmt: skip
def test_the_action_hands_its_inputs_over_a_line_each(
    runner: dict[str, str], scenarios: str, arguments: str, said: list[str]
) -> None:
    """Names may hold blanks, and no text of an input is a command."""
    runner |= {"SCENARIOS": scenarios, "ARGUMENTS": arguments}
    assert carried_out(calls()["run"], runner) == 0
    folder = Path(runner["GITHUB_OUTPUT"]).parent
    words = (folder / "said").read_text().splitlines()
    assert words[:1] == ["run"]
    assert words[words.index("html=sipprobe.html") + 1 :] == said
    assert not (folder / "evil").exists()


@pytest.mark.parametrize("status", [0, 1, 3])
def test_the_action_leaves_as_sipprobe_did(runner: dict[str, str], status: int) -> None:
    """And says so in its output, for a step that tells 1 from 3."""
    runner |= {"SCENARIOS": "", "ARGUMENTS": "", "LEAVES": str(status)}
    assert carried_out(calls()["run"], runner) == status
    assert Path(runner["GITHUB_OUTPUT"]).read_text() == f"status={status}\n"


def test_the_action_installs_into_a_place_of_its_own(runner: dict[str, str]) -> None:
    """The path of later steps names it; the input is no part of the script."""
    (install,) = (step for step in ACTION["runs"]["steps"] if step["name"] == "Install sipprobe")
    folder = Path(runner["GITHUB_OUTPUT"]).parent
    python = folder / "python3"
    python.write_text('#!/bin/sh\nmkdir -p "$3/bin"; cp ./sipprobe "$3/bin/pip"\n')
    python.chmod(0o755)
    assert carried_out(install["run"], runner | {"WANTED": "sipprobe==1; touch evil"}) == 0
    assert (folder / "said").read_text().splitlines()[-1] == "sipprobe==1; touch evil"
    assert (folder / "path").read_text() == f"{runner['RUNNER_TEMP']}/sipprobe/bin\n"
    assert not (folder / "evil").exists()


def test_no_input_stands_in_a_script() -> None:
    """GitHub puts an expression into the script before a shell reads it."""
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert step.get("shell") == "bash" or "uses" in step
    used = set(re.findall(r"inputs\.([a-z]+)", (CI / "action/action.yml").read_text()))
    assert used == ACTION["inputs"].keys()


def test_the_workflow_gives_inputs_that_the_action_has() -> None:
    """And secrets as variables."""
    workflow = yaml.safe_load((CI / "workflow.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    (step,) = (step for step in job["steps"] if step.get("uses", "").startswith("./"))
    assert step["with"].keys() <= ACTION["inputs"].keys()
    assert all("secrets." in value for value in step["env"].values())


def test_the_template_runs_what_it_is_told(runner: dict[str, str]) -> None:
    """Blanks part the scenarios; the report that GitLab reads is the one that is written."""
    runner |= {"SCENARIOS": "a b", "ARGUMENTS": "--trunk carrier", "LEAVES": "1"}
    (script,) = JOB["script"]
    assert carried_out(script, runner, "bash", "-e") == 1
    words = (Path(runner["GITHUB_OUTPUT"]).parent / "said").read_text().splitlines()
    assert words[:5] == ["run", "a", "b", "--trunk", "carrier"]
    assert f"junit={JOB['artifacts']['reports']['junit']}" in words


def test_what_they_run_is_what_the_program_takes() -> None:
    """Flags of both scripts, asked of the program itself."""
    told = subprocess.run(
        [sys.executable, "-m", "probe.cli", "run", "--help"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for script in (calls()["run"], *JOB["script"]):
        assert all(flag in told for flag in re.findall(r"--(?:format|report)", script))
