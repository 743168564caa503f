"""What an agent is told to ask, to subscribe to, and to wait for: actions beside those of calls.

Like the others, these are plain values without expectations. What stands under ``wanted`` only
says when there is nothing more to wait for; whether it was right is judged from the trace.
"""

from typing import TypeAlias

from probe.plan.action import Action

Wanted: TypeAlias = tuple[tuple[tuple[str, str], ...], ...]
"""NOTIFYs in order, each as (name of a fact, wanted) pairs (see probe.sip.notification)."""

WATCH_S = 2.0
"""How long NOTIFYs are waited for where a step does not say it, in seconds."""


class Ask(Action, frozen=True, kw_only=True):
    """Send a request outside a call (RFC 3261 §8.1), such as MESSAGE (RFC 3428)."""

    method: str
    "Method."

    target: str
    "Request-URI."

    headers: tuple[tuple[str, str], ...] = ()
    "Extra header fields."

    body: str = ""
    "Body, empty for none."

    content_type: str = ""
    "Content-Type of the body."

    reaches: str | None = None
    "Agent of ours that the request is to arrive at, or None."


class AskInCall(Action, frozen=True, kw_only=True):
    """Send a request inside a call that is up."""

    call: int
    "Attempt number of the call."

    method: str
    "Method: INFO, OPTIONS, MESSAGE, UPDATE …"

    headers: tuple[tuple[str, str], ...] = ()
    "Extra header fields."

    body: str = ""
    "Body, empty for none."

    content_type: str = ""
    "Content-Type of the body."


class Subscribe(Action, frozen=True, kw_only=True):
    """Subscribe to an event package and watch its NOTIFYs (RFC 6665 §4.1)."""

    package: str
    "Event package with its parameters, e.g. ``message-summary``."

    target: str
    "Request-URI: whose state."

    expires: int = 300
    "Seconds asked for; 0 asks once (RFC 6665 §4.4.3)."

    headers: tuple[tuple[str, str], ...] = ()
    "Extra header fields; an Accept among them takes the place of the package's own."

    watch: float | None = None
    "Seconds to watch in any case, or None: until everything wanted came, two seconds at most."

    wanted: Wanted = ()
    "NOTIFYs after which there is nothing to wait for; none stands for one of any kind."


class Unsubscribe(Action, frozen=True, kw_only=True):
    """End a subscription with Expires: 0 and watch its last NOTIFY (RFC 6665 §4.1.2.3)."""

    subscription: int
    "Attempt number of the subscription."

    watch: float | None = None
    "Seconds to watch in any case, or None: until everything wanted came, two seconds at most."

    wanted: Wanted = ()
    "NOTIFYs after which there is nothing to wait for; none stands for one that ends it."


class Await(Action, frozen=True, kw_only=True):
    """Wait for requests of the peer: those that no earlier step has taken, or new ones."""

    method: str
    "Method: NOTIFY, MESSAGE, INFO …"

    package: str = ""
    "Event package of a NOTIFY, empty for any."

    subscription: int | None = None
    "Attempt number of the subscription whose NOTIFYs are meant; None for those outside any."

    within: float = 5.0
    "Seconds to wait."

    wanted: Wanted = ()
    "Requests after which there is nothing to wait for; none stands for one of any kind."
