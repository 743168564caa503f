"""Plans are carried out by real workers against the embedded trunk, and workers are killed."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probe.executor import begin as begin_module
from probe.executor import crew as crew_module
from probe.executor.crew import EngineMissingError
from probe.executor.ledger import Ledger
from probe.executor.local import LocalExecutor, PlanRun
from probe.executor.process import WorkerProcess
from probe.plan.action import Hangup, Talk
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario
from probe.scenario.schema import EMBEDDED, Profile, Settings
from probe.scenario.secret import Secret
from probe.simulator.records import SeenMessage
from probe.simulator.trunk import EmbeddedTrunk
from probe.trace.failure import Failure
from probe.trace.trace import AgentNote, Stalled, Trace

pytestmark = pytest.mark.pjsua2

ORDINARY = "'+12025550123'"
RINGS_FOR_EVER = "'7002'"
REFUSES_BUSY = "'9486'"


@pytest.fixture
def trunk() -> Iterator[EmbeddedTrunk]:
    """Run the embedded trunk; insist at the end that it had no fault of its own.

    It asks for credentials with REGISTER only, so that the first ACK is that of an answered call.
    """
    with EmbeddedTrunk(challenge_calls=False) as running:
        yield running
    assert running.failures == ()


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[LocalExecutor]:
    """Return an executor with a ledger of its own; close it at the end."""
    made = LocalExecutor(Ledger(tmp_path / "ledger.sqlite"))
    yield made
    made.close()


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[WorkerProcess]:
    """Return a list that fills with the worker processes as they are started."""
    started: list[WorkerProcess] = []

    class Known(WorkerProcess):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(crew_module, "WorkerProcess", Known)
    return started


@pytest.fixture
def plan(trunk: EmbeddedTrunk, tmp_path: Path) -> Callable[..., Plan]:
    """Return what makes plans of steps for that trunk."""

    def _plan(*steps: str, password: str | None = None, timeout: str = "60s") -> Plan:
        file = tmp_path / "one.sip.yaml"
        lines = [f"timeout: {timeout}", "steps:", *(f"  - {step}" for step in steps)]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        profile = Profile(
            uri=trunk.uri,
            password=Secret(password or trunk.password),
            local_address=trunk.host,
        )
        scenario = load_scenario(file, variables={}, environ={})
        return resolve(scenario, Settings(), trunk=EMBEDDED, embedded=profile)

    return _plan


@pytest.fixture
def when(trunk: EmbeddedTrunk) -> Iterator[Callable[..., None]]:
    """Return what does something, in a thread, as soon as the trunk has seen a message."""
    threads: list[threading.Thread] = []

    def _when(wanted: Callable[[SeenMessage], bool], act: Callable[[], None]) -> None:
        def watch() -> None:
            if trunk.wait_for(wanted, 20.0) is not None:
                act()

        threads.append(threading.Thread(target=watch, daemon=True))
        threads[-1].start()

    yield _when
    for thread in threads:
        thread.join(20.0)
        assert not thread.is_alive()


def acked(message: SeenMessage) -> bool:
    """Say whether a call is up: its ACK has arrived."""
    return message.direction == "received" and message.method == "ACK"


def rings(message: SeenMessage) -> bool:
    """Say whether a call rings."""
    return message.code == 180


def codes(run: PlanRun) -> list[int | None]:
    """Return the final status code of each attempt's last try."""
    finals = [ran.tries[-1].final() for ran in run.ran]
    return [final.status if final else None for final in finals]


def failures(run: PlanRun) -> list[Failure | None]:
    """Return the failure of each attempt's last try."""
    found = [ran.tries[-1].failure() for ran in run.ran]
    return [one.failure if one else None for one in found]


def why(trace: Trace) -> str:
    """Return the words of a trace's failure."""
    failure = trace.failure()
    assert failure is not None
    return failure.detail


def seen(trunk: EmbeddedTrunk, method: str) -> list[SeenMessage]:
    """Return the requests of a method that reached the trunk."""
    return [
        m for m in trunk.log if m.direction == "received" and m.is_request and m.method == method
    ]


def answers(trunk: EmbeddedTrunk, method: str) -> list[int | None]:
    """Return the codes with which the trunk answered a method."""
    return [m.code for m in trunk.log if m.direction == "sent" and m.code and m.method == method]


def notes(*traces: Trace | None) -> list[str]:
    """Return the kinds of notes about our own agent."""
    events = [event for trace in traces if trace for event in trace.events]
    return [event.kind for event in events if isinstance(event, AgentNote)]


# -- plans that go well ----------------------------------------------------------------------------


