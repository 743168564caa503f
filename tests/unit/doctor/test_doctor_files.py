"""What sipprobe keeps, whom it trusts, and what guards a call."""

import importlib.util
import sqlite3
from pathlib import Path

import pytest

from probe.agent.issuers import system_issuers
from probe.doctor import files, guards, issuers
from probe.doctor.check import State
from probe.executor.ledger import VERSION, Ledger


def test_results_folder_that_can_be_written(tmp_path: Path) -> None:
    """One that is there, and one that will be made; nothing is left behind."""
    assert files.results(tmp_path).state is State.OK
    assert "can be made" in files.results(tmp_path / "a" / "b").says
    assert list(tmp_path.iterdir()) == []


def test_results_folder_that_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in its place, a full disk."""
    (tmp_path / "file").write_text("")
    found = files.results(tmp_path / "file")
    assert found.state is State.FAULT
    assert "--results" in found.remedy
    assert files.results(tmp_path / "file" / "below").state is State.FAULT
    monkeypatch.setattr(files, "LEAST_FREE", 10**18)
    assert files.results(tmp_path).state is State.WARNING


def test_folder_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own words are told."""

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
    found = files.results(tmp_path)
    assert found.state is State.FAULT
    assert "Permission denied" in found.says


def test_ledger_of_this_version(tmp_path: Path) -> None:
    """None yet, and one with an entry."""
    path = tmp_path / "sipprobe" / "ledger.sqlite3"
    assert "no ledger yet" in files.ledger(path).says
    assert not path.parent.exists()
    ours = Ledger(path)
    ours.login_was_refused("100@pbx.example")
    ours.close()
    found = files.ledger(path)
    assert found.state is State.OK
    assert "1 entries" in found.says or "1 entry" in found.says


def test_ledger_that_is_of_no_use(tmp_path: Path) -> None:
    """No database at all, or one that a newer sipprobe wrote."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"not a database" * 100)
    assert files.ledger(path).state is State.WARNING
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE entry (number INTEGER)")
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.commit()
    database.close()
    found = files.ledger(path)
    assert (found.state, found.remedy) == (State.WARNING, "Update sipprobe.")


def test_ledger_that_cannot_be_made_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Caps then count within one run only."""
    path = tmp_path / "ledger.sqlite3"
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    missing = files.ledger(path)
    assert missing.state is State.WARNING
    assert "within one run" in missing.remedy
    ours = Ledger(path)
    ours.login_was_refused("100@pbx.example")
    ours.close()
    assert "cannot be written" in files.ledger(path).says


def test_emergency_numbers_are_refused() -> None:
    """The list that is shipped is loaded; a damaged one would be a fault."""
    assert guards.rails().state is State.OK
    lost = guards.rails(lambda number: number != "911")
    assert lost.state is State.FAULT
    assert "911 would be dialled" in lost.says
    assert guards.rails(lambda _number: {}["no"]).state is State.FAULT


def test_keyring_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault only where a profile keeps its password there."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert guards.keyring(wanted=False).state is State.NOT_CHECKED
    wanted = guards.keyring(wanted=True)
    assert wanted.state is State.FAULT
    assert "sipprobe[keyring]" in wanted.remedy


class _Backend:
    def __init__(self, priority: float) -> None:
        self.priority = priority


@pytest.mark.parametrize(("priority", "state"), [(5.0, State.OK), (0.0, State.FAULT)])
def test_keyring_without_a_place(
    monkeypatch: pytest.MonkeyPatch, priority: float, state: State
) -> None:
    """Keyring's fail backend has priority 0."""

    class Module:
        @staticmethod
        def get_keyring() -> _Backend:
            return _Backend(priority)

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(guards.importlib.metadata, "version", lambda _name: "25.6")
    monkeypatch.setattr(guards.importlib, "import_module", lambda _name: Module)
    assert guards.keyring(wanted=True).state is state
    assert guards.keyring(wanted=False).state is State.OK


def test_issuers(tmp_path: Path) -> None:
    """Counted from the file; what is missing matters most where TLS is used."""
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    assert issuers.issuers(None, own=False, needed=False).state is State.WARNING
    assert issuers.issuers(None, own=False, needed=True).state is State.FAULT
    assert issuers.issuers(str(empty), own=False, needed=False).state is State.WARNING
    own = issuers.issuers(str(tmp_path / "missing.pem"), own=True, needed=False)
    assert own.state is State.FAULT
    assert "`ca_file:`" in own.remedy


def test_issuers_of_this_system() -> None:
    """Where the system has a file of them, it holds some."""
    file = system_issuers()
    if file is not None:
        found = issuers.issuers(file, own=False, needed=True)
        assert found.state is State.OK
        assert file in found.says
    assert isinstance(issuers.count_issuers(__file__), str)
