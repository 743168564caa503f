"""The user agent as one of several seats sees it: its own handles, its own timeout, its own server.

What changes the account's state, or what the agent can have one of only, is not done from here: a
plan that needs it has an agent of its own (see probe/executor/beside.py).
"""
# ruff: noqa: ARG002, D102 - half of this answers that it is not done here, whatever it is told

from pathlib import Path
from typing import NoReturn, Protocol

from probe.agent.conversation import Content
from probe.agent.inbox import Decide
from probe.agent.port import AgentError, Trigger, UserAgent
from probe.naming.targets import Target, Wanted
from probe.plan.action import Account, Call, Manner
from probe.plan.capabilities import Capabilities
from probe.trace.failure import Failure
from probe.trace.media import MediaReport

PLACES = 32
"""Bits of a handle that are the seat's own; the rest is its number."""

Aim = tuple[Wanted, Target | None, bool]


class Hub(Protocol):
    """Who has the agent."""

    agent: UserAgent

    def pause(self, seconds: float) -> list[Trigger]:
        """Give way until something comes for the seat, for at most so long; return its triggers."""
        ...

    def set(self, timeout: float, aim: Aim | None) -> None:
        """Let the next request have this timeout, and go to this server."""
        ...

    def wait_for_room(self) -> None:
        """Wait until the stack has room for one more call."""
        ...


class SharedAgent:
    """The agent as one seat sees it: its own handles, its own timeout, its own server."""

    def __init__(self, hub: Hub, number: int) -> None:
        """Take the number of the seat."""
        self._hub = hub
        self._agent = hub.agent
        self._base = number << PLACES
        self._timeout = -1.0
        self._aim: Aim | None = None

    def _ready(self) -> UserAgent:
        self._hub.set(self._timeout, self._aim)
        return self._agent

    @property
    def bound(self) -> str:
        """Our address as ip:port."""
        return self._agent.bound

    def capabilities(self) -> Capabilities:
        """Return what the stack can do."""
        return self._agent.capabilities()

    def poll(self, seconds: float) -> list[Trigger]:
        """Give way to the hub."""
        base = self._base
        return [
            Trigger(
                kind=one.kind,
                handle=one.handle - base,
                status=one.status,
                reason=one.reason,
                fault=one.fault,
                call_id=one.call_id,
            )
            for one in self._hub.pause(seconds)
        ]

    def aim(self, wanted: Wanted, target: Target | None, *, plain: bool = False) -> None:
        """Remember the server of the next request."""
        self._aim = (wanted, target, plain)

    def set_timeout(self, seconds: float) -> None:
        """Remember the timeout of the next request."""
        self._timeout = seconds

    def unread(self) -> None:
        """Tell of bytes that arrived on a stream and end no message."""
        self._agent.unread()

    def abandon(self, handle: int) -> None:
        """Stop what was sent last for a handle."""
        self._ready().abandon(self._base + handle)

    def call(self, handle: int, action: Call) -> None:
        """Send INVITE as soon as the stack has room for it."""
        self._hub.wait_for_room()
        self._ready().call(self._base + handle, action)

    def hangup(self, handle: int) -> None:
        """Send BYE or CANCEL."""
        self._ready().hangup(self._base + handle)

    def hold(self, handle: int, *, resume: bool) -> None:
        """Send a re-INVITE that puts a call on hold or resumes it."""
        self._ready().hold(self._base + handle, resume=resume)

    def refresh(self, handle: int, method: str) -> None:
        """Send UPDATE or re-INVITE with the session as it stands."""
        self._ready().refresh(self._base + handle, method)

    def transfer(self, handle: int, target: str | None, other: int | None) -> None:
        """Send REFER to a target, or to the far end of another call of ours."""
        second = None if other is None else self._base + other
        self._ready().transfer(self._base + handle, target, second)

    def press(self, handle: int, digits: str, way: str) -> float:
        """Press keys in a call that is up."""
        return self._agent.press(self._base + handle, digits, way)

    def inside(self, handle: int, method: str, content: Content) -> None:
        """Send a request inside a call that is up."""
        self._ready().inside(self._base + handle, method, content)

    def answer_by(self, decide: Decide) -> None:
        """Leave it to the hub what requests of the peer are answered with."""

    def media(self) -> list[MediaReport]:
        """Have nothing to tell: the hub asks."""
        return []

    def record_into(self, folder: Path) -> None:
        """Leave it to the worker."""

    def close(self) -> None:
        """Leave it to the worker."""

    # Not done from here ------------------------------------------------------------------------

    def open(self, account: Account, *, local_port: int = 0) -> None:
        _not_here()

    def register(self, expires: int) -> None:
        _not_here()

    def unregister(self) -> None:
        _not_here()

    def options(self, handle: int, target: str) -> None:
        _not_here()

    def contact(self, target: str) -> str:
        _not_here()

    def request(self, handle: int, next_hop: str, text: str) -> None:
        _not_here()

    def answer(self, handle: int, status: int, manner: Manner) -> None:
        _not_here()

    def follow(self, handle: int, place: int, target: str) -> None:
        _not_here()


def _not_here() -> NoReturn:
    words = "a plan that does this has an agent of its own"
    raise AgentError(Failure.AGENT_REFUSED, None, words)
