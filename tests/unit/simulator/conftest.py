"""Trunks and phones that are stopped and closed when a test is over."""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pbx_phone import Party
from sip_phone import Clock, Phone

from probe.simulator.clock import Timers
from probe.simulator.trunk import EmbeddedTrunk


@pytest.fixture
def start() -> Iterator[Callable[..., EmbeddedTrunk]]:
    """Start trunks; at the end stop them and insist that none had a fault of its own."""
    running: list[EmbeddedTrunk] = []

    def _start(**options: object) -> EmbeddedTrunk:
        trunk = EmbeddedTrunk(**options)
        trunk.start()
        running.append(trunk)
        return trunk

    yield _start
    for trunk in running:
        trunk.stop()
        assert trunk.failures == ()


@pytest.fixture
def connect() -> Iterator[Callable[..., Phone]]:
    """Open phones; close their sockets at the end."""
    phones: list[Phone] = []

    def _connect(trunk: EmbeddedTrunk, transport: str = "UDP", ca: Path | None = None) -> Phone:
        if transport == "UDP":
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
        else:
            port = trunk.tls_port if transport == "TLS" else trunk.tcp_port
            sock = socket.create_connection(("127.0.0.1", port), timeout=5)
            if transport == "TLS":
                context = ssl.create_default_context(cafile=ca)
                sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
        phones.append(Phone(trunk, sock, transport))
        return phones[-1]

    yield _connect
    for phone in phones:
        phone.sock.close()


@pytest.fixture
def trunk(start: Callable[..., EmbeddedTrunk]) -> EmbeddedTrunk:
    """Start a trunk with timers a tenth of the standard's, so that deadlines are short."""
    return start(timers=Timers(t1=0.05, t2=0.4, t4=0.1))


@pytest.fixture
def phone(trunk: EmbeddedTrunk, connect: Callable[..., Phone]) -> Phone:
    """Return a UDP phone on that trunk."""
    return connect(trunk)


@pytest.fixture
def party(trunk: EmbeddedTrunk) -> Iterator[Callable[..., Party]]:
    """Register users of the PBX, on that trunk or on another; close their sockets at the end."""
    parties: list[Party] = []

    def _party(user: str, at: EmbeddedTrunk | None = None) -> Party:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        parties.append(Party(at or trunk, sock, user))
        assert parties[-1].register().status == 200
        return parties[-1]

    yield _party
    for one in parties:
        one.sock.close()


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still until it is told."""
    return Clock()
