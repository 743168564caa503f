"""Peers on loopback for the controls: small SIP listeners, a name server, and an attempt."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec.structs import replace
from nameserver import serving

from probe.plan.action import Account, Options
from probe.plan.plan import Attempt
from probe.scenario.source import Source
from probe.trace.failure import Failure
from probe.trace.trace import Trace

ACCOUNT = Account(
    name="trunk",
    aor="sip:100@127.0.0.1",
    registrar="sip:127.0.0.1",
    host="127.0.0.1",
    port=5060,
    transport="UDP",
    user="100",
    auth_user="100",
    password="s3cret-password",
    user_agent="sipprobe/test",
)


def account(**changes: object) -> Account:
    """Return an account of loopback with some fields of its own."""
    return replace(ACCOUNT, **changes)


def attempt(of: Account) -> Attempt:
    """Return an attempt of an account."""
    return Attempt(
        index=0,
        step=1,
        label="options",
        method="OPTIONS",
        direction="outbound",
        action=Options(attempt=0, account="trunk", target=of.registrar),
        account=of,
        expectation=None,
        retry=None,
        source=Source(file="x.sip.yaml", line=1, column=1),
        provider=None,
    )


def empty_trace(method: str = "OPTIONS") -> Trace:
    """Return the trace of an attempt that sent nothing."""
    from wirebuilder import Wire  # noqa: PLC0415 - found beside the rooms

    return Wire(method).fail(Failure.NO_RESPONSE).trace()


def answer(request: str, status: int = 200, *more: str) -> str:
    """Return a response as a plain server gives it, with rport and received filled in."""
    lines = request.split("\r\n")
    kept = [
        line.replace(";rport", ";rport=4242;received=203.0.113.9", 1)
        for line in lines
        if line.split(":")[0] in {"Via", "From", "To", "Call-ID", "CSeq"}
    ]
    return "\r\n".join((f"SIP/2.0 {status} Fine", *kept, *more, "Content-Length: 0", "", ""))


Reply = Callable[[str], str | bytes | None]


@contextmanager
def datagrams(
    reply: Reply, host: str = "127.0.0.1", port: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Answer datagrams; yield the port and the texts that came."""
    seen: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind((host, port))
        ours.settimeout(0.05)
        with serving(lambda: _one_datagram(ours, reply, seen)):
            yield ours.getsockname()[1], seen


def _one_datagram(ours: socket.socket, reply: Reply, seen: list[str]) -> None:
    try:
        data, peer = ours.recvfrom(65_535)
    except TimeoutError:
        return
    seen.append(data.decode())
    back = reply(seen[-1])
    if back is not None:
        ours.sendto(back if isinstance(back, bytes) else back.encode(), peer)


@contextmanager
def streams(
    reply: Reply, context: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Answer the first bytes of each connection; None closes it, empty text says nothing."""
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", port)) as ours:
        ours.settimeout(0.05)
        held: list[socket.socket] = []
        with serving(lambda: _one_stream(ours, context, reply, seen, held)):
            yield ours.getsockname()[1], seen
        for connection in held:
            connection.close()


def _one_stream(
    ours: socket.socket,
    context: ssl.SSLContext | None,
    reply: Reply,
    seen: list[str],
    held: list[socket.socket],
) -> None:
    try:
        connection, _ = ours.accept()
    except TimeoutError:
        return
    connection.settimeout(2)
    try:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        data = connection.recv(65_535)
    except OSError:
        connection.close()
        return
    seen.append(data.decode("latin-1"))
    back = reply(seen[-1]) if data else None
    if back is None:
        connection.close()
        return
    connection.sendall(back if isinstance(back, bytes) else back.encode())
    held.append(connection)


def closed_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Return a port at which nobody answers, and which nobody else gets while this process lives.

    A stream socket that is bound and does not listen refuses; a datagram socket that is connected
    to another takes nothing from anybody else, and the kernel says that the port is closed.
    """
    held = socket.socket(socket.AF_INET, kind)
    held.bind(("127.0.0.1", 0))
    port = int(held.getsockname()[1])
    if kind is socket.SOCK_DGRAM:
        held.connect(("127.0.0.1", port))
    held.detach()  # stays open: nobody is to close it before the end
    return port
