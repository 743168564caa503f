"""The table of numbers: complete, harmless and the same as in the documentation."""

import subprocess
import sys
from pathlib import Path

import pytest

from probe.simulator.answers import PHRASES
from probe.simulator.numbers import (
    behaviour_of,
    final_code,
    in_table,
    normal,
    numbers,
    table_markdown,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "embedded-trunk.md"

EMERGENCY = frozenset(
    [
        "000",
        "100",
        "101",
        "102",
        "103",
        "104",
        "106",
        "108",
        "110",
        "111",
        "112",
        "113",
        "114",
        "115",
        "116",
        "117",
        "118",
        "119",
        "120",
        "122",
        "123",
        "125",
        "128",
        "129",
        "130",
        "131",
        "132",
        "133",
        "140",
        "144",
        "150",
        "155",
        "158",
        "160",
        "166",
        "190",
        "191",
        "192",
        "193",
        "194",
        "195",
        "196",
        "197",
        "198",
        "199",
        "901",
        "902",
        "903",
        "907",
        "911",
        "917",
        "919",
        "988",
        "991",
        "992",
        "993",
        "994",
        "995",
        "996",
        "997",
        "998",
        "999",
        "1122",
        "1190",
        "1669",
        "8200",
    ]
)
"""Numbers for police, fire and ambulance somewhere in the world, from national lists."""


def test_no_number_is_an_emergency_number() -> None:
    """No row is an emergency number, with or without a digit for an outside line."""
    dialled = {row.number for row in numbers()} - {"+12025550123"}
    assert not dialled & EMERGENCY
    assert not {number[1:] for number in dialled} & EMERGENCY
    assert not {number[:3] for number in dialled} & {"911", "112", "999", "000"}
    assert not in_table("9911")
    assert not in_table("9112")


def test_every_registered_code_has_a_number() -> None:
    """All 75 registered codes are produced by some row."""
    assert len(PHRASES) == 75
    assert set(PHRASES) == {code for row in numbers() for code in row.codes}


def test_numbers_and_names_are_unique() -> None:
    """Nothing is listed twice."""
    keys = [key for row in numbers() for key in (row.number, row.alias)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    "dialled", ["9404", "+9404", "code-404", "CODE-404", "9404;phone-context=x"]
)
def test_a_number_is_known_however_it_is_written(dialled: str) -> None:
    """A plus, capitals and parameters make no difference."""
    assert final_code(behaviour_of(dialled)) == 404


def test_separators_are_no_part_of_a_number() -> None:
    """Dashes and brackets are for the eye."""
    assert normal("+1 (202) 555-0123") == "12025550123"


def test_the_document_shows_the_table() -> None:
    """docs/embedded-trunk.md holds the table as the code has it."""
    assert table_markdown() in DOCUMENT.read_text("utf-8")


def test_listing_loads_no_network_code() -> None:
    """Simulate --list does not pay for asyncio or a SIP parser."""
    script = (
        "import sys, probe.simulator.numbers as n; n.numbers();"
        "print({'asyncio', 'sipmessage', 'ssl'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=DOCUMENT.parents[1],
        timeout=30,
    )
    assert done.stdout.strip() == "set()"
