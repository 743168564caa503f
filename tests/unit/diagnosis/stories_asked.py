"""Stories in which something was asked after the failure, each beside the answer that says no."""

from stories import (
    BIG,
    CERTAIN,
    LIKELY,
    PUBLIC,
    UNDECIDED,
    Story,
    challenged,
    failed,
    handshake,
    icmp,
    refused_call,
    tell,
    tls,
    unanswered,
    with_text,
)
from wirebuilder import OFFER, Wire

from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure
from probe.trace.trace import BytesDropped, TransportChanged

HERE = "198.51.100.1"
ELSEWHERE = "198.51.100.2"
NAME = "sip.carrier.example"


def options(  # noqa: PLR0913 - the facts of an answer with defaults
    result: str,
    *more: str,
    role: str = "used",
    transport: str = "UDP",
    address: str = HERE,
    port: int = 5060,
    local: str = "192.0.2.10",
) -> ControlRan:
    """Return what one OPTIONS showed."""
    return ControlRan(
        at=11.0,
        control=Control.OPTIONS,
        target=f"{transport.lower()} {address}:{port}",
        result=result,
        detail="it answered 200" if result == "answered" else f"it ended as {result}",
        facts=(
            f"role={role}",
            f"transport={transport}",
            f"address={address}",
            f"port={port}",
            f"local={local}",
            *(("status=200",) if result == "answered" and not _has(more, "status") else ()),
            *more,
        ),
        took_s=0.01,
    )


def _has(facts: tuple[str, ...], name: str) -> bool:
    return any(fact.startswith(f"{name}=") for fact in facts)


def asked(control: Control, result: str, *facts: str) -> ControlRan:
    """Return what another control showed."""
    return ControlRan(
        at=11.0,
        control=control,
        target=NAME,
        result=result,
        detail=f"it says {result}",
        facts=facts,
    )


def names(*facts: str) -> ControlRan:
    """Return a walk through DNS."""
    return asked(Control.NAMES, "resolves", "srv_asked=yes", *facts)


def then(wire: Wire, *events: ControlRan | TransportChanged) -> Wire:
    """Return a wire with what was asked after it."""
    for event in events:
        wire.add(event)
    return wire


def closed() -> Wire:
    """Return a REGISTER to a closed UDP port."""
    return Wire("REGISTER").send("REGISTER").add(icmp(3, 3)).fail(Failure.PORT_UNREACHABLE)


def tcp(failure: Failure, *states: str, detail: str = "") -> Wire:
    """Return a REGISTER over TCP that ends so; states of its connection come first."""
    wire = Wire("REGISTER", transport="TCP")
    for state in states:
        wire.add(
            TransportChanged(
                at=0.01,
                transport="TCP",
                remote="198.51.100.1:5060",
                state=state,
                error="",
                tls="",
                certificate=(),
            )
        )
    return wire.send("REGISTER").fail(failure, detail=detail, at=9.0)


def to_port(wire: Wire, port: int) -> object:
    """Return the trace of a wire that went to another port."""
    return with_text(wire, ("198.51.100.1:5060", f"198.51.100.1:{port}"))


FROM_INSIDE = (("192.0.2.10", "192.168.7.7"), (HERE, "9.9.9.9"))
SRV = ("srv=UDP 10 5 a.carrier.example 5060", f"a=a.carrier.example {HERE} private")

