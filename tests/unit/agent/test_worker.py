"""The command loop over real pipes, with an agent that needs no library."""

import gc
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakeagent import ACCOUNT, CAPABILITIES, FakeAgent, trigger

from probe.agent import worker as module
from probe.agent.channel import decode, encode
from probe.agent.port import AgentError, Recorder
from probe.agent.worker import Worker, pjsua_agent
from probe.plan.action import Call, Register, Wait
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.trace.trace import AgentNote, Event, MessageReceived, MessageSent

OPEN = encode("open", account=ACCOUNT, epoch=0.0, port=5070)
STOP = encode("stop")
REPORT = MediaReport(
    call_id="c1",
    codec="PCMU",
    rx_packets=1,
    rx_lost=0,
    rx_reordered=0,
    rx_duplicates=0,
    rx_jitter_s=0.0,
    tx_packets=1,
    tx_lost=None,
    rtt_s=None,
)


class Pipes:
    """A worker between two pipes; the test is the supervisor."""

    def __init__(self) -> None:
        self.commands, self._command_end = os.pipe()
        self._answer_end, self.answers = os.pipe()
        self.agent = FakeAgent("REGISTER", record=self._pass_on)
        self.worker = Worker(
            self.commands,
            self.answers,
            make_agent=self._make,
            monotonic=lambda: self.agent.now,
        )
        self._record: Recorder

    def _make(self, clock: Callable[[], float], record: Recorder) -> FakeAgent:
        assert clock() == self.agent.now
        self._record = record
        return self.agent

    def _pass_on(self, event: Event) -> None:
        self._record(event)

    def tell(self, *lines: bytes) -> None:
        """Write commands."""
        for line in lines:
            os.write(self._command_end, line)

    def leave(self) -> None:
        """Close the supervisor's end of the commands, as its death does."""
        if self._command_end >= 0:
            os.close(self._command_end)
            self._command_end = -1

    def deafen(self) -> None:
        """Close the supervisor's end of the answers."""
        if self._answer_end >= 0:
            os.close(self._answer_end)
            self._answer_end = -1

    def said(self) -> list[dict[str, Any]]:
        """Return everything that the worker answered but signs of life."""
        os.close(self.answers)
        self.answers = -1
        with os.fdopen(self._answer_end, "rb") as lines:
            found = [decode(line) for line in lines]
        self._answer_end = -1
        return [answer for answer in found if answer["kind"] != "beat"]

    def close(self) -> None:
        """Close what is still open."""
        self.leave()
        self.deafen()
        os.close(self.commands)
        if self.answers >= 0:
            os.close(self.answers)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    """Yield a worker between two pipes."""
    made = Pipes()
    yield made
    made.close()


def kinds(answers: list[dict[str, Any]]) -> list[str]:
    """Return what kinds of answers came."""
    return [answer["kind"] for answer in answers]


def registered(pipes: Pipes) -> None:
    """Let the next REGISTER be accepted."""
    pipes.agent.on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, lambda wire: wire.receive(200)),
        (0.1, trigger("registration", 200)),
    )


def test_a_run_in_order(pipes: Pipes) -> None:
    """Each command is answered, and each event passed on before the action is done."""
    registered(pipes)
    pipes.tell(OPEN, encode("run", action=Register(attempt=3, account="trunk")), STOP)
    pipes.worker.serve()
    answers = pipes.said()
    assert kinds(answers) == ["hello", "ready", "event", "event", "done", "bye"]
    _, ready, sent, received, done, bye = answers
    assert (ready["capabilities"], ready["bound"]) == (CAPABILITIES, "192.0.2.10:5060")
    assert isinstance(sent["event"], MessageSent)
    assert isinstance(received["event"], MessageReceived)
    assert done == {
        "kind": "done",
        "attempt": 3,
        "call_id": "c1@192.0.2.10",
        "left": (),
        "began": 0.0,
        "ended": 0.1,
        "registered": True,
    }
    assert bye["registered"], "nobody answered the REGISTER that takes it away"
    assert pipes.agent.asked == ["start trunk", "open trunk 5070", "REGISTER", "REGISTER"]
    assert pipes.agent.closed


def test_an_account_that_cannot_be_opened(pipes: Pipes) -> None:
    """The reason is told, and the worker can still be stopped."""
    pipes.agent.refusals["open trunk 5070"] = AgentError(Failure.NO_ROUTE, None, "no route")
    pipes.tell(OPEN, STOP)
    pipes.worker.serve()
    assert pipes.said() == [
        {"kind": "hello"},
        {"kind": "refused", "failure": "NO_ROUTE", "detail": "no route"},
        {"kind": "bye", "registered": False},
    ]
    assert pipes.agent.asked == ["start trunk", "open trunk 5070"]
    assert pipes.agent.closed


