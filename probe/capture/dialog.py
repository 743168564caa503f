"""Which messages belong together, and which of the two sides is ours.

One story is what one side did under one Call-ID: a call with its login, its re-INVITEs and its
BYE. A phone keeps its Call-ID over all refreshes of a registration (RFC 3261 §10.2), and many do so
with OPTIONS; there each request that answers no challenge begins a story of its own.
"""

import ipaddress
import re
from collections.abc import Iterator

from msgspec import Struct, field

from probe.capture.packets import End
from probe.capture.reading import Message
from probe.sip.message import uri_host, uri_user

ALONE = frozenset({"REGISTER", "OPTIONS", "MESSAGE", "PUBLISH"})
"""Methods that begin no dialog: each request outside one is a matter of its own."""

_SENT_BY = re.compile(r"SIP/2\.0/\w+\s+(\[[^\]]*\]|[^\s:;,]+)(?::(\d{1,5}))?", re.IGNORECASE)


class AddressError(ValueError):
    """An address of ours that cannot be read; the text says how it is written."""


class Us(Struct, frozen=True):
    """Our address as the user gave it."""

    host: str
    "The address, IPv6 without brackets."

    port: int | None
    "The port; None for any."

    @classmethod
    def of(cls, written: str) -> "Us":
        """Read ip, ip:port or [ip]:port; raise AddressError."""
        found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:]+))(?::([0-9]{1,5}))?", written.strip())
        host, port = (found[1] or found[2], found[3]) if found else (written.strip(), None)
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise AddressError(
                f"'{written}' is no address: write 192.0.2.10, 192.0.2.10:5060 or "
                "[2001:db8::1]:5060"
            ) from None
        return cls(str(address), int(port) if port else None)

    def is_at(self, end: End) -> bool:
        """Whether an end is ours."""
        return end.host == self.host and self.port in {None, end.port}


class Story(Struct):
    """Messages that one side sent and received under one Call-ID."""

    call_id: str
    "The Call-ID."

    first: Message
    "Its first request."

    sent_first: bool
    "Whether our side sent it."

    messages: list[tuple[Message, bool]] = field(default_factory=list)
    "Every message in order, and whether our side sent it."

    @property
    def method(self) -> str:
        """The method of its first request."""
        return self.first.parsed.method or ""

    @property
    def local(self) -> End:
        """Our end as the first request shows it."""
        return self.first.source if self.sent_first else self.first.target

    @property
    def remote(self) -> End:
        """Their end as the first request shows it."""
        return self.first.target if self.sent_first else self.first.source

    @property
    def subject(self) -> str:
        """What was asked for: a number, an address of record, a Request-URI."""
        message = self.first.parsed
        if self.method == "REGISTER":
            to = message.first("To")
            host = uri_host(to)[0]
            return f"{uri_user(to)}@{host}" if uri_user(to) else host
        uri = message.request_uri or ""
        return (uri_user(uri).partition(";")[0] if self.method == "INVITE" else "") or uri


class Grouped(Struct):
    """All stories of a capture, and what belongs to none."""

    stories: list[Story]
    "In the order of their first requests."

    without_request: int
    "Messages of Call-IDs whose first request is not in the capture."

    elsewhere: int
    "Messages between others than us."


def group(messages: list[Message], us: Us | None) -> Grouped:
    """Return the stories of messages in order of time.

    Ours is the side at ``us``; where that is None, whoever sends the first request of a Call-ID.
    """
    by_call: dict[tuple[str, str], list[Message]] = {}
    alone: set[tuple[str, str]] = set()
    for message in messages:
        parsed = message.parsed
        method, transaction = parsed.cseq[1], (parsed.branch, parsed.cseq[1])
        if method in ALONE and parsed.is_request and not parsed.to_tag:
            alone.add(transaction)
        kind = method if transaction in alone else ""
        by_call.setdefault((parsed.call_id, kind), []).append(message)
    stories: list[Story] = []
    without = elsewhere = 0
    for (call_id, _), held in by_call.items():
        first = next((i for i, m in enumerate(held) if m.parsed.method not in {None, "ACK"}), None)
        if first is None:
            without += len(held)
            continue
        without += first
        side = _Side(held[first:], us)
        found = list(side.stories(call_id))
        stories += found
        elsewhere += len(held) - first - sum(len(story.messages) for story in found)
    stories.sort(key=lambda story: story.first.at)
    return Grouped(stories, without, elsewhere)


class _Side:
    """Tells what our side sent and received under one Call-ID.

    An address tells it, unless both sides have the same one: then ports do, and for a connection
    that was opened later, whose port nobody announced, the tags.
    """

    def __init__(self, messages: list[Message], us: Us | None) -> None:
        self._messages = messages
        first = messages[0]
        if us is not None:
            first = next(
                (m for m in messages if us.is_at(m.source) or us.is_at(m.target)), messages[0]
            )
        self._by_host = first.source.host != first.target.host
        mine = us is None or us.is_at(first.source)
        self._there = us is None or mine or us.is_at(first.target)
        near, far = (first.source, first.target) if mine else (first.target, first.source)
        self._host = near.host
        self._ours, self._theirs = {near}, {far}
        self._tags: set[str] = set()

    def stories(self, call_id: str) -> Iterator[Story]:
        """Yield what our side took part in: a call is one story, each registration its own."""
        story: Story | None = None
        if not self._there:
            return
        for message in self._messages:
            sent = self._sent(message)
            if sent is None:
                continue
            if sent:
                self._learn(message)
            parsed = message.parsed
            if story is None and parsed.method in {None, "ACK"}:
                continue
            if story is None or (
                parsed.method == story.method in ALONE and _is_over(story, message)
            ):
                if story is not None:
                    yield story
                story = Story(call_id, message, sent)
            story.messages.append((message, sent))
        if story is not None:
            yield story

    def _sent(self, message: Message) -> bool | None:
        """Return whether our side sent a message; None where it is between others."""
        source, target, parsed = message.source, message.target, message.parsed
        if self._by_host:
            if source.host == self._host:
                return True
            return False if target.host == self._host else None
        if source in self._ours:
            return True
        if target in self._ours:
            return False
        late = message.transport == "TCP" and parsed.is_request and target in self._theirs
        if late and parsed.from_tag in self._tags:
            self._ours.add(source)
            return True
        return None

    def _learn(self, message: Message) -> None:
        """Take note of what a message of ours says of where we are and who."""
        parsed = message.parsed
        self._tags.add(parsed.from_tag if parsed.is_request else parsed.to_tag)
        if self._by_host:
            return
        host, port = uri_host(parsed.first("Contact"))
        if host == self._host:
            self._ours.add(End(host, port or 5060))
        via = _SENT_BY.search(parsed.first("Via") or "") if parsed.is_request else None
        if via is not None and via[1].strip("[]") == self._host:
            self._ours.add(End(self._host, int(via[2] or 5060)))
        self._ours -= self._theirs


def _is_over(story: Story, message: Message) -> bool:
    """Whether a request begins another story: it is no copy, and answers no challenge."""
    number = message.parsed.cseq[0]
    before = [m.parsed for m, _ in story.messages if m.parsed.method == story.method]
    if any(parsed.cseq[0] == number for parsed in before):
        return False
    finals = [m.parsed for m, _ in story.messages if (m.parsed.status or 0) >= 200]
    if not finals:
        return message.at - story.first.at > 32  # Timer F: the former one was given up
    challenged = finals[-1].status in {401, 407, 423, 494}
    return not (challenged and (message.parsed.has_credentials or finals[-1].status == 423))
