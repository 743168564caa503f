"""From a name to its servers: which records count, in which order, and what is said of none."""

import random
import socket
import time
from collections.abc import Callable, Mapping, Sequence

import dns.rcode
import pytest
from nameserver import name_server

from probe.naming import targets as module
from probe.naming.targets import Located, Target, Wanted, locate

HOST = "carrier.example"
Zone = Mapping[tuple[str, str], Sequence[str]]

NAMES: Zone = {
    (HOST, "A"): ["192.0.2.9"],
    ("a.carrier.example", "A"): ["192.0.2.1"],
    ("b.carrier.example", "A"): ["192.0.2.2", "192.0.2.3"],
}
UDP: Zone = {
    (f"_sip._udp.{HOST}", "SRV"): ["20 1 5062 b.carrier.example.", "10 1 5061 a.carrier.example."]
}
TCP: Zone = {(f"_sip._tcp.{HOST}", "SRV"): ["10 1 5070 a.carrier.example."]}
TLS: Zone = {(f"_sips._tcp.{HOST}", "SRV"): ["10 1 5071 a.carrier.example."]}


def found(
    *zones: Zone, transport: str | None = None, port: int | None = None, host: str = HOST
) -> Located:
    """Look a name up at a name server that serves these records."""
    records: dict[tuple[str, str], Sequence[str]] = {}
    for zone in zones:
        records |= zone
    with name_server(records) as server:
        return locate(Wanted(host=host, port=port, transport=transport, nameserver=server))


def places(located: Located) -> list[str]:
    """Return the servers in short: transport and ip:port."""
    return [f"{target.transport} {target.remote}" for target in located.targets]


def test_srv_gives_port_and_order() -> None:
    """The lower priority first, every address of a target, and the name's own address unused."""
    located = found(NAMES, UDP, transport="UDP")
    assert places(located) == ["UDP 192.0.2.1:5061", "UDP 192.0.2.2:5062", "UDP 192.0.2.3:5062"]
    assert [answer.name for answer in located.answers] == [f"_sip._udp.{HOST}"]
    assert located.ttl == 60
    assert located.why_not == ""


def test_a_port_in_the_uri_leaves_srv_out() -> None:
    """RFC 3263 §4.2: with a port, only addresses are asked for."""
    located = found(NAMES, UDP, transport="UDP", port=5080)
    assert places(located) == ["UDP 192.0.2.9:5080"]
    assert located.answers == ()


def test_an_address_asks_nobody() -> None:
    """A literal is its own target, at the port of its transport."""
    located = locate(Wanted(host="192.0.2.7", port=None, transport="TLS", nameserver="127.0.0.1:9"))
    assert places(located) == ["TLS 192.0.2.7:5061"]
    assert locate(Wanted(host="2001:db8::1", port=1, transport=None)).targets[0].remote == (
        "[2001:db8::1]:1"
    )


def test_without_srv_the_name_itself_is_the_server() -> None:
    """No SRV record: the name's address at the default port."""
    assert places(found(NAMES, transport="TCP")) == ["TCP 192.0.2.9:5060"]
    assert places(found(NAMES)) == ["UDP 192.0.2.9:5060"]


def test_naptr_chooses_the_transport() -> None:
    """Order, then preference; a service that we do not speak is passed over (§4.1)."""
    pointers: Zone = {
        (HOST, "NAPTR"): [
            f'20 10 "s" "SIP+D2U" "" _sip._udp.{HOST}.',
            f'10 20 "s" "SIP+D2T" "" _sip._tcp.{HOST}.',
            f'10 10 "s" "SIP+D2S" "" _sip._sctp.{HOST}.',
            '5 5 "u" "E2U+sip" "!x!y!" .',
        ]
    }
    assert places(found(NAMES, UDP, TCP, TLS, pointers)) == ["TCP 192.0.2.1:5070"]


def test_naptr_may_lead_to_another_name() -> None:
    """Its replacement is asked for as it stands."""
    other: Zone = {
        (HOST, "NAPTR"): ['10 10 "s" "SIP+D2T" "" _sip._tcp.elsewhere.example.'],
        ("_sip._tcp.elsewhere.example", "SRV"): ["1 1 5099 a.carrier.example."],
    }
    assert places(found(NAMES, UDP, other)) == ["TCP 192.0.2.1:5099"]


@pytest.mark.parametrize(
    ("zones", "first"),
    [((UDP, TCP, TLS), "UDP"), ((TCP, TLS), "TCP"), ((TLS,), "TLS")],
    ids=["all", "no UDP", "TLS alone"],
)
def test_without_naptr_the_published_service_chooses(zones: tuple[Zone, ...], first: str) -> None:
    """Of the transports that have SRV records, ours in the order UDP, TCP, TLS."""
    assert found(NAMES, *zones).targets[0].transport == first


def test_a_service_that_is_not_there() -> None:
    """The target `.` says no (RFC 2782): the name's own address is not tried then."""
    no: Zone = {(f"_sip._udp.{HOST}", "SRV"): ["0 0 0 ."]}
    located = found(NAMES, no, transport="UDP")
    assert located.targets == ()
    assert located.denied == f"_sip._udp.{HOST}"
    assert "names nobody" in located.why_not
    assert places(found(NAMES, no, TCP)) == ["TCP 192.0.2.1:5070"]