def test_a_port_that_somebody_took_meanwhile_is_replaced(pipes: Pipes) -> None:
    """A successor is worth more than its predecessor's port."""
    pipes.agent.refusals["open trunk 5070"] = AgentError(Failure.LOCAL_PORT, None, "in use")
    pipes.tell(OPEN, STOP)
    pipes.worker.serve()
    assert pipes.agent.asked[:3] == ["start trunk", "open trunk 5070", "open trunk 0"]
    assert kinds(pipes.said()) == ["hello", "ready", "bye"]


def test_a_port_of_the_profile_is_not_replaced(pipes: Pipes) -> None:
    """Where no other port may be taken, the account cannot be opened."""
    for port in (5070, 0):
        pipes.agent.refusals[f"open trunk {port}"] = AgentError(Failure.LOCAL_PORT, None, "in use")
    pipes.tell(OPEN, STOP)
    pipes.worker.serve()
    assert pipes.said()[1] == {"kind": "refused", "failure": "LOCAL_PORT", "detail": "in use"}


def test_what_the_stack_can_do_is_asked_without_an_account(pipes: Pipes) -> None:
    """Capabilities need no account and bind nothing."""
    pipes.tell(encode("capabilities"), STOP)
    pipes.worker.serve()
    assert pipes.said()[1] == {"kind": "ready", "capabilities": CAPABILITIES, "bound": ""}
    assert pipes.agent.asked == ["start"]


def test_an_action_before_the_account(pipes: Pipes) -> None:
    """An action without an account is an error of the program."""
    pipes.tell(encode("run", action=Wait(attempt=0, account="", duration=1.0)))
    with pytest.raises(RuntimeError, match="run before open"):
        pipes.worker.serve()


def test_an_event_before_the_account(pipes: Pipes) -> None:
    """What the stack says while it starts is passed on as well."""
    note = AgentNote(at=0.0, kind="warning", detail="assertion")
    pipes.worker._record(note)
    assert pipes.said() == [{"kind": "event", "event": note}]


def test_a_message_that_left_later_than_it_was_told(pipes: Pipes) -> None:
    """Its correction goes with the next answer, and no other message is corrected by it."""
    sent = MessageSent(at=0.1, transport="UDP", local="", remote="", text="OPTIONS sip:b SIP/2.0")
    note = AgentNote(at=0.2, kind="warning", detail="next")
    pipes.worker._record(sent)
    pipes.worker._left(0.1, 0.125)
    pipes.worker._record(note)
    pipes.worker._left(0.1, 0.3)
    pipes.worker._record(note)
    assert pipes.said() == [
        {"kind": "event", "event": sent},
        {"kind": "left", "at": 0.125},
        {"kind": "event", "event": note},
        {"kind": "event", "event": note},
    ]


def test_a_command_that_nobody_knows(pipes: Pipes) -> None:
    """An unknown command is passed over."""
    pipes.tell(encode("dance"), STOP)
    pipes.worker.serve()
    assert kinds(pipes.said()) == ["hello", "bye"]


def test_an_abort_in_an_action(pipes: Pipes) -> None:
    """The action is broken off, the call ended and waited for, and the worker leaves."""
    pipes.agent.on(
        "INVITE",
        (0.0, lambda wire: wire.send("INVITE")),
        (0.5, lambda wire: wire.receive(180)),
        (1.0, lambda _: pipes.tell(encode("abort"))),
    )
    pipes.agent.on(
        "hangup",
        (0.0, lambda wire: wire.send("CANCEL")),
        (0.1, lambda wire: wire.receive(200)),
        (0.2, lambda wire: wire.receive(487, to="INVITE")),
        (0.2, trigger("disconnected", 487)),
    )
    call = Call(attempt=0, account="trunk", target="sip:1@198.51.100.1")
    pipes.tell(OPEN, encode("run", action=call))
    pipes.worker.serve()
    answers = pipes.said()
    assert kinds(answers) == ["hello", "ready", *["event"] * 2, "done", *["event"] * 3, "bye"]
    assert answers[4]["ended"] == pytest.approx(1.0, abs=0.02)
    assert pipes.agent.now == pytest.approx(1.2, abs=0.03)
    assert pipes.agent.closed


