"""Every shipped scenario, run on the built-in PBX as a newcomer would: nothing is set up."""

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sipprobe_command import Finished, running_sipprobe

LIBRARY = Path(__file__).parents[2] / "scenarios"
FILES = sorted(LIBRARY.glob("*.sip.yaml"))
NAMES = [file.name.removesuffix(".sip.yaml") for file in FILES]


AT_ONCE = 6
"""Files of one run: a start is shared, and no test waits for long."""


@pytest.fixture(scope="module")
def run_with(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Finished, dict[str, Any]]]:
    """Give what a run of some files left, and its report, by the name of one of them."""

    @functools.cache
    def part(number: int) -> tuple[Finished, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("library")
        shutil.copytree(LIBRARY, folder / "scenarios")
        chosen = FILES[number * AT_ONCE : (number + 1) * AT_ONCE]
        files = [str(Path("scenarios", file.name)) for file in chosen]
        args = ["run", *files, "--report", "json=report.json"]
        with running_sipprobe(folder, args, cwd=folder) as command:
            finished = command.finish(110.0)
        return finished, json.loads((folder / "report.json").read_text())

    return lambda name: part(NAMES.index(name) // AT_ONCE)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_is_met(
    name: str, run_with: Callable[[str], tuple[Finished, dict[str, Any]]]
) -> None:
    """Each step of the file is met, on the built-in PBX alone, and no call strays."""
    finished, report = run_with(name)
    steps = [f for f in report["findings"] if f["scenario"].partition("[")[0] == name]
    assert steps
    assert {found["outcome"] for found in steps} == {"MET"}, finished.stdout
    assert "nothing left this machine" in finished.stdout
    assert "no step expects" not in finished.stdout


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_shipped_scenario_says_what_it_is_for(file: Path) -> None:
    """A title, tags, and a comment before anything else."""
    text = file.read_text()
    assert text.startswith("# ")
    assert "\nname: " in text
    assert "\ntags: [" in text
