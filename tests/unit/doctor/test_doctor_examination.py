"""The whole examination, and how it is told."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from test_doctor_software import ABLE, ACCOUNT

from probe.doctor import examine as examining
from probe.doctor.check import Check, State, fault, ok, unchecked, warning
from probe.doctor.examine import MACHINE, TRUNK, Examination, examine
from probe.doctor.subject import Patient, Subject
from probe.doctor.told import as_json, as_text
from probe.simulator.trunk import EmbeddedTrunk

FOUND = Examination(
    machine=(
        ok("Python", "3.11.2"),
        warning("clock", "it is not synchronised " + "word " * 30, "Switch it on."),
    ),
    trunk=(
        fault("OPTIONS", "udp 192.0.2.1:5060: \x1b[31mnobody\x1b[0m there", "Check the host."),
        unchecked("their clock", "nothing answered"),
    ),
)


@pytest.fixture
def embedded() -> Iterator[EmbeddedTrunk]:
    """Give a running embedded trunk."""
    with EmbeddedTrunk() as trunk:
        yield trunk


def subject(tmp_path: Path, *, port: int | None = None, **changes: object) -> Subject:
    """Return this machine, with a trunk on loopback where a port is given."""
    there = replace(
        ACCOUNT,
        host="127.0.0.1",
        port=port,
        registrar=f"sip:127.0.0.1:{port}",
        aor=f"sip:100@127.0.0.1:{port}",
        local_address="127.0.0.1",
        **changes,  # type: ignore[arg-type]
    )
    made = Subject(tmp_path, None if port is None else Patient(account=there))
    made.__dict__["engine"] = ABLE  # the real one starts a process
    return made


def states(checks: tuple[Check, ...]) -> dict[str, State]:
    """Return how each topic came out."""
    return {check.topic: check.state for check in checks}


def test_machine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every topic is told, nothing of a trunk, and nothing is sent."""

    def no(*_: object, **__: object) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(socket.socket, "sendto", no)
    monkeypatch.setattr(socket.socket, "sendall", no)
    found = examine(subject(tmp_path))
    assert found.trunk == ()
    assert {topic for topic, _ in MACHINE} <= states(found.machine).keys()
    assert not any("the check itself failed" in check.says for check in found.machine)
    assert states(found.machine)["emergency"] is State.OK


def test_embedded_trunk_is_well(tmp_path: Path, embedded: EmbeddedTrunk) -> None:
    """It answers, sees us where we are, and nothing is between."""
    found = examine(subject(tmp_path, port=embedded.udp_port))
    assert states(found.trunk) == {
        "DNS": State.OK,
        "way there": State.OK,
        "OPTIONS": State.OK,
        "NAT": State.OK,
        "SIP ALG": State.OK,
        "their clock": State.NOT_CHECKED,
    }


def test_port_on_which_nobody_listens(tmp_path: Path) -> None:
    """ICMP says so: a fault at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        port = ours.getsockname()[1]
    found = states(examine(subject(tmp_path, port=port)).trunk)
    assert found["OPTIONS"] is State.FAULT
    assert found["NAT"] is found["SIP ALG"] is State.NOT_CHECKED


def test_silent_trunk_takes_seconds_not_more(tmp_path: Path) -> None:
    """Silence is a warning, and is not waited for long."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        began = time.monotonic()
        found = examine(subject(tmp_path, port=holder.getsockname()[1]))
        assert time.monotonic() - began < 4
    assert states(found.trunk)["OPTIONS"] is State.WARNING


def test_files_of_the_profile_that_are_missing(tmp_path: Path, embedded: EmbeddedTrunk) -> None:
    """Each is a fault with its key."""
    one = subject(tmp_path, port=embedded.udp_port)
    assert one.patient is not None
    one.patient = replace(
        one.patient, missing_files=(("ca_file", "/no/ca.pem"), ("client_key", "/no/key.pem"))
    )
    found = examine(one)
    assert found.trunk[0].state is State.FAULT
    assert "/no/key.pem" in found.trunk[0].says


def test_check_that_breaks_ends_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own bug is told in its line."""

    def broken(_: Subject) -> list[Check]:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(examining, "MACHINE", (("first", broken), *MACHINE[-1:]))
    found = examine(subject(tmp_path))
    assert found.machine[0].state is State.NOT_CHECKED
    assert "ZeroDivisionError: oops" in found.machine[0].says
    assert len(found.machine) == 2


def test_topics_of_the_table_are_its_checks(tmp_path: Path, embedded: EmbeddedTrunk) -> None:
    """No two lines of a table have one topic."""
    for table in (MACHINE, TRUNK):
        topics = [topic for topic, _ in table]
        assert len(set(topics)) == len(topics)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_text_is_aligned_and_wrapped(width: int) -> None:
    """What is said begins in one column, and no line is wider than the terminal."""
    lines = as_text(FOUND, trunk="office", width=width, color=False).splitlines()
    assert max(map(len, lines)) <= width
    column = lines[1].index("3.11.2")
    told = [line for line in lines if line.startswith("  ")]
    assert all(line[column - 1] == " " and line[column] != " " for line in told)
    assert lines[-1] == "1 ok, 1 warning, 1 fault, 1 not checked"
    assert any(line.lstrip().startswith("→ Check the host.") for line in lines)


def test_stored_or_sent_text_cannot_drive_the_terminal() -> None:
    """A Server header may hold anything."""
    text = as_text(FOUND, trunk="of\x1b[2Jfice", width=80, color=False)
    assert "\x1b" not in text
    assert "\x1b[31;1mfault\x1b[0m" in as_text(FOUND, trunk="", width=80, color=True)


def test_json_for_machines() -> None:
    """Every check with its state; counts add up."""
    told = json.loads(as_json(FOUND, version="0.1.0", vantage="probe-1", trunk="office"))
    assert told["schema"] == "sipprobe-doctor/1"
    assert told["counts"] == {"ok": 1, "warning": 1, "fault": 1, "not_checked": 1}
    assert [check["of"] for check in told["checks"]] == ["machine", "machine", "trunk", "trunk"]
    assert told["checks"][0] == {
        "of": "machine",
        "topic": "Python",
        "state": "ok",
        "says": "3.11.2",
        "remedy": None,
    }
    assert "\x1b" not in told["checks"][2]["says"]
