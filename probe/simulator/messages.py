"""Reading requests strictly and writing answers, on top of ``sipmessage``.

A request that cannot be served is not an exception of the program but an answer: ``read`` raises
``Malformed`` with the status code that RFC 3261 asks for and, where enough of the message could be
read to route a response (Via, From, To, Call-ID, CSeq), the salvaged request to answer.
"""

import re
from urllib.parse import quote

from sipmessage import URI, Address, Message, Request, Response

from probe.simulator import records
from probe.simulator.answers import Answer

MAX_MESSAGE = 65_535
"""Bytes of one message, headers and body; larger ones are refused."""

MAX_HEADER_LINE = 8_192
"""Bytes of one header field; larger ones are refused."""

PROTOCOL_ERRORS = (ValueError, KeyError, TypeError, AssertionError)
"""What ``sipmessage`` 0.7 raises on text that is not what it should be: ValueError as documented,
KeyError for an absent field, TypeError for a parameter named ``self``, AssertionError in str()."""

_FOLD = re.compile(rb"\r\n[ \t]+")
_SPACE_BEFORE_COLON = re.compile(rb"(?m)^([\w.!%*+`'~-]+)[ \t]+:")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n")
_RECEIVED_SIX = re.compile(rb"(?i)(;\s*received\s*=\s*)((?:[0-9a-f]{0,4}:){2,7}[0-9a-f.:]*)")
"""An IPv6 address in a Via as RFC 3261 §25.1 writes it. ``sipmessage`` 0.7 reads it in brackets
alone, which are as common (RFC 5118 §4.5)."""

_RPORT = re.compile(r";\s*rport(?=\s*(?:;|,|$))", re.IGNORECASE)
_ANGLE = re.compile(r"<([^<>]*)>")
_ONCE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
_SCHEMES = ("sip:", "sips:", "tel:")
_DEFAULT_PORT = 5060


class Malformed(Exception):  # noqa: N818 - says what the message is; the word the RFC uses
    """A message that cannot be served.

    ``answer`` is the response that it deserves; ``request`` is what could be read of it, or None
    where nothing can be answered (no Via, or a response).
    """

    def __init__(self, code: int, phrase: str, request: Request | None = None) -> None:
        super().__init__(f"{code} {phrase}")
        self.answer = Answer(code=code, phrase=phrase)
        self.request = request


def read(data: bytes) -> Request | Response:
    """Read one message; raise ``Malformed`` where it breaks RFC 3261 §7, §8.1.1 or §18.3."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator or len(data) > MAX_MESSAGE:
        raise Malformed(400, "Bad Request")
    head = _SPACE_BEFORE_COLON.sub(rb"\1:", _FOLD.sub(b" ", head))
    head = _RECEIVED_SIX.sub(rb"\1[\2]", head)
    try:
        message = _parse(head, body)
    except PROTOCOL_ERRORS:
        raise _salvage(head) from None
    if _CONTROL.search(head) or any(len(li) > MAX_HEADER_LINE for li in head.split(b"\r\n")):
        raise _salvage(head)
    if isinstance(message, Response):
        _check_response(message)
    else:
        _check_request(message)
    return message


def _parse(head: bytes, body: bytes) -> Request | Response:
    return Message.parse(head + b"\r\n\r\n" + body)


def _salvage(head: bytes) -> Malformed:
    """Say what is wrong with a request that could not be parsed, and keep what can be answered."""
    lines = [li for li in head.split(b"\r\n") if len(li) <= MAX_HEADER_LINE]
    start = lines[0].split(b" ") if lines else []
    if not start or start[0] == b"SIP/2.0":
        return Malformed(400, "Bad Request")
    code, phrase = 400, "Bad Request"
    if re.fullmatch(rb"SIP/\d+\.\d+", start[-1]) and start[-1] != b"SIP/2.0":
        code, phrase = 505, "Version Not Supported"
    elif len(start) == 3 and _foreign_scheme(start[1]):
        code, phrase = 416, "Unsupported URI Scheme"
    fields = [li for li in lines[1:] if b":" in li and not _CONTROL.search(li)]
    method = re.sub(rb"[^\w.!%*+`'~-]", b"", start[0])[:32] or b"UNKNOWN"
    placeholder = method + b" sip:unreadable@invalid SIP/2.0"
    try:
        request = _parse(b"\r\n".join([placeholder, *fields]), b"")
        _ = (request.via[0], request.headers["From"], request.headers["To"])
        _ = (request.headers["Call-ID"], request.headers["CSeq"])
    except (*PROTOCOL_ERRORS, IndexError):
        return Malformed(code, phrase)
    return Malformed(code, phrase, request if isinstance(request, Request) else None)


def _foreign_scheme(uri: bytes) -> bool:
    """Whether a Request-URI is a URI, but of none of the schemes we serve."""
    text = uri.decode("latin-1").lower()
    return bool(re.match(r"[a-z][a-z0-9+.-]*:", text)) and not text.startswith(_SCHEMES)


def _check_response(response: Response) -> None:
    try:
        readable = bool(response.via) and response.cseq.sequence >= 0
    except PROTOCOL_ERRORS:
        readable = False
    if not readable:
        raise Malformed(400, "Bad Request")


def _check_request(request: Request) -> None:
    """Refuse what RFC 3261 §8.1.1 does not allow; cut the body to its Content-Length (§18.3)."""
    try:
        via = request.via[0]
    except (*PROTOCOL_ERRORS, IndexError):
        raise Malformed(400, "Bad Request") from None
    try:
        complete = (
            bool(via.host)
            and request.cseq.method == request.method
            and request.cseq.sequence < 2**31
            and request.call_id != ""
            and request.from_address.uri.scheme != ""
            and request.to_address.uri.scheme != ""
            and (request.max_forwards is None or 0 <= request.max_forwards <= 255)
            and all(len(request.headers.getlist(name)) <= 1 for name in _ONCE)
        )
        length = request.content_length
        _ = (request.content_type, request.expires)
        if request.headers.get("Contact") != "*":  # no address, but allowed (§10.2.2)
            _ = request.contact
    except PROTOCOL_ERRORS:
        complete, length = False, 0
    if not complete or (length is not None and not 0 <= length <= len(request.body)):
        known = all(request.headers.get(name) for name in ("From", "To", "Call-ID", "CSeq"))
        raise Malformed(400, "Bad Request", request if known else None)
    if length is not None:
        request.body = request.body[:length]


def stamp_via(request: Request, peer: records.Address) -> None:
    """Add ``received`` and the value of ``rport`` to the topmost Via (RFC 3581 §4).

    The text is edited in place: a branch that is parsed and written again would not be the same.
    """
    values = request.headers.getlist("Via")
    first, comma, rest = values[0].partition(",")
    via = request.via[0]
    first = _RPORT.sub(f";rport={peer[1]}", first)
    if "rport" in via.parameters or via.host.strip("[]") != peer[0]:
        first = f"{first};received={f'[{peer[0]}]' if ':' in peer[0] else peer[0]}"
    request.headers.setlist("Via", [first + comma + rest, *values[1:]])


def reply_address(request: Request, peer: records.Address) -> records.Address:
    """Where a response goes over UDP: the source port if rport was asked for, else the Via's."""
    via = request.via[0]
    if "rport" in via.parameters:
        return peer
    return (peer[0], via.port or _DEFAULT_PORT)


