"""The port that every user agent implements, and the triggers that it gives back.

A trigger is only a reason to look: what happened is read from the recorded messages. The stack's
own status codes travel in triggers and end, if anywhere, in ``TransactionFailed.stack_status``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from probe.agent.conversation import Content
from probe.agent.inbox import Decide
from probe.naming.targets import Target, Wanted
from probe.plan.action import Account, Call, Manner
from probe.plan.capabilities import Capabilities
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.trace.trace import Event


class Trigger(Struct, frozen=True, kw_only=True):
    """Something in the stack changed."""

    kind: str
    """registration, early, confirmed, disconnected, answered (a request outside a dialog), incoming
    (a call that reached us), followed (a call that a transfer made us place), transfer."""

    handle: int
    "The call's or request's handle; -1 for registration."

    status: int
    "The stack's status code, invented or not; 0 where it gave none."

    reason: str
    "The stack's words."

    fault: Failure | None = None
    "What the stack's error means, where it reported one."

    call_id: str = ""
    "Call-ID of a call that reached us."


class AgentError(Exception):
    """The user agent would not carry out a step; nothing was sent."""

    def __init__(self, failure: Failure, status: int | None, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.status = status
        self.detail = detail


Recorder = Callable[[Event], None]
"""Takes each event the moment it is known."""


class UserAgent(Protocol):
    """One endpoint with one account."""

    @property
    def bound(self) -> str:
        """Return our address as ip:port, empty before ``open``."""
        ...

    def capabilities(self) -> Capabilities:
        """Return what the stack can do."""
        ...

    def open(self, account: Account, *, local_port: int = 0) -> None:
        """Bind a transport and set up the account; raise AgentError."""
        ...

    def aim(self, wanted: Wanted, target: Target | None, *, plain: bool = False) -> None:
        """Let requests to this next hop go to one of its servers; None where it has none.

        ``plain``: the stack itself, asking the system, would find this server and no other.
        """
        ...

    def unread(self) -> None:
        """Tell of bytes that arrived on a stream and end no message, and close its connection."""
        ...

    def abandon(self, handle: int) -> None:
        """Stop what was sent last for a handle: no copy of it, and no request, leaves any more."""
        ...

    def set_timeout(self, seconds: float) -> None:
        """Let the stack's own transaction timers end after so many seconds."""
        ...

    def register(self, expires: int) -> None:
        """Send REGISTER; raise AgentError."""
        ...

    def unregister(self) -> None:
        """Send REGISTER with an expiry of zero; raise AgentError."""
        ...

    def call(self, handle: int, action: Call) -> None:
        """Send INVITE; raise AgentError."""
        ...

    def hangup(self, handle: int) -> None:
        """Send BYE where the call is up, CANCEL where it is not; nothing where it is over.

        A call that reached us and is not answered yet is refused.
        """
        ...

    def answer(self, handle: int, status: int, manner: Manner) -> None:
        """Answer a call that reached us, with any status from 180 on; nothing where it is over."""
        ...

    def hold(self, handle: int, *, resume: bool) -> None:
        """Send a re-INVITE that puts a call on hold or resumes it; raise AgentError."""
        ...

    def refresh(self, handle: int, method: str) -> None:
        """Send UPDATE or re-INVITE with the session as it stands; raise AgentError."""
        ...

    def transfer(self, handle: int, target: str | None, other: int | None) -> None:
        """Send REFER to a target, or to the far end of another call of ours; raise AgentError."""
        ...

    def follow(self, handle: int, place: int, target: str) -> None:
        """Accept one REFER to a target; the call that it makes has the handle ``place``."""
        ...

    def press(self, handle: int, digits: str, way: str) -> float:
        """Press keys in a call that is up, by RFC 4733 or in-band; return how long it takes, s.

        Raise AgentError where the call has no way for them.
        """
        ...

    def record_into(self, folder: Path) -> None:
        """Let recordings that are asked for lie in a folder."""
        ...

    def contact(self, target: str) -> str:
        """Return our Contact in a request to a target; raise AgentError."""
        ...

    def request(self, handle: int, next_hop: str, text: str) -> None:
        """Send a request outside a call, written as text without its Via; raise AgentError."""
        ...

    def inside(self, handle: int, method: str, content: Content) -> None:
        """Send a request inside a call that is up; raise AgentError."""
        ...

    def answer_by(self, decide: Decide) -> None:
        """Ask what each request of the peer is answered with; None leaves it to the stack."""
        ...

    def options(self, handle: int, target: str) -> None:
        """Send OPTIONS outside a dialog; raise AgentError."""
        ...

    def poll(self, seconds: float) -> list[Trigger]:
        """Let the stack work for at most so long; return what changed."""
        ...

    def media(self) -> list[MediaReport]:
        """Return and forget the media statistics of streams that ended."""
        ...

    def close(self) -> None:
        """Give everything back without waiting for the peer."""
        ...
