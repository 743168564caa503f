"""One attempt, read once for all rules: what was sent, what came back, when, and who ended it.

A `Case` holds no opinion. It answers the questions that rules ask: which final response decides
(never one that follows our own giving up), whether it came before or after our login, what the
Reason header says, which address they saw, whether a 2xx was repeated. Everything is worked out
when first asked for, from the trace and our own settings only.
"""

import re
from functools import cached_property
from typing import TypeVar

from probe.diagnosis.earlier import Earlier
from probe.diagnosis.explanation import Evidence
from probe.diagnosis.facts import Login, ReasonValue, Reply, reason_values
from probe.diagnosis.history import Before
from probe.diagnosis.quote import header_lines, plain, quoted, start_line
from probe.diagnosis.whose import Whose, whose
from probe.plan.action import Account, Call, Register
from probe.plan.plan import Attempt
from probe.sip.challenge import AuthField
from probe.sip.message import MalformedMessageError, SipMessage, uri_host, uri_user
from probe.sip.sdp import SessionDescription, address_class
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure
from probe.trace.trace import (
    CHALLENGES,
    AgentNote,
    BytesDropped,
    Event,
    IcmpReceived,
    MessageEvent,
    MessageReceived,
    MessageSent,
    NameLookup,
    Response,
    Trace,
    Transaction,
    TransactionFailed,
    TransportChanged,
)
from probe.verdict.verdict import Outcome, Verdict

TELLING_FIELDS = (
    "Reason",
    "Warning",
    "P-Registrar-Error",
    "Error-Info",
    "X-ZT-Hangup-Code",
    "X-Twilio-Error",
    "ms-diagnostics",
)
"""Header fields in which the real reason of a refusal often stands, beside the phrase."""

GAVE_UP = frozenset(
    {
        Failure.NO_RESPONSE,
        Failure.NO_FINAL_RESPONSE,
        Failure.SCENARIO_DEADLINE,
        Failure.INTERRUPTED,
    }
)
"""Failures after which we end the attempt ourselves: a 487 that follows answers our own CANCEL."""

ORDER_KINDS = frozenset({"responses", "challenge"})
"""Kinds of mismatch that ask why the other side answered as it did."""

DETAIL_KINDS = frozenset({"timing", "headers"})
"""Kinds of mismatch that say nothing against the call itself."""

_OF_THE_NETWORK = re.compile(r"^Reason\s*:\s*Q\.850\b", re.IGNORECASE)
"A Reason of the telephone network: its text is the cause's own name, not theirs."
_LONGEST_FIELD = 2000
"Characters of a header field that are looked at."
_RECEIVED = re.compile(r";\s*received\s*=\s*\[?([0-9A-Fa-f.:]+)")
_RPORT = re.compile(r";\s*rport\s*=\s*(\d{1,5})")
_TRANSPORT = re.compile(r";\s*transport\s*=\s*(udp|tcp|tls|ws|wss|sctp)\b", re.IGNORECASE)
_WARNING = re.compile(r"(?:^|,)\s*(\d{3})\s")
_E = TypeVar("_E", bound=Event)


