"""Ports that misbehave: closed ones, silent ones, and a TLS server with a certificate of choice."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from certificates import Certificate
from ports import LOOPBACK


@contextmanager
def silent_port(kind: socket.SocketKind, port: int = 0) -> Iterator[int]:
    """Hold a port that takes what is sent (by TCP: also connections) and never says a word."""
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((LOOPBACK, port))
        if kind is socket.SOCK_STREAM:
            holder.listen()  # the kernel completes handshakes; nobody ever reads
        yield holder.getsockname()[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsServer:
    """A server that completes TLS handshakes and then stays silent."""

    port: int
    "Listens here."

    handshakes: list[str] = field(default_factory=list)
    "For each connection, in order: the TLS version if it succeeded, else OpenSSL's reason."

    server_names: list[str | None] = field(default_factory=list)
    "For each ClientHello, in order: the server name (SNI) that it asked for."


@contextmanager
def running_tls_server(
    certificate: Certificate,
    *,
    client_ca: Path | None = None,
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> Iterator[TlsServer]:
    """Serve one certificate while the block runs; with `client_ca` clients must show one of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.minimum_version = minimum
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    with socket.create_server((LOOPBACK, 0)) as listener:
        server = TlsServer(port=listener.getsockname()[1])
        context.sni_callback = lambda _socket, name, _context: server.server_names.append(name)
        connections: list[socket.socket] = []
        thread = threading.Thread(
            target=_serve, args=(listener, context, server, connections), daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread from accept
            thread.join(10)
            for connection in connections:
                connection.close()


def _serve(
    listener: socket.socket,
    context: ssl.SSLContext,
    server: TlsServer,
    connections: list[socket.socket],
) -> None:
    """Accept one connection after another until the listener is shut down."""
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        plain.settimeout(5)
        try:
            connection = context.wrap_socket(plain, server_side=True)
            version = str(connection.version())
            with suppress(TimeoutError):
                # By TLS 1.3 a client that refuses our certificate says so only after we are done.
                connection.settimeout(0.2)
                connection.recv(1)
        except OSError as problem:
            server.handshakes.append(getattr(problem, "reason", None) or str(problem))
            plain.close()
        else:
            server.handshakes.append(version)
            connections.append(connection)
