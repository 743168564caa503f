"""`sipprobe simulate`: the embedded trunk by itself."""

import os
import re
import signal
import threading
from collections.abc import Callable

import pytest
from commandline import Ended

from probe.simulator.directory import directory
from probe.simulator.numbers import numbers

Sipprobe = Callable[..., Ended]


def test_list_shows_every_number(sipprobe: Sipprobe) -> None:
    """One line a number: what to dial, its name, its codes, what it does; nothing is started."""
    ended = sipprobe("simulate", "--list")
    assert ended.status == 0
    lines = ended.out.splitlines()
    pbx = [entry.number for entry in directory()]
    assert [line.split()[0] for line in lines] == [*pbx, *(n.number for n in numbers())]
    for line, entry in zip(lines, directory(), strict=False):
        assert line.endswith(entry.does)
    for line, number in zip(lines[len(pbx) :], numbers(), strict=True):
        assert line.endswith(number.does)
        assert f"  {' '.join(map(str, number.codes))}  " in line


def test_trunk_runs_for_a_while(sipprobe: Sipprobe) -> None:
    """It says where it is and how to log in, and a random password is shown."""
    ended = sipprobe("simulate", "--port", "0", "--for", "0.01")
    assert ended.status == 0
    assert re.match(r"embedded trunk at 127\.0\.0\.1:\d+ \(UDP and TCP\), realm \S+\n", ended.out)
    assert re.search(r"account 100, password \S{8,} \(for this run only\)", ended.out)


def test_given_password_is_not_shown(sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment and does not go to a log."""
    monkeypatch.setenv("SIPPROBE_SIMULATE_PASSWORD", "hunter22")
    command = ("simulate", "--port", "0", "--for", "0", "--user", "7", "--algorithm", "SHA-256")
    ended = sipprobe(*command)
    assert ended.status == 0
    assert "account 7, password as given" in ended.out
    assert "hunter22" not in ended.out + ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_in_order(
    sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """That is how it is meant to end, even with --for inf: status 0."""
    waited: list[float | None] = []
    wait = threading.Event.wait

    def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
        if timeout == threading.TIMEOUT_MAX:
            waited.append(timeout)
            os.kill(os.getpid(), number)
        return wait(event, timeout)

    monkeypatch.setattr(threading.Event, "wait", interrupted)
    assert sipprobe("simulate", "--port", "0", "--for", "inf").status == 0
    assert waited == [threading.TIMEOUT_MAX]


def test_without_an_end_it_waits_for_the_signal(
    sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --for there is no limit; the signal that came meanwhile ends it."""
    stopped: list[bool] = []

    def start(_trunk: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("probe.simulator.trunk.EmbeddedTrunk.start", start)
    monkeypatch.setattr("probe.simulator.trunk.EmbeddedTrunk.udp_port", 5060, raising=False)
    monkeypatch.setattr(
        "probe.simulator.trunk.EmbeddedTrunk.stop", lambda _trunk: stopped.append(True)
    )
    assert sipprobe("simulate").status == 0
    assert stopped == [True]


@pytest.mark.parametrize(
    "flags", [["--host", "192.0.2.1", "--port", "0"], ["--host", "not a host", "--port", "0"]]
)
def test_address_that_is_not_loopback_is_refused(sipprobe: Sipprobe, flags: list[str]) -> None:
    """The trunk speaks to this machine only; the error says what to do."""
    ended = sipprobe("simulate", *flags)
    assert ended.status == 2
    assert "the embedded trunk cannot start at" in ended.err
    assert "use --port 0 for a free port and a loopback --host" in ended.err


def test_port_that_is_taken_is_told(sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program on the port is no bug of ours."""

    def start(_trunk: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("probe.simulator.trunk.EmbeddedTrunk.start", start)
    ended = sipprobe("simulate")
    assert ended.status == 2
    assert "cannot start at 127.0.0.1:5060: [Errno 98] Address already in use" in ended.err


@pytest.mark.parametrize(
    "flags", [["--port", "70000"], ["--algorithm", "MD4"], ["--for", "ever"], ["--port", "sip"]]
)
def test_wrong_flag_is_wrong_usage(sipprobe: Sipprobe, flags: list[str]) -> None:
    """A value that makes no sense starts nothing."""
    ended = sipprobe("simulate", *flags)
    assert ended.status == 2
    assert f"Invalid value for '{flags[0]}'" in ended.err
