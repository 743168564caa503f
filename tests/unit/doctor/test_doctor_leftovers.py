"""What killed runs left is counted, and nothing of it is touched."""

import socket
from pathlib import Path

import pytest
from wirebuilder import Wire, register_ok

from probe.doctor.check import State
from probe.doctor.leftovers import Leftovers, find_leftovers, leftovers
from probe.executor.living import ours
from probe.trace.journal import DialogJournal

GONE = {"pid": 2**22 + 1, "born": 1}
"""A process that cannot be there."""


def journal(results: Path, number: int, *wires: Wire, supervisor: object = GONE) -> Path:
    """Write the journal of a worker that is gone."""
    folder = results / "a-run"
    folder.mkdir(parents=True, exist_ok=True)
    header = {"run": "a-run", "aor": "sip:100@h", "supervisor": supervisor, "worker": GONE}
    path = folder / f"dialogs-{number}.jsonl"
    found = DialogJournal(path, header)
    for event in (event for wire in wires for event in wire.log.all()):
        found.happened(event)
    return path


def up() -> Wire:
    """Return a call that was answered and not hung up."""
    return Wire().send("INVITE").receive(200).send("ACK")


def test_calls_and_registrations_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read only: the files stay as they are, and nothing is sent."""

    def no(*_: object, **__: object) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(socket.socket, "sendto", no)
    path = journal(tmp_path, 7, up(), register_ok())
    before = path.read_bytes()
    found = find_leftovers((tmp_path, tmp_path / "missing"))
    assert found == Leftovers(calls=1, registrations=1)
    assert path.read_bytes() == before
    check = leftovers(found)
    assert check.state is State.WARNING
    assert "1 call and 1 registration," in check.says
    assert "doctor --orphans" in check.remedy


def test_living_run_is_left_alone(tmp_path: Path) -> None:
    """Its calls are its own business."""
    us = ours()
    journal(tmp_path, 7, up(), supervisor={"pid": us.pid, "born": us.born})
    assert find_leftovers((tmp_path,)) == Leftovers()


def test_damaged_journal_does_not_count(tmp_path: Path) -> None:
    """Neither does one of an ended call."""
    journal(tmp_path, 7, up()).write_text("{}\n")
    journal(tmp_path, 8, up().send("BYE").receive(200))
    found = find_leftovers((tmp_path,))
    assert found == Leftovers()
    assert leftovers(found).state is State.OK


def test_several_calls() -> None:
    """The words fit the count."""
    assert "left 2 calls, which" in leftovers(Leftovers(calls=2)).says
