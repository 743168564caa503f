"""An attempt that is beyond a cap does not leave; one whose turn has not come waits."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from wirebuilder import Wire

from probe.executor import local
from probe.executor.crew import Crew, Worker
from probe.executor.ledger import Admission, Ledger
from probe.executor.local import LocalExecutor, PlanRun
from probe.plan.action import Account, Call, Options
from probe.plan.plan import Attempt, Limits, Plan
from probe.scenario.schema import Retry
from probe.scenario.source import NOWHERE
from probe.trace.failure import Failure
from probe.trace.trace import Trace

ACCOUNT = Account(
    name="trunk", aor="sip:100@h", registrar="sip:h", host="h", port=None, transport="UDP",
    user="100", auth_user="100",
)  # fmt: skip
LIMITS = Limits(
    owner="100@sip:h", calls_per_run=2, calls_per_day=None, minutes_per_day=None,
    refused_logins_per_day=None, gap=0.0,
)  # fmt: skip


def plan_of(limits: Limits | None, calls: int = 1, timeout: float = 30.0) -> Plan:
    """Return a plan of so many calls."""
    attempts = tuple(
        Attempt(
            index=index, step=index + 1, label="call 2000", method="INVITE", direction="outbound",
            action=Call(attempt=index, account="trunk", target="sip:2000@h", hangup_after=1.0),
            account=ACCOUNT, expectation=None, retry=None, source=NOWHERE, provider=None,
            limits=limits,
        )
        for index in range(calls)
    )  # fmt: skip
    return Plan(
        scenario="s", name="s", file="s.sip.yaml", tags=(), trunk="t", accounts=(ACCOUNT,),
        attempts=attempts, timeout=timeout,
    )  # fmt: skip


class Refusing:
    """Stands for a worker whose account cannot be opened: then nothing is sent."""

    refused = (Failure.AGENT_CRASHED, "no worker here")


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalExecutor:
    """Return an executor without workers, whose ledger is in a folder of its own."""

    def worker(_crew: Crew, _account: Account, _spare: object) -> Worker:
        return Refusing()  # type: ignore[return-value]  # only `refused` is looked at

    monkeypatch.setattr(local.Crew, "worker", worker)
    return LocalExecutor(Ledger(tmp_path / "ledger.sqlite3"))


def told(run: PlanRun) -> list[str]:
    """Return why each attempt came to nothing."""
    failures = [ran.tries[-1].failure() for ran in run.ran]
    return ["" if f is None else f"{f.failure.value}: {f.detail}" for f in failures]


def test_call_beyond_the_cap_is_not_attempted(executor: LocalExecutor) -> None:
    """Two leave, or would have; the third says why it did not."""
    run = executor.run(plan_of(LIMITS, 3))
    assert told(run) == [
        "AGENT_CRASHED: no worker here",
        "AGENT_CRASHED: no worker here",
        "NOT_ATTEMPTED: 2 calls were made in this run through this trunk, and calls_per_run is 2",
    ]
    executor.close()


def test_cap_counts_over_the_plans_of_a_run(executor: LocalExecutor) -> None:
    """The next scenario does not begin anew."""
    executor.run(plan_of(LIMITS, 2))
    assert told(executor.run(plan_of(LIMITS)))[0].startswith("NOT_ATTEMPTED: 2 calls")
    executor.close()


def test_call_without_limits_leaves_no_ledger(executor: LocalExecutor, tmp_path: Path) -> None:
    """Loopback is exempt, and nothing is written for it."""
    assert told(executor.run(plan_of(None, 3))) == ["AGENT_CRASHED: no worker here"] * 3
    assert not (tmp_path / "ledger.sqlite3").exists()


def test_call_whose_turn_does_not_come_in_time_is_taken_back(executor: LocalExecutor) -> None:
    """A gap longer than the scenario: the second call is not placed and not counted."""
    paced = replace(LIMITS, gap=300.0)
    first, second = told(executor.run(plan_of(paced, 2, timeout=1.0)))
    assert first == "AGENT_CRASHED: no worker here"
    assert second == "NOT_ATTEMPTED: the scenario's timeout of 1 s was over"
    assert executor.gate.admit(replace(LIMITS, gap=0.0), 0.0).why_not is None
    executor.close()


@pytest.mark.parametrize(
    ("target", "provider"), [("sip:%31-1-2@h", None), ("tel:911", None), ("sip:101@h", "sip.us")]
)
def test_emergency_number_does_not_leave_whoever_made_the_plan(
    executor: LocalExecutor, target: str, provider: str | None
) -> None:
    """The last look is at the very URI that would be sent."""
    plan = plan_of(None)
    call = Call(attempt=0, account="trunk", target=target)
    attempt = replace(plan.attempts[0], action=call, provider=provider)
    (why,) = told(executor.run(replace(plan, attempts=(attempt,))))
    assert why.startswith(f"NOT_ATTEMPTED: {target} would reach the emergency number")


def test_ledger_that_cannot_be_used_is_told(executor: LocalExecutor, tmp_path: Path) -> None:
    """The calls are made, and the report says that the day was not counted."""
    (tmp_path / "ledger.sqlite3").mkdir()
    run = executor.run(plan_of(LIMITS))
    assert told(run) == ["AGENT_CRASHED: no worker here"]
    assert "cannot be used" in run.notes[0]
    executor.close()


def answered_with(retry_after: str) -> Trace:
    """Return the trace of a call that was told when to come back."""
    headers = {"Retry-After": retry_after}
    return Wire("INVITE").send("INVITE").receive(503, headers=headers).send("ACK").trace()


@pytest.mark.parametrize(("asked", "tries"), [("0", 3), ("300", 1)])
def test_retry_waits_as_long_as_the_peer_asks_or_is_left_out(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch, asked: str, tries: int
) -> None:
    """300 s do not fit in a scenario of 30 s: there is no further try, and a note says so."""
    monkeypatch.setattr(local, "cut", lambda *_, **__: answered_with(asked))
    executor.on_again(lambda _attempt, _trace: True)
    plan = plan_of(None)
    again = replace(plan.attempts[0], retry=Retry(times=2))
    run = executor.run(replace(plan, attempts=(again,)))
    assert len(run.ran[0].tries) == tries
    assert any("asks to wait 300 s (Retry-After)" in note for note in run.notes) == (tries == 1)


def test_retry_after_is_waited_for(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait of the step is shorter than what the peer asks for: the longer one holds."""
    waits: list[float] = []
    monkeypatch.setattr(local, "cut", lambda *_, **__: answered_with("7"))
    monkeypatch.setattr(
        local._PlanInProgress, "_wait", lambda _plan, seconds: waits.append(seconds)
    )
    executor.on_again(lambda _attempt, _trace: True)
    plan = plan_of(None)
    again = replace(plan.attempts[0], retry=Retry(times=1, wait=2.0))
    executor.run(replace(plan, attempts=(again,)))
    assert waits == [7.0]


