"""A worker process: one user agent, driven over a pipe, gone when it or its parent is.

The supervisor writes commands, the worker writes back every event the moment it is recorded. So
whatever happens to this process, the supervisor holds the trace up to the last message.

Commands: ``open`` (account, epoch, port; file and first line of a journal; a
folder for recordings), ``run`` (action),
``rest`` (finish what is up, stay for another ``open``), ``stop`` (finish what is up, leave) and
``abort`` (the same, and break off the action in progress).
End of the pipe means that the parent is gone: the worker then hangs up, un-registers and leaves.

With a ``seat`` the first four are for one of several plans in progress (see seats.py), and answers
name it, too; ``abort`` then breaks off that plan's action alone.

Answers: ``hello`` (process is up), ``ready`` (capabilities, bound), ``refused`` (could not open),
``event``, ``left`` (when the message of the event before it left), ``media``, ``beat`` (still
alive), ``done`` (action), ``rested``, ``bye`` (left in order).
"""

import gc
import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from probe.agent.channel import decode, encode
from probe.agent.failover import Hops
from probe.agent.port import AgentError, Recorder, UserAgent
from probe.agent.script import Script
from probe.agent.stalls import Stalls
from probe.plan.action import Account, Action
from probe.plan.capabilities import Capabilities
from probe.trace.builder import Repeats
from probe.trace.failure import Failure
from probe.trace.journal import DialogJournal
from probe.trace.trace import AgentNote, Event, MessageSent

if TYPE_CHECKING:
    from probe.agent.seats import Seats

BEAT_S = 0.5
"""Distance of the signs of life that the supervisor's watchdog looks for."""

IDLE_POLL_S = 0.01
"""How long the stack works between two looks at the pipe while no action runs."""


def pjsua_agent(clock: Callable[[], float], record: Recorder) -> UserAgent:
    """Return the real user agent."""
    from probe.agent.pjsua.endpoint import PjsuaAgent  # noqa: PLC0415 - 25 ms, after fork

    return PjsuaAgent(clock, record)


