"""The trace: everything that happened during one attempt, in order, and who said it.

The agent holds no opinion. It appends events to a trace; verdict and diagnosis are pure functions
over it. Three rules keep a trace honest:

*Bytes or nothing.* ``MessageReceived`` exists only where bytes arrived, ``MessageSent`` only where
the stack handed bytes to a transport. A code that the stack made up for itself (408 for a timer,
503 for a transport) stands in ``TransactionFailed.stack_status`` and nowhere else.

*Order is the order of recording.* Events keep their index for ever: mismatches, explanations and
reports all cite events by index.

*RFC words mean what the RFC means.* An authenticated INVITE is two client transactions in one
Call-ID (each with its own branch); a forked one is one transaction and several dialogs. The trace
keeps both facts: ``transactions()`` groups by branch (RFC 3261 §17.1.3, §17.2.3), ``dialogs()`` by
Call-ID and tags (§12). The ACK of a non-2xx final belongs to the INVITE transaction (§17.1.1.3);
the ACK of a 2xx is a transaction of its own that answers nobody (§13.2.2.4), so it is attached to
the INVITE with the same Call-ID and CSeq number.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property
from operator import attrgetter

from msgspec import Struct

from probe.sip.message import MalformedMessageError, SipMessage, parse_message
from probe.trace.control import ControlRan
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.trace.route import DnsAnswer, NextHop

CHALLENGES = (401, 407)
"""The status codes that carry a challenge (RFC 3261 §22)."""

_REFUSALS = frozenset({*CHALLENGES, 403})
"""The status codes by which a login may be refused."""

UNASKED = "unasked"
"""Kind of the note that our stack sent a BYE which no step asked for."""

UNEXPECTED = "unexpected"
"""Kind of the note that a call reached an agent which no step expects."""

UNACKNOWLEDGED = "our stack could not send the ACK of their answer"
"""Detail of a call that came up and that our stack can neither acknowledge nor end."""

UNFRAMED = "they end no message: the Content-Length before them is longer than what came"
"""Detail of bytes that a connection holds back from its reader (RFC 3261 §18.3)."""

DIALOG_MAKERS = ("INVITE", "SUBSCRIBE", "REFER")
"""The methods whose requests make dialogs (RFC 3261 §12.1, RFC 6665 §4.4.1, RFC 3515 §2.4.4)."""


class MessageEvent(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """One message on the wire; use MessageSent or MessageReceived."""

    at: float
    "Seconds since the start of the run's clock (the trace's ``started_at``), µs resolution."

    transport: str
    "UDP, TCP or TLS, as the wire log names it."

    local: str
    "Our address as ip:port; empty where the stack did not say."

    remote: str
    "The peer's address as ip:port."

    text: str
    "The whole message as on the wire, decoded with surrogateescape; redacted before it is stored."

    retransmission: bool = False
    "Whether the same bytes went the same way before."

    @property
    def message(self) -> SipMessage:
        """The parsed view; raise MalformedMessageError where the text is not SIP."""
        return parse_message(self.text)

    @property
    def readable(self) -> SipMessage | None:
        """The parsed view; None where the text is not SIP."""
        try:
            return self.message
        except MalformedMessageError:
            return None


class MessageSent(MessageEvent, frozen=True, kw_only=True):
    """A message that we handed to a transport."""


class MessageReceived(MessageEvent, frozen=True, kw_only=True):
    """A message whose bytes arrived."""


class TransactionFailed(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """A transaction ended without a usable final response."""

    at: float
    "Seconds since the start of the trace."

    method: str
    "Method of the request."

    call_id: str
    "Call-ID of the request; empty where no request was built."

    failure: Failure
    "What ended it."

    stack_status: int | None
    "The status code that the stack invented, kept apart; None where it invented none."

    detail: str
    "The stack's or the kernel's own words, without secrets."

    deadline: str | None = None
    "Which deadline of ours ended it (timeout, answer_within, scenario) with its value; else None."


class IcmpReceived(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """The kernel reported an ICMP error for a datagram of ours (ip(7), IP_RECVERR)."""

    at: float
    "Seconds since the start of the trace."

    remote: str
    "Destination of our datagram as ip:port."

    offender: str
    "Address of the host that sent the ICMP message."

    icmp_type: int
    "ICMP type."

    icmp_code: int
    "ICMP code."


class NameLookup(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """One look-up of a host name that we made before sending."""

    at: float
    "Seconds since the start of the trace, at its end."

    name: str
    "The name that was asked."

    addresses: tuple[str, ...]
    "Addresses that came back; empty on failure."

    error: str | None
    """unknown (no such name), empty (no address), failed, refused (the name server serves
    others, not us), silent (no answer), denied (SRV says that there is no such service), or
    None."""

    detail: str
    "The resolver's own words."

    took_s: float
    "Duration in seconds."

    ttl: int | None = None
    "Seconds that the answer may be kept; None where the system's resolver gave it."


class TransportChanged(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """A connection-oriented transport came up or went down."""

    at: float
    "Seconds since the start of the trace."

    transport: str
    "TCP or TLS."

    remote: str
    "The peer's address as ip:port."

    state: str
    "connected, disconnected, or accepted (TCP is up, the TLS handshake is still to come)."

    error: str
    "The reason of a disconnection in the stack's words; empty where there was none."

    tls: str
    "Protocol version and cipher of a TLS connection; empty otherwise."

    certificate: tuple[str, ...] = ()
    "What verification said against the certificate, one entry a fault; empty where it passed."


class BytesDropped(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Bytes arrived that the stack could not read as SIP."""

    at: float
    "Seconds since the start of the trace."

    remote: str
    "Where they came from as ip:port."

    size: int
    "Number of bytes."

    detail: str
    "The stack's own words."


