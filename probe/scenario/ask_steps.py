"""Steps that are no call: subscriptions, text messages, any other request, waiting for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from msgspec import field

from probe.scenario.kinds import Headers, Name, Seconds, SomeSeconds, Text
from probe.scenario.source import Problem, quoted, refuse, suggestion
from probe.scenario.steps import Step
from probe.scenario.values import seconds_whole, text
from probe.scenario.values import target as called
from probe.scenario.written import Parsed

PACKAGES = ("message-summary", "presence", "dialog", "reg", "conference", "call-completion")
"Event packages that a slip of the pen is held against; any other may be named too."

OWN_VERBS = {
    "INVITE": "place a call: 'call:'",
    "ACK": "the stack sends it by itself; to see it, expect it: responses: 180 200 ACK",
    "BYE": "end the call: 'hangup:'",
    "CANCEL": "cancel the call: 'cancel:'",
    "REGISTER": "register: 'register:'",
    "SUBSCRIBE": "subscribe: 'subscribe:'",
    "PRACK": "ask for reliable ringing in the profile: 'prack: required'",
    "REFER": "transfer a call: 'transfer:'",
}
"Methods that `request:` refuses, and what to write instead."

AWAITED = ("notify", "message", "info", "options", "update", "publish", "refer")
"Words that `await:` is usually followed by; any other method may be named too."

_METHOD = r"[A-Za-z0-9.!%*_+`'~-]+"
_PACKAGE = r"[A-Za-z0-9!%*_+`'~-]+(?:\.[A-Za-z0-9!%*_+`'~-]+)*(?:\s*;\s*[^;\r\n]+)*"
_MEDIA_TYPE = r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:\s*;\s*[^\r\n]+)?"


def event_package(value: object) -> str:
    """Return an event package, with parameters where written (RFC 6665 section 7.2)."""
    written = text(value).strip()
    if not re.fullmatch(_PACKAGE, written):
        raise refuse(
            value, f"{quoted(written)} is not an event package", suggestion(written, PACKAGES)
        )
    return written


def any_method(value: object) -> str:
    """Return a method in capitals."""
    written = text(value).strip()
    if not re.fullmatch(_METHOD, written):
        raise refuse(value, f"{quoted(written)} is not a method", "for example: INFO, PUBLISH")
    return written.upper()


def sendable_method(value: object) -> str:
    """Return a method that has no verb of its own."""
    method = any_method(value)
    if method in OWN_VERBS:
        raise refuse(value, f"{method} has a step of its own", OWN_VERBS[method])
    return method


def media_type(value: object) -> str:
    """Return a Content-Type."""
    written = text(value).strip()
    if not re.fullmatch(_MEDIA_TYPE, written):
        raise refuse(value, f"{quoted(written)} is not a content type", "for example: text/plain")
    return written


def seconds_or_none(value: object) -> int:
    """Return whole seconds; 0 is one of them."""
    if isinstance(value, str) and re.fullmatch(r"0\s*s?", value.strip()):
        return 0
    return value if value == 0 and isinstance(value, int) else seconds_whole(value)


def lines(value: object) -> str:
    r"""Return a body: ``\n`` in it is a line end (CRLF)."""
    return text(value).replace("\\r\\n", "\\n").replace("\\n", "\r\n")


class SubscribeStep(Step, frozen=True, kw_only=True):
    """Subscribe to an event package and watch its NOTIFYs (RFC 6665)."""

    verb: Literal["subscribe"] = "subscribe"
    package: Annotated[str, Parsed(event_package)] = field(name="subscribe")
    "Event package: message-summary, presence, dialog, or any other."
    to: Annotated[str | None, Parsed(called)] = None
    "Whose state: number, extension or URI; None stands for the subscriber's own."
    from_: Text = field(default=None, name="from")
    "Agent that subscribes; None stands for the trunk's own account."
    expires: Annotated[int, Parsed(seconds_or_none)] = 300
    "Time to ask for, s; 0 asks once."
    watch: Seconds = field(default=None, name="for")
    "How long NOTIFYs are watched, s; None: until those expected came, two seconds at most."
    headers: Headers = field(default_factory=dict)
    "Extra headers of the SUBSCRIBE, by name."


class UnsubscribeStep(Step, frozen=True, kw_only=True):
    """End a subscription (RFC 6665 section 4.1.2.3)."""

    may_be_empty = frozenset({"unsubscribe"})

    verb: Literal["unsubscribe"] = "unsubscribe"
    subscription: Text = field(default=None, name="unsubscribe")
    "Name of the subscribe step; None stands for the latest."
    watch: Seconds = field(default=None, name="for")
    "How long the last NOTIFYs are watched, s; None: until one ends it, two seconds at most."


class MessageStep(Step, frozen=True, kw_only=True):
    """Send a text message (RFC 3428)."""

    verb: Literal["message"] = "message"
    body: Annotated[str, Parsed(lines)] = field(name="message")
    "The text."
    to: Annotated[str, Parsed(called)]
    "Number or URI."
    from_: Text = field(default=None, name="from")
    "Agent that sends; None stands for the trunk's own account."
    at: Text = None
    "Agent that it must reach; None does not look."
    within: SomeSeconds = 5.0
    "How long after the answer it may take to reach that agent, s."
    content_type: Annotated[str, Parsed(media_type)] = "text/plain"
    "Content-Type of the text."
    headers: Headers = field(default_factory=dict)
    "Extra headers, by name."


class RequestStep(Step, frozen=True, kw_only=True):
    """Send any other request, outside a call or inside one."""

    verb: Literal["request"] = "request"
    method: Annotated[str, Parsed(sendable_method)] = field(name="request")
    "Method: OPTIONS, INFO, PUBLISH, UPDATE, one of your own."
    to: Annotated[str | None, Parsed(called)] = None
    "Number or URI; None stands for the trunk itself."
    call: Text = field(default=None, name="in")
    "Name of the call that it is sent in; None sends it outside calls."
    from_: Text = field(default=None, name="from")
    "Agent that sends; None stands for the caller, outside a call for the trunk's own account."
    headers: Headers = field(default_factory=dict)
    "Extra headers, by name."
    body: Annotated[str | None, Parsed(lines)] = None
    "Body."
    content_type: Annotated[str | None, Parsed(media_type)] = None
    "Content-Type of the body; None stands for text/plain."

    def disagreements(self) -> Iterator[Problem]:
        """Yield what a request inside a call cannot have, and a type of no body."""
        yield from super().disagreements()
        if self.to is not None and self.call is not None:
            yield Problem(
                source=self.source("to"),
                message="a request inside a call goes to the other side of that call",
                hint="leave out 'to:' or 'in:'",
            )
        if self.content_type is not None and self.body is None:
            yield Problem(
                source=self.source("content_type"),
                message="there is no body that this could be the type of",
                hint="add 'body:'",
            )
        update = self.method == "UPDATE" and self.call is not None
        if update and (self.headers or self.body is not None):
            yield Problem(
                source=self.source("headers" if self.headers else "body"),
                message="an UPDATE inside a call is the stack's own: it refreshes the session",
                hint="leave it out",
            )


class AwaitStep(Step, frozen=True, kw_only=True):
    """Wait for a request of the other side."""

    inner = Step.inner | {"retry", "timeout", "answer_within"}
    verb: Literal["await"] = "await"
    method: Annotated[str, Parsed(any_method)] = field(name="await")
    "What is waited for: notify, message, info, or another method."
    at: Text = None
    "Agent that it must reach; None stands for the subscriber, else for the trunk's own account."
    event: Annotated[str | None, Parsed(event_package)] = None
    "Event package of a NOTIFY outside subscriptions; None stands for any."
    of: Name = None
    "Name of the subscribe step whose NOTIFYs are meant; None: those outside subscriptions."
    within: SomeSeconds = 5.0
    "How long we wait, s."

    def disagreements(self) -> Iterator[Problem]:
        """Yield what is said of a NOTIFY and another request is waited for, or one of a call."""
        yield from super().disagreements()
        for key in ("event", "of"):
            if getattr(self, key) is not None and self.method != "NOTIFY":
                yield Problem(source=self.source(key), message=f"'{key}' belongs to a NOTIFY")
        if self.method in {"INVITE", "ACK", "BYE", "CANCEL"}:
            yield Problem(
                source=self.source("await"),
                message=f"'{self.method}' belongs to a call",
                hint="take a call with 'answer:', or expect: {responses: … BYE}",
            )


TARGETED = (SubscribeStep, MessageStep, RequestStep)
"Those that lead to a number or URI under `to:`."

AnyAskStep: TypeAlias = SubscribeStep | UnsubscribeStep | MessageStep | RequestStep | AwaitStep
"Every step of this module."
