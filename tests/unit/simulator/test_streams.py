"""TCP and TLS: framing, keep-alives, whole calls."""

import datetime as dt
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sip_phone import Phone

from probe.simulator import transport
from probe.simulator.framing import FramingError, StreamFramer
from probe.simulator.records import Records
from probe.simulator.transport import TlsFiles
from probe.simulator.trunk import EmbeddedTrunk

MESSAGE = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"


def test_messages_are_cut_at_any_byte() -> None:
    """Two messages come out whole however the stream is torn."""
    for size in (1, 7, 1000):
        framer = StreamFramer()
        stream = MESSAGE + b"\r\n" + MESSAGE
        parts = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert [m for part in parts for m in framer.feed(part)] == [MESSAGE, MESSAGE]


def test_keep_alives_are_counted_and_passed_over() -> None:
    """Two line ends between messages are a ping."""
    framer = StreamFramer()
    assert framer.feed(b"\r\n\r\n\r\n\r\n" + MESSAGE) == [MESSAGE]
    assert framer.take_pings() == 2
    assert framer.take_pings() == 0


def test_no_length_means_no_body() -> None:
    """A message without Content-Length ends with its headers; the compact name counts."""
    framer = StreamFramer()
    assert framer.feed(b"A\r\n\r\nB\r\nl : 1\r\n\r\nx") == [b"A\r\n\r\n", b"B\r\nl : 1\r\n\r\nx"]


@pytest.mark.parametrize("data", [b"x" * 70_000, b"A\r\nContent-Length: 999999\r\n\r\n"])
def test_hopeless_streams_are_given_up(data: bytes) -> None:
    """Endless headers and huge bodies end the connection."""
    with pytest.raises(FramingError):
        StreamFramer().feed(data)


def test_a_call_over_tcp(trunk: EmbeddedTrunk, connect: Callable[..., Phone]) -> None:
    """Registration, call and BYE work over TCP, and the refused INVITE is not repeated."""
    phone = connect(trunk, "TCP")
    assert phone.register().status == 200
    answered = phone.call()
    assert "transport=tcp" in answered.first("Contact")
    assert phone.ask("BYE", "x", to_tag=answered.to_tag).status == 200
    phone.write(phone.text("INVITE", "7016"))
    assert phone.read().status == 403
    assert phone.nothing()
    assert {m.transport for m in trunk.log} == {"TCP"}


def test_several_messages_in_one_segment(
    trunk: EmbeddedTrunk, connect: Callable[..., Phone]
) -> None:
    """Each message of a segment is answered, and so is each ping between them."""
    phone = connect(trunk, "TCP")
    phone.sock.sendall(b"\r\n\r\n")
    assert phone.sock.recv(10) == b"\r\n"
    phone.write(phone.text("OPTIONS", "x") + "\r\n" + phone.text("OPTIONS", "9404"))
    assert (phone.read().status, phone.read().status) == (200, 404)


def test_a_malformed_message_on_a_stream_is_answered_there(
    trunk: EmbeddedTrunk, connect: Callable[..., Phone]
) -> None:
    """400 goes back over the connection."""
    phone = connect(trunk, "TCP")
    phone.write(phone.text("OPTIONS", "x").replace("CSeq: 1", "CSeq: one"))
    assert phone.read().status == 400


def test_a_hopeless_stream_is_closed(trunk: EmbeddedTrunk, connect: Callable[..., Phone]) -> None:
    """The trunk hangs up on a stream that cannot be cut."""
    phone = connect(trunk, "TCP")
    phone.sock.sendall(b"A\r\nContent-Length: 999999\r\n\r\n")
    with pytest.raises((EOFError, ConnectionError)):
        phone.read()


