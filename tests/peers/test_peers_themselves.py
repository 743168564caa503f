"""The peers do what their names say, tried by hand-written SIP without the product."""

import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from byhand import SDP, Answer, Phone, contact_uri
from certificates import Certificates
from kamailio import Kamailio, KamailioOptions, running_kamailio
from listeners import TlsServer
from ports import LOOPBACK
from presence import SECRET_USER, Presence
from processes import poll, running
from sipp import SippUas, running_sipp_uas
from sipprobe_command import Finished
from wire import Capture, running_capture

StartUas = Callable[..., SippUas]


@contextmanager
def call(uas: SippUas, transport: str = "udp") -> Iterator[tuple[Phone, str, int]]:
    """Send an INVITE to a far end; give the phone, the URI and the INVITE's CSeq number."""
    uri = f"sip:+12025550123@{LOOPBACK}:{uas.port}"
    with Phone(transport, uas.port) as phone:
        number, _ = phone.send("INVITE", uri, body=SDP)
        yield phone, uri, number


def statuses(answers: list[Answer]) -> list[int]:
    """Return the status codes alone."""
    return [answer.status for answer in answers]


def is_gone(pid: int) -> bool:
    """Say whether no process has this id, nor is in the group of this id."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


# Kamailio as presence server


@pytest.mark.parametrize(
    ("user", "package", "expected"),
    [("101", "dialog", 200), ("101", "weather", 489), (SECRET_USER, "dialog", 403)],
)
def test_presence_server_takes_or_refuses_a_subscription(
    presence: Presence, user: str, package: str, expected: int
) -> None:
    """After a login it offers its packages, and keeps one user's state to itself."""
    with Phone("udp", presence.port, user=presence.user) as phone:
        uri = f"sip:{user}@{LOOPBACK}:{presence.port}"
        challenge, answer = phone.request(
            "SUBSCRIBE", uri, f"Event: {package}", "Expires: 0", password=presence.password
        )
    assert (challenge.status, answer.status) == (407, expected)


# Kamailio as registrar


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_kamailio_registers_a_user_with_the_right_password(
    kamailio: Kamailio, certificates: Certificates, transport: str
) -> None:
    """A REGISTER is challenged, and the answer to the challenge is taken, on every transport."""
    port = {"udp": kamailio.udp_port, "tcp": kamailio.tcp_port, "tls": kamailio.tls_port}[transport]
    with Phone(transport, port, user=kamailio.user, ca=certificates.ca) as phone:
        uri = f"sip:{kamailio.user}@{LOOPBACK}"
        challenge, accepted = phone.request(
            "REGISTER", uri, "Expires: 120", password=kamailio.password
        )
    assert challenge.status == 401
    assert challenge.parameter("WWW-Authenticate", "realm") == kamailio.realm
    assert challenge.parameter("WWW-Authenticate", "qop") == "auth"
    assert accepted.status == 200
    assert any("expires=120" in contact for contact in accepted.headers("Contact"))


def test_kamailio_can_challenge_with_sha_256(kamailio_with: Callable[..., Kamailio]) -> None:
    """The SHA-256 variant names that algorithm and takes a SHA-256 answer."""
    peer = kamailio_with(algorithm="SHA-256", wrong_password_403=True)
    with Phone("udp", peer.udp_port, user=peer.user) as phone:
        challenge, accepted = phone.request(
            "REGISTER", f"sip:{peer.user}@{LOOPBACK}", password=peer.password
        )
    assert challenge.parameter("WWW-Authenticate", "algorithm") == "SHA-256"
    assert accepted.status == 200


def test_kamailio_challenges_a_wrong_password_again(kamailio: Kamailio) -> None:
    """A wrong password meets a second 401 with another nonce."""
    with Phone("udp", kamailio.udp_port, user=kamailio.user) as phone:
        first, second = phone.request("REGISTER", f"sip:100@{LOOPBACK}", password="wrong")
    assert statuses([first, second]) == [401, 401]
    nonces = {answer.parameter("WWW-Authenticate", "nonce") for answer in (first, second)}
    assert len(nonces) == 2


