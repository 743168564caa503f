"""Mutations of valid answers, at five levels, from a seeded generator.

Bytes, tokens, header fields, lengths, session description. A mutation takes the whole message and
gives back another; `Mutator.mutate` applies one to three of them and, for most, sets Content-Length
right again, because a stream that has lost its framing shows nothing more.
"""

import random
import re
from collections.abc import Callable

_LENGTH = re.compile(rb"(?im)^(content-length|l)([ \t]*:[ \t]*)[^\r\n]*")
_NUMBER = re.compile(rb"\d+")
_TOKEN = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]+")

NUMBERS = (
    *(b"0", b"1", b"-1", b"255", b"256", b"65535", b"65536", b"99999", b"2147483647"),
    *(b"2147483648", b"4294967295", b"4294967296", b"18446744073709551616", b"9" * 40),
    *(b"00000000000000000001", b"1e9", b"0x10", b"+5", b" 7", b"", b"\xd9\xa3"),
)
TEXTS = (
    *(b"", b"%", b"%s%n%s", b"%00", b"\x00", b"\xff\xfe", "ü€𝄞".encode(), b"\xc3\x28", b"<", b">"),
    *(b'"', b'\\"', b"'", b"\\", b";", b",", b";;;;", b",,,,", b"=", b"@", b"@@", b"[", b"[::1]"),
    *(b"[::", b"[:::1]", b"\r", b"\n", b"\r\n ", b"\r\n\r\n", b"\t", b"\x0b", b"\x1b[2J", b"\x7f"),
    *(b"A" * 300, b"A" * 2000, b"(" * 200, b"<sip:" * 50, b"..", b"/", b"*", b"sip:", b"tel:"),
)
URIS = (
    *(b"sip:x@127.0.0.1:9", b"sip:127.0.0.1", b"sip:x@127.0.0.1:0", b"sip:x@127.0.0.1:99999"),
    *(b"tel:+12025550123", b"http://127.0.0.1/", b"mailto:x@y", b"sips:x@127.0.0.1", b"sip:"),
    *(b"sip:x@nowhere.invalid", b"sip:x@[::1]:5060", b"sip:x@[::1", b"sip:x@0.0.0.0", b"sip:@"),
    *(b"sip:x@255.255.255.255", b"sip:x@127.0.0.1;transport=tcp", b"sip:x@127.0.0.1;transport=tls"),
    *(b"sip:x@127.0.0.1;transport=sctp", b"sip:x@127.0.0.1;maddr=224.0.1.75;ttl=255", b"urn:x:y"),
    *(b"sip:x@127.0.0.1;lr;lr;lr", b"sip:x@127.0.0.1?Route=%3Csip:y%3E", b"*", b"", b"sip:" * 40),
    *(b"sip:" + b"u" * 1500 + b"@127.0.0.1", b"sip:x:p@127.0.0.1", b"sip:%00@127.0.0.1"),
    *(b"sip:x@" + b"h" * 300 + b".invalid", b"sip:x@127.1", b"sip:x@0x7f000001", b"im:x@y"),
)
FIELDS = (
    *(b"Require: 100rel", b"RSeq: 0", b"RSeq: 4294967296", b"Require: nonsense", b"Supported:"),
    *(b"Session-Expires: 0", b"Session-Expires: 1;refresher=uac", b"Min-SE: 999999999999"),
    *(b"Retry-After: -1", b"Retry-After: 99999999999 (x", b"Warning: 399 x", b"Expires: -5"),
    *(b'WWW-Authenticate: Digest realm="', b"WWW-Authenticate: Digest", b"Min-Expires: 0"),
    *(b"Proxy-Authenticate: Basic realm=x", b"WWW-Authenticate: Negotiate", b"Allow: ,,,"),
    *(b'WWW-Authenticate: Digest realm="x",nonce="",algorithm=SHA-512-256', b"Date: yesterday"),
    *(b"Record-Route: <tel:1>", b"Record-Route: <sip:127.0.0.1>", b"Record-Route: sip:x", b":"),
    *(b"Contact: *", b"Contact:", b"Content-Type: multipart/mixed;boundary=x", b"Content-Type: /"),
    *(b"Content-Encoding: gzip", b"Content-Disposition: ;", b"MIME-Version: 9.9", b"X", b" folded"),
    *(b"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKother", b"Via: x", b"To: <sip:a>;tag=x;tag=y"),
    *(b"From: ", b"CSeq: 1 BYE", b"CSeq: x", b"Call-ID: other", b"Max-Forwards: 256", b"P: " * 3),
    *(
        b"Refer-To: <sip:premium@127.0.0.1>",
        b"Replaces: x;to-tag=;from-tag=",
        b"Event:;",
        b"\xff: x",
    ),
    *(b"Security-Server: ;", b"Path: <", b"Service-Route: <tel:1>", b"Reason: Q.850;cause=x"),
    *(b'P-Asserted-Identity: "', b"Identity: x", b"Geolocation: <", b"X-Long: " + b"y" * 3000),
)
CODES = (
    *(b"000", b"099", b"100", b"101", b"199", b"200", b"202", b"299", b"300", b"302", b"399"),
    *(b"401", b"407", b"408", b"413", b"420", b"421", b"422", b"423", b"491", b"494", b"500"),
    *(
        b"503",
        b"513",
        b"580",
        b"600",
        b"603",
        b"607",
        b"699",
        b"700",
        b"999",
        b"9999",
        b"-12",
        b"2",
    ),
)
_PAYLOADS = b" ".join(b"%d" % n for n in range(96, 228))
LINES = (
    *(b"m=audio 0 RTP/AVP 0", b"m=audio 99999 RTP/AVP 0", b"m=audio 4000 RTP/AVP", b"m=audio"),
    *(b"m=audio 4000 RTP/AVP 0 0 0 0", b"m=audio 4000 RTP/SAVP 0", b"m=audio 4000/4 RTP/AVP 0"),
    *(b"m=audio 4000 UDP/TLS/RTP/SAVPF 0", b"m=video 4000 RTP/AVP 31", b"m=image 4000 udptl t38"),
    *(b"m=audio 4000 RTP/AVP 255 999 -1", b"m=audio 4000 RTP/AVP " + _PAYLOADS, b"m=x y z"),
    *(b"m=audio 0 RTP/AVP 0\r\n" * 12, b"c=IN IP4 nowhere.invalid", b"c=IN IP6 ::1", b"c=IN"),
    *(b"c=IN IP4 224.2.1.1/127/3", b"c=IN IP4 0.0.0.0", b"c=IN IP4 999.1.1.1", b"c=", b"c=X Y Z"),
    *(b"a=rtpmap:0", b"a=rtpmap:0 /", b"a=rtpmap:0 PCMU", b"a=rtpmap:0 PCMU/0", b"a=rtpmap:"),
    *(b"a=rtpmap:0 PCMU/8000/99", b"a=rtpmap:999 x/y", b"a=rtpmap:-1 a/1", b"a=fmtp:", b"a=fmtp:0"),
    *(b"a=fmtp:101 0-999999", b"a=ptime:0", b"a=ptime:99999999", b"a=maxptime:-1", b"a=", b"a"),
    *(b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", b"a=crypto:", b"a=candidate:", b"a=rtcp:0"),
    *(b"a=ice-ufrag:x", b"a=ice-pwd:", b"a=inactive", b"a=sendonly\r\na=recvonly", b"a=rtcp-mux"),
    *(b"a=X:" + b"z" * 1500, b"t=", b"t=99999999999999999999 0", b"o=", b"o=- x y IN IP4", b"v=1"),
    *(
        b"b=AS:-1",
        b"b=",
        b"k=clear:x",
        b"z=0 -1h",
        b"r=7d 1h 0 25h",
        b"=",
        b"x",
        b"\x00",
        b"\xff=\xff",
    ),
)

Change = Callable[[bytes], bytes]


class Mutator:
    """Mutates messages; the same generator in the same state gives the same mutations."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._head: tuple[Change, ...] = (
            *(self._flip, self._insert, self._delete, self._repeat, self._number, self._token),
            *(self._drop_field, self._repeat_field, self._swap_fields, self._empty_field),
            *(self._add_field, self._add_field, self._uri, self._uri, self._status, self._fold),
            *(self._rename, self._separator, self._tag),
        )
        self._body: tuple[Change, ...] = (
            *(self._line, self._line, self._drop_line, self._body_bytes, self._media),
        )

    def mutate(self, message: bytes, *, keep_framing: float = 0.85) -> bytes:
        """Return a mutated message; ``keep_framing`` is the share with a right Content-Length."""
        rng = self._rng
        head, empty, body = message.partition(b"\r\n\r\n")
        in_body = bool(body) and rng.random() < 0.5
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            if in_body:
                body = rng.choice(self._body)(body)
            else:
                head = rng.choice(self._head)(head)
        if rng.random() < keep_framing:
            return self._framed(head, body)
        return self._length(head + empty + body)

    def _framed(self, head: bytes, body: bytes) -> bytes:
        """Set Content-Length right, and let no empty line end the head early."""
        head = head.replace(b"\r\n\r\n", b"\r\n")
        size = b"%d" % len(body)
        if _LENGTH.search(head):
            head = _LENGTH.sub(lambda found: found[1] + found[2] + size, head, count=1)
        else:
            head += b"\r\nContent-Length: " + size
        return head + b"\r\n\r\n" + body

    # Bytes

    def _at(self, data: bytes) -> int:
        return self._rng.randrange(len(data) + 1)

    def _flip(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(self._rng.choice((1, 1, 2, 8))):
            if changed:
                changed[self._rng.randrange(len(changed))] = self._rng.randrange(256)
        return bytes(changed)

    def _insert(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + self._rng.choice(TEXTS) + data[at:]

    def _delete(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + data[at + self._rng.choice((1, 1, 4, 40)) :]

    def _repeat(self, data: bytes) -> bytes:
        at = self._at(data)
        piece = data[at : at + self._rng.randrange(1, 80)]
        return data[:at] + piece * self._rng.choice((2, 2, 20)) + data[at:]

    # Tokens

    def _replace_one(self, data: bytes, pattern: re.Pattern[bytes], by: bytes) -> bytes:
        found = list(pattern.finditer(data))
        if not found:
            return data
        one = self._rng.choice(found)
        return data[: one.start()] + by + data[one.end() :]

    def _number(self, data: bytes) -> bytes:
        return self._replace_one(data, _NUMBER, self._rng.choice(NUMBERS))

    def _token(self, data: bytes) -> bytes:
        return self._replace_one(data, _TOKEN, self._rng.choice(TEXTS))

    def _separator(self, data: bytes) -> bytes:
        return self._replace_one(data, re.compile(rb"[:;,=<>@\" ]"), self._rng.choice(TEXTS))

    def _uri(self, data: bytes) -> bytes:
        found = re.compile(rb"sips?:[^\s<>;,]*")
        fields = [n for n in (b"\r\nContact:", b"\r\nRecord-Route:", b"\r\nTo:") if n in data]
        if fields and self._rng.random() < 0.8:
            at = data.index(self._rng.choice(fields))
            return data[:at] + found.sub(lambda _: self._rng.choice(URIS), data[at:], count=1)
        return self._replace_one(data, found, self._rng.choice(URIS))

    def _tag(self, data: bytes) -> bytes:
        pattern = re.compile(rb"(?:tag|branch|rport|received)=[^;\s]*")
        return self._replace_one(
            data, pattern, self._rng.choice((b"tag=", b"tag", b"tag=other", b"branch=", b"rport=0"))
        )

    def _status(self, data: bytes) -> bytes:
        return re.sub(rb"(?<=SIP/2.0 )\d{3}", lambda _: self._rng.choice(CODES), data, count=1)

    # Header fields

    def _drop_field(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        if len(lines) > 2:
            del lines[self._rng.randrange(1, len(lines))]
        return b"\r\n".join(lines)

    def _repeat_field(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        one = self._rng.choice(lines)
        at = self._rng.randrange(len(lines))
        return b"\r\n".join(lines[:at] + [one] * self._rng.choice((1, 1, 30)) + lines[at:])

    def _swap_fields(self, data: bytes) -> bytes:
        first, *lines = data.split(b"\r\n")
        self._rng.shuffle(lines)
        return b"\r\n".join([first, *lines])

    def _empty_field(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        at = self._rng.randrange(len(lines))
        name, colon, _ = lines[at].partition(b":")
        lines[at] = name + colon + self._rng.choice((b"", b" ", b"  \t", b" ;", b" ,"))
        return b"\r\n".join(lines)

    def _add_field(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        lines.insert(self._rng.randrange(1, len(lines) + 1), self._rng.choice(FIELDS))
        return b"\r\n".join(lines)

    def _rename(self, data: bytes) -> bytes:
        names = re.compile(rb"(?m)^[A-Za-z-]+(?=:)")
        other = (b"v", b"f", b"t", b"i", b"m", b"l", b"c", b"CSEQ", b"vIA", b"Call-Id ", b"X-Y")
        return self._replace_one(data, names, self._rng.choice(other))

    def _fold(self, data: bytes) -> bytes:
        return self._replace_one(
            data, re.compile(rb" "), self._rng.choice((b"\r\n ", b"\r\n\t", b"\n "))
        )

    # Lengths

    def _length(self, message: bytes) -> bytes:
        """Break the framing: a wrong, missing or absurd Content-Length, a cut or longer body."""
        what = self._rng.randrange(5)
        if what == 0:
            return message[: self._rng.randrange(len(message) + 1)]
        if what == 1:
            return message + self._rng.choice(TEXTS) * self._rng.choice((1, 3))
        if what == 2:
            return _LENGTH.sub(b"X: y", message)
        value = self._rng.choice(NUMBERS)
        return _LENGTH.sub(lambda found: found[1] + found[2] + value, message, count=1)

    # Session description

    def _line(self, body: bytes) -> bytes:
        lines = body.split(b"\r\n")
        new = self._rng.choice(LINES)
        same = [n for n, line in enumerate(lines) if line[:2] == new[:2]]
        if same and self._rng.random() < 0.7:
            lines[self._rng.choice(same)] = new
        else:
            lines.insert(self._rng.randrange(len(lines) + 1), new)
        return b"\r\n".join(lines)

    def _drop_line(self, body: bytes) -> bytes:
        lines = body.split(b"\r\n")
        del lines[self._rng.randrange(len(lines))]
        return b"\r\n".join(lines)

    def _media(self, body: bytes) -> bytes:
        return body + self._rng.choice(LINES) + b"\r\n"

    def _body_bytes(self, body: bytes) -> bytes:
        changes = (self._flip, self._insert, self._delete, self._repeat, self._number, self._token)
        return self._rng.choice(changes)(body)