PATH: tuple[Story, ...] = (
    tell(
        "the standard port of the machine answers",
        to_port(
            then(
                unanswered(),
                options("silent", port=5090),
                options("answered", role="standard"),
            ),
            5090,
        ),
        "F006",
        LIKELY,
        never=("F015", "F131"),
        says=("5060", "5090"),
    ),
    tell(
        "the standard port answers where another was written by hand",
        to_port(
            then(unanswered(), options("silent", port=5090), options("answered", role="standard")),
            5090,
        ),
        "F014",
        LIKELY,
        port=5090,
        never=("F006", "F015"),
    ),
    tell(
        "the standard TCP port answers where another was written by hand",
        to_port(
            then(
                tcp(Failure.TCP_REFUSED),
                options("refused", transport="TCP", port=5090),
                options("answered", transport="TCP", role="standard"),
            ),
            5090,
        ),
        "F018",
        CERTAIN,
        port=5090,
        transport="TCP",
    ),
    tell(
        "another server of the name answers",
        then(unanswered(), options("silent"), options("answered", role="named", address=ELSEWHERE)),
        "F007",
        LIKELY,
        never=("F015", "F013", "F131"),
        says=("198.51.100.2",),
    ),
    tell(
        "the server that DNS names answers, and the system used another",
        then(
            unanswered(),
            names(f"a={NAME} {ELSEWHERE} private", f"used={HERE}", "used_is=unknown to DNS"),
            options("silent"),
            options("answered", role="named", address=ELSEWHERE),
        ),
        "F009",
        LIKELY,
        never=("F007", "F015"),
        says=("/etc/hosts",),
    ),
    tell(
        "the system used an address that DNS does not know, and nobody answers",
        then(
            unanswered(),
            names(f"a={NAME} {ELSEWHERE} private", f"used={HERE}", "used_is=unknown to DNS"),
            options("silent"),
        ),
        "F009",
        UNDECIDED,
        also=("F015",),
    ),
    tell(
        "IPv6 is silent and IPv4 answers",
        then(
            unanswered(),
            options("silent", address="2001:db8::1"),
            options("answered", role="named", address=ELSEWHERE),
        ),
        "F010",
        LIKELY,
        never=("F007",),
    ),
    tell(
        "UDP is lost and TCP answers",
        then(
            unanswered(), options("silent"), options("answered", role="transport", transport="TCP")
        ),
        "F015",
        LIKELY,
        never=("F013", "F021", "F030", "F131"),
        says=(";transport=tcp",),
    ),
    tell(
        "the UDP port is closed and TCP answers",
        then(
            closed(),
            options("port-closed", f"offender={HERE}"),
            options("answered", role="transport", transport="TCP"),
        ),
        "F021",
        LIKELY,
        never=("F014", "F015"),
    ),
    tell(
        "the UDP port is closed and nothing else answers",
        then(
            closed(),
            options("port-closed", f"offender={HERE}"),
            options("refused", role="transport", transport="TCP"),
        ),
        "F014",
        CERTAIN,
        never=("F021",),
    ),
    tell(
        "TCP is lost and UDP answers",
        then(
            tcp(Failure.TCP_TIMEOUT),
            options("silent", transport="TCP"),
            options("answered", role="transport"),
        ),
        "F019",
        LIKELY,
        transport="TCP",
        never=("F021", "F131"),
    ),
    tell(
        "TCP is refused and UDP answers",
        then(
            tcp(Failure.TCP_REFUSED),
            options("refused", transport="TCP"),
            options("answered", role="transport"),
        ),
        "F021",
        LIKELY,
        transport="TCP",
        never=("F018",),
    ),
    tell(
        "the port answers with TLS",
        then(
            tcp(Failure.CONNECTION_LOST, "connected"),
            options("closed", transport="TCP"),
            options("answered", role="transport", transport="TLS"),
        ),
        "F022",
        CERTAIN,
        transport="TCP",
    ),
    tell(
        "the port passes a TLS handshake and says nothing",
        then(
            tcp(Failure.CONNECTION_LOST, "connected"),
            options("closed", transport="TCP"),
            options("mute", role="transport", transport="TLS"),
        ),
        "F022",
        CERTAIN,
        transport="TCP",
    ),
    tell(
        "a TLS record comes back",
        then(
            tcp(Failure.CONNECTION_LOST, "connected"),
            options("not-sip", "speaks=TLS", transport="TCP"),
        ),
        "F022",
        CERTAIN,
        transport="TCP",
    ),
    tell(
        "the port answers without TLS",
        then(
            handshake("odd words"),
            options("no-tls", transport="TLS"),
            options("answered", role="transport", transport="TCP"),
        ),
        "F023",
        CERTAIN,
        transport="TLS",
    ),
    tell(
        "a web server answers",
        then(
            tcp(Failure.CONNECTION_LOST, "connected"),
            options("not-sip", "speaks=HTTP", transport="TCP"),
        ),
        "F013",
        LIKELY,
        transport="TCP",
        says=("HTTP",),
        never=("F020",),
    ),
    tell(
        "a call by address to a machine that is up, and OPTIONS is silent, too",
        with_text(
            then(
                unanswered("INVITE"),
                options("silent"),
                options("refused", role="transport", transport="TCP"),
            ),
            (f"@{NAME}", f"@{HERE}"),
            *PUBLIC,
        ),
        "F013",
        UNDECIDED,
        also=("F015", "F024", "F030"),
        never=("F032", "F131"),
    ),
    tell(
        "the machine is up and speaks no SIP",
        then(
            unanswered(), options("silent"), options("refused", role="transport", transport="TCP")
        ),
        "F013",
        UNDECIDED,
        also=("F015", "F024"),
        never=("F131", "F009"),
    ),
    tell(
        "the machine is a web server and speaks no SIP",
        then(
            unanswered(),
            options("silent"),
            options("refused", role="transport", transport="TCP"),
            options("open", role="web", transport="TCP", port=443),
        ),
        "F013",
        LIKELY,
        also=("F015",),
        never=("F131", "F009"),
        host=HERE,
    ),
    tell(
        "one TCP port is dropped on a machine that is up",
        then(
            tcp(Failure.TCP_TIMEOUT),
            options("silent", transport="TCP"),
            options("refused", role="transport", transport="TLS", port=5061),
        ),
        "F019",
        LIKELY,
        transport="TCP",
        never=("F013",),
    ),
    tell(
        "nothing answers anywhere",
        then(unanswered(), options("silent"), options("silent", role="transport", transport="TCP")),
        "F015",
        UNDECIDED,
        also=("F131",),
        never=("F021",),
    ),
)

