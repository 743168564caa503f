"""A tolerant, read-only view of one SIP message (RFC 3261 §7).

The trace keeps what was on the wire; this view makes it askable. It is lenient on purpose: a
probe meets messages that a strict parser refuses, and the refusal is itself evidence. What can be
read is read; only a start line that is neither a request nor a status line is an error.
"""

import re
from dataclasses import dataclass
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

MOST_PARSED = 4096
"""Messages that are remembered as parsed: they are asked many times, and most come but once."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SipMessage:
    """One request or response, header fields in wire order."""

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

    fields: tuple[tuple[str, str], ...]
    "Header fields as (name, unfolded value); compact names are expanded."

    body: str
    "What stands after the empty line."

    @property
    def is_request(self) -> bool:
        """Whether this is a request."""
        return self.method is not None

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header field, in wire order, not split at commas."""
        wanted = name.lower()
        return tuple(value for key, value in self.fields if key.lower() == wanted)

    def first(self, name: str) -> str | None:
        """Return the first value of a header field, or None."""
        wanted = name.lower()
        return next((value for key, value in self.fields if key.lower() == wanted), None)

    @property
    def call_id(self) -> str:
        """The Call-ID, empty where the field is missing."""
        return self.first("Call-ID") or ""

    @property
    def cseq(self) -> tuple[int, str]:
        """The CSeq number and method; (-1, "") where the field is missing or unreadable."""
        parts = (self.first("CSeq") or "").split()
        if len(parts) == 2 and parts[0].isascii() and parts[0].isdigit():
            return int(parts[0][:10]), parts[1].upper()
        return -1, ""

    @property
    def branch(self) -> str:
        """The branch of the topmost Via (RFC 3261 §8.1.1.7), empty where there is none."""
        found = _BRANCH.search((self.first("Via") or "").split(",")[0])
        return found.group(1) if found else ""

    @property
    def from_tag(self) -> str:
        """The tag of From, empty where there is none."""
        return _tag(self.first("From"))

    @property
    def to_tag(self) -> str:
        """The tag of To, empty where there is none."""
        return _tag(self.first("To"))

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
        return (
            self.first("Authorization") is not None or self.first("Proxy-Authorization") is not None
        )

    @property
    def has_sdp(self) -> bool:
        """Whether the body is a session description by its Content-Type."""
        kind = (self.first("Content-Type") or "").lower()
        return bool(self.body.strip()) and "application/sdp" in kind

    @property
    def sdp(self) -> SessionDescription | None:
        """The session description in the body (RFC 4566), or None."""
        return parse_sdp(self.body) if self.has_sdp else None


def _tag(value: str | None) -> str:
    """Return the tag parameter of a From or To value."""
    found = _TAG.search((value or "").rpartition(">")[2])
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
    head, _, body = _split(text.lstrip("\r\n"))
    lines = re.split(r"\r?\n", head)
    start = lines[0].strip()
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
    status = _STATUS_LINE.match(start)
    if status:
        return SipMessage(
            start_line=start,
            method=None,
            request_uri=None,
            status=int(status.group(1)),
            reason=status.group(2) or "",
            fields=tuple(fields),
            body=body,
        )
    request = _REQUEST_LINE.match(start)
    if not request:
        raise MalformedMessageError(f"not a SIP start line: {start[:80]!r}")
    return SipMessage(
        start_line=start,
        method=request.group(1).upper(),
        request_uri=request.group(2),
        status=None,
        reason=None,
        fields=tuple(fields),
        body=body,
    )


def _split(text: str) -> tuple[str, str, str]:
    """Split a message at its first empty line, whatever the line ends are."""
    found = re.search(r"\r?\n\r?\n", text)
    if not found:
        return text.rstrip("\r\n"), "", ""
    return text[: found.start()], found.group(0), text[found.end() :]
