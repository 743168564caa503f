"""The rows of a scenario share a worker, and nothing of one row reaches another."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.executor import crew as crew_module
from probe.executor.ledger import Ledger
from probe.executor.local import LocalExecutor, PlanRun
from probe.executor.process import WorkerProcess
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_many
from probe.scenario.schema import EMBEDDED, Profile, Settings
from probe.scenario.secret import Secret
from probe.simulator.trunk import EmbeddedTrunk
from probe.trace.trace import MessageSent

pytestmark = pytest.mark.pjsua2

REGISTER_AND_CALL = """\
data: [{N: "9486"}, {N: "9404"}, {N: "9486"}]
steps:
  - register:
    expect: {challenge: required, responses: 200}
  - call: ${N}
    expect: {responses: 4xx}
"""


@pytest.fixture(scope="module")
def trunk() -> Iterator[EmbeddedTrunk]:
    """Run the embedded trunk."""
    with EmbeddedTrunk() as running:
        yield running
    assert running.failures == ()


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[LocalExecutor]:
    """Return an executor with a ledger of its own."""
    made = LocalExecutor(Ledger(tmp_path / "ledger.sqlite"))
    yield made
    made.close()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[WorkerProcess]:
    """Return a list that fills with the worker processes as they are started."""
    processes: list[WorkerProcess] = []

    class Known(WorkerProcess):
        def __init__(self) -> None:
            super().__init__()
            processes.append(self)

    monkeypatch.setattr(crew_module, "WorkerProcess", Known)
    return processes


@pytest.fixture
def plans(trunk: EmbeddedTrunk, tmp_path: Path) -> Callable[[str], list[Plan]]:
    """Return what makes the plans of a scenario with rows."""
    profile = Profile(uri=trunk.uri, password=Secret(trunk.password), local_address=trunk.host)

    def _plans(text: str) -> list[Plan]:
        file = tmp_path / "rows.sip.yaml"
        file.write_text(text, encoding="utf-8")
        scenarios = load_many([file], variables={}, environ={})
        return [resolve(one, Settings(), trunk=EMBEDDED, embedded=profile) for one in scenarios]

    return _plans


def codes(run: PlanRun) -> list[list[int]]:
    """Return the responses of each attempt."""
    return [
        [one.status for one in ran.tries[-1].responses() if one.status > 100] for ran in run.ran
    ]


def test_rows_share_a_worker_and_are_as_if_they_were_alone(
    executor: LocalExecutor,
    plans: Callable[[str], list[Plan]],
    started: list[WorkerProcess],
) -> None:
    """Each row is challenged anew, and its registration ends with it."""
    runs = [executor.run(plan) for plan in plans(REGISTER_AND_CALL)]
    assert [codes(run) for run in runs] == [[[200], [486]], [[200], [404]], [[200], [486]]]
    assert len(started) == 1
    for run in runs:
        register = run.ran[0].tries[-1]
        sent = [e for e in register.events if isinstance(e, MessageSent)]
        assert len(sent) == 2, "challenged, then answered"
        assert run.alarms == ()
        assert run.cleanup is not None
        ended = [e for e in run.cleanup.events if isinstance(e, MessageSent)]
        assert "Expires: 0" in ended[0].text


def test_worker_of_a_row_that_met_trouble_is_not_used_again(
    executor: LocalExecutor,
    plans: Callable[[str], list[Plan]],
    started: list[WorkerProcess],
) -> None:
    """What comes late of a fault would be taken for the next row's."""
    silent = "data: [{N: '7017'}, {N: '9486'}]\nsteps: [{call: '${N}', timeout: 200ms}]\n"
    runs = [executor.run(plan) for plan in plans(silent)]
    assert codes(runs[1]) == [[486]]
    assert len(started) == 2
    assert started[0].ended


def test_worker_that_rests_goes_with_the_run(
    executor: LocalExecutor,
    plans: Callable[[str], list[Plan]],
    started: list[WorkerProcess],
) -> None:
    """And as soon as a plan of another account comes."""
    plan = plans("data: [{N: a}]\nname: ${N}\nsteps: [options: ]\n")[0]
    assert codes(executor.run(plan)) == [[200]]
    assert not started[0].ended
    executor.run(replace(plan, accounts=(), attempts=()))
    assert started[0].ended
    executor.run(plan)
    executor.close()
    assert [process.ended for process in started] == [True, True]


def test_scenario_without_rows_keeps_no_worker(
    executor: LocalExecutor,
    plans: Callable[[str], list[Plan]],
    started: list[WorkerProcess],
) -> None:
    """Each has a process of its own, which is gone when it is over."""
    plan = replace(plans("data: [{N: a}]\nname: ${N}\nsteps: [options: ]\n")[0], row=None)
    executor.run(plan)
    executor.run(plan)
    assert [process.ended for process in started] == [True, True]
