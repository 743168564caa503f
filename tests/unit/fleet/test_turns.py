"""Caps and pace of all sites together."""

import time
from pathlib import Path

import pytest
from shipments import plan_with

from probe.executor.gate import Gate
from probe.executor.ledger import Ledger
from probe.fleet.turns import Turns
from probe.fleet.untried import untried


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    """Give turns on a ledger of their own."""
    return Turns(Gate(Ledger(tmp_path / "ledger.sqlite3")))


def test_one_call_at_a_time_over_all_sites(turns: Turns) -> None:
    """The second scenario waits until the first is over, wherever either is."""
    one = plan_with("{concurrent_calls: 1, calls_per_second: 50}")
    first = turns.take(one)
    assert first is not None
    assert turns.take(one) is None
    turns.settle(one, first, untried(one, 0, "gone", site="fra", begun=True))
    assert turns.take(one) is not None


def test_calls_one_after_the_other_fit_where_one_is_allowed(turns: Turns) -> None:
    """A scenario of three calls that end by themselves has one up at a time."""
    turn = turns.take(plan_with("{concurrent_calls: 1, calls_per_second: 50}", calls=3))
    assert turn is not None
    assert turn.why_not == ""
    assert len(turn.calls) == 3


def test_turns_are_as_far_apart_as_the_pace_says(turns: Turns) -> None:
    """Two scenarios that may leave at once by their sites leave half a second apart."""
    one = plan_with("{concurrent_calls: 4, calls_per_second: 2}")
    begun = time.monotonic()
    first, second, third = (turns.take(one) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert second.at - begun >= 0.5
    assert third.at - second.at == pytest.approx(0.5, abs=0.1)


def test_a_cap_of_the_run_counts_every_site(turns: Turns) -> None:
    """The third call of two that are allowed is not given out."""
    one = plan_with("{concurrent_calls: 9, calls_per_run: 2, calls_per_second: 50}")
    taken = [turns.take(one) for _ in range(3)]
    assert [turn.why_not == "" for turn in taken if turn] == [True, True, False]
    assert taken[2] is not None
    assert "calls_per_run is 2" in taken[2].why_not


def test_what_did_not_leave_is_not_counted(turns: Turns) -> None:
    """A site that went before the turn came gives the call back."""
    one = plan_with("{concurrent_calls: 1, calls_per_run: 1, calls_per_second: 50}")
    turn = turns.take(one)
    assert turn is not None
    turns.give_back(one, turn)
    again = turns.take(one)
    assert again is not None
    assert again.why_not == ""