def test_call_is_up_until_a_later_step_hangs_it_up(
    executor: LocalExecutor, plan: Callable[..., Plan], trunk: EmbeddedTrunk
) -> None:
    """Every attempt has its own trace; the removal of the registration belongs to none."""
    begun: list[tuple[str, int]] = []
    executor.on_begin(lambda attempt, number: begun.append((attempt.label, number)))
    run = executor.run(plan("register:", f"call: {ORDINARY}", "talk: 0.2s", "hangup:"))
    assert codes(run) == [200, 200, None, 200]
    assert failures(run) == [None] * 4
    assert begun == [
        ("register", 1),
        ("call +12025550123", 1),
        ("talk 0.2 s", 1),
        ("hangup", 1),
    ]
    call, hangup = run.ran[1].tries[0], run.ran[3].tries[0]
    assert call.sent("BYE")
    assert call.media
    assert hangup.sent("BYE")
    assert not hangup.sent("INVITE")
    assert run.cleanup is not None
    assert run.cleanup.sent("REGISTER")
    assert trunk.bindings == ()
    assert run.alarms == ()
    assert run.engine.startswith("2.")
    assert run.ran[0].tries[0].agent == f"pjsua2 {run.engine}"


def test_call_is_cancelled_by_a_later_step(
    executor: LocalExecutor, plan: Callable[..., Plan], trunk: EmbeddedTrunk
) -> None:
    """The call's attempt ends while it rings; its trace has the 487 nevertheless."""
    run = executor.run(plan(f"call: {RINGS_FOR_EVER}", "cancel:"))
    assert codes(run) == [487, 200]
    assert run.ran[0].tries[0].our_cancel
    assert answers(trunk, "CANCEL") == [200]


def test_attempt_is_repeated_as_long_as_somebody_wants_it(
    executor: LocalExecutor, plan: Callable[..., Plan]
) -> None:
    """Every try has a trace of its own, and the last one counts."""
    asked: list[object] = []

    def again(_attempt: object, trace: Trace) -> bool:
        final = trace.final()
        asked.append(final.status if final else trace.failure())
        return len(asked) == 1

    executor.on_again(again)
    run = executor.run(plan("{options: , retry: {times: 3, wait: 0.05s}}"))
    assert len(run.ran[0].tries) == 2
    assert asked == [200, 200]
    first, second = run.ran[0].tries
    assert first.ended < second.began
    assert not {id(event) for event in first.events} & {id(event) for event in second.events}


def test_retries_have_an_end(executor: LocalExecutor, plan: Callable[..., Plan]) -> None:
    """`times` bounds them whatever is wanted."""
    executor.on_again(lambda _attempt, _trace: True)
    run = executor.run(plan("{options: , retry: {times: 1}}"))
    assert len(run.ran[0].tries) == 2


def test_worker_that_was_started_ahead_of_need_is_used(
    executor: LocalExecutor, plan: Callable[..., Plan], workers: list[WorkerProcess]
) -> None:
    """It saves the start of one worker; asking twice starts one only."""
    executor.warm_up()
    executor.warm_up()
    assert codes(executor.run(plan("options:"))) == [200]
    assert workers == []


def test_worker_that_was_started_in_vain_is_ended(tmp_path: Path) -> None:
    """No process outlives the run."""
    executor = LocalExecutor(Ledger(tmp_path / "ledger.sqlite"))
    executor.warm_up()
    spare = executor.take_spare()
    assert spare is not None
    executor.warm_up()
    executor.close()
    assert executor.take_spare() is None
    spare.kill()
    spare.close()


def test_scenario_that_only_waits_needs_no_worker(
    executor: LocalExecutor, plan: Callable[..., Plan], workers: list[WorkerProcess]
) -> None:
    """There is no account, so there is nothing to start and nothing to clean up."""
    run = executor.run(plan("wait: 0.05s"))
    assert workers == []
    assert run.cleanup is None
    assert run.engine == ""
    trace = run.ran[0].tries[0]
    assert trace.ended - trace.began >= 0.05


# -- what is not attempted -------------------------------------------------------------------------


def test_third_login_is_not_made_after_two_refused_ones(
    executor: LocalExecutor, plan: Callable[..., Plan], trunk: EmbeddedTrunk
) -> None:
    """Guessing is what ban systems look for; the third attempt sends nothing."""
    made = plan("register:", "register:", "register:", password="wrong-password")
    run = executor.run(made)
    assert codes(run) == [403, 403, None]
    assert failures(run)[2] is Failure.NOT_ATTEMPTED
    assert "2 logins" in why(run.ran[2].tries[0])
    before = len(trunk.log)
    assert failures(executor.run(made)) == [Failure.NOT_ATTEMPTED] * 3
    assert len(trunk.log) == before