AGAIN: tuple[Story, ...] = (
    tell(
        "only large ones are lost",
        then(
            unanswered("INVITE", headers=BIG),
            options("answered"),
            options("silent", "size=1900", role="sized"),
        ),
        "F025",
        LIKELY,
        never=("F015", "F031", "F033"),
        says=("1900",),
    ),
    tell(
        "large ones arrive, and our header fields do not",
        then(
            unanswered("INVITE", headers=BIG),
            options("answered"),
            options("answered", "size=1900", role="sized"),
            options("silent", "size=1900", role="headers"),
        ),
        "F033",
        LIKELY,
        never=("F015", "F025"),
    ),
    tell(
        "OPTIONS is answered and a call to an address is not",
        then(
            unanswered("INVITE"),
            options("answered"),
            options("answered", role="sized"),
        ),
        "F032",
        UNDECIDED,
        never=("F015", "F025", "F131"),
    ),
    tell(
        "OPTIONS is answered and a call to a name is not",
        with_text(
            then(unanswered("INVITE"), options("answered"), options("answered", role="sized")),
            ("@198.51.100.1 SIP/2.0", f"@{NAME} SIP/2.0"),
        ),
        "F033",
        UNDECIDED,
        never=("F015", "F032", "F131"),
    ),
    tell(
        "OPTIONS is answered and REGISTER is not",
        with_text(
            then(unanswered(), options("answered")), ("sip:198.51.100.1 SIP", f"sip:{NAME} SIP")
        ),
        "F059",
        LIKELY,
        never=("F015", "F032", "F131"),
    ),
    tell(
        "OPTIONS is answered and REGISTER to an address is not",
        then(unanswered(), options("answered")),
        "F032",
        UNDECIDED,
        also=("F059",),
        never=("F015", "F131"),
    ),
    tell(
        "they answer who does not give a name",
        then(unanswered(), options("silent"), options("answered", role="unnamed")),
        "F031",
        LIKELY,
        never=("F015", "F030", "F131"),
        says=("sipprobe", "user_agent"),
    ),
    tell(
        "they ignore who does not give a name as well",
        then(unanswered(), options("silent"), options("silent", role="unnamed")),
        "F015",
        UNDECIDED,
        never=("F031",),
    ),
    tell(
        "another address of ours is answered",
        then(
            unanswered(),
            options("silent"),
            options("answered", role="source", local="192.0.2.11"),
        ),
        "F036",
        LIKELY,
        never=("F015", "F030"),
        says=("192.0.2.11", "local_address"),
    ),
    tell(
        "a connection of before was dead",
        then(tcp(Failure.CONNECTION_LOST), options("answered", transport="TCP")),
        "F035",
        LIKELY,
        transport="TCP",
        never=("F020",),
    ),
    tell(
        "a fresh connection is closed like the first",
        then(
            tcp(Failure.CONNECTION_LOST, "connected"),
            options("closed", transport="TCP"),
        ),
        "F020",
        LIKELY,
        transport="TCP",
        never=("F035",),
    ),
    tell(
        "what we sent comes back rewritten",
        then(
            unanswered("INVITE"),
            options("answered", "altered=Call-ID"),
            options("answered", role="sized"),
        ),
        "F027",
        LIKELY,
        says=("ALG",),
    ),
    tell(
        "they see us by our private address",
        with_text(
            then(refused_call(503), options("answered", address="9.9.9.9")),
            *FROM_INSIDE,
        ),
        "F132",
        UNDECIDED,
        never=("F027", "F131"),
    ),
)

