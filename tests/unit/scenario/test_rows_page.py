"""docs/rows.md: what it shows loads, and gives what it says."""

import re
from pathlib import Path

import pytest

from probe.scenario.loader import load_many
from probe.scenario.schema import CallStep

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "rows.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
YAML = [block for kind, block in BLOCKS if kind == "yaml"]
(TABLE,) = [block for kind, block in BLOCKS if kind == "csv"]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a folder with the files of the page."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "numbers.csv").write_text(TABLE, encoding="utf-8")
    for name, block in zip(("numbers", "matrix", "use", "parts/dial"), YAML, strict=True):
        (tmp_path / f"{name}.sip.yaml").write_text(block, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "scenarios", "called"),
    [
        (
            "numbers",
            ["numbers[US +12025550123]", "numbers[ZA 0123]", "numbers[mailbox *97]"],
            ["+12025550123", "0123", "*97"],
        ),
        (
            "matrix",
            ["matrix[+ PCMU]", "matrix[+ PCMA]", "matrix[00 PCMU]", "matrix[00 PCMA]"],
            ["+12025550123", "+12025550123", "0012025550123", "0012025550123"],
        ),
        ("use", ["use"], ["101"]),
    ],
)
def test_example_is_what_the_page_says(
    page: Path, name: str, scenarios: list[str], called: list[str]
) -> None:
    """Names of rows and numbers that are called."""
    found = load_many([page / f"{name}.sip.yaml"], variables={}, environ={})
    assert [scenario.id for scenario in found] == scenarios
    steps = [step for scenario in found for step in scenario.steps]
    assert [step.to for step in steps if isinstance(step, CallStep)] == called


def test_forms_of_a_number_are_those_that_the_scenario_names() -> None:
    """The variables of the command give the number of a real trunk."""
    given = {"COUNTRY": "49", "NATIONAL": "3012345", "PREFIX": "0"}
    file = ROOT / "scenarios" / "outbound-formats.sip.yaml"
    found = load_many([file], variables=given, environ={})
    steps = [scenario.steps[0] for scenario in found]
    assert {
        scenario.row.name: step.to
        for scenario, step in zip(found, steps, strict=True)
        if scenario.row and isinstance(step, CallStep)
    } == {
        "E.164": "+493012345",
        "without plus": "493012345",
        "national": "03012345",
        "00": "00493012345",
        "011": "011493012345",
    }
