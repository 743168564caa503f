"""Nothing dangerous leaves the machine: the whole program against a port that listens."""

import select
import socket
from itertools import pairwise

import pytest
from ports import LOOPBACK
from userfolder import UserFolder

from probe.simulator.trunk import EmbeddedTrunk

NUMBERS = ("112", "911", "999", "000", "110", "118", "119", "113", "115", "191", "15")
FORMS = (
    "{}", "0{}", "9{}", "00{}", "011{}", "+{}", "9,{}", "tel:{}", "tel:{};phone-context=+1",
    "sip:{}@pbx.example", "sip:%{}@pbx.example", "sips:9{}@pbx.example;user=phone", "#31#{}",
)  # fmt: skip


def spelled(form: str, number: str) -> str:
    """Write a number in a form; with a percent sign in the form its digits are escaped."""
    if "%" in form:
        return form.replace("%{}", "".join(f"%3{digit}" for digit in number))
    return form.format("-".join(number))


@pytest.mark.parametrize("form", FORMS)
def test_no_spelling_of_an_emergency_number_makes_a_packet(folder: UserFolder, form: str) -> None:
    """Each step is refused at its line, and the port of the trunk hears nothing."""
    # Two digits after a service code are part of the code.
    calls = [spelled(form, n) for n in NUMBERS if len(n) > 2 or not form.startswith("#")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((LOOPBACK, 0))
        folder.trunk(uri=f"sip:100@{LOOPBACK}:{wire.getsockname()[1]}")
        folder.scenario("- options:\n" + "".join(f'- call: "{to}"\n' for to in calls))
        done = folder.command("run", "check")
        assert done.exit_code == 2
        assert done.stderr.count("; it is never dialled") == len(calls)
        assert not select.select([wire], [], [], 0)[0]


def test_cap_of_a_run_holds_before_anything_is_sent(folder: UserFolder) -> None:
    """A cap that is written counts on loopback too: the third of two calls is refused at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((LOOPBACK, 0))
        folder.trunk(uri=f"sip:100@{LOOPBACK}:{wire.getsockname()[1]}", caps={"calls_per_run": "2"})
        folder.scenario('- call: "2000"\n' * 3)
        done = folder.command("run", "check")
        assert done.exit_code == 2
        assert "this is call 3 of the run, and a run may make 2" in done.stderr
        assert not select.select([wire], [], [], 0)[0]


def test_number_that_the_environment_brought_makes_no_packet(folder: UserFolder) -> None:
    """Nobody who reads the file or the command sees it; typed in the command it is called."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((LOOPBACK, 0))
        folder.trunk(uri=f"sip:100@{LOOPBACK}:{wire.getsockname()[1]}")
        folder.scenario("- call: ${TO}\n  timeout: 1s\n")
        done = folder.command("run", "check", env={"TO": "2000"})
        assert done.exit_code == 2
        assert "it came from the environment through ${TO}" in done.stderr
        assert 'sipprobe.yaml:5: allow_to: ["2000"]' in done.stderr
        assert not select.select([wire], [], [], 0)[0]
        folder.command("run", "check", "--var", "TO=2000", env={"TO": "2001"})
        assert b"sip:2000@" in wire.recv(65535)


def test_two_runs_together_keep_to_one_call_at_a_time(folder: UserFolder) -> None:
    """Three calls each through one account: never two of them are up, and all are made."""
    state = {"XDG_STATE_HOME": str(folder.path / "state")}
    with EmbeddedTrunk() as trunk:
        folder.trunk(
            uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}",
            password=trunk.password,
            caps={"concurrent_calls": "1"},
        )
        folder.scenario('- call: "+12025550123"\n  hangup_after: 0.3s\n' * 3)
        runs = [folder.start("run", "check", "--no-store", env=state) for _ in range(2)]
        assert [run.finish().exit_code for run in runs] == [0, 0]
        up: set[str] = set()
        most = calls = 0
        for message in trunk.log:
            if message.direction != "received" or message.method not in {"INVITE", "BYE"}:
                continue
            call_id = message.text.partition("Call-ID: ")[2].partition("\r\n")[0]
            if message.method == "BYE":
                up.discard(call_id)
                calls += 1
            else:
                up.add(call_id)
            most = max(most, len(up))
    assert (most, calls) == (1, 6)


def test_rate_of_the_command_is_kept(folder: UserFolder) -> None:
    """Four calls at two a second: turns are half a second apart.

    The first call leaves later than its turn, because the worker opens the account first.
    """
    with EmbeddedTrunk() as trunk:
        folder.trunk(uri=f"sip:{trunk.user}@{LOOPBACK}:{trunk.udp_port}", password=trunk.password)
        folder.scenario('- call: "+12025550123"\n  hangup_after: 0.01s\n' * 4)
        run = folder.run("check", flags=("--cps", "2"))
    assert run.exit_code == 0
    sent = [m for m in run.messages("MessageSent") if m["text"].startswith("INVITE")]
    first = {m["text"].partition("Call-ID: ")[2].partition("\r\n")[0]: m["at"] for m in sent[::-1]}
    begun = sorted(first.values())
    assert len(begun) == 4
    assert min(later - earlier for earlier, later in pairwise(begun[1:])) > 0.4
    assert begun[-1] - begun[0] > 1.2