def test_kamailio_treats_an_unknown_user_like_a_wrong_password(kamailio: Kamailio) -> None:
    """From outside nobody can tell which of the two was wrong, not even with an empty password."""
    with Phone("udp", kamailio.udp_port, user="nobody") as phone:
        answers = phone.request("REGISTER", f"sip:nobody@{LOOPBACK}", password="")
    assert statuses(answers) == [401, 401]


def test_kamailio_can_refuse_a_wrong_password_with_403(
    kamailio_with: Callable[..., Kamailio],
) -> None:
    """The 403 variant challenges first and refuses wrong credentials then."""
    peer = kamailio_with(algorithm="SHA-256", wrong_password_403=True)
    with Phone("udp", peer.udp_port, user=peer.user) as phone:
        answers = phone.request("REGISTER", f"sip:{peer.user}@{LOOPBACK}", password="wrong")
    assert statuses(answers) == [401, 403]


# Kamailio as proxy


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_kamailio_puts_a_call_through_to_the_far_end(
    kamailio: Kamailio, certificates: Certificates, sipp_uas: StartUas, transport: str
) -> None:
    """407, then a whole call through the proxy, whose Record-Route both sides follow to the BYE."""
    uas = sipp_uas("answer", pause_ms=0)
    port = {"udp": kamailio.udp_port, "tcp": kamailio.tcp_port, "tls": kamailio.tls_port}[transport]
    uri = f"sip:{kamailio.number_to(uas.port)}@{LOOPBACK}"
    with Phone(transport, port, user=kamailio.user, ca=certificates.ca) as phone:
        challenge, trying = phone.request("INVITE", uri, password=kamailio.password, body=SDP)
        answered = phone.receive_until(200)[-1]
        phone.ack(contact_uri(answered), answered, cseq=2)
        gone = phone.hang_up(answered)
    assert statuses([challenge, trying, gone]) == [407, 100, 200]
    assert answered.headers("Record-Route")
    assert uas.wait() == 0
    invite = uas.messages()[0]
    assert f"127.0.0.1:{kamailio.udp_port}" in str(invite.header("Record-Route"))
    assert invite.header("Proxy-Authorization") is None


def test_kamailio_passes_a_cancel_on(kamailio: Kamailio, sipp_uas: StartUas) -> None:
    """CANCEL reaches the ringing far end through the proxy, and its 487 comes back."""
    uas = sipp_uas("ring_forever")
    uri = f"sip:{kamailio.number_to(uas.port)}@{LOOPBACK}"
    with Phone("udp", kamailio.udp_port, user=kamailio.user) as phone:
        phone.request("INVITE", uri, password=kamailio.password, body=SDP)
        phone.receive_until(180)
        phone.send("CANCEL", uri, cseq=2, branch=f"z9hG4bK-{phone.call_id}-INVITE-2")
        ended = phone.receive_until(487)
        phone.ack(uri, ended[-1], cseq=2, branch=f"z9hG4bK-{phone.call_id}-INVITE-2")
        assert uas.wait() == 0
    assert "< CANCEL" in str(uas.first_lines())


@pytest.mark.parametrize(("number", "status"), [("999", 404), ("101", 480)])
def test_kamailio_says_who_cannot_be_reached(
    kamailio_with: Callable[..., Kamailio], number: str, status: int
) -> None:
    """404 for a number that nobody has, 480 for a user who is not registered."""
    peer = kamailio_with(algorithm="SHA-256", wrong_password_403=True)
    with Phone("udp", peer.udp_port, user=peer.user) as phone:
        _, refused = phone.request(
            "INVITE", f"sip:{number}@{LOOPBACK}", password=peer.password, body=SDP
        )
        phone.ack(f"sip:{number}@{LOOPBACK}", refused, cseq=2)
    assert refused.status == status


def test_kamailio_calls_a_registered_user(kamailio: Kamailio) -> None:
    """An INVITE for a registered user arrives where he registered."""
    with (
        Phone("udp", kamailio.udp_port, user=kamailio.second_user) as callee,
        Phone("udp", kamailio.udp_port, user=kamailio.user) as caller,
    ):
        callee_uri = f"sip:{kamailio.second_user}@{LOOPBACK}"
        callee.request("REGISTER", callee_uri, password=kamailio.second_password)
        caller.request("INVITE", callee_uri, password=kamailio.password, body=SDP)
        invite = callee.receive()
        callee.reply(invite, "486 Busy Here")
        refused = caller.receive_until(486)
    assert invite.first_line.startswith(f"INVITE sip:{kamailio.second_user}@")
    assert refused[-1].status == 486