def test_the_supervisor_dies_in_an_action(pipes: Pipes) -> None:
    """A worker without a parent ends its action, cleans up and leaves."""
    pipes.agent.on("REGISTER", (1.0, lambda _: pipes.leave()))
    pipes.tell(OPEN, encode("run", action=Register(attempt=0, account="trunk")))
    pipes.worker.serve()
    assert kinds(pipes.said()) == ["hello", "ready", "done", "bye"]
    assert pipes.agent.now == pytest.approx(1.0, abs=0.02)
    assert pipes.agent.closed


def test_the_supervisor_is_gone_before_the_account(pipes: Pipes) -> None:
    """The end of the pipe alone ends the worker."""
    pipes.leave()
    pipes.worker.serve()
    assert kinds(pipes.said()) == ["hello", "bye"]
    assert pipes.agent.closed


def test_nobody_reads_the_answers(pipes: Pipes) -> None:
    """A broken pipe is noticed as the supervisor's end, and not an error."""
    pipes.deafen()
    pipes.worker.serve()
    assert pipes.agent.closed


def test_media_reports_between_actions(pipes: Pipes) -> None:
    """Statistics of calls that ended are passed on while nothing else happens, each once."""
    pipes.agent.reports = [REPORT]
    pipes.tell(OPEN)
    polls = []
    poll = pipes.agent.poll

    def stop_on_third(seconds: float) -> list[Any]:
        polls.append(seconds)
        if len(polls) == 3:
            pipes.tell(STOP)
        return poll(seconds)

    pipes.agent.poll = stop_on_third  # type: ignore[method-assign]  # the test stops the loop
    pipes.worker.serve()
    answers = pipes.said()
    assert kinds(answers) == ["hello", "ready", "media", "bye"]
    assert answers[2]["report"] == REPORT


def test_a_command_in_two_pieces(pipes: Pipes) -> None:
    """A line counts when its end has arrived."""
    pipes.agent.on("REGISTER", (0.5, lambda _: pipes.tell(STOP[4:])))
    pipes.tell(OPEN, encode("run", action=Register(attempt=0, account="trunk")), STOP[:4])
    pipes.worker.serve()
    assert kinds(pipes.said()) == ["hello", "ready", "event", "done", "bye"]


def test_signs_of_life(pipes: Pipes) -> None:
    """A beat is sent each half second while an action runs."""
    pipes.tell(OPEN, encode("run", action=Wait(attempt=0, account="", duration=2.02)), STOP)
    pipes.worker.serve()
    os.close(pipes.answers)
    pipes.answers = -1
    with os.fdopen(pipes._answer_end, "rb") as lines:
        beats = sum(decode(line)["kind"] == "beat" for line in lines)
    pipes._answer_end = -1
    assert beats in {3, 4}


# The process --------------------------------------------------------------------------------------


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Yield the codes with which the process would have ended."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(sys, "argv", ["worker", "3", "4"])
    yield codes
    gc.enable()


class Stub:
    """A worker that serves nothing, or fails."""

    error: BaseException | None = None

    def __init__(self, commands: int, answers: int) -> None:
        assert (commands, answers) == (3, 4)

    def serve(self) -> None:
        """Fail where a test wants it."""
        assert not gc.isenabled()
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [(None, 0), (RuntimeError("run before open"), 70), (KeyboardInterrupt("^C"), 70)],
    ids=["in order", "an error", "a signal"],
)
def test_the_process_ends_at_once(
    error: BaseException | None,
    code: int,
    exits: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whatever happened, the process ends without unwinding the library, and says why."""
    monkeypatch.setattr(Stub, "error", error)
    monkeypatch.setattr(module, "Worker", Stub)
    module.main()
    assert exits == [code]
    assert capfd.readouterr().err == (f"{type(error).__name__}: {error}\n" if error else "")


def test_the_module_is_a_program(exits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a program it reads its descriptors from the command line."""
    monkeypatch.setattr(sys, "argv", ["worker", "no descriptor", "4"])
    with pytest.raises(ValueError, match="no descriptor"):
        runpy.run_path(str(module.__file__), run_name="__main__")
    assert exits == []


@pytest.mark.pjsua2
def test_the_real_agent_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another word the worker drives pjsua2, with its own clock and recorder."""
    endpoint = pytest.importorskip("probe.agent.pjsua.endpoint")
    monkeypatch.setattr(endpoint, "PjsuaAgent", lambda clock, record: (clock(), record))
    found: Any = pjsua_agent(lambda: 7.0, print)
    assert found == (7.0, print)
