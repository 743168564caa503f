"""Bounds leave room, and look as if somebody had written them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.drafting.bounds import max_bound
from probe.scenario.expectation import parse_bound


@pytest.mark.parametrize(
    ("seen", "bound"),
    [(0.05, "max 1s"), (0.34, "max 1.5s"), (0.6, "max 2s"), (1.9, "max 6s"), (7.0, "max 30s")],
)
def test_bound_is_three_times_what_was_seen_and_a_second_at_least(seen: float, bound: str) -> None:
    """It is rounded up to a number that people use."""
    assert max_bound(seen) == bound


def test_least_holds() -> None:
    """A person who picks up needs longer than a machine."""
    assert max_bound(0.2, 5.0) == "max 5s"


@given(st.floats(0, 190))
def test_what_was_seen_is_within_its_bound(seen: float) -> None:
    """The loader reads the bound, and the call that it was made from keeps it."""
    assert parse_bound(max_bound(seen)).check(seen) == "ok"
