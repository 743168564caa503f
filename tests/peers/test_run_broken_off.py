"""A worker that dies, a user who presses Ctrl-C: the peer is told, and nothing is lost."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import dpkt
import pytest
from kamailio import Kamailio
from ports import LOOPBACK
from processes import poll
from sipp import SippUas
from sipprobe_command import RunningSipprobe
from userfolder import Run, UserFolder
from wire import Capture

from probe.agent.script import SETTLE_S

StartUas = Callable[..., SippUas]

TWO_CALLS = """
- call: "sip:first@127.0.0.1:%d"
  hangup_after: %s
- call: "sip:second@127.0.0.1:%d"
  hangup_after: 0.1s
"""


def until_peer_has(uas: SippUas, line: str) -> None:
    """Wait until a far end has logged a message, given as `< METHOD` or `> SIP/2.0 CODE`."""
    assert poll(lambda: any(seen.startswith(line) for seen in uas.first_lines()), 15.0), (
        f"the far end never had {line}: {uas.first_lines()}"
    )


def kill_the_worker(place: UserFolder, running: RunningSipprobe) -> None:
    """End the worker of a command the hard way, once it has read what lies at its socket."""
    (worker,) = place.workers(running)
    before = turns(worker)
    assert poll(lambda: turns(worker) >= before + 5, 5.0)
    os.kill(worker, signal.SIGKILL)


def turns(worker: int) -> int:
    """Return how often a worker went to sleep: between two times it reads its socket."""
    status = Path("/proc", str(worker), "status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def packets(run: Run) -> int:
    """Read a run's call.pcap and return how many packets it holds."""
    assert run.folder is not None
    with (run.folder / "call.pcap").open("rb") as file:
        return sum(1 for _ in dpkt.pcap.UniversalReader(file))


@pytest.fixture
def trunk_there(folder: UserFolder) -> UserFolder:
    """Give a user's folder whose trunk has an address of its own, which nothing here calls."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}")
    return folder


def assert_complete(run: Run, recording: Capture, port: int) -> None:
    """Hold that the traces have each message between us and a peer's port, in order, once."""
    us = run.messages()[0]["local"]
    wire = [m for m in recording.sip(port) if us in {m.src, m.dst}]
    ours = [(m["type"] == "MessageSent", m["text"].partition("\r")[0]) for m in run.messages()]
    assert ours == [(m.src == us, m.first_line) for m in wire]
    assert packets(run) == len(wire)


# A worker dies


def test_a_killed_worker_costs_its_own_attempt_only(
    sipp_uas: StartUas, trunk_there: UserFolder
) -> None:
    """The broken call is INCONCLUSIVE and ended at the peer; the next one is judged."""
    first, second = sipp_uas("answer"), sipp_uas("answer")
    trunk_there.scenario(TWO_CALLS % (first.port, "20s", second.port))
    running = trunk_there.start("run", "check", "--results", "results")
    until_peer_has(first, "< ACK")
    kill_the_worker(trunk_there, running)
    run = trunk_there.read(running)
    assert run.exit_code == 3, run.finished.stdout
    broken, after = run.findings
    assert (broken["outcome"], broken["failure"]) == ("INCONCLUSIVE", "AGENT_CRASHED")
    assert broken["responses"] == [100, 180, 200]
    assert after["outcome"] == "MET"
    assert first.wait() == 0  # its script ends with our BYE
    assert "< BYE" in str(first.first_lines())
    assert second.wait() == 0
    assert run.report["run"]["counts"]["inconclusive"] == 1
    assert len(run.traces["findings"]) == 2
    assert packets(run) == len(run.messages())
    invites = [line for line in run.first_lines() if line.startswith("> INVITE")]
    assert len(invites) == 2  # nothing is dialled twice


def test_a_worker_killed_while_it_rings_leaves_no_ringing_phone(
    sipp_uas: StartUas, trunk_there: UserFolder
) -> None:
    """The supervisor sends the CANCEL that the dead worker owes."""
    uas = sipp_uas("ring_forever")
    trunk_there.scenario(f'- call: "sip:ringing@127.0.0.1:{uas.port}"')
    running = trunk_there.start("run", "check", "--results", "results")
    until_peer_has(uas, "> SIP/2.0 180")
    kill_the_worker(trunk_there, running)
    run = trunk_there.read(running)
    assert run.exit_code == 3
    assert run.findings[0]["failure"] == "AGENT_CRASHED"
    until_peer_has(uas, "< CANCEL")
    until_peer_has(uas, "> SIP/2.0 487")


