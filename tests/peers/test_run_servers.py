"""Servers behind a name: NAPTR and SRV choose them, and a dead one is left for the next."""

import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from certificates import Certificates
from dnsserver import NameServer
from kamailio import Kamailio
from listeners import TlsServer, silent_port
from ports import LOOPBACK
from processes import poll
from sipp import SCENARIOS, SippUas
from userfolder import Run, UserFolder

DOMAIN = "sip.example.test"
"""The only name of the certificate `wrong_name`."""

NUMBER = "12025550123"

Names = Callable[..., NameServer]
Zone = dict[tuple[str, str], list[str]]


def srv(*targets: tuple[int, int], service: str = "_sip._udp") -> Zone:
    """Return SRV records of the domain, each target (priority, port) a host of its own."""
    records = [f"{priority} 10 {port} s{port}.test." for priority, port in targets]
    hosts: Zone = {(f"s{port}.test", "A"): [LOOPBACK] for _, port in targets}
    return {(f"{service}.{DOMAIN}", "SRV"): records, **hosts}


def hops(run: Run) -> list[tuple[int, str]]:
    """Return place and reason of each server that was tried (empty) or left."""
    return [(e["place"], e["left"]) for e in run.events() if e["type"] == "NextHop"]


def notes(run: Run) -> str:
    """Return all that the report says of the steps beside verdicts."""
    return " ".join(str(finding["warnings"]) for finding in run.findings)


class LateServer:
    """A SIP server that says nothing for a while, and then something."""

    def __init__(self, status: str, after_s: float) -> None:
        self.requests: list[str] = []
        "Methods that arrived, copies included."
        self._status = status
        self._after_s = after_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self._over = threading.Event()
        self._timers: list[threading.Timer] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                data, peer = self._socket.recvfrom(8192)
            except TimeoutError:
                continue
            text = data.decode()
            method = text.partition(" ")[0]
            self.requests.append(method)
            if method in {"INVITE", "REGISTER"} and not self._timers:
                timer = threading.Timer(self._after_s, self._say, (text, peer, self._status))
                self._timers.append(timer)
                timer.start()
            elif method in {"CANCEL", "BYE"}:
                self._say(text, peer, "200 OK")

    def _say(self, request: str, peer: tuple[str, int], status: str) -> None:
        kept = ("via", "from", "to", "call-id", "cseq")
        lines = [f"SIP/2.0 {status}"]
        for line in request.splitlines():
            if line.partition(":")[0].lower() in kept:
                tag = ";tag=late" if line.lower().startswith("to:") and "tag=" not in line else ""
                lines.append(line + tag)
        lines.append(f"Contact: <sip:late@{LOOPBACK}:{self.port}>")
        body = ""
        if status.startswith("200") and request.startswith("INVITE"):
            body = (
                f"v=0\r\no=- 1 1 IN IP4 {LOOPBACK}\r\ns=-\r\nc=IN IP4 {LOOPBACK}\r\nt=0 0\r\n"
                f"m=audio 9 RTP/AVP 0\r\n"
            )
            lines.append("Content-Type: application/sdp")
        lines += [f"Content-Length: {len(body)}", "", body]
        self._socket.sendto("\r\n".join(lines).encode(), peer)

    def close(self) -> None:
        """Stop."""
        self._over.set()
        self._thread.join(5)
        for timer in self._timers:
            timer.cancel()
        self._socket.close()


@pytest.fixture
def late_server() -> Iterator[Callable[[str, float], LateServer]]:
    """Give a function that starts one: `late_server("180 Ringing", 2.5)`."""
    made: list[LateServer] = []

    def start(status: str, after_s: float) -> LateServer:
        made.append(LateServer(status, after_s))
        return made[-1]

    yield start
    for server in made:
        server.close()


# Silence, 503, refusal ----------------------------------------------------------------------------


def test_a_silent_first_server_is_left_for_the_second(
    folder: UserFolder,
    name_server: Names,
    sipp_uas: Callable[..., SippUas],
    silent_udp_port: int,
) -> None:
    """The call is set up by the second server within four seconds, and the report says which."""
    far_end = sipp_uas("answer")
    names = name_server(srv((10, silent_udp_port), (20, far_end.port)))
    folder.trunk(uri=f"sip:100@{DOMAIN}", nameserver=names.at)
    folder.scenario(f'- call: "{NUMBER}"\n  hangup_after: 0.2s')
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert run.findings[0]["timing"]["setup_s"] < 4
    assert hops(run) == [(1, ""), (1, "did not answer within 2 s"), (2, "")]
    assert "the second of 2 servers answered" in notes(run)
    assert f"{LOOPBACK}:{silent_udp_port}, did not answer within 2 s" in notes(run)
    assert "may still ring" in notes(run)
    asked = {(e["kind"], e["name"], e["ttl"]) for e in run.events() if e["type"] == "DnsAnswer"}
    assert ("SRV", f"_sip._udp.{DOMAIN}", 60) in asked
    # Request-URI and To stay as configured: only the way is ours.
    invites = [m for m in run.messages("MessageSent") if m["text"].startswith("INVITE ")]
    assert {m["remote"] for m in invites} == {
        f"{LOOPBACK}:{port}" for port in (silent_udp_port, far_end.port)
    }
    assert all(m["text"].startswith(f"INVITE sip:{NUMBER}@{DOMAIN} SIP/2.0") for m in invites)
    assert not any("\nRoute:" in m["text"] for m in invites)


