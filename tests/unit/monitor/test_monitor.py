"""Starting and ending of runs: overlap, accounts, bounds, the disk, the end."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from watchbuilder import PATIENCE_S, ByHand, Hands, check, monitor_in, result, rules

from probe.monitor.conduct import CannotRunError, Ticket
from probe.monitor.monitor import Monitor, NotStartedError
from probe.monitor.result import Result
from probe.monitor.store import StoreError


def why_not(monitor: Monitor, module: str = "trunk", target: str = "carrier") -> str:
    """Return the word for which a run is not started."""
    wanted = monitor.rules.find(module, target)
    assert wanted is not None
    with pytest.raises(NotStartedError) as refused:
        monitor.start(wanted, "probe")
    return refused.value.reason


def test_a_result_is_committed_before_anybody_hears_of_it(tmp_path: Path) -> None:
    """Whoever waited for the end finds it in the state file."""
    monitor = monitor_in(tmp_path, ByHand(), check())
    ticket = monitor.start(check(), "probe")
    assert ticket.over.wait(PATIENCE_S)
    last = monitor.store.last(check().key)
    assert last is not None
    assert last.result == ticket.result == result()
    assert (last.started_by, last.run_id) == ("probe", f"run-{last.number}")


def test_a_check_under_way_is_not_started_again_and_that_is_counted(tmp_path: Path) -> None:
    """The next one may begin once it is over."""
    carry = ByHand(held=True)
    monitor = monitor_in(tmp_path, carry, check())
    ticket = monitor.start(check(), "schedule")
    carry.wait()
    assert why_not(monitor) == "overlap"
    carry.gate.set()
    assert ticket.over.wait(PATIENCE_S)
    assert monitor.start(check(), "schedule").over.wait(PATIENCE_S)
    assert len(carry.carried) == 2
    assert monitor.store.tallies("skip") == {("trunk", "carrier", "overlap"): 1}


def test_two_runs_never_share_an_account(tmp_path: Path) -> None:
    """They would take each other's registration; a run at another trunk goes on meanwhile."""
    first, second, elsewhere = check("a"), check("b"), check("c", "other")
    carry = ByHand(held=True)
    monitor = monitor_in(tmp_path, carry, first, second, elsewhere)
    tickets = [monitor.start(one, "schedule") for one in (first, second, elsewhere)]
    carry.wait()
    carry.wait()
    assert {ticket.check.module for ticket in carry.carried} == {"a", "c"}
    assert set(monitor.active()) == {first.key, second.key, elsewhere.key}
    carry.gate.set()
    assert all(ticket.over.wait(PATIENCE_S) for ticket in tickets)
    assert carry.carried[-1].check.module == "b"


def test_no_more_runs_at_a_time_than_are_allowed(tmp_path: Path) -> None:
    """The others wait."""
    checks = [check(name, name) for name in "abc"]
    carry = ByHand(held=True)
    monitor = monitor_in(tmp_path, carry, *checks, runs_at_a_time=2)
    tickets = [monitor.start(one, "schedule") for one in checks]
    carry.wait()
    carry.wait()
    assert not carry.began.acquire(blocking=False)
    carry.gate.set()
    assert all(ticket.over.wait(PATIENCE_S) for ticket in tickets)


@pytest.mark.parametrize(
    ("word", "about"),
    [
        ("calls_per_day", {"calls_per_day": 5}),
        ("calls_per_hour", {"calls_per_hour": 5}),
    ],
)
def test_a_bound_of_calls_holds_before_a_run_begins(
    tmp_path: Path, word: str, about: dict[str, int]
) -> None:
    """Two runs of up to three calls fit no bound of five, whatever the first one came to."""
    carry = ByHand(held=True)
    busy, next_one = check("a", calls=3), check("b", "other", calls=3)
    monitor = monitor_in(tmp_path, carry, busy, next_one, **about)
    ticket = monitor.start(busy, "schedule")
    assert why_not(monitor, "b", "other") == word
    carry.gate.set()
    assert ticket.over.wait(PATIENCE_S)
    assert monitor.start(next_one, "schedule").over.wait(PATIENCE_S), "the first came to one call"


def test_the_bound_of_a_module_holds_over_its_targets(tmp_path: Path) -> None:
    """And leaves other modules alone."""
    one, two = (check("a", target, calls_per_day=1) for target in ("x", "y"))
    monitor = monitor_in(tmp_path, ByHand(), one, two, check("b"))
    assert monitor.start(one, "schedule").over.wait(PATIENCE_S)
    assert why_not(monitor, "a", "y") == "calls_per_day"
    assert monitor.start(check("b"), "schedule").over.wait(PATIENCE_S)


def test_the_day_begins_anew_at_midnight_utc(tmp_path: Path) -> None:
    """Calls of yesterday do not count."""
    hands = Hands(1_795_046_400.0 - 10)  # ten seconds before midnight
    monitor = monitor_in(tmp_path, ByHand(), check(), now=hands, calls_per_day=1)
    assert monitor.start(check(), "schedule").over.wait(PATIENCE_S)
    assert why_not(monitor) == "calls_per_day"
    hands.at += 20
    assert monitor.start(check(), "schedule").over.wait(PATIENCE_S)


