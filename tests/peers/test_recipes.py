"""The recipes of docs/recipes do what they promise, run as they stand against the real programs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asterisk import program_path
from processes import SEARCH_PATH, program

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"

WITHIN_S = 90.0
"""The longest that a smoke test may take; it takes about seven seconds on an idle machine."""

INTO_A_NAMESPACE = (
    *("unshare", "--map-root-user", "--net", "bash", "-c"),
    'ip link set lo up && exec "$@"',
    "bash",
)
"""The recipes use port 5060: in a network of its own it is free, and nothing else is reached."""


def surroundings(recipe: str, home: Path) -> Mapping[str, str]:
    """Return the environment of a CI job that has the program and sipprobe installed."""
    path = [str(Path(sys.executable).parent)]
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "NO_COLOR": "1"}
    if recipe == "asterisk":
        asterisk = Path(program_path())
        modules = next(asterisk.parent.glob("usr/lib/*/asterisk/modules"))
        data = asterisk.parent / "usr/share/asterisk"
        env["ASTERISK_DIRECTORIES"] = f"astmoddir => {modules}\nastdatadir => {data}"
        path.append(str(asterisk.parent))
    else:
        program(recipe)
    return {**os.environ, **env, "PATH": os.pathsep.join((*path, SEARCH_PATH))}


def copied(recipe: str, to: Path) -> Path:
    """Copy a recipe as a reader would; return the copy's folder."""
    return Path(shutil.copytree(RECIPES / recipe, to / recipe))


def smoke_test(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe's script as a CI job does."""
    home = repository.parent / "home"
    home.mkdir()
    if subprocess.run([*INTO_A_NAMESPACE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("network namespaces are not allowed here: run as root")
    return subprocess.run(
        [*INTO_A_NAMESPACE, "ci/smoke-test", *arguments],
        cwd=repository,
        env=surroundings(repository.name, home),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def report(repository: Path) -> Any:  # noqa: ANN401 - whatever JSON says
    """Return the report that a smoke test stored."""
    (file,) = repository.glob("results/*/report.json")
    return json.loads(file.read_text())


@pytest.mark.parametrize("recipe", ["asterisk", "kamailio"])
def test_the_recipe_passes_as_it_stands(recipe: str, tmp_path: Path) -> None:
    """Every step is met, JUnit and captures are there, and both programs have ended."""
    repository = copied(recipe, tmp_path)
    done = smoke_test(repository)
    assert done.returncode == 0, done.stdout + done.stderr
    findings = report(repository)["findings"]
    assert {f["outcome"] for f in findings} == {"MET"}
    assert {f["scenario"] for f in findings} == {"phones", "outbound", "inbound"}
    assert 'failures="0"' in (repository / "sipprobe.xml").read_text()
    assert list(repository.glob("results/*/call.pcap"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A slip of the editor that neither program finds by itself."""

    recipe: str
    "Whose."

    file: str
    "Where, in the recipe's folder."

    right: str
    "What stood there."

    wrong: str
    "What stands there now."

    scenario: str
    "Which scenario is to notice."


SLIPS = (
    Slip(
        recipe="asterisk",
        file="ci/site.conf",
        right="match = 127.0.0.2",
        wrong="match = 127.0.0.3",
        scenario="inbound",
    ),
    Slip(
        recipe="kamailio",
        file="etc/kamailio.cfg",
        right='t_on_failure("LOGIN")',
        wrong='t_on_failure("LOGNI")',
        scenario="outbound",
    ),
)


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.recipe)
def test_the_recipe_stops_a_slip_of_the_editor(slip: Slip, tmp_path: Path) -> None:
    """The program starts with it, and the smoke test says what no longer works."""
    repository = copied(slip.recipe, tmp_path)
    text = (repository / slip.file).read_text()
    assert slip.right in text
    (repository / slip.file).write_text(text.replace(slip.right, slip.wrong))
    done = smoke_test(repository, slip.scenario)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOT_MET" in {f["outcome"] for f in report(repository)["findings"]}
    assert f"the end of {slip.recipe.capitalize()}'s log" in done.stderr


@pytest.mark.parametrize(
    ("recipe", "file", "line"),
    [
        ("asterisk", "etc/modules.conf", "require = no_such_thing.so"),
        ("kamailio", "etc/kamailio.cfg", 'loadmodule "no_such_thing.so"'),
    ],
    ids=["asterisk", "kamailio"],
)
def test_a_configuration_that_does_not_start_fails(
    recipe: str, file: str, line: str, tmp_path: Path
) -> None:
    """Nothing is called, the job fails at once, and the program's own words are shown."""
    repository = copied(recipe, tmp_path)
    with (repository / file).open("a") as end:
        end.write(f"\n{line}\n")
    done = smoke_test(repository)
    assert done.returncode == 1
    assert "no_such_thing" in done.stderr
    assert not (repository / "results").exists()
