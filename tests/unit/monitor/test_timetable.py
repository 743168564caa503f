"""When checks are run: intervals, jitter, restarts, quiet hours."""

from datetime import datetime, timezone

import pytest
from watchbuilder import Hands, check

from probe.monitor.check import Key
from probe.monitor.schedule import Timetable, is_quiet

EVERY_MINUTE = check(interval=60.0)


def never_ran(_key: Key) -> float | None:
    """Say of each check that it never ran."""
    return None


def latest(_low: float, high: float) -> float:
    """Draw the longest delay."""
    return high


def test_a_new_check_is_due_at_once_and_then_after_its_interval() -> None:
    """Whoever starts it wants to see something; then the interval counts."""
    hands = Hands(1000.0)
    table = Timetable(hands)
    table.plan([EVERY_MINUTE], never_ran)
    assert table.due() == (EVERY_MINUTE.key,)
    table.advance(EVERY_MINUTE)
    assert table.due() == ()
    assert table.until(EVERY_MINUTE.key) == 60.0


def test_jitter_delays_a_run_and_does_not_add_up() -> None:
    """The next run counts from when this one was due without its delay."""
    hands = Hands(1000.0)
    table = Timetable(hands, latest)
    late = check(interval=60.0, jitter=10.0)
    table.plan([late], never_ran)
    assert table.wait() == 10.0
    for turn in range(1, 4):
        table.advance(late)
        assert table.wait() == turn * 60.0 + 10.0


def test_a_restart_waits_for_the_rest_of_the_interval() -> None:
    """A service that is restarted again and again must not call each time."""
    table = Timetable(Hands(5.0))
    table.plan([EVERY_MINUTE], lambda _key: 45.0)
    assert table.wait() == 15.0


@pytest.mark.parametrize(("age", "wait"), [(3600.0, 0.0), (-500.0, 60.0)], ids=["long", "set-back"])
def test_an_age_beyond_the_interval_or_below_zero_is_bounded(age: float, wait: float) -> None:
    """Nothing is made up for, and a clock that was set back delays by one interval at most."""
    table = Timetable(Hands(5.0))
    table.plan([EVERY_MINUTE], lambda _key: age)
    assert table.wait() == wait


def test_runs_that_were_missed_are_not_made_up_for() -> None:
    """A laptop that slept for an hour places one call, not sixty."""
    hands = Hands(1000.0)
    table = Timetable(hands)
    table.plan([EVERY_MINUTE], never_ran)
    hands.at += 3600.0
    assert table.due() == (EVERY_MINUTE.key,)
    table.advance(EVERY_MINUTE)
    assert table.wait() == 60.0


def test_a_reload_keeps_the_turn_of_what_did_not_change() -> None:
    """Only a check that is new or has another interval gets a new turn; one that is gone goes."""
    hands = Hands(1000.0)
    table = Timetable(hands)
    other = check("other", interval=60.0)
    table.plan([EVERY_MINUTE, other], never_ran)
    table.advance(EVERY_MINUTE)
    table.advance(other)
    hands.at += 20.0
    faster = check("other", interval=30.0)
    table.plan([EVERY_MINUTE, faster], lambda _key: 20.0)
    assert table.until(EVERY_MINUTE.key) == 40.0
    assert table.until(faster.key) == 10.0
    table.plan([EVERY_MINUTE], never_ran)
    assert table.until(faster.key) is None


def test_what_has_no_interval_is_never_due() -> None:
    """Only /probe starts it."""
    table = Timetable(Hands())
    table.plan([check()], never_ran)
    assert table.wait() is None
    assert table.due() == ()


def at(hour: int, minute: int = 0) -> float:
    """Return a time of a summer day in UTC, seconds since 1970."""
    return datetime(2026, 7, 1, hour, minute, tzinfo=timezone.utc).timestamp()


NIGHT = ((22 * 60, 6 * 60),)


@pytest.mark.parametrize(
    ("hour", "quiet"), [(21, False), (22, True), (0, True), (5, True), (6, False)]
)
def test_quiet_hours_pass_midnight(hour: int, quiet: bool) -> None:
    """22:00-06:00 begins at 22:00 and is over at 06:00."""
    assert is_quiet(NIGHT, at(hour), "UTC") is quiet


def test_quiet_hours_are_those_of_the_time_zone() -> None:
    """In summer, 20:30 UTC is 22:30 in Berlin."""
    assert is_quiet(NIGHT, at(20, 30), "Europe/Berlin")
    assert not is_quiet(NIGHT, at(20, 30), "UTC")


def test_quiet_hours_may_reach_the_end_of_the_day() -> None:
    """20:00-24:00 holds until midnight and not at it."""
    evening = ((20 * 60, 24 * 60),)
    assert is_quiet(evening, at(23, 59), "UTC")
    assert not is_quiet(evening, at(0), "UTC")
