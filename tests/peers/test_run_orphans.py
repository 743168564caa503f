"""A run and its worker are killed at once: `doctor --orphans` ends what they left up."""

import os
import signal
from collections.abc import Iterator

import pytest
from ports import LOOPBACK
from processes import poll
from userfolder import UserFolder

from probe.simulator.trunk import EmbeddedTrunk


@pytest.fixture
def trunk() -> Iterator[EmbeddedTrunk]:
    """Give an embedded trunk in this process: it outlives the command and remembers all it saw."""
    with EmbeddedTrunk() as running:
        yield running


def killed_in_mid_call(place: UserFolder, trunk: EmbeddedTrunk, *flags: str) -> None:
    """Start a run that registers and calls, and kill it with its worker while the call is up."""
    place.trunk(uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}", password=trunk.password)
    place.scenario('- register:\n- call: "+12025550123"\n  hangup_after: 60s')
    running = place.start("run", "check", *flags, env={"XDG_STATE_HOME": str(place.path / "state")})
    acks = lambda: sum(m.method == "ACK" for m in trunk.log)  # noqa: E731 - one for the 407
    assert poll(lambda: acks() >= 2, 20.0), trunk.log
    os.kill(running.pid, signal.SIGSTOP)  # else it would hang up for its dead worker
    for pid in (*place.workers(running), running.pid):
        os.kill(pid, signal.SIGKILL)
    running.finish()
    assert len(trunk.bindings) == 1


def ended(trunk: EmbeddedTrunk) -> list[str]:
    """Return who ended each call that the trunk saw through."""
    return [str(call.ended_by) for call in trunk.calls if call.state == "ended"]


@pytest.mark.parametrize("store", [True, False])
def test_doctor_ends_the_call_and_the_registration(
    folder: UserFolder, trunk: EmbeddedTrunk, store: bool
) -> None:
    """Its journal is in the run's folder, or in the state folder where nothing is stored."""
    state = {"XDG_STATE_HOME": str(folder.path / "state")}
    killed_in_mid_call(folder, trunk, *(() if store else ("--no-store",)))
    where = folder.path / ("results" if store else "state/sipprobe/live")
    (left,) = where.rglob("dialogs-*.jsonl")
    assert trunk.password not in left.read_text()
    assert ended(trunk) == []
    doctor = folder.command("doctor", "--orphans", env=state)
    assert doctor.exit_code == 0, doctor.stderr
    assert "confirmed: BYE was answered with 200" in doctor.stdout
    assert ": removed" in doctor.stdout
    assert ended(trunk) == ["caller"]
    assert trunk.bindings == ()
    assert not left.exists()
    again = folder.command("doctor", "--orphans", env=state)
    assert (again.exit_code, again.stdout) == (
        0,
        "no call or registration was left by a killed run\n",
    )


def test_registration_without_its_profile_is_named_with_its_end(
    folder: UserFolder, trunk: EmbeddedTrunk
) -> None:
    """Who has no password can still say when it ends by itself."""
    killed_in_mid_call(folder, trunk)
    (folder.path / "sipprobe.yaml").unlink()
    doctor = folder.command("doctor", "--orphans")
    assert doctor.exit_code == 1
    assert "confirmed: BYE was answered with 200" in doctor.stdout
    assert "ends by itself at 2" in doctor.stdout
    assert "not removed: no profile of sipprobe.yaml is this account" in doctor.stdout
    assert len(trunk.bindings) == 1
