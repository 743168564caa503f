"""A bug of ours while a call is up: the trunk is left in order all the same."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ended

from probe.cli.progress import Progress
from probe.plan.action import Hangup
from probe.plan.plan import Attempt
from probe.results import load
from probe.simulator.trunk import EmbeddedTrunk

STEPS = "trunk: peer\nsteps:\n  - register:\n  - call: '+12025550123'\n  - hangup:\n"


@pytest.mark.pjsua2
def test_bug_in_mid_call_hangs_up_and_keeps_what_was_found(
    sipprobe: Callable[..., Ended], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BYE and un-REGISTER reach the trunk; the scenario before is stored; status 4."""

    def begins(_: Progress, attempt: Attempt, _number: int) -> None:
        if isinstance(attempt.action, Hangup):
            raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(Progress, "begins", begins)
    monkeypatch.setenv("TRUNK_PASSWORD", "a-password-of-tests")
    with EmbeddedTrunk(password="a-password-of-tests") as trunk:
        uri = f"sip:{trunk.user}@{trunk.host}:{trunk.udp_port}"
        (here / "sipprobe.yaml").write_text(
            f"trunks:\n  peer:\n    uri: {uri}\n    local_address: {trunk.host}\n"
            "    password: ${TRUNK_PASSWORD}\n"
        )
        (here / "a.sip.yaml").write_text("trunk: peer\nsteps: [options: ]\n")
        (here / "b.sip.yaml").write_text(STEPS)
        ended = sipprobe("run", "a.sip.yaml", "b.sip.yaml")
        left = trunk.bindings
        byes = [m for m in trunk.log if m.is_request and m.method == "BYE"]
    assert ended.status == 4, ended
    assert len(byes) == 1
    assert left == ()
    (folder,) = (here / "results").iterdir()
    assert [found["scenario"] for found in load(folder)["findings"]] == ["a"]
    assert load(folder)["run"]["complete"] is False
