"""Every shipped scenario, run on the built-in PBX as a newcomer would: nothing is set up."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import junitparser
import pytest
import xmlschema
from processes import running

LIBRARY = Path(__file__).parents[2] / "scenarios"
FILES = sorted(LIBRARY.glob("*.sip.yaml"))
NAMES = [file.name.removesuffix(".sip.yaml") for file in FILES]


SCHEMA = Path(__file__).parents[1] / "unit" / "report" / "junit.xsd"


@dataclass(frozen=True)
class Outcome:
    """What two processes of pytest left of the whole library."""

    said: str
    "What it said."

    junit: Path
    "The result file of pytest."

    reports: dict[str, dict[str, Any]]
    "The report of each scenario's run folder, by the name of the file."


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Run every file once, each as a test, in two processes side by side."""
    folder = tmp_path_factory.mktemp("library")
    shutil.copytree(LIBRARY, folder / "scenarios")
    (folder / "pytest.ini").write_text("[pytest]\n")
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("SIPPROBE_", "PYTEST_"))}
    command = [
        *(sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"),
        *("--sipprobe", "-n", "2", "--junitxml", "junit.xml", "-rA", "scenarios"),
    ]
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    with running(command, folder / "said", cwd=folder, env=clean | home) as process:
        process.wait(270.0)
        said = process.log()
    reports: dict[str, dict[str, Any]] = {}
    for found in (folder / "results").glob("*/report.json"):
        report = json.loads(found.read_text())
        for finding in report["findings"]:
            reports.setdefault(finding["scenario"].partition("[")[0], report)
    return Outcome(said=said, junit=folder / "junit.xml", reports=reports)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_is_met(name: str, tested: Outcome) -> None:
    """Each step of the file is met, on the built-in PBX alone, and no call strays."""
    assert name in tested.reports, tested.said
    report = tested.reports[name]
    assert {found["outcome"] for found in report["findings"]} == {"MET"}, tested.said
    notes = " ".join(report["run"]["notes"])
    assert "nothing left this machine" in notes
    assert "no step expects" not in notes


@pytest.mark.timeout(300)
def test_one_result_file_tells_of_all(tested: Outcome) -> None:
    """What both processes wrote is one valid JUnit document, and other programs read it."""
    xmlschema.validate(tested.junit, SCHEMA)
    (suite,) = junitparser.JUnitXml.fromfile(str(tested.junit))
    assert (suite.failures, suite.errors, suite.skipped) == (0, 0, 0)
    told = {case.name.partition("[")[0] for case in suite}
    assert told == set(NAMES)


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_shipped_scenario_says_what_it_is_for(file: Path) -> None:
    """A title, tags, and a comment before anything else."""
    text = file.read_text()
    assert text.startswith("# ")
    assert "\nname: " in text
    assert "\ntags: [" in text
