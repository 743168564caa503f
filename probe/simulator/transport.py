"""UDP, TCP and TLS on loopback: sockets in, whole messages out, answers back the way they came."""

import asyncio
import contextlib
import errno
import functools
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from probe.simulator.framing import FramingError, StreamFramer
from probe.simulator.messages import MAX_MESSAGE
from probe.simulator.names import NameServer
from probe.simulator.records import Address, Records

if TYPE_CHECKING:
    import ssl

MAX_CONNECTIONS = 256
"""Stream connections at a time; further ones are closed at once."""

_BURST = 64
"""Datagrams read per turn of the loop, so that a flood cannot starve the timers."""

_PORT_TRIES = 16
"""How often a common free port for UDP and TCP is looked for before they may differ."""


class TlsFiles(Struct, frozen=True, kw_only=True):
    """PEM files of the TLS side."""

    certificate: Path
    "The server's certificate, with its chain."

    key: Path
    "Its private key."

    client_ca: Path | None = None
    "Where given, clients must show a certificate of this authority."


class Flow:
    """One way to one peer: what came by it is answered by it (RFC 3261 §18.2.2)."""

    def __init__(
        self,
        *,
        transport: str,
        local: Address,
        peer: Address,
        write: Callable[[bytes, Address], None],
        records: Records,
    ) -> None:
        """``write`` puts bytes on the wire."""
        self.transport = transport
        self.local = local
        self.peer = peer
        self.closed = False
        "Whether the connection is gone; a datagram's way never is."
        self._write = write
        self._records = records

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats lost bytes itself."""
        return self.transport != "UDP"

    @property
    def here(self) -> str:
        """The trunk's own host and port as a URI writes them."""
        host, port = self.local
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def contact(self) -> str:
        """The trunk's own address as the value of Contact."""
        parameter = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        return f"<sip:embedded@{self.here}{parameter}>"

    def send(self, data: bytes, to: Address | None = None) -> None:
        """Send a message to the peer, or over UDP to another address of it."""
        address = to or self.peer
        self._note(data, address, sent=True)
        self._write(data, address)

    def received(self, data: bytes) -> None:
        """Note a message that came this way."""
        self._note(data, self.peer, sent=False)

    def _note(self, data: bytes, peer: Address, *, sent: bool) -> None:
        self._records.saw(data, transport=self.transport, sent=sent, local=self.local, peer=peer)


Receive = Callable[[bytes, Flow], None]
"""Takes one whole message and the way it came."""


def loopback(host: str) -> str:
    """Return ``host`` as a loopback address; raise ValueError for any other address or name."""
    text = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ValueError(f"the embedded trunk serves loopback only, not {host!r}")
    return str(address)


class Listeners:
    """The trunk's open sockets."""

    def __init__(self, *, host: str, receive: Receive, records: Records) -> None:
        """``host`` is a loopback address; ``receive`` gets every message, in the loop's thread."""
        self._host = host
        self._receive = receive
        self._records = records
        self._udp: socket.socket | None = None
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Transport] = set()
        self.udp_port = 0
        "The UDP port, 0 before open."
        self.tcp_port = 0
        "The TCP port, 0 before open."
        self.tls_port: int | None = None
        "The TLS port, None without TLS."
        self.names: NameServer | None = None
        "The name server, None without one."

    async def open(self, port: int, tls: TlsFiles | None, *, names: bool = False) -> None:
        """Bind and listen; port 0 takes a free one. Raise OSError where a port is taken."""
        loop = asyncio.get_running_loop()
        context = None if tls is None else _server_context(tls)
        with contextlib.ExitStack() as undo:
            udp, tcp, tls_socket = _sockets(self._host, port, secured=context is not None)
            for opened in (udp, tcp, tls_socket):
                if opened is not None:
                    undo.callback(opened.close)
            listening: list[tuple[socket.socket, str, ssl.SSLContext | None]] = [(tcp, "TCP", None)]
            if tls_socket is not None:
                listening.append((tls_socket, "TLS", context))
                self.tls_port = tls_socket.getsockname()[1]
            for sock, kind, secured in listening:
                made = functools.partial(_Stream, self, kind)
                self._servers.append(
                    await loop.create_server(made, sock=sock, ssl=secured, backlog=MAX_CONNECTIONS)
                )
            if names:
                self.names = NameServer(self._host, udp.getsockname()[1])
                await self.names.open()
            undo.pop_all()
        self._udp = udp
        self.udp_port, self.tcp_port = udp.getsockname()[1], tcp.getsockname()[1]
        loop.add_reader(udp, self._read_datagrams, udp)

    def close(self) -> None:
        """Close every socket at once."""
        if self._udp is not None:
            asyncio.get_running_loop().remove_reader(self._udp)
            self._udp.close()
            self._udp = None
        if self.names is not None:
            self.names.close()
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.abort()

    def own_flow(self) -> Flow:
        """Return the way from the trunk to itself: by it the PBX calls its own numbers."""
        here = (self._host, self.udp_port)
        return Flow(
            transport="UDP",
            local=here,
            peer=here,
            write=self._write_datagram,
            records=self._records,
        )

    def _read_datagrams(self, sock: socket.socket) -> None:
        for _ in range(_BURST):
            try:
                data, peer = sock.recvfrom(MAX_MESSAGE)
            except OSError:
                return
            if not data.strip(b"\r\n\0 "):
                continue  # a keep-alive (RFC 5626 §3.5.1 and what phones send)
            flow = Flow(
                transport="UDP",
                local=(self._host, self.udp_port),
                peer=(peer[0], peer[1]),
                write=self._write_datagram,
                records=self._records,
            )
            flow.received(data)
            self._receive(data, flow)

    def _write_datagram(self, data: bytes, to: Address) -> None:
        # A full buffer or an answer too large for a datagram is loss, which UDP peers must survive.
        if self._udp is not None:
            with contextlib.suppress(OSError):
                self._udp.sendto(data, to)


