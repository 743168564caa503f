"""Valid answers to requests of ours, as bytes: what mutations begin from."""

from probe.sip.message import SipMessage

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    401: "Unauthorized",
    404: "Not Found",
    407: "Proxy Authentication Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}

CHALLENGE = (
    'Digest realm="hostile", nonce="4d5e2f0c8a7b", qop="auth,auth-int", algorithm=MD5,'
    ' opaque="5ccc069c"'
)

Extra = tuple[tuple[str, str], ...]


def description(port: int, *, address: str = "127.0.0.1") -> bytes:
    """Return a session description that answers any offer of ours."""
    return (
        f"v=0\r\no=- 3724394400 3724394405 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\n"
        f"t=0 0\r\nm=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
    ).encode()


def answer(  # noqa: PLR0913 - the parts of a response
    request: SipMessage,
    status: int,
    contact: str | None = None,
    body: bytes = b"",
    *,
    tag: str = "hostile",
    extra: Extra = (),
    reason: str | None = None,
) -> bytes:
    """Return a valid response (RFC 3261 §8.2.6.2); ``body`` is a session description."""
    lines = [f"SIP/2.0 {status} {REASONS.get(status, 'Unknown') if reason is None else reason}"]
    lines += [f"Via: {via}" for via in request.all("Via")]
    lines.append(f"From: {request.first('From')}")
    to = request.first("To") or ""
    lines.append(f"To: {to}" + (f";tag={tag}" if status > 100 and ";tag=" not in to else ""))
    lines += [f"Call-ID: {request.call_id}", f"CSeq: {request.first('CSeq')}"]
    if contact is not None:
        lines.append(f"Contact: <{contact}>")
    lines += [f"{name}: {value}" for name, value in extra]
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def in_dialog(  # noqa: PLR0913 - the parts of a request
    invite: SipMessage,
    method: str,
    here: str,
    number: int,
    body: bytes = b"",
    *,
    tag: str = "hostile",
    extra: Extra = (),
) -> bytes:
    """Return a request of the called side inside the dialog of our INVITE (RFC 3261 §12.2.1.1)."""
    target = (invite.first("Contact") or "").partition("<")[2].partition(">")[0]
    transport = (invite.first("Via") or "SIP/2.0/UDP").split()[0].rpartition("/")[2]
    to = invite.first("To") or ""
    lines = [
        f"{method} {target or invite.request_uri} SIP/2.0",
        f"Via: SIP/2.0/{transport} {here};rport;branch=z9hG4bK-{invite.from_tag[-8:]}-{number}",
        f"From: {to}" + ("" if ";tag=" in to else f";tag={tag}"),
        f"To: {invite.first('From')}",
        f"Call-ID: {invite.call_id}",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        f"Contact: <sip:hostile@{here}>",
    ]
    lines += [f"{name}: {value}" for name, value in extra]
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