DNS: tuple[Story, ...] = (
    tell(
        "DNS publishes TLS alone",
        then(
            unanswered(),
            names(f"rcode=SRV _sip._udp.{NAME} NXDOMAIN", "srv=TLS 10 5 a.carrier.example 5061"),
        ),
        "F008",
        CERTAIN,
        says=(";transport=tls",),
    ),
    tell(
        "DNS publishes TLS and UDP",
        then(unanswered(), names("srv=TLS 10 5 a.carrier.example 5061", *SRV)),
        "F015",
        UNDECIDED,
        never=("F008", "F012"),
    ),
    tell(
        "DNS publishes TLS, and the port was written by hand",
        then(
            unanswered(),
            asked(
                Control.NAMES,
                "resolves",
                "srv_asked=no",
                f"rcode=SRV _sip._udp.{NAME} NXDOMAIN",
                "srv=TLS 10 5 a.carrier.example 5061",
            ),
        ),
        "F015",
        UNDECIDED,
        never=("F008",),
        port=5060,
    ),
    tell(
        "DNS says that there is no such service",
        then(unanswered(), names("srv=UDP 0 0 . 0"), options("silent")),
        "F012",
        LIKELY,
        never=("F015", "F131"),
    ),
    tell(
        "the name leads to a web server",
        then(
            unanswered(),
            names(f"a={NAME} {HERE} public"),
            options("silent"),
            options("refused", role="transport", transport="TCP"),
            options("open", role="web", transport="TCP", port=443),
        ),
        "F012",
        LIKELY,
        never=("F013", "F015"),
    ),
    tell(
        "the name leads to the inside",
        then(unanswered(), names(f"a={NAME} 10.4.4.4 private"), options("silent")),
        "F011",
        LIKELY,
        also=("F015",),
    ),
    tell(
        "a name of the inside leads to the inside",
        then(unanswered(), names("a=pbx.lan 10.4.4.4 private"), options("silent")),
        "F015",
        UNDECIDED,
        never=("F011",),
        host="pbx.lan",
    ),
    tell(
        "the system says unknown, and DNS has a circle of aliases",
        then(
            failed(Failure.NAME_RESOLUTION, "Name or service not known"),
            asked(Control.NAMES, "alias", f"rcode=A {NAME} alias"),
        ),
        "F003",
        UNDECIDED,
        never=("F001", "F004"),
    ),
    tell(
        "the system says try again, and DNS fails",
        then(
            failed(Failure.NAME_RESOLUTION, "Temporary failure in name resolution"),
            asked(Control.NAMES, "failed", f"rcode=A {NAME} SERVFAIL"),
        ),
        "F003",
        CERTAIN,
        never=("F002",),
    ),
    tell(
        "the system says try again, and DNS refuses to serve us",
        then(
            failed(Failure.NAME_RESOLUTION, "Temporary failure in name resolution"),
            asked(Control.NAMES, "failed", f"rcode=A {NAME} REFUSED"),
        ),
        "F003",
        UNDECIDED,
        never=("F002",),
    ),
    tell(
        "the system says try again, and no name server answers",
        then(
            failed(Failure.NAME_RESOLUTION, "Temporary failure in name resolution"),
            asked(Control.NAMES, "silent"),
        ),
        "F002",
        CERTAIN,
    ),
    tell(
        "the stack says unknown of the SRV name, and the name itself has no address",
        then(
            failed(Failure.NAME_RESOLUTION, "PJLIB_UTIL_EDNS_NXDOMAIN"),
            asked(Control.NAMES, "no-address", f"rcode=A {NAME} empty"),
        ),
        "F004",
        CERTAIN,
        never=("F001",),
    ),
    tell(
        "the system finds no address, and SRV leads to a name without one",
        then(
            failed(Failure.NAME_RESOLUTION, "No address associated with hostname"),
            asked(Control.NAMES, "target-missing", "srv=UDP 10 5 gone.example 5060"),
        ),
        "F005",
        CERTAIN,
        says=("gone.example",),
    ),
    tell(
        "the system says unknown, and so does DNS",
        then(
            failed(Failure.NAME_RESOLUTION, "Name or service not known"),
            asked(Control.NAMES, "no-such-name", f"rcode=A {NAME} NXDOMAIN"),
        ),
        "F001",
        CERTAIN,
    ),
)


