"""`sipprobe doctor` from its arguments to its exit status."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended

from probe.doctor import guards
from probe.doctor.check import Check, fault

Sipprobe = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the ledger of whoever runs the tests out of it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.pjsua2
def test_this_machine(sipprobe: Sipprobe) -> None:
    """The real user agent is asked; nothing of a trunk is told."""
    ended = sipprobe("doctor")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("This machine\n  ok           Python")
    assert "pjsua2 2." in ended.out
    assert "Trunk" not in ended.out
    assert "0 faults" in ended.out.splitlines()[-1]


@pytest.mark.pjsua2
def test_embedded_trunk_as_json(sipprobe: Sipprobe) -> None:
    """A machine reads what was found of both."""
    ended = sipprobe("doctor", "--trunk", "embedded", "--format", "json")
    assert ended.status == 0
    told = json.loads(ended.out)
    assert told["trunk"] == "embedded"
    assert told["counts"]["fault"] == 0
    of_trunk = {c["topic"]: c["state"] for c in told["checks"] if c["of"] == "trunk"}
    assert of_trunk["OPTIONS"] == of_trunk["NAT"] == "ok"


def test_a_fault_is_status_1(sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a script can stop before it calls."""

    def broken() -> Check:
        return fault("emergency", "the list is damaged", "Install sipprobe anew.")

    monkeypatch.setattr(guards, "rails", broken)
    ended = sipprobe("doctor", "--color", "always")
    assert ended.status == 1
    assert "\x1b[31;1mfault\x1b[0m" in ended.out
    assert "→ Install sipprobe anew." in ended.out
    assert "1 fault," in ended.out


def test_unknown_trunk_is_usage(sipprobe: Sipprobe, carrier: Path) -> None:
    """The nearest name is offered, and nothing is looked at."""
    ended = sipprobe("doctor", "--trunk", "carier")
    assert (ended.status, ended.out) == (2, "")
    assert "there is no trunk profile 'carier': did you mean 'carrier'?" in ended.err
    other = sipprobe("doctor", "--trunk", "x")
    assert "there are carrier, embedded" in other.err


def test_profile_without_an_address(sipprobe: Sipprobe, here: Path) -> None:
    """There is nowhere to look."""
    (here / "sipprobe.yaml").write_text("trunks: {office: {user_agent: x}}\n")
    ended = sipprobe("doctor", "--trunk", "office")
    assert ended.status == 2
    assert "uri" in ended.err


def test_orphans_are_of_no_trunk(sipprobe: Sipprobe) -> None:
    """Both at once is refused in words; one alone finds nothing here."""
    both = sipprobe("doctor", "--orphans", "--trunk", "embedded")
    assert both.status == 2
    assert "--trunk" in both.err
    alone = sipprobe("doctor", "--orphans")
    assert alone.out == "no call or registration was left by a killed run\n"