def test_503_and_port_unreachable_send_a_registration_on(
    folder: UserFolder,
    name_server: Names,
    late_server: Callable[[str, float], LateServer],
    kamailio: Kamailio,
    closed_udp_port: int,
) -> None:
    """Three servers: nobody there, 503, and one that registers us; then that one is the first."""
    busy = late_server("503 Service Unavailable", 0.0)
    places = (10, closed_udp_port), (20, busy.port), (30, kamailio.udp_port)
    names = name_server(srv(*places))
    folder.trunk(
        uri=f"sip:{kamailio.user}@{DOMAIN};transport=udp",
        password=kamailio.password,
        nameserver=names.at,
    )
    folder.scenario("- register:\n- unregister:")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    left = [why for _, why in hops(run)]
    assert left == ["", "has nothing at that port (ICMP)", "", "answered 503", "", ""]
    assert [place for place, _ in hops(run)][-1] == 3
    assert run.findings[0]["responses"] == [200]
    assert "the third of 3 servers answered" in notes(run)


@pytest.mark.parametrize(
    ("kind", "why"),
    [("closed", "refused the connection"), ("silent", "did not answer within 2 s")],
)
def test_a_connection_that_does_not_come_up_is_left(  # noqa: PLR0913, PLR0917 - fixtures
    folder: UserFolder,
    name_server: Names,
    kamailio: Kamailio,
    request: pytest.FixtureRequest,
    kind: str,
    why: str,
) -> None:
    """By TCP: a refused connection at once, a silent one after two seconds."""
    port: int = request.getfixturevalue(f"{kind}_tcp_port")
    names = name_server(srv((10, port), (20, kamailio.tcp_port), service="_sip._tcp"))
    folder.trunk(uri=f"sip:100@{DOMAIN};transport=tcp", nameserver=names.at)
    folder.scenario("- options:")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert hops(run) == [(1, ""), (1, why), (2, "")]
    assert run.messages("MessageReceived")[0]["remote"] == f"{LOOPBACK}:{kamailio.tcp_port}"


@pytest.mark.parametrize(
    ("status", "ends_by"), [("180 Ringing", ["CANCEL"]), ("200 OK", ["ACK", "BYE"])]
)
def test_a_server_that_wakes_up_late_is_not_let_ring(  # noqa: PLR0913, PLR0917 - fixtures
    folder: UserFolder,
    name_server: Names,
    sipp_uas: Callable[..., SippUas],
    late_server: Callable[[str, float], LateServer],
    status: str,
    ends_by: list[str],
) -> None:
    """What was given up is ended when it answers after all, and no copy of it leaves any more."""
    late, far_end = late_server(status, 2.8), sipp_uas("answer")
    names = name_server(srv((10, late.port), (20, far_end.port)))
    folder.trunk(uri=f"sip:100@{DOMAIN}", nameserver=names.at)
    folder.scenario(f'- call: "{NUMBER}"\n  hangup_after: 2.5s')
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert poll(lambda: all(method in late.requests for method in ends_by), 1.0)
    assert late.requests.count("INVITE") == 3  # at 0, 0.5 and 1.5 s; the next would be at 3.5 s


# Transports and names -----------------------------------------------------------------------------


def test_naptr_chooses_tcp(folder: UserFolder, name_server: Names, kamailio: Kamailio) -> None:
    """Without a transport in the URI DNS chooses it; Contact says it, and no Route is sent."""
    pointer: Zone = {(DOMAIN, "NAPTR"): [f'10 10 "s" "SIP+D2T" "" _sip._tcp.{DOMAIN}.']}
    names = name_server({**srv((1, kamailio.tcp_port), service="_sip._tcp"), **pointer})
    folder.trunk(
        uri=f"sip:{kamailio.user}@{DOMAIN}", password=kamailio.password, nameserver=names.at
    )
    folder.scenario("- register:")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    sent = run.messages("MessageSent")
    assert {message["transport"] for message in sent} == {"TCP"}
    assert sent[0]["text"].startswith(f"REGISTER sip:{DOMAIN} SIP/2.0")
    assert "\nRoute:" not in sent[0]["text"]
    contact = re.search(r"^Contact: (.*)$", sent[0]["text"], re.MULTILINE)
    assert contact is not None
    assert ";transport=tcp" in contact[1].lower()


