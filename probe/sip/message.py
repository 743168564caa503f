"""A tolerant, read-only view of one SIP message (RFC 3261 §7).

The trace keeps what was on the wire; this view makes it askable. It is lenient on purpose: a
probe meets messages that a strict parser refuses, and the refusal is itself evidence. What can be
read is read; only a start line that is neither a request nor a status line is an error.
"""

import re
from functools import lru_cache

from probe.sip.challenge import AuthField, parse_auth_field
from probe.sip.sdp import SessionDescription, parse_sdp

COMPACT_FORMS = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
"""Compact header field names (IANA sip-parameters; RFC 3261 §7.3.3) and their long forms."""

MOST_PARSED = 1024
"""Messages that are remembered as parsed: those of a call are looked at when they come and when it
is over; a trace that is looked at keeps its own."""

MOST_KEYS = 256
LONGEST_KEY = 64
"""Names of header fields that are remembered as they were written: a peer may send thousands."""

_KEYS: dict[str, str] = {}
_CODES = frozenset(map(str, range(100, 700)))
_BREAKS = frozenset({"", "\r", "\n"})
_LINE_END = re.compile(r"\r?\n")
_REQUEST_LINE = re.compile(
    r"([A-Za-z0-9!#$%&'*+\-.^_`|~]+) (\S.*?) (SIP/\d+\.\d+)\Z", re.IGNORECASE
)
_STATUS_LINE = re.compile(r"SIP/2\.0 (\d{3})(?: (.*))?\Z", re.IGNORECASE)
_TAG = re.compile(r";\s*tag\s*=\s*([^;,\s>]+)", re.IGNORECASE)
_BRANCH = re.compile(r";\s*branch\s*=\s*([^;,\s]+)", re.IGNORECASE)
_URI_SCHEME = re.compile(r"(?:sips?|(tel)):", re.IGNORECASE)
_TEL = re.compile(r"tel:([^;>\s]*)", re.IGNORECASE)
_USER_END = re.compile(r"[@;>\s]")
_URI_HOST = re.compile(r"sips?:(?:[^@\s<>]*@)?(\[[^\]]*\]|[^:;>?\s]+)(?::(\d+))?", re.IGNORECASE)


class MalformedMessageError(ValueError):
    """The first line is neither a Request-Line nor a Status-Line of SIP."""


class SipMessage:
    """One request or response, header fields in wire order; nothing of it changes.

    What is asked of every message is read at once, the rest when it is asked for: most messages of
    a call are asked for Call-ID, CSeq, branch and tags, and for nothing else.
    """

    __slots__ = (
        *("_branch", "_fields", "_first", "_from_tag", "_lines", "_sdp", "_to_tag"),
        *("body", "call_id", "cseq", "method", "reason", "request_uri", "start_line", "status"),
    )

    start_line: str
    "The Request-Line or Status-Line without its line end."

    method: str | None
    "The method of a request in upper case; None for a response."

    request_uri: str | None
    "The Request-URI as written; None for a response."

    status: int | None
    "The status code of a response, any three digits as written; None for a request."

    reason: str | None
    "The reason phrase of a response, as written; None for a request."

    body: str
    "What stands after the empty line."

    call_id: str
    "The Call-ID, empty where the field is missing."

    cseq: tuple[int, str]
    'The CSeq number and method; (-1, "") where the field is missing or unreadable.'

    def __init__(self, text: str) -> None:
        """Read a message; raise MalformedMessageError where the start line is not SIP's."""
        self._branch: str | None = None
        self._from_tag: str | None = None
        self._to_tag: str | None = None
        self._sdp: SessionDescription | None = None
        self._fields: tuple[tuple[str, str], ...] | None = None
        head, end, self.body = text.partition("\r\n\r\n")
        if end and head[:1] not in _BREAKS and head.count("\n") == head.count("\r\n"):
            lines = head.split("\r\n")  # as almost every message is written
        else:
            head, _, self.body = _split(text.lstrip("\r\n"))
            lines = _LINE_END.split(head)
        self._start(lines[0].strip())
        self._lines = lines
        self._first = first = self._index(folded="\n " in head or "\n\t" in head)
        self.call_id = first["call-id"].strip() if "call-id" in first else ""
        parts = first["cseq"].split() if "cseq" in first else ()
        if len(parts) == 2 and parts[0].isascii() and parts[0].isdigit():
            self.cseq = int(parts[0][:10]), parts[1].upper()
        else:
            self.cseq = -1, ""

    def _start(self, start: str) -> None:
        """Read the start line."""
        self.start_line = start
        self.method = self.request_uri = self.status = self.reason = None
        if start[:8] == "SIP/2.0 " and start[11:12] == " " and start[8:11] in _CODES:
            self.status, self.reason = int(start[8:11]), start[12:]  # as almost every response
        elif status := _STATUS_LINE.match(start):
            self.status, self.reason = int(status[1]), status[2] or ""
        elif request := _REQUEST_LINE.match(start):
            self.method, self.request_uri = request[1].upper(), request[2]
        else:
            raise MalformedMessageError(f"not a SIP start line: {start[:80]!r}")

    def _index(self, *, folded: bool) -> dict[str, str]:
        """Return the first value of each field, not stripped, by its long name in small letters."""
        if folded:
            return {key.lower(): value for key, value in reversed(self.fields)}
        parts = [line.partition(":") for line in self._lines[:0:-1]]
        try:
            first = {_KEYS[name]: value for name, colon, value in parts if colon}
        except KeyError:
            first = {_key(name): value for name, colon, value in parts if colon}
        first.pop("", None)
        return first

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Header fields as (name, unfolded value); compact names are expanded."""
        if self._fields is None:
            self._fields = _fields(self._lines)
        return self._fields

    def __repr__(self) -> str:
        """Return the start line: what follows may be long."""
        return f"<SipMessage {self.start_line!r}>"

    @property
    def is_request(self) -> bool:
        """Whether this is a request."""
        return self.method is not None

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header field, in wire order, not split at commas."""
        wanted = name.lower()
        if wanted not in self._first:
            return ()
        return tuple(value for key, value in self.fields if key.lower() == wanted)

    def first(self, name: str) -> str | None:
        """Return the first value of a header field, or None."""
        value = self._first.get(name.lower())
        return None if value is None else value.strip()

    @property
    def branch(self) -> str:
        """The branch of the topmost Via (RFC 3261 §8.1.1.7), empty where there is none."""
        if self._branch is None:
            found = _BRANCH.search(self._first.get("via", "").split(",")[0])
            self._branch = found[1] if found else ""
        return self._branch

    @property
    def from_tag(self) -> str:
        """The tag of From, empty where there is none."""
        if self._from_tag is None:
            self._from_tag = _tag(self._first.get("from", ""))
        return self._from_tag

    @property
    def to_tag(self) -> str:
        """The tag of To, empty where there is none."""
        if self._to_tag is None:
            self._to_tag = _tag(self._first.get("to", ""))
        return self._to_tag

    @property
    def challenges(self) -> tuple[AuthField, ...]:
        """Every challenge of WWW-Authenticate and Proxy-Authenticate (RFC 3261 §22)."""
        return tuple(
            parse_auth_field(value)
            for value in (*self.all("WWW-Authenticate"), *self.all("Proxy-Authenticate"))
        )

    @property
    def credentials(self) -> tuple[AuthField, ...]:
        """Every set of credentials of Authorization and Proxy-Authorization."""
        return tuple(
            parse_auth_field(value)
            for value in (*self.all("Authorization"), *self.all("Proxy-Authorization"))
        )

    @property
    def has_credentials(self) -> bool:
        """Whether a request carries Authorization or Proxy-Authorization."""
        return "authorization" in self._first or "proxy-authorization" in self._first

    @property
    def has_sdp(self) -> bool:
        """Whether the body is a session description by its Content-Type."""
        kind = self._first.get("content-type", "").lower()
        return "application/sdp" in kind and bool(self.body.strip())

    @property
    def sdp(self) -> SessionDescription | None:
        """The session description in the body (RFC 4566), or None."""
        if self._sdp is None and self.has_sdp:
            self._sdp = parse_sdp(self.body)
        return self._sdp


