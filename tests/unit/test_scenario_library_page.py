"""The page of the scenario library names stories and variables that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "scenario-library.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and "`" in line
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0].replace(" ", "-") for row in ROWS])
def test_a_row_names_what_is_there(row: list[str]) -> None:
    """Each story is a file, and each variable is one of a story in the row."""
    files = [ROOT / "scenarios" / f"{name}.sip.yaml" for name in re.findall(r"`([\w-]+)`", row[1])]
    texts = "".join(file.read_text("utf-8") for file in files)
    for variable in re.findall(r"[A-Z_0-9]{2,}", row[2]):
        assert f"${{{variable}:-" in texts
