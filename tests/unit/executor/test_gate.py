"""What holds an attempt back: caps of the run, refused logins; how long a peer asks us to wait."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from wirebuilder import Wire, answered_call, refused_call

from probe.executor.gate import (
    Gate,
    asked_to_wait,
    longest_talk,
    planned_talk,
    talk_of,
    why_never,
)
from probe.executor.ledger import Ledger
from probe.plan.action import Account, Action, Call, Hangup, Options, Talk, Wait
from probe.plan.plan import Attempt, Limits, Plan, Price
from probe.scenario.source import NOWHERE

ACCOUNT = Account(
    name="trunk", aor="sip:100@h", registrar="sip:h", host="h", port=None, transport="UDP",
    user="100", auth_user="100", password="not-used",
)  # fmt: skip
LIMITS = Limits(
    owner="100@sip:h", calls_per_run=2, calls_per_day=3, minutes_per_day=60,
    refused_logins_per_day=3, gap=0.0,
)  # fmt: skip


def attempt_of(action: Action, index: int = 0, limits: Limits | None = LIMITS) -> Attempt:
    """Return an attempt of the account."""
    return Attempt(
        index=index, step=index + 1, label="call 2000", method="INVITE", direction="outbound",
        action=action, account=ACCOUNT, expectation=None, retry=None, source=NOWHERE, provider=None,
        limits=limits,
    )  # fmt: skip


def call(hangup_after: float | None = None, ring_for: float | None = None) -> Call:
    """Return a call."""
    return Call(
        attempt=0, account="trunk", target="sip:2000@h", hangup_after=hangup_after,
        ring_for=ring_for,
    )  # fmt: skip


def gate_in(folder: Path) -> Gate:
    """Return the gate of a run whose ledger is in a folder."""
    return Gate(Ledger(folder / "ledger.sqlite3"))


def test_calls_of_a_run_are_capped(tmp_path: Path) -> None:
    """The third of two is refused; a call that was taken back does not count."""
    gate = gate_in(tmp_path)
    gate.withdraw(LIMITS, gate.admit(LIMITS, 0.0))
    assert [gate.admit(LIMITS, 0.0).why_not for _ in range(2)] == [None, None]
    why_not = gate.admit(LIMITS, 0.0).why_not
    assert why_not == "2 calls were made in this run through this trunk, and calls_per_run is 2"
    gate.close()


def test_cap_of_the_day_holds_over_runs(tmp_path: Path) -> None:
    """The second run may make the third call of the day, and not the fourth."""
    first, second = gate_in(tmp_path), gate_in(tmp_path)
    unlimited = replace(LIMITS, calls_per_run=None)
    told = [gate.admit(unlimited, 0.0).why_not for gate in (first, second, first, second)]
    assert told[:3] == [None] * 3
    assert "calls_per_day is 3" in str(told[3])
    first.close()
    second.close()


def test_talk_that_was_shorter_gives_its_time_back(tmp_path: Path) -> None:
    """A call that nobody answered costs no minutes."""
    gate = gate_in(tmp_path)
    admission = gate.admit(LIMITS, 3500.0)
    assert gate.admit(LIMITS, 200.0).why_not is not None
    gate.talked(LIMITS, admission, 0.0)
    assert gate.admit(LIMITS, 200.0).why_not is None
    gate.close()


def test_two_refused_logins_end_the_logins_of_a_run(tmp_path: Path) -> None:
    """Also on loopback, where the day has no cap."""
    gate = gate_in(tmp_path)
    attempt = attempt_of(call(), limits=None)
    for _ in range(2):
        assert gate.why_no_login(attempt) is None
        gate.login_was_refused(attempt)
    assert "2 logins of 100 were refused in this run" in str(gate.why_no_login(attempt))
    assert not (tmp_path / "ledger.sqlite3").exists()


def test_three_refused_logins_end_the_logins_of_a_day(tmp_path: Path) -> None:
    """Two in one run, one in the next: the third run makes none."""
    attempt = attempt_of(call())
    for refused in (2, 1):
        gate = gate_in(tmp_path)
        for _ in range(refused):
            assert gate.why_no_login(attempt) is None
            gate.login_was_refused(attempt)
        gate.close()
    gate = gate_in(tmp_path)
    assert gate.why_no_login(attempt) == (
        "3 logins of 100 were refused today, and refused_logins_per_day is 3;"
        " the day ends at 00:00 UTC"
    )
    nobody = replace(ACCOUNT, password=None)
    assert gate.why_no_login(replace(attempt, account=nobody)) is None
    assert gate.why_no_login(replace(attempt, account=None)) is None
    gate.close()


def test_attempt_without_an_account_counts_no_login(tmp_path: Path) -> None:
    """A wait logs in nowhere."""
    gate = gate_in(tmp_path)
    wait = replace(attempt_of(Wait(attempt=0, account="", duration=1.0)), account=None, limits=None)
    gate.login_was_refused(wait)
    assert gate.why_no_login(attempt_of(call(), limits=None)) is None


def test_last_look_is_at_what_is_dialled() -> None:
    """A wait dials nothing, an ordinary call nothing dangerous."""
    assert why_never(attempt_of(Wait(attempt=0, account="trunk", duration=1.0))) is None
    assert why_never(attempt_of(call())) is None


@pytest.mark.parametrize("registrar", ["sip:34.1.1.2", "sip:pbx:34112", "sip:112"])
def test_address_of_the_trunk_is_no_number(registrar: str) -> None:
    """OPTIONS asks the trunk itself; another URI, and any call, is looked at as ever."""
    account = replace(ACCOUNT, registrar=registrar)
    asked = Options(attempt=0, account="trunk", target=registrar)
    called = Call(attempt=0, account="trunk", target=registrar)
    assert why_never(replace(attempt_of(asked), account=account)) is None
    for provider in (None, "sip.us"):
        assert why_never(replace(attempt_of(called), account=account, provider=provider))
    assert why_never(attempt_of(asked))


def test_notes_are_those_of_the_ledger_and_of_the_run(tmp_path: Path) -> None:
    """Both reach the report."""
    (tmp_path / "ledger.sqlite3").mkdir()
    gate = gate_in(tmp_path)
    assert gate.notes == ()
    gate.admit(LIMITS, 0.0)
    gate.note("not tried again")
    ledger, own = gate.notes
    assert "cannot be used" in ledger
    assert own == "not tried again"
    gate.close()


@pytest.mark.parametrize(
    ("action", "seconds"), [(call(2.0), 2.0), (call(ring_for=3.0), 0.0), (call(), 7.0)]
)
def test_planned_talk_is_that_of_the_call_or_of_later_steps(action: Call, seconds: float) -> None:
    """A call that stays up lasts through the talk and wait steps after it."""
    attempts = (
        attempt_of(Wait(attempt=0, account="trunk", duration=50.0), 0),
        attempt_of(action, 1),
        attempt_of(Talk(attempt=2, account="trunk", duration=5.0), 2),
        attempt_of(Wait(attempt=3, account="trunk", duration=2.0), 3),
    )
    plan = Plan(
        scenario="s", name="s", file="s.sip.yaml", tags=(), trunk="t", accounts=(ACCOUNT,),
        attempts=attempts, timeout=120.0,
    )  # fmt: skip
    assert planned_talk(attempts[1], plan) == seconds


def up() -> Wire:
    """Return a call that is answered at 1 s."""
    return Wire("INVITE").send("INVITE").receive(200, at=1.0).send("ACK")


def test_talk_goes_from_the_answer_to_the_bye() -> None:
    """Without a BYE it goes on until now; without an answer there is none."""
    assert talk_of(up().send("BYE", at=4.0).receive(200).trace(), 9.0) == 3.0
    assert talk_of(up().trace(), 9.0) == 8.0
    assert talk_of(refused_call(486).trace(), 9.0) == 0.0
    assert talk_of(Wire("INVITE").send("INVITE").trace(), 9.0) == 0.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 120 (in a meeting)", 120.0),
        ("18000;duration=3600", 18000.0),
        ("soon", None),
        ("9999999999999", None),
        ("3 days", None),
    ],
)
def test_retry_after_is_read(value: str, seconds: float | None) -> None:
    """Comment and parameters are left aside (RFC 3261 §20.33); nonsense is nothing."""
    wire = Wire("INVITE").send("INVITE").receive(503, headers={"Retry-After": value})
    assert asked_to_wait(wire.trace()) == seconds


def test_nothing_is_asked_without_an_answer_or_the_header() -> None:
    """Silence asks for nothing."""
    assert asked_to_wait(Wire("INVITE").send("INVITE").trace()) is None
    assert asked_to_wait(answered_call().trace()) is None


PRICED = replace(
    LIMITS, calls_per_run=None, calls_per_day=None, cost_per_run=1.0,
    price=Price(minute=0.25, call=0.25, currency="USD"),
)  # fmt: skip


def test_money_of_a_run_is_capped_at_the_longest_talk(tmp_path: Path) -> None:
    """A call of a second that may become two minutes costs two; what it did not cost comes back."""
    gate = gate_in(tmp_path)
    first = gate.admit(PRICED, 1.0, 120.0)
    assert first.cost == 0.75
    assert gate.admit(PRICED, 1.0, 120.0).why_not == (
        "calls of this run through this trunk cost about 0.75 USD, this one may cost 0.75 USD,"
        " and cost_per_run is 1 USD"
    )
    gate.talked(PRICED, first, 0.0)
    second = gate.admit(PRICED, 1.0, 120.0)
    assert second.why_not is None
    gate.withdraw(PRICED, second)
    assert gate.admit(PRICED, 1.0, 120.0).why_not is None
    gate.close()


@pytest.mark.parametrize(
    ("later", "seconds"),
    [
        ((Talk(attempt=1, account="trunk", duration=5.0),), 5.0),
        (
            (
                Talk(attempt=1, account="trunk", duration=5.0),
                Hangup(attempt=2, account="trunk", call=0),
                Wait(attempt=3, account="trunk", duration=50.0),
            ),
            5.0,
        ),
        ((call(2.0), Hangup(attempt=2, account="trunk", call=0)), 120.0),
        ((), 0.0),
    ],
)
def test_longest_talk_is_until_the_end_that_is_certain(
    later: tuple[Action, ...], seconds: float
) -> None:
    """Beside another step that waits for an answer only the scenario's timeout is certain."""
    attempts = tuple(attempt_of(action, index) for index, action in enumerate((call(), *later)))
    plan = Plan(
        scenario="s", name="s", file="s.sip.yaml", tags=(), trunk="t", accounts=(ACCOUNT,),
        attempts=attempts, timeout=120.0,
    )  # fmt: skip
    assert longest_talk(attempts[0], plan) == seconds


def test_call_that_hangs_up_by_itself_lasts_no_longer() -> None:
    """Its own step says how long."""
    first = attempt_of(call(3.0))
    plan = Plan(
        scenario="s", name="s", file="s.sip.yaml", tags=(), trunk="t", accounts=(ACCOUNT,),
        attempts=(first, attempt_of(call(), 1)), timeout=120.0,
    )  # fmt: skip
    assert longest_talk(first, plan) == 3.0
