"""What ``serve`` takes as configuration, what it refuses at its place; flags and folders."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commandline import Ended

from probe.cli.exits import Exit
from probe.cli.serve_command import _names, _signals
from probe.cli.serving import read_served
from probe.plan.capabilities import Capabilities
from probe.scenario.source import ScenarioError

Sipprobe = Callable[..., Ended]

CALL = 'trunk: carrier\nsteps:\n  - call: "+12025550123"\n'
TRUNKS = """\
trunks:
  carrier: {uri: "sip:100@carrier.example", password: hunter22}
  second: {uri: "sip:100@second.example", password: hunter22, caps: {calls_per_day: 20}}
"""


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand for an engine that is there: none is asked."""
    monkeypatch.setattr("probe.cli.serving.capabilities_of_engine", lambda: None)


@pytest.fixture
def written(here: Path) -> Callable[..., Path]:
    """Give what writes sipprobe.yaml with modules, and the scenario `call`."""
    (here / "scenarios").mkdir()
    (here / "scenarios/call.sip.yaml").write_text(CALL)

    def write(modules: str, more: str = "") -> Path:
        lines = "".join(f"    {line}\n" for line in modules.splitlines())
        (here / "sipprobe.yaml").write_text(f"{TRUNKS}serve:\n{more}  modules:\n{lines}")
        return here

    return write


def refused(sipprobe: Sipprobe) -> str:
    """Return why a configuration is refused."""
    ended = sipprobe("serve", "--check")
    assert ended.status == Exit.USAGE
    return ended.err


def test_check_says_what_is_run_and_runs_nothing(
    written: Callable[..., Path], sipprobe: Sipprobe
) -> None:
    """One line a check; calls with their tries again."""
    folder = written(
        "often: {scenario: call, targets: [carrier, second], interval: 2h}\n"
        "asked: {scenario: trunk-check, targets: embedded}"
    )
    ended = sipprobe("serve", "--check")
    assert ended.status == Exit.MET, ended.err
    assert ended.out.splitlines() == [
        "often at carrier: every 7200 s, 1 call a run at most",
        "often at second: every 7200 s, 1 call a run at most",
        "asked at embedded: when /probe asks, 0 calls a run at most",
        "at most 60 calls an hour, 200 a day",
    ]
    assert not (folder / ".local").exists()


def test_checks_of_the_configuration(written: Callable[..., Path]) -> None:
    """Intervals, a tenth of them as jitter, accounts, quiet hours of all and of one."""
    written(
        "night: {scenario: call, interval: 1h, quiet_hours: 12:00-13:00}",
        "  quiet_hours: [22:00-06:00]\n",
    )
    (found,) = read_served(None, None).rules.checks
    assert (found.interval, found.jitter, found.target) == (3600.0, 360.0, "carrier")
    assert found.owners == {"100@sip:carrier.example"}
    assert found.quiet == ((22 * 60, 6 * 60), (12 * 60, 13 * 60))


@pytest.mark.parametrize(
    ("modules", "told"),
    [
        ("a: {scenario: call, interval: 10s}", "makes 360 calls an hour, and calls_per_hour is 60"),
        ("a: {scenario: call, interval: 2m}", "makes 720 calls a day, and calls_per_day is 200"),
        (
            "a: {scenario: call, targets: second, interval: 1h}",
            "makes 24 calls a day, and calls_per_day in the caps of trunk 'second' is 20",
        ),
        (
            "a: {scenario: call, interval: 1h, calls_per_day: 10}",
            "makes 24 calls a day, and calls_per_day of module 'a' is 10",
        ),
        (
            "a: {scenario: call, interval: 10m}\nb: {scenario: call, interval: 20m}",
            "calls_per_day is 200, of which the modules before it leave 56",
        ),
    ],
    ids=["hour", "day", "trunk", "module", "together"],
)
def test_an_interval_that_would_reach_a_bound_is_refused_with_one_that_fits(
    written: Callable[..., Path], sipprobe: Sipprobe, modules: str, told: str
) -> None:
    """At the interval, before the first call."""
    written(modules)
    said = refused(sipprobe)
    assert told in said
    assert "hint: write an interval of " in said
    assert "sipprobe.yaml:" in said


