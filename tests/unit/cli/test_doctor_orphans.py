"""`sipprobe doctor --orphans`: what a killed run left up is ended, and said in words."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commandline import Ended

from probe.executor.crew import JournalPlace
from probe.executor.ledger import Ledger
from probe.executor.living import ours
from probe.executor.local import LocalExecutor
from probe.plan.action import Talk
from probe.plan.plan import Attempt
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario
from probe.scenario.schema import Profile, Settings
from probe.scenario.secret import Secret
from probe.simulator.trunk import EmbeddedTrunk

pytestmark = pytest.mark.pjsua2

Sipprobe = Callable[..., Ended]

NAME = "dialogs-7.jsonl"
GONE = {"pid": 2**22 + 1, "born": 1}
"""A process that cannot be there."""

STEPS = 'trunk: peer\nsteps:\n  - register:\n  - call: "+12025550123"\n  - talk: 30s\n'


@pytest.fixture(scope="module")
def trunk() -> Iterator[EmbeddedTrunk]:
    """Run a trunk that is no embedded one to those who have a profile for it."""
    with EmbeddedTrunk(challenge_calls=False) as running:
        yield running
    assert running.failures == ()


@pytest.fixture(scope="module")
def written(trunk: EmbeddedTrunk, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the journal of a real worker that is registered and in a call."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "one.sip.yaml").write_text(STEPS, encoding="utf-8")
    profile = Profile(uri=trunk.uri, password=Secret(trunk.password), local_address=trunk.host)
    scenario = load_scenario(folder / "one.sip.yaml", variables={}, environ={})
    executor = LocalExecutor(Ledger(folder / "ledger.sqlite"))
    executor.journals = JournalPlace(folder=folder, run="a-run")
    found: list[str] = []

    def begin(attempt: Attempt, _number: int) -> None:
        if isinstance(attempt.action, Talk):
            (journal,) = folder.glob("dialogs-*.jsonl")
            found.extend(journal.read_text(encoding="utf-8").splitlines())
            executor.interrupt()

    executor.on_begin(begin)
    executor.run(resolve(scenario, Settings(trunks={"peer": profile})))
    executor.close()
    assert len(found) > 3
    return found


@pytest.fixture
def left(here: Path, monkeypatch: pytest.MonkeyPatch, written: list[str]) -> Callable[..., Path]:
    """Return what puts that journal where a killed run has it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "state"))

    def put(supervisor: object = GONE, worker: object = GONE) -> Path:
        folder = here / "results" / "a-run"
        folder.mkdir(parents=True)
        header = json.loads(written[0]) | {"supervisor": supervisor, "worker": worker}
        lines = (json.dumps(header), *written[1:])
        (folder / NAME).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return folder / NAME

    return put


@pytest.fixture
def profile(here: Path, trunk: EmbeddedTrunk) -> Callable[..., None]:
    """Return what writes the profile of that account."""

    def write(password: str, uri: str | None = None) -> None:
        keys = {"uri": uri or trunk.uri, "password": password}
        text = json.dumps({"trunks": {"other": {"uri": "sip:1@192.0.2.1"}, "peer": keys}})
        (here / "sipprobe.yaml").write_text(text, encoding="utf-8")

    return write


def test_call_is_ended_and_registration_removed(
    sipprobe: Sipprobe,
    left: Callable[..., Path],
    profile: Callable[..., None],
    trunk: EmbeddedTrunk,
) -> None:
    """The same contact registers once more and is taken away; the journal goes with it."""
    path = left()
    profile(trunk.password)
    ended = sipprobe("doctor", "--orphans")
    assert ended.status == 0, ended.out + ended.err
    call, registration = ended.out.splitlines()
    assert call.startswith("a-run: call to sip:+12025550123@127.0.0.1")
    assert ": confirmed: BYE was answered with " in call
    assert registration.startswith(f"a-run: registration of sip:100@{trunk.host} at 127.0.0.1:")
    assert registration.endswith(": removed")
    assert trunk.bindings == ()
    assert not path.exists()
    assert trunk.password not in ended.out + ended.err
    again = sipprobe("doctor", "--orphans")
    assert (again.status, again.out) == (0, "no call or registration was left by a killed run\n")


@pytest.mark.parametrize(
    ("password", "uri", "why"),
    [
        ("wrong-password", None, "answer 403"),
        ("any", "sip:100@192.0.2.7", "no profile of sipprobe.yaml is this account"),
        ("${NOT_SET_HERE}", None, "NOT_SET_HERE"),
    ],
    ids=["wrong password", "another account", "no password"],
)
def test_registration_that_stays_is_named_with_its_end(  # noqa: PLR0913, PLR0917 - fixtures
    sipprobe: Sipprobe,
    left: Callable[..., Path],
    profile: Callable[..., None],
    password: str,
    uri: str | None,
    why: str,
) -> None:
    """Somebody must know until when calls may ring there, and why nothing was done."""
    path = left()
    profile(password, uri)
    ended = sipprobe("doctor", "--orphans")
    assert ended.status == 1
    line = ended.out.splitlines()[-1]
    assert ": ends by itself at 20" in line
    assert why in line.partition("not removed: ")[2]
    assert path.exists()


def test_run_that_goes_on_is_left_alone(
    sipprobe: Sipprobe, left: Callable[..., Path], profile: Callable[..., None]
) -> None:
    """Its own process ends what is up: this one is alive."""
    us = ours()
    path = left(supervisor={"pid": us.pid, "born": us.born}, worker=GONE)
    profile("any")
    ended = sipprobe("doctor", "--orphans")
    assert ended.status == 0
    assert ended.out.startswith("a-run: left alone, the run goes on")
    assert path.exists()


def test_journal_that_cannot_be_read_is_no_good_end(
    sipprobe: Sipprobe, left: Callable[..., Path]
) -> None:
    """What was up is not known, so nobody says that nothing was."""
    path = left()
    path.write_bytes(b"\x00 no journal\n")
    os.utime(path)
    ended = sipprobe("doctor", "--orphans")
    assert ended.status == 1
    assert "left alone, " in ended.out
    assert str(path.name) in ended.out