def test_kamailio_can_ask_for_a_client_certificate(
    kamailio_with: Callable[..., Kamailio], certificates: Certificates
) -> None:
    """With mutual TLS a client without a certificate gets no further than the handshake."""
    peer = kamailio_with(ask_client=True)
    with (
        pytest.raises(OSError),  # noqa: PT011 - an alert or a reset, as the race goes
        Phone("tls", peer.tls_port, ca=certificates.ca) as phone,
    ):
        phone.request("OPTIONS", f"sip:{LOOPBACK}")


# SIPp's scenarios


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_answers_a_call(sipp_uas: StartUas, transport: str) -> None:
    """100 180 200 with SDP, then ACK and BYE; and SIPp's own log shows the same."""
    uas = sipp_uas("answer", transport=transport)
    with call(uas, transport) as (phone, uri, number):
        answers = phone.receive_until(200)
        phone.ack(uri, answers[-1], cseq=number)
        assert phone.hang_up(answers[-1]).status == 200
        assert uas.wait() == 0
    assert statuses(answers) == [100, 180, 200]
    assert f"m=audio {uas.media_port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000" in answers[-1].body
    assert [line[:11] for line in uas.first_lines()] == [
        "< INVITE si",
        "> SIP/2.0 1",
        "> SIP/2.0 1",
        "> SIP/2.0 2",
        "< ACK sip:+",
        "< BYE sip:u",
        "> SIP/2.0 2",
    ]


def test_sipp_answers_with_the_codec_asked_for(sipp_uas: StartUas) -> None:
    """A far end can insist on a codec that was not offered."""
    uas = sipp_uas("answer", keys={"payload": "3", "codec": "GSM/8000"})
    with call(uas) as (phone, _, _):
        assert "RTP/AVP 3 101\r\na=rtpmap:3 GSM/8000" in phone.receive_until(200)[-1].body


@pytest.mark.parametrize(
    ("scenario", "keys", "line"),
    [
        ("refuse", {"code": "603", "reason": "Not Today"}, "SIP/2.0 603 Not Today"),
        ("refuse", {}, "SIP/2.0 503 Service Unavailable"),
        ("busy", {}, "SIP/2.0 486 Busy Here"),
    ],
)
def test_sipp_refuses_a_call(
    sipp_uas: StartUas, scenario: str, keys: dict[str, str], line: str
) -> None:
    """The refusal is the one asked for, and its ACK ends the call."""
    uas = sipp_uas(scenario, keys=keys)
    with call(uas) as (phone, uri, number):
        trying, refused = phone.receive(), phone.receive()
        phone.ack(uri, refused, cseq=number)
        assert uas.wait() == 0
    assert trying.status == 100
    assert refused.first_line == line


def test_sipp_adds_a_header_to_a_refusal(sipp_uas: StartUas) -> None:
    """A header line of choice goes along, such as Retry-After."""
    uas = sipp_uas("refuse", keys={"extra": "Retry-After: 30"})
    with call(uas) as (phone, _, _):
        assert phone.receive_until(503)[-1].headers("Retry-After") == ["30"]


def test_sipp_challenges_a_call(sipp_uas: StartUas) -> None:
    """407 first; the INVITE with credentials is answered."""
    uas = sipp_uas("challenge")
    uri = f"sip:+12025550123@{LOOPBACK}:{uas.port}"
    with Phone("udp", uas.port) as phone:
        challenge, _ = phone.request("INVITE", uri, password="any", body=SDP)
        answered = phone.receive_until(200)[-1]
        phone.ack(uri, answered, cseq=2)
        phone.hang_up(answered)
        assert uas.wait() == 0
    assert challenge.status == 407