def shaken(result: str, *facts: str) -> ControlRan:
    """Return a handshake of our own."""
    return asked(Control.TLS, result, *facts)


ALERT_40 = "sslv3 alert handshake failure"
DATES = ("not_before=2026-01-01T00:00:00Z", "not_after=2026-06-01T00:00:00Z")

SECURE: tuple[Story, ...] = (
    tell(
        "the server asks for our certificate",
        then(handshake(ALERT_40), shaken("alert", "alert=40", "client_certificate=requested")),
        "F042",
        CERTAIN,
        transport="TLS",
    ),
    tell(
        "the server refuses our certificate",
        then(handshake(ALERT_40), shaken("alert", "alert=48", "client_certificate=requested")),
        "F043",
        LIKELY,
        transport="TLS",
        client_cert="ours.pem",
        never=("F042",),
    ),
    tell(
        "the server takes a cipher that we have not",
        then(
            handshake(ALERT_40),
            shaken(
                "ok",
                "accepts=TLSv1.2",
                "version=TLSv1.2",
                "cipher=ECDHE-ECDSA-CHACHA20-POLY1305",
            ),
        ),
        "F041",
        CERTAIN,
        transport="TLS",
        never=("F042",),
    ),
    tell(
        "the server takes a cipher that we have",
        then(
            handshake(ALERT_40),
            shaken("ok", "accepts=TLSv1.2", "cipher=ECDHE-RSA-AES128-GCM-SHA256"),
        ),
        "F042",
        LIKELY,
        transport="TLS",
        also=("F041",),
    ),
    tell(
        "the server takes the newest version alone",
        then(handshake(ALERT_40), shaken("ok", "accepts=TLSv1.3", "version=TLSv1.3")),
        "F173",
        CERTAIN,
        transport="TLS",
    ),
    tell(
        "the server takes old versions alone",
        then(handshake("alert protocol version"), shaken("ok", "accepts=TLSv1.1")),
        "F040",
        CERTAIN,
        transport="TLS",
    ),
    tell(
        "our hello is answered with text",
        then(handshake("odd words"), shaken("not-tls")),
        "F023",
        CERTAIN,
        transport="TLS",
    ),
    tell(
        "every hello is left without an answer",
        then(handshake("odd words"), shaken("mute")),
        "F023",
        LIKELY,
        transport="TLS",
    ),
    tell(
        "an alert of theirs, and our own hellos later had no time",
        then(handshake(ALERT_40), shaken("mute")),
        "F042",
        LIKELY,
        transport="TLS",
        never=("F023",),
    ),
    tell(
        "a bad certificate, and our own hellos later had no time",
        then(tls("certificate has expired"), shaken("mute")),
        "F037",
        CERTAIN,
        transport="TLS",
        never=("F023",),
    ),
    tell(
        "the handshake passes without a name",
        then(handshake(ALERT_40), shaken("alert", "alert=112", "sni=refused")),
        "F044",
        LIKELY,
        transport="TLS",
        never=("F042",),
    ),
    tell(
        "our clock is half a year ahead",
        then(
            tls("certificate has expired"),
            shaken("certificate", *DATES),
            options("answered", "clock=+16000000", role="transport"),
        ),
        "F045",
        LIKELY,
        transport="TLS",
        never=("F037",),
        says=("clock",),
    ),
    tell(
        "our clock is wrong, and the certificate has expired all the same",
        then(
            tls("certificate has expired"),
            shaken("certificate", *DATES),
            options("answered", "clock=+600", role="transport"),
        ),
        "F037",
        CERTAIN,
        transport="TLS",
        never=("F045",),
    ),
)


