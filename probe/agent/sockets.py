"""Our own sockets that pjsip opened, found among this process's descriptors (Linux)."""

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

from probe.agent.port import AgentError
from probe.plan.action import Account
from probe.sip.sdp import address_class
from probe.trace.failure import Failure

_BYTES_RECEIVED = 128
"""Place of tcpi_bytes_received in struct tcp_info (linux/tcp.h, since 4.1)."""


def own_socket(kind: socket.SocketKind, port: int) -> socket.socket | None:
    """Return a duplicate of this process's socket of a kind that is bound to a port, or None."""
    try:
        descriptors = list(Path("/proc/self/fd").iterdir())
    except OSError:
        return None
    for descriptor in descriptors:
        try:
            if not str(descriptor.readlink()).startswith("socket:"):
                continue
            candidate = socket.socket(fileno=os.dup(int(descriptor.name)))
        except OSError:
            continue
        try:
            if candidate.type == kind and candidate.getsockname()[1] == port:
                return candidate
        except (OSError, IndexError):
            pass
        candidate.close()
    return None


def send_at_once(port: int) -> None:
    """Switch Nagle's algorithm off on our connection from a port.

    pjsip leaves it on, and two requests in a row (ACK, then INVITE with credentials) then wait for
    the peer's delayed acknowledgement: 40 ms that are ours would be measured as the trunk's.
    """
    connection = own_socket(socket.SOCK_STREAM, port)
    if connection is not None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def shut_down(port: int) -> None:
    """End our connection from a port, also one that is still coming up."""
    connection = own_socket(socket.SOCK_STREAM, port)
    if connection is not None:
        with connection, suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def received_bytes(port: int) -> int | None:
    """Return how many bytes arrived on our connection from a port, None where nobody knows."""
    connection = own_socket(socket.SOCK_STREAM, port)
    if connection is None:
        return None
    with connection, suppress(OSError, struct.error):
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED + 8)
        found: int = struct.unpack_from("=Q", told, _BYTES_RECEIVED)[0]
        return found
    return None


def own_address(account: Account, towards: str = "") -> tuple[str, int]:
    """Return address and port to bind; raise AgentError where this machine has no route.

    ``towards`` is the address of the next hop where that is a name; empty where it has none, which
    the attempt itself will say.
    """
    if account.bound is not None:
        return account.bound
    host = towards or account.host
    if address_class(host) == "name":
        return "0.0.0.0", 0  # noqa: S104 - nothing will be sent
    try:
        return source_address(host, account.port or 5060), 0
    except OSError as error:
        raise AgentError(Failure.NO_ROUTE, None, f"{host}: {error.strerror}") from None


def bracketed(place: str) -> str:
    """Return ``ip:port`` with an IPv6 address in brackets (RFC 3986 §3.2.2), as it was or not."""
    host, _, port = place.rpartition(":")
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else place


def source_address(host: str, port: int) -> str:
    """Return the address that this machine would send from; raise OSError without a route.

    Connecting a UDP socket sends nothing: it only asks the routing table.
    """
    family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect(target)
        return str(asking.getsockname()[0])


def local_end(remote: str, *, established: bool = False) -> str:
    """Return our end of a TCP connection to ``ip:port`` from the kernel's table, or "".

    One that is still being opened counts too, unless ``established`` is asked for.
    """
    states = {"01"} if established else {"01", "02"}  # 02 is SYN sent (linux net/tcp_states.h)
    host, _, port = remote.rpartition(":")
    host = host.strip("[]")
    family, table = (
        (socket.AF_INET6, "/proc/self/net/tcp6")
        if ":" in host
        else (socket.AF_INET, "/proc/self/net/tcp")
    )
    try:
        wanted = f"{_in_table(socket.inet_pton(family, host)).hex().upper()}:{int(port):04X}"
        lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
    except (OSError, ValueError):
        return ""
    for line in lines:
        columns = line.split()
        if columns[2] == wanted and columns[3] in states:
            address, _, number = columns[1].partition(":")
            ours = socket.inet_ntop(family, _in_table(bytes.fromhex(address)))
            return f"[{ours}]:{int(number, 16)}" if ":" in ours else f"{ours}:{int(number, 16)}"
    return ""


def _in_table(address: bytes) -> bytes:
    """Turn an address into the table's order of bytes, and back: words of 32 bits, host order."""
    words = (address[place : place + 4] for place in range(0, len(address), 4))
    return b"".join(word[::-1] for word in words)