def test_not_met_wins_over_a_killed_worker(sipp_uas: StartUas, trunk_there: UserFolder) -> None:
    """A crash of ours in one attempt and a refusal in another: exit 1, since that one is known."""
    first, second = sipp_uas("answer"), sipp_uas("busy")
    trunk_there.scenario(TWO_CALLS % (first.port, "20s", second.port))
    running = trunk_there.start("run", "check", "--results", "results")
    until_peer_has(first, "< ACK")
    kill_the_worker(trunk_there, running)
    run = trunk_there.read(running)
    assert run.exit_code == 1
    assert [finding["outcome"] for finding in run.findings] == ["INCONCLUSIVE", "NOT_MET"]
    assert run.findings[1]["responses"][-1:] == [486], run.finished.stdout


def test_a_killed_worker_leaves_no_registration(
    kamailio: Kamailio, capture: Callable[..., Capture], sipp_uas: StartUas, folder: UserFolder
) -> None:
    """Killed in a call of a registered account: its successor removes the registration."""
    uas = sipp_uas("answer")
    recording = capture(kamailio.udp_port)
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{kamailio.udp_port}", password=kamailio.password)
    folder.scenario(
        f'- register:\n- call: "{kamailio.number_to(uas.port)}"\n  hangup_after: 20s\n- options:'
    )
    running = folder.start("run", "check", "--results", "results")
    until_peer_has(uas, "< ACK")
    kill_the_worker(folder, running)
    run = folder.read(running)
    assert run.exit_code == 3, run.finished.stdout
    assert [f["outcome"] for f in run.findings] == ["MET", "INCONCLUSIVE", "MET"]
    assert uas.wait() == 0
    assert "\r\nExpires: 0\r\n" in run.messages("MessageSent")[-1]["text"]
    assert last_register_removed(recording, kamailio)
    assert_complete(run, recording, kamailio.udp_port)


# What peers send and the engine does not survive


def invites_seen(uas: SippUas) -> int:
    """Return how many INVITE transactions a far end has seen."""
    seen = [m for m in uas.messages() if not m.sent and m.first_line.startswith("INVITE")]
    return len({(m.header("Call-ID"), m.header("Via")) for m in seen})


def test_an_answer_that_aborts_the_stack_is_kept(
    sipp_uas: StartUas, trunk_there: UserFolder
) -> None:
    """A 200 whose Contact is a tel: URI kills pjsip: it is in the trace, the call is ended."""
    first, second = sipp_uas("tel_contact"), sipp_uas("answer")
    trunk_there.scenario(TWO_CALLS % (first.port, "0.1s", second.port))
    run = trunk_there.run("check")
    broken, after = run.findings
    assert broken["responses"] == [100, 180, 200]
    if broken["outcome"] == "INCONCLUSIVE":
        assert broken["failure"] == "AGENT_CRASHED"
        assert run.exit_code == 3
    else:  # an engine without that fault can be judged, and then does not say that it crashed
        assert broken["failure"] != "AGENT_CRASHED"
    assert after["outcome"] == "MET"
    assert first.wait() == 0  # our BYE came although the worker was dead
    assert (invites_seen(first), invites_seen(second)) == (1, 1)


def test_an_early_answer_that_refuses_the_audio_is_kept_and_judged(
    sipp_uas: StartUas, trunk_there: UserFolder
) -> None:
    """A 183 with port 0 makes pjsip abort or cancel: dialled once, and the next call is judged."""
    first, second = sipp_uas("port0_183_then_200"), sipp_uas("answer")
    trunk_there.scenario(TWO_CALLS % (first.port, "0.1s", second.port))
    run = trunk_there.run("check")
    broken, after = run.findings
    assert 183 in broken["responses"]
    assert broken["failure"] in {"UNUSABLE_ANSWER", "AGENT_CRASHED"}
    assert (broken["outcome"] == "INCONCLUSIVE") == (broken["failure"] == "AGENT_CRASHED")
    assert broken["timing"]["total_s"] < 5.0
    assert after["outcome"] == "MET"
    assert second.wait() == 0
    assert invites_seen(first) == 1


# Ctrl-C


def last_register_removed(recording: Capture, kamailio: Kamailio) -> bool:
    """Say whether the last REGISTER on the wire asked for removal and was granted."""
    messages = [m for m in recording.sip(kamailio.udp_port) if m.cseq.endswith("REGISTER")]
    assert messages[-1].first_line.startswith("SIP/2.0 200")
    raw = recording.pcap.read_bytes()
    last = raw.rindex(b"REGISTER sip:")
    return messages[-2].first_line.startswith("REGISTER") and b"\r\nExpires: 0\r\n" in raw[last:]