@pytest.mark.parametrize(("scenario", "heard"), [("ring_forever", 180), ("trying_only", 100)])
def test_sipp_gives_up_only_when_cancelled(sipp_uas: StartUas, scenario: str, heard: int) -> None:
    """After its provisional nothing comes until CANCEL, which brings 200 and 487."""
    uas = sipp_uas(scenario)
    with call(uas) as (phone, uri, number):
        branch = f"z9hG4bK-{phone.call_id}-INVITE-{number}"
        before = phone.receive_until(heard)
        with pytest.raises(TimeoutError):
            phone.receive(within_s=0.3)
        phone.send("CANCEL", uri, cseq=number, branch=branch)
        cancelled, terminated = phone.receive(), phone.receive()
        phone.ack(uri, terminated, cseq=number, branch=branch)
        assert uas.wait() == 0
    assert statuses(before)[-1] == heard
    assert cancelled.headers("CSeq") == [f"{number} CANCEL"]
    assert terminated.headers("CSeq") == [f"{number} INVITE"]
    assert terminated.parameter("Via", "branch") == branch
    assert statuses([cancelled, terminated]) == [200, 487]


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS"])
def test_sipp_can_stay_silent(sipp_uas: StartUas, method: str) -> None:
    """The silent far end takes a request and its retransmission, and says nothing."""
    uas = sipp_uas("silent")
    with Phone("udp", uas.port) as phone:
        for _ in range(2):
            phone.send(method, f"sip:{LOOPBACK}:{uas.port}", cseq=1)
        with pytest.raises(TimeoutError):
            phone.receive(within_s=0.3)
    assert [line[: len(method) + 2] for line in uas.first_lines()] == [f"< {method}"] * 2


def test_sipp_gives_early_media(sipp_uas: StartUas) -> None:
    """183 with SDP comes before 180 and 200."""
    uas = sipp_uas("early_media")
    with call(uas) as (phone, _, _):
        answers = phone.receive_until(200)
    assert statuses(answers) == [100, 183, 180, 200]
    assert "m=audio" in answers[1].body
    assert not answers[2].body


def test_sipp_answers_without_sdp(sipp_uas: StartUas) -> None:
    """The 200 has no body."""
    with call(sipp_uas("no_sdp")) as (phone, _, _):
        assert not phone.receive_until(200)[-1].body


def test_sipp_refuses_the_audio_early_and_takes_it_later(sipp_uas: StartUas) -> None:
    """183 with port 0, then a 200 with a real port."""
    uas = sipp_uas("port0_183_then_200")
    with call(uas) as (phone, _, _):
        answers = phone.receive_until(200)
    assert statuses(answers) == [100, 183, 200]
    assert "m=audio 0 " in answers[1].body
    assert f"m=audio {uas.media_port} " in answers[2].body


def test_sipp_forks(sipp_uas: StartUas) -> None:
    """Two 180 of two dialogs; the second one's is answered."""
    with call(sipp_uas("forked")) as (phone, _, _):
        answers = phone.receive_until(200)
    tags = [answer.parameter("To", "tag") for answer in answers[1:]]
    assert statuses(answers) == [100, 180, 180, 200]
    assert tags[0] != tags[1]
    assert tags[1] == tags[2]


def test_sipp_repeats_its_200_although_acknowledged(sipp_uas: StartUas) -> None:
    """The same 200 comes again and again, each acknowledged, until BYE."""
    uas = sipp_uas("retransmit")
    with call(uas) as (phone, uri, number):
        finals = [phone.receive_until(200)[-1]]
        for _ in range(2):
            phone.ack(uri, finals[-1], cseq=number)
            finals.append(phone.receive())
        phone.ack(uri, finals[-1], cseq=number)
        assert phone.hang_up(finals[-1]).headers("CSeq") == ["2 BYE"]
        assert uas.wait() == 0
    assert len(finals) == 3
    assert len({answer.text for answer in finals}) == 1
    assert [line[:5] for line in uas.first_lines()].count("< ACK") == 3


