"""A user agent that acts a story on a clock of its own: no library, no socket, no waiting.

A story belongs to a request (REGISTER, INVITE, OPTIONS, or ``hangup``) and is told as steps
``(seconds after the request, what)``. *What* is a trigger of the stack, or takes the wire and adds
to it: ``(0.2, lambda wire: wire.receive(180))``. The clock moves only in ``poll``.
"""

from collections.abc import Callable
from pathlib import Path

from wirebuilder import Wire

from probe.agent.conversation import Content
from probe.agent.failover import Hops
from probe.agent.inbox import Decide
from probe.agent.port import AgentError, Trigger
from probe.agent.script import Script
from probe.naming.targets import Located, Target, Wanted, locate
from probe.plan.action import Account, Action, Call, Manner
from probe.plan.capabilities import Capabilities
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.trace.trace import Event, TransactionFailed

What = Trigger | Callable[[Wire], object]

ACCOUNT = Account(
    name="trunk",
    aor="sip:100@198.51.100.1",
    registrar="sip:198.51.100.1",
    host="198.51.100.1",
    port=5060,
    transport="UDP",
    user="100",
    auth_user="100",
    password="not-shown",
)

CAPABILITIES = Capabilities(
    version="0.1",
    max_calls=4,
    max_accounts=8,
    ipv6=True,
    tls=True,
    tls_library="",
    tls13=True,
    dtls_srtp=True,
    codecs=("PCMU",),
    max_message=4000,
    live_asserts=False,
)


def trigger(kind: str, status: int = 0, reason: str = "", fault: Failure | None = None) -> Trigger:
    """Return a trigger; calls have handle 0."""
    handle = 0 if kind in {"early", "confirmed", "disconnected"} else -1
    return Trigger(kind=kind, handle=handle, status=status, reason=reason, fault=fault)


