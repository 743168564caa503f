"""ICMP errors on loopback: the kernel reports a closed port, and we read it."""

import select
import socket
import struct

import pytest

from probe.agent.icmp import IcmpWatch, _event
from probe.trace.trace import IcmpReceived


def closed_port(family: socket.AddressFamily, host: str) -> int:
    """Return a UDP port that takes nothing, and that nobody else gets: its socket has a peer."""
    held = socket.socket(family, socket.SOCK_DGRAM)
    held.bind((host, 0))
    port = int(held.getsockname()[1])
    held.connect((host, port))
    held.detach()  # stays open: nobody is to close it before the end
    return port


@pytest.mark.parametrize(
    ("family", "host", "shown", "kind", "code"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1", 3, 3),
        (socket.AF_INET6, "::1", "[::1]", 1, 4),
    ],
    ids=["IPv4", "IPv6"],
)
def test_a_datagram_to_a_closed_port(
    family: socket.AddressFamily, host: str, shown: str, kind: int, code: int
) -> None:
    """The error names the port that we sent to, the sender, type and code; it is read once."""
    with socket.socket(family, socket.SOCK_DGRAM) as ours:
        try:
            ours.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        watch = IcmpWatch(ours.getsockname()[1], lambda: 7.0)
        port = closed_port(family, host)
        assert watch.read() == []
        ours.sendto(b"x", (host, port))
        waiting = select.poll()
        waiting.register(ours, select.POLLERR)
        waiting.poll(5000)
        assert watch.read() == [
            IcmpReceived(
                at=7.0, remote=f"{shown}:{port}", offender=host, icmp_type=kind, icmp_code=code
            )
        ]
        assert watch.read() == []
        watch.close()


def test_no_socket_to_watch() -> None:
    """Where no socket of ours has the port, there is nothing to read or close."""
    watch = IcmpWatch(closed_port(socket.AF_INET, "127.0.0.1"), lambda: 0.0)
    assert watch.read() == []
    watch.close()
    assert watch.read() == []


def error(origin: int, offender: bytes = b"", kind: int = 3, code: int = 1) -> bytes:
    """Return a struct sock_extended_err and what the kernel puts behind it."""
    return struct.pack("=IBBBBII", 113, origin, kind, code, 0, 0, 0) + offender


@pytest.mark.parametrize(
    "data", [b"", error(2)[:-1], error(1), error(4)], ids=["empty", "cut", "local", "other"]
)
def test_what_is_no_icmp_error(data: bytes) -> None:
    """Errors of our own machine's making, and cut ones, are not ICMP."""
    assert _event(data, ("192.0.2.1", 5060), 0.0) is None


@pytest.mark.parametrize("origin", [2, 3], ids=["IPv4", "IPv6"])
def test_an_icmp_error_without_its_sender(origin: int) -> None:
    """Where the kernel does not say who sent it, the offender is empty."""
    found = _event(error(origin), ("192.0.2.1", 5060), 1.5)
    assert found == IcmpReceived(
        at=1.5, remote="192.0.2.1:5060", offender="", icmp_type=3, icmp_code=1
    )


def test_an_icmp_error_that_carries_no_extended_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ancillary data of another kind is passed over."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        watch = IcmpWatch(ours.getsockname()[1], lambda: 0.0)
        monkeypatch.setattr("probe.agent.icmp._event", lambda *_: None)
        port = closed_port(socket.AF_INET, "127.0.0.1")
        ours.sendto(b"x", ("127.0.0.1", port))
        waiting = select.poll()
        waiting.register(ours, select.POLLERR)
        assert waiting.poll(5000)
        assert watch.read() == []
        watch.close()
