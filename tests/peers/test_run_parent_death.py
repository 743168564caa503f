"""The command itself is killed, or its terminal closed, in mid-call: the trunk must not be left."""

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest
from ports import LOOPBACK
from processes import poll
from sipprobe_command import RunningSipprobe
from userfolder import UserFolder

from probe.simulator.trunk import EmbeddedTrunk

LEFT_WITHIN_S = 5.0
"""How long a worker may take from the death of its parent to its own end."""


@pytest.fixture
def trunk() -> Iterator[EmbeddedTrunk]:
    """Give an embedded trunk in this process: it outlives the command and remembers all it saw."""
    with EmbeddedTrunk() as running:
        yield running


def seen(trunk: EmbeddedTrunk, method: str) -> list[str]:
    """Return the requests of a method that reached the trunk."""
    return [
        m.text
        for m in trunk.log
        if m.direction == "received" and m.code is None and m.method == method
    ]


def in_mid_call(place: UserFolder, trunk: EmbeddedTrunk) -> RunningSipprobe:
    """Start a run whose first scenario is over and whose second one is in a call."""
    place.trunk(uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}", password=trunk.password)
    place.scenario("- options:", name="first")
    place.scenario(
        '- register:\n- call: "+12025550123"\n  hangup_after: 60s\n- hangup:', name="second"
    )
    running = place.start("run", "first", "second", "--results", "results")
    # One ACK for the challenge, one for the 200.
    assert poll(lambda: len(seen(trunk, "ACK")) == 2, 20.0), trunk.log
    return running


def assert_trunk_is_left(place: UserFolder, trunk: EmbeddedTrunk, began: float) -> None:
    """Hold that the call was hung up, the registration removed, and that no process is left."""
    assert poll(lambda: not place.leftovers(), LEFT_WITHIN_S)
    assert time.monotonic() - began < LEFT_WITHIN_S
    assert len(seen(trunk, "BYE")) == 1
    assert "\r\nExpires: 0\r\n" in seen(trunk, "REGISTER")[-1]
    assert trunk.bindings == ()


def test_killed_command_leaves_neither_call_nor_registration(
    folder: UserFolder, trunk: EmbeddedTrunk
) -> None:
    """SIGKILL: the worker sees the end of its pipe; what was judged before is on disk."""
    running = in_mid_call(folder, trunk)
    began = time.monotonic()
    os.kill(running.pid, signal.SIGKILL)
    assert running.finish(LEFT_WITHIN_S).exit_code == -signal.SIGKILL
    assert_trunk_is_left(folder, trunk, began)
    (run,) = (folder.path / "results").iterdir()
    assert [path.name for path in run.iterdir()] == ["findings.jsonl"]
    explained = folder.command("explain", f"results/{run.name}", "--all")
    assert explained.exit_code == 0, explained.stderr
    assert "PASS  first" in explained.stdout


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_closed_terminal_ends_the_call_in_order(
    folder: UserFolder, trunk: EmbeddedTrunk, number: signal.Signals
) -> None:
    """SIGHUP and SIGTERM are like Ctrl-C: hung up, un-registered, reported, status 130."""
    running = in_mid_call(folder, trunk)
    began = time.monotonic()
    os.kill(running.pid, number)
    run = folder.read(running)
    assert_trunk_is_left(folder, trunk, began)
    assert run.exit_code == 130
    assert run.report["run"]["interrupted"] is True
    assert run.findings[0]["outcome"] == "MET"


def test_two_runs_at_once_keep_apart(folder: UserFolder, trunk: EmbeddedTrunk) -> None:
    """Started in the same moment from the same folder: two folders, two whole reports."""
    folder.trunk(uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}", password=trunk.password)
    name = folder.scenario("- options:")
    both = [folder.start("run", name, "--results", "results") for _ in range(2)]
    assert [one.finish().exit_code for one in both] == [0, 0]
    folders = list((folder.path / "results").iterdir())
    assert len(folders) == 2
    for one in folders:
        assert json.loads((one / "report.json").read_text())["run"]["id"] == one.name