def test_a_target_without_an_address() -> None:
    """What SRV leads to is named, and that SRV led there."""
    bad: Zone = {(f"_sip._udp.{HOST}", "SRV"): ["1 1 5060 gone.example."]}
    located = found(NAMES, bad, transport="UDP")
    assert [(lookup.name, lookup.error) for lookup in located.lookups] == [
        ("gone.example", "unknown")
    ]
    assert located.why_not.startswith(f"gone.example (SRV of {HOST} leads there): ")


@pytest.mark.parametrize(
    ("records", "code", "error"),
    [
        ({}, dns.rcode.NXDOMAIN, "unknown"),
        ({(HOST, "TXT"): ['"x"']}, dns.rcode.NOERROR, "empty"),
        ({}, dns.rcode.SERVFAIL, "failed"),
        ({}, dns.rcode.REFUSED, "refused"),
    ],
    ids=["NXDOMAIN", "no address", "SERVFAIL", "REFUSED"],
)
def test_a_name_that_leads_nowhere(records: Zone, code: int, error: str) -> None:
    """Each answer of a name server has its word, and the report says what was asked."""
    with name_server(records, code=code) as server:
        located = locate(Wanted(host=HOST, port=None, transport="UDP", nameserver=server))
    assert located.targets == ()
    assert located.lookups[-1].error == error
    assert server in located.why_not
    assert f"SRV _sip._udp.{HOST}" in located.why_not


def test_a_dead_name_server_is_told_in_time() -> None:
    """Nobody answers: the limit holds, and the words say who was asked for what."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        wanted = Wanted(host=HOST, port=None, transport=None, nameserver=server)
        located = locate(wanted, limit_s=0.5)
    assert time.monotonic() - began < 2.0
    assert [answer.code for answer in located.answers] == ["silent"] * 4
    assert located.lookups[-1].error == "silent"
    assert f"from the name server {server} to A {HOST}" in located.why_not


def test_equals_are_drawn_by_weight() -> None:
    """RFC 2782: nine of ten begin with the one of weight 90, and every one is in the list."""
    srv: Zone = {
        (f"_sip._udp.{HOST}", "SRV"): ["1 90 1 a.carrier.example.", "1 10 2 b.carrier.example."]
    }
    with name_server({**NAMES, **srv}) as server:
        wanted = Wanted(host=HOST, port=None, transport="UDP", nameserver=server)
        firsts = [locate(wanted, dice=random.Random(seed)).targets[0].port for seed in range(40)]
    assert 28 <= firsts.count(1) < 40


# The system's resolver ----------------------------------------------------------------------------


def system(
    monkeypatch: pytest.MonkeyPatch,
    server: str | None,
    resolver: Callable[[str], list[str]],
    host: str = HOST,
) -> Located:
    """Look a name up as without `nameserver:`, on a system with this name server or none."""
    address = [] if server is None else [("127.0.0.1", int(server.rpartition(":")[2]))]
    monkeypatch.setattr(module, "name_servers", lambda _chosen: tuple(address))
    return locate(Wanted(host=host, port=None, transport="UDP"), resolver=resolver, limit_s=1.0)


def raising(number: int) -> Callable[[str], list[str]]:
    """Return a resolver that fails."""

    def resolver(_name: str) -> list[str]:
        raise socket.gaierror(number, "told")

    return resolver


def test_the_system_is_asked_for_srv_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """SRV from the system's name server, addresses from its resolver (hosts file included)."""
    with name_server({**UDP}) as server:
        located = system(monkeypatch, server, lambda name: [f"192.0.2.{len(name)}"])
    assert places(located) == ["UDP 192.0.2.17:5061", "UDP 192.0.2.17:5062"]
    assert located.lookups[0].ttl is None


def test_a_system_without_a_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then only the resolver is asked, and its own words are kept."""
    assert places(system(monkeypatch, None, lambda _name: ["192.0.2.1"])) == ["UDP 192.0.2.1:5060"]
    located = system(monkeypatch, None, raising(socket.EAI_NONAME))
    assert located.lookups[-1].error == "unknown"
    assert located.why_not == f"{HOST}: told"


def test_names_of_no_domain_are_not_asked_for_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word without a dot, .local and .localhost are the resolver's alone (RFC 6761, 6762)."""
    for host in ("localhost", "pbx", "pbx.local", "a.localhost"):
        located = system(monkeypatch, "127.0.0.1:9", lambda _name: ["127.0.0.1"], host)
        assert located.answers == ()
        assert len(located.targets) == 1


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for it as well."""

    def slow(_name: str) -> list[str]:
        time.sleep(1.3)
        return []

    located = system(monkeypatch, None, slow)
    assert located.lookups[-1].error == "silent"
    assert "from the system's resolver" in located.why_not


def test_addresses_that_are_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPv6 alone, where pjsua2 cannot use it, is said so; with it, IPv6 is a server."""
    located = system(monkeypatch, None, lambda _name: ["2001:db8::1"])
    assert "only IPv6 addresses (2001:db8::1)" in located.why_not
    six = locate(
        Wanted(host="localhost", port=None, transport="UDP", ipv6=True),
        resolver=lambda _name: ["192.0.2.1", "2001:db8::1"],
    )
    assert six.targets[1] == Target(
        host="localhost", address="2001:db8::1", port=5060, transport="UDP"
    )
