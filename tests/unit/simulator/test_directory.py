"""The PBX's numbers in words, held against what there is."""

from pathlib import Path

from probe.plan.rails import emergency_number
from probe.simulator.directory import directory, directory_markdown
from probe.simulator.numbers import normal, numbers
from probe.simulator.routes import GROUPS
from probe.simulator.services import NUMBERS
from probe.simulator.users import OUTSIDE, USERS

DOCUMENT = Path(__file__).parents[3] / "docs" / "embedded-trunk.md"


def test_every_number_is_told() -> None:
    """Users, groups and services stand in the directory, and nothing else does."""
    told = {normal(entry.number): entry.alias for entry in directory()}
    users = {user: "" for user in USERS if user != OUTSIDE}
    services = {number: row.alias for number, row in NUMBERS.items()}
    assert told == {**users, **dict.fromkeys(GROUPS, ""), **services}


def test_no_number_has_two_meanings() -> None:
    """The PBX's numbers are none of the trunk's."""
    dialled = {normal(entry.number) for entry in directory()}
    trunks = {normal(key) for row in numbers() for key in (row.number, row.alias) if key}
    assert not dialled & trunks


def test_the_documentation_shows_the_directory() -> None:
    """The page holds the table word for word."""
    assert directory_markdown() in DOCUMENT.read_text("utf-8")


def test_no_number_is_near_an_emergency_number() -> None:
    """What the page says to dial can be dialled from a scenario."""
    others = [entry for entry in directory() if entry.number not in USERS]
    for text in (text for entry in others for text in (entry.number, entry.alias) if text):
        assert emergency_number(text, public=False) is None
