"""What dumpcap saw is explained like what the run itself recorded."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kamailio import Kamailio
from ports import LOOPBACK, free_port
from processes import program
from sipp import SippUas
from userfolder import Run, UserFolder
from wire import Capture

NUMBER = "12025550123"

QUIET = ("--no-controls",)
"""Nothing is asked after a failure: a capture shows such questions as dialogs of their own."""


def explained(folder: UserFolder, pcap: Path, *flags: str) -> dict[str, Any]:
    """Return what explain says of a capture."""
    done = folder.command("explain", str(pcap), "--format", "json", *flags)
    assert done.exit_code == 0, done.stderr
    told: dict[str, Any] = done.json
    return told


def called(
    folder: UserFolder, port: int, transport: str = "", *, flags: tuple[str, ...] = QUIET
) -> Run:
    """Place a call that expects nothing in particular, and return the run."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}{transport}")
    folder.scenario(f'- call: "{NUMBER}"\n  hangup_after: 0.1s')
    return folder.run("check", flags=flags)


def same_explanation(run: Run, told: dict[str, Any]) -> None:
    """Hold that a capture tells of the one failure of a run what the run told."""
    (ours,), (theirs,) = run.findings, told["findings"]
    for key in ("method", "outcome", "responses", "failure", "expected", "observed"):
        assert theirs[key] == ours[key], key
    causes = [[cause["id"] for cause in one["explanation"]["causes"]] for one in (ours, theirs)]
    assert causes[0][0] == causes[1][0]
    assert theirs["timing"]["total_s"] <= ours["timing"]["total_s"] + 0.5
    unknown = theirs["explanation"]["unknown"]
    assert "How our side is configured: a capture holds messages, no settings." in unknown


@contextmanager
def watching(pcap: Path, only: str, *, interface: str = "lo") -> Iterator[None]:
    """Let dumpcap write four packets while the block runs; ICMP errors belong to no port."""
    dumpcap = program("dumpcap")
    asked = subprocess.run(
        [dumpcap, "-L", "-i", interface], capture_output=True, timeout=10, check=False
    )
    if asked.returncode != 0:
        pytest.skip("dumpcap may not capture here: run the tests as root")
    command = [dumpcap, "-q", "-i", interface, "-f", only, "-a", "packets:4", "-w", str(pcap)]
    with subprocess.Popen([*command, "-a", "duration:30"], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:  # it says so when it listens
            if b"File:" in line:
                break
        yield
        process.wait(40)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("code", "reason", "extra", "cause"),
    [
        ("403", "Forbidden", "Server: SIPp", "F060"),
        ("486", "Busy Here", "Reason: Q.850;cause=17", "F093"),
        ("503", "Maximum calls per second", "Retry-After: 30", "F128"),
    ],
)
def test_refusal_by_sipp(  # noqa: PLR0913, PLR0917 - what is refused, how, and who watches
    sipp_uas: Callable[..., SippUas],
    capture: Callable[..., Capture],
    folder: UserFolder,
    transport: str,
    code: str,
    reason: str,
    extra: str,
    cause: str,
) -> None:
    """The cause that comes first is that of the run, over UDP and TCP."""
    keys = {"code": code, "reason": reason, "extra": extra}
    uas = sipp_uas("refuse", transport=transport, keys=keys)
    recording = capture(uas.port)
    run = called(folder, uas.port, "" if transport == "udp" else ";transport=tcp")
    assert run.exit_code == 1, run.finished.stderr
    recording.stop()
    told = explained(folder, recording.pcap)
    same_explanation(run, told)
    assert told["findings"][0]["explanation"]["causes"][0]["id"] == cause
    text = folder.command("explain", str(recording.pcap)).stdout
    assert f"expected 2xx, got {code} {reason}" in text
    assert f"{LOOPBACK}:{uas.port}" in text


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_good_call_has_no_finding(
    sipp_uas: Callable[..., SippUas],
    capture: Callable[..., Capture],
    folder: UserFolder,
    transport: str,
) -> None:
    """Nothing is found where nothing failed."""
    uas = sipp_uas("answer", transport=transport)
    recording = capture(uas.port)
    run = called(folder, uas.port, "" if transport == "udp" else ";transport=tcp")
    assert run.exit_code == 0, run.finished.stdout
    recording.stop()
    told = explained(folder, recording.pcap)
    assert told["findings"] == []
    assert told["run"]["counts"]["met"] == 0
    (good,) = explained(folder, recording.pcap, "--all")["findings"]
    assert good["responses"] == run.findings[0]["responses"]