def user_of(request: Request) -> str:
    """Return the user part of the Request-URI, empty where it has none."""
    return request.uri.user or ""


def written_user(user: str) -> str:
    """Return a user part as a URI may hold it: what was escaped is escaped again (§25.1)."""
    return quote(user, safe="-_.!~*'()&=+$,;?/")


def tag_of(value: str) -> str:
    """Return the tag of a From or To value."""
    found = re.search(r";\s*tag\s*=\s*([^;,\s>]+)\s*", value.rpartition(">")[2])
    return found.group(1) if found else ""


def contact_uri(message: Request | Response) -> str | None:
    """Return the URI text of the first Contact, None where there is none that can be sent to."""
    try:
        contacts = message.contact
    except PROTOCOL_ERRORS:
        return None
    if not contacts or contacts[0].uri.scheme not in {"sip", "sips"}:
        return None
    return str(contacts[0].uri)


def contacts_of(request: Request) -> list[tuple[Address, str]]:
    """Return every Contact with its URI as it was written, in order.

    Written again, a URI may change its escapes, and a client looks for the one that it sent.
    """
    pairs: list[tuple[Address, str]] = []
    for value in request.headers.getlist("Contact"):
        contacts = Address.parse_many(value)
        texts = _ANGLE.findall(value)
        if len(texts) != len(contacts):  # some without angle brackets
            texts = [str(contact.uri) for contact in contacts]
        pairs += zip(contacts, texts, strict=True)
    return pairs


def text_of(message: Request | Response) -> str:
    """Return the body as text."""
    return message.body.decode("utf-8", "replace")


def respond(request: Request, answer: Answer, *, to_tag: str, server: str) -> bytes:
    """Write the response to a request (RFC 3261 §8.2.6)."""
    response = Response(answer.code, answer.phrase, answer.body.encode())
    headers = response.headers
    headers.setlist("Via", list(request.headers.getlist("Via")))
    for name in ("From", "To", "Call-ID", "CSeq"):
        headers.set(name, request.headers[name])
    if answer.code > 100 and not tag_of(request.headers["To"]):
        headers.set("To", f"{request.headers['To']};tag={to_tag}{answer.tag_suffix}")
    for name, value in answer.headers:
        headers.add(name, value)
    headers.set("Server", server)
    if answer.body:
        headers.set("Content-Type", answer.content_type)
    headers.set("Content-Length", str(len(response.body)))
    return bytes(response)


def build(
    method: str,
    uri: str,
    headers: tuple[tuple[str, str], ...],
    *,
    body: str = "",
    content_type: str = "",
) -> Request:
    """Write a request of our own; raise ValueError where ``uri`` is none."""
    request = Request(method, URI.parse(uri), body.encode())
    for name, value in headers:
        request.headers.add(name, value)
    if body:
        request.headers.set("Content-Type", content_type)
    request.headers.set("Content-Length", str(len(request.body)))
    return request