def test_the_interval_of_the_hint_is_taken(
    written: Callable[..., Path], sipprobe: Sipprobe
) -> None:
    """The remedy is one."""
    written("a: {scenario: call, interval: 10s}")
    interval = refused(sipprobe).partition("write an interval of ")[2].partition(",")[0]
    written(f"a: {{scenario: call, interval: {interval}}}")
    said = refused(sipprobe)  # of the day, now
    interval = said.partition("write an interval of ")[2].partition(",")[0]
    written(f"a: {{scenario: call, interval: {interval}}}")
    assert sipprobe("serve", "--check").status == Exit.MET


def test_quiet_hours_count_for_the_bound(written: Callable[..., Path], sipprobe: Sipprobe) -> None:
    """Twelve hours a day at five minutes are 144 calls."""
    written("a: {scenario: call, interval: 5m, quiet_hours: 18:00-06:00}")
    assert sipprobe("serve", "--check").status == Exit.MET


@pytest.mark.parametrize(
    ("modules", "places"),
    [
        (
            "a: {scenario: cal}\nb: {scenario: call, targets: carier}",
            ["sipprobe.yaml:6:19: there is no scenario 'cal'", "sipprobe.yaml:7:34: there is no"],
        ),
        ("a: {scenario: bad}", ["scenarios/bad.sip.yaml:3:5: unknown"]),
    ],
    ids=["names", "scenario"],
)
def test_every_problem_is_told_at_its_place(
    written: Callable[..., Path], sipprobe: Sipprobe, modules: str, places: list[str]
) -> None:
    """All of them, of scenario files as well."""
    folder = written(modules)
    (folder / "scenarios/bad.sip.yaml").write_text("trunk: carrier\nsteps:\n  - cal: 1\n")
    said = refused(sipprobe)
    for place in places:
        assert place in said


def test_a_number_that_is_never_dialled_is_refused_at_the_start(
    written: Callable[..., Path], sipprobe: Sipprobe
) -> None:
    """The rails of `run` hold: a service dials no emergency number every ten minutes."""
    folder = written("a: {scenario: help, interval: 1h}")
    (folder / "scenarios/help.sip.yaml").write_text('trunk: carrier\nsteps:\n  - call: "112"\n')
    assert "emergency" in refused(sipprobe)


def test_a_file_of_its_own_takes_trunks_from_sipprobe_yaml(
    written: Callable[..., Path],
) -> None:
    """Its own come first; paths count from it."""
    folder = written("unused: {scenario: call}")
    (folder / "watch").mkdir()
    (folder / "watch/own.sip.yaml").write_text(CALL)
    (folder / "watch/watch.yaml").write_text(
        "trunks: {second: {uri: 'sip:7@own.example', password: x}}\n"
        "serve: {modules: {a: {scenario: own.sip.yaml, targets: [carrier, second]}}}\n"
    )
    served = read_served(folder / "watch/watch.yaml", None)
    assert [check.key for check in served.rules.checks] == [("a", "carrier"), ("a", "second")]
    assert served.rules.checks[1].owners == {"7@sip:own.example"}


def test_without_a_section_serve_there_is_nothing_to_do(here: Path, sipprobe: Sipprobe) -> None:
    """It says what to write."""
    assert "no sipprobe.yaml was found" in refused(sipprobe)
    (here / "sipprobe.yaml").write_text(TRUNKS)
    assert "sipprobe.yaml:1:1: there is no section 'serve:'" in refused(sipprobe)
    ended = sipprobe("serve", "nowhere.yaml", "--check")
    assert "nowhere.yaml:1:1: there is no such file" in ended.err