def test_call_that_did_not_come_up_is_not_hung_up(
    executor: LocalExecutor, plan: Callable[..., Plan], trunk: EmbeddedTrunk
) -> None:
    """The hangup is told as not attempted and names the step of the call."""
    run = executor.run(plan(f"call: {REFUSES_BUSY}", "hangup:"))
    assert codes(run) == [486, None]
    assert failures(run)[1] is Failure.NOT_ATTEMPTED
    assert why(run.ran[1].tries[0]) == "the call of step 1 did not come up"
    assert seen(trunk, "BYE") == []


# -- the end of the run's time, and of the user's patience -----------------------------------------


def test_timeout_of_the_scenario_ends_the_attempt_in_progress(
    executor: LocalExecutor, plan: Callable[..., Plan], trunk: EmbeddedTrunk
) -> None:
    """The phone stops ringing, and what comes later is not attempted."""
    run = executor.run(plan(f"call: {RINGS_FOR_EVER}", "options:", timeout="3s"))
    assert failures(run) == [Failure.SCENARIO_DEADLINE, Failure.NOT_ATTEMPTED]
    failure = run.ran[0].tries[0].failure()
    assert failure is not None
    assert failure.deadline == "scenario timeout 3 s"
    assert "timeout of 3 s was over" in why(run.ran[1].tries[0])
    assert answers(trunk, "CANCEL") == [200]
    assert seen(trunk, "OPTIONS") == []


def test_interrupted_call_is_hung_up_and_the_registration_removed(
    executor: LocalExecutor,
    plan: Callable[..., Plan],
    trunk: EmbeddedTrunk,
    when: Callable[..., None],
) -> None:
    """Ctrl-C leaves nothing behind at the trunk; later attempts are not made."""
    when(acked, executor.interrupt)
    steps = ("register:", f"{{call: {ORDINARY}, hangup_after: 30s}}", "options:")
    run = executor.run(plan(*steps))
    assert failures(run)[1:] == [Failure.INTERRUPTED, Failure.NOT_ATTEMPTED]
    assert why(run.ran[2].tries[0]) == "the run was interrupted"
    assert executor.interrupted
    assert executor.skipping
    assert answers(trunk, "BYE") == [200]
    assert trunk.bindings == ()
    assert run.alarms == ()


def test_further_plans_can_be_left_out_without_an_interruption(executor: LocalExecutor) -> None:
    """That is what a run does which stops at the first failure."""
    assert (executor.skipping, executor.interrupted) == (False, False)
    executor.skip_the_rest()
    assert (executor.skipping, executor.interrupted) == (True, False)


# -- workers that die ------------------------------------------------------------------------------


def test_worker_killed_in_mid_call_costs_that_attempt_only(
    executor: LocalExecutor,
    plan: Callable[..., Plan],
    trunk: EmbeddedTrunk,
    when: Callable[..., None],
    workers: list[WorkerProcess],
) -> None:
    """The trunk gets its BYE; a fresh worker registers again at the same port and goes on."""
    when(acked, lambda: os.kill(workers[0].pid, signal.SIGKILL))
    steps = ("register:", f"{{call: {ORDINARY}, hangup_after: 30s}}", "options:")
    run = executor.run(plan(*steps))
    assert failures(run) == [None, Failure.AGENT_CRASHED, None]
    assert "ended by SIGKILL" in why(run.ran[1].tries[0])
    assert codes(run)[2] == 200
    assert len(workers) == 2
    assert answers(trunk, "BYE") == [200]
    assert len({m.peer for m in trunk.log if m.direction == "received"}) == 1
    assert run.cleanup is not None
    assert len(run.cleanup.sent("REGISTER")) >= 2
    assert trunk.bindings == ()
    assert {"crash", "cleanup", "restart"} <= set(notes(run.cleanup, run.ran[1].tries[0]))
    assert run.alarms == ()


def test_worker_killed_while_it_rings_leaves_no_ringing_phone(
    executor: LocalExecutor,
    plan: Callable[..., Plan],
    trunk: EmbeddedTrunk,
    when: Callable[..., None],
    workers: list[WorkerProcess],
) -> None:
    """The trunk gets the CANCEL that the worker owed."""
    when(rings, lambda: os.kill(workers[0].pid, signal.SIGKILL))
    run = executor.run(plan(f"call: {RINGS_FOR_EVER}"))
    assert failures(run) == [Failure.AGENT_CRASHED]
    assert answers(trunk, "CANCEL") == [200]


def test_crash_while_time_passes_is_laid_on_the_call_that_was_up(
    executor: LocalExecutor, plan: Callable[..., Plan], workers: list[WorkerProcess]
) -> None:
    """A talk step is not judged; the call that it broke is."""

    def begin(attempt: object, _number: int) -> None:
        if isinstance(getattr(attempt, "action", None), Talk):
            os.kill(workers[0].pid, signal.SIGKILL)

    executor.on_begin(begin)
    run = executor.run(plan(f"call: {ORDINARY}", "talk: 5s"))
    assert failures(run)[0] is Failure.AGENT_CRASHED
    assert failures(run)[1] is None


