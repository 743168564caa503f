"""The walk through DNS: what is kept of each answer."""

import dns.rcode
import pytest
from asking import account, attempt, closed_port, empty_trace
from nameserver import name_server
from wirebuilder import Wire

from probe.controls.inquiry import Inquiry
from probe.controls.names import Service, Walk
from probe.trace.control import Control, ControlRan
from probe.trace.trace import NameLookup, Trace

HOST = "sip.carrier.example"


def ask(
    server: str | None, host: str = HOST, trace: Trace | None = None, **facts: object
) -> ControlRan:
    """Walk from a host name."""
    of = account(host=host, nameserver=server, port=None, **facts)
    (found,) = Inquiry().ask(Control.NAMES, attempt(of), trace or empty_trace())
    return found


def test_a_name_with_services_of_all_transports() -> None:
    """SRV of each transport in order of priority, and the addresses of their targets."""
    records = {
        (HOST, "NAPTR"): ['10 50 "s" "SIP+D2U" "" _sip._udp.sip.carrier.example.'],
        (f"_sip._udp.{HOST}", "SRV"): [
            "20 5 5060 b.carrier.example.",
            "10 5 5070 a.carrier.example.",
        ],
        (f"_sips._tcp.{HOST}", "SRV"): ["10 5 5061 a.carrier.example."],
        ("a.carrier.example", "A"): ["192.0.2.1"],
        ("b.carrier.example", "AAAA"): ["2001:db8::1"],
    }
    with name_server(records) as server:
        found = ask(server)
    assert found.result == "resolves"
    assert found.all("srv") == (
        "UDP 10 5 a.carrier.example 5070",
        "TLS 10 5 a.carrier.example 5061",
        "UDP 20 5 b.carrier.example 5060",
    )
    assert found.all("a") == (
        "a.carrier.example 192.0.2.1 private",
        "b.carrier.example 2001:db8::1 private",
    )
    assert found.fact("ttl") == "a.carrier.example 60"
    assert "SIP+D2U" in (found.fact("naptr") or "")
    assert f"SRV _sip._tcp.{HOST} NXDOMAIN" in found.all("rcode")
    assert "a.carrier.example:5070" in found.detail


@pytest.mark.parametrize(
    ("records", "code", "result"),
    [
        ({}, dns.rcode.NXDOMAIN, "no-such-name"),
        ({(HOST, "TXT"): ['"x"']}, dns.rcode.NOERROR, "no-address"),
        ({}, dns.rcode.SERVFAIL, "failed"),
        ({(HOST, "A"): ["192.0.2.1"]}, dns.rcode.NOERROR, "resolves"),
        ({(HOST, "CNAME"): ["gone.example."]}, dns.rcode.NOERROR, "alias"),
        (
            {(f"_sip._udp.{HOST}", "SRV"): ["1 1 5060 gone.example."]},
            dns.rcode.NOERROR,
            "target-missing",
        ),
    ],
)
def test_how_it_ends(records: dict[tuple[str, str], list[str]], code: int, result: str) -> None:
    """Each end has its word."""
    with name_server(records, code=code) as server:
        assert ask(server).result == result


def test_a_target_that_was_not_answered_in_time_is_not_missing() -> None:
    """Only a no is a no."""
    found = Walk(name=HOST)
    found.services.append(
        Service(transport="UDP", priority=1, weight=1, host="a.example", port=5060)
    )
    found.codes["A", "a.example"] = "NXDOMAIN"
    found.codes["AAAA", "a.example"] = "silent"
    assert found.result == "silent"
    found.codes["AAAA", "a.example"] = "NXDOMAIN"
    assert found.result == "target-missing"


def test_a_silent_name_server() -> None:
    """It is given a second, and its silence is a result."""
    found = ask(f"127.0.0.1:{closed_port()}")
    assert found.result == "silent"
    assert found.took_s < 3.0


def test_an_address_needs_no_name_server() -> None:
    """Nothing is asked."""
    assert ask(None, "192.0.2.7").result == "literal"


def test_the_system_used_an_address_that_dns_does_not_know() -> None:
    """As with an old line in the hosts file."""
    trace = Wire("OPTIONS").add(
        NameLookup(at=0.0, name=HOST, addresses=("192.0.2.99",), error=None, detail="", took_s=0.0)
    )
    with name_server({(HOST, "A"): ["192.0.2.1"]}) as server:
        found = ask(server, trace=trace.trace())
    assert found.fact("used") == "192.0.2.99"
    assert found.fact("used_is") == "unknown to DNS"
