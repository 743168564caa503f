"""What a message is, without reading all of it: start line, Call-ID, CSeq and To.

The worker looks at every message several times while calls are up, and most looks want no more
than this. A message in the plain form (CRLF, no folded lines) is glanced at; any other is parsed,
so both always say the same.
"""

import re
from functools import lru_cache

from probe.sip.message import MalformedMessageError, SipMessage, parse_message

_REMEMBERED = 64
"""Messages whose glance is kept: one is looked at by several, and then by nobody."""

_REQUEST_LINE = re.compile(r"([A-Za-z0-9!#$%&'*+\-.^_`|~]+) (\S.*?) SIP/\d+\.\d+\Z")
_TAG = re.compile(r";\s*tag\s*=\s*([^;,\s>]+)", re.IGNORECASE)
_CREDENTIALS = frozenset({"authorization", "proxy-authorization"})


class Glance:
    """The little that a look at a message tells."""

    __slots__ = ("body", "call_id", "cseq", "has_credentials", "method", "of", "status", "to")

    def __init__(  # noqa: PLR0913 - what a look tells
        self,
        *,
        method: str | None,
        status: int,
        call_id: str,
        cseq: int,
        of: str,
        to: str,
        body: bool,
        has_credentials: bool,
    ) -> None:
        self.method = method
        "The method of a request in upper case; None for a response."
        self.status = status
        "The status code of a response; 0 for a request."
        self.call_id = call_id
        "The Call-ID, empty where there is none."
        self.cseq = cseq
        "The number of CSeq, -1 where it cannot be read."
        self.of = of
        "The method of CSeq in upper case, empty where it cannot be read."
        self.to = to
        "The value of To."
        self.body = body
        "Whether anything stands after the empty line."
        self.has_credentials = has_credentials
        "Whether it carries Authorization or Proxy-Authorization."

    @property
    def to_tag(self) -> str:
        """The tag of To, empty where there is none."""
        found = _TAG.search(self.to.rpartition(">")[2])
        return found[1] if found else ""


@lru_cache(maxsize=_REMEMBERED)
def glance(text: str) -> Glance | None:
    """Look at a message; None where its start line is not SIP's."""
    end = text.find("\r\n\r\n")
    lines = text[:end].split("\r\n") if end >= 0 else [""]
    begun = _begun(lines[0])
    if begun is None:
        return _read(text)
    method, status = begun
    call_id = cseq = to = None
    has_credentials = False
    for line in lines[1:]:
        if line[:1] in {" ", "\t"} or "\n" in line:
            return _read(text)
        name, colon, value = line.partition(":")
        if not colon:
            continue
        key = name.strip().lower()
        if key in {"call-id", "i"}:
            call_id = value.strip() if call_id is None else call_id
        elif key == "cseq":
            cseq = value if cseq is None else cseq
        elif key in {"to", "t"}:
            to = value.strip() if to is None else to
        elif key in _CREDENTIALS:
            has_credentials = True
    number, of = _numbered(cseq or "")
    return Glance(
        method=method,
        status=status,
        call_id=call_id or "",
        cseq=number,
        of=of,
        to=to or "",
        body=end + 4 < len(text),
        has_credentials=has_credentials,
    )


def _begun(start: str) -> tuple[str | None, int] | None:
    """Return method or status of a start line in the plain form, None of any other."""
    if "\n" in start:
        return None
    known = start[:8] == "SIP/2.0 " and len(start) > 10 and start[11:12] in {"", " "}
    if known and start[8:11].isdecimal():
        return None, int(start[8:11])
    found = _REQUEST_LINE.match(start)
    return (found[1].upper(), 0) if found else None


def _numbered(cseq: str) -> tuple[int, str]:
    """Return number and method of a CSeq, as ``SipMessage.cseq`` does."""
    parts = cseq.split()
    if len(parts) == 2 and parts[0].isascii() and parts[0].isdigit():
        return int(parts[0][:10]), parts[1].upper()
    return -1, ""


def _read(text: str) -> Glance | None:
    """Look at a message that is written in another form than most."""
    try:
        message: SipMessage = parse_message(text)
    except MalformedMessageError:
        return None
    number, of = message.cseq
    return Glance(
        method=message.method,
        status=message.status or 0,
        call_id=message.call_id,
        cseq=number,
        of=of,
        to=message.first("To") or "",
        body=bool(message.body),
        has_credentials=message.has_credentials,
    )
