"""Ports, routes and clocks of this machine."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.doctor import clock, network
from probe.doctor.check import State
from probe.doctor.network import Routes

ALL_FREE = {("UDP", 5060): "", ("TCP", 5060): "", ("UDP", 0): "", ("TCP", 0): ""}
TABLE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


@pytest.fixture
def held() -> Iterator[int]:
    """Give a UDP port that somebody holds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_port_that_is_taken_is_seen(held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Really bound, on loopback; ports of the kernel's choice are free."""
    monkeypatch.setattr(network, "USUAL", (("UDP", held),))
    tried = network.try_ports("127.0.0.1")
    assert tried["UDP", held]
    assert tried["UDP", 0] == tried["TCP", 0] == ""
    found = network.ports(tried, "127.0.0.1")
    assert found.state is State.OK  # calls do not need it
    assert f"not to be had: UDP {held}" in found.says


def test_no_port_at_all_is_a_fault() -> None:
    """The profile's own address is named, else what may forbid it."""
    tried = {**ALL_FREE, ("UDP", 0): "Cannot assign requested address"}
    found = network.ports(tried, "192.0.2.7")
    assert found.state is State.FAULT
    assert "192.0.2.7" in found.says
    assert "`local_address:`" in found.remedy
    assert "container" in network.ports(tried, "0.0.0.0").remedy


def test_address_that_is_not_ours() -> None:
    """Binding it fails, and so it is found by trying."""
    assert network.try_ports("192.0.2.250")["UDP", 0]


@pytest.mark.parametrize(
    ("found", "state", "word"),
    [
        (
            Routes(table_read=True, default_device="eth0", source="203.0.113.9"),
            State.OK,
            "by eth0 from 203.0.113.9",
        ),
        (Routes(table_read=True, default_device="wlan0", source="10.1.1.5"), State.OK, "NAT"),
        (Routes(table_read=True, default_device="", source=""), State.WARNING, "no IPv4 default"),
        (Routes(table_read=False, default_device="", source="203.0.113.9"), State.OK, "from"),
        (Routes(table_read=False, default_device="", source=""), State.NOT_CHECKED, "cannot"),
    ],
)
def test_way_out(found: Routes, state: State, word: str) -> None:
    """A machine without a default route reaches its own networks only."""
    check = network.way_out(found)
    assert check.state is state
    assert word in check.says


def test_table_of_routes(tmp_path: Path) -> None:
    """The default route has neither destination nor mask (proc(5))."""
    file = tmp_path / "route"
    file.write_text(
        TABLE
        + "eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        + "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    )
    assert network.read_routes(file).default_device == "eth0"
    file.write_text(TABLE)
    assert network.read_routes(file).default_device == ""
    assert not network.read_routes(tmp_path / "missing").table_read


def test_way_to_a_trunk() -> None:
    """By the kernel's choice, or by the profile's; no route is a fault."""
    assert network.source_towards("127.0.0.1") == "127.0.0.1"
    assert network.way_to("127.0.0.1", None, "127.0.0.1").state is State.OK
    assert network.way_to("192.0.2.1", "10.0.0.1", "10.0.0.2").state is State.WARNING
    assert network.way_to("192.0.2.1", None, "").state is State.FAULT


@pytest.mark.parametrize(
    ("state", "outcome"), [(0, State.OK), (5, State.WARNING), (None, State.NOT_CHECKED)]
)
def test_clock_as_the_kernel_knows(state: int | None, outcome: State) -> None:
    """adjtimex(2) returns TIME_ERROR where nobody sets the clock right."""
    assert clock.own(state).state is outcome


def test_kernel_answers_about_its_clock() -> None:
    """The call itself works here, whatever it says."""
    assert clock.kernel_state() in {None, 0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("ahead", "outcome", "word"),
    [
        (None, State.NOT_CHECKED, "no Date"),
        (0.8, State.OK, "within 10 s"),
        (-9.9, State.OK, "within 10 s"),
        (75.0, State.WARNING, "75 s ahead of theirs"),
        (-3600.0, State.WARNING, "3600 s behind theirs"),
    ],
)
def test_clock_beside_the_trunk(ahead: float | None, outcome: State, word: str) -> None:
    """By the Date of its answer."""
    found = clock.beside_the_trunk(ahead)
    assert found.state is outcome
    assert word in found.says
