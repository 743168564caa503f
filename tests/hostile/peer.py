"""A peer whose every byte is ours to choose: one behaviour, by UDP, TCP or TLS, on loopback.

It runs in a thread with an event loop of its own. A behaviour is told of each request and answers
through a `Way`; what it does not take care of is answered as RFC 3261 wants.
"""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from answers import answer, description
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from probe.sip.message import MalformedMessageError, SipMessage, parse_message

LOOPBACK = "127.0.0.1"
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})", re.IGNORECASE)


class Way:
    """Back to whoever sent a request."""

    def __init__(self, peer: "HostilePeer", remote: tuple[str, int]) -> None:
        self.peer = peer
        self.remote = remote

    def send(self, *messages: bytes) -> None:
        """Send messages, one datagram or one write each."""
        for message in messages:
            self.peer.sent += 1
            self._out(message)

    def raw(self, data: bytes) -> None:
        """Send bytes that are no whole message, uncounted."""
        self._out(data)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after some time, unless the peer is gone by then."""
        self.peer.loop.call_later(seconds, self.peer.guarded(act))

    def _out(self, data: bytes) -> None:
        assert self.peer.datagrams is not None
        with contextlib.suppress(OSError):
            self.peer.datagrams.sendto(data[:65000], self.remote)

    def close(self) -> None:
        """Close the connection, where there is one."""

    def reset(self) -> None:
        """Break the connection off, where there is one."""

    def half_close(self) -> None:
        """End our direction of the connection below TLS, and read on."""

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return False


class Stream(Way):
    """A TCP or TLS connection."""

    def __init__(self, peer: "HostilePeer", writer: asyncio.StreamWriter) -> None:
        super().__init__(peer, writer.get_extra_info("peername")[:2])
        self._writer = writer

    def _out(self, data: bytes) -> None:
        if not self._writer.transport.is_closing():
            self._writer.write(data)

    def close(self) -> None:
        """Close the connection in order."""
        self._writer.close()

    def reset(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()

    def half_close(self) -> None:
        """Send FIN without the close_notify that TLS wants, and read on."""
        self._writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._writer.transport.is_closing()


class Behaviour:
    """What a peer does; this one does what RFC 3261 wants, and answers 486 to a call."""

    def on_request(self, request: SipMessage, way: Way) -> None:
        """Take one request; retransmissions are taken too."""
        self.polite(request, way)

    def on_connected(self, way: Way) -> None:
        """Take note of a new connection."""

    def polite(self, request: SipMessage, way: Way, status: int = 486) -> None:
        """Answer a request as RFC 3261 wants; a call with ``status``."""
        contact = way.peer.contact
        match request.method:
            case "ACK":
                return
            case "INVITE":
                way.send(answer(request, 100), answer(request, 180, contact))
                body = description(way.peer.port) if status == 200 else b""
                way.send(answer(request, status, contact, body))
            case "CANCEL":
                way.send(answer(request, 200))
                invite = way.peer.invites.get(request.branch)
                if invite is not None:
                    way.send(answer(invite, 487))
            case "REGISTER":
                ours = request.first("Contact") or ""
                bound = () if "expires=0" in ours.lower() else (("Contact", f"{ours};expires=300"),)
                way.send(answer(request, 200, extra=bound if ours else ()))
            case _:
                way.send(answer(request, 200, contact))


class HostilePeer:
    """The peer while it runs."""

    def __init__(self, behaviour: Behaviour, transport: str, tls: ssl.SSLContext | None) -> None:
        self.behaviour = behaviour
        self.transport = transport
        "udp, tcp or tls."
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self.sent = 0
        "Messages that behaviours sent."
        self.methods: Counter[str] = Counter()
        "Requests that came in, by method."
        self.heard: list[str] = []
        "Request line and Call-ID of each request, in order, the first 20,000."
        self.origins: Counter[tuple[str, int]] = Counter()
        "Where requests came from."
        self.invites: dict[str, SipMessage] = {}
        "INVITEs by branch."
        self.ways: list[Way] = []
        "Connections that are open."
        self.faults: list[str] = []
        "What went wrong in a behaviour: a test of ours is broken then."
        self.stopping = False
        self.datagrams: asyncio.DatagramTransport | None = None
        self._tls = tls
        self._server: asyncio.Server | None = None

    @property
    def contact(self) -> str:
        """Our URI."""
        suffix = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:hostile@{LOOPBACK}:{self.port}{suffix}"

    @property
    def here(self) -> str:
        """Our address as host:port."""
        return f"{LOOPBACK}:{self.port}"

    def guarded(self, act: Callable[[], None]) -> Callable[[], None]:
        """Keep what a behaviour raises: it is a fault of the test."""

        def call() -> None:
            if self.stopping:
                return
            try:
                act()
            except Exception as error:  # noqa: BLE001 - reported to the test
                self.faults.append(repr(error))

        return call

    async def start(self) -> None:
        """Open the socket."""
        if self.transport == "udp":
            self.datagrams, _ = await self.loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=(LOOPBACK, 0)
            )
            self.port = self.datagrams.get_extra_info("sockname")[1]
            return
        self._server = await asyncio.start_server(
            self._serve, LOOPBACK, 0, ssl=self._tls, limit=1 << 22
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def take(self, data: bytes, way: Way) -> None:
        """Take one message: requests go to the behaviour, responses are only counted."""
        try:
            request = parse_message(data.decode("utf-8", "surrogateescape"))
        except MalformedMessageError:
            return
        if not request.is_request:
            self.methods[f"{request.status} {request.cseq[1]}"] += 1
            return
        self.methods[request.method or ""] += 1
        if len(self.heard) < 20_000:
            self.heard.append(f"{request.start_line} {request.call_id}")
        self.origins[way.remote] += 1
        if request.method == "INVITE":
            self.invites[request.branch] = request
        self.guarded(lambda: self.behaviour.on_request(request, way))()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Cut a connection's bytes into messages."""
        way = Stream(self, writer)
        self.ways.append(way)
        self.guarded(lambda: self.behaviour.on_connected(way))()
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                body = await reader.readexactly(int(found[1]) if found else 0)
                self.take(head.lstrip(b"\r\n") + body, way)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ssl.SSLError):
            pass
        finally:
            self.ways.remove(way)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """The UDP side of a peer."""

    def __init__(self, peer: HostilePeer) -> None:
        self._peer = peer

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take one datagram."""
        self._peer.take(data, Way(self._peer, addr))


@contextmanager
def running_peer(
    behaviour: Behaviour, transport: str, certificate: Path | None = None
) -> Iterator[HostilePeer]:
    """Run a peer while the block runs; TLS needs a file that holds certificate and key."""
    context = None
    if transport == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(certificate))
    peer = HostilePeer(behaviour, transport, context)
    peer.loop.set_exception_handler(lambda _loop, _context: None)  # broken connections are wanted
    peer.loop.run_until_complete(peer.start())
    thread = threading.Thread(target=peer.loop.run_forever, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        peer.stopping = True
        peer.loop.call_soon_threadsafe(peer.loop.stop)
        thread.join(10)
        for task in asyncio.all_tasks(peer.loop):
            task.cancel()
        if peer.datagrams is not None:
            peer.datagrams.abort()
        peer.loop.run_until_complete(asyncio.sleep(0))
        peer.loop.close()


def make_certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1, signed by itself, and its key into one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hostile peer")])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "peer.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
