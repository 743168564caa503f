"""`sipprobe validate`: every problem of every file, and no packet."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended

Sipprobe = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may open a socket."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("validate sends nothing")

    monkeypatch.setattr("socket.socket.bind", refuse, raising=False)
    monkeypatch.setattr("probe.simulator.trunk.EmbeddedTrunk.start", refuse)


def test_good_files_are_named_one_by_one(sipprobe: Sipprobe, carrier: Path) -> None:
    """Each file is ok with the number of its steps, and nothing is stored."""
    path = carrier / "scenarios" / "one-registration.sip.yaml"
    path.write_text(path.read_text().replace("[register: ]", "[register: , unregister: ]"))
    assert sipprobe("validate") == Ended(
        status=0,
        out="ok  scenarios/one-call.sip.yaml  (1 step)\n"
        "ok  scenarios/one-registration.sip.yaml  (2 steps)\n",
        err="",
    )
    assert not (carrier / "results").exists()


def test_scenario_of_ours_is_valid_without_a_trunk(sipprobe: Sipprobe, here: Path) -> None:
    """The embedded trunk need not run for a check."""
    ended = sipprobe("validate", "trunk-check")
    assert ended.status == 0
    assert ended.out.endswith("trunk-check.sip.yaml  (2 steps)\n")


def test_every_problem_of_every_file_is_shown(sipprobe: Sipprobe, carrier: Path) -> None:
    """What the files say wrong comes first, all of it, each at its place."""
    (carrier / "scenarios" / "a.sip.yaml").write_text("steps:\n  - cal: '100'\n  - rgister:\n")
    (carrier / "scenarios" / "b.sip.yaml").write_text("stepz: []\n")
    ended = sipprobe("validate")
    assert ended.status == 2
    for place in ("a.sip.yaml:2:5:", "a.sip.yaml:3:5:", "b.sip.yaml:1:1:"):
        assert f"scenarios/{place}" in ended.err


def test_problem_of_a_plan_does_not_hide_good_files(sipprobe: Sipprobe, carrier: Path) -> None:
    """A trunk that nobody wrote is a problem of that file alone."""
    (carrier / "scenarios" / "a.sip.yaml").write_text("trunk: carier\nsteps: [register: ]\n")
    ended = sipprobe("validate")
    assert ended.status == 2
    assert ended.out.count("ok  ") == 2
    assert "scenarios/a.sip.yaml:1:8: " in ended.err
    assert "did you mean 'carrier'?" in ended.err


def test_trunk_flag_is_checked_in_place_of_the_scenario(sipprobe: Sipprobe, carrier: Path) -> None:
    """--trunk and --var count as they do for run."""
    path = carrier / "scenarios" / "one-call.sip.yaml"
    path.write_text("trunk: nowhere\nsteps:\n  - call: ${CALLEE_NUMBER}\n")
    assert sipprobe("validate", "one-call").status == 2
    assert sipprobe("validate", "one-call", "--var", "CALLEE_NUMBER=100").status == 2
    command = ("validate", "one-call", "--var", "CALLEE_NUMBER=100", "--trunk", "carrier")
    assert sipprobe(*command).status == 0


def test_nothing_to_check_is_a_status_of_its_own(sipprobe: Sipprobe, here: Path) -> None:
    """An empty folder must not pass a CI job."""
    ended = sipprobe("validate")
    assert (ended.status, ended.out) == (5, "")
    assert ended.err.startswith("nothing was selected: there is no *.sip.yaml in scenarios/\n")
    assert "sipprobe run trunk-check" in ended.err
    assert "sipprobe init " in ended.err


@pytest.mark.parametrize(
    ("color", "colored"), [("always", True), ("never", False), ("auto", False)]
)
def test_color_follows_the_flag(sipprobe: Sipprobe, here: Path, color: str, colored: bool) -> None:
    """A pipe gets escapes only where they are asked for."""
    ended = sipprobe("validate", "no-such-scenario", "--color", color)
    assert ended.status == 2
    assert ("\x1b[" in ended.err) is colored


def test_pair_that_is_none_is_wrong_usage(sipprobe: Sipprobe, carrier: Path) -> None:
    """--var takes name and value."""
    ended = sipprobe("validate", "--var", "NUMBER")
    assert ended.status == 2
    assert "--var takes NAME=VALUE, got 'NUMBER'" in ended.err