def test_sipp_hangs_up_itself(sipp_uas: StartUas) -> None:
    """BYE comes from the far end, soon after the ACK, in the caller's dialog."""
    uas = sipp_uas("bye_soon", pause_ms=100)
    with call(uas) as (phone, uri, number):
        answered = phone.receive_until(200)[-1]
        phone.ack(uri, answered, cseq=number)
        bye = phone.receive_until(0)[-1]
        phone.reply(bye, "200 OK")
        assert uas.wait() == 0
    assert bye.first_line == f"BYE sip:100@{LOOPBACK}:{phone.port};transport=udp SIP/2.0"
    assert bye.parameter("To", "tag") == phone.call_id
    assert bye.parameter("From", "tag") == answered.parameter("To", "tag")


@pytest.mark.parametrize(
    ("scenario", "method", "status"),
    [
        ("register_ok", "REGISTER", 200),
        ("register_403", "REGISTER", 403),
        ("register_423", "REGISTER", 423),
        ("options", "OPTIONS", 200),
    ],
)
def test_sipp_answers_the_same_dialogue_again(
    sipp_uas: StartUas, scenario: str, method: str, status: int
) -> None:
    """A refresh or removal with the same Call-ID is answered like the first."""
    uas = sipp_uas(scenario)
    with Phone("udp", uas.port) as phone:
        answers = [
            phone.request(method, f"sip:{LOOPBACK}:{uas.port}")[0],
            phone.request(method, f"sip:{LOOPBACK}:{uas.port}")[0],
        ]
    assert statuses(answers) == [status, status]
    if scenario == "register_ok":
        assert answers[0].parameter("Contact", "expires") == "3600"


# The capture


def test_the_capture_holds_every_message_in_order(
    capture: Callable[..., Capture], sipp_uas: StartUas
) -> None:
    """The capture and SIPp's log agree on messages, order, direction and time."""
    uas = sipp_uas("answer")
    wire = capture(uas.port)
    with call(uas) as (phone, uri, number):
        answered = phone.receive_until(200)[-1]
        phone.ack(uri, answered, cseq=number)
        phone.hang_up(answered)
        assert uas.wait() == 0
    seen, logged = wire.sip(uas.port), uas.messages()
    assert [message.first_line for message in seen] == [message.first_line for message in logged]
    assert [message.src == f"{LOOPBACK}:{uas.port}" for message in seen] == [
        message.sent for message in logged
    ]
    assert {message.call_id for message in seen} == {phone.call_id}
    assert seen[0].cseq == f"{number} INVITE"
    assert all(abs(one.time - other.at) < 1.0 for one, other in zip(seen, logged, strict=True))


def test_the_capture_reads_several_messages_of_one_tcp_frame(
    capture: Callable[..., Capture], silent_tcp_port: int
) -> None:
    """A request and a response sent at once by TCP are two messages, in their order."""
    wire = capture(silent_tcp_port)
    common = (
        "Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n"
    )
    with socket.create_connection((LOOPBACK, silent_tcp_port), timeout=5) as sender:
        sender.sendall(
            f"SIP/2.0 200 OK\r\n{common}Call-ID: first\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
            f"OPTIONS sip:h SIP/2.0\r\n{common}Call-ID: second\r\nCSeq: 7 OPTIONS\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )
    seen = wire.sip(silent_tcp_port)
    assert [(m.first_line, m.call_id, m.cseq) for m in seen] == [
        ("SIP/2.0 200 OK", "first", "1 BYE"),
        ("OPTIONS sip:h SIP/2.0", "second", "7 OPTIONS"),
    ]


# Ports that misbehave


def test_a_closed_udp_port_is_unreachable(closed_udp_port: int) -> None:
    """The kernel answers for it with ICMP, which a connected socket sees."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(5)
        sender.connect((LOOPBACK, closed_udp_port))
        sender.send(b"hello")
        with pytest.raises(ConnectionRefusedError):
            sender.recv(10)


def test_a_closed_tcp_port_refuses(closed_tcp_port: int) -> None:
    """No connection is made."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, closed_tcp_port), timeout=5)


def test_silent_ports_say_nothing(silent_udp_port: int, silent_tcp_port: int) -> None:
    """Both take a message, neither answers nor refuses."""
    for transport, port in (("udp", silent_udp_port), ("tcp", silent_tcp_port)):
        with Phone(transport, port) as phone:
            phone.send("OPTIONS", f"sip:{LOOPBACK}:{port}")
            with pytest.raises(TimeoutError):
                phone.receive(within_s=0.2)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("server", None),
        ("expired", "certificate has expired"),
        ("wrong_name", "Hostname mismatch"),
        ("untrusted", "unable to get local issuer certificate"),
    ],
)
def test_each_bad_certificate_is_bad_in_one_way(
    certificates: Certificates,
    tls_server: Callable[..., TlsServer],
    name: str,
    complaint: str | None,
) -> None:
    """A client that verifies finds exactly the fault that the certificate is named for."""
    server = tls_server(getattr(certificates, name))
    context = ssl.create_default_context(cafile=certificates.ca)
    found = None
    with socket.create_connection((LOOPBACK, server.port), timeout=5) as plain:
        try:
            context.wrap_socket(plain, server_hostname="localhost").close()
        except ssl.SSLCertVerificationError as problem:
            found = problem.verify_message
    assert (found is None) == (complaint is None)
    assert complaint is None or complaint in str(found)
    assert server.server_names == ["localhost"]
    assert poll(lambda: len(server.handshakes) == 1, 5)
    assert server.handshakes[0].startswith("TLSv1") == (complaint is None)


