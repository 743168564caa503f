"""The state file: what is committed stays, what is not ours is left alone, old results go."""

import sqlite3
from pathlib import Path

import pytest
from watchbuilder import Hands, result

from probe.monitor.result import Result
from probe.monitor.store import APPLICATION, VERSION, Store, StoreError

KEY = ("trunk", "carrier")


def ran(store: Store, outcome: str = "met", *, calls: int = 1) -> int:
    """Enter a run from its beginning to its end."""
    number = store.accept(KEY, "schedule", calls)
    store.begin(number, f"run-{number}")
    store.finish(number, result(outcome, calls=calls))
    return number


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a state file that is not there yet, in a folder that is not either."""
    return tmp_path / "state" / "serve.sqlite3"


def test_what_was_committed_is_there_for_the_next_process(file: Path) -> None:
    """Without a close: the file of a process that was killed."""
    first = Store(file)
    number = ran(first, "not_met")
    again = Store(file)
    last = again.last(KEY)
    assert last is not None
    assert (last.number, last.state, last.outcome) == (number, "finished", "not_met")
    assert last.result == result("not_met")
    assert again.tallies("run") == {(*KEY, "not_met"): 1}


def test_a_result_is_the_same_after_the_file(file: Path) -> None:
    """Every field comes back, times of certificates and hostile words included."""
    odd = result("inconclusive", block="\x1b[2J\u202e<script>", certificate_ends=1.5, engine="2.15")
    assert Result.from_json(odd.to_json()) == odd
    with pytest.raises(ValueError, match="no stored result"):
        Result.from_json("{}")


def test_only_its_owner_may_read_it(file: Path) -> None:
    """It says whom we call."""
    Store(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_runs_without_an_end_are_found_after_a_kill(file: Path) -> None:
    """What was under way, and what had only been accepted."""
    store = Store(file)
    ran(store)
    under_way, waiting = store.accept(KEY, "probe", 1), store.accept(("b", "c"), "schedule", 0)
    store.begin(under_way, "run-x")
    found = {run.number: run.state for run in Store(file).unfinished()}
    assert found == {under_way: "running", waiting: "waiting"}


def test_a_run_is_counted_once_however_often_its_end_is_told(file: Path) -> None:
    """A commit that is tried again after a full disk may have succeeded before."""
    store = Store(file)
    number = store.accept(KEY, "schedule", 1)
    store.finish(number, result())
    store.finish(number, result("not_met"))
    assert store.tallies("run") == {(*KEY, "met"): 1}
    assert store.last(KEY) == store.last_met(KEY)


def test_calls_count_from_the_moment_at_which_a_run_is_accepted(file: Path) -> None:
    """At their most while it is under way, as they were afterwards, not at all where withdrawn."""
    hands = Hands()
    store = Store(file, hands)
    number = store.accept(KEY, "schedule", 3)
    gone = store.accept(("other", "carrier"), "schedule", 5)
    assert store.calls_since(0.0) == 8
    store.withdraw(gone)
    store.begin(number, "run-1")
    assert store.calls_since(0.0, "trunk") == 3
    store.finish(number, result(calls=1))
    assert store.calls_since(0.0) == 1
    assert store.calls_since(hands.at + 1) == 0


def test_since_when_the_outcome_is_what_it_is(file: Path) -> None:
    """The end of the first of the runs in a row that came to the same."""
    hands = Hands(100.0)
    store = Store(file, hands)
    assert store.same_since(KEY) is None
    for moment, outcome in ((200.0, "not_met"), (300.0, "met"), (400.0, "met")):
        hands.at = moment
        ran(store, outcome)
    assert store.same_since(KEY) == 300.0
    interrupted = store.accept(KEY, "schedule", 1)
    store.finish(interrupted, result("not_met"), state="interrupted")
    assert store.same_since(KEY) == 300.0, "an interrupted run has no outcome"
    unmet = store.last_unmet(KEY)
    assert unmet is not None
    assert unmet.ended == 200.0


def test_old_runs_go_and_the_newest_of_each_check_stays(file: Path) -> None:
    """By age and by number; names of their folders are returned, so that they go, too."""
    hands = Hands(0.0)
    store = Store(file, hands)
    first = ran(store)
    hands.at = 90 * 86400.0
    second, third = ran(store), ran(store)
    assert store.tidy(30, 1000) == (f"run-{first}",)
    assert store.tidy(30, 1) == (f"run-{second}",)
    hands.at *= 2
    assert store.tidy(30, 1) == ()
    assert [run.number for run in store.recent(KEY, 10)] == [third]
    assert store.tallies("run") == {(*KEY, "met"): 3}, "counters never fall"


def test_a_file_that_is_no_database_is_named_and_left_alone(file: Path) -> None:
    """Its owner decides what becomes of it."""
    file.parent.mkdir()
    file.write_bytes(b"my diary, not a database " * 100)
    with pytest.raises(StoreError, match=r"serve\.sqlite3 cannot be used: file is not a database"):
        Store(file)
    assert file.read_bytes().startswith(b"my diary")


def test_the_database_of_another_program_is_left_alone(file: Path) -> None:
    """It has tables and is not marked as ours."""
    file.parent.mkdir()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE cookies (value TEXT)")
    other.close()
    with pytest.raises(StoreError, match="the file of another program"):
        Store(file)


def test_a_newer_version_is_told_in_words(file: Path) -> None:
    """Whoever went back to an older sipprobe loses nothing."""
    Store(file).close()
    with sqlite3.connect(file) as later:
        later.execute(f"PRAGMA user_version = {VERSION + 1}")
    later.close()
    with pytest.raises(StoreError, match="a newer sipprobe wrote it"):
        Store(file)


def test_a_damaged_file_is_told_at_the_start(file: Path) -> None:
    """Not at the first alarm."""
    store = Store(file)
    for _ in range(50):
        ran(store)
    store.close()
    whole = bytearray(file.read_bytes())
    whole[5000:9000] = b"\xff" * 4000
    file.write_bytes(whole)
    with pytest.raises(StoreError, match="move it away"):
        Store(file)


def test_the_file_says_whose_it_is(file: Path) -> None:
    """`file serve.sqlite3` shows the mark."""
    Store(file).close()
    mark = int.from_bytes(file.read_bytes()[68:72], "big")
    assert mark == APPLICATION


def test_a_disk_that_refuses_is_an_error_of_ours(file: Path) -> None:
    """A closed file stands for it here: nothing else comes out than StoreError."""
    store = Store(file)
    store.close()
    with pytest.raises(StoreError):
        store.accept(KEY, "schedule", 1)
    with pytest.raises(StoreError):
        store.last(KEY)