class Stalled(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Our user agent did not run for a while: what it saw then, it saw late."""

    at: float
    "Seconds since the start of the trace: when it ran again."

    seconds: float
    "How long it stood still."

    starved: float
    "How much of that it waited for a processor, by the kernel's count; 0 where nobody counts."


class AgentNote(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """A fact about our own user agent: restarted, re-registered, crashed, assertion text."""

    at: float
    "Seconds since the start of the trace."

    kind: str
    "A short word: restart, crash, hang, cleanup, warning."

    detail: str
    "What happened."


Event = (
    MessageSent
    | MessageReceived
    | TransactionFailed
    | IcmpReceived
    | NameLookup
    | DnsAnswer
    | NextHop
    | TransportChanged
    | BytesDropped
    | Stalled
    | AgentNote
    | ControlRan
)


def readable(events: Iterable[Event]) -> Iterator[tuple[MessageSent | MessageReceived, SipMessage]]:
    """Yield the messages among events that are SIP, each with its parsed view."""
    for event in events:
        if isinstance(event, MessageSent | MessageReceived) and (message := event.readable):
            yield event, message


class Transaction(Struct, frozen=True, kw_only=True):
    """A transaction: a request, what answered it, and how it ended."""

    method: str
    "Method of the request (never ACK)."

    call_id: str
    "Call-ID."

    cseq: int
    "CSeq number."

    branch: str
    "Branch of the topmost Via."

    ours: bool
    "Whether we sent the request (client transaction)."

    request: int
    "Index of the first copy of the request."

    copies: int
    "How often the request was sent, first copy included."

    responses: tuple[int, ...]
    "Indices of the responses in order, retransmissions left out."

    repeated: tuple[int, ...]
    "Indices of retransmitted responses."

    acks: tuple[int, ...]
    "Indices of the ACKs (INVITE only)."

    failure: int | None
    "Index of its TransactionFailed, or None."


class Dialog(Struct, frozen=True, kw_only=True):
    """A dialog or early dialog (RFC 3261 §12): one Call-ID, one pair of tags."""

    call_id: str
    "Call-ID."

    local_tag: str
    "Our tag."

    remote_tag: str
    "The peer's tag."

    events: tuple[int, ...]
    "Indices of its messages in order."

    confirmed: bool
    "Whether a 2xx to INVITE belongs to it."


class Response(Struct, frozen=True, kw_only=True):
    """A response to the attempt's own request, as judged."""

    index: int
    "Index of the event."

    at: float
    "Seconds since the start of the trace."

    status: int
    "Status code."

    reason: str
    "Reason phrase as written."

    transaction: int
    "Position of its transaction in ``Trace.transactions()``."


class Leg(Struct, frozen=True, kw_only=True):
    """What another agent of ours saw of an attempt: the called side of a call."""

    agent: str
    "Name of the agent in the scenario."

    trace: "Trace"
    "Its own messages; without any INVITE where no call reached it."

    registered: bool = True
    "Whether a registration of it stood when the call was placed."

    @property
    def reached(self) -> bool:
        """Whether an INVITE arrived."""
        return bool(self.trace.received("INVITE"))


class Trace(Struct, frozen=True, kw_only=True, dict=True):
    """Everything that happened during one attempt."""

    attempt: str
    "The attempt in words, e.g. ``call +12025550123``."

    method: str
    "The method under test: REGISTER, INVITE, OPTIONS, BYE, CANCEL."

    agent: str
    "Name and version of the user agent, e.g. ``pjsua2 2.15.1``."

    started_at: datetime
    "Aware UTC wall time at which ``at`` is zero."

    began: float
    "When the attempt began, in seconds on the trace's clock."

    ended: float
    "When the attempt ended, in seconds on the trace's clock."

    events: tuple[Event, ...]
    "What happened, in order."

    media: tuple[MediaReport, ...] = ()
    "RTP statistics, one a stream."

    our_cancel: bool = False
    "Whether the attempt was meant to CANCEL (ring_for or a cancel step)."

    serving: bool = False
    "Whether the method under test was asked of us: the attempt is the called side of a call."

    legs: tuple[Leg, ...] = ()
    "What each agent saw that the call was to reach, in the order of the step."

    def views(self) -> "tuple[Trace, ...]":
        """Return what each side saw: this trace, then those of its legs."""
        return (self, *(leg.trace for leg in self.legs))

    def messages(self) -> Iterator[tuple[int, MessageEvent, SipMessage]]:
        """Yield (index, event, parsed message) of every readable message, in order."""
        return iter(self._messages)

    @cached_property
    def _messages(self) -> tuple[tuple[int, MessageEvent, SipMessage], ...]:
        """The readable messages, each parsed once for as long as the trace is looked at."""
        found = []
        for index, event in enumerate(self.events):
            if isinstance(event, MessageEvent):
                try:
                    found.append((index, event, parse_message(event.text)))
                except MalformedMessageError:
                    continue
        return tuple(found)

    @cached_property
    def _by_index(self) -> dict[int, SipMessage]:
        """The readable messages by their index."""
        return {index: message for index, _, message in self._messages}

    @cached_property
    def _requests(self) -> dict[tuple[bool, str | None], tuple[int, ...]]:
        """Indices of requests by whether we sent them and their method, no retransmissions."""
        found: dict[tuple[bool, str | None], tuple[int, ...]] = {}
        for index, event, message in self._messages:
            if message.method is not None and not event.retransmission:
                key = isinstance(event, MessageSent), message.method
                found[key] = (*found.get(key, ()), index)
        return found

    def sent(self, method: str) -> tuple[int, ...]:
        """Return the indices of our requests of a method, retransmissions left out."""
        return self._requests.get((True, method), ())

    def received(self, method: str) -> tuple[int, ...]:
        """Return the indices of the peer's requests of a method, retransmissions left out."""
        return self._requests.get((False, method), ())

    def transactions(self) -> tuple[Transaction, ...]:
        """Return all transactions in the order of their first request."""
        return self._own_transactions

    @cached_property
    def _own_transactions(self) -> tuple[Transaction, ...]:
        return _transactions(self)

    def client_transactions(self) -> tuple[tuple[int, Transaction], ...]:
        """Return the transactions of the method under test with their positions.

        They are ours, or the peer's where the attempt serves. A re-INVITE that was accepted is
        none of a call's own: hold, resume and session timers are told by what follows.
        """
        return self._of_the_method

    @cached_property
    def _of_the_method(self) -> tuple[tuple[int, Transaction], ...]:
        own = tuple(
            (position, transaction)
            for position, transaction in enumerate(self.transactions())
            if transaction.ours is not self.serving and transaction.method == self.method
        )
        if self.method != "INVITE" or not own or self._changes_session(own[0][1]):
            return own
        return tuple(pair for pair in own if not self._changes_session(pair[1], accepted=True))

    def _changes_session(self, invite: Transaction, *, accepted: bool = False) -> bool:
        """Whether an INVITE stands inside a dialog; `accepted`: and was answered with a 2xx."""
        if not self.message(invite.request).to_tag:
            return False
        statuses = [self.message(index).status or 0 for index in invite.responses]
        return not accepted or any(200 <= status < 300 for status in statuses)

    def dialogs(self) -> tuple[Dialog, ...]:
        """Return dialogs and early dialogs in the order in which they were made."""
        return _dialogs(self)

    def answered_challenges(self) -> tuple[int, ...]:
        """Return the indices of 401/407 responses that we answered with credentials.

        A challenge is answered where a later transaction of the same Call-ID and method has a
        higher CSeq number and carries credentials (RFC 3261 §22.2, §8.1.3.5).
        """
        return self._answered

    @cached_property
    def _answered(self) -> tuple[int, ...]:
        found: list[int] = []
        if not any(message.status in CHALLENGES for _, _, message in self._messages):
            return ()
        own = [t for t in self.transactions() if t.ours]
        for transaction in own:
            later = any(
                other.call_id == transaction.call_id
                and other.method == transaction.method
                and other.cseq > transaction.cseq
                and self.message(other.request).has_credentials
                for other in own
            )
            if later:
                found.extend(
                    index
                    for index in transaction.responses
                    if self.message(index).status in CHALLENGES
                )
        return tuple(sorted(found))

    def responses(self, *, challenges: bool = False) -> tuple[Response, ...]:
        """Return the responses to the method under test, in order.

        Retransmissions are left out, and so are answered challenges unless ``challenges`` is set.
        """
        return self._every_response if challenges else self._responses

    @cached_property
    def _responses(self) -> tuple[Response, ...]:
        answered = self._answered
        if not answered:
            return self._every_response
        return tuple(one for one in self._every_response if one.index not in answered)

    @cached_property
    def _every_response(self) -> tuple[Response, ...]:
        found = []
        left = self.left()
        for position, transaction in self.client_transactions():
            if transaction.request < left:
                continue
            for index in transaction.responses:
                message = self.message(index)
                if message.status is not None:
                    found.append(
                        Response(
                            index=index,
                            at=self.events[index].at,
                            status=message.status,
                            reason=message.reason or "",
                            transaction=position,
                        )
                    )
        return tuple(sorted(found, key=attrgetter("index")))

    def final(self) -> Response | None:
        """Return the last final response to the method under test, or None."""
        return next((one for one in reversed(self._responses) if one.status >= 200), None)

    def left(self) -> int:
        """Return the index at which the last server was left for the next one; 0 where none was.

        What a server said that was left for another is no answer to the attempt (RFC 3263 §4.3).
        """
        places = [i for i, e in enumerate(self.events) if isinstance(e, NextHop) and e.left]
        return max(places, default=0)

    def login_refused(self) -> bool:
        """Whether credentials of ours were refused: a challenge after them that is not stale.

        A 403 to a REGISTER with credentials counts too: many registrars say so instead (RFC 3261
        §10.3 step 4).
        """
        if not any(message.status in _REFUSALS for _, _, message in self._messages):
            return False  # as almost always, and told without reading transactions
        final = self.final()
        if final is None:
            return False
        request = self.message(self.transactions()[final.transaction].request)
        if not request.has_credentials:
            return False
        if final.status in CHALLENGES:
            return not any(c.stale for c in self.message(final.index).challenges)
        return final.status == 403 and self.method == "REGISTER"

    def failure(self) -> TransactionFailed | None:
        """Return the failure of the attempt, or None: the last one recorded for its method."""
        found = None
        for event in self.events:
            if isinstance(event, TransactionFailed) and event.method in {self.method, ""}:
                found = event
        return found

    def controls(self) -> tuple[ControlRan, ...]:
        """Return what was asked after the attempt had failed, in order."""
        return tuple(event for event in self.events if isinstance(event, ControlRan))

    def message(self, index: int) -> SipMessage:
        """Return the parsed message at an index; raise TypeError where it is not a message."""
        event = self.events[index]
        if not isinstance(event, MessageEvent):
            raise TypeError(f"event {index} is a {type(event).__name__}, not a message")
        return self._by_index.get(index) or event.message


def _transactions(trace: Trace) -> tuple[Transaction, ...]:
    """Group messages into transactions by direction, branch and CSeq method."""
    parts: dict[_Key, _Group] = {}
    invites: dict[tuple[bool, str, int], _Group] = {}
    for index, event, message in trace.messages():
        number, method = message.cseq
        ours = isinstance(event, MessageSent) is message.is_request
        if message.method == "ACK":
            group = invites.get((ours, message.call_id, number))
            if group is not None:
                group.acks.append(index)
            continue
        key = (ours, message.branch, method)
        group = parts.get(key)
        if message.is_request:
            if group is None:
                group = parts[key] = _Group(message.call_id, number)
            group.requests.append(index)
            if method == "INVITE":
                invites[ours, message.call_id, number] = group
        elif group is not None:
            (group.repeated if event.retransmission else group.responses).append(index)
    failures = _failures(trace, parts)
    return tuple(
        Transaction(
            method=key[2],
            call_id=group.call_id,
            cseq=group.cseq,
            branch=key[1],
            ours=key[0],
            request=group.requests[0],
            copies=len(group.requests),
            responses=tuple(group.responses),
            repeated=tuple(group.repeated),
            acks=tuple(group.acks),
            failure=failures.get(key),
        )
        for key, group in parts.items()
    )


_Key = tuple[bool, str, str]
"""Whether a transaction is ours, its branch and the method of its CSeq."""


class _Group:
    """The indices of a transaction's messages while they are gathered."""

    __slots__ = ("acks", "call_id", "cseq", "repeated", "requests", "responses")

    def __init__(self, call_id: str, cseq: int) -> None:
        self.call_id = call_id
        self.cseq = cseq
        self.requests: list[int] = []
        self.responses: list[int] = []
        self.repeated: list[int] = []
        self.acks: list[int] = []


def _failures(trace: Trace, parts: dict[_Key, _Group]) -> dict[_Key, int]:
    """Map a client transaction to the index of its failure.

    A failure names Call-ID and method only: it belongs to the latest request of both, so that a
    challenged first request does not share the failure of the authenticated second one.
    """
    found = {}
    for index, event in enumerate(trace.events):
        if not isinstance(event, TransactionFailed):
            continue
        candidates = [
            (group.requests[0], key)
            for key, group in parts.items()
            if key[0]
            and key[2] == event.method
            and group.requests[0] < index
            and group.call_id == event.call_id
        ]
        if candidates:
            found[max(candidates)[1]] = index
    return found


def _dialogs(trace: Trace) -> tuple[Dialog, ...]:
    """Group messages that carry both tags by Call-ID and tags.

    A dialog begins with a response above 100 and below 300 to a request that makes one, or with a
    NOTIFY that overtakes it (RFC 6665 §4.1.2.4). Other messages with two tags (the ACK of a
    refusal, the 200 of a CANCEL) belong to a dialog only where it is there already.
    """
    events: dict[tuple[str, str, str], list[int]] = {}
    confirmed: set[tuple[str, str, str]] = set()
    for index, event, message in trace.messages():
        if not (message.from_tag and message.to_tag):
            continue
        from_us = isinstance(event, MessageSent) == message.is_request
        local, remote = (
            (message.from_tag, message.to_tag) if from_us else (message.to_tag, message.from_tag)
        )
        key = (message.call_id, local, remote)
        status, method = message.status or 0, message.cseq[1]
        makes = method in DIALOG_MAKERS and 100 < status < 300
        if not makes and message.method != "NOTIFY" and key not in events:
            continue
        events.setdefault(key, []).append(index)
        if method == "INVITE" and 200 <= status < 300:
            confirmed.add(key)
    return tuple(
        Dialog(
            call_id=key[0],
            local_tag=key[1],
            remote_tag=key[2],
            events=tuple(indices),
            confirmed=key in confirmed,
        )
        for key, indices in events.items()
    )
