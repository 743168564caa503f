"""The test messages of RFC 4475 (SIP torture) and RFC 5118 (SIP torture for IPv6), made by code.

They are facts of the two standards, one `Case` each, with the section that describes it. What needs
exact bytes (escaped NULs, UTF-8, long values, a binary body) is computed. `{length}` stands for the
real length of the body; a case whose length is wrong on purpose has the number that the RFC gives.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torture_ipv6 import IPV6

SDP = (
    "v=0\no=mhandley 29739 7272939 IN IP4 192.0.2.{host}\ns=-\nc=IN IP4 192.0.2.{host}\nt=0 0\n"
    "m=audio 49217 RTP/AVP 0 12\nm=video 3227 RTP/AVP 31\na=rtpmap:31 LPC\n"
)
"""The session description that most of the messages carry."""

PLAIN_SDP = SDP.replace("{host}", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message of a standard."""

    rfc: int
    "4475 or 5118."

    section: str
    "Its section."

    name: str
    "The RFC's short name."

    data: bytes
    "The message."

    @property
    def is_response(self) -> bool:
        """Whether it is a response."""
        return self.data.startswith(b"SIP/2.0 ")


def _bytes(head: str, body: str | bytes = b"") -> bytes:
    """Return a message with CRLF line ends; ``{length}`` becomes the length of the body."""
    end = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode()
    start = head.strip("\n").replace("{length}", str(len(end))).replace("\n", "\r\n").encode()
    return start + b"\r\n\r\n" + end


# 3.1.1 Valid messages

WSINV = _bytes(
    r"""
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : {length}
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33
""",
    SDP.replace("{host}", "3"),
)

_UNUSUAL = "!interesting-Method0123456789_*+`.%indeed'~"
INTMETH = _bytes(
    f"""
{_UNUSUAL} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="\u0440\u0430\u0431\u043e\u0442\u0430\u044e\u0449\u0438\u0439";tag=_token~1'+`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/"][?}}{{
CSeq: 139122385 {_UNUSUAL}
Max-Forwards: 255
extensionHeader-!.%*+_`'~:\ufeff\u5927\u505c\u96fb
Content-Length: 0
"""
)

ESC01 = _bytes(
    """
INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: {length}
""",
    PLAIN_SDP,
)

ESCNULL = _bytes(
    """
REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0
"""
)

ESC02 = _bytes(
    """
RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0
"""
)

LWSDISP = _bytes(
    """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0
"""
)

_LONG_NAME = "unknown-" + "Very" + "very" * 16 + "Long-"
LONGREQ = _bytes(
    f"""
INVITE sip:user@example.com SIP/2.0
To: "I have a user name of {"extreme" * 10} proportion" <sip:user@example.com:6000;unknownparam1={"very" * 20}longvalue;longparam{"name" * 25}=shortvalue;very{"long" * 25}ParameterNameWithNoValue>
F: sip:{"amazinglylongcallername" * 5}@example.net;tag=12{"982" * 50}424;unknownheaderparam{"name" * 20}=unknowheaderparam{"value" * 15};unknownValueless{"paramname" * 10}
Call-ID: longreq.one{"really" * 20}longcallid
CSeq: 3882340 INVITE
{_LONG_NAME}Header: {_LONG_NAME}Value-with-lots-of-text; {_LONG_NAME}parameter-name = {_LONG_NAME}parameter-value
Via: SIP/2.0/TCP sip33.example.com
v: SIP/2.0/TCP sip32.example.com
V: SIP/2.0/TCP sip31.example.com
"""
    + "".join(
        f"Via: SIP/2.0/TCP sip{n}.example.com;branch=z9hG4bK{'very' * 8}long{n}branchvalue\n"
        for n in range(30, 0, -1)
    )
    + f"""Max-Forwards: 70
Contact: <sip:{"amazinglylongcallername" * 5}@host5.example.net>
Content-Type: application/sdp
l: {{length}}""",
    PLAIN_SDP,
)

_REGISTER_1 = _bytes(
    """
REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0
"""
)
DBLREQ = _REGISTER_1 + _bytes(
    """

INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
From: sip:caller@example.net;tag=141334
Max-Forwards: 8
Call-ID: dblreq.0ha0isnda977644900765@192.0.2.15
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234
Content-Type: application/sdp
Content-Length: {length}
""",
    PLAIN_SDP,
)

