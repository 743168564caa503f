"""The journal of one worker: calls and registrations that are up, on disk as they come and go.

A run that is killed together with its workers leaves calls that nobody ends. What a BYE, a CANCEL
or an un-REGISTER needs is written here before the message leaves (RFC 3261 §12.2.1.1, §9.1): start
line and a few header fields, no body, no credentials, no reason phrase. The file goes when nothing
is up any more; `sipprobe doctor --orphans` reads those that were left.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from probe.sip.message import MalformedMessageError, SipMessage
from probe.trace.trace import Event, MessageEvent, MessageReceived, MessageSent, TransactionFailed

SCHEMA = "sipprobe-dialogs/1"
"""First word of each journal."""

PATTERN = "dialogs-*.jsonl"
"""How the files are called: by the process id of the worker."""

LARGEST_FILE = 16 * 1024 * 1024
"""A journal that is larger than this was not written by us."""

_KEPT = frozenset(
    {"via", "route", "record-route", "from", "to", "call-id", "cseq", "contact", "expires"}
)
"""Header fields that a later request of the dialog, or the end of a lease, is made from."""

_METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "REGISTER"})
_MOST_LINES = 400
"""Lines after which a journal with nothing up begins anew: a long run must not fill the disk."""


class JournalError(ValueError):
    """A file is no journal; the text says why."""


class Journal(Struct, frozen=True, kw_only=True):
    """What a journal holds."""

    path: Path
    "The file."

    header: Mapping[str, Any]
    "Who wrote it: run, processes, account."

    events: tuple[Event, ...]
    "What it did, with wall times (seconds since 1970)."


class DialogJournal:
    """Writes a journal while calls come and go."""

    def __init__(
        self, path: Path, header: Mapping[str, object], wall: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._wall = wall
        self._first = _json({"schema": SCHEMA, **header})
        self._open: set[str] = set()
        self._answered: set[str] = set()
        self._leases: dict[str, list[bytes]] = {}
        self._registered: set[str] = set()
        self._removing = False
        self._lines = 0
        self._file: int | None = None
        self._made = False
        self.fault: str | None = None
        "Why it could not be written, once that was so."

    def happened(self, event: Event) -> None:
        """Write down what an event changes; called before a message leaves."""
        if isinstance(event, TransactionFailed):
            # A call of which nothing was ever heard and that we gave up is not up.
            if event.call_id in self._open and event.call_id not in self._answered:
                self._open.discard(event.call_id)
                self._write(_json({"given_up": event.call_id}))
            return
        if not isinstance(event, MessageEvent) or event.retransmission:
            return
        message = event.readable
        if message is None:
            return
        if (message.method or message.cseq[1]) not in _METHODS:
            return
        line = _line(event, message, self._wall())
        self._write(line)
        if message.cseq[1] == "REGISTER":
            self._lease(event, message, line)
        else:
            self._track(event, message)
        if not self._open and self._lines > _MOST_LINES:
            self._begin_anew()

    def close(self) -> None:
        """Take the file away where nothing is up."""
        self._let_go()
        if self._made and not self._open and not self._registered:
            with suppress(OSError):
                self._path.unlink()

    def _track(self, event: MessageEvent, message: SipMessage) -> None:
        """Follow a call from its INVITE to its end."""
        number, method = message.cseq
        key = message.call_id
        sent = isinstance(event, MessageSent)
        if message.is_request:
            if sent and method == "INVITE" and not message.to_tag:
                self._open.add(key)
                self._answered.discard(key)
            elif not sent and method == "BYE":
                self._open.discard(key)
        elif not sent and number >= 0:
            status = message.status or 0
            if method == "INVITE":
                self._answered.add(key)
            if (status >= 300 and method == "INVITE") or (status >= 200 and method == "BYE"):
                self._open.discard(key)
                self._answered.discard(key)

    def _lease(self, event: MessageEvent, message: SipMessage, line: bytes) -> None:
        """Follow a registration: the last request and its 2xx are kept for good."""
        key = message.call_id
        if isinstance(event, MessageSent):
            self._leases[key] = [line]
            self._removing = removes(message)
        elif 200 <= (message.status or 0) < 300:
            self._leases.setdefault(key, []).append(line)
            if self._removing:
                self._registered.discard(key)
            else:
                self._registered.add(key)

    def _begin_anew(self) -> None:
        """Put a short file in the place of the long one."""
        kept = [line for key in self._registered for line in self._leases.get(key, [])]
        beside = self._path.with_suffix(".part")
        try:
            _append(beside, b"".join([self._first, *kept]))
            beside.replace(self._path)
            self._lines = len(kept)
            self._let_go()
        except OSError:
            with suppress(OSError):
                beside.unlink()

    def _write(self, line: bytes) -> None:
        try:
            if self._file is None:
                self._file = _opened(self._path)
            _add(self._file, line if self._made else self._first + line)
        except OSError as error:
            self.fault = error.strerror
            return
        self._made = True
        self._lines += 1

    def _let_go(self) -> None:
        """Close the file; the next line opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def append_event(path: Path, event: Event, wall: float) -> None:
    """Add an event to a journal of a worker that is gone; raise OSError."""
    if isinstance(event, MessageEvent):
        with suppress(MalformedMessageError):
            _append(path, _line(event, event.message, wall))


