"""The workers of one plan: hired at first use, watched, replaced where they die, sent home."""

import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from msgspec import Struct, field

from probe.executor.janitor import tidy
from probe.executor.living import ours
from probe.executor.orphan import OpenCall, end_call, open_calls, unheard_invites
from probe.executor.process import WorkerProcess
from probe.executor.taken import end_taken, taken_calls
from probe.plan.action import Account, Action, Call, Expect, Register, Take
from probe.sip.message import SipMessage
from probe.trace.builder import EventLog
from probe.trace.failure import Failure
from probe.trace.journal import PATTERN, append_event
from probe.trace.media import MediaReport
from probe.trace.trace import UNACKNOWLEDGED, AgentNote, Event, IcmpReceived, TransactionFailed

if TYPE_CHECKING:
    from probe.executor.bench import Seat

HANG_S = 12.0
"""A worker that gives no sign of life for so long is ended; pjsip's longest blocking call that
we know of, a dead STUN server, takes 7.9 s."""

START_S = 10.0
"""Longest start of a worker; it takes 20 to 65 ms after the interpreter is up."""

FINISH_S = 12.0
"""Longest orderly end: a BYE and an un-REGISTER, 4 s each, and some."""

CALLS_A_WORKER = 100
"""Calls after which a worker is not taken into the next plan: a native library that has met strange
answers is trusted for so long and no longer. A new one costs 0.1 s."""

_LOOK_S = 0.1
"""Distance of two looks at the clock while nothing is heard."""

_LOOK_AMONG_MANY_S = 0.25
"""The same where many plans are in progress, each of which is woken for its news."""


Process: TypeAlias = Union[WorkerProcess, "Seat"]
"""A process of our own, or a seat in one that carries several plans."""


class EngineMissingError(Exception):
    """No worker could be started: pjsua2 is missing or does not load."""


class Worker(Struct, kw_only=True):
    """A worker and what its supervisor knows of it."""

    account: Account
    "The account that it speaks for."

    process: Process
    "Its process."

    log: EventLog
    "Everything it recorded; a successor writes on in it."

    since: int
    "Where its own events begin in the log."

    media: dict[str, list[MediaReport]] = field(default_factory=dict)
    "Statistics of streams that ended, by Call-ID."

    bound: str = ""
    "Its address as ip:port."

    ready: bool = False
    "Whether its account is open."

    registered: bool = False
    "Whether a registration of ours stands."

    resting: bool = False
    "Whether nothing of it is up and it waits for another plan."

    left: bool = False
    "Whether it went home in order."

    refused: tuple[Failure, str] | None = None
    "Why its account could not be opened."

    done: dict[str, Any] | None = None
    "Its answer to the last action."

    journal: Path | None = None
    "Where it writes down what is up, or None."

    def alive(self) -> bool:
        """Whether it can still be heard."""
        return not self.process.ended

    def begin(self, action: Action) -> None:
        """Tell it to carry out an action."""
        self.done = None
        self.process.calls += isinstance(action, Call | Expect | Take)
        self.process.heard_at = time.monotonic()
        self.process.send("run", action=action)

    def finished(self) -> bool:
        """Whether it has carried out the last action."""
        return self.done is not None


class JournalPlace(Struct, frozen=True, kw_only=True):
    """Where workers write down what is up."""

    folder: Path
    "A folder that is there already."

    run: str
    "The run's name."

    recordings: Path | None = None
    "Where calls may be recorded: the run's folder; None where a run has none."


