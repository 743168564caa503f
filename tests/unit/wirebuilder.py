"""Builds traces from messages as they stand on the wire, for tests that place no call.

A ``Wire`` is one user agent (192.0.2.10) and one peer (198.51.100.1). Each call appends one event,
moves the clock on by ``step`` (or to ``at=``) and returns the wire, so a story reads as a chain::

    from wirebuilder import ANSWER, OFFER, Wire, sdp

    trace = (
        Wire("INVITE")
        .send("INVITE", body=OFFER)             # event 0, CSeq 1
        .receive(407)                           # event 1, with a Digest challenge
        .send("ACK")                            # event 2, belongs to the first INVITE
        .send("INVITE", auth=True, body=OFFER)  # event 3, CSeq 2, same Call-ID
        .receive(100)
        .receive(180, at=1.5)                   # 1.5 s on the trace's clock
        .receive(200, body=ANSWER)
        .send("ACK")
        .send("BYE")
        .receive(200)                           # answers the BYE: the last request but ACK
        .trace()
    )

- ``receive(200, to="INVITE")`` answers an earlier method; ``tag="b2"`` is another fork; ``tag=""``
  leaves the To tag out; ``headers={"Retry-After": "30"}`` adds header fields or replaces one of
  ours, and a value of None removes one.
- ``resend()`` repeats our last message, ``again()`` the peer's: recorded as retransmissions.
- ``request("BYE")`` is a request of the peer, ``reply(200)`` our answer to it.
- ``fail(Failure.NO_RESPONSE)`` and ``add(event)`` append what is no message; ``raw(text)`` records
  any text as received.
- ``register_ok()``, ``answered_call()`` and ``refused_call(503)`` are wires of common stories; end
  them with ``.trace()``.
"""

from collections.abc import Mapping
from datetime import datetime, timezone

from probe.trace.builder import EventLog
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.trace.trace import Event, MessageReceived, MessageSent, Trace, TransactionFailed

LOCAL = "192.0.2.10:5060"
REMOTE = "198.51.100.1:5060"
NUMBER = "+12025550123"

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
    603: "Decline",
}
"""Reason phrases of the codes that tests use; any other code says ``Reason``."""

STARTED = datetime(2026, 11, 2, 12, 0, 0, tzinfo=timezone.utc)
"""Wall time at which the clock of every built trace is zero."""


def sdp(
    *codecs: str, address: str = "198.51.100.1", direction: str = "sendrecv", port: int = 40000
) -> str:
    """Return a session description with one audio section; PCMU where no codec is named."""
    payloads = {"PCMU": 0, "GSM": 3, "PCMA": 8, "G722": 9, "G729": 18, "telephone-event": 101}
    wanted = codecs or ("PCMU",)
    numbers = [payloads.get(codec, 110 + place) for place, codec in enumerate(wanted)]
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {address}",
        "s=-",
        f"c=IN IP4 {address}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(map(str, numbers))}",
        *(f"a=rtpmap:{number} {codec}/8000" for number, codec in zip(numbers, wanted, strict=True)),
        f"a={direction}",
    ]
    return "\r\n".join(lines) + "\r\n"


OFFER = sdp("PCMU", "PCMA", "telephone-event", address="192.0.2.10", port=4000)
"""A slim offer of ours."""

ANSWER = sdp("PCMU", "telephone-event")
"""A peer's answer to it: PCMU, both directions, a documentation address."""


