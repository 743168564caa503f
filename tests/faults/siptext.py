"""SIP messages as the lab's own far end reads and writes them; knows nothing of the product."""

import hashlib
import re
from dataclasses import dataclass

COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
    "s": "subject",
}
"""Compact header names (RFC 3261 §7.3.3)."""

PHRASES = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    183: "Session Progress",
    200: "OK",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    428: "Use Identity Header",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    436: "Bad Identity-Info",
    437: "Unsupported Certificate",
    438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}
"""Reason phrases as the registry writes them."""


@dataclass(slots=True, kw_only=True)
class Message:
    """A request or response."""

    start: str
    "Its first line."

    fields: list[tuple[str, str]]
    "Header names in lower case and long form, with their values, in order."

    body: str
    "What follows the empty line."

    @property
    def method(self) -> str:
        """The method of a request, or of the request that a response answers."""
        return self.first("cseq").split()[-1] if self.status else self.start.split()[0]

    @property
    def uri(self) -> str:
        """The request URI; empty for a response."""
        return "" if self.status else self.start.split()[1]

    @property
    def status(self) -> int:
        """The status code; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    def all(self, name: str) -> list[str]:
        """Return every value of a header field."""
        return [value for key, value in self.fields if key == name.lower()]

    def first(self, name: str) -> str:
        """Return the first value of a header field; empty if there is none."""
        return next(iter(self.all(name)), "")

    @property
    def branch(self) -> str:
        """The branch of the topmost Via."""
        found = re.search(r"branch=([^;,\s]+)", self.first("via"))
        return found[1] if found else ""

    @property
    def user(self) -> str:
        """The user part of the request URI."""
        found = re.match(r"sips?:([^@;>]*)@", self.uri)
        return found[1] if found else ""


def parse(text: str) -> Message:
    """Read a message; raises ValueError where there is no first line."""
    head, _, body = text.partition("\r\n\r\n")
    lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    if len(lines[0].split()) < 3:
        message = f"not SIP: {lines[0][:60]!r}"
        raise ValueError(message)
    fields = []
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        fields.append((COMPACT.get(name, name), value.strip()))
    return Message(start=lines[0], fields=fields, body=body)


def parameter(value: str, name: str) -> str:
    """Return a parameter of a header value, unquoted; empty if there is none."""
    found = re.search(
        rf'(?i)[\s,;]{re.escape(name)}\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;]+)', f" {value}"
    )
    return found[1].strip('"') if found else ""


def tag(value: str) -> str:
    """Return the tag of a From or To value."""
    return parameter(value.rpartition(">")[2], "tag")


def address(value: str) -> str:
    """Return the URI in a Contact, From, To or Route value."""
    found = re.search(r"<([^>]+)>", value)
    return found[1] if found else value.partition(";")[0].strip()


def digest_is_right(authorization: str, method: str, password: str) -> bool:
    """Say whether a digest answer was made with the password (RFC 7616 §3.4)."""
    algorithm = parameter(authorization, "algorithm").upper() or "MD5"

    def hashed(text: str) -> str:
        name = {"MD5": "md5", "SHA-256": "sha256"}[algorithm]
        return hashlib.new(name, text.encode()).hexdigest()

    def value(name: str) -> str:
        return parameter(authorization, name)

    login = hashed(f"{value('username')}:{value('realm')}:{password}")
    request = hashed(f"{method}:{value('uri')}")
    if value("qop"):
        middle = f"{value('nonce')}:{value('nc')}:{value('cnonce')}:{value('qop')}"
    else:
        middle = value("nonce")
    return value("response") == hashed(f"{login}:{middle}:{request}")