def test_calls_that_cost_nothing_count_against_no_bound(tmp_path: Path) -> None:
    """Those on the embedded trunk never leave the machine."""
    free = check(calls=0)
    carry = ByHand(answer=lambda _ticket: result(calls=0))
    monitor = monitor_in(tmp_path, carry, free, calls_per_day=0)
    assert monitor.start(free, "schedule").over.wait(PATIENCE_S)


def test_nothing_is_started_within_quiet_hours(tmp_path: Path) -> None:
    """Neither by schedule nor by /probe."""
    always = check(quiet=((0, 1440),))
    monitor = monitor_in(tmp_path, ByHand(), always)
    assert why_not(monitor) == "quiet_hours"


def test_what_cannot_be_counted_is_not_started(tmp_path: Path) -> None:
    """A state file that takes nothing more: no call goes out."""
    carry = ByHand()
    monitor = monitor_in(tmp_path, carry, check())
    monitor.store.close()
    assert why_not(monitor) == "state"
    assert monitor.write_failures
    assert not carry.carried


def test_a_result_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full for a while takes nothing away."""
    monkeypatch.setattr("probe.monitor.monitor._TRY_AGAIN_S", 0.01)
    monitor = monitor_in(tmp_path, ByHand(), check())
    finish, refused = monitor.store.finish, iter([StoreError("disk full")] * 2)

    def reluctant(number: int, came_to: Result, *, state: str = "finished") -> None:
        for error in refused:
            raise error
        finish(number, came_to, state=state)

    monkeypatch.setattr(monitor.store, "finish", reluctant)
    assert monitor.start(check(), "schedule").over.wait(PATIENCE_S)
    assert monitor.store.tallies("run") == {("trunk", "carrier", "met"): 1}
    assert monitor.write_failures == 2


def cannot(_ticket: Ticket) -> Result:
    """Be a run that cannot begin."""
    raise CannotRunError("there is no user agent")


def broken(_ticket: Ticket) -> Result:
    """Be a run with a bug of ours."""
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("answer", "told"),
    [(cannot, "there is no user agent"), (broken, "an error of sipprobe itself")],
    ids=["cannot", "bug"],
)
def test_a_run_that_breaks_says_nothing_about_the_trunk(
    tmp_path: Path, answer: Callable[[Ticket], Result], told: str
) -> None:
    """It has no outcome, is counted, and its place is free again."""
    monitor = monitor_in(tmp_path, ByHand(answer=answer), check())
    ticket = monitor.start(check(), "schedule")
    assert ticket.over.wait(PATIENCE_S)
    assert ticket.result is not None
    assert told in ticket.result.trouble
    assert monitor.store.last(check().key) is None
    assert monitor.store.tallies("run") == {("trunk", "carrier", "broken"): 1}
    assert monitor.active() == ()
    placed = 1 if answer is broken else 0  # nobody knows what a bug had sent before
    assert monitor.store.calls_since(0.0) == placed


def test_what_is_due_is_started_and_started_again(tmp_path: Path) -> None:
    """The scheduler itself, with an interval of milliseconds."""
    carry = ByHand()
    monitor = monitor_in(tmp_path, carry, check(interval=0.01))
    monitor.begin()
    for _ in range(3):
        carry.wait()
    assert monitor.stop(PATIENCE_S)
    assert {ticket.started_by for ticket in carry.carried} == {"schedule"}


def test_a_reload_takes_effect_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    """The scheduler wakes for what is new; of a wrong one only the trouble is kept."""
    carry = ByHand()
    monitor = monitor_in(tmp_path, carry)
    monitor.begin()
    monitor.use(rules(check("new", interval=60.0)))
    assert carry.wait().check.module == "new"
    before, at = monitor.rules, monitor.reloads.at
    monitor.keep("line 3 is wrong")
    assert monitor.rules is before
    assert (monitor.reloads.successful, monitor.reloads.at) == (False, at)
    assert monitor.stop(PATIENCE_S)


def test_the_end_is_told_to_runs_under_way_and_drops_those_that_wait(tmp_path: Path) -> None:
    """What was interrupted is stored as that; what never began leaves nothing."""
    carry = ByHand(held=True, answer=lambda _ticket: result("not_met", interrupted=True))
    first, second = check("a"), check("b")
    monitor = monitor_in(tmp_path, carry, first, second)
    running, waiting = (monitor.start(one, "schedule") for one in (first, second))
    carry.wait()
    assert monitor.stop(PATIENCE_S)
    assert running.over.is_set()
    assert waiting.over.is_set()
    assert waiting.result is None
    assert monitor.store.tallies("run") == {("a", "carrier", "interrupted"): 1}
    assert monitor.store.unfinished() == ()
    assert why_not(monitor, "a") == "stopping"
    assert not monitor.ready


def test_an_end_before_the_beginning_reaches_the_run() -> None:
    """Whoever attaches after stop is ended at once."""
    ended = threading.Event()
    ticket = Ticket(
        check=check(), number=1, started_by="probe", timeout=None, begins=lambda _run: None
    )
    ticket.stopper.stop()
    ticket.stopper.attach(ended.set)
    assert ended.is_set()