def test_connections_are_bounded(
    trunk: EmbeddedTrunk, connect: Callable[..., Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection too many is closed at once; what comes on it is not read."""
    monkeypatch.setattr(transport, "MAX_CONNECTIONS", 0)
    phone = connect(trunk, "TCP")
    with pytest.raises((EOFError, ConnectionError)):
        phone.ask("OPTIONS", "x")


def test_bye_on_a_closed_connection_harms_nobody(
    trunk: EmbeddedTrunk, connect: Callable[..., Phone]
) -> None:
    """The trunk hangs up a call whose connection is gone; nothing is sent anywhere else."""
    phone = connect(trunk, "TCP")
    phone.call("7022")
    phone.sock.close()
    assert trunk.wait_for(lambda m: m.method == "BYE" and m.direction == "sent") is not None
    assert connect(trunk).ask("OPTIONS", "x").status == 200


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Write a self-signed certificate for 127.0.0.1; return its files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trunk.invalid")])
    now = dt.datetime.now(dt.timezone.utc)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


def test_a_call_over_tls(
    start: Callable[..., EmbeddedTrunk],
    connect: Callable[..., Phone],
    certificate: tuple[Path, Path],
) -> None:
    """Registration and a call work over TLS with a verified certificate."""
    cert, key = certificate
    trunk = start(tls=TlsFiles(certificate=cert, key=key))
    phone = connect(trunk, "TLS", ca=cert)
    assert phone.register().status == 200
    assert "transport=tls" in phone.call().first("Contact")
    assert trunk.uri_for("tls") == f"sip:100@127.0.0.1:{trunk.tls_port};transport=tls"


def test_clients_may_have_to_show_a_certificate(
    start: Callable[..., EmbeddedTrunk],
    connect: Callable[..., Phone],
    certificate: tuple[Path, Path],
) -> None:
    """With an authority for clients, one without certificate gets no answer."""
    cert, key = certificate
    trunk = start(tls=TlsFiles(certificate=cert, key=key, client_ca=cert))
    with pytest.raises((OSError, EOFError)):
        connect(trunk, "TLS", ca=cert).ask("OPTIONS", "x")


def test_files_that_are_no_certificate(start: Callable[..., EmbeddedTrunk], tmp_path: Path) -> None:
    """A bad TLS file is an OSError of start."""
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with pytest.raises(OSError, match="PEM"):
        start(tls=TlsFiles(certificate=bad, key=bad))


def test_different_numbers_where_no_common_one_is_free(
    monkeypatch: pytest.MonkeyPatch, trunk: EmbeddedTrunk
) -> None:
    """After some tries UDP and TCP take different free numbers."""
    monkeypatch.setattr(transport, "_PORT_TRIES", 0)
    udp, tcp = transport._pair("127.0.0.1", 0)
    with udp, tcp:
        assert udp.getsockname()[1] > 0
        assert tcp.getsockname()[1] > 0


def test_a_taken_tcp_number_means_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """With port 0, a number that TCP has taken is left and another one found."""
    tries = []
    bound = transport._bound

    def taken_once(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
        if kind is socket.SOCK_STREAM and not tries:
            tries.append(port)
            raise OSError(98, "in use")
        return bound(host, port, kind)

    monkeypatch.setattr(transport, "_bound", taken_once)
    udp, tcp = transport._pair("127.0.0.1", 0)
    with udp, tcp:
        assert udp.getsockname()[1] == tcp.getsockname()[1] != tries[0]


def test_ipv6_loopback(start: Callable[..., EmbeddedTrunk]) -> None:
    """[::1] is served too, with brackets in URIs."""
    trunk = start(host="::1", challenge_calls=False)
    assert trunk.uri == f"sip:100@[::1]:{trunk.udp_port}"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        sock.settimeout(5)
        port = sock.getsockname()[1]
        lines = [
            "INVITE sip:9200@[::1] SIP/2.0",
            f"Via: SIP/2.0/UDP [::1]:{port};branch=z9hG4bK-6",
            "From: <sip:100@[::1]>;tag=a",
            "To: <sip:9200@[::1]>",
            "Call-ID: six",
            "CSeq: 1 INVITE",
            f"Contact: <sip:100@[::1]:{port}>",
        ]
        sock.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), ("::1", trunk.udp_port))
        assert b" 100 " in sock.recv(65535)
        answer = sock.recv(65535)
    assert b"c=IN IP6 ::1" in answer
    assert f"@[::1]:{trunk.udp_port}".encode() in answer


def test_stop_closes_connections(
    start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]
) -> None:
    """A connection that is open when the trunk stops is closed."""
    trunk = start()
    phone = connect(trunk, "TCP")
    assert phone.ask("OPTIONS", "x").status == 200
    trunk.stop()
    with pytest.raises((EOFError, ConnectionError)):
        phone.read()


def test_what_comes_after_the_end_is_ignored() -> None:
    """Closed listeners send nothing, a stream that was refused reads nothing."""
    seen: list[bytes] = []
    listeners = transport.Listeners(
        host="127.0.0.1", receive=lambda data, _flow: seen.append(data), records=Records()
    )
    listeners.close()
    listeners._write_datagram(b"x", ("127.0.0.1", 9))
    transport._Stream(listeners, "TCP").data_received(MESSAGE)
    assert seen == []


def test_a_flood_of_datagrams_is_read_in_turns(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn of the loop reads a bounded number; all are answered in the end."""
    monkeypatch.setattr(transport, "_BURST", 1)
    for _ in range(5):
        phone.write(phone.text("OPTIONS", "x"))
    assert [phone.read().status for _ in range(5)] == [200] * 5