SEMIURI = _bytes(
    """
OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0
"""
)

TRANSPORTS = _bytes(
    """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0
"""
)

_SIGNATURE = bytes(range(256)) + b"\x30\x82\x01\x52\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
MPART01 = _bytes(
    """
MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport
Max-Forwards: 70
Route: <sip:127.0.0.1:5080>
Identity: r5mwreLuyDRYBi/0TiPwEsY3rEVsk/G2WxhgTV1PF7hHuLIK0YWVKZhKv9Mj8UeXqkMVbnVq37CD+813gvYjcBUaZngQmXc9WNZSDNGCzA+fWl9MEUHWIZo1CeJebdY/XlgKeTa0Olvq0rt70Q5jiSfbqMJmQFteeivUhkMWYUA=
Contact: <sip:fluffy@127.0.0.1:5070>
To: <sip:kumiko@example.org>
From: <sip:fluffy@example.com>;tag=2fb0dcc9
Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..
CSeq: 1 MESSAGE
Content-Transfer-Encoding: binary
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Date: Sat, 15 Oct 2005 04:44:56 GMT
User-Agent: SIPimp.org/0.2.5 (curses)
Content-Length: {length}
""",
    b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"Hello\r\n--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: binary\r\n\r\n" + _SIGNATURE + b"\r\n--7a9cbec02ceef655--\r\n",
)

_WEIRD = "\u043d\u0435\u043e\u0431\u044b\u0447\u043d\u044b\u0439 \u043e\u0442\u0432\u0435\u0442"


def _response(
    start: str, name: str, *, via: str = "192.0.2.198;branch=z9hG4bK1324923", more: str = ""
) -> bytes:
    """Return a response of §3.1.1.12 to §3.3.10."""
    return _bytes(
        f"""
{start}
Via: SIP/2.0/UDP {via}
Call-ID: {name}.1234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: {{length}}
{more}Contact: <sip:user@host198.example.com>""",
        SDP.replace("{host}", "198") if "sdp" in more else "",
    )


_AND_SDP = "Content-Type: application/sdp\n"

# 3.1.2 Invalid messages


def _invite(  # noqa: PLR0913, PLR0917 - what differs between the INVITEs of the RFC
    name: str,
    uri: str = "sip:user@example.com",
    to: str = "sip:j.user@example.com",
    via: str = "SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw",
    length: str = "{length}",
    more: str = "",
    version: str = "SIP/2.0",
    cseq: str = "8 INVITE",
    body: str = PLAIN_SDP,
    line: str = "",
) -> bytes:
    """Return an INVITE of §3.1.2 and §3.3 that differs from an ordinary one in a field or two."""
    return _bytes(
        f"""
{line or f"INVITE {uri} {version}"}
To: {to}
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: {name}.0ha0isndaksdjasdf3234nas
CSeq: {cseq}
Via: {via}
Contact: <sip:caller@host5.example.net>
{more}Content-Type: application/sdp
Content-Length: {length}""",
        body,
    )


BADINV01 = _bytes(
    """
INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: "Joe" <sip:joe@example.org>;;;;
Content-Length: 152
Content-Type: application/sdp
""",
    SDP.replace("{host}", "15"),
)

SCALAR02 = _bytes(
    """
REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3
To: <sip:user@example.com>
From: <sip:user@example.com>;tag=239232jh3
CSeq: 36893488147419103232 REGISTER
Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32
Max-Forwards: 300
Expires: 10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
Contact: <sip:user@host129.example.com>
  ;expires=280297596632815
Content-Length: 0
"""
)

SCALARLG = _bytes(
    """
SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129
To: <sip:user@example.com>
From: <sip:other@example.net>;tag=2easdjfejw
CSeq: 9292394834772304023312 OPTIONS
Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r
Retry-After: 949302838503028349304023988
Warning: 1812 overture "In Progress"
Content-Length: 0
"""
)