class Crew:
    """All workers of one plan."""

    def __init__(
        self,
        clock: Callable[[], float],
        epoch: float,
        place: JournalPlace | None = None,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        """``wait`` lets other plans go on until one of our workers says something that matters."""
        self._wait = wait
        self._look = _LOOK_S if wait is None else _LOOK_AMONG_MANY_S
        self._clock = clock
        self._epoch = epoch
        self._place = place
        self._journals: list[tuple[Worker, Path]] = []
        self._workers: dict[str, Worker] = {}
        self._logs: dict[str, EventLog] = {}
        self._seen_to: set[tuple[str, int]] = set()
        self.alarms: list[str] = []
        "What a user must look at by hand: a call or registration that could not be ended."
        self.version = ""
        "pjproject's version, known once a worker was ready."

    def log(self, account: str) -> EventLog:
        """Return the log of an account."""
        return self._logs.setdefault(account, EventLog())

    def logs(self) -> tuple[EventLog, ...]:
        """Return every log."""
        return tuple(self._logs.values())

    def media(self, account: str, call_id: str) -> tuple[MediaReport, ...]:
        """Return the statistics of the streams of an account's call."""
        worker = self._workers.get(account)
        return tuple(worker.media.get(call_id, ())) if worker else ()

    def media_between(self, account: str, began: float, ended: float) -> tuple[MediaReport, ...]:
        """Return the statistics of an account's calls that were up in a stretch of time."""
        worker = self._workers.get(account)
        if worker is None:
            return ()
        return tuple(
            report
            for reports in worker.media.values()
            for report in reports
            if report.agreed
            and report.agreed[0].at < ended
            and max(report.rx_last_at or 0.0, report.tx_last_at or 0.0) > began
        )

    def worker(self, account: Account, spare: Callable[[], Process | None]) -> Worker:
        """Return the account's worker, hired or replaced where there is none alive.

        ``spare`` gives a worker that was started ahead of need, if there is one.

        A successor takes the port of the dead worker, so that its contact is the same, and
        registers where that one was registered.
        """
        old = self._workers.get(account.name)
        if old is not None and old.alive():
            return old
        port = int(old.bound.rpartition(":")[2] or 0) if old else 0
        fresh = self._hire(account, port, spare())
        if old is not None:
            note = f"a new worker took over at {fresh.bound or 'no port'}"
            fresh.log.add(AgentNote(at=self._clock(), kind="restart", detail=note))
            fresh.media = old.media
            fresh.registered = old.registered
            if old.registered and fresh.ready:
                self.carry_out(
                    fresh, Register(attempt=-1, account=account.name, expires=account.expires)
                )
        return fresh

    def carry_out(
        self, worker: Worker, action: Action, over: Callable[[], bool] = lambda: False
    ) -> Failure | None:
        """Let a worker run one action; return what cut it short, or None.

        ``over`` says that the run was interrupted or that its time is up: then every worker is
        told to end what it does, and None is returned as soon as this one did.
        """
        worker.begin(action)
        aborted = False
        while not worker.finished() and worker.alive():
            self.pump(self._look)
            if not aborted and over():
                aborted = True
                for other in self._workers.values():
                    other.process.send("abort")
            process = worker.process
            if not process.hung and time.monotonic() - process.heard_at > HANG_S:
                process.hung = True
                process.kill()
        if worker.finished():
            return None
        return Failure.AGENT_HUNG if worker.process.hung else Failure.AGENT_CRASHED

    def bury(self, worker: Worker, *, hung: bool) -> str:
        """Note a worker's death and end the calls that it left behind; return how it died."""
        ending = worker.process.close()
        if hung:
            ending = f"gave no sign of life for {HANG_S:g} s and was {ending}"
        worker.log.add(
            AgentNote(at=self._clock(), kind="hang" if hung else "crash", detail=f"worker {ending}")
        )
        self._end_calls(worker)
        return ending

    def pump(self, seconds: float) -> None:
        """Take what any worker has to say, for at most so long."""
        if self._wait is not None:
            if not self._hear_all():
                self._wait(seconds)
                self._hear_all()
            return
        with selectors.DefaultSelector() as selector:
            for worker in self._workers.values():
                if worker.alive():
                    selector.register(worker.process, selectors.EVENT_READ, worker)
            if not selector.get_map():
                time.sleep(min(seconds, _LOOK_S))
                return
            for key, _ in selector.select(seconds):
                self._hear(key.data)

    def send_home(self, *, stay: bool = False) -> None:
        """Let every worker hang up, un-register and leave; end those that do not.

        With ``stay`` a worker that met no trouble and has not carried too many calls finishes and
        waits for another plan instead: what comes late of a fault would be taken for that plan's.
        """
        for worker in self._workers.values():
            if worker.alive():
                stays = stay and _untroubled(worker) and worker.process.calls < CALLS_A_WORKER
                worker.process.send("rest" if stays else "stop")
        limit = time.monotonic() + FINISH_S
        while any(map(_is_busy, self._workers.values())) and time.monotonic() < limit:
            self.pump(self._look)
        for worker in self._workers.values():
            if worker.resting:
                continue
            worker.process.close()
            if not worker.left:
                self._end_calls(worker)
            if worker.registered:
                self.alarms.append(
                    f"{worker.account.name}: its registration at {worker.account.registrar} was not"
                    f" removed; it ends by itself after {worker.account.expires} s"
                )

    def end(self) -> None:
        """End every process that is still there, whatever happened before.

        One that nobody sent home notices the end of its pipe, hangs up, un-registers and leaves.
        """
        for worker in self._workers.values():
            if not worker.resting:
                worker.process.close(FINISH_S)
        self._tidy()

    def resting(self) -> tuple[tuple[Account, Process], ...]:
        """Return the workers that wait for another plan, each with the account that it has open."""
        return tuple((w.account, w.process) for w in self._workers.values() if w.resting)

    def _hire(self, account: Account, port: int, spare: Process | None) -> Worker:
        """Start a worker and open its account."""
        process: Process = spare or WorkerProcess()
        log = self.log(account.name)
        worker = Worker(account=account, process=process, log=log, since=len(log))
        self._workers[account.name] = worker
        process.send(
            "open",
            account=account,
            epoch=self._epoch,
            port=port,
            recordings=str((self._place and self._place.recordings) or ""),
            **self._journal_of(worker),
        )
        limit = time.monotonic() + START_S
        while worker.alive() and not worker.ready and worker.refused is None:
            if time.monotonic() > limit:
                process.kill()
            self.pump(self._look)
        if not worker.alive():
            ending = process.close()
            if "ModuleNotFoundError" in ending or "ImportError" in ending:
                raise EngineMissingError(f"pjsua2 cannot be loaded ({ending})")
            worker.refused = (Failure.AGENT_CRASHED, f"our worker process {ending} at its start")
        return worker

    def _journal_of(self, worker: Worker) -> dict[str, object]:
        """Return where a worker writes down what is up, and the first line of that file.

        Calls on the embedded trunk end with the run: it lives in the run's own process.
        """
        if self._place is None or worker.account.embedded:
            return {}
        known = worker.process.journal
        if known is not None:  # of a process that others have begun to use
            worker.journal = known
            self._journals.append((worker, known))
            return {}
        pid = worker.process.pid
        worker.journal = self._place.folder / PATTERN.replace("*", str(pid))
        self._journals.append((worker, worker.journal))
        worker.process.writes_down(worker.journal)
        supervisor = ours()
        header = {
            "run": self._place.run,
            "supervisor": {"pid": supervisor.pid, "born": supervisor.born},
            "worker": {"pid": pid, "born": worker.process.born},
            "aor": worker.account.aor,
        }
        return {"journal": str(worker.journal), "journal_header": header}

    def _tidy(self) -> None:
        """Remove the journals of workers that are gone and of which nothing is up."""
        for worker, path in self._journals:
            if worker.process.ended and path.exists():
                heir = self._workers.get(worker.account.name, worker)
                tidy(path, registered=heir.registered)

    def _hear_all(self) -> bool:
        """Sort what the workers' seats have heard; return whether that was anything."""
        return sum(self._hear(worker) for worker in self._workers.values()) > 0

    def _hear(self, worker: Worker) -> int:
        """Sort one worker's answers and return how many there were."""
        answers = worker.process.read()
        for answer in answers:
            kind: str = answer["kind"]
            if kind == "event":
                worker.log.add(answer["event"])
            elif kind == "left":
                worker.log.left(float(answer["at"]))
            elif kind == "media":
                report: MediaReport = answer["report"]
                worker.media.setdefault(report.call_id, []).append(report)
            elif kind == "ready":
                worker.ready = True
                worker.bound = answer["bound"]
                self.version = answer["capabilities"].version
            elif kind == "refused":
                worker.refused = (Failure(answer["failure"]), answer["detail"])
            elif kind == "done":
                worker.done = answer
                worker.registered = bool(answer["registered"])
            elif kind in {"rested", "bye"}:
                _hear_the_end(worker, answer)
            elif kind == "garbage":
                worker.log.add(AgentNote(at=self._clock(), kind="warning", detail=answer["detail"]))
        return len(answers)

    def _end_calls(self, worker: Worker) -> None:
        """Send the BYE or CANCEL that a worker still owes; tell what cannot be ended."""
        events = worker.log.all(worker.since)
        for invite in unheard_invites(events):
            if self._is_news(invite):
                self.alarms.append(
                    f"{worker.account.name}: an INVITE to {invite.request_uri} had left when our"
                    " worker died, and nothing had come back: a phone there may ring"
                )

        for taken in taken_calls(events):
            if self._is_news(taken.invite) and not end_taken(
                taken, self._clock, lambda event: _record(worker, event)
            ):
                self.alarms.append(f"{worker.account.name}: a call that reached it may still be up")
        self._end_placed(worker, open_calls(events))

    def end_unacknowledged(self, worker: Worker, call_id: str) -> None:
        """End a call that a living worker's stack can neither acknowledge nor end."""
        events = worker.log.about({call_id}, 1.0, 0.0)
        if any(isinstance(e, TransactionFailed) and e.detail == UNACKNOWLEDGED for e in events):
            self._end_placed(worker, open_calls(events))

    def _end_placed(self, worker: Worker, calls: tuple[OpenCall, ...]) -> None:
        """Send the BYE or CANCEL of calls that we placed; tell what cannot be ended."""
        for call in calls:
            if self._is_news(call.invite) and not end_call(
                call, self._clock, lambda event: _record(worker, event), self._wait
            ):
                self.alarms.append(
                    f"{worker.account.name}: the call to {call.invite.request_uri} may still be up"
                )

    def _is_news(self, invite: SipMessage) -> bool:
        """Whether a call was not seen to before; a log outlives its workers, and one CANCEL is due.

        An INVITE that was cancelled for a dead worker stays unanswered in the log: nobody was
        there to take its 487.
        """
        key = (invite.call_id, invite.cseq[0])
        known = key in self._seen_to
        self._seen_to.add(key)
        return not known


def _record(worker: Worker, event: Event) -> None:
    """Keep what is done for a worker that cannot do it itself, in its log and its journal."""
    worker.log.add(event)
    if worker.journal is not None:
        with suppress(OSError):
            append_event(worker.journal, event, time.time())


def _hear_the_end(worker: Worker, answer: dict[str, Any]) -> None:
    """Take note that a worker has finished; one that could not un-register leaves all the same."""
    if worker.ready:  # another one knows nothing of its predecessor's registration
        worker.registered = bool(answer["registered"])
    worker.left = answer["kind"] == "bye"
    worker.resting = not worker.left and not worker.registered
    if not worker.left and worker.registered:
        worker.process.send("stop")


def _is_busy(worker: Worker) -> bool:
    return worker.alive() and not worker.resting


def _untroubled(worker: Worker) -> bool:
    """Whether a worker has an open account, and nothing of the network failed while it worked."""
    faults = TransactionFailed | IcmpReceived | AgentNote
    return worker.ready and not any(isinstance(event, faults) for event in worker.log.all())
