"""Stories of attempts that went wrong, each with the cause that must come out first.

A story is a wire, the settings of its account, and what the diagnosis must say. Every rule is met
by at least one story; every story is a look-alike of others, which is what ``never`` lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace
from wirebuilder import ANSWER, OFFER, Wire, refused_call, register_ok, sdp

from probe.scenario.expectation import Bound
from probe.trace.failure import Failure
from probe.trace.route import DnsAnswer, NextHop
from probe.trace.trace import (
    UNACKNOWLEDGED,
    UNFRAMED,
    AgentNote,
    BytesDropped,
    IcmpReceived,
    MessageEvent,
    NameLookup,
    Stalled,
    Trace,
    TransportChanged,
)

CERTAIN, LIKELY, UNDECIDED = "certain", "likely", "undecided"
PEER = "198.51.100.1:5060"
HOST = "sip.carrier.example"


@dataclass(frozen=True, kw_only=True)
class Story:
    """One attempt and what must be said of it."""

    name: str
    "The situation."

    trace: Trace
    "What happened."

    cause: str | None
    "Id that comes first; None where no cause may be named."

    certainty: str
    "How sure the explanation may be."

    also: tuple[str, ...] = ()
    "Ids that must stand beside it."

    never: tuple[str, ...] = ()
    "Ids of look-alikes that must not be named."

    facts: Mapping[str, object] = field(default_factory=dict)
    "Settings: fields of the account, expect, direction, provider, number."

    says: tuple[str, ...] = ()
    "Words that must stand in summary or next steps."


def tell(  # noqa: PLR0913 - the parts of a story
    name: str,
    wire: Wire | Trace,
    cause: str | None,
    certainty: str,
    *,
    also: tuple[str, ...] = (),
    never: tuple[str, ...] = (),
    says: tuple[str, ...] = (),
    **facts: object,
) -> Story:
    """Return a story."""
    trace = wire.trace() if isinstance(wire, Wire) else wire
    return Story(
        name=name,
        trace=trace,
        cause=cause,
        certainty=certainty,
        also=also,
        never=never,
        says=says,
        facts=facts,
    )


def with_text(wire: Wire, *pairs: tuple[str, str]) -> Trace:
    """Return the trace of a wire with pieces of its messages (and addresses) replaced."""
    trace = wire.trace()

    def change(text: str) -> str:
        for old, new in pairs:
            text = text.replace(old, new)
        return text

    return replace(
        trace,
        events=tuple(
            replace(e, text=change(e.text), local=change(e.local), remote=change(e.remote))
            if isinstance(e, MessageEvent)
            else e
            for e in trace.events
        ),
    )


PUBLIC = (("198.51.100.1", "9.9.9.9"),)


def dialled(number: str, status: int, *, at: float = 0.05) -> Wire:
    """Return a call of a number that is refused."""
    return Wire("INVITE", number=number).send("INVITE", body=OFFER).receive(status, at=at)


def challenged(method: str = "REGISTER", status: int = 401) -> Wire:
    """Return a request, its challenge, and the request with our login."""
    body = OFFER if method == "INVITE" else ""
    wire = Wire(method).send(method, body=body).receive(status)
    if method == "INVITE":
        wire.send("ACK")
    return wire.send(method, auth=True, body=body)


def ringing(seconds: float, status: int, **more: object) -> Wire:
    """Return a call that rings for so long and is then refused."""
    return (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(100)
        .receive(180, at=0.5)
        .receive(status, at=0.5 + seconds, **more)
        .send("ACK")
    )


def after_login(status: int, reason: str | None = None) -> Wire:
    """Return a call that is refused after our login."""
    return challenged("INVITE", 407).receive(100).receive(status, reason).send("ACK")


def icmp(kind: int, code: int, offender: str = "198.51.100.1") -> IcmpReceived:
    """Return an ICMP error about our datagram."""
    return IcmpReceived(at=0.1, remote=PEER, offender=offender, icmp_type=kind, icmp_code=code)


def left_server(why: str, waited_s: float) -> NextHop:
    """Return a first server that was left for the next."""
    return NextHop(
        at=0.0,
        place=1,
        of=2,
        host="s1.carrier.example",
        remote="198.51.100.7:5060",
        transport="UDP",
        left=why,
        waited_s=waited_s,
    )


def published(name: str, record: str) -> DnsAnswer:
    """Return an SRV record that DNS gave."""
    return DnsAnswer(
        at=0.0,
        kind="SRV",
        name=name,
        code="NOERROR",
        records=(record,),
        ttl=60,
        servers=("192.0.2.53:53",),
        took_s=0.01,
    )


def lookup(name: str = HOST, error: str | None = "unknown", detail: str = "") -> NameLookup:
    """Return a look-up."""
    addresses = () if error else ("198.51.100.1",)
    return NameLookup(
        at=0.0, name=name, addresses=addresses, error=error, detail=detail, took_s=0.02
    )


def tls(*certificate: str, failure: Failure = Failure.TLS_CERTIFICATE, detail: str = "") -> Wire:
    """Return an attempt whose TLS connection failed."""
    return (
        Wire("REGISTER", transport="TLS")
        .add(
            TransportChanged(
                at=0.05,
                transport="TLS",
                remote="198.51.100.1:5061",
                state="disconnected",
                error=detail,
                tls="",
                certificate=certificate,
            )
        )
        .fail(failure, status=503, detail=detail)
    )


def handshake(detail: str) -> Wire:
    """Return an attempt whose handshake ended with these words."""
    return tls(failure=Failure.TLS_HANDSHAKE, detail=detail)


def failed(failure: Failure, detail: str = "", **more: object) -> Wire:
    """Return an attempt that failed before anything left."""
    return Wire("INVITE").fail(failure, detail=detail, **more)


def unanswered(method: str = "REGISTER", headers: Mapping[str, str] | None = None) -> Wire:
    """Return a request that nobody answers."""
    return (
        Wire(method)
        .send(method, body=OFFER if method == "INVITE" else "", headers=headers)
        .resend(at=0.5)
        .resend(at=1.5)
        .fail(Failure.NO_RESPONSE, at=10.0, status=408, deadline="timeout 10 s")
    )


def talked(answer: str = ANSWER, *, until: float = 3.5, **media: object) -> Wire:
    """Return an answered call with a media report."""
    wire = (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(180, at=0.5)
        .receive(200, at=1.5, body=answer)
        .send("ACK")
        .send("BYE", at=until)
        .receive(200)
    )
    return wire.media(**media) if media else wire


def up(**answer_headers: str) -> Wire:
    """Return a call that is up."""
    return (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(180, at=0.5)
        .receive(200, at=1.0, body=ANSWER, headers=answer_headers)
        .send("ACK", at=1.01)
    )


def dropped_by_them(after: float, headers: Mapping[str, str] | None = None) -> Wire:
    """Return a call that the peer ends."""
    return up().request("BYE", at=1.0 + after, headers=headers).reply(200)


def unacknowledged(contact: str) -> Wire:
    """Return an answered call whose ACK our stack could not send."""
    return (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(200, at=1.0, body=ANSWER, headers={"Contact": contact})
        .fail(Failure.UNUSABLE_ANSWER, at=9.0, detail=UNACKNOWLEDGED)
    )


def unusable(answer: str, *, code: int = 415) -> Wire:
    """Return a call whose answer our side cannot use."""
    return (
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(200, body=answer)
        .send("ACK")
        .send("BYE", headers={"Reason": f'SIP;cause={code};text="SDP"'})
        .receive(200)
        .fail(Failure.UNUSABLE_ANSWER, status=code, detail="SDP negotiation failed")
    )


def bytes_dropped(detail: str, failure: Failure, transport: str = "TCP") -> Wire:
    """Return a request to which unreadable bytes came back."""
    return (
        Wire("REGISTER", transport=transport)
        .send("REGISTER")
        .add(BytesDropped(at=0.1, remote=PEER, size=7, detail=detail))
        .fail(failure, at=10.0, deadline="timeout 10 s")
    )


def inbound(*replies: int, repeats: int = 0) -> Wire:
    """Return an incoming call that our side answers."""
    wire = Wire("INVITE").request("INVITE", body=OFFER)
    for status in replies:
        wire.reply(status, body=ANSWER if status == 200 else "")
    for turn in range(repeats):
        wire.resend(at=0.5 + turn)
    return wire


SECURE_OFFER = OFFER.replace("RTP/AVP", "RTP/SAVP")
BIG = {"X-Pad": "x" * 1400}
ANALYTICS = 'SIP;cause=603;text="v=analytics1;url=https://label.example;id=7"'

OWN: tuple[Story, ...] = (
    tell(
        "our worker dies in mid-call",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(100)
        .add(AgentNote(at=0.1, kind="crash", detail="signal 6"))
        .fail(Failure.AGENT_CRASHED),
        "F180",
        CERTAIN,
        says=("nothing was learned", "sipprobe run scenarios/check.sip.yaml"),
        never=("F103",),
    ),
    tell(
        "our worker dies after the trunk has refused",
        refused_call(486).fail(Failure.AGENT_CRASHED),
        "F093",
        LIKELY,
        never=("F180",),
    ),
    tell("our worker hangs", failed(Failure.AGENT_HUNG), "F180", CERTAIN),
    tell("local port taken", failed(Failure.LOCAL_PORT, "in use"), "F179", CERTAIN),
    tell(
        "local address not there",
        failed(Failure.LOCAL_PORT, "cannot assign"),
        "F179",
        CERTAIN,
        local_address="192.0.2.99",
        says=("192.0.2.99",),
    ),
    tell("no route from here", failed(Failure.NO_ROUTE), "F017", CERTAIN, never=("F015",)),
    tell("request too long", failed(Failure.MESSAGE_TOO_LONG), "F174", CERTAIN),
    tell("agent refuses the step", failed(Failure.AGENT_REFUSED, "bad URI"), "F176", CERTAIN),
    tell(
        "scanner-like agent stays unanswered",
        unanswered(headers={"User-Agent": "friendly-scanner"}),
        "F175",
        LIKELY,
        also=("F015",),
    ),
    tell(
        "run interrupted",
        failed(Failure.INTERRUPTED),
        None,
        UNDECIDED,
        says=("interrupted", "Nothing was learned"),
    ),
    tell("step not reached", failed(Failure.NOT_ATTEMPTED), None, UNDECIDED, says=("not tried",)),
    tell(
        "a cap of the day was reached",
        failed(Failure.NOT_ATTEMPTED, "calls_per_day is 4; the day ends at 00:00 UTC"),
        None,
        UNDECIDED,
        says=("not tried", "next UTC day", "`caps:`"),
    ),
)

NAMES: tuple[Story, ...] = (
    tell(
        "name does not exist",
        Wire("REGISTER")
        .add(lookup(detail="Name or service not known"))
        .fail(Failure.NAME_RESOLUTION, status=502),
        "F001",
        CERTAIN,
        says=("does not exist", HOST),
        never=("F002", "F004"),
    ),
    tell(
        "resolver is silent",
        Wire("REGISTER").add(lookup(error="silent")).fail(Failure.NAME_RESOLUTION),
        "F002",
        CERTAIN,
        never=("F001",),
    ),
    tell(
        "resolver fails",
        Wire("REGISTER").add(lookup(error="failed")).fail(Failure.NAME_RESOLUTION),
        "F003",
        CERTAIN,
    ),
    tell(
        "name without address",
        Wire("REGISTER").add(lookup(error="empty")).fail(Failure.NAME_RESOLUTION),
        "F004",
        CERTAIN,
    ),
    tell(
        "SRV target does not exist",
        Wire("REGISTER")
        .add(lookup("_sip._udp.sip.carrier.example", None))
        .add(lookup("edge.gone.example"))
        .fail(Failure.NAME_RESOLUTION),
        "F005",
        CERTAIN,
        never=("F001",),
    ),
    tell(
        "records lead to a name that does not exist",
        Wire("REGISTER")
        .add(published("_sip._udp.sip.carrier.example", "10 1 5060 edge.gone.example."))
        .add(lookup("edge.gone.example"))
        .fail(Failure.NAME_RESOLUTION),
        "F005",
        CERTAIN,
        never=("F001",),
    ),
    tell(
        "records say that there is no such service",
        Wire("REGISTER")
        .add(published("_sip._udp.sip.carrier.example", "0 0 0 ."))
        .add(lookup(error="denied", detail="SRV names nobody"))
        .fail(Failure.NAME_RESOLUTION),
        "F012",
        LIKELY,
        never=("F001", "F004"),
    ),
    tell(
        "stack's own resolver says NXDOMAIN",
        failed(Failure.NAME_RESOLUTION, "DNS Name Error (PJLIB_UTIL_EDNS_NXDOMAIN)"),
        "F001",
        CERTAIN,
    ),
    tell(
        "stack only says that it could not resolve",
        failed(Failure.NAME_RESOLUTION, "gethostbyname() has returned error (PJ_ERESOLVE)"),
        "F001",
        LIKELY,
    ),
    tell(
        "stack says server failure",
        failed(Failure.NAME_RESOLUTION, "Server failure"),
        "F003",
        CERTAIN,
    ),
    tell(
        "stack says nothing that we know",
        failed(Failure.NAME_RESOLUTION, "odd"),
        None,
        UNDECIDED,
    ),
)

TRANSPORT: tuple[Story, ...] = (
    tell(
        "closed UDP port",
        Wire("REGISTER").send("REGISTER").add(icmp(3, 3)).fail(Failure.PORT_UNREACHABLE),
        "F014",
        CERTAIN,
        never=("F015", "F016"),
        says=("no program listens", PEER),
    ),
    tell(
        "port unreachable said by another machine",
        Wire("REGISTER")
        .send("REGISTER")
        .add(icmp(3, 3, "203.0.113.1"))
        .fail(Failure.PORT_UNREACHABLE),
        "F016",
        LIKELY,
        also=("F014",),
    ),
    tell(
        "filter refuses",
        Wire("REGISTER").send("REGISTER").add(icmp(3, 13, "203.0.113.1")).fail(Failure.PROHIBITED),
        "F016",
        CERTAIN,
        says=("203.0.113.1",),
        never=("F014",),
    ),
    tell(
        "router cannot reach",
        Wire("REGISTER").send("REGISTER").add(icmp(3, 1)).fail(Failure.HOST_UNREACHABLE),
        "F017",
        LIKELY,
        also=("F009",),
    ),
    tell(
        "silence",
        unanswered(),
        "F015",
        UNDECIDED,
        never=("F014", "F025", "F032"),
        says=("no answer at all", "timeout 10 s", "`timeout:`"),
    ),
    tell(
        "silence from a public address may be a block",
        with_text(unanswered(), *PUBLIC),
        "F015",
        UNDECIDED,
        also=("F030",),
    ),
    tell(
        "silence to a call by address",
        with_text(unanswered("INVITE"), *PUBLIC),
        "F015",
        UNDECIDED,
        also=("F032",),
    ),
    tell(
        "silence to a large call",
        unanswered("INVITE", headers=BIG),
        "F015",
        UNDECIDED,
        also=("F025",),
    ),
    tell(
        "large INVITE with login is lost",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(407)
        .send("ACK")
        .send("INVITE", auth=True, body=OFFER, headers=BIG)
        .fail(Failure.NO_RESPONSE, at=10.0, deadline="timeout 10 s"),
        "F025",
        LIKELY,
        also=("F030",),
        never=("F015",),
    ),
    tell(
        "silent after the login",
        challenged().fail(Failure.NO_RESPONSE, at=10.0, deadline="timeout 10 s"),
        "F030",
        UNDECIDED,
        never=("F015", "F025", "F047"),
        says=("Wait some minutes",),
    ),
    tell(
        "silent after the login, and the stack says nothing",
        challenged(),
        "F030",
        UNDECIDED,
        never=("F047",),
    ),
    tell(
        "TCP refused",
        Wire("REGISTER", transport="TCP").fail(Failure.TCP_REFUSED, status=503),
        "F018",
        CERTAIN,
        transport="TCP",
        says=("refused the TCP connection",),
        never=("F020", "F014"),
    ),
    tell(
        "TCP silent",
        Wire("REGISTER", transport="TCP").fail(Failure.TCP_TIMEOUT),
        "F019",
        LIKELY,
        transport="TCP",
    ),
    tell(
        "closed after our request",
        Wire("REGISTER", transport="TCP").send("REGISTER").fail(Failure.CONNECTION_LOST),
        "F020",
        LIKELY,
        never=("F018", "F022"),
    ),
    tell(
        "plain SIP to the TLS port",
        with_text(
            Wire("REGISTER", transport="TCP").send("REGISTER").fail(Failure.CONNECTION_LOST),
            ("198.51.100.1:5060", "198.51.100.1:5061"),
        ),
        "F022",
        LIKELY,
        also=("F020",),
        says=("transport=tls",),
    ),
    tell(
        "TLS alert comes back and the connection closes",
        bytes_dropped("15 03 01 00 02 02 46", Failure.CONNECTION_LOST),
        "F022",
        CERTAIN,
    ),
    tell(
        "TLS alert comes back to plain SIP",
        bytes_dropped("15 03 01 00 02 02 46", Failure.RESPONSE_DISCARDED),
        "F022",
        CERTAIN,
        never=("F034",),
    ),
    tell(
        "answer that nobody can read",
        bytes_dropped("syntax error in line 3", Failure.RESPONSE_DISCARDED, "UDP"),
        "F034",
        CERTAIN,
        never=("F015", "F022"),
        says=("did answer",),
    ),
    tell(
        "answer whose Content-Length is longer than what came",
        bytes_dropped(UNFRAMED, Failure.RESPONSE_DISCARDED),
        "F034",
        CERTAIN,
        never=("F013", "F015", "F035", "F131"),
        says=("Content-Length is longer",),
    ),
    tell(
        "answer discarded without a trace of it",
        unanswered().fail(Failure.RESPONSE_DISCARDED),
        "F034",
        LIKELY,
    ),
    tell("513", refused_call(513, "Message Too Large"), "F026", CERTAIN),
    tell(
        "403 that says too large",
        refused_call(403, "Message too large"),
        "F026",
        CERTAIN,
        never=("F060",),
    ),
)

TLS: tuple[Story, ...] = (
    tell(
        "certificate expired",
        tls("The certificate has expired or not yet valid"),
        "F037",
        CERTAIN,
        never=("F038", "F039"),
    ),
    tell(
        "certificate for another name",
        tls("The server identity does not match to any identities specified in the certificate"),
        "F038",
        CERTAIN,
        never=("F037", "F039"),
    ),
    tell(
        "issuer unknown",
        tls("The certificate is untrusted", "The issuer certificate cannot be found"),
        "F039",
        CERTAIN,
        never=("F037", "F038"),
        says=("nobody we trust", "`ca_file:`"),
    ),
    tell(
        "two faults of one certificate",
        tls("The certificate has expired or not yet valid", "The certificate is untrusted"),
        "F037",
        LIKELY,
        also=("F039",),
    ),
    tell(
        "certificate fails and the words stand in the failure",
        tls(detail="certificate verification error"),
        "F039",
        CERTAIN,
    ),
    tell("certificate fails, words unknown", tls("odd words"), None, UNDECIDED),
    tell(
        "server wants a newer version",
        handshake("sslv3 alert: tlsv1 alert protocol version"),
        "F173",
        LIKELY,
        also=("F040",),
    ),
    tell("server offers old versions", handshake("unsupported protocol"), "F040", CERTAIN),
    tell("no TLS there", handshake("wrong version number"), "F023", CERTAIN),
    tell("TLS hello unanswered", handshake("Connection timed out"), "F023", LIKELY),
    tell("TLS hello answered by a close", handshake("Connection reset by peer"), "F023", LIKELY),
    tell("no shared cipher", handshake("no shared cipher"), "F041", CERTAIN),
    tell("unknown server name", handshake("tlsv1 unrecognized name"), "F044", LIKELY),
    tell(
        "client certificate wanted",
        handshake("tlsv13 alert certificate required"),
        "F042",
        CERTAIN,
    ),
    tell(
        "handshake failure without a certificate of ours",
        handshake("sslv3 alert handshake failure"),
        "F042",
        LIKELY,
        also=("F041",),
        never=("F043",),
    ),
    tell(
        "handshake failure with a certificate of ours",
        handshake("sslv3 alert handshake failure"),
        "F043",
        LIKELY,
        client_cert="me.pem",
        never=("F042",),
    ),
    tell("our issuer unknown to them", handshake("tlsv1 alert unknown ca"), "F043", UNDECIDED),
    tell(
        "nothing over TLS, and no connection",
        Wire("REGISTER", transport="TLS")
        .send("REGISTER")
        .fail(Failure.NO_RESPONSE, at=10.0, deadline="timeout 10 s"),
        "F023",
        UNDECIDED,
        also=("F019", "F131"),
        transport="TLS",
    ),
    tell(
        "nothing over TLS, though connected",
        Wire("REGISTER", transport="TLS")
        .add(
            TransportChanged(
                at=0.0,
                transport="TLS",
                remote="198.51.100.1:5061",
                state="connected",
                error="",
                tls="TLSv1.2",
            )
        )
        .send("REGISTER")
        .fail(Failure.NO_RESPONSE, at=10.0, deadline="timeout 10 s"),
        "F013",
        UNDECIDED,
        never=("F023", "F019", "F015"),
        transport="TLS",
    ),
    tell("handshake fails, words unknown", handshake("odd"), None, UNDECIDED),
)

SIGN_IN: tuple[Story, ...] = (
    tell(
        "wrong password",
        challenged().receive(401),
        "F047",
        LIKELY,
        also=("F056", "F049"),
        never=("F048", "F052", "F060"),
        says=("password",),
    ),
    tell(
        "wrong password, answered 403",
        challenged().receive(403),
        "F047",
        LIKELY,
        also=("F056",),
        never=("F060", "F059"),
    ),
    tell(
        "wrong password of a call",
        challenged("INVITE", 407).receive(407).send("ACK"),
        "F047",
        LIKELY,
        also=("F056",),
    ),
    tell(
        "wrong password at an Asterisk",
        with_text(challenged().receive(401), ("trunk.example", "asterisk")),
        "F047",
        LIKELY,
        also=("F056",),
    ),
    tell(
        "separate login name",
        challenged().receive(401),
        "F047",
        LIKELY,
        never=("F049",),
        auth_user="u100",
    ),
    *(
        tell(
            f"odd character in the password ({odd!r})",
            challenged().receive(401),
            "F048",
            LIKELY,
            also=("F047", "F056"),
            password=odd,
        )
        for odd in ("s3cret ", "\ts3cret", "s3\u00a0cret", "\u201cs3cret\u201d", "s3cret\n")
    ),
    tell(
        "no password configured",
        Wire("REGISTER").send("REGISTER").receive(401),
        "F047",
        LIKELY,
        password=None,
        says=("no password",),
        never=("F056",),
    ),
    tell(
        "call asked for a login that we do not have",
        Wire("INVITE").send("INVITE", body=OFFER).receive(401).send("ACK"),
        "F047",
        UNDECIDED,
        password=None,
        also=("F060",),
    ),
    tell(
        "realm of another",
        Wire("REGISTER").send("REGISTER").receive(401),
        "F050",
        CERTAIN,
        realm="old.example",
        says=("trunk.example",),
        never=("F047",),
    ),
    tell(
        "algorithm unknown",
        with_text(
            Wire("REGISTER").send("REGISTER").receive(401),
            ("algorithm=MD5", "algorithm=SHA-512-256"),
        ),
        "F051",
        CERTAIN,
        says=("SHA-512-256",),
        never=("F047",),
    ),
    tell(
        "stale for ever",
        challenged().receive(401, stale=True).send("REGISTER", auth=True).receive(401, stale=True),
        "F052",
        LIKELY,
        never=("F047", "F048", "F056"),
    ),
    tell(
        "401 without a challenge",
        Wire("REGISTER").send("REGISTER").receive(401, headers={"WWW-Authenticate": None}),
        "F053",
        CERTAIN,
        never=("F047", "F034"),
    ),
    tell(
        "401 with Basic only",
        Wire("REGISTER")
        .send("REGISTER")
        .receive(401, headers={"WWW-Authenticate": 'Basic realm="x"'}),
        "F053",
        CERTAIN,
        says=("Digest",),
    ),
    tell(
        "two logins needed",
        with_text(
            challenged("INVITE", 407)
            .receive(401, headers={"WWW-Authenticate": 'Digest realm="second", nonce="n9"'})
            .send("ACK"),
        ),
        "F055",
        CERTAIN,
        never=("F047",),
    ),
    tell(
        "access list before any login",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(
            403,
            headers={"Via": "SIP/2.0/UDP 192.0.2.10:5060;received=203.0.113.7;branch=z9hG4bK-1"},
        )
        .send("ACK"),
        "F060",
        LIKELY,
        never=("F047", "F056"),
        says=("203.0.113.7", "Via received"),
    ),
    tell(
        "access list, trunk without login",
        refused_call(403),
        "F060",
        UNDECIDED,
        password=None,
    ),
    tell(
        "registrar refuses before any login",
        Wire("REGISTER").send("REGISTER").receive(403),
        "F060",
        LIKELY,
        also=("F059", "F061", "F030"),
        never=("F047",),
    ),
    tell(
        "PBX challenges the provider",
        inbound(401),
        "F091",
        CERTAIN,
        direction="inbound",
        never=("F047", "F053"),
    ),
    tell(
        "registrar stores nothing",
        Wire("REGISTER").send("REGISTER").receive(200),
        "F067",
        CERTAIN,
        expect={"headers": {"Contact": "present"}},
    ),
    tell(
        "registrar shortens the time",
        Wire("REGISTER")
        .send("REGISTER")
        .receive(200, headers={"Contact": "<sip:100@192.0.2.10:5060;ob>;expires=30"}),
        "F064",
        CERTAIN,
        expect={"headers": {"Contact": "/expires=300/"}},
        never=("F067",),
        says=("30 s",),
    ),
    tell(
        "registrar shortens the time in Expires",
        Wire("REGISTER")
        .send("REGISTER")
        .receive(200, headers={"Contact": "<sip:100@192.0.2.10:5060;ob>", "Expires": "30"}),
        "F064",
        CERTAIN,
        expect={"headers": {"Expires": "300"}},
    ),
    tell(
        "registration as wanted, header not",
        register_ok(),
        None,
        UNDECIDED,
        expect={"headers": {"Server": "present"}},
        says=("Server",),
    ),
    tell(
        "our contact was removed as asked",
        Wire("REGISTER")
        .send("REGISTER", headers={"Contact": "<sip:100@192.0.2.10:5060;ob>;expires=0"})
        .receive(200),
        None,
        UNDECIDED,
        expect={"headers": {"Server": "present"}},
        never=("F067", "F064"),
    ),
    tell(
        "late registration behind a dead server",
        Wire("REGISTER")
        .add(left_server("did not answer within 2 s", 2.0))
        .send("REGISTER")
        .receive(200),
        "F007",
        LIKELY,
        says=("198.51.100.7:5060", "did not answer within 2 s"),
        expect={"timing": {"rrd": Bound(max=0.001, text="max 1ms")}},
    ),
    tell(
        "late registration although the first server refused at once",
        Wire("REGISTER")
        .add(left_server("refused the connection", 0.01))
        .send("REGISTER")
        .receive(200),
        None,
        UNDECIDED,
        expect={"timing": {"rrd": Bound(max=0.001, text="max 1ms")}},
        never=("F007",),
    ),
    tell(
        "late registration while our own process stood still",
        Wire("REGISTER", transport="TLS")
        .send("REGISTER")
        .add(Stalled(at=0.6, seconds=0.55, starved=0.54))
        .receive(200, at=0.61),
        "F178",
        CERTAIN,
        expect={"timing": {"rrd": Bound(max=0.3, text="max 300 ms")}},
        says=("waiting for a processor", "too busy"),
    ),
    tell(
        "late registration while our own process was stopped",
        Wire("REGISTER", transport="TLS")
        .send("REGISTER")
        .add(Stalled(at=0.6, seconds=0.55, starved=0.0))
        .receive(200, at=0.61),
        "F178",
        LIKELY,
        expect={"timing": {"rrd": Bound(max=0.3, text="max 300 ms")}},
    ),
    tell(
        "late registration needs no cause",
        Wire("REGISTER").send("REGISTER").receive(200),
        None,
        UNDECIDED,
        expect={"timing": {"rrd": Bound(max=0.001, text="max 1ms")}},
        never=("F067",),
    ),
    tell(
        "registrar grants what was asked",
        Wire("REGISTER")
        .send("REGISTER")
        .receive(200, headers={"Contact": "<sip:100@192.0.2.10:5060;ob>", "Expires": "soon"}),
        None,
        UNDECIDED,
        expect={"headers": {"Expires": "300"}},
        never=("F064",),
    ),
    tell(
        "both logins sent and refused",
        with_text(
            challenged("INVITE", 407)
            .receive(401)
            .send("ACK")
            .send("INVITE", auth=True, body=OFFER)
            .receive(401)
            .send("ACK"),
            ('realm="trunk.example", nonce="nonce-2"', 'realm="second", nonce="nonce-2"'),
        ),
        "F047",
        LIKELY,
        never=("F055",),
    ),
    tell("interval too short", challenged().receive(423), "F063", CERTAIN),
    tell(
        "too many devices",
        challenged().receive(503, headers={"P-Registrar-Error": "Too many registered contacts"}),
        "F065",
        CERTAIN,
        never=("F047",),
    ),
    tell("old sequence number", challenged().receive(400, "Invalid CSeq"), "F068", CERTAIN),
    tell("login locked", challenged().receive(403, "Account locked"), "F062", LIKELY),
    tell("429", challenged().receive(429), "F070", LIKELY),
    tell(
        "registering too often",
        challenged().receive(503, headers={"Retry-After": "60"}),
        "F070",
        LIKELY,
    ),
    tell("P15", challenged().receive(503, "Unavailable P15"), "F070", LIKELY),
    tell("registering too often", challenged().receive(503, "Slow down"), "F070", LIKELY),
    tell(
        "no REGISTER here",
        Wire("REGISTER").send("REGISTER").receive(405, headers={"Allow": "INVITE"}),
        "F059",
        LIKELY,
        never=("F126",),
    ),
    tell("not relaying", challenged().receive(403, "Not relaying"), "F057", LIKELY),
    tell("unknown user", challenged().receive(404), "F057", LIKELY),
    tell(
        "a blocked country is no locked account",
        refused_call(403, "Country blocked"),
        "F077",
        LIKELY,
        never=("F062",),
    ),
    tell(
        "a premium destination is no country",
        refused_call(403, "Premium destination blocked"),
        "F078",
        LIKELY,
        never=("F077",),
    ),
    tell("From and login differ", after_login(403, "From mismatch"), "F058", LIKELY),
    tell("From is not the login's", after_login(403, "Forbidden auth ID"), "F058", LIKELY),
    tell("outbound disagreement", challenged().receive(439), "F071", CERTAIN),
)

NUMBERS: tuple[Story, ...] = (
    tell("number not in service", refused_call(404), "F072", LIKELY, never=("F073",)),
    tell(
        "number not in service, by cause",
        refused_call(404, headers={"Reason": "Q.850;cause=1"}),
        "F072",
        LIKELY,
        never=("F073",),
    ),
    tell(
        "national format",
        dialled("2025550123", 404),
        "F073",
        LIKELY,
        also=("F072",),
        number="2025550123",
    ),
    tell(
        "national format, refused late",
        dialled("2025550123", 404, at=3.0),
        "F073",
        UNDECIDED,
        also=("F072",),
        number="2025550123",
    ),
    tell(
        "not the provider's form of a number",
        dialled("0012025550123", 403, at=3.0),
        "F073",
        LIKELY,
        says=("+E.164", "Twilio wants", "`call:`"),
        number="0012025550123",
        provider="twilio",
    ),
    tell(
        "not the usual form of a number",
        dialled("0012025550123", 484, at=3.0),
        "F074",
        LIKELY,
        also=("F073",),
        number="0012025550123",
        provider="telnyx",
    ),
    tell(
        "the provider's form of a number",
        refused_call(403),
        "F060",
        LIKELY,
        never=("F073",),
        provider="twilio",
    ),
    tell("number incomplete", refused_call(484), "F074", LIKELY),
    tell("form of address refused", refused_call(416), "F075", LIKELY, never=("F046",)),
    tell(
        "sips refused",
        with_text(refused_call(416), ("INVITE sip:", "INVITE sips:")),
        "F046",
        CERTAIN,
        never=("F075",),
    ),
    tell(
        "sips demanded",
        refused_call(480, headers={"Warning": '381 gw "SIPS Required"'}),
        "F046",
        LIKELY,
    ),
    tell("prefix missing", refused_call(404, "Invalid prefix"), "F076", LIKELY),
    tell("number gone", refused_call(410), "F072", LIKELY, also=("F088",)),
    tell(
        "moved, by cause",
        refused_call(410, headers={"Reason": "Q.850;cause=22"}),
        "F088",
        LIKELY,
    ),
    tell("DID not routed", inbound(404), "F089", CERTAIN, direction="inbound", never=("F072",)),
    tell("DID not routed, as caller", refused_call(404), "F089", CERTAIN, direction="inbound"),
    tell("PBX too slow", refused_call(408), "F092", LIKELY, direction="inbound", never=("F133",)),
    tell("nobody registered", refused_call(480), "F090", LIKELY, direction="inbound"),
    tell("wrong region", refused_call(403, "Wrong region"), "F102", LIKELY),
    tell(
        "address as domain",
        with_text(refused_call(404), *PUBLIC),
        "F072",
        LIKELY,
        also=("F032",),
    ),
    tell("number calls itself", dialled("100", 486), "F085", LIKELY, number="100"),
    tell("number calls itself", refused_call(403, "From equals To"), "F085", CERTAIN),
    tell("number calls itself, D53", refused_call(403, "Forbidden D53"), "F085", LIKELY),
    tell("caller withheld, 433", refused_call(433), "F083", CERTAIN),
    tell(
        "caller withheld, 603",
        Wire("INVITE").send("INVITE", body=OFFER, headers={"Privacy": "id"}).receive(603),
        "F083",
        LIKELY,
    ),
)

POLICY: tuple[Story, ...] = (
    tell("payment required", refused_call(402), "F061", LIKELY),
    tell("no funds", refused_call(503, "Funds Required"), "F061", LIKELY),
    tell("address refused by name", refused_call(403, "IP Not Authorised"), "F060", LIKELY),
    tell("country", after_login(403, "No International Authorization"), "F077", LIKELY),
    tell("anchored", after_login(403, "Domestic Anchored Terms"), "F101", LIKELY),
    tell("premium", after_login(403, "Premium numbers barred"), "F078", LIKELY),
    tell("no profile", after_login(403, "No outbound profile"), "F079", LIKELY),
    tell("no profile, D38", after_login(403, "Forbidden D38"), "F079", LIKELY),
    tell("daily limit", after_login(403, "Daily spend limit"), "F080", LIKELY),
    tell("reservation", after_login(503, "Reservation refused"), "F081", LIKELY),
    tell(
        "caller ID",
        refused_call(403, "Invalid Caller ID"),
        "F082",
        LIKELY,
        never=("F060",),
        says=("caller",),
    ),
    tell("do not originate", after_login(403, "Do-Not-Originate"), "F086", LIKELY),
    tell("unsigned", refused_call(428), "F099", LIKELY),
    tell("bad signature", refused_call(438), "F100", LIKELY),
    tell(
        "bare 403 after the login",
        after_login(403),
        "F082",
        UNDECIDED,
        also=("F077", "F061", "F047"),
        never=("F060",),
    ),
    tell("CPS", refused_call(503, "Trunk CPS limit exceeded"), "F128", LIKELY),
    tell("channels", refused_call(403, "Channel limit reached"), "F129", LIKELY, never=("F060",)),
    tell("overload", refused_call(503, headers={"Retry-After": "30"}), "F130", LIKELY),
    tell("maintenance", refused_call(503, "Maintenance"), "F131", LIKELY),
    tell(
        "bare 503",
        refused_call(503),
        "F132",
        UNDECIDED,
        also=("F129", "F131", "F061"),
        never=("F130",),
    ),
    tell(
        "congestion",
        refused_call(503, headers={"Reason": "Q.850;cause=42"}),
        "F132",
        LIKELY,
        says=("503",),
    ),
    tell(
        "cause 34 names channels in its text",
        refused_call(503, headers={"Reason": 'Q.850;cause=34;text="No circuit/channel available"'}),
        "F132",
        UNDECIDED,
        also=("F129",),
    ),
    tell(
        "cause 19 beside an unavailable that did not ring",
        refused_call(480, headers={"Reason": "Q.850;cause=19"}),
        "F094",
        LIKELY,
        says=("cause 19",),
    ),
    tell("bad gateway", refused_call(502), "F133", LIKELY),
    tell("internal error", refused_call(500), "F133", UNDECIDED),
    tell("408 of theirs", refused_call(408), "F133", UNDECIDED, never=("F015",)),
)

PEOPLE: tuple[Story, ...] = (
    tell("busy", refused_call(486), "F093", LIKELY),
    tell("busy with cause", ringing(2, 486, headers={"Reason": "Q.850;cause=17"}), "F093", LIKELY),
    tell("busy after long ringing", ringing(20, 486), "F093", LIKELY, never=("F095",)),
    tell("red key", ringing(4, 486), "F095", LIKELY, also=("F093",)),
    tell("declined", ringing(4, 603), "F095", LIKELY, never=("F096",)),
    tell("declined at once", refused_call(603), "F095", LIKELY, also=("F096", "F061")),
    tell(
        "603+",
        refused_call(603, "Network Blocked", {"Reason": ANALYTICS}),
        "F096",
        CERTAIN,
        never=("F095",),
        says=("label.example",),
    ),
    tell(
        "half a 603+",
        refused_call(603, "Network Blocked"),
        "F096",
        LIKELY,
        never=("F095", "F061"),
    ),
    tell("607", refused_call(607), "F098", CERTAIN),
    tell("608", refused_call(608), "F097", CERTAIN),
    tell("no answer", ringing(30, 480), "F094", LIKELY, never=("F090", "F122")),
    tell("no answer, 408", ringing(30, 408), "F094", LIKELY, never=("F133",)),
    tell(
        "no answer, by cause",
        ringing(5, 480, headers={"Reason": "Q.850;cause=19"}),
        "F094",
        LIKELY,
    ),
    tell(
        "unavailable at once",
        refused_call(480),
        "F094",
        UNDECIDED,
        also=("F095", "F132", "F090"),
    ),
    tell("487 without CANCEL", refused_call(487), "F122", LIKELY, never=("F094", "F106")),
    tell("487 after long ringing", ringing(30, 487), "F122", LIKELY, also=("F094",)),
    tell(
        "trying only",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(100)
        .fail(Failure.NO_FINAL_RESPONSE, at=60.0, deadline="answer_within 60 s")
        .send("CANCEL")
        .receive(200)
        .receive(487, to="INVITE")
        .send("ACK"),
        "F103",
        LIKELY,
        never=("F122", "F104", "F015"),
        says=("answer_within", "Call-ID"),
    ),
    tell(
        "rings for ever",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(180)
        .fail(Failure.NO_FINAL_RESPONSE, at=60.0, deadline="answer_within 60 s")
        .send("CANCEL")
        .receive(487, to="INVITE"),
        "F104",
        LIKELY,
        also=("F094",),
        never=("F122", "F103"),
        says=("`answer_within:`",),
    ),
    tell(
        "progress for ever",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(183)
        .fail(Failure.NO_FINAL_RESPONSE, at=60.0, deadline="answer_within 60 s"),
        "F104",
        LIKELY,
        says=("183 was all",),
    ),
    tell(
        "announcement",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(183, at=0.5, body=ANSWER)
        .receive(404, at=6.0)
        .media(rx_packets=250),
        "F105",
        LIKELY,
        also=("F072",),
    ),
    tell(
        "early media too short for words",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(183, at=0.5, body=ANSWER)
        .receive(404, at=1.0),
        "F072",
        LIKELY,
        never=("F105",),
    ),
    tell(
        "early media without sound",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(183, at=0.5, body=ANSWER)
        .receive(404, at=6.0),
        "F072",
        LIKELY,
        also=("F105",),
    ),
)

SIGNALLING: tuple[Story, ...] = (
    tell(
        "redirect",
        refused_call(302, headers={"Contact": "<sip:new@9.9.9.9>"}),
        "F106",
        CERTAIN,
        never=("F122",),
        says=("new@9.9.9.9",),
    ),
    tell("use proxy", refused_call(305), "F107", CERTAIN),
    tell("too many hops", refused_call(483), "F108", LIKELY),
    tell("loop detected", refused_call(482), "F108", UNDECIDED, also=("F109",)),
    tell("420", refused_call(420, headers={"Unsupported": "100rel"}), "F110", CERTAIN),
    tell("421", refused_call(421, headers={"Require": "timer"}), "F111", CERTAIN),
    tell("422", refused_call(422, headers={"Min-SE": "90"}), "F113", CERTAIN),
    tell("405 to a call", refused_call(405), "F126", CERTAIN, never=("F059",)),
    tell("580", refused_call(580), "F127", CERTAIN),
    tell("400 names a header", refused_call(400, "Malformed Via header"), "F120", LIKELY),
    tell("491", refused_call(491), "F124", CERTAIN),
    tell(
        "PRACK lost",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(180, headers={"RSeq": "1", "Require": "100rel"})
        .send("PRACK")
        .again(at=0.5)
        .again(at=1.5)
        .fail(Failure.NO_FINAL_RESPONSE, at=60.0, deadline="answer_within 60 s"),
        "F112",
        CERTAIN,
        never=("F104",),
    ),
)

OFFERS: tuple[Story, ...] = (
    tell("488 to G.711", refused_call(488), "F114", UNDECIDED, also=("F115",), never=("F121",)),
    tell(
        "488 without G.711",
        Wire("INVITE").send("INVITE", body=sdp("GSM")).receive(488).send("ACK"),
        "F114",
        LIKELY,
    ),
    tell(
        "488 to SRTP",
        Wire("INVITE").send("INVITE", body=SECURE_OFFER).receive(488).send("ACK"),
        "F116",
        LIKELY,
        never=("F115",),
    ),
    tell(
        "488 to keys by DTLS",
        Wire("INVITE")
        .send("INVITE", body=SECURE_OFFER.replace("RTP/SAVP", "UDP/TLS/RTP/SAVP"))
        .receive(488)
        .send("ACK"),
        "F116",
        LIKELY,
        never=("F115",),
    ),
    tell(
        "488 to more than audio",
        Wire("INVITE")
        .send("INVITE", body=OFFER + "m=video 4002 RTP/AVP 96\r\n")
        .receive(488)
        .send("ACK"),
        "F117",
        LIKELY,
    ),
    tell(
        "488 without offer",
        Wire("INVITE").send("INVITE").receive(488).send("ACK"),
        "F118",
        LIKELY,
    ),
    tell(
        "488 to 0.0.0.0",
        Wire("INVITE").send("INVITE", body=sdp(address="0.0.0.0")).receive(488).send("ACK"),
        "F119",
        LIKELY,
    ),
    tell(
        "488 with warning 305",
        refused_call(488, headers={"Warning": '305 gw "Incompatible media format"'}),
        "F114",
        LIKELY,
    ),
    tell("SRTP demanded", refused_call(488, "SRTP required"), "F115", LIKELY),
    tell(
        "SRTP refused",
        Wire("INVITE").send("INVITE", body=SECURE_OFFER).receive(488, "No SRTP").send("ACK"),
        "F116",
        LIKELY,
    ),
    tell("codec named", refused_call(503, "No common codec"), "F114", LIKELY),
    tell(
        "answer with a foreign codec",
        unusable(sdp("G729")),
        "F121",
        CERTAIN,
        never=("F114", "F144"),
        says=("G729",),
    ),
    tell(
        "a Contact that no ACK can go to",
        unacknowledged("<tel:+12025550123>"),
        "F121",
        CERTAIN,
        says=("tel:+12025550123", "ACK"),
    ),
    tell(
        "a Contact whose name leads nowhere",
        unacknowledged("<sip:gw7.inner.example>"),
        "F121",
        LIKELY,
        says=("gw7.inner.example", "ACK"),
    ),
    tell("answer without SDP", unusable("", code=406), "F121", CERTAIN, says=("no session",)),
    tell("answer without audio", unusable("v=0\r\n", code=406), "F121", CERTAIN, says=("audio",)),
    tell("answer with port 0", unusable(sdp(port=0)), "F121", CERTAIN, says=("port 0",)),
    tell("answer odd otherwise", unusable(ANSWER), "F121", CERTAIN),
    tell(
        "early answer with port 0",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(100)
        .receive(183, body=sdp(port=0))
        .send("CANCEL")
        .receive(200)
        .fail(Failure.UNUSABLE_ANSWER, detail="our stack could not use the early answer"),
        "F121",
        CERTAIN,
        says=("183", "port 0"),
    ),
    tell(
        "unusable answer, and we have not hung up yet",
        Wire("INVITE")
        .send("INVITE", body=OFFER)
        .receive(200, body=sdp("G729"))
        .send("ACK")
        .fail(Failure.UNUSABLE_ANSWER, status=415),
        "F121",
        CERTAIN,
    ),
    tell(
        "answer without the SRTP we require",
        unusable(ANSWER, code=488),
        "F116",
        LIKELY,
        srtp="required",
        never=("F121",),
    ),
    tell(
        "answer without the DTLS-SRTP we require",
        unusable(ANSWER, code=488),
        "F116",
        LIKELY,
        srtp="dtls",
        never=("F121",),
    ),
)

SESSION: tuple[Story, ...] = (
    tell(
        "ACK lost",
        up().again(at=1.5).again(at=2.5).again(at=4.5).request("BYE", at=33.0).reply(200),
        "F136",
        CERTAIN,
        never=("F144", "F142", "F140"),
        expect={"responses": "180 200 ACK BYE ACK"},
        says=("never saw it",),
    ),
    tell(
        "ACK lost, one copy and a BYE at 32 s",
        up().again(at=1.5).request("BYE", at=33.0).reply(200),
        "F136",
        CERTAIN,
        expect={"responses": "180 200 ACK BYE ACK"},
    ),
    tell(
        "ACK over another transport",
        replace(
            up().again(at=1.5).again(at=2.5).trace(),
            events=tuple(
                replace(event, transport="TCP")
                if isinstance(event, MessageEvent) and event.text.startswith("ACK")
                else event
                for event in up().again(at=1.5).again(at=2.5).trace().events
            ),
        ),
        "F139",
        LIKELY,
        also=("F136",),
        expect={"responses": "180 200 ACK BYE"},
    ),
    tell(
        "they hang up later, for a reason of their own",
        dropped_by_them(30, {"Reason": "Q.850;cause=16"}),
        None,
        UNDECIDED,
        expect={"responses": "180 200 ACK BYE ACK"},
        never=("F144", "F142", "F141"),
    ),
    tell(
        "they hang up later, and the session timer cannot be read",
        up(**{"Session-Expires": "soon"}).request("BYE", at=71.0).reply(200),
        None,
        UNDECIDED,
        expect={"responses": "180 200 ACK BYE ACK"},
        never=("F140",),
    ),
    tell(
        "change asked to log in",
        up().send("INVITE", at=2.0, tag="b1", body=OFFER).receive(407, at=2.1).send("ACK"),
        None,
        UNDECIDED,
        expect={"responses": "180 200 ACK"},
        never=("F143",),
    ),
    tell(
        "one repeated answer is no lost ACK",
        up().again(at=1.5).send("BYE", at=3.0).receive(200),
        None,
        UNDECIDED,
        never=("F136",),
        expect={"responses": "180 200 ACK ACK"},
    ),
    tell(
        "their ACK never arrives",
        inbound(200, repeats=3),
        "F137",
        CERTAIN,
        direction="inbound",
        expect={"responses": "486"},
    ),
    tell(
        "answered while we cancelled",
        replace(
            Wire("INVITE")
            .send("INVITE", body=OFFER)
            .receive(180)
            .send("CANCEL")
            .receive(200, to="INVITE", body=ANSWER)
            .send("ACK")
            .send("BYE")
            .receive(200)
            .trace(),
            our_cancel=True,
        ),
        "F123",
        CERTAIN,
    ),
    tell(
        "they hang up at once",
        dropped_by_them(0.5),
        "F144",
        LIKELY,
        expect={"responses": "180 200 ACK BYE ACK"},
        never=("F121",),
    ),
    tell(
        "they hang up at once over codecs",
        dropped_by_them(0.5, {"Reason": "Q.850;cause=88"}),
        "F114",
        LIKELY,
        also=("F144",),
        expect={"responses": "180 200 ACK BYE ACK"},
    ),
    tell(
        "cut for lack of audio",
        dropped_by_them(30, {"Reason": 'SIP;cause=200;text="RTP Timeout"'}),
        "F141",
        LIKELY,
        expect={"responses": "180 200 ACK BYE ACK"},
    ),
    tell(
        "time limit",
        dropped_by_them(3600),
        "F142",
        LIKELY,
        expect={"responses": "180 200 ACK BYE ACK"},
    ),
    tell(
        "session timer",
        up(**{"Session-Expires": "90;refresher=uac"}).request("BYE", at=61.0).reply(200),
        "F140",
        LIKELY,
        expect={"responses": "180 200 ACK BYE ACK"},
    ),
    tell(
        "hang-up unconfirmed",
        up().send("BYE", at=3.0).resend(at=3.5).resend(at=4.5),
        "F145",
        CERTAIN,
    ),
    tell("481 to BYE", up().send("BYE", at=3.0).receive(481), "F125", CERTAIN, never=("F145",)),
    tell("404 to BYE", up().send("BYE", at=3.0).receive(404), "F138", LIKELY),
    tell(
        "404 to BYE, and the ACK took the same wrong way",
        up().again(at=1.5).again(at=2.5).send("BYE", at=3.0).receive(404),
        "F138",
        LIKELY,
        also=("F136",),
    ),
    tell(
        "change refused",
        with_text(
            up().send("INVITE", at=2.0, tag="b1", body=OFFER).receive(488, at=2.1).send("ACK")
        ),
        "F143",
        CERTAIN,
        expect={"responses": "180 200"},
    ),
)


NO_SOUND = (("expect.media.rx_packets", "min 50", "0"),)

AUDIO: tuple[Story, ...] = (
    tell(
        "no audio",
        talked(rx_packets=0),
        "F147",
        LIKELY,
        unmet=NO_SOUND,
        never=("F149", "F151", "F177"),
    ),
    tell(
        "their audio address cannot be reached",
        with_text(talked(sdp(address="10.1.2.3"), rx_packets=0), *PUBLIC),
        "F149",
        CERTAIN,
        unmet=NO_SOUND,
        says=("10.1.2.3",),
        never=("F147",),
    ),
    tell(
        "their audio address is as private as they are",
        with_text(talked(sdp(address="10.1.2.3"), rx_packets=0), ("198.51.100.1", "10.1.2.2")),
        "F147",
        LIKELY,
        unmet=NO_SOUND,
        never=("F149",),
    ),
    tell(
        "on hold",
        talked(sdp(direction="inactive"), rx_packets=0),
        "F151",
        CERTAIN,
        unmet=NO_SOUND,
        never=("F147",),
    ),
    tell(
        "on hold, and audio is not measured",
        talked(sdp(direction="sendonly")),
        "F151",
        CERTAIN,
        expect={"sdp": {"direction": "sendrecv"}},
        never=("F149",),
        says=("sendonly",),
    ),
    tell(
        "another direction was wanted, and it is both ways",
        talked(),
        None,
        UNDECIDED,
        expect={"sdp": {"direction": "sendonly"}},
    ),
    tell(
        "a private address where a public one was wanted",
        with_text(talked(sdp(address="10.1.2.3"), rx_packets=0), *PUBLIC),
        "F149",
        CERTAIN,
        expect={"sdp": {"address": "public"}},
        never=("F151",),
    ),
    tell(
        "a private address where a public one was wanted, and audio came",
        with_text(talked(sdp(address="10.1.2.3"), rx_packets=90), *PUBLIC),
        "F149",
        LIKELY,
        expect={"sdp": {"address": "public"}},
    ),
    tell(
        "our own source silent",
        talked(tx_packets=3, rx_packets=100),
        "F177",
        LIKELY,
        unmet=(("expect.media.heard", "tone 1004Hz", "silence"),),
        never=("F147",),
    ),
    tell(
        "loss",
        talked(rx_lost=9),
        "F160",
        CERTAIN,
        unmet=(("expect.media.loss", "max 1%", "9%"),),
        never=("F161",),
    ),
    tell(
        "jitter",
        talked(rx_jitter_s=0.09),
        "F161",
        LIKELY,
        unmet=(("expect.media.jitter", "max 30ms", "90 ms"),),
        never=("F160",),
    ),
    tell(
        "audio out of order",
        talked(rx_reordered=4),
        "F162",
        CERTAIN,
        unmet=(("expect.media.reordered", "max 0", "4"),),
    ),
    tell(
        "audio bound without a cause",
        talked(rx_lost=0),
        None,
        UNDECIDED,
        unmet=(("expect.media.mos", "min 3.8", "3.1"),),
        says=("mos", "3.1"),
    ),
)

STORIES: tuple[Story, ...] = (
    *OWN,
    *NAMES,
    *TRANSPORT,
    *TLS,
    *SIGN_IN,
    *NUMBERS,
    *POLICY,
    *PEOPLE,
    *SIGNALLING,
    *OFFERS,
    *SESSION,
    *AUDIO,
    tell(
        "a code that nobody knows",
        refused_call(499, "Huh \x1b[31m"),
        None,
        UNDECIDED,
        says=("499",),
    ),
)
"""Every story."""