def test_request_waits_for_its_turn(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first few go at once, the sixth waits a gap; calls do not count among them."""
    waits: list[float] = []
    monkeypatch.setattr(
        local._PlanInProgress, "_wait", lambda _plan, seconds: waits.append(round(seconds, 1))
    )
    limits = replace(LIMITS, host="h:5060", request_gap=300.0)
    plan = plan_of(limits, 6)
    asked = tuple(
        replace(
            attempt,
            method="OPTIONS",
            action=Options(attempt=attempt.index, account="trunk", target="sip:h"),
        )
        for attempt in plan.attempts
    )
    assert (
        told(executor.run(replace(plan, attempts=asked))) == ["AGENT_CRASHED: no worker here"] * 6
    )
    assert waits[:5] == [0.0] * 5
    assert [290.0 < wait <= 300.0 for wait in waits[5:]] == [True]
    executor.close()


def test_request_whose_turn_does_not_come_in_time_is_not_made(executor: LocalExecutor) -> None:
    """The scenario's timeout ends the wait."""
    limits = replace(LIMITS, host="h:5060", request_gap=300.0)
    for _ in range(5):
        executor.gate.turn(limits)
    plan = plan_of(limits, 1, timeout=0.2)
    ask = Options(attempt=0, account="trunk", target="sip:h")
    attempt = replace(plan.attempts[0], method="OPTIONS", action=ask)
    assert told(executor.run(replace(plan, attempts=(attempt,)))) == [
        "NOT_ATTEMPTED: the scenario's timeout of 0.2 s was over"
    ]
    executor.close()


def test_call_waits_while_another_run_has_one_up(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends in time, or the attempt says what it waited for."""
    monkeypatch.setattr(executor.gate, "admit", lambda *_: Admission(busy=True))
    plan = plan_of(replace(LIMITS, concurrent_calls=1), 1, timeout=1.0)
    (why,) = told(executor.run(plan))
    assert why.startswith("NOT_ATTEMPTED: the scenario's timeout of 1 s was over while calls of")
    assert why.endswith("other runs were up through this trunk, and concurrent_calls is 1")
    executor.close()
