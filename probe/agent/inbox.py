"""Requests that reach us beside calls: who gets what answer, and which of them a step may ask for.

pjsua2 leaves INFO, PUBLISH, REFER, UPDATE and unknown methods outside a dialog without any answer,
and knows no subscription of ours. What is decided here:

* A NOTIFY of a subscription of ours: 200; 489 for another event package, 500 for an older CSeq,
  481 where the subscription is over or the tags are not its (RFC 6665 §4.1.3, RFC 3261 §12.2.2).
* A NOTIFY outside any subscription: 200 for a message summary, which many PBXes send unasked, and
  for what a step awaits; else 481.
* INFO and UPDATE outside a dialog: 481 (RFC 6086 §4.2.2, RFC 3311 §5.2). PUBLISH and REFER: 405
  with Allow (RFC 3261 §8.2.1). A method that nobody knows: 501 (§21.5.2). Each of them 200 where a
  step awaits it.
* All else is the stack's to answer.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from msgspec import Struct, field

from probe.agent.conversation import Conversation
from probe.sip.message import SipMessage
from probe.sip.notification import event_package, subscription_state

MOST_KEPT = 500
"""Requests that are kept for later steps; a storm of NOTIFYs must not fill the memory."""

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, NOTIFY, INFO, UPDATE, PRACK, REFER"
"""What we answer, for the Allow of a 405: REFER within a call only."""

UNASKED = "message-summary"
"""The event package whose NOTIFYs come without a subscription (RFC 3842 §4.1 knows of none)."""

_NO_DIALOG = frozenset({"NOTIFY", "INFO", "UPDATE"})
_REFUSED = frozenset({"PUBLISH", "REFER"})
_OF_THE_STACK = frozenset({"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "MESSAGE", "PRACK"})
_STACKS_OWN = _OF_THE_STACK | {"REGISTER", "SUBSCRIBE"}

Decide: TypeAlias = "Callable[[SipMessage, float], Reply | None]"
"""Takes a request and when it arrived; returns its answer, or None where the stack gives it."""

Key = tuple[str, str, int, str]


class Reply(Struct, frozen=True, kw_only=True):
    """What a request of the peer is answered with."""

    status: int
    "Status code."

    headers: tuple[tuple[str, str], ...] = ()
    "Header fields beside those of every response."


class Arrived(Struct, kw_only=True):
    """A request that reached us."""

    at: float
    "When, on the trace's clock."

    message: SipMessage
    "The request."

    taken: bool = False
    "Whether a step has looked at it."


class Subscription(Struct, kw_only=True):
    """A subscription of ours."""

    conversation: Conversation
    "Its Call-ID, tags and way."

    package: str
    "Event package with its parameters."

    state: str = ""
    "What the last NOTIFY said: active, pending, terminated; empty before the first."

    accepted: bool = False
    "Whether a 2xx answered our SUBSCRIBE."

    over: bool = False
    "Whether it ended, or was refused."

    arrived: list[Arrived] = field(default_factory=list)
    "Its NOTIFYs."

    cseq: int = -1
    "Highest CSeq of its NOTIFYs."

    @property
    def stands(self) -> bool:
        """Whether the notifier believes that we are subscribed."""
        return (self.accepted or bool(self.arrived)) and not self.over


class Inbox:
    """Decides and remembers, for one account."""

    def __init__(self, awaited: tuple[str, ...]) -> None:
        """Begin; ``awaited`` names what steps wait for: ``INFO``, ``NOTIFY check-sync``."""
        self._awaited = frozenset(awaited)
        self._replies: dict[Key, Reply | None] = {}
        self.subscriptions: dict[int, Subscription] = {}
        "By the attempt that made them."
        self.strangers: list[Arrived] = []
        "Requests outside our subscriptions."

    def decide(self, message: SipMessage, at: float) -> Reply | None:
        """Return the answer to a request, or None where the stack gives it.

        A copy gets the answer of the first.
        """
        key = (message.call_id, message.from_tag, *message.cseq)
        if key in self._replies:
            return self._replies[key]
        reply = self._reply(message, Arrived(at=at, message=message))
        self._replies[key] = reply
        if len(self._replies) > MOST_KEPT:
            self._replies.pop(next(iter(self._replies)))
        return reply

    def waiting(
        self, method: str, package: str = "", subscription: int | None = None
    ) -> tuple[Arrived, ...]:
        """Return the requests of a kind that no step has taken, in order."""
        return tuple(
            one
            for one in self._of(subscription)
            if not one.taken
            and one.message.method == method
            and package in {"", event_package(one.message)}
        )

    def _of(self, subscription: int | None) -> Iterator[Arrived]:
        """Yield what arrived for a subscription, or outside any."""
        if subscription is None:
            yield from self.strangers
        elif subscription in self.subscriptions:
            yield from self.subscriptions[subscription].arrived

    def _reply(self, message: SipMessage, arrived: Arrived) -> Reply | None:
        """Decide about a request that is no copy."""
        method = message.method or ""
        if method == "NOTIFY":
            for subscription in self.subscriptions.values():
                if subscription.conversation.call_id == message.call_id:
                    return _notified(subscription, arrived)
        if method not in {"ACK", "CANCEL"}:
            self._keep(arrived)
        if message.to_tag or method in _STACKS_OWN:
            return None
        package = event_package(message)
        wanted = method in self._awaited or f"{method} {package}" in self._awaited
        if wanted or (method == "NOTIFY" and package == UNASKED):
            return Reply(status=200)
        if method in _NO_DIALOG:
            return Reply(status=481)
        return Reply(status=405 if method in _REFUSED else 501, headers=(("Allow", ALLOW),))

    def _keep(self, arrived: Arrived) -> None:
        self.strangers.append(arrived)
        del self.strangers[:-MOST_KEPT]


def _notified(subscription: Subscription, arrived: Arrived) -> Reply:
    """Take note of a NOTIFY under the Call-ID of a subscription."""
    message = arrived.message
    if subscription.over or not subscription.conversation.is_of(message):
        return Reply(status=481)
    wanted = subscription.package.partition(";")[0].strip().lower()
    if event_package(message) != wanted:
        return Reply(status=489, headers=(("Allow-Events", wanted),))
    number = message.cseq[0]
    if number < subscription.cseq:
        return Reply(status=500)
    subscription.cseq = number
    subscription.conversation.confirm(message)
    subscription.arrived.append(arrived)
    del subscription.arrived[:-MOST_KEPT]
    subscription.state = subscription_state(message)
    subscription.over = subscription.state == "terminated"
    return Reply(status=200)