class FakeAgent:
    """Implements the UserAgent port."""

    def __init__(
        self,
        method: str = "INVITE",
        *,
        record: Callable[[Event], None],
    ) -> None:
        self.wire = Wire(method, step=0.0)
        self.now = 0.0
        self.hangups = 0
        "How often ``hangup`` was called."
        self.timeouts: list[float] = []
        "What ``set_timeout`` was told."
        self.aims: list[str] = []
        "Servers that ``aim`` was told."
        self.abandoned: list[int] = []
        "Handles that ``abandon`` was told."
        self.asked: list[str] = []
        "Requests in their order."
        self.expires: list[int] = []
        "Intervals that ``register`` was given."
        self.answers: list[tuple[int, Manner]] = []
        "What ``answer`` was told."
        self.written: list[str] = []
        "Requests outside calls, as they were written."
        self.contents: list[Content] = []
        "What requests inside calls carried."
        self.decide: Decide = lambda _message, _at: None
        "What ``answer_by`` was told."
        self.refusals: dict[str, AgentError] = {}
        "What a request raises."
        self.reports: list[MediaReport] = []
        "What ``media`` gives back next."
        self.closed = False
        self.bound = "192.0.2.10:5060"
        self._record = record
        self._stories: dict[str, list[tuple[tuple[float, What], ...]]] = {}
        self._due: list[tuple[float, int, What]] = []

    def on(self, request: str, *steps: tuple[float, What]) -> "FakeAgent":
        """Tell what follows the next request of a kind that has no story yet."""
        self._stories.setdefault(request, []).append(steps)
        return self

    def clock(self) -> float:
        """Return the time in seconds."""
        return self.now

    def happen(self, request: str) -> None:
        """Begin the story of a request."""
        self.asked.append(request)
        if request in self.refusals:
            raise self.refusals[request]
        stories = self._stories.get(request)
        for delay, what in stories.pop(0) if stories else ():
            self._due.append((self.now + delay, len(self._due), what))

    def start(self, account: Account | None = None) -> None:
        """Take note."""
        self.asked.append("start" if account is None else f"start {account.name}")

    def capabilities(self) -> Capabilities:
        """Return invented ones."""
        return CAPABILITIES

    def open(self, account: Account, *, local_port: int = 0) -> None:
        """Take note; raise what ``refusals`` holds."""
        self.happen(f"open {account.name} {local_port}")

    def aim(self, wanted: Wanted, target: Target | None, *, plain: bool = False) -> None:
        """Take note."""
        self.aims.append(target.remote if target is not None else wanted.host)

    def unread(self) -> None:
        """Have nothing to tell."""

    def abandon(self, handle: int) -> None:
        """Take note, and let nothing more happen of what was begun."""
        self.abandoned.append(handle)
        self._due.clear()

    def set_timeout(self, seconds: float) -> None:
        """Take note."""
        self.timeouts.append(seconds)

    def register(self, expires: int) -> None:
        """Begin the story of a REGISTER."""
        self.expires.append(expires)
        self.happen("REGISTER")

    def unregister(self) -> None:
        """Begin the story of a REGISTER."""
        self.happen("REGISTER")

    def call(self, handle: int, action: Call) -> None:
        """Begin the story of an INVITE."""
        assert handle == action.attempt
        self.happen("INVITE")

    def options(self, handle: int, target: str) -> None:
        """Begin the story of an OPTIONS."""
        assert handle >= 0
        assert target
        self.happen("OPTIONS")

    def hangup(self, handle: int) -> None:
        """Begin the story of a hang-up."""
        assert handle >= 0
        self.hangups += 1
        self.happen("hangup")

    def answer(self, handle: int, status: int, manner: Manner) -> None:
        """Begin the story of an answer."""
        assert handle >= 0
        self.answers.append((status, manner))
        self.happen(f"answer {status}")

    def hold(self, handle: int, *, resume: bool) -> None:
        """Begin the story of a hold."""
        assert handle >= 0
        self.happen("resume" if resume else "hold")

    def refresh(self, handle: int, method: str) -> None:
        """Begin the story of a refresh."""
        assert handle >= 0
        self.happen(f"refresh {method}")

    def transfer(self, handle: int, target: str | None, other: int | None) -> None:
        """Begin the story of a REFER."""
        assert (target is None) != (other is None)
        self.happen(f"transfer {handle} {target or other}")

    def press(self, handle: int, digits: str, way: str) -> float:
        """Begin the story of keys."""
        self.happen(f"press {handle} {digits} {way}")
        return 0.2 * len(digits)

    def record_into(self, folder: Path) -> None:
        """Know where recordings may lie."""
        self.folder = folder

    def follow(self, handle: int, place: int, target: str) -> None:
        """Begin the story of a call that may be transferred."""
        assert place < -1
        self.happen(f"follow {handle} {target}")

    def contact(self, target: str) -> str:
        """Return a Contact."""
        assert target
        return "<sip:100@127.0.0.1:5099>"

    def request(self, handle: int, next_hop: str, text: str) -> None:
        """Begin the story of a request outside a call; keep its text."""
        assert next_hop
        self.written.append(text)
        method = text.partition(" ")[0]
        self.happen(f"request {method}")

    def inside(self, handle: int, method: str, content: Content) -> None:
        """Begin the story of a request inside a call."""
        assert handle >= 0
        self.contents.append(content)
        self.happen(f"inside {method}")

    def answer_by(self, decide: Decide) -> None:
        """Keep who decides."""
        self.decide = decide

    def poll(self, seconds: float) -> list[Trigger]:
        """Let the clock go on to the next step of a story, for at most so long."""
        limit = self.now + seconds
        self.now = min([at for at, _, _ in self._due if at <= limit], default=limit)
        ready = sorted(step for step in self._due if step[0] <= self.now)
        self._due = [step for step in self._due if step[0] > self.now]
        triggers = []
        for at, _, what in ready:
            if isinstance(what, Trigger):
                triggers.append(what)
                continue
            known = len(self.wire.log)
            self.wire.now = self.now = at
            what(self.wire)
            for event in self.wire.log.all()[known:]:
                self._record(event)
        return triggers

    def media(self) -> list[MediaReport]:
        """Return what a test put there, once."""
        found, self.reports = self.reports, []
        return found

    def close(self) -> None:
        """Take note."""
        self.closed = True


class Stage:
    """A script on a fake agent: what a worker is, without pipes."""

    def __init__(
        self,
        method: str = "INVITE",
        *,
        account: Account = ACCOUNT,
        find: Callable[[Wanted], Located] = locate,
    ) -> None:
        self.events: list[Event] = []
        self.stop_at = float("inf")
        "When the supervisor wants us to stop."
        self.agent = FakeAgent(method, record=self.record)
        self.script = Script(
            self.agent,
            account,
            clock=self.agent.clock,
            record=self.record,
            stopping=lambda: self.agent.now >= self.stop_at,
            hops=Hops(account, self.agent.clock, self.record, find=find),
        )

    def record(self, event: Event) -> None:
        """Keep an event and show it to the script, as a worker does."""
        self.events.append(event)
        self.script.happened(event)

    def on(self, request: str, *steps: tuple[float, What]) -> "Stage":
        """Tell what follows the next request of a kind."""
        self.agent.on(request, *steps)
        return self

    def took(self, action: Action) -> float:
        """Run an action and return how long it took, in seconds to two places."""
        done = self.script.run(action)
        return round(done.ended - done.began, 2)

    @property
    def failures(self) -> list[TransactionFailed]:
        """The failures that were recorded."""
        return [event for event in self.events if isinstance(event, TransactionFailed)]

    @property
    def failed(self) -> list[tuple[str, Failure]]:
        """Method and failure of each failure that was recorded."""
        return [(event.method, event.failure) for event in self.failures]
