"""The files of docs/recipes are whole: what they name exists, what they say is read."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner

from probe.cli import cli

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
PROGRAMS = ("asterisk", "freeswitch", "kamailio")
SCENARIOS = sorted(RECIPES.glob("*/*/*.sip.yaml"))
FENCED_YAML = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)


def workflow(name: str, file: str) -> dict[str, Any]:
    """Return a workflow file of a recipe, parsed."""
    loaded: dict[str, Any] = yaml.safe_load((RECIPES / name / file).read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: str(file.relative_to(RECIPES)))
def test_a_scenario_of_a_recipe_is_valid(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program takes it, beside the recipe's own sipprobe.yaml."""
    monkeypatch.chdir(file.parents[1])
    env = {f"PW_{user}": "not-used" for user in (100, 101, 102)}
    done = CliRunner().invoke(cli, ["validate", str(file.relative_to(Path.cwd()))], env=env)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_workflows_run_the_script_and_keep_its_report(name: str) -> None:
    """GitHub and GitLab run the same file and keep what it writes."""
    (job,) = workflow(name, "github-actions.yml")["jobs"].values()
    assert "ci/smoke-test" in [step.get("run") for step in job["steps"]]
    (kept,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept["if"] == "always()"
    gitlab = workflow(name, "gitlab-ci.yml")["sip-smoke-test"]
    assert gitlab["script"] == ["ci/smoke-test"]
    report = gitlab["artifacts"]["reports"]["junit"]
    assert report in kept["with"]["path"]
    assert f"junit={report}" in (RECIPES / name / "ci" / "smoke-test").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_script_can_be_run(name: str) -> None:
    """It may be executed, and bash reads all of it."""
    script = RECIPES / name / "ci" / "smoke-test"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_ci_replaces_says_the_same_things(name: str) -> None:
    """CI's site file defines what the real one defines, and is nowhere but on loopback."""
    (ci_file,) = (RECIPES / name / "ci").glob("site.*")
    ci = ci_file.read_text(encoding="utf-8")
    real = (RECIPES / name / "etc" / ci_file.name).read_text(encoding="utf-8")
    names = re.compile(r'^\[.+\]|^type = \w+|^#!define \w+|data="\w+=', re.MULTILINE)
    assert names.findall(ci) == names.findall(real)
    assert names.findall(ci)
    addresses = re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", ci)
    assert addresses
    assert all(address.startswith("127.") for address in addresses)


@pytest.mark.parametrize(
    "file", sorted(RECIPES.glob("**/*.xml")), ids=lambda file: str(file.relative_to(RECIPES))
)
def test_a_configuration_in_xml_is_well_formed(file: Path) -> None:
    """What no FreeSWITCH has read is at least XML."""
    ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314 - our own file


def test_the_pipelines_of_the_pages_are_yaml() -> None:
    """What a page shows for copying can be read by the CI service."""
    blocks = [
        block
        for page in RECIPES.glob("*.md")
        for block in FENCED_YAML.findall(page.read_text(encoding="utf-8"))
    ]
    assert blocks
    assert all(isinstance(yaml.safe_load(block), dict) for block in blocks)