def read_journal(path: Path) -> Journal:
    """Read a journal; a last line that was cut off is left out. Raise JournalError, OSError."""
    with path.open("rb") as file:
        *lines, _cut_off = file.read(LARGEST_FILE + 1).split(b"\n")
    if sum(map(len, lines)) > LARGEST_FILE:
        raise JournalError("it is too large")
    try:
        header, *told = (json.loads(line) for line in lines)
        if header["schema"] != SCHEMA:
            raise JournalError(f"it is not of schema {SCHEMA}")
        events = [event for event in map(_event, told) if event is not None]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise JournalError(f"it cannot be read: {error!r}") from error
    given_up = {entry["given_up"] for entry in told if "given_up" in entry}
    kept = tuple(event for event in events if _call_id(event) not in given_up)
    return Journal(path=path, header=header, events=kept)


def removes(request: SipMessage) -> bool:
    """Whether a REGISTER removes its contacts (RFC 3261 §10.2.2)."""
    return all(seconds == 0 for seconds in _expiries(request))


def granted_s(answer: SipMessage) -> int:
    """Return the seconds that a 2xx to our REGISTER grants.

    With several contacts the longest lease counts: which of them is ours, a registrar behind NAT
    may write as it likes (RFC 3261 §10.3).
    """
    return max(_expiries(answer))


def _expiries(message: SipMessage) -> list[int]:
    """Return the lease of each contact of a message, in seconds; of none, that of the message."""
    common = _seconds((message.first("Expires") or "").strip(), 3600)  # RFC 3261 §10.2.1.1
    found: list[int] = []
    for contact in message.all("Contact"):
        for part in contact.replace(">,", ">\n").split("\n"):
            parameters = (p.strip().lower() for p in part.rpartition(">")[2].split(";"))
            own = next((p.partition("=")[2] for p in parameters if p.startswith("expires=")), "")
            found.append(_seconds(own.strip().strip('"'), common))
    return found or [common]


def _seconds(text: str, otherwise: int) -> int:
    return int(text[:10]) if text.isascii() and text.isdigit() else otherwise


def _line(event: MessageEvent, message: SipMessage, wall: float) -> bytes:
    """Return one line: what of a message a later one needs."""
    if message.is_request:
        start = f"{message.method} {message.request_uri} SIP/2.0"
    else:
        start = f"SIP/2.0 {message.status or 0:03} -"
    fields = [f"{name}: {value}" for name, value in message.fields if name.lower() in _KEPT]
    return _json(
        {
            "sent": isinstance(event, MessageSent),
            "at": round(wall, 3),
            "transport": event.transport,
            "local": event.local,
            "remote": event.remote,
            "text": "\r\n".join([start, *fields]) + "\r\n\r\n",
        }
    )


def _event(entry: Mapping[str, Any]) -> Event | None:
    """Return the event of a line, or None where it holds another thing."""
    if "sent" not in entry:
        return None
    kind = MessageSent if entry["sent"] else MessageReceived
    return kind(
        at=float(entry["at"]),
        transport=str(entry["transport"]),
        local=str(entry["local"]),
        remote=str(entry["remote"]),
        text=str(entry["text"]),
    )


def _call_id(event: Event) -> str:
    message = event.readable if isinstance(event, MessageEvent) else None
    return message.call_id if message else ""


def _append(path: Path, data: bytes) -> None:
    """Add to a file that only its owner can read, in one write; raise OSError."""
    descriptor = _opened(path)
    try:
        _add(descriptor, data)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    """Open a file that only its owner can read, to add to it; raise OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)


def _add(descriptor: int, data: bytes) -> None:
    """Write all of it or nothing; raise OSError."""
    written = os.write(descriptor, data)
    if written != len(data):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise OSError(28, "No space left on device")


def _json(value: object) -> bytes:
    """Return a line of JSON in ASCII, in C where its texts are ASCII themselves."""
    with suppress(UnicodeEncodeError):  # bytes of the wire that are no UTF-8
        line = msgspec.json.encode(value)
        if line.isascii():
            return line + b"\n"
    return json.dumps(value).encode("ascii") + b"\n"
