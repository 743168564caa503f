"""Several plans at a time by real workers against the embedded trunk: as they are one by one."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from probe.executor.ledger import Ledger
from probe.executor.local import PlanRun
from probe.executor.many import ManyExecutor
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario
from probe.scenario.schema import EMBEDDED, Caps, Profile, Settings
from probe.scenario.secret import Secret
from probe.simulator.trunk import EmbeddedTrunk
from probe.trace.failure import Failure

pytestmark = pytest.mark.pjsua2

ENDS_AT_ONCE = ("call: '+12025550123'", "hangup_after: 0s")
STAYS = ("call: '+12025550123'", "hangup_after: 20s")
BUSY = ("call: '9486'",)
REGISTERS = ("register:",)


@pytest.fixture(scope="module")
def trunk() -> Iterator[EmbeddedTrunk]:
    """Run the embedded trunk; it asks for credentials with REGISTER only."""
    with EmbeddedTrunk(challenge_calls=False) as running:
        yield running


@pytest.fixture
def many(tmp_path: Path) -> Iterator[ManyExecutor]:
    """Return what carries out three plans at a time, which every engine has room for."""
    made = ManyExecutor(3, Ledger(tmp_path / "ledger.sqlite"))
    yield made
    made.close()


@pytest.fixture
def plans(trunk: EmbeddedTrunk, tmp_path: Path) -> Callable[..., tuple[Plan, ...]]:
    """Return what makes plans of one step each for that trunk."""

    def _plans(*steps: tuple[str, ...], caps: Caps | None = None) -> tuple[Plan, ...]:
        profile = Profile(
            uri=trunk.uri,
            password=Secret(trunk.password),
            local_address=trunk.host,
            caps=caps,
        )
        made = []
        for number, lines in enumerate(steps):
            file = tmp_path / f"plan{number:02}.sip.yaml"
            file.write_text("steps:\n  - " + "\n    ".join(lines) + "\n", encoding="utf-8")
            scenario = load_scenario(file, variables={}, environ={})
            made.append(resolve(scenario, Settings(), trunk=EMBEDDED, embedded=profile))
        return tuple(made)

    return _plans


class Carried:
    """What became of plans, and how many were in progress at a time."""

    def __init__(self, many: ManyExecutor) -> None:
        self.runs: dict[int, PlanRun] = {}
        self.ended: list[int] = []
        self._many = many

    def carry(self, number: int, plan: Plan) -> None:
        """Carry one out."""
        self.runs[number] = self._many.run(plan)
        self.ended.append(number)

    def all(self, plans: Sequence[Plan]) -> Sequence[Plan]:
        """Carry them out; return what was left out."""
        return self._many.each(plans, self.carry, lambda: not self._many.skipping)

    def codes(self) -> list[int | None]:
        """Return the final status code of each plan's attempt, in order of the plans."""
        finals = [run.ran[0].tries[-1].final() for _, run in sorted(self.runs.items())]
        return [None if final is None else final.status for final in finals]

    def failures(self) -> list[Failure | None]:
        """Return the failure of each plan's attempt, in order of the plans."""
        found = [run.ran[0].tries[-1].failure() for _, run in sorted(self.runs.items())]
        return [None if one is None else one.failure for one in found]


def requests(trunk: EmbeddedTrunk, method: str, since: int = 0) -> list[float]:
    """Return when requests of a method reached the trunk."""
    return [
        seen.at
        for seen in trunk.log[since:]
        if seen.direction == "received" and seen.is_request and seen.method == method
    ]


def test_each_gets_its_own_answer(
    many: ManyExecutor, plans: Callable[..., tuple[Plan, ...]], trunk: EmbeddedTrunk
) -> None:
    """Ten calls share one agent, and none gets another's messages."""
    carried, since = Carried(many), len(trunk.log)
    steps = [BUSY if number % 3 == 1 else ENDS_AT_ONCE for number in range(10)]
    assert not carried.all(plans(*steps))
    assert carried.codes() == [486 if number % 3 == 1 else 200 for number in range(10)]
    assert len(requests(trunk, "INVITE", since)) == 10
    assert len(requests(trunk, "BYE", since)) == 7
    for run in carried.runs.values():
        (ran,) = run.ran
        calls = {message.call_id for _, _, message in ran.tries[0].messages()}
        assert len(calls) == 1
        assert run.alarms == ()