def test_crash_of_a_hangup_knows_the_call_that_it_was_for(
    executor: LocalExecutor,
    plan: Callable[..., Plan],
    trunk: EmbeddedTrunk,
    workers: list[WorkerProcess],
) -> None:
    """Both attempts lost their worker; the BYE is sent all the same."""

    def begin(attempt: object, _number: int) -> None:
        if isinstance(getattr(attempt, "action", None), Hangup):
            os.kill(workers[0].pid, signal.SIGKILL)

    executor.on_begin(begin)
    run = executor.run(plan(f"call: {ORDINARY}", "hangup:"))
    assert failures(run) == [Failure.AGENT_CRASHED] * 2
    assert answers(trunk, "BYE") == [200]


def test_worker_that_hangs_is_ended(  # noqa: PLR0913, PLR0917 - fixtures
    executor: LocalExecutor,
    plan: Callable[..., Plan],
    trunk: EmbeddedTrunk,
    when: Callable[..., None],
    workers: list[WorkerProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a sign of life it is killed, and its call is ended for it."""
    monkeypatch.setattr(crew_module, "HANG_S", 1.5)
    when(acked, lambda: os.kill(workers[0].pid, signal.SIGSTOP))
    run = executor.run(plan(f"{{call: {ORDINARY}, hangup_after: 30s}}"))
    assert failures(run) == [Failure.AGENT_HUNG]
    assert "hang" in notes(run.cleanup, run.ran[0].tries[0])
    assert answers(trunk, "BYE") == [200]


def test_worker_that_stood_still_says_for_how_long(
    executor: LocalExecutor,
    plan: Callable[..., Plan],
    when: Callable[..., None],
    workers: list[WorkerProcess],
) -> None:
    """What it saw then, it saw late: the trace tells."""
    going_on = threading.Timer(0.4, lambda: os.kill(workers[0].pid, signal.SIGCONT))

    def stop() -> None:
        os.kill(workers[0].pid, signal.SIGSTOP)
        going_on.start()

    when(acked, stop)
    run = executor.run(plan(f"{{call: {ORDINARY}, hangup_after: 0.2s}}"))
    going_on.join()
    stood = [event for event in run.ran[0].tries[0].events if isinstance(event, Stalled)]
    assert max(event.seconds for event in stood) > 0.3
    assert failures(run) == [None]


def test_worker_that_hangs_at_the_end_is_told_as_an_alarm(
    executor: LocalExecutor,
    plan: Callable[..., Plan],
    trunk: EmbeddedTrunk,
    workers: list[WorkerProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its call is ended for it; its registration cannot be, and the user hears so."""
    monkeypatch.setattr(crew_module, "FINISH_S", 0.3)

    def again(_attempt: object, _trace: Trace) -> bool:
        os.kill(workers[0].pid, signal.SIGSTOP)
        return False

    executor.on_again(again)
    steps = ("register:", f"call: {ORDINARY}", "talk: 0.1s", "{options: , retry: {times: 1}}")
    run = executor.run(plan(*steps))
    assert codes(run) == [200, 200, None, 200]
    assert answers(trunk, "BYE") == [200]
    (alarm,) = run.alarms
    assert "its registration" in alarm
    assert "was not removed" in alarm


# -- workers that do not start ---------------------------------------------------------------------


def test_engine_that_does_not_load_is_an_error_of_the_installation(
    executor: LocalExecutor, plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No attempt is judged where pjsua2 is missing."""
    monkeypatch.setattr(
        begin_module, "_LAUNCH", "{path!r}; raise ModuleNotFoundError('no pjsua2 here')"
    )
    with pytest.raises(EngineMissingError, match="no pjsua2 here"):
        executor.run(plan("options:"))


def test_worker_that_dies_at_its_start_fails_the_attempt(
    executor: LocalExecutor, plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is a crash, told with the way in which it died."""
    monkeypatch.setattr(begin_module, "_LAUNCH", "{path!r}; import os; os.abort()")
    run = executor.run(plan("options:"))
    assert failures(run) == [Failure.AGENT_CRASHED]
    assert why(run.ran[0].tries[0]) == "our worker process ended by SIGABRT at its start"


def test_worker_that_never_is_ready_is_not_waited_for(
    executor: LocalExecutor, plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start has a limit."""
    monkeypatch.setattr(begin_module, "_LAUNCH", "{path!r}; import time; time.sleep(60)")
    monkeypatch.setattr(crew_module, "START_S", 0.2)
    run = executor.run(plan("options:"))
    assert failures(run) == [Failure.AGENT_CRASHED]
    assert "ended by SIGKILL at its start" in why(run.ran[0].tries[0])
