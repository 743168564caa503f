"""The short form of the campaign: two thousand mutated answers, and nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # the first test waits for the whole campaign


@pytest.fixture(scope="session")
def figures(in_namespace: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """Give the figures of a small campaign, by transport."""
    shape = ("--lanes", "1", "--scenarios", "2", "--attempts", "14")
    found: dict[str, dict[str, Any]] = in_namespace(
        "campaign.py", "--answers", "2000", "--seed", "pytest", *shape
    )
    return found


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_mutated_answers_neither_hang_nor_lose_a_finding(
    figures: dict[str, dict[str, Any]], transport: str
) -> None:
    """Each attempt has a finding within bounds, and each death of the stack has a name."""
    tally = figures[transport]
    assert tally["broken"] == []
    assert tally["answers"] >= 600
    assert tally["lost"] == tally["hangs"] == tally["unnamed"] == tally["strange"] == 0
    assert tally["met"] + tally["not_met"] + tally["inconclusive"] == tally["attempts"]
    assert tally["read"] > 100
    assert sum(tally["endings"].values()) == tally["deaths"]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_deaths_of_workers_leave_no_descriptor_open(
    figures: dict[str, dict[str, Any]], transport: str
) -> None:
    """A worker has three descriptors in its supervisor; all go with it."""
    assert figures[transport]["leaked"] < 16