def _key(name: str) -> str:
    """Return the long name of a header field in small letters; empty where it has none.

    What is common is remembered as it was written.
    """
    key = name.strip()
    key = COMPACT_FORMS.get(key.lower(), key).lower()
    if len(_KEYS) < MOST_KEYS and len(name) < LONGEST_KEY:
        _KEYS[name] = key
    return key


def _fields(lines: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the header fields of the lines of a head, as (name, unfolded value)."""
    fields: list[tuple[str, str]] = []
    for line in lines[1:]:
        if line[:1] in {" ", "\t"} and fields:
            name, value = fields[-1]
            fields[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        if colon and name.strip():
            key = name.strip()
            fields.append((COMPACT_FORMS.get(key.lower(), key), value.strip()))
    return tuple(fields)


def _tag(value: str) -> str:
    """Return the tag parameter of a From or To value."""
    found = _TAG.search(value.rpartition(">")[2])
    return found.group(1) if found else ""


def uri_user(text: str | None) -> str:
    """Return the user part of the first SIP or tel URI in a text, empty where there is none."""
    text = text or ""
    position = 0
    while scheme := _URI_SCHEME.search(text, position):
        end = None if scheme[1] else _USER_END.search(text, scheme.end())
        if end is not None and end[0] == "@":
            return text[scheme.end() : end.start()]
        # Any further sip: before that end comes to the same end; a tel: has its own.
        number = _TEL.search(text, scheme.start(), end.start() if end else len(text))
        if number is not None:
            return number[1]
        if end is None:
            return ""
        position = end.end()
    return ""


def display_name(text: str | None) -> str:
    """Return the display name of a name-addr without quotes (RFC 3261 §25.1); empty without one."""
    before, bracket, _ = (text or "").partition("<")
    name = before.strip()
    if not bracket:
        return ""
    if name.startswith('"') and name.endswith('"') and len(name) > 1:
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name


def uri_host(text: str | None) -> tuple[str, int | None]:
    """Return host (IPv6 without brackets) and port of the first SIP URI; ("", None) if none."""
    found = _URI_HOST.search(text or "")
    if not found:
        return "", None
    port = found.group(2)
    return found.group(1).strip("[]"), int(port) if port and len(port) <= 5 else None


def forget_parsed() -> None:
    """Let go of what was remembered of messages, once nobody asks for them any more.

    What a long run remembers of messages that are over would lie between what comes and goes, and
    the memory of the process would grow by the gaps.
    """
    parse_message.cache_clear()


@lru_cache(maxsize=MOST_PARSED)
def parse_message(text: str) -> SipMessage:
    """Read a message; raise MalformedMessageError where the start line is not SIP's.

    Line ends may be CRLF or LF, header fields may be folded (RFC 3261 §7.3.1), leading empty lines
    are passed over (§7.5), and a line without a colon is dropped.
    """
    return SipMessage(text)


def _split(text: str) -> tuple[str, str, str]:
    """Split a message at its first empty line, whatever the line ends are."""
    found = re.search(r"\r?\n\r?\n", text)
    if not found:
        return text.rstrip("\r\n"), "", ""
    return text[: found.start()], found.group(0), text[found.end() :]