def test_contact_names_the_connection_where_the_name_has_one_address(
    folder: UserFolder, kamailio: Kamailio
) -> None:
    """By TCP requests come back on the connection: its port stands in Contact."""
    folder.trunk(
        uri=f"sip:{kamailio.user}@localhost:{kamailio.tcp_port};transport=tcp",
        password=kamailio.password,
    )
    folder.scenario("- register:")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    sent = run.messages("MessageSent")[0]
    contact = re.search(r"^Contact: <sip:[^@]*@([^;>]*)", sent["text"], re.MULTILINE)
    assert contact is not None
    assert contact[1] == sent["local"]


def test_tls_is_verified_against_the_domain(
    folder: UserFolder,
    name_server: Names,
    kamailio_with: Callable[..., Kamailio],
    certificates: Certificates,
) -> None:
    """Neither the SRV target nor its address is what a certificate must name (RFC 5922 §4)."""
    fits, other = kamailio_with(certificate="wrong_name"), kamailio_with()
    findings = []
    for server in (fits, other):
        names = name_server(srv((1, server.tls_port), service="_sips._tcp"))
        folder.trunk(
            uri=f"sip:100@{DOMAIN};transport=tls", nameserver=names.at, ca_file=str(certificates.ca)
        )
        folder.scenario("- options:")
        findings.append(folder.run("check").findings[0])
    assert findings[0]["outcome"] == "MET", findings[0]
    assert findings[1]["failure"] == "TLS_CERTIFICATE"
    assert [cause["id"] for cause in findings[1]["explanation"]["causes"]] == ["F038"]


def test_the_domain_is_asked_for_in_the_handshake(
    folder: UserFolder,
    name_server: Names,
    tls_server: Callable[..., TlsServer],
    certificates: Certificates,
) -> None:
    """SNI carries the domain of the URI."""
    server = tls_server(certificates.wrong_name)
    names = name_server(srv((1, server.port), service="_sips._tcp"))
    folder.trunk(uri=f"sips:100@{DOMAIN}", nameserver=names.at, ca_file=str(certificates.ca))
    folder.scenario("- options:\n  timeout: 1s")
    run = folder.run("check")
    assert run.findings[0]["failure"] == "NO_RESPONSE"
    assert server.server_names[0] == DOMAIN


def test_a_hang_up_waits_for_the_name_in_their_contact(
    folder: UserFolder, name_server: Callable[..., NameServer], sipp_uas: Callable[..., SippUas]
) -> None:
    """The ACK waits for the look-up of a name that the peer brought up, and our BYE for the ACK."""
    script = (SCENARIOS / "answer.xml").read_text().replace("uas@[local_ip]", "uas@far.test")
    far_end = sipp_uas("answer", text=script.replace(' retrans="500"', ""))
    names = name_server({("far.test", "A"): [LOOPBACK]})
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{far_end.port}", nameserver=names.at)
    folder.scenario('- call: "12025550123"\n  hangup_after: 0.01s')
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    sent = [m["text"].partition("\r")[0] for m in run.messages("MessageSent")]
    uri = f"sip:uas@far.test:{far_end.port};transport=UDP"
    assert sent[1:] == [f"ACK {uri} SIP/2.0", f"BYE {uri} SIP/2.0"]


def test_a_dead_name_server_is_told_within_its_time(
    folder: UserFolder,
) -> None:
    """Three seconds, then the report says who was asked for what."""
    with silent_port(socket.SOCK_DGRAM) as port:
        folder.trunk(uri=f"sip:100@{DOMAIN}", nameserver=f"{LOOPBACK}:{port}")
        folder.scenario("- options:")
        run = folder.run("check", flags=["--no-controls"])
    (finding,) = run.findings
    assert finding["failure"] == "NAME_RESOLUTION"
    assert not run.messages()
    (told,) = [e for e in run.events() if e["type"] == "TransactionFailed"]
    asked = rf"from the name server {LOOPBACK}:{port} to A (and AAAA )?{re.escape(DOMAIN)}"
    assert re.search(asked, told["detail"])
    assert f"SRV _sip._udp.{DOMAIN} silent" in told["detail"]
    (lookup,) = [e for e in run.events() if e["type"] == "NameLookup"]
    assert lookup["took_s"] < 4
