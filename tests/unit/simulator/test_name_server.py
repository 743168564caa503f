"""The name server of the embedded trunk: one name, two servers, the first of which is dead."""

import socket
from collections.abc import Callable

import dns.message
import dns.rcode
import pytest

from probe.simulator.names import DEAD_PORT, NAME, answer
from probe.simulator.trunk import EmbeddedTrunk


def asked(name: str, kind: str, host: str = "127.0.0.1") -> dns.message.Message:
    """Return the answer to a question."""
    query = dns.message.make_query(name, kind)
    return dns.message.from_wire(answer(query.to_wire(), host, 5060))


def records(message: dns.message.Message) -> list[str]:
    """Return the records of an answer as text."""
    return [record.to_text() for rrset in message.answer for record in rrset]


def test_the_dead_server_has_the_better_priority() -> None:
    """A lower number comes first (RFC 2782)."""
    found = records(asked(f"_sip._udp.{NAME}", "SRV"))
    assert sorted(found) == [f"10 0 {DEAD_PORT} one.{NAME}.", f"20 0 5060 two.{NAME}."]


@pytest.mark.parametrize(("host", "kind"), [("127.0.0.1", "A"), ("::1", "AAAA")])
@pytest.mark.parametrize("label", ["", "one.", "two."])
def test_both_are_this_machine(label: str, host: str, kind: str) -> None:
    """Every name leads to loopback."""
    assert records(asked(f"{label}{NAME}", kind, host)) == [host]


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [(NAME, "NAPTR", dns.rcode.NOERROR), ("sip.example", "A", dns.rcode.NXDOMAIN)],
)
def test_what_is_not_there(name: str, kind: str, code: int) -> None:
    """A known name without such records is empty; another name does not exist."""
    message = asked(name, kind)
    assert (message.rcode(), records(message)) == (code, [])


def test_what_is_no_question() -> None:
    """Noise is not answered."""
    assert answer(b"\0" * 5, "127.0.0.1", 5060) == b""
    assert answer(dns.message.Message().to_wire(), "127.0.0.1", 5060) == b""


def test_it_runs_with_the_trunk(start: Callable[..., EmbeddedTrunk]) -> None:
    """Its port is known, and the second server is the trunk's own."""
    assert start().name_server is None
    trunk = start(names=True)
    host, _, port = (trunk.name_server or "").partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        query = dns.message.make_query(f"_sip._udp.{NAME}", "SRV")
        sock.sendto(query.to_wire(), (host, int(port)))
        reply = dns.message.from_wire(sock.recv(4096))
    assert f"20 0 {trunk.udp_port} two.{NAME}." in records(reply)