def test_the_tls_server_can_ask_for_a_client_certificate(
    certificates: Certificates, tls_server: Callable[..., TlsServer]
) -> None:
    """The client's own certificate completes the handshake; without it there is none."""
    server = tls_server(certificates.server, client_ca=certificates.ca)
    context = ssl.create_default_context(cafile=certificates.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection((LOOPBACK, server.port), timeout=5) as plain,
        pytest.raises(OSError),  # noqa: PT011 - an alert or a reset, as the race goes
    ):
        context.wrap_socket(plain, server_hostname="localhost")
    context.load_cert_chain(certificates.client.certificate, certificates.client.key)
    with socket.create_connection((LOOPBACK, server.port), timeout=5) as plain:
        context.wrap_socket(plain, server_hostname="localhost").close()
    assert poll(lambda: len(server.handshakes) == 2, 5)
    assert server.handshakes[1] == "TLSv1.2"


# Nothing is left behind


def test_no_peer_outlives_its_block(tmp_path: Path, certificates: Certificates) -> None:
    """After the block neither the peer's process nor any of its children is there."""
    with (
        running_kamailio(tmp_path, certificates, KamailioOptions()) as proxy,
        running_sipp_uas(tmp_path, "silent") as uas,
        running_capture(tmp_path, uas.port) as wire,
    ):
        pids = [proxy.pid, uas.pid, wire.pid]
        assert not any(is_gone(pid) for pid in pids)
    assert all(is_gone(pid) for pid in pids)


def test_a_peer_that_cannot_start_tells_why(tmp_path: Path) -> None:
    """The failure shows what the program printed."""
    with (
        running(["sh", "-c", "echo no such luck; exit 3"], tmp_path / "log") as process,
        pytest.raises(AssertionError, match=r"status 3(?s:.*)no such luck"),
    ):
        process.wait_until(lambda: False, "the peer")


def test_a_stubborn_process_is_killed_with_its_children(tmp_path: Path) -> None:
    """A child that its parent left behind is ended too."""
    with running(["sh", "-c", "sleep 60 & wait"], tmp_path / "log") as process:
        pid = process.pid
        process.process.send_signal(signal.SIGKILL)
        assert process.wait(5) == -signal.SIGKILL
    assert poll(lambda: is_gone(pid), 5)


def test_the_command_line_helper_keeps_what_was_printed(
    run_sipprobe: Callable[..., Finished], tmp_path: Path
) -> None:
    """Exit status, standard output and standard error of the product come back apart."""
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "__init__.py").touch()
    (tmp_path / "probe" / "cli.py").write_text(
        "import json, os, sys\n"
        "print(json.dumps([sys.argv[1:], os.environ.get('SIPPROBE_X'), os.getcwd()]))\n"
        "sys.exit('went wrong')\n"
    )
    finished = run_sipprobe(["run", "x"], env={"PYTHONPATH": str(tmp_path), "SIPPROBE_X": "1"})
    assert finished.exit_code == 1
    assert finished.json == [["run", "x"], "1", str(tmp_path)]
    assert finished.stderr == "went wrong\n"
