"""Several plans at once on one user agent: a seat for each, all in one process on one account.

A script is written as what blocks: it lets the stack work until something holds. Here each script
runs in a greenlet of its own, and where it would let the stack work it gives way to the hub
instead. The hub alone polls the stack; it gives each trigger and each message to the seat that it
concerns, and lets a seat go on when something came for it or its time has come. It does so between
two polls and never from inside the library, whose callbacks only add to lists.

What is whose: a trigger carries the handle of its call, and handles of different seats never meet;
a message has a Call-ID, which belongs to the seat that first sent it; an ICMP error quotes the
datagram that it answers. What concerns the connection concerns every seat.
"""

import select
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from greenlet import greenlet

from probe.agent.called import UNEXPECTED_STATUS
from probe.agent.failover import Hops
from probe.agent.inbox import Inbox
from probe.agent.port import Trigger, UserAgent
from probe.agent.script import Script
from probe.agent.shared import PLACES, Aim, SharedAgent
from probe.agent.stalls import Stalls
from probe.plan.action import Account, Manner
from probe.trace.builder import Repeats
from probe.trace.trace import (
    UNEXPECTED,
    AgentNote,
    BytesDropped,
    Event,
    IcmpReceived,
    MessageReceived,
    MessageSent,
    TransportChanged,
)

LONGEST_S = 0.01
"""Longest time between two looks at the stack while a seat is taken: it has timers of its own."""

LONGEST_TURN_S = 0.25
"""Longest time that a seat lies still while it waits for what the hub would wake it for."""

IDLE_S = 0.2
"""The same while no seat is taken."""

ROOM_S = 5.0
"""Longest wait for a place in the stack: it frees that of a call some time after its end."""

_CALLS_KNOWN = 4096
"""Call-IDs of seats that were left, kept so that what comes late is not taken for another's."""


class Pipe(Protocol):
    """What a worker process has to its supervisor."""

    @property
    def commands(self) -> int:
        """Descriptor of what the supervisor says."""
        ...

    def take(self) -> list[dict[str, Any]]:
        """Return the commands that have come."""
        ...

    def answer(self, kind: str, **fields: object) -> None:
        """Write one answer."""
        ...

    def beat(self) -> None:
        """Give a sign of life where it is time to."""
        ...

    def pushed_back(self, commands: list[dict[str, Any]]) -> None:
        """Take commands back that are not for seats."""
        ...

    @property
    def gone(self) -> bool:
        """Whether the supervisor is gone."""
        ...


class Seat:
    """One plan in progress on the shared agent."""

    def __init__(self, number: int, hub: "Seats") -> None:
        self.number = number
        self.agent = hub.agent
        self._hub = hub
        self.orders: deque[dict[str, Any]] = deque()
        self.triggers: list[Trigger] = []
        self.wake_at = 0.0
        "When it goes on even if nothing comes, on the worker's clock."
        self.stirred = False
        "Whether something came for it."
        self.aborted = False
        "Whether what it does is to end."
        self.calls: list[str] = []
        "Its Call-IDs."
        self.sent = ""
        "The last request that it sent outside a dialog."
        self.repeats = Repeats()
        self.script: Script | None = None
        self.greenlet = greenlet(hub.live)

    def pause(self, seconds: float) -> list[Trigger]:
        """Give way until something comes for the seat, for at most so long; return its triggers."""
        return self._hub.pause(self, seconds)

    def set(self, timeout: float, aim: Aim | None) -> None:
        """Let the next request have this timeout, and go to this server."""
        self._hub.set(timeout, aim)

    def wait_for_room(self) -> None:
        """Wait until the stack has room for one more call."""
        self._hub.wait_for_room(self)