def _options(  # noqa: PLR0913, PLR0917 - what differs between the OPTIONS of the RFC
    name: str,
    line: str = "OPTIONS sip:user@example.com SIP/2.0",
    to: str = "sip:user@example.com",
    frm: str = "sip:caller@example.org;tag=33242",
    more: str = "",
    via: str = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw",
    cseq: str = "8 OPTIONS",
) -> bytes:
    """Return an OPTIONS of §3.1.2, §3.2 and §3.3 that differs in a field or two."""
    return _bytes(
        f"""
{line}
To: {to}
From: {frm}
Max-Forwards: 70
Call-ID: {name}.sdf0234n2nds0a099u23h3hnnw009cdkne3
CSeq: {cseq}
Via: {via}
Accept: application/sdp
{more}l: 0"""
    )


def _register(name: str, contact: str, more: str = "", uri: str = "sip:example.com") -> bytes:
    """Return a REGISTER of §3.1.2.13 and §3.3."""
    return _bytes(
        f"""
REGISTER {uri} SIP/2.0
To: sip:watson@example.com
From: sip:watson@example.com;tag=DkfVgjkrtMwaerKKpe
Max-Forwards: 70
Call-ID: {name}.70710@saturn.example.com
CSeq: 2 REGISTER
Via: SIP/2.0/UDP saturn.example.com;branch=z9hG4bKkdjuw
{more}Contact: {contact}
L: 0"""
    )


MCL01 = _bytes(
    """
OPTIONS sip:user@example.com SIP/2.0
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bK293423
To: sip:user@example.com
From: sip:other@example.net;tag=3923942
Call-ID: mcl01.fhn2323orihawfdoa3o4r52o3irsdf
CSeq: 15932 OPTIONS
Content-Length: 13
Max-Forwards: 60
Content-Length: 5
Content-Type: text/plain
""",
    b"There's no way to know how many octets are supposed to be here.\r\n",
)

MULTI01 = _bytes(
    """
INVITE sip:user@company.com SIP/2.0
Contact: <sip:caller@host25.example.net>
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: multi01.98asdh@192.0.2.1
CSeq: 59 INVITE
Call-ID: multi01.98asdh@192.0.2.2
From: sip:caller@example.com;tag=3413415
To: sip:user@example.com
To: sip:other@example.net
From: sip:caller@example.net;tag=2923420123
Content-Type: application/sdp
l: {length}
Contact: <sip:caller@host36.example.net>
Max-Forwards: 5
""",
    SDP.replace("{host}", "25"),
)

INSUF = _bytes(
    """
INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
l: {length}
""",
    SDP.replace("{host}", "95"),
)

INV2543 = _bytes(
    """
INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp
""",
    "v=0\no=mhandley 29739 7272939 IN IP4 192.0.2.5\ns=-\nc=IN IP4 192.0.2.5\nt=0 0\n"
    "m=audio 49217 RTP/AVP 0\n",
)

