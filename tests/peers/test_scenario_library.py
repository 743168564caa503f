"""Every shipped scenario, run on the built-in PBX as a newcomer would: nothing is set up."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sipprobe_command import Finished, running_sipprobe

LIBRARY = Path(__file__).parents[2] / "scenarios"
FILES = sorted(LIBRARY.glob("*.sip.yaml"))
NAMES = [file.name.removesuffix(".sip.yaml") for file in FILES]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Finished, dict[str, Any]]]:
    """Run the whole library once; give what the command left and its report."""
    folder = tmp_path_factory.mktemp("library")
    shutil.copytree(LIBRARY, folder / "scenarios")
    files = [str(Path("scenarios", file.name)) for file in FILES]
    report = folder / "report.json"
    args = ["run", *files, "--report", f"json={report}"]
    with running_sipprobe(folder, args, cwd=folder) as command:
        finished = command.finish(240.0)
        yield finished, json.loads(report.read_text())


def test_nothing_left_this_machine(run: tuple[Finished, dict[str, Any]]) -> None:
    """All is met, on the built-in PBX alone."""
    finished, _ = run
    assert "nothing left this machine" in finished.stdout
    assert "no step expects" not in finished.stdout
    assert finished.exit_code == 0, finished.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_is_met(name: str, run: tuple[Finished, dict[str, Any]]) -> None:
    """Each step of the file is met."""
    finished, report = run
    steps = [f for f in report["findings"] if f["scenario"].partition("[")[0] == name]
    assert steps
    assert {found["outcome"] for found in steps} == {"MET"}, finished.stdout


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_shipped_scenario_says_what_it_is_for(file: Path) -> None:
    """A title, tags, and a comment before anything else."""
    text = file.read_text()
    assert text.startswith("# ")
    assert "\nname: " in text
    assert "\ntags: [" in text
