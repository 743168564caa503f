"""The embedded trunk on ::1: addresses in its texts, and those of others."""

import socket

import pytest

from probe.simulator.messages import read
from probe.simulator.trunk import EmbeddedTrunk

OPTIONS = """\
OPTIONS sip:[::1]:{port} SIP/2.0
Via: SIP/2.0/UDP [::1]:{own};rport;branch=z9hG4bK-six
From: <sip:a@[::1]>;tag=1
To: <sip:[::1]:{port}>
Call-ID: six
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Length: 0

"""


def test_options_over_ipv6_is_answered_where_it_came_from() -> None:
    """`received` has brackets, which every reader takes (RFC 5118 §4.5)."""
    with (
        EmbeddedTrunk(host="::1", password="x") as trunk,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as phone,
    ):
        phone.bind(("::1", 0))
        phone.settimeout(5.0)
        own = phone.getsockname()[1]
        text = OPTIONS.format(port=trunk.udp_port, own=own).replace("\n", "\r\n")
        phone.sendto(text.encode(), ("::1", trunk.udp_port))
        answer = phone.recv(4096).decode()
    assert answer.startswith("SIP/2.0 200")
    assert f"Via: SIP/2.0/UDP [::1]:{own};rport={own};branch=z9hG4bK-six;received=[::1]" in answer


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("received=2001:db8::1", "[2001:db8::1]"),
        ("received=[2001:db8::1]", "[2001:db8::1]"),
        ("Received = ::1;rport=5", "[::1]"),
        ("received=192.0.2.1", "192.0.2.1"),
    ],
)
def test_received_of_others_is_read_in_both_forms(written: str, read_as: str) -> None:
    """RFC 3261 §25.1 has it without brackets, many write them."""
    text = OPTIONS.format(port=5060, own=5061).replace(";rport;", f";{written};")
    via = read(text.replace("\n", "\r\n").encode()).via[0]
    found = {name.lower(): value for name, value in via.parameters.items()}
    assert found["received"] == read_as
