"""The ledger counts a UTC day over all runs and processes, and never stands in the way."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.executor.ledger import BURST, KEPT_S, VERSION, Ledger, ledger_file
from probe.plan.plan import Limits, Price

NOON = 1_795_262_400.0
"""2026-11-21 12:00 UTC."""


def limits(
    *, calls: int | None = 3, minutes: int | None = 60, gap: float = 0.0, owner: str = "100@sip:h"
) -> Limits:
    """Return limits of a day."""
    return Limits(
        owner=owner,
        calls_per_run=None,
        calls_per_day=calls,
        minutes_per_day=minutes,
        refused_logins_per_day=3,
        gap=gap,
    )


class Clock:
    """A wall clock that tests set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock at noon."""
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    """Return a ledger in a folder that is not there yet."""
    found = Ledger(tmp_path / "state" / "ledger.sqlite3", clock)
    yield found
    found.close()


def test_file_is_in_the_state_folder() -> None:
    """XDG_STATE_HOME counts where it is absolute (XDG Base Directory)."""
    assert ledger_file({"XDG_STATE_HOME": "/x"}) == Path("/x/sipprobe/ledger.sqlite3")
    home = Path.home() / ".local/state/sipprobe/ledger.sqlite3"
    assert ledger_file({}) == ledger_file({"XDG_STATE_HOME": "x"}) == home


def test_calls_of_a_day_are_capped(ledger: Ledger) -> None:
    """The fourth of three is refused with the figures; another account has its own count."""
    assert [ledger.admit(limits(), 0.0).why_not for _ in range(3)] == [None] * 3
    why_not = ledger.admit(limits(), 0.0).why_not
    assert why_not is not None
    assert why_not.startswith("3 calls were made today through this trunk, and calls_per_day is 3")
    assert ledger.admit(limits(owner="101@sip:h"), 0.0).why_not is None
    assert ledger.note is None


def test_day_ends_at_midnight_utc(ledger: Ledger, clock: Clock) -> None:
    """One second before it counts, one second after it does not."""
    ledger.admit(limits(calls=1), 0.0)
    clock.now = NOON + 12 * 3600 - 1
    assert ledger.admit(limits(calls=1), 0.0).why_not is not None
    clock.now = NOON + 12 * 3600 + 1
    assert ledger.admit(limits(calls=1), 0.0).why_not is None


def test_minutes_count_as_planned_and_then_as_they_were(ledger: Ledger) -> None:
    """A call that could pass the cap is refused; one that was shorter gives its time back."""
    first = ledger.admit(limits(minutes=1), 50.0)
    why_not = ledger.admit(limits(minutes=1), 20.0).why_not
    assert why_not is not None
    assert "came to 0.8 minutes today" in why_not
    ledger.talked(first.number, 10.0)
    assert ledger.admit(limits(minutes=1), 20.0).why_not is None


def priced(budget: float | None, owner: str = "100@sip:h") -> Limits:
    """Return limits with a price and a budget of the day."""
    price = Price(minute=0.5, call=0.0, currency="EUR")
    return replace(limits(calls=None, minutes=None, owner=owner), price=price, cost_per_day=budget)


def test_money_counts_at_most_and_then_as_it_was(ledger: Ledger) -> None:
    """A call that could pass the budget is refused; one that was cheaper gives its money back."""
    first = ledger.admit(priced(1.5), 60.0, 1.0)
    why_not = ledger.admit(priced(1.5), 60.0, 1.0).why_not
    assert why_not == (
        "calls through this trunk cost about 1 EUR today, this one may cost 1 EUR, and"
        " cost_per_day is 1.5 EUR; the day ends at 00:00 UTC"
    )
    ledger.talked(first.number, 30.0, 0.5)
    assert ledger.admit(priced(1.5), 60.0, 1.0).why_not is None
    assert ledger.admit(priced(1.5, "101@sip:h"), 60.0, 1.0).why_not is None


def test_budget_may_be_used_up_to_its_end(ledger: Ledger) -> None:
    """Ten times ten cents are a euro, whatever sums of fractions say."""
    told = [ledger.admit(priced(1.0), 10.0, 0.1).why_not for _ in range(11)]
    assert [why is None for why in told] == [True] * 10 + [False]


def test_price_without_a_budget_holds_nothing(ledger: Ledger) -> None:
    """Only a cap is a cap."""
    assert [ledger.admit(priced(None), 9e9, 9e9).why_not for _ in range(3)] == [None] * 3


def test_money_of_the_run_before_counts(tmp_path: Path, clock: Clock) -> None:
    """A restart is no new budget; the next day is."""
    for expected in (True, True, False):
        run = Ledger(tmp_path / "ledger.sqlite3", clock)
        assert (run.admit(priced(1.0), 60.0, 0.5).why_not is None) is expected
        run.close()
    clock.now += 86400
    run = Ledger(tmp_path / "ledger.sqlite3", clock)
    assert run.admit(priced(1.0), 60.0, 0.5).why_not is None
    run.close()


def test_ledger_of_the_first_version_is_taken_over(tmp_path: Path, clock: Clock) -> None:
    """What it counted goes on counting; it knew no money."""
    file = tmp_path / "ledger.sqlite3"
    database = sqlite3.connect(file)
    database.execute(
        "CREATE TABLE entry (number INTEGER PRIMARY KEY, day TEXT NOT NULL, at REAL NOT NULL,"
        " owner TEXT NOT NULL, kind TEXT NOT NULL, seconds REAL NOT NULL)"
    )
    database.execute(
        "INSERT INTO entry VALUES (1, '2026-11-21', ?, '100@sip:h', 'call', 5)", (NOON,)
    )
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()
    run = Ledger(file, clock)
    assert run.admit(limits(calls=2), 0.0).why_not is None
    assert run.admit(limits(calls=2), 0.0).why_not is not None
    assert run.note is None
    run.close()


def one_at_a_time(most: int = 1) -> Limits:
    """Return limits of so many calls at a time."""
    return replace(limits(calls=None, minutes=None), concurrent_calls=most)


def test_second_call_of_a_run_is_refused_while_the_first_is_up(ledger: Ledger) -> None:
    """It would wait for itself; once the first is over it may begin."""
    first = ledger.admit(one_at_a_time(), 0.0)
    assert ledger.admit(one_at_a_time(), 0.0).why_not == (
        "a call is up through this trunk already, and concurrent_calls is 1"
    )
    assert ledger.admit(one_at_a_time(2), 0.0).why_not is None
    assert "2 calls are up" in str(ledger.admit(one_at_a_time(2), 0.0).why_not)
    ledger.talked(first.number, 1.0)
    assert ledger.admit(one_at_a_time(2), 0.0).number


HOLDER = (
    "import sys; from pathlib import Path; from probe.executor.ledger import Ledger;"
    "from probe.plan.plan import Limits;"
    "limits = Limits(owner='100@sip:h', calls_per_run=None, calls_per_day=None,"
    " minutes_per_day=None, refused_logins_per_day=None, gap=0.0, concurrent_calls=1);"
    "ledger = Ledger(Path({file!r}));"
    "print(ledger.admit(limits, 0.0).number, flush=True); sys.stdin.readline()"
)
"""A process that has a call up until its input ends."""


def test_call_of_another_process_is_waited_for_and_a_dead_one_is_forgotten(
    tmp_path: Path,
) -> None:
    """A killed run could not say that its call is over; its process is gone, that says it."""
    file = tmp_path / "ledger.sqlite3"
    command = [sys.executable, "-c", HOLDER.format(file=str(file))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        assert int(one.stdout.readline()) == 1
        run = Ledger(file)
        held = run.admit(one_at_a_time(), 0.0)
        assert (held.busy, held.number, held.why_not) == (True, 0, None)
        one.kill()
        one.wait()
        assert run.admit(one_at_a_time(), 0.0).number == 2
        run.close()


def test_requests_to_one_host_are_paced_after_the_first_few(ledger: Ledger, clock: Clock) -> None:
    """Five at once, then one a second; a pause gives the five back; another host has its own."""
    here = replace(limits(), host="pbx.example:5060", request_gap=1.0)
    there = replace(here, host="other.example:5060")
    assert [ledger.turn(here) for _ in range(8)] == [0.0] * BURST + [1.0, 2.0, 3.0]
    assert ledger.turn(there) == 0.0
    clock.now += 60.0
    assert [ledger.turn(here) for _ in range(6)] == [0.0] * BURST + [1.0]
    clock.now -= 2 * 3600.0
    assert ledger.turn(here) == 0.0


def test_no_cap_means_no_end(ledger: Ledger) -> None:
    """None is no limit."""
    for _ in range(20):
        assert ledger.admit(limits(calls=None, minutes=None), 9e9).why_not is None


def test_call_that_was_withdrawn_does_not_count(ledger: Ledger) -> None:
    """It was not placed."""
    number = ledger.admit(limits(calls=1), 0.0).number
    ledger.withdraw(number)
    assert ledger.admit(limits(calls=1), 0.0).why_not is None


def test_calls_queue_for_their_turn(ledger: Ledger, clock: Clock) -> None:
    """Turns are a gap apart, and who comes later waits less."""
    waits = [ledger.admit(limits(gap=1.0), 0.0).wait for _ in range(2)]
    clock.now += 1.75
    assert [*waits, ledger.admit(limits(gap=1.0), 0.0).wait] == [0.0, 1.0, 0.25]


def test_clock_that_was_set_back_is_no_queue(ledger: Ledger, clock: Clock) -> None:
    """An entry hours ahead would hold every call back."""
    ledger.admit(limits(gap=1.0), 0.0)
    clock.now -= 3 * 3600
    assert ledger.admit(limits(gap=1.0), 0.0).wait == 0.0


def test_refused_logins_are_counted_by_account(ledger: Ledger, clock: Clock) -> None:
    """Those of yesterday are gone."""
    ledger.login_was_refused("100@sip:h")
    assert (ledger.refused_logins("100@sip:h"), ledger.refused_logins("101@sip:h")) == (1, 0)
    clock.now += 86400
    assert ledger.refused_logins("100@sip:h") == 0


def test_next_run_counts_on(tmp_path: Path, clock: Clock) -> None:
    """Caps survive a restart."""
    for expected in (None, None, "2 calls"):
        run = Ledger(tmp_path / "ledger.sqlite3", clock)
        why_not = run.admit(limits(calls=2), 0.0).why_not
        assert (why_not or "").startswith(expected or "")
        assert bool(why_not) == bool(expected)
        run.close()
        run.close()


def test_processes_count_together(tmp_path: Path) -> None:
    """Four processes try forty calls each at the same time; fifty get through."""
    program = (
        "import sys; from pathlib import Path; from probe.executor.ledger import Ledger;"
        "from probe.plan.plan import Limits;"
        "limits = Limits(owner='o', calls_per_run=None, calls_per_day=50, minutes_per_day=None,"
        " refused_logins_per_day=None, gap=0.0);"
        f"ledger = Ledger(Path({str(tmp_path / 'ledger.sqlite3')!r}), lambda: {NOON});"
        "print(sum(ledger.admit(limits, 0.0).why_not is None for _ in range(40)), ledger.note)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    told = [process.communicate(timeout=60)[0].split() for process in running]
    assert [note for _, note in told] == ["None"] * 4
    assert sum(int(admitted) for admitted, _ in told) == 50


def test_only_its_owner_can_read_it(ledger: Ledger, tmp_path: Path) -> None:
    """Whom we call is private."""
    ledger.admit(limits(), 0.0)
    file = tmp_path / "state" / "ledger.sqlite3"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_old_entries_go(tmp_path: Path, clock: Clock) -> None:
    """The file does not grow for ever."""
    file = tmp_path / "ledger.sqlite3"
    for _ in range(2):
        run = Ledger(file, clock)
        run.admit(limits(), 0.0)
        run.close()
        clock.now += KEPT_S + 1
    database = sqlite3.connect(file)
    assert database.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    database.close()


def unusable(folder: Path, how: str) -> Path:
    """Return the path of a ledger that cannot be used."""
    file = folder / "ledger.sqlite3"
    if how == "no folder":
        (folder / "file").write_text("", encoding="utf-8")
        return folder / "file" / "sipprobe" / "ledger.sqlite3"
    if how == "damaged":
        file.write_bytes(b"this is no database" * 100)
    else:
        database = sqlite3.connect(file)
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
        database.close()
    return file


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("no folder", "Not a directory"),
        ("damaged", "file is not a database"),
        ("newer", f"a newer sipprobe wrote it, version {VERSION + 1}"),
    ],
)
def test_ledger_that_cannot_be_used_counts_this_run_and_says_so(
    tmp_path: Path, how: str, why: str
) -> None:
    """The caps still hold for the run, and the report names file and reason."""
    file = unusable(tmp_path, how)
    before = file.read_bytes() if file.exists() else b""
    run = Ledger(file, Clock())
    assert run.admit(limits(calls=1), 0.0).why_not is None
    assert run.admit(limits(calls=1), 0.0).why_not is not None
    assert run.note == (
        f"the ledger {file} cannot be used ({why}): caps of a day counted this run alone"
    )
    run.close()
    assert (file.read_bytes() if file.exists() else b"") == before


def test_ledger_that_is_spoilt_while_it_is_used_is_left(tmp_path: Path) -> None:
    """The call that found it out is counted all the same."""
    file = tmp_path / "ledger.sqlite3"
    run = Ledger(file, Clock())
    run.admit(limits(calls=1), 0.0)
    other = sqlite3.connect(file)
    other.execute("DROP TABLE entry")
    other.close()
    assert run.admit(limits(calls=1), 0.0).why_not is None
    assert "no such table: entry" in str(run.note)
    assert run.admit(limits(calls=1), 0.0).why_not is not None
    run.close()