class Case:
    """An attempt, its trace and its verdict, and what can be read from them."""

    def __init__(
        self,
        attempt: Attempt,
        trace: Trace,
        verdict: Verdict,
        before: Before | None = None,
        earlier: tuple[Earlier, ...] = (),
    ) -> None:
        self.attempt = attempt
        self.trace = trace
        self.verdict = verdict
        self.before = before
        self.earlier = earlier
        self.account: Account | None = attempt.account
        self.method = attempt.method or trace.method
        self.direction = attempt.direction

    # What is asked ------------------------------------------------------------------------------

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of mismatch: responses, timing, headers, sdp, media, challenge and others."""
        return frozenset(kind_of(mismatch.path) for mismatch in self.verdict.mismatches)

    @cached_property
    def asks_why(self) -> bool:
        """Whether the question is why it failed; not a bound, a header or the order alone."""
        if self.undecided or self.failed(Failure.UNUSABLE_ANSWER):
            return True
        if not self.kinds or "challenge" in self.kinds or self.kinds - ORDER_KINDS - _ALL_KINDS:
            return True
        return "responses" in self.kinds and not self.final_as_wanted

    @property
    def undecided(self) -> bool:
        """Whether a failure, and no response, is the outcome."""
        return self.verdict.outcome is Outcome.INCONCLUSIVE or (
            self.failure is not None and self.reply is None
        )

    @cached_property
    def final_as_wanted(self) -> bool:
        """Whether the last code that the sequence asks for is the final one that came."""
        words = re.findall(r"[1-6][0-9x]{2}(?:\|[1-6][0-9x]{2})*", self.verdict.expected)
        if self.reply is None or not words:
            return False
        status = str(self.reply.status)
        return any(
            all(want in {"x", got} for want, got in zip(word, status, strict=True))
            for word in words[-1].split("|")
        )

    # What came back -----------------------------------------------------------------------------

    @cached_property
    def failure(self) -> TransactionFailed | None:
        """The failure of the attempt, or None."""
        return self.trace.failure()

    @cached_property
    def failure_index(self) -> int | None:
        """Its index."""
        return next(
            (i for i in reversed(range(len(self.events))) if self.events[i] is self.failure), None
        )

    def failed(self, *failures: Failure) -> bool:
        """Whether the attempt ended with one of these failures."""
        return self.failure is not None and self.failure.failure in failures

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of the trace."""
        return self.trace.events

    @cached_property
    def reply(self) -> Reply | None:
        """The final response that decides, or None; never the 487 of our own giving up."""
        final = self.trace.final()
        if final is not None and not self._after_giving_up(final.index):
            transaction = self.trace.transactions()[final.transaction]
            return self._reply(final.index, transaction.request, ours=False)
        return self._own_reply()

    def _after_giving_up(self, index: int) -> bool:
        return (
            self.failed(*GAVE_UP) and self.failure_index is not None and index > self.failure_index
        )

    def _own_reply(self) -> Reply | None:
        """Return the last final response that we gave to an incoming request of the method."""
        if self.direction != "inbound" or self.trace.client_transactions():
            return None
        for transaction in reversed(self.trace.transactions()):
            if not transaction.ours and transaction.method == self.trace.method:
                for index in reversed(transaction.responses):
                    if (self.trace.message(index).status or 0) >= 200:
                        return self._reply(index, transaction.request, ours=True)
        return None

    def _reply(self, index: int, request: int, *, ours: bool) -> Reply:
        message = self.trace.message(index)
        return Reply(
            index=index,
            at=self.events[index].at,
            status=message.status or 0,
            phrase=message.reason or "",
            message=message,
            request=request,
            ours=ours,
        )

    @property
    def status(self) -> int:
        """The deciding status code, 0 where none arrived."""
        return self.reply.status if self.reply else 0

    @cached_property
    def provisionals(self) -> tuple[Response, ...]:
        """Provisional responses in order."""
        return tuple(r for r in self.trace.responses() if 100 <= r.status < 200)

    @property
    def rang(self) -> Response | None:
        """The first 18x that is no 100, or None."""
        return next((r for r in self.provisionals if r.status >= 180), None)

    @property
    def early_media(self) -> Response | None:
        """The first provisional response with a session description, or None."""
        return next((r for r in self.provisionals if self.trace.message(r.index).has_sdp), None)

    @cached_property
    def received(self) -> tuple[int, ...]:
        """Indices of everything that arrived, unreadable text included."""
        return tuple(i for i, e in enumerate(self.events) if isinstance(e, MessageReceived))

    @cached_property
    def requests(self) -> tuple[int, ...]:
        """Indices of our requests of the method under test, first copies."""
        return self.trace.sent(self.trace.method)

    @cached_property
    def request(self) -> SipMessage | None:
        """The request that the deciding response answers, else our last one, or None."""
        index = self.request_index
        return None if index is None else self.trace.message(index)

    @cached_property
    def request_index(self) -> int | None:
        """Its index."""
        if self.reply is not None:
            return self.reply.request
        return self.requests[-1] if self.requests else None

    @cached_property
    def silent_tail(self) -> bool:
        """Whether our last request of the method got no response at all."""
        own = [transaction for _, transaction in self.trace.client_transactions()]
        return bool(own) and not own[-1].responses

    # Times --------------------------------------------------------------------------------------

    @property
    def began(self) -> float:
        """When our first request left; the beginning of the attempt where none did."""
        return self.events[self.requests[0]].at if self.requests else self.trace.began

    @property
    def ended(self) -> float:
        """When it was decided."""
        if self.reply is not None:
            return self.reply.at
        return self.failure.at if self.failure is not None else self.trace.ended

    @property
    def took_s(self) -> float:
        """Seconds from our last-but-login request to the decision."""
        start = self.request_index
        return max(0.0, self.ended - (self.events[start].at if start is not None else self.began))

    @property
    def rang_s(self) -> float:
        """Seconds from the first 18x to the decision, 0 where there was none."""
        return max(0.0, self.ended - self.rang.at) if self.rang else 0.0

    # Header fields ------------------------------------------------------------------------------

    def reasons(self, index: int) -> tuple[ReasonValue, ...]:
        """Return the Reason values of a message (RFC 3326, several by RFC 9366)."""
        return tuple(
            one
            for value in self.trace.message(index).all("Reason")
            for one in reason_values(value, index)
        )

    @cached_property
    def q850(self) -> ReasonValue | None:
        """The Q.850 cause of the deciding response, or None."""
        if self.reply is None:
            return None
        return next(
            (
                reason
                for reason in self.reasons(self.reply.index)
                if reason.protocol == "Q.850" and reason.cause is not None
            ),
            None,
        )

    @cached_property
    def warnings(self) -> tuple[int, ...]:
        """The warn-codes of the deciding response (RFC 3261 §20.43)."""
        if self.reply is None:
            return ()
        return tuple(
            int(code)
            for value in self.reply.message.all("Warning")
            for code in _WARNING.findall(value[:_LONGEST_FIELD])
        )

    def header(self, name: str) -> str:
        """Return a header field of the deciding response, empty where it is absent."""
        return (self.reply.message.first(name) or "") if self.reply else ""

    def matching(self, pattern: str) -> tuple[Evidence, ...]:
        """Return the phrase and the telling header lines in which a pattern occurs, as evidence."""
        if self.reply is None:
            return ()
        found = []
        if re.search(pattern, self.reply.phrase, re.IGNORECASE):
            found.append(self.cite_start(self.reply.index))
        event = self.events[self.reply.index]
        text = event.text if isinstance(event, MessageEvent) else ""
        for name in TELLING_FIELDS:
            found.extend(
                Evidence(event=self.reply.index, says=f"it carries {quoted(line)}")
                for line in header_lines(text, name)
                if re.search(pattern, line, re.IGNORECASE) and not _OF_THE_NETWORK.search(line)
            )
        return tuple(found)

    # Login --------------------------------------------------------------------------------------

    @cached_property
    def login(self) -> Login:
        """How far the login came."""
        own = [transaction for _, transaction in self.trace.client_transactions()]
        challenges = [i for t in own for i in t.responses if self._status_at(i) in CHALLENGES]
        with_login = [t for t in own if self.trace.message(t.request).has_credentials]
        again = [i for t in with_login for i in t.responses if self._status_at(i) in CHALLENGES]
        return Login(
            challenges=tuple(challenges),
            sent=tuple(t.request for t in with_login),
            fields=tuple(c for i in challenges for c in self.usable_challenges(i)),
            decided_after=self.reply is not None
            and not self.reply.ours
            and self.trace.message(self.reply.request).has_credentials,
            again=bool(again),
            stale_again=bool(again)
            and all(any(c.stale for c in self.trace.message(i).challenges) for i in again),
        )

    def usable_challenges(self, index: int) -> tuple[AuthField, ...]:
        """Return the Digest challenges that stand in the header field their code asks for."""
        message = self.trace.message(index)
        wanted = "WWW-Authenticate" if message.status == 401 else "Proxy-Authenticate"
        if message.first(wanted) is None:
            return ()
        return tuple(c for c in message.challenges if c.scheme == "digest")

    @cached_property
    def unusable_challenge(self) -> int | None:
        """The index of a 401 or 407 that no Digest login can answer (RFC 3261 §22.1), or None.

        Our stack may have thrown it away: then it decides nothing, and is still what they said.
        """
        if self.reply is not None and self.reply.ours:
            return None
        thrown_away = reversed(self.received) if self.failed(Failure.RESPONSE_DISCARDED) else ()
        for index in (self.reply.index,) if self.reply else thrown_away:
            try:
                challenge = self._status_at(index) in CHALLENGES
            except MalformedMessageError:
                continue
            if challenge and not self.usable_challenges(index):
                return index
        return None

    def _status_at(self, index: int) -> int:
        return self.trace.message(index).status or 0

    # The path -----------------------------------------------------------------------------------

    def all_of(self, kind: type[_E]) -> tuple[tuple[int, _E], ...]:
        """Return the events of a kind with their indices."""
        return tuple((i, e) for i, e in enumerate(self.events) if isinstance(e, kind))

    @property
    def icmp(self) -> tuple[tuple[int, IcmpReceived], ...]:
        """ICMP errors."""
        return self.all_of(IcmpReceived)

    @property
    def lookups(self) -> tuple[tuple[int, NameLookup], ...]:
        """Name look-ups."""
        return self.all_of(NameLookup)

    @property
    def connections(self) -> tuple[tuple[int, TransportChanged], ...]:
        """What happened to connections."""
        return self.all_of(TransportChanged)

    @property
    def dropped(self) -> tuple[tuple[int, BytesDropped], ...]:
        """Bytes that the stack could not read."""
        return self.all_of(BytesDropped)

    @property
    def notes(self) -> tuple[tuple[int, AgentNote], ...]:
        """Notes about our own agent."""
        return self.all_of(AgentNote)

    @property
    def controls(self) -> tuple[tuple[int, ControlRan], ...]:
        """What was asked after the failure, with the index of each answer."""
        return self.all_of(ControlRan)

    def asked(self, control: Control) -> tuple[tuple[int, ControlRan], ...]:
        """Return the answers of one control."""
        return tuple((i, event) for i, event in self.controls if event.control is control)

    @cached_property
    def seen_address(self) -> tuple[str, int] | None:
        """The address they saw us at, from a response's Via (RFC 3581), with its event."""
        indices = (self.reply.index,) if self.reply else self.received
        for index in indices:
            try:
                message = self._message(index)
            except (MalformedMessageError, TypeError):
                continue
            found = _RECEIVED.search((message.first("Via") or "").split(",")[0])
            if found and not message.is_request:
                return found.group(1), index
        return None

    def _message(self, index: int) -> SipMessage:
        return self.trace.message(index)

    @cached_property
    def local_host(self) -> str:
        """Our own address as bound, empty where nothing was sent."""
        for event in self.events:
            if isinstance(event, MessageSent):
                return event.local.rpartition(":")[0].strip("[]")
        return ""

    @property
    def transport(self) -> str:
        """UDP, TCP or TLS: of the messages, else as configured, else of a connection."""
        for event in self.events:
            if isinstance(event, MessageEvent):
                return event.transport.upper()
        if self.account is not None:
            return self.account.transport.upper()
        return next((event.transport.upper() for _, event in self.connections), "UDP")

    @property
    def target(self) -> str:
        """The peer as ip:port where we sent something, else as configured."""
        for event in self.events:
            if isinstance(event, MessageSent):
                return event.remote
        if self.account is None:
            tried = next((e for e in self.events if isinstance(e, TransportChanged)), None)
            return tried.remote if tried else "the target"
        port = f":{self.account.port}" if self.account.port else ""
        host = self.account.host
        return f"[{host}]{port}" if ":" in host else f"{host}{port}"

    @property
    def port(self) -> int | None:
        """The peer's port, None where it is unknown."""
        digits = self.target.rpartition(":")[2]
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else None

    # The call -----------------------------------------------------------------------------------

    @cached_property
    def dialled(self) -> str:
        """The user part of the Request-URI, empty where there is none."""
        if isinstance(self.attempt.action, Call):
            target = self.attempt.action.target
        else:
            target = (self.request.request_uri if self.request else None) or ""
        return uri_user(target).partition(";")[0]

    @cached_property
    def dialled_host(self) -> str:
        """The host part of the Request-URI, empty where there is none."""
        return uri_host(self.request.request_uri)[0] if self.request else ""

    @cached_property
    def caller(self) -> str:
        """The user part of From, empty where there is none."""
        return uri_user(self.request.first("From")) if self.request else ""

    @property
    def sent_login(self) -> str:
        """The user name of our first credentials, empty where we sent none."""
        for index in self.login.sent:
            for field in self.trace.message(index).credentials:
                name = field.get("username")
                if name:
                    return name
        return ""

    @cached_property
    def offer(self) -> SessionDescription | None:
        """The session description of our INVITE, or None."""
        return self.request.sdp if self.request is not None else None

    @cached_property
    def invite(self) -> Transaction | None:
        """The INVITE transaction of ours that was answered with a 2xx, or None."""
        for transaction in self.trace.transactions():
            if transaction.ours and transaction.method == "INVITE" and self._answer(transaction):
                return transaction
        return None

    def _answer(self, transaction: Transaction) -> int | None:
        return next(
            (i for i in transaction.responses if 200 <= self._status_at(i) < 300),
            None,
        )

    @cached_property
    def answer(self) -> int | None:
        """The index of the first 2xx to our INVITE, or None."""
        return self._answer(self.invite) if self.invite else None

    @cached_property
    def answer_sdp(self) -> SessionDescription | None:
        """The session description of that 2xx, or None."""
        return None if self.answer is None else self.trace.message(self.answer).sdp

    @cached_property
    def early(self) -> int | None:
        """The index of the first 18x with a session description, or None."""
        return next(
            (
                index
                for transaction in self.trace.transactions()
                if transaction.ours and transaction.method == "INVITE"
                for index in transaction.responses
                if 180 <= self._status_at(index) < 200 and self.trace.message(index).has_sdp
            ),
            None,
        )

    @cached_property
    def repeated_answers(self) -> tuple[int, ...]:
        """Indices of copies of a 2xx to our INVITE that came after our ACK left."""
        if self.invite is None or not self.invite.acks:
            return ()
        first = self.invite.acks[0]
        return tuple(
            i for i in self.invite.repeated if i > first and 200 <= self._status_at(i) < 300
        )

    @cached_property
    def routed_elsewhere(self) -> tuple[int, str] | None:
        """The answer that wants requests inside the call over another transport, and which.

        The last Record-Route of a response is the first hop from our side, else the Contact counts
        (RFC 3261 §12.1.2); a URI without a transport parameter says nothing here.
        """
        if self.answer is None:
            return None
        message = self.trace.message(self.answer)
        routes = message.all("Record-Route")
        hop = routes[-1].rsplit(",", 1)[-1] if routes else message.first("Contact") or ""
        found = _TRANSPORT.search(hop)
        if found is None or found.group(1).upper() == self.transport:
            return None
        return self.answer, found.group(1).upper()

    @cached_property
    def our_cancel(self) -> int | None:
        """The index of our CANCEL, or None."""
        return next(iter(self.trace.sent("CANCEL")), None)

    @cached_property
    def our_bye(self) -> int | None:
        """The index of our first BYE, or None."""
        return next(iter(self.trace.sent("BYE")), None)

    @cached_property
    def their_bye(self) -> int | None:
        """The index of the peer's first BYE, or None."""
        return next(iter(self.trace.received("BYE")), None)

    @property
    def hung_up_before(self) -> int | None:
        """Their BYE where the step was to hang up and found the call ended, else None."""
        found_ended = self.method == "BYE" and self.our_bye is None and self.answer is not None
        return self.their_bye if found_ended else None

    def after_answer(self, index: int) -> float:
        """Return the seconds from the answer to an event."""
        return self.events[index].at - (self.events[self.answer].at if self.answer else self.began)

    # Words --------------------------------------------------------------------------------------

    @cached_property
    def whose(self) -> Whose:
        """Whose trunk it is, and how that is known."""
        return whose(self.attempt, self.trace)

    @property
    def provider(self) -> str:
        """The provider in words."""
        found = self.whose.provider
        return self.attempt.provider or (found.name if found is not None else "the provider")

    @cached_property
    def facts(self) -> dict[str, str]:
        """The facts that texts may name, made safe to print."""
        account = self.account
        seen = self.seen_address[0] if self.seen_address else ""
        facts = {
            "answer": f"{self.status} {self.reply.phrase}" if self.reply else "no response",
            "status": str(self.status),
            "method": self.method or "request",
            "label": self.attempt.label,
            "number": self.dialled,
            "number_host": self.dialled_host,
            "caller": self.caller,
            "host": account.host if account else self.target,
            "port": str(self.port or 5060),
            "target": self.target,
            "transport": self.transport,
            "user": account.user if account else self.caller or "the user",
            "login": account.auth_user if account else self.sent_login or "the user",
            "local": self.local_host,
            "seen": seen or self.local_host or "our address",
            "provider": self.provider,
        }
        safe = {key: plain(value) for key, value in facts.items()}
        return {
            **safe,
            "took": seconds(self.took_s),
            "rang": seconds(self.rang_s),
            "timeout": seconds(self.attempt.action.timeout),
            "answer_within": seconds(self.attempt.action.answer_within),
        }

    def fill(self, text: str) -> str:
        """Put the facts into a text."""
        return text.format_map(self.facts)

    # Evidence -----------------------------------------------------------------------------------

    def cite_start(self, index: int) -> Evidence:
        """Cite a message by its first line."""
        event = self.events[index]
        text = event.text if isinstance(event, MessageEvent) else ""
        verb = "we sent" if isinstance(event, MessageSent) else "they sent"
        return Evidence(event=index, says=f"{verb} {quoted(start_line(text))}")

    def cite(self, *names: str, index: int | None = None) -> tuple[Evidence, ...]:
        """Cite header lines of a message, of the deciding response where no index is given."""
        where = self.reply.index if index is None and self.reply else index
        if where is None:
            return ()
        event = self.events[where]
        text = event.text if isinstance(event, MessageEvent) else ""
        return tuple(
            Evidence(event=where, says=f"it carries {quoted(line)}")
            for name in names
            for line in header_lines(text, name)[:3]
        )

    def cite_audio(self, index: int) -> tuple[Evidence, ...]:
        """Cite the audio line and the connection line of a message's session description."""
        event = self.events[index]
        body = event.message.body if isinstance(event, MessageEvent) else ""
        return tuple(
            Evidence(event=index, says=f'its SDP says "{plain(line)}"')
            for line in body.splitlines()
            if line.startswith(("m=audio", "c=", "a=send", "a=recv", "a=inactive"))
        )[:3]

    def cite_failure(self) -> tuple[Evidence, ...]:
        """Cite the failure in the words of the stack or the kernel."""
        if self.failure is None:
            return ()
        detail = plain(self.failure.detail)
        said = f": {detail}" if detail else ""
        return (Evidence(event=self.failure_index, says=f"{self.failure.failure.value}{said}"),)

    def cite_control(self, index: int) -> Evidence:
        """Cite what a control showed."""
        event = self.events[index]
        if not isinstance(event, ControlRan):
            raise TypeError(f"event {index} is no control")
        return Evidence(event=index, says=f"we asked {plain(event.target)}: {plain(event.detail)}")

    @property
    def requested_expires(self) -> int | None:
        """The registration interval we asked for, None where the attempt is another."""
        return self.attempt.action.expires if isinstance(self.attempt.action, Register) else None


_ALL_KINDS = frozenset({"timing", "headers", "sdp", "media"})


def kind_of(path: str) -> str:
    """Return the kind of a mismatch: the word after ``expect``; responses where there is none."""
    parts = [re.sub(r"\W.*", "", part) for part in path.split(".")]
    return parts[1] if parts[0] == "expect" and len(parts) > 1 else "responses"


def seconds(value: float) -> str:
    """Return a duration in words a person reads."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s".replace(".0 s", " s")


def is_private(address: str) -> bool:
    """Whether an address cannot be reached from the public network."""
    return address_class(address) in {"private", "loopback", "unspecified"}
