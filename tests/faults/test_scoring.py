"""How the lab counts, on cases made up for it."""

from dataclasses import replace

import baselines
import pytest
from every import FAULTS
from lab import CATALOGUE, Case
from misses import MISSES
from notmade import NOT_MADE
from scoring import falsely, markdown, right, rows

CASE = Case(
    fault="F047-x",
    cause="F047",
    family="D",
    identifiability="I",
    seed=1,
    outcome="NOT_MET",
    right_outcome="NOT_MET",
    certainty="likely",
    candidates=(("F047", "likely"), ("F056", "undecided")),
    controls=(),
    control_s=0.0,
    wall_s=1.0,
    summary="",
    responses=(401,),
    report="",
    capture="",
)


@pytest.mark.parametrize(
    ("changes", "is_right"),
    [
        ({}, True),
        ({"cause": "F056"}, False),
        ({"cause": "F056", "identifiability": "N"}, True),
        ({"cause": "F056", "identifiability": "N", "certainty": "certain"}, False),
        ({"cause": "F061", "identifiability": "N"}, False),
        ({"identifiability": "C", "controls": ("lint", "digest", "options")}, True),
        ({"identifiability": "C", "controls": ("options", "tls", "challenge", "names")}, False),
        ({"cause": None, "identifiability": "-", "certainty": "undecided"}, True),
        ({"cause": None, "identifiability": "-"}, False),
        ({"problem": "status 4"}, False),
    ],
)
def test_right_follows_the_class_of_the_cause(
    changes: dict[str, object], *, is_right: bool
) -> None:
    """Class I and C need the first place, class N a place, and what is unknown nothing certain."""
    assert right(replace(CASE, **changes)) is is_right


def test_false_certainty_is_a_certain_word_for_another_cause() -> None:
    """A likely of another cause is counted apart."""
    wrong = replace(CASE, cause="F056", certainty="certain")
    assert falsely(wrong, "certain")
    assert not falsely(wrong, "likely")
    assert not falsely(replace(CASE, certainty="certain"), "certain")


def test_table_has_families_classes_and_all() -> None:
    """One line for each family and class, one for each class, one for everything."""
    cases = [CASE, replace(CASE, identifiability="N"), replace(CASE, family="E")]
    found = [(row.family, row.identifiability, len(row.cases)) for row in rows(cases)]
    assert found == [
        ("D", "I", 1),
        ("D", "N", 1),
        ("E", "I", 1),
        ("all", "I", 2),
        ("all", "N", 1),
        ("all", "all", 3),
    ]
    assert markdown(cases).count("\n") == len(found) + 2


def test_every_cause_is_made_or_says_why_not() -> None:
    """Nothing of the catalogue is left out in silence."""
    made = {fault.cause for fault in FAULTS if fault.cause}
    assert made | set(NOT_MADE) == set(CATALOGUE)
    assert not made & set(NOT_MADE)


def test_one_case_in_ten_is_outside_the_catalogue() -> None:
    """Who names a cause for everything has to be seen at it."""
    outside = sum(fault.cause is None for fault in FAULTS)
    assert outside >= 0.1 * len(FAULTS) - 1


def test_known_misses_and_baselines_speak_of_what_exists() -> None:
    """A name that is no longer there would hide a miss."""
    assert set(MISSES) <= {fault.identity for fault in FAULTS}
    assert set(baselines.BY_CODE.values()) <= set(CATALOGUE)
    assert {cause for causes in baselines.TOPICS.values() for cause in causes} <= set(CATALOGUE)