class Wire:
    """Appends messages and other events, then turns them into a trace."""

    def __init__(  # noqa: PLR0913 - every argument is a fact of the story with a default
        self,
        method: str = "INVITE",
        *,
        attempt: str | None = None,
        transport: str = "UDP",
        call_id: str = "c1@192.0.2.10",
        number: str = NUMBER,
        our_cancel: bool = False,
        step: float = 0.01,
    ) -> None:
        self.log = EventLog()
        self.now = 0.0
        self._method = method
        self._attempt = attempt or {
            "INVITE": f"call {number}",
            "REGISTER": "register trunk",
        }.get(method, method.lower())
        self._transport = transport
        self._call_id = call_id
        self._number = number
        self._our_cancel = our_cancel
        self._step = step
        self._started = False
        self._cseq = 0
        self._branches = 0
        self._nonces = 0
        self._ours: dict[str, tuple[int, str, bool]] = {}
        self._last_ours = ""
        self._theirs: dict[str, tuple[int, str]] = {}
        self._last_theirs = ""
        self._tag = "b1"
        self._last_sent = ""
        self._last_received = ""
        self._media: list[MediaReport] = []

    # -- messages of ours --------------------------------------------------------------------------

    def send(  # noqa: PLR0913 - every argument is a fact of the message with a default
        self,
        method: str,
        *,
        at: float | None = None,
        auth: bool = False,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
        nonce: str | None = None,
        tag: str | None = None,
    ) -> "Wire":
        """Send a request; ACK and CANCEL take number and branch from the INVITE (§17.1.1.3)."""
        in_dialog = method in {"ACK", "BYE", "PRACK", "INFO", "UPDATE", "REFER"}
        final_2xx = self._ours.get("INVITE", (0, "", False))[2]
        if method in {"ACK", "CANCEL"} and "INVITE" in self._ours:
            cseq, branch, _ = self._ours["INVITE"]
            if method == "ACK" and final_2xx:
                branch = self._new_branch()
        else:
            self._cseq += 1
            cseq, branch = self._cseq, self._new_branch()
        if method != "ACK":
            self._ours[method] = (cseq, branch, False)
            self._last_ours = method
        uri = "sip:198.51.100.1" if method == "REGISTER" else f"sip:{self._number}@198.51.100.1"
        fields: dict[str, str | None] = {
            "Via": f"SIP/2.0/{self._transport} {LOCAL};rport;branch={branch}",
            "Max-Forwards": "70",
            "From": "<sip:100@198.51.100.1>;tag=a1",
            "To": self._to(tag if tag is not None else (self._tag if in_dialog else "")),
            "Call-ID": self._call_id,
            "CSeq": f"{cseq} {method}",
        }
        if method in {"INVITE", "REGISTER", "SUBSCRIBE"}:
            fields["Contact"] = "<sip:100@192.0.2.10:5060;ob>"
        if auth:
            name = "Authorization" if self._challenge == 401 else "Proxy-Authorization"
            fields[name] = (
                f'Digest username="100", realm="trunk.example", nonce="{nonce or self._nonce}", '
                f'uri="{uri}", response="0123456789abcdef0123456789abcdef", algorithm=MD5, '
                'cnonce="c0ffee", qop=auth, nc=00000001'
            )
        self._last_sent = _text(f"{method} {uri} SIP/2.0", fields, headers, body)
        return self._record(MessageSent, self._last_sent, at)

    def reply(  # noqa: PLR0913 - every argument is a fact of the message with a default
        self,
        status: int,
        reason: str | None = None,
        *,
        to: str | None = None,
        at: float | None = None,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
    ) -> "Wire":
        """Answer the peer's last request, or its last one of method ``to``."""
        method = to or self._last_theirs
        cseq, branch = self._theirs[method]
        fields: dict[str, str | None] = {
            "Via": f"SIP/2.0/{self._transport} {REMOTE};branch={branch}",
            "From": self._to(self._tag),
            "To": "<sip:100@198.51.100.1>;tag=a1",
            "Call-ID": self._call_id,
            "CSeq": f"{cseq} {method}",
        }
        self._last_sent = _text(_status(status, reason), fields, headers, body)
        return self._record(MessageSent, self._last_sent, at)

    def resend(self, *, at: float | None = None) -> "Wire":
        """Send the same bytes once more."""
        return self._record(MessageSent, self._last_sent, at)

    # -- messages of the peer ----------------------------------------------------------------------

    def receive(  # noqa: PLR0913 - every argument is a fact of the message with a default
        self,
        status: int,
        reason: str | None = None,
        *,
        to: str | None = None,
        at: float | None = None,
        tag: str | None = None,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
        stale: bool = False,
        nonce: str | None = None,
    ) -> "Wire":
        """Receive a response to our last request but ACK, or to the last one of method ``to``."""
        method = to or self._last_ours
        cseq, branch, _ = self._ours[method]
        if tag:
            self._tag = tag
        own_tag = "" if status == 100 else (self._tag if tag is None else tag)
        fields: dict[str, str | None] = {
            "Via": f"SIP/2.0/{self._transport} {LOCAL};rport=5060;branch={branch}",
            "From": "<sip:100@198.51.100.1>;tag=a1",
            "To": self._to(own_tag),
            "Call-ID": self._call_id,
            "CSeq": f"{cseq} {method}",
        }
        if method == "INVITE" and 100 < status < 300:
            fields["Contact"] = "<sip:198.51.100.1:5060>"
        if status in {401, 407}:
            self._challenge = status
            self._nonces += 1
            self._nonce = nonce or f"nonce-{self._nonces}"
            name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
            fields[name] = (
                f'Digest realm="trunk.example", nonce="{self._nonce}", algorithm=MD5, qop="auth"'
                + (", stale=true" if stale else "")
            )
        if method == "INVITE" and 200 <= status < 300:
            self._ours["INVITE"] = (cseq, branch, True)
        self._last_received = _text(_status(status, reason), fields, headers, body)
        return self._record(MessageReceived, self._last_received, at)

    def request(
        self,
        method: str,
        *,
        at: float | None = None,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
    ) -> "Wire":
        """Receive a request of the peer inside the dialog."""
        number = 1 + max((cseq for cseq, _ in self._theirs.values()), default=0)
        branch = self._new_branch()
        self._theirs[method] = (number, branch)
        self._last_theirs = method
        fields: dict[str, str | None] = {
            "Via": f"SIP/2.0/{self._transport} {REMOTE};branch={branch}",
            "Max-Forwards": "70",
            "From": self._to(self._tag),
            "To": "<sip:100@198.51.100.1>;tag=a1",
            "Call-ID": self._call_id,
            "CSeq": f"{number} {method}",
        }
        start = f"{method} sip:100@192.0.2.10:5060;ob SIP/2.0"
        self._last_received = _text(start, fields, headers, body)
        return self._record(MessageReceived, self._last_received, at)

    def again(self, *, at: float | None = None) -> "Wire":
        """Receive the same bytes once more."""
        return self._record(MessageReceived, self._last_received, at)

    def raw(self, text: str, *, at: float | None = None, sent: bool = False) -> "Wire":
        """Record any text as received (or sent), readable or not."""
        return self._record(MessageSent if sent else MessageReceived, text, at)

    # -- everything else ---------------------------------------------------------------------------

    def fail(  # noqa: PLR0913 - the fields of TransactionFailed
        self,
        failure: Failure,
        *,
        at: float | None = None,
        status: int | None = None,
        detail: str = "",
        deadline: str | None = None,
        method: str | None = None,
    ) -> "Wire":
        """Let the transaction under test fail without a usable final response."""
        return self.add(
            TransactionFailed(
                at=self._tick(at),
                method=self._method if method is None else method,
                call_id=self._call_id if len(self.log) else "",
                failure=failure,
                stack_status=status,
                detail=detail,
                deadline=deadline,
            )
        )

    def add(self, event: Event) -> "Wire":
        """Append an event as it is; later ones are not earlier than it."""
        self.log.add(event)
        self.now = max(self.now, event.at)
        self._started = True
        return self

    def media(self, **values: object) -> "Wire":
        """Add one media report: 100 packets each way and no loss, but for the values given."""
        facts: dict[str, object] = {
            "call_id": self._call_id,
            "codec": "PCMU",
            "rx_packets": 100,
            "rx_lost": 0,
            "rx_reordered": 0,
            "rx_duplicates": 0,
            "rx_jitter_s": 0.001,
            "tx_packets": 100,
            "tx_lost": None,
            "rtt_s": None,
        }
        self._media.append(MediaReport(**{**facts, **values}))  # type: ignore[arg-type]
        return self

    def trace(self) -> Trace:
        """Return everything so far as a trace that began at 0 and ended with its last event."""
        return Trace(
            attempt=self._attempt,
            method=self._method,
            agent="wirebuilder 1",
            started_at=STARTED,
            began=0.0,
            ended=self.now,
            events=self.log.all(),
            media=tuple(self._media),
            our_cancel=self._our_cancel,
        )

    # -- inside ------------------------------------------------------------------------------------

    _challenge = 407
    _nonce = "nonce-0"

    def _to(self, tag: str) -> str:
        uri = "sip:100@198.51.100.1"
        if self._method != "REGISTER":
            uri = f"sip:{self._number}@198.51.100.1"
        return f"<{uri}>" + (f";tag={tag}" if tag else "")

    def _new_branch(self) -> str:
        self._branches += 1
        return f"z9hG4bK-{self._branches}"

    def _tick(self, at: float | None) -> float:
        if at is None:
            at = self.now + self._step if self._started else self.now
        self.now = round(at, 6)
        self._started = True
        return self.now

    def _record(
        self, kind: type[MessageSent] | type[MessageReceived], text: str, at: float | None
    ) -> "Wire":
        self.log.add(
            kind(
                at=self._tick(at),
                transport=self._transport,
                local=LOCAL,
                remote=REMOTE,
                text=text,
            )
        )
        return self