class Worker:
    """The command loop."""

    def __init__(
        self,
        commands: int,
        answers: int,
        *,
        make_agent: Callable[[Callable[[], float], Recorder], Any] = pjsua_agent,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_agent = make_agent
        self._monotonic = monotonic
        self._commands = commands
        self._answers = answers
        self._buffer = b""
        self._waiting: list[dict[str, Any]] = []
        self._epoch = monotonic()
        self._last_beat = 0.0
        self._last: dict[str, object] = {}
        "The last answer."
        self._departure = b""
        "A correction that goes with the next answer."
        self._aborted = False
        self._gone = False
        self._repeats = Repeats()
        self._script: Script | None = None
        self._agent: Any = None
        self._journal: DialogJournal | None = None
        self._opened: Account | None = None
        self._settled: Account | None = None
        self._seats: Seats | None = None

    def serve(self) -> None:
        """Carry out commands until told to stop."""
        self._agent = self._make_agent(self._clock, self._record)
        if hasattr(self._agent, "tell_departures"):
            self._agent.tell_departures(self._left)
        self.answer("hello")
        while not self.gone:
            command = self._next_command()
            if command is None:
                continue
            if command["kind"] == "stop" and not command.get("seat"):
                break
            self._carry_out(command)
        if self._script is not None:
            self._script.finish()
            self._agent.close()
            self._pass_media()
        else:
            self._agent.close()
        if self._journal is not None:
            self._journal.close()
        registered = self._script is not None and self._script.registered
        self.answer("bye", registered=registered)

    def _carry_out(self, command: dict[str, Any]) -> None:
        """Carry out one command."""
        kind = command["kind"]
        if command.get("seat"):
            self._seat(command)
        elif kind == "open":
            self._open(command)
        elif kind == "run":
            self._run(command["action"])
        elif kind == "capabilities":
            self._agent.start()
            self.answer("ready", capabilities=self._agent.capabilities(), bound="")
        elif kind == "rest":
            self._rest()

    def _open(self, command: dict[str, Any]) -> None:
        """Set the account up for one plan."""
        hops = self._set_out(command)
        if hops is None or self._settled is None:
            return
        self._script = Script(
            self._agent,
            self._settled,
            clock=self._clock,
            record=self._record,
            stopping=self._stopping,
            hops=hops,
        )
        self._script.stalls = Stalls(self._clock, self._record)
        capabilities: Capabilities = self._agent.capabilities()
        self.answer("ready", capabilities=capabilities, bound=self._agent.bound)

    def _set_out(self, command: dict[str, Any]) -> Hops | None:
        """Open the account and what belongs to it; None where it cannot be opened."""
        account: Account = command["account"]
        self._epoch = command["epoch"]
        if command.get("recordings"):
            self._agent.record_into(Path(command["recordings"]))
        if command.get("journal"):
            self._journal = DialogJournal(Path(command["journal"]), command["journal_header"])
        try:
            hops = self._hops_of(account)
            settled = hops.settle()
            if account != self._opened:  # a worker that rested has it open
                self._agent.aim(hops.wanted, hops.target, plain=hops.plain)
                self._bind(settled, command["port"])
                self._opened, self._settled = account, settled
        except AgentError as error:
            seat = {"seat": command["seat"]} if command.get("seat") else {}
            self.answer("refused", failure=error.failure, detail=error.detail, **seat)
            return None
        return hops

    def _seat(self, command: dict[str, Any]) -> None:
        """Carry out several plans at once from here on, until the worker as a whole is wanted."""
        from probe.agent.seats import Seats  # noqa: PLC0415 - only where several are wanted

        if command["kind"] != "open" or self._set_out(command) is None:
            return
        self.answer(
            "ready",
            seat=command["seat"],
            capabilities=self._agent.capabilities(),
            bound=self._agent.bound,
        )
        self._waiting.insert(0, {"kind": "open", "seat": command["seat"]})
        account = self._settled or command["account"]
        self._seats = Seats(self._agent, account, self, clock=self._clock, keep=self._keep)
        try:
            self._seats.serve()
            if self.gone or self._waiting[0]["kind"] == "stop":
                self._seats.leave()
        finally:
            self._seats = None
            if self._journal is not None:
                self._journal.close()
                self._journal = None

    def _hops_of(self, account: Account) -> Hops:
        """Return the servers of an account; one that is open keeps the transport that it has."""
        if account == self._opened and self._settled is not None:
            account = replace(self._settled, any_transport=False)
        else:
            self._agent.start(account)
        six = self._agent.capabilities().ipv6
        return Hops(account, self._clock, self._record, ipv6=six)

    def _rest(self) -> None:
        """Finish what is up, forget it, and wait to be opened again for the same account."""
        if self._script is None:
            raise RuntimeError("rest before open")
        self._script.finish()
        registered = self._script.registered
        self._script = None
        self._agent.poll(0.0)
        self._pass_media()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self._repeats = Repeats()
        self.answer("rested", registered=registered)

    def _bind(self, account: Account, port: int) -> None:
        """Open the account at a dead predecessor's port, or at another where that is taken by now.

        The system gives freed ports to whoever asks next.
        """
        try:
            self._agent.open(account, local_port=port)
        except AgentError as error:
            if error.failure is not Failure.LOCAL_PORT or not port:
                raise
            self._agent.open(account, local_port=0)

    def _run(self, action: Action) -> None:
        """Carry out one action."""
        if self._script is None:
            raise RuntimeError("run before open")
        done = self._script.run(action)
        self._pass_media()
        self.answer(
            "done",
            attempt=action.attempt,
            call_id=done.call_id,
            left=done.left,
            began=done.began,
            ended=done.ended,
            registered=self._script.registered,
        )

    def _pass_media(self) -> None:
        for report in self._agent.media():
            self.answer("media", report=report)

    # Pipe --------------------------------------------------------------------------------------

    @property
    def gone(self) -> bool:
        """Whether the supervisor is gone, or wants all that is in progress to end."""
        return self._gone or self._aborted

    @property
    def commands(self) -> int:
        """Descriptor of what the supervisor says."""
        return self._commands

    def take(self) -> list[dict[str, Any]]:
        """Return the commands that have come."""
        self._read(0.0)
        found, self._waiting = self._waiting, []
        return found

    def pushed_back(self, commands: list[dict[str, Any]]) -> None:
        """Take commands back that are not for seats."""
        self._waiting = commands

    def _next_command(self) -> dict[str, Any] | None:
        """Return the next command; let the stack work meanwhile."""
        if self._waiting:
            return self._waiting.pop(0)
        self._read(0.0 if self._script is not None else 0.2)
        if self._waiting:
            return self._waiting.pop(0)
        if self._script is not None:
            self._script.idle(IDLE_POLL_S)  # no listening here: a call may be about to arrive
        self.beat()
        return None

    def _stopping(self) -> bool:
        """Whether the supervisor wants the action in progress to end; called in every turn."""
        self.beat()
        self._read(0.0)
        return self._aborted or self._gone

    def _read(self, seconds: float) -> None:
        """Take what is in the pipe."""
        ready, _, _ = select.select([self._commands], [], [], seconds)
        if not ready:
            return
        data = os.read(self._commands, 65536)
        if not data:
            self._gone = True
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for command in map(decode, lines):
            if command["kind"] == "abort" and not command.get("seat"):
                self._aborted = True
            else:
                self._waiting.append(command)

    def answer(self, kind: str, **fields: object) -> None:
        """Write one answer; a parent that is gone is noticed and not an error."""
        line = self._departure + encode(kind, **fields)
        self._departure = b""
        self._last = fields
        try:
            while line:
                line = line[os.write(self._answers, line) :]
        except BrokenPipeError:
            self._gone = True

    def _left(self, at: float, left_at: float) -> None:
        """Correct the time of the message that was told last: it leaves now.

        It is told before it leaves, so that nothing is on the wire of which nobody knows, and the
        telling takes its time: more of it where somebody else gets the processor meanwhile. The
        correction goes with the next answer; a worker that dies before owes nobody a microsecond.
        """
        event = self._last.get("event")
        if isinstance(event, MessageSent) and event.at == at:
            seat = {"seat": self._last["seat"]} if "seat" in self._last else {}
            self._departure = encode("left", at=left_at, **seat)

    def beat(self) -> None:
        """Give a sign of life where it is time to."""
        now = self._monotonic()
        if now - self._last_beat >= BEAT_S:
            self._last_beat = now
            self.answer("beat")

    def _clock(self) -> float:
        return self._monotonic() - self._epoch

    def _record(self, event: Event) -> None:
        """Keep an event and pass it on at once; called from inside the library."""
        if self._seats is not None:
            self._seats.record(event)
            return
        recorded = self._repeats.marked(event)
        self._keep(recorded)
        self.answer("event", event=recorded)
        if self._script is not None:
            self._script.happened(recorded)

    def _keep(self, event: Event) -> None:
        """Write down what an event changes of what is up."""
        if self._journal is not None:
            self._write_down(self._journal, event)

    def _write_down(self, journal: DialogJournal, event: Event) -> None:
        """Keep what a killed run would leave up; say once where that is not possible."""
        known = journal.fault
        journal.happened(event)
        if journal.fault is not None and known is None:
            self._record(
                AgentNote(
                    at=self._clock(),
                    kind="warning",
                    detail=f"calls that are up cannot be written down ({journal.fault}): after a"
                    " kill nobody could end them",
                )
            )


def main() -> None:
    """Serve on the two descriptors that the supervisor passed."""
    with suppress(AttributeError, OSError):  # what the supervisor chose is for itself alone
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    gc.disable()  # collection on a foreign thread would touch native objects
    worker = Worker(int(sys.argv[1]), int(sys.argv[2]))
    code = 0
    try:
        worker.serve()
    except BaseException as error:  # noqa: BLE001 - whatever it is, native objects must not be unwound
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        code = 70
    sys.stderr.flush()
    os._exit(code)  # the only clean way out with a native library loaded


if __name__ == "__main__":
    main()
