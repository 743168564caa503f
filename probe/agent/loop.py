"""The loop in which every action runs: let the stack work, look at the wire, look at the clock.

pjsip waits for ever after a 100 or a 180, reports silence after 32 s only, and never hears ICMP.
So every way out of a wait is one of: the stack says it is over, a deadline of ours passed, ICMP
says that nobody is there, or the supervisor wants us to stop.
"""

from collections.abc import Callable

from msgspec import Struct, field

from probe.agent.port import Trigger, UserAgent
from probe.agent.progress import Progress, Watched
from probe.agent.stalls import Stalls
from probe.plan.action import Account
from probe.trace.failure import Failure
from probe.trace.trace import AgentNote, Event, TransactionFailed

POLL_S = 0.01
"""Longest time the stack works before we look at the clock again."""

SETTLE_S = 4.0
"""Longest wait for the answer to a BYE or CANCEL of ours: T2 (RFC 3261 §17.1.1.1) is enough for a
peer that is there; the stack itself would repeat for 32 s."""


class CallLeg(Struct, kw_only=True):
    """One call as one side of it sees it."""

    progress: Progress
    "How far it got."

    over: bool = False
    "Whether the stack has done with it."

    ending: bool = False
    "Whether we are ending it."

    triggers: list[Trigger] = field(default_factory=list)
    "What the stack said of it."


class Loop:
    """One user agent, the calls that it has, and the ways to wait for something."""

    def __init__(
        self,
        agent: UserAgent,
        account: Account,
        *,
        clock: Callable[[], float],
        record: Callable[[Event], None],
        stopping: Callable[[], bool],
    ) -> None:
        self.agent = agent
        self.account = account
        self.clock = clock
        self.record = record
        self.stopping = stopping
        self.legs: dict[int, CallLeg] = {}
        "Calls by the handle that the agent knows."
        self.places: dict[int, int] = {}
        "Handles of calls that reached us, by the attempt that expects them."
        self.on_arrival: Callable[[Trigger], None] = lambda _trigger: None
        "Told of each INVITE that reaches us."
        self.on_follow: Callable[[Trigger], None] = lambda _trigger: None
        "Told of a call that a transfer made us place."
        self.on_turn: Callable[[], None] = lambda: None
        "Called after each turn: what is due is done."
        self.longest_turn = POLL_S
        "Longest turn while something is waited for; longer where somebody wakes us for it."
        self._watched = Watched()
        self._triggers: list[Trigger] = []
        self.stalls: Stalls | None = None
        "Notices where our process stood still; None where somebody else lets the stack work."

    def look_from_now(self) -> None:
        """Count no time against us that was before."""
        if self.stalls is not None:
            self.stalls.begin()

    def happened(self, event: Event) -> None:
        """Take note of an event; the worker passes each one on as it is recorded."""
        self._watched.see(event)

    def leg_of(self, call: int) -> tuple[int, CallLeg] | None:
        """Return handle and leg of a call by its attempt, whichever side of it we are."""
        handle = self.places.get(call, call)
        leg = self.legs.get(handle)
        return None if leg is None else (handle, leg)

    def watch(self, progress: Progress) -> Progress:
        """Follow one more attempt."""
        self._triggers.clear()
        return self.begin(progress)

    def begin(self, progress: Progress) -> Progress:
        """Follow what another side began, beside the attempt that is in progress."""
        progress.watched_at = self.clock()
        self._watched.begin(progress)
        return progress

    def unwatch(self, progress: Progress) -> None:
        """Follow an attempt no more."""
        self._watched.end(progress)

    def rest(self, progress: Progress) -> None:
        """Follow only the messages of an attempt that is through: its call may still be up."""
        self._watched.rest(progress)

    def turn(self, seconds: float = POLL_S) -> None:
        """Let the stack work once and sort what changed."""
        for trigger in self.agent.poll(seconds):
            leg = self.legs.get(trigger.handle)
            if trigger.kind == "incoming":
                self.on_arrival(trigger)
            elif trigger.kind == "followed":
                self.on_follow(trigger)
            elif trigger.kind in {"early", "confirmed", "disconnected"}:
                if leg is not None:
                    leg.triggers.append(trigger)
                    leg.over = leg.over or trigger.kind == "disconnected"
            else:
                self._triggers.append(trigger)
        if self.stalls is not None:
            self.stalls.looked(seconds)
        self.on_turn()

    def trigger(self, kind: str) -> Trigger | None:
        """Take the first waiting trigger of a kind."""
        for trigger in self._triggers:
            if trigger.kind == kind:
                self._triggers.remove(trigger)
                return trigger
        return None

    def until(self, done: Callable[[], bool], seconds: float) -> None:
        """Let the stack work until something holds, time is up, or we are told to stop.

        When the supervisor wants us to stop, what is due to the peer is still waited for.
        """
        limit = self.clock() + seconds
        while not done() and (left := limit - self.clock()) > 0:
            self.turn(min(left, self.longest_turn) if self.longest_turn > POLL_S else POLL_S)
            if self.stopping() and seconds != SETTLE_S:
                return

    def fail(  # noqa: PLR0913, PLR0917 - the fields of one event
        self,
        method: str,
        progress: Progress,
        failure: Failure,
        status: int | None,
        detail: str,
        deadline: str | None = None,
    ) -> None:
        """Record a failure."""
        self.record(
            TransactionFailed(
                at=self.clock(),
                method=method,
                call_id=progress.call_id or "",
                failure=failure,
                stack_status=status,
                detail=detail,
                deadline=deadline,
            )
        )

    def note(self, kind: str, detail: str) -> None:
        """Record a fact about our own side."""
        self.record(AgentNote(at=self.clock(), kind=kind, detail=detail))