@pytest.mark.parametrize("listen", ["9817", "127.0.0.1", "127.0.0.1:http", ":1", "a:99999"])
def test_an_address_that_is_none_is_refused(sipprobe: Sipprobe, listen: str) -> None:
    """Before anything is read."""
    ended = sipprobe("serve", "--listen", listen)
    assert ended.status == Exit.USAGE
    assert "--listen takes HOST:PORT" in ended.err


def test_missing_packages_are_named(sipprobe: Sipprobe, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that brings them."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    ended = sipprobe("serve", "--check")
    assert ended.status == Exit.USAGE
    assert "pip install 'sipprobe[serve]'" in ended.err


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand for an engine that can be loaded."""
    found = Capabilities(
        version="2.15.1",
        max_calls=4,
        max_accounts=8,
        ipv6=False,
        tls=True,
        tls_library="",
        tls13=False,
        dtls_srtp=False,
        codecs=("PCMU",),
        max_message=4000,
        live_asserts=False,
    )
    monkeypatch.setattr("probe.executor.engine.capabilities_of_engine", lambda: found)


@pytest.mark.usefixtures("able")
def test_a_state_folder_has_one_process(written: Callable[..., Path], sipprobe: Sipprobe) -> None:
    """Two would place every call twice."""
    folder = written("a: {scenario: call}")
    (folder / "state").mkdir()
    with (folder / "state/lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = sipprobe("serve", "--state", "state", "--listen", "127.0.0.1:0")
    assert ended.status == Exit.USAGE
    assert "another sipprobe serve uses state" in ended.err


@pytest.mark.usefixtures("able")
def test_a_state_file_of_somebody_else_ends_the_start(
    written: Callable[..., Path], sipprobe: Sipprobe
) -> None:
    """It is named, with the way out."""
    folder = written("a: {scenario: call}")
    (folder / "state").mkdir()
    (folder / "state/serve.sqlite3").write_bytes(b"something else " * 400)
    ended = sipprobe("serve", "--state", "state", "--listen", "127.0.0.1:0")
    assert ended.status == Exit.USAGE
    assert "serve.sqlite3 cannot be used: file is not a database" in ended.err
    assert "choose another folder with --state" in ended.err


def test_names_under_which_it_may_be_asked() -> None:
    """On loopback its own; where it listens to others, any, unless somebody says which."""
    assert _names("127.0.0.1", frozenset()) == {
        "localhost", "localhost.localdomain", "ip6-localhost", "127.0.0.1",
    }  # fmt: skip
    assert _names("0.0.0.0", frozenset()) is None
    named = _names("0.0.0.0", frozenset({"Watch.Example."}))
    assert named is not None
    assert "watch.example" in named


@pytest.fixture
def told() -> Iterator[int]:
    """Give the descriptor from which signals are read."""
    with _signals() as descriptor:
        yield descriptor


def test_signals_are_read_and_not_lost(told: int) -> None:
    """One byte each, in order; whoever sends a thousand blocks nobody."""
    import signal  # noqa: PLC0415 - beside its use

    for number in (signal.SIGHUP, signal.SIGTERM):
        os.kill(os.getpid(), number)
    assert os.read(told, 10) == bytes([signal.SIGHUP, signal.SIGTERM])


def test_rows_beyond_what_can_be_monitored_are_refused(
    written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is a score of time series."""
    monkeypatch.setattr("probe.cli.serving.MOST_STEPS", 3)
    folder = written("a: {scenario: many, targets: embedded}")
    (folder / "scenarios/many.sip.yaml").write_text(
        "trunk: embedded\nmatrix: {N: [0101, 0102, 0103, 0104]}\nsteps: [call: '+1202555${N}']\n"
    )
    with pytest.raises(ScenarioError, match="4 judged steps, and 3 are monitored"):
        read_served(None, None)