class _Stream(asyncio.Protocol):
    """One TCP or TLS connection."""

    def __init__(self, listeners: Listeners, kind: str) -> None:
        self._listeners = listeners
        self._kind = kind
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._flow: Flow | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)
        connections = self._listeners._connections  # noqa: SLF001 - the same module's own book
        if len(connections) >= MAX_CONNECTIONS:
            stream.abort()
            return
        connections.add(stream)
        self._transport = stream
        local, peer = stream.get_extra_info("sockname"), stream.get_extra_info("peername")
        self._flow = Flow(
            transport=self._kind,
            local=(local[0], local[1]),
            peer=(peer[0], peer[1]),
            write=self._write,
            records=self._listeners._records,  # noqa: SLF001 - as above
        )

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # the peer's reasons are its own
        if self._transport is not None:
            self._listeners._connections.discard(self._transport)  # noqa: SLF001 - as above
        if self._flow is not None:
            self._flow.closed = True

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._flow is None:
            return
        try:
            messages = self._framer.feed(data)
        except FramingError:
            self._transport.abort()
            return
        pings = self._framer.take_pings()
        if pings:
            self._transport.write(b"\r\n" * pings)
        for message in messages:
            self._flow.received(message)
            self._listeners._receive(message, self._flow)  # noqa: SLF001 - as above

    def _write(self, data: bytes, to: Address) -> None:
        del to  # a stream has one other end
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _bound(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Bind a non-blocking socket."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Bind a UDP and a TCP socket, to one number where it is free for both or was asked for."""
    for _ in range(_PORT_TRIES):
        udp = _bound(host, port, socket.SOCK_DGRAM)
        try:
            return udp, _bound(host, udp.getsockname()[1], socket.SOCK_STREAM)
        except OSError as error:
            udp.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
    return _bound(host, 0, socket.SOCK_DGRAM), _bound(host, 0, socket.SOCK_STREAM)


def _sockets(
    host: str, port: int, *, secured: bool
) -> tuple[socket.socket, socket.socket, socket.socket | None]:
    """Bind UDP, TCP and, where it is wanted, TLS: one number higher, as 5061 follows 5060.

    Where that number is taken, TLS has another.
    """
    for _ in range(_PORT_TRIES):
        udp, tcp = _pair(host, port)
        if not secured:
            return udp, tcp, None
        try:
            return udp, tcp, _bound(host, udp.getsockname()[1] + 1, socket.SOCK_STREAM)
        except (OSError, OverflowError):
            if port:
                return udp, tcp, _bound(host, 0, socket.SOCK_STREAM)
            udp.close()
            tcp.close()
    udp, tcp = _pair(host, port)
    return udp, tcp, _bound(host, 0, socket.SOCK_STREAM)


def _server_context(tls: TlsFiles) -> "ssl.SSLContext":
    """Build the TLS side; raise OSError (SSLError included) where the files do not serve."""
    import ssl  # noqa: PLC0415 - a plain trunk need not load it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    if tls.client_ca is not None:
        context.load_verify_locations(tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