def register_ok() -> Wire:
    """Return REGISTER, 401, REGISTER with credentials, 200."""
    return (
        Wire("REGISTER")
        .send("REGISTER")
        .receive(401)
        .send("REGISTER", auth=True)
        .receive(200, headers={"Contact": "<sip:100@192.0.2.10:5060;ob>;expires=300"})
    )


def answered_call(body: str = ANSWER) -> Wire:
    """Return INVITE, 100, 180, 200, ACK, and a BYE of ours after two seconds that is answered."""
    return (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(100)
        .receive(180, at=0.5)
        .receive(200, at=1.5, body=body)
        .send("ACK")
        .send("BYE", at=3.5)
        .receive(200)
    )


def refused_call(
    status: int, reason: str | None = None, headers: Mapping[str, str | None] | None = None
) -> Wire:
    """Return INVITE, 100, a final response that is no 2xx, ACK."""
    return (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(100)
        .receive(status, reason, at=0.2, headers=headers)
        .send("ACK")
    )


def _status(status: int, reason: str | None) -> str:
    return f"SIP/2.0 {status} {REASONS.get(status, 'Reason') if reason is None else reason}".strip()


def _text(
    start: str,
    fields: Mapping[str, str | None],
    extra: Mapping[str, str | None] | None,
    body: str,
) -> str:
    merged = {**fields, **({"Content-Type": "application/sdp"} if body else {}), **(extra or {})}
    lines = [start, *(f"{name}: {value}" for name, value in merged.items() if value is not None)]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
