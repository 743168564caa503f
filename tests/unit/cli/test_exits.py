"""The status of a run, from its counts."""

import pytest

from probe.cli.exits import Exit, exit_for


@pytest.mark.parametrize(
    ("not_met", "inconclusive", "interrupted", "status"),
    [
        (0, 0, False, Exit.MET),
        (1, 0, False, Exit.NOT_MET),
        (0, 1, False, Exit.UNTESTED),
        (1, 1, False, Exit.NOT_MET),
        (1, 1, True, Exit.INTERRUPTED),
        (0, 0, True, Exit.INTERRUPTED),
    ],
)
def test_worst_news_decides(
    not_met: int, inconclusive: int, interrupted: bool, status: Exit
) -> None:
    """An interruption first, then what was not met, then what could not be tested."""
    counts = {"met": 3, "not_met": not_met, "inconclusive": inconclusive, "flaky": 1}
    assert exit_for(counts, interrupted=interrupted) is status


def test_numbers_are_those_of_the_documentation() -> None:
    """Scripts rely on the numbers; nagios and shells have claims on some of them."""
    assert {name: int(status) for name, status in Exit.__members__.items()} == {
        "MET": 0,
        "NOT_MET": 1,
        "USAGE": 2,
        "UNTESTED": 3,
        "INTERNAL": 4,
        "NOTHING": 5,
        "INTERRUPTED": 130,
    }