def test_calls_are_up_at_the_same_time_and_no_more_than_the_trunk_allows(
    many: ManyExecutor, plans: Callable[..., tuple[Plan, ...]], trunk: EmbeddedTrunk
) -> None:
    """With a cap of two, four calls of half a second take two turns; none is refused."""
    carried, since = Carried(many), len(trunk.log)
    half = ("call: '+12025550123'", "hangup_after: 500ms")
    assert not carried.all(plans(*[half] * 4, caps=Caps(concurrent_calls=2)))
    assert carried.codes() == [200] * 4
    ups = [(at, 1) for at in requests(trunk, "INVITE", since)]
    downs = [(at, -1) for at in requests(trunk, "BYE", since)]
    most = up = 0
    for _, change in sorted(ups + downs):
        up += change
        most = max(most, up)
    assert most == 2


def test_who_registers_is_alone_with_its_account(
    many: ManyExecutor, plans: Callable[..., tuple[Plan, ...]], trunk: EmbeddedTrunk
) -> None:
    """A call of the same account waits for its end; the order of the account stays."""
    carried = Carried(many)
    assert not carried.all(plans(ENDS_AT_ONCE, REGISTERS, ENDS_AT_ONCE))
    assert carried.codes() == [200, 200, 200]
    assert carried.ended == [0, 1, 2]


def test_a_worker_that_dies_takes_its_calls_along_and_each_gets_its_bye(
    many: ManyExecutor, plans: Callable[..., tuple[Plan, ...]], trunk: EmbeddedTrunk
) -> None:
    """Each of three says so, nothing is dialled again, and whoever comes next gets another."""
    carried, since = Carried(many), len(trunk.log)

    def kill() -> None:
        limit = time.monotonic() + 20
        while len(requests(trunk, "ACK", since)) < 3 and time.monotonic() < limit:
            time.sleep(0.01)
        (bench,) = many.benches
        os.kill(bench.process.pid, signal.SIGSEGV)

    killer = threading.Thread(target=kill)
    killer.start()
    assert not carried.all(plans(STAYS, STAYS, STAYS, ENDS_AT_ONCE))
    killer.join()
    crashed = Failure.AGENT_CRASHED
    assert carried.failures() == [crashed, crashed, crashed, None]
    why = carried.runs[0].ran[0].tries[0].failure()
    assert why is not None
    assert "it carried 3 plans, and the last message that reached it was" in why.detail
    assert len(requests(trunk, "INVITE", since)) == 4
    assert len(requests(trunk, "BYE", since)) == 4
    assert all(run.alarms == () for run in carried.runs.values())


def test_an_interruption_hangs_all_up_and_leaves_the_rest_out(
    many: ManyExecutor, plans: Callable[..., tuple[Plan, ...]], trunk: EmbeddedTrunk
) -> None:
    """Each call that is up gets its BYE from the worker."""
    carried, since = Carried(many), len(trunk.log)

    def interrupt() -> None:
        limit = time.monotonic() + 20
        while len(requests(trunk, "ACK", since)) < 3 and time.monotonic() < limit:
            time.sleep(0.01)
        many.interrupt()

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    left = carried.all(plans(*[STAYS] * 5))
    interrupter.join()
    assert len(left) == 2
    assert carried.failures() == [Failure.INTERRUPTED] * 3
    assert len(requests(trunk, "BYE", since)) == 3


def test_the_pace_of_the_run_holds_over_all(
    many: ManyExecutor, plans: Callable[..., tuple[Plan, ...]], trunk: EmbeddedTrunk
) -> None:
    """Five calls at five a second take 0.8 s, less what the first one may have been late."""
    carried, since = Carried(many), len(trunk.log)
    many.gate.pace(5)
    assert not carried.all(plans(*[ENDS_AT_ONCE] * 5))
    invites = requests(trunk, "INVITE", since)
    assert len(invites) == 5
    assert max(invites) - min(invites) >= 0.6