class Seats:
    """The hub: who sits there, and what came for whom."""

    def __init__(
        self,
        agent: UserAgent,
        account: Account,
        pipe: Pipe,
        *,
        clock: Callable[[], float],
        keep: Callable[[Event], None],
    ) -> None:
        """``keep`` writes down what a killed run would leave up."""
        self.agent = agent
        self.clock = clock
        self._account = account
        self._pipe = pipe
        self._keep = keep
        self._seats: dict[int, Seat] = {}
        self._owners: dict[str, Seat | None] = {}
        self._hub = greenlet.getcurrent()
        self._running: Seat | None = None
        self._last: Seat | None = None
        self._next = 0.0
        self._aim: Aim | None = None
        self._timeout = -1.0
        agent.answer_by(Inbox(()).decide)
        self._stalls = Stalls(clock, self._tell_everybody)
        self._poll = select.poll()
        self._poll.register(pipe.commands, select.POLLIN)
        self._descriptor = getattr(agent, "descriptor", None)
        if self._descriptor is not None:
            self._poll.register(self._descriptor, select.POLLIN)

    # The hub -----------------------------------------------------------------------------------

    def serve(self) -> None:
        """Carry out what seats are told until somebody wants the worker as a whole."""
        waits, heard = 0.0, True
        self._stalls.begin()
        while not self._pipe.gone:
            if heard and not self._take():
                return
            waits = self._run_ready()
            heard = self._let_work(waits)
            self._pipe.beat()

    def _take(self) -> bool:
        """Pass commands on to their seats; return False where one is not for a seat."""
        commands = self._pipe.take()
        for place, command in enumerate(commands):
            if not command.get("seat"):
                self._pipe.pushed_back(commands[place:])
                return False
            self._order(command)
        return True

    def leave(self) -> None:
        """Let every seat finish what is up: the supervisor is gone, or wants the worker to end."""
        for seat in self._seats.values():
            seat.orders.clear()
            seat.orders.append({"kind": "rest"})
            seat.aborted = seat.stirred = True
        self._next = 0.0
        while self._seats:
            self._let_work(self._run_ready())
            self._pipe.beat()

    def _order(self, command: dict[str, Any]) -> None:
        """Pass a command on to its seat."""
        number = command["seat"]
        seat = self._seats.get(number)
        if command["kind"] == "open":
            seat = self._seats[number] = Seat(number, self)
            if "account" in command:  # one that came before it was known to be open
                agent = self.agent
                self._pipe.answer(
                    "ready", seat=number, capabilities=agent.capabilities(), bound=agent.bound
                )
        elif seat is None:
            return
        elif command["kind"] == "abort":
            seat.aborted = True
        else:
            seat.orders.append(command)
        seat.stirred = True
        self._next = 0.0

    def _run_ready(self) -> float:
        """Let every seat go on for which something came; return the seconds until the next is due.

        A seat that another one stirs, or whose turn was an empty one, goes on after the next poll.
        """
        now = self.clock()
        if now < self._next:
            return self._next - now
        self._next = float("inf")
        for seat in tuple(self._seats.values()):
            if seat.stirred or seat.wake_at <= now:
                seat.stirred = False
                self._running = seat
                seat.greenlet.switch(seat)
                self._running = None
                if seat.greenlet.dead:
                    self._left(seat)
                    continue
            self._next = min(self._next, 0.0 if seat.stirred else seat.wake_at)
        return max(0.0, self._next - self.clock())

    def _let_work(self, seconds: float) -> bool:
        """Let the stack work, sleep no longer than that; return whether to look at the pipe."""
        longest = LONGEST_S if self._seats else IDLE_S
        wait = min(seconds, longest)
        heard = True
        if self._descriptor is None:
            triggers = self.agent.poll(min(wait, LONGEST_S))
        else:
            ready = self._poll.poll(wait * 1000)
            heard = any(descriptor == self._pipe.commands for descriptor, _ in ready)
            self.read_errors()
            triggers = self.agent.poll(0.0)
        self._stalls.looked(wait)
        for trigger in triggers:
            self._trigger(trigger)
        return heard

    def _trigger(self, trigger: Trigger) -> None:
        if trigger.kind == "incoming":
            self._refuse(trigger)
            return
        seat = self._seats.get(trigger.handle >> PLACES)
        if seat is not None:
            seat.triggers.append(trigger)
            self._stir(seat)

    def _stir(self, seat: Seat) -> None:
        seat.stirred = True
        self._next = 0.0

    def _refuse(self, trigger: Trigger) -> None:
        """Refuse a call that reached us: no plan that expects one shares its agent."""
        words = f"a call that no step expects reached {self._account.name}"
        self.agent.answer(trigger.handle, UNEXPECTED_STATUS, Manner())
        note = AgentNote(
            at=self.clock(), kind=UNEXPECTED, detail=f"{words}: refused with {UNEXPECTED_STATUS}"
        )
        for seat in tuple(self._seats.values())[:1]:
            self._tell(seat, note)

    # One seat ----------------------------------------------------------------------------------

    def live(self, seat: Seat) -> None:
        """Carry out one action of a plan after the other; runs in the seat's greenlet."""

        def record(event: Event) -> None:
            self._keep(event)
            self._tell(seat, event)

        hops = Hops(self._account, self.clock, record, ipv6=self.agent.capabilities().ipv6)
        hops.settle()
        script = seat.script = Script(
            SharedAgent(seat, seat.number),
            self._account,
            clock=self.clock,
            record=record,
            stopping=lambda: seat.aborted or self._pipe.gone,
            hops=hops,
        )
        script.longest_turn = LONGEST_TURN_S
        while True:
            while not seat.orders:
                self.pause(seat, IDLE_S)
            order = seat.orders.popleft()
            if order["kind"] != "run":
                break
            action = order["action"]
            done = script.run(action)
            self._pass_media()
            self._pipe.answer(
                "done",
                seat=seat.number,
                attempt=action.attempt,
                call_id=done.call_id,
                left=done.left,
                began=done.began,
                ended=done.ended,
                registered=False,
            )
        script.finish()
        self._pass_media()
        self._pipe.answer("rested", seat=seat.number, registered=False)
        vars(script).clear()  # a cycle that nobody collects: see main() of the worker

    def pause(self, seat: Seat, seconds: float) -> list[Trigger]:
        """Give way until something comes for a seat, for at most so long; return its triggers."""
        seat.wake_at = self.clock() + seconds
        self._hub.switch()
        triggers, seat.triggers = seat.triggers, []
        return triggers

    def _left(self, seat: Seat) -> None:
        """Forget a seat; what comes late for its calls is known to be nobody's."""
        del self._seats[seat.number]
        for call_id in seat.calls:
            self._owners[call_id] = None
        while len(self._owners) > _CALLS_KNOWN:
            oldest = next(iter(self._owners))
            owner = self._owners.pop(oldest)
            if owner is not None:
                self._owners[oldest] = owner
        if self._last is seat:
            self._last = None

    def _pass_media(self) -> None:
        for report in self.agent.media():
            seat = self._owners.get(report.call_id)
            if seat is not None:
                self._pipe.answer("media", seat=seat.number, report=report)

    # What is whose -----------------------------------------------------------------------------

    def record(self, event: Event) -> None:
        """Give an event of the agent to whom it concerns; called from inside the library."""
        self._keep(event)
        if isinstance(event, MessageSent | MessageReceived):
            self._message(event)
        elif isinstance(event, IcmpReceived):
            quoted = getattr(self.agent, "quoted", "")
            seats = [seat for seat in self._seats.values() if seat.sent.startswith(quoted)]
            self._tell_all(seats or list(self._seats.values()), event)
        elif isinstance(event, BytesDropped | TransportChanged):
            self._tell_all(list(self._seats.values()), event)
        else:
            one = self._running or self._last
            self._tell_all(list(self._seats.values()) if one is None else [one], event)

    def _message(self, event: MessageSent | MessageReceived) -> None:
        seen = event.readable
        call_id = "" if seen is None else seen.call_id
        seat = self._owners.get(call_id)
        ours = seen is not None and isinstance(event, MessageSent) and seen.method is not None
        if seat is None and ours and call_id not in self._owners:
            seat = self._running
            if seat is not None:
                self._owners[call_id] = seat
                seat.calls.append(call_id)
        if seat is not None:
            if ours:
                seat.sent = event.text
            self._last = seat
            self._tell(seat, event)
            return
        # Of nobody here: a capture shows it, so somebody's trace must, and no script is asked.
        for witness in tuple(self._seats.values())[:1]:
            self._pipe.answer("event", seat=witness.number, event=event)

    def _tell_everybody(self, event: Event) -> None:
        self._tell_all(list(self._seats.values()), event)

    def _tell_all(self, seats: list[Seat], event: Event) -> None:
        for seat in seats:
            self._tell(seat, event)

    def _tell(self, seat: Seat, event: Event) -> None:
        """Pass an event on to the supervisor and to the seat's script."""
        event = seat.repeats.marked(event)
        self._pipe.answer("event", seat=seat.number, event=event)
        if seat.script is not None:
            seat.script.happened(event)
        if seat is not self._running:
            self._stir(seat)

    # What the agent has one of -----------------------------------------------------------------

    def set(self, timeout: float, aim: Aim | None) -> None:
        """Let the next request have a seat's own timeout and server."""
        self.read_errors()
        if timeout not in {self._timeout, -1.0}:
            self._timeout = timeout
            self.agent.set_timeout(timeout)
        if aim is not None and aim != self._aim:
            self._aim = aim
            wanted, target, plain = aim
            self.agent.aim(wanted, target, plain=plain)

    def read_errors(self) -> None:
        """Take what ICMP said of a datagram out of the socket: it would fail another seat's."""
        read: Callable[[], None] | None = getattr(self.agent, "read_errors", None)
        if read is not None:
            read()

    def wait_for_room(self, seat: Seat) -> None:
        """Wait until the stack has room for one more call."""
        room: Callable[[], int] | None = getattr(self.agent, "room", None)
        limit = self.clock() + ROOM_S
        while room is not None and room() < 1 and self.clock() < limit and not seat.aborted:
            seat.triggers += self.pause(seat, LONGEST_S)