def interrupted_at(
    place: UserFolder, peer: Kamailio, uas: SippUas, when: str, flags: tuple[str, ...] = ()
) -> tuple[Run, float]:
    """Register, call a far end, press Ctrl-C when it has a message; return the run and how long."""
    place.trunk(uri=f"sip:100@{LOOPBACK}:{peer.udp_port}", password=peer.password)
    place.scenario(
        f'- register:\n- call: "{peer.number_to(uas.port)}"\n  hangup_after: 30s\n- options:'
    )
    running = place.start("run", "check", "--results", "results", *flags)
    until_peer_has(uas, when)
    began = time.monotonic()
    os.kill(running.pid, signal.SIGINT)
    run = place.read(running)
    return run, time.monotonic() - began


@pytest.mark.parametrize(
    ("scenario", "when", "ending"),
    [("answer", "< ACK", "< BYE"), ("ring_forever", "> SIP/2.0 180", "< CANCEL")],
)
def test_ctrl_c_ends_the_call_and_the_registration(  # noqa: PLR0913, PLR0917 - fixtures and a table
    kamailio: Kamailio,
    capture: Callable[..., Capture],
    sipp_uas: StartUas,
    folder: UserFolder,
    scenario: str,
    when: str,
    ending: str,
) -> None:
    """BYE in a call, CANCEL while it rings, then un-REGISTER; report printed, exit 130."""
    uas = sipp_uas(scenario)
    recording = capture(kamailio.udp_port)
    run, took = interrupted_at(folder, kamailio, uas, when)
    assert run.exit_code == 130
    assert took < 10.0  # a second where nobody else computes
    assert uas.wait() == 0
    assert any(line.startswith(ending) for line in uas.first_lines())
    assert last_register_removed(recording, kamailio)
    assert run.report["run"]["interrupted"] is True
    assert run.findings[0]["outcome"] == "MET"
    assert run.findings[1]["outcome"] == "INCONCLUSIVE"
    assert run.findings[1]["failure"] == "INTERRUPTED"
    assert "check" in run.finished.stdout
    assert "interrupted" in run.finished.stdout
    assert_complete(run, recording, kamailio.udp_port)


def test_ctrl_c_leaves_standard_output_to_the_chosen_format(
    kamailio: Kamailio, sipp_uas: StartUas, folder: UserFolder
) -> None:
    """Interrupted, the JSON on standard output is still whole and the same as what was stored."""
    uas = sipp_uas("answer")
    run, _ = interrupted_at(folder, kamailio, uas, "< ACK", ("--format", "json"))
    assert run.exit_code == 130
    printed = json.loads(run.finished.stdout)
    assert printed["findings"] == run.report["findings"]
    assert uas.wait() == 0


def test_sigterm_ends_a_call_like_ctrl_c(sipp_uas: StartUas, trunk_there: UserFolder) -> None:
    """A service manager's stop hangs up too."""
    uas = sipp_uas("answer")
    trunk_there.scenario(f'- call: "sip:x@127.0.0.1:{uas.port}"\n  hangup_after: 30s')
    running = trunk_there.start("run", "check", "--results", "results")
    until_peer_has(uas, "< ACK")
    os.kill(running.pid, signal.SIGTERM)
    run = trunk_there.read(running)
    assert run.exit_code == 130
    assert uas.wait() == 0


def test_a_killed_command_still_hangs_up(sipp_uas: StartUas, trunk_there: UserFolder) -> None:
    """SIGKILL of the command itself: its worker notices, sends the BYE, and goes."""
    uas = sipp_uas("answer")
    trunk_there.scenario(f'- call: "sip:x@127.0.0.1:{uas.port}"\n  hangup_after: 30s')
    running = trunk_there.start("run", "check", "--results", "results")
    until_peer_has(uas, "< ACK")
    os.kill(running.pid, signal.SIGKILL)
    assert running.finish(5.0).exit_code == -signal.SIGKILL
    assert uas.wait() == 0
    assert "< BYE" in str(uas.first_lines())


def test_ctrl_c_while_nobody_answers_is_quick(silent_udp_port: int, folder: UserFolder) -> None:
    """There is no call to end: the 4 s that a BYE is given are not waited for."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{silent_udp_port}")
    folder.scenario('- call: "12025550123"')
    running = folder.start("run", "check", "--results", "results")
    assert poll(lambda: bool(folder.workers(running)), 5.0)
    assert poll(lambda: _bytes_waiting(silent_udp_port) > 0, 5.0)
    began = time.monotonic()
    os.kill(running.pid, signal.SIGINT)
    run = folder.read(running)
    assert time.monotonic() - began < SETTLE_S
    assert run.exit_code == 130
    assert run.findings[0]["failure"] == "INTERRUPTED"


def _bytes_waiting(port: int) -> int:
    """Return how many bytes wait unread at a UDP port on loopback, from the kernel's table."""
    with open("/proc/net/udp", encoding="ascii") as table:  # noqa: PTH123 - one line read often
        for line in table:
            columns = line.split()
            if columns[1] == f"0100007F:{port:04X}":
                return int(columns[4].partition(":")[2], 16)
    return 0