def unreadable() -> Wire:
    """Return a REGISTER whose answer our stack threw away."""
    return (
        Wire("REGISTER")
        .send("REGISTER")
        .add(BytesDropped(at=0.1, remote="198.51.100.1:5060", size=443, detail="syntax error"))
        .fail(Failure.RESPONSE_DISCARDED)
    )


def bare(result: str, status: int) -> ControlRan:
    """Return a REGISTER without a login."""
    return asked(Control.CHALLENGE, result, f"status={status}")


LOGIN: tuple[Story, ...] = (
    tell(
        "the password ends with a no-break space",
        then(challenged().receive(401), asked(Control.LINT, "suspicious", "password=tab, inside")),
        "F048",
        LIKELY,
        also=("F047",),
        says=("`password`", "tab"),
    ),
    tell(
        "the password holds a letter of another alphabet",
        then(
            challenged().receive(401),
            asked(Control.LINT, "suspicious", "password=letter outside ASCII, inside"),
        ),
        "F047",
        LIKELY,
        also=("F048",),
    ),
    tell(
        "our digest is right",
        then(challenged().receive(401), asked(Control.DIGEST, "right", "uri=same")),
        "F047",
        LIKELY,
        also=("F056", "F054"),
        never=("F048",),
    ),
    tell(
        "our digest is for another request line",
        then(challenged().receive(401), asked(Control.DIGEST, "right", "uri=differs")),
        "F054",
        LIKELY,
        also=("F047",),
    ),
    tell(
        "our digest is right and only the nonce is called old",
        then(challenged().receive(401, stale=True), asked(Control.DIGEST, "right", "uri=same")),
        "F052",
        LIKELY,
        never=("F047", "F054"),
    ),
    tell(
        "REGISTER is refused and OPTIONS is not",
        then(Wire("REGISTER").send("REGISTER").receive(403), options("answered")),
        "F059",
        LIKELY,
        also=("F060",),
        says=("register:",),
    ),
    tell(
        "REGISTER gets a 404 and OPTIONS a 200",
        then(Wire("REGISTER").send("REGISTER").receive(404), options("answered")),
        "F057",
        LIKELY,
        also=("F059",),
    ),
    tell(
        "what we could not read asks for a login that is no Digest",
        then(
            unreadable(),
            asked(
                Control.CHALLENGE,
                "challenged",
                "status=401",
                "field=WWW-Authenticate",
                "scheme=basic",
            ),
        ),
        "F053",
        CERTAIN,
    ),
    tell(
        "what we could not read asks for a login as it should",
        then(
            unreadable(),
            asked(
                Control.CHALLENGE,
                "challenged",
                "status=401",
                "field=WWW-Authenticate",
                "scheme=digest",
            ),
        ),
        "F034",
        CERTAIN,
    ),
    tell(
        "REGISTER and OPTIONS are refused",
        then(Wire("REGISTER").send("REGISTER").receive(403), options("answered", "status=403")),
        "F060",
        LIKELY,
        never=("F059",),
    ),
    tell(
        "REGISTER is refused and Allow names it",
        then(
            Wire("REGISTER").send("REGISTER").receive(403),
            options("answered", "allow=INVITE, REGISTER"),
        ),
        "F060",
        LIKELY,
    ),
    tell(
        "a call and a bare REGISTER are refused",
        then(refused_call(403), bare("answered-otherwise", 405)),
        "F060",
        LIKELY,
        password=None,
        never=("F058",),
        says=("asks nobody",),
    ),
    tell(
        "a call is refused and a bare REGISTER is asked for a login",
        then(refused_call(403), bare("challenged", 401)),
        "F060",
        LIKELY,
    ),
    tell(
        "OPTIONS gets a 503 as well",
        then(refused_call(503), options("answered", "status=503")),
        "F131",
        LIKELY,
    ),
)

CHANGES_NOTHING: tuple[Story, ...] = (
    tell(
        "nothing could be asked",
        then(
            Wire("INVITE").send("INVITE", body=OFFER).fail(Failure.NO_RESPONSE, at=10.0),
            asked(Control.OPTIONS, "not-run"),
            asked(Control.NAMES, "not-run"),
        ),
        "F015",
        UNDECIDED,
    ),
)

ASKED = (*PATH, *AGAIN, *DNS, *SECURE, *LOGIN, *CHANGES_NOTHING)