def test_call_between_two_other_programs(
    sipp_uas: Callable[..., SippUas], folder: UserFolder, tmp_path: Path
) -> None:
    """SIPp calls SIPp; dumpcap watches every interface and writes pcapng with cooked headers."""
    uas = sipp_uas("busy")
    pcap = tmp_path / "any.pcapng"
    caller = [program("sipp"), "-sn", "uac", f"{LOOPBACK}:{uas.port}", "-i", LOOPBACK, "-m", "1"]
    caller += ["-p", str(free_port()), "-cp", str(free_port()), "-mp", str(free_port(4))]
    caller += ["-nostdin", "-timeout", "10s", "-s", NUMBER]
    with watching(pcap, f"udp port {uas.port}", interface="any"):
        subprocess.run(caller, capture_output=True, timeout=20, check=False, cwd=tmp_path)
    told = explained(folder, pcap)
    (finding,) = told["findings"]
    assert finding["attempt"].startswith(f"call {NUMBER} at ")
    assert finding["responses"] == [100, 486]
    assert finding["explanation"]["causes"][0]["id"] == "F093"


def test_login_that_is_refused(
    kamailio: Kamailio, capture: Callable[..., Capture], folder: UserFolder
) -> None:
    """A wrong password is as likely, and its digest is not in the output."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{kamailio.udp_port}", password="not-the-one")
    folder.scenario("- register:")
    recording = capture(kamailio.udp_port)
    run = folder.run("check", flags=QUIET)
    assert run.exit_code == 1
    recording.stop()
    told = explained(folder, recording.pcap)
    same_explanation(run, told)
    raw = recording.pcap.read_bytes()
    response = raw.partition(b'response="')[2][:32].decode()
    assert len(response) == 32
    shown = folder.command("explain", str(recording.pcap)).stdout
    assert response not in shown + str(told)
    assert "not-the-one" not in shown


def test_closed_port(folder: UserFolder, closed_udp_port: int, tmp_path: Path) -> None:
    """The kernel's own ICMP error proves it, in the run and in the capture."""
    pcap = tmp_path / "closed.pcapng"
    quoting_it = f"icmp[30:2] = {closed_udp_port}"  # the port in the quoted UDP header
    with watching(pcap, f"{quoting_it} or udp port {closed_udp_port}"):
        run = called(folder, closed_udp_port)
    told = explained(folder, pcap)
    same_explanation(run, told)
    why = told["findings"][0]["explanation"]
    assert (why["certainty"], why["causes"][0]["id"]) == ("certain", "F014")


def test_refused_connection(
    capture: Callable[..., Capture], folder: UserFolder, closed_tcp_port: int
) -> None:
    """RST to SYN carries no request: where nothing else speaks of SIP at the port, none is told."""
    recording = capture(closed_tcp_port)
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{closed_tcp_port};transport=tcp")
    folder.scenario("- options:")
    run = folder.run("check", flags=QUIET)
    assert run.findings[0]["failure"] == "TCP_REFUSED"
    recording.stop()
    refused = folder.command("explain", str(recording.pcap))
    assert refused.exit_code == 2  # a port that is none of SIP's, and no message
    assert "holds no SIP message" in refused.stderr


def test_own_capture_of_a_run(sipp_uas: Callable[..., SippUas], folder: UserFolder) -> None:
    """call.pcap of a run folder tells what the run told."""
    uas = sipp_uas("busy")
    run = called(folder, uas.port)
    assert run.folder is not None
    same_explanation(run, explained(folder, run.folder / "call.pcap"))


def test_stored_run_is_explained_anew(sipp_uas: Callable[..., SippUas], folder: UserFolder) -> None:
    """The block is the one that the run printed, questions after the failure included."""
    uas = sipp_uas("refuse", keys={"code": "480", "reason": "Temporarily Unavailable"})
    run = called(folder, uas.port, flags=())
    again = folder.command("explain", "last")
    assert again.exit_code == 0
    printed = run.finished.stdout
    block = printed[printed.index("FAIL  ") : printed.index("again: sipprobe run")]
    assert block in again.stdout
    assert again.stdout.startswith("Explained anew from the trace")
