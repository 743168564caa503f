"""Our own sockets, found again among this process's descriptors."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakeagent import ACCOUNT
from msgspec.structs import replace

from probe.agent.sockets import (
    local_end,
    own_address,
    own_socket,
    received_bytes,
    send_at_once,
    shut_down,
    source_address,
)


@pytest.fixture
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield both ends of a TCP connection on loopback."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0] as peer,
    ):
        yield ours, peer


def remote_of(sock: socket.socket) -> str:
    """Return the other end as ip:port."""
    return "{}:{}".format(*sock.getpeername())


def test_a_socket_is_found_by_kind_and_port() -> None:
    """The duplicate is bound as the original is; another kind or port is not it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as original:
        original.bind(("127.0.0.1", 0))
        port = original.getsockname()[1]
        found = own_socket(socket.SOCK_DGRAM, port)
        assert found is not None
        with found:
            assert found.fileno() != original.fileno()
            assert found.getsockname() == original.getsockname()
        assert own_socket(socket.SOCK_STREAM, port) is None


def test_sockets_without_a_port() -> None:
    """A local socket, whose name is no address and port, is passed over."""
    first, second = socket.socketpair()
    with first, second:
        assert own_socket(socket.SOCK_STREAM, 1) is None


def test_a_system_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel's tables cannot be read, nothing is found and nothing raised."""

    def unreadable(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", unreadable)
    monkeypatch.setattr(Path, "read_text", unreadable)
    assert own_socket(socket.SOCK_DGRAM, 5060) is None
    assert local_end("127.0.0.1:5060") == ""


def test_a_descriptor_that_is_closed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor that is gone when it is looked at is passed over."""
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([Path("/proc/self/fd/999999")]))
    assert own_socket(socket.SOCK_DGRAM, 5060) is None


def test_what_is_sent_leaves_at_once(
    connected: tuple[socket.socket, socket.socket],
) -> None:
    """Nagle's algorithm is off on our connection afterwards."""
    ours, _ = connected
    before = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    send_at_once(ours.getsockname()[1])
    assert before == 0
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_connection_that_is_gone() -> None:
    """Where no socket of ours has the port, there is nothing to switch."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    send_at_once(port)
    assert own_socket(socket.SOCK_STREAM, port) is None


def test_what_arrived_is_counted_read_or_not(
    connected: tuple[socket.socket, socket.socket],
) -> None:
    """The kernel counts the bytes of a connection; where there is none, nobody does."""
    ours, peer = connected
    port = ours.getsockname()[1]
    assert received_bytes(port) == 0
    peer.sendall(b"x" * 300)
    assert ours.recv(100, socket.MSG_WAITALL) == b"x" * 100
    assert received_bytes(port) == 300
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = server.getsockname()[1]
    assert received_bytes(gone) is None


def test_our_end_of_a_connection(connected: tuple[socket.socket, socket.socket]) -> None:
    """The kernel's table names our end, established."""
    ours, _ = connected
    expected = "{}:{}".format(*ours.getsockname())
    assert local_end(remote_of(ours), established=True) == expected
    assert local_end(remote_of(ours)) == expected


@pytest.mark.parametrize("remote", ["127.0.0.1:1", "[::1]:5060", "pbx.example:5060", "no port", ""])
def test_no_connection(remote: str) -> None:
    """Without a connection, or for what is no IPv4 address and port, our end is empty."""
    assert local_end(remote) == ""


def test_the_address_that_routes_to_a_peer() -> None:
    """Loopback is reached from loopback."""
    assert source_address("127.0.0.1", 5060) == "127.0.0.1"


# IPv6 ---------------------------------------------------------------------------------------------


@pytest.fixture
def connected6() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield both ends of a TCP connection on loopback, by IPv6."""
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 on loopback")
    with (
        server,
        socket.create_connection(server.getsockname()[:2]) as ours,
        server.accept()[0] as peer,
    ):
        yield ours, peer


def test_our_end_of_a_connection_by_ipv6(
    connected6: tuple[socket.socket, socket.socket],
) -> None:
    """It is read from the kernel's other table, and written in brackets."""
    ours, peer = connected6
    remote = f"[::1]:{peer.getsockname()[1]}"
    assert local_end(remote, established=True) == f"[::1]:{ours.getsockname()[1]}"


def test_a_connection_is_ended_by_its_port(
    connected: tuple[socket.socket, socket.socket],
) -> None:
    """The peer reads the end of it, although the owner still holds the socket."""
    ours, peer = connected
    peer.settimeout(5)
    shut_down(ours.getsockname()[1])
    assert peer.recv(1) == b""
    shut_down(1)  # none of ours: nothing happens


@pytest.mark.parametrize(
    ("written", "towards", "expected"),
    [
        ("127.0.0.2", "", ("127.0.0.2", 0)),
        ("127.0.0.2:5070", "", ("127.0.0.2", 5070)),
        ("::1", "", ("::1", 0)),
        ("[::1]:5070", "", ("::1", 5070)),
        (None, "127.0.0.1", ("127.0.0.1", 0)),
        (None, "", ("0.0.0.0", 0)),
    ],
)
def test_what_an_account_binds(
    written: str | None, towards: str, expected: tuple[str, int]
) -> None:
    """What the profile says, else what routes to the server; a name without one binds anything."""
    account = replace(ACCOUNT, host="pbx.example", local_address=written)
    assert own_address(account, towards) == expected
