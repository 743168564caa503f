"""What the trunk saw and carried: bounded, readable from any thread while the trunk runs."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

Address = tuple[str, int]
"""An IP address and a port."""

MAX_MESSAGES = 10_000
"""Messages kept; the oldest are dropped first."""

MAX_CALLS = 1_000
"""Finished calls kept; the oldest are dropped first."""

_START_LINE = re.compile(r"(?:SIP/2\.0 (\d{3})|([\w.!%*+`'~-]{1,32}) )")
_CALL_ID = re.compile(r"^(?:Call-ID|i)[ \t]*:[ \t]*(\S{1,256})", re.IGNORECASE | re.MULTILINE)
_CSEQ = re.compile(
    r"^CSeq[ \t]*:[ \t]*(\d{1,10})[ \t]+([\w.!%*+`'~-]{1,32})", re.IGNORECASE | re.MULTILINE
)
_DIGEST = re.compile(r"\b(response)(\s*=\s*)(\"[^\"\r\n]*\"?|[^,\s]+)", re.IGNORECASE)
_KEYS = re.compile(r"(inline:|^a=key-mgmt:)\S+", re.IGNORECASE | re.MULTILINE)


class SeenMessage(Struct, frozen=True, kw_only=True):
    """One SIP message that the trunk received or sent."""

    at: float
    "When, in seconds since the epoch (UTC)."

    transport: str
    "UDP, TCP or TLS."

    direction: str
    "received or sent, seen from the trunk."

    local: Address
    "The trunk's own address."

    peer: Address
    "The other side's address."

    method: str
    "The method of a request; of a response, the method in its CSeq. Empty if unreadable."

    code: int | None
    "The status code of a response; None for a request."

    call_id: str
    "The Call-ID; empty if unreadable."

    cseq: int
    "The CSeq number; -1 if unreadable."

    text: str
    "The message, with digest responses and media keys taken out."

    def __repr__(self) -> str:
        """Show whose message it is, and not its text."""
        return (
            f"SeenMessage(at={self.at!r}, transport={self.transport!r}, "
            f"direction={self.direction!r}, local={self.local!r}, peer={self.peer!r}, "
            f"method={self.method!r}, code={self.code!r}, call_id={self.call_id!r}, "
            f"cseq={self.cseq!r})"
        )

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show no more where rich prints it."""
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name != "text"]

    @property
    def is_request(self) -> bool:
        """Whether this is a request."""
        return self.code is None


class CallRecord(Struct, frozen=True, kw_only=True):
    """One call that the trunk took, or one leg of a call that went through it."""

    call_id: str
    "The Call-ID of its INVITE."

    dialled: str
    "The user part of the Request-URI."

    caller: str
    "The user part of From."

    transport: str
    "UDP, TCP or TLS."

    state: str
    "early, answered (no ACK yet), confirmed or ended."

    code: int | None
    "The final status code that was sent; None before one."

    ended_by: str
    "caller, callee, trunk, refused, cancel, ack-timeout, limit or stop; empty while it lives."

    rtp_packets: int
    "RTP packets received."

    rtp_echoed: int
    "RTP packets sent back or played."

    rtcp_packets: int
    "RTCP packets received."

    outgoing: bool = False
    "Whether the PBX placed the call: the second leg of one that goes through it."


def redact(text: str) -> str:
    """Take digest responses and SRTP keys out of a message (RFC 7616 §3.4, RFC 4568 §6.1)."""
    return _KEYS.sub(r"\1***", _DIGEST.sub(r'\1\2"***"', text))


class Records:
    """The trunk's memory, guarded by one lock; waiting is possible from any other thread."""

    def __init__(self, max_messages: int = MAX_MESSAGES, max_calls: int = MAX_CALLS) -> None:
        self._changed = threading.Condition()
        self._messages: deque[SeenMessage] = deque(maxlen=max_messages)
        self._finished: deque[CallRecord] = deque(maxlen=max_calls)
        self._live: dict[int, Callable[[], CallRecord]] = {}

    def saw(
        self, data: bytes, *, transport: str, sent: bool, local: Address, peer: Address
    ) -> None:
        """Note one message."""
        text = data.decode("utf-8", "replace")
        start = _START_LINE.match(text)
        cseq = _CSEQ.search(text)
        call_id = _CALL_ID.search(text)
        code = int(start.group(1)) if start and start.group(1) else None
        method = start.group(2) if start and start.group(2) else ""
        message = SeenMessage(
            at=time.time(),
            transport=transport,
            direction="sent" if sent else "received",
            local=local,
            peer=peer,
            method=method or (cseq.group(2) if cseq else ""),
            code=code,
            call_id=call_id.group(1) if call_id else "",
            cseq=int(cseq.group(1)) if cseq else -1,
            text=redact(text),
        )
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def opened(self, key: int, snapshot: Callable[[], CallRecord]) -> None:
        """Note a new call; ``snapshot`` tells its present state."""
        with self._changed:
            self._live[key] = snapshot

    def closed(self, key: int) -> None:
        """Move a call to the finished ones."""
        with self._changed:
            self._finished.append(self._live.pop(key)())
            self._changed.notify_all()

    @property
    def messages(self) -> tuple[SeenMessage, ...]:
        """Every message kept, in order."""
        with self._changed:
            return tuple(self._messages)

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """Every call kept: the finished ones, then those that live."""
        with self._changed:
            return (*self._finished, *(snapshot() for snapshot in self._live.values()))

    def wait_for(self, wanted: Callable[[SeenMessage], bool], timeout: float) -> SeenMessage | None:
        """Return the first message that satisfies ``wanted``; None after ``timeout`` seconds."""

        def found() -> SeenMessage | None:
            return next((message for message in self._messages if wanted(message)), None)

        with self._changed:
            return self._changed.wait_for(found, timeout)