_4475: tuple[tuple[str, str, bytes], ...] = (
    ("3.1.1.1", "wsinv", WSINV),
    ("3.1.1.2", "intmeth", INTMETH),
    ("3.1.1.3", "esc01", ESC01),
    ("3.1.1.4", "escnull", ESCNULL),
    ("3.1.1.5", "esc02", ESC02),
    ("3.1.1.6", "lwsdisp", LWSDISP),
    ("3.1.1.7", "longreq", LONGREQ),
    ("3.1.1.8", "dblreq", DBLREQ),
    ("3.1.1.9", "semiuri", SEMIURI),
    ("3.1.1.10", "transports", TRANSPORTS),
    ("3.1.1.11", "mpart01", MPART01),
    ("3.1.1.12", "unreason", _response(f"SIP/2.0 200 = 2**3 * 5**2 {_WEIRD}", "unreason", more=_AND_SDP)),
    ("3.1.1.13", "noreason", _response("SIP/2.0 100 ", "noreason", via="192.0.2.105;branch=z9hG4bK2398ndaoe")),
    ("3.1.2.1", "badinv01", BADINV01),
    ("3.1.2.2", "clerr", _invite("clerr", length="9999")),
    ("3.1.2.3", "ncl", _invite("ncl", length="-999")),
    ("3.1.2.4", "scalar02", SCALAR02),
    ("3.1.2.5", "scalarlg", SCALARLG),
    ("3.1.2.6", "quotbal", _invite("quotbal", to='"Mr. J. User <sip:j.user@example.com>')),
    ("3.1.2.7", "ltgtruri", _invite("ltgtruri", uri="<sip:user@example.com>")),
    ("3.1.2.8", "lwsruri", _invite("lwsruri", uri="sip:user@example.com; lr")),
    ("3.1.2.9", "lwsstart", _invite("lwsstart", line="INVITE  sip:user@example.com  SIP/2.0")),
    ("3.1.2.10", "trws", _options("trws", line="OPTIONS sip:remote-target@example.com SIP/2.0  ")),
    ("3.1.2.11", "escruri", _invite("escruri", uri="sip:user@example.com?Route=%3Csip:example.com%3E")),
    ("3.1.2.12", "baddate", _invite("baddate", more="Date: Fri, 01 Jan 2010 16:00:00 EST\n")),
    ("3.1.2.13", "regbadct", _register("regbadct", "sip:user@example.com?Route=%3Csip:sip.example.com%3E")),
    ("3.1.2.14", "badaspec", _options("badaspec", to='"Watson, Thomas" < sip:t.watson@example.org >', frm='"Bell, Alexander" <sip:a.g.bell@example.com>;tag=43')),
    ("3.1.2.15", "baddn", _options("baddn", to="Watson, Thomas <sip:t.watson@example.org>", frm="Bell, Alexander <sip:a.g.bell@example.com>;tag=43")),
    ("3.1.2.16", "badvers", _options("badvers", line="OPTIONS sip:t.watson@example.org SIP/7.0", via="SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw")),
    ("3.1.2.17", "mismatch01", _options("mismatch01", cseq="8 INVITE")),
    ("3.1.2.18", "mismatch02", _options("mismatch02", line="NEWMETHOD sip:user@example.com SIP/2.0", cseq="8 INVITE")),
    ("3.1.2.19", "bigcode", _response("SIP/2.0 4294967301 better not break the receiver", "bigcode", via="192.0.2.105;branch=z9hG4bK2398ndaoe")),
    ("3.2.1", "badbranch", _options("badbranch", via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK")),
    ("3.3.1", "insuf", INSUF),
    ("3.3.2", "unkscm", _options("unkscm", line="OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0")),
    ("3.3.3", "novelsc", _options("novelsc", line="OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0")),
    ("3.3.4", "unksm2", _register("unksm2", "<name:John_Smith>").replace(b"To: sip:watson@example.com", b"To: isbn:2983792873")),
    ("3.3.5", "bext01", _options("bext01", more="Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis\nRequire: nothingSupportsThis, nothingSupportsThisEither\n")),
    ("3.3.6", "invut", _invite("invut", body='<audio>\n <pcmu port="443"/>\n</audio>\n').replace(b"application/sdp", b"application/unknownformat")),
    ("3.3.7", "regaut01", _register("regaut01", "<sip:j.user@host.example.com>", more="Authorization: NoOneKnowsThisScheme opaque-data=here\n")),
    ("3.3.8", "multi01", MULTI01),
    ("3.3.9", "mcl01", MCL01),
    ("3.3.10", "bcast", _response("SIP/2.0 200 OK", "bcast", via="192.0.2.198;branch=z9hG4bK1324923\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23", more=_AND_SDP)),
    ("3.3.11", "zeromf", _options("zeromf").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")),
    ("3.3.12", "cparam01", _register("cparam01", "sip:+19725552222@gw1.example.net;unknownparam")),
    ("3.3.13", "cparam02", _register("cparam02", "<sip:+19725552222@gw1.example.net;unknownparam>")),
    ("3.3.14", "regescrt", _register("regescrt", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>")),
    ("3.3.15", "sdp01", _invite("sdp01", more="Accept: text/nobodyKnowsThis\n")),
    ("3.4.1", "inv2543", INV2543),
)  # fmt: skip


def cases() -> Iterator[Case]:
    """Yield the 49 messages of RFC 4475, then those of RFC 5118."""
    for section, name, data in _4475:
        yield Case(rfc=4475, section=section, name=name, data=data)
    for section, name, head, body in IPV6:
        yield Case(rfc=5118, section=section, name=name, data=_bytes(head, body))
