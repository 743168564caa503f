"""The test messages of RFC 5118 as (section, name, head, body); torture.py makes bytes of them.

`{length}` stands for the length of the body.
"""


def _register(uri: str, call_id: str, via: str = "[2001:db8::9:1]", contact: str = "") -> str:
    """Return a REGISTER of §4.1 to §4.6."""
    return f"""
REGISTER {uri} SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP {via};branch=z9hG4bKas3-111
Call-ID: {call_id}
Max-Forwards: 70
Contact: {contact or '"Caller" <sip:caller@[2001:db8::1]>'}
CSeq: 98176 REGISTER
Content-Length: 0
"""


def _invite(frm: str = "[2001:db8::20]") -> str:
    """Return an INVITE of §4.7 to §4.10."""
    return f"""
INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP {frm};branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@{frm}>
CSeq: 8612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: {{length}}
"""


def _sdp(
    *more: str, origin: str = "IN IP6 2001:db8::20", address: str = "IN IP6 2001:db8::20"
) -> str:
    """Return a session description over IPv6."""
    lines = ["v=0", f"o=assistant 971731711378798081 0 {origin}", "s=Live video feed"]
    lines += [f"c={address}", "t=3338481189 3370017201", *more]
    return "\n".join(lines) + "\n"


_MEDIA = ("m=audio 6000 RTP/AVP 2", "a=rtpmap:2 G726-32/8000", "m=video 6024 RTP/AVP 107")
_VIDEO = ("a=rtpmap:107 H263-1998/90000",)

_OPTIONS = """
OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0
To: sip:user@[2001:db8:::192.0.2.1]
From: sip:user@example.com;tag=810x2
Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111
Call-ID: G9559905523997077@hlau_4100
CSeq: 689 OPTIONS
Max-Forwards: 70
Content-Length: 0
"""

_MULTIPLE = """
BYE sip:user@host.example.com SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144
Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200
Call-ID: 997077@lau_4100
Max-Forwards: 70
CSeq: 89187 BYE
To: sip:user@example.net;tag=9817--94
From: sip:user@example.com;tag=81x2
Content-Length: 0
"""

_RECEIVED = """
BYE sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com;tag=bd76ya
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 321 BYE
Content-Length: 0
"""

IPV6: tuple[tuple[str, str, str, str], ...] = (
    ("4.1", "ipv6-good", _register("sip:[2001:db8::10]", "ipv6-good@[2001:db8::9:1]"), ""),
    ("4.2", "ipv6-bad", _register("sip:2001:db8::10", "ipv6-bad@[2001:db8::9:1]"), ""),
    ("4.3", "port-ambiguous", _register("sip:[2001:db8::10:5070]", "ambiguous@lau"), ""),
    ("4.4", "port-unambiguous", _register("sip:[2001:db8::10]:5070", "unambiguous@lau"), ""),
    (
        "4.5",
        "via-received-param-with-delim",
        _RECEIVED.replace("{received}", "[2001:db8::9:255]"),
        "",
    ),
    ("4.5", "via-received-param-no-delim", _RECEIVED.replace("{received}", "2001:db8::9:255"), ""),
    ("4.6", "ipv6-in-sdp", _invite(), _sdp(*_MEDIA, *_VIDEO)),
    ("4.7", "mult-ip-in-header", _MULTIPLE, ""),
    (
        "4.8",
        "mult-ip-in-sdp",
        _invite(),
        _sdp(
            *("m=audio 22334 RTP/AVP 0", "c=IN IP4 192.0.2.30"),
            *("m=video 6024 RTP/AVP 107", "c=IN IP6 2001:db8::1", *_VIDEO),
        ),
    ),
    (
        "4.9",
        "ipv4-mapped-ipv6",
        _invite("[::ffff:192.0.2.10]:19823"),
        _sdp(
            *("m=audio 22334 RTP/AVP 0", "c=IN IP6 ::ffff:192.0.2.30"),
            *("m=video 6024 RTP/AVP 107", "c=IN IP6 ::ffff:192.0.2.31", *_VIDEO),
        ),
    ),
    ("4.10", "ipv6-bug-abnf-3-colons", _OPTIONS, ""),
)
