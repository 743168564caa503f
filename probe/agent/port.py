"""The port that every user agent implements, and the triggers that it gives back.

A trigger is only a reason to look: what happened is read from the recorded messages. The stack's
own status codes travel in triggers and end, if anywhere, in ``TransactionFailed.stack_status``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from probe.plan.action import Account, Call
from probe.plan.capabilities import Capabilities
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.trace.trace import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Something in the stack changed."""

    kind: str
    "registration, early, confirmed, disconnected, answered (a request outside a dialog)."

    handle: int
    "The call's or request's handle; -1 for registration."

    status: int
    "The stack's status code, invented or not; 0 where it gave none."

    reason: str
    "The stack's words."

    fault: Failure | None = None
    "What the stack's error means, where it reported one."


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

    def capabilities(self) -> Capabilities:
        """Return what the stack can do."""
        ...

    def open(self, account: Account, *, local_port: int = 0) -> None:
        """Bind a transport and set up the account; raise AgentError."""
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
        """Send BYE where the call is up, CANCEL where it is not; nothing where it is over."""
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
