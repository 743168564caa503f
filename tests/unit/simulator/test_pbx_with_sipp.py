"""SIPp on both sides of a call through the embedded PBX: parties that none of us wrote."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.simulator.trunk import EmbeddedTrunk

HEAD = """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{user}@127.0.0.1>;tag=[call_number]
To: <sip:{to}@127.0.0.1>
Call-ID: [call_id]
CSeq: {cseq}
Contact: <sip:{user}@[local_ip]:[local_port]>
Max-Forwards: 70
"""
SDP = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""


def send(  # noqa: PLR0913, PLR0917 - a request has that many parts
    start: str, cseq: int, user: str, to: str, more: str = "", body: str = ""
) -> str:
    """Return a request that SIPp sends."""
    method = start.partition(" ")[0]
    head = HEAD.format(user=user, to=to, cseq=f"{cseq} {method}")
    text = f"{start}\n{head}{more}{body or 'Content-Length: 0'}\n"
    return f'<send retrans="500"><![CDATA[\n{text}\n]]></send>'


def registering(user: str) -> str:
    """Return a SIPp scenario that registers with digest."""
    line = "REGISTER sip:127.0.0.1 SIP/2.0"
    login = f"[authentication username={user} password=secret]\nExpires: 300\n"
    steps = [
        send(line, 1, user, user, "Expires: 300\n"),
        '<recv response="401" auth="true"/>',
        send(line, 2, user, user, login),
        '<recv response="200"/>',
    ]
    return '<scenario name="register">' + "\n".join(steps) + "</scenario>"


def calling(user: str, to: str) -> str:
    """Return a SIPp scenario that calls with digest, talks a moment and hangs up."""
    line = f"INVITE sip:{to}@127.0.0.1 SIP/2.0"
    login = f"[authentication username={user} password=secret]\n"
    answered = "[last_To:]"

    def ack(cseq: int, branch: str) -> str:
        head = HEAD.format(user=user, to=to, cseq=f"{cseq} ACK").replace("[branch]", branch)
        head = head.replace(f"To: <sip:{to}@127.0.0.1>", answered)
        text = f"ACK sip:{to}@127.0.0.1 SIP/2.0\n{head}Content-Length: 0\n"
        return f"<send><![CDATA[\n{text}\n]]></send>"

    bye = send(f"BYE sip:{to}@127.0.0.1 SIP/2.0", 4, user, to)
    steps = [
        send(line, 2, user, to, body=SDP),
        '<recv response="407" auth="true"/>',
        ack(2, "[branch-1]"),
        send(line, 3, user, to, login, SDP),
        '<recv response="100" optional="true"/>',
        '<recv response="180"/>',
        '<recv response="200"/>',
        ack(3, "[branch]"),
        '<pause milliseconds="100"/>',
        bye.replace(f"To: <sip:{to}@127.0.0.1>", answered),
        '<recv response="200"/>',
    ]
    return '<scenario name="call">' + "\n".join(steps) + "</scenario>"


def sipp(folder: Path, *more: str, text: str = "") -> list[str]:
    """Return a command that runs SIPp on loopback alone."""
    command = ["sipp", "-nostdin", "-timeout", "40", "-timeout_error"]
    command += ["-i", "127.0.0.1", "-ci", "127.0.0.1", "-mi", "127.0.0.1"]
    if text:
        script = folder / f"{len(list(folder.iterdir()))}.xml"
        script.write_text('<?xml version="1.0" encoding="UTF-8"?>\n' + text)
        command += ["-sf", str(script)]
    return [*command, *more]


def free_port() -> int:
    """Return a UDP port that is free now; SIPp would take 5060 wherever it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_until_bound(port: int) -> None:
    """Wait until somebody holds a UDP port."""
    until = time.monotonic() + 20
    while f" 0100007F:{port:04X} " not in Path("/proc/net/udp").read_text():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.peer
@pytest.mark.parametrize("mode", ["u1", "t1"])
def test_sipp_calls_sipp(start: Callable[..., EmbeddedTrunk], tmp_path: Path, mode: str) -> None:
    """Eight calls, two at a time: each is answered, confirmed and hung up on both legs."""
    trunk = start(password="secret")
    port = trunk.udp_port if mode == "u1" else trunk.tcp_port
    there = f"127.0.0.1:{port}"
    called = free_port()
    login = ["-t", "u1", "-m", "1", "-p", str(called), f"127.0.0.1:{trunk.udp_port}"]
    done = subprocess.run(
        sipp(tmp_path, *login, text=registering("101")),
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    (binding,) = trunk.bindings_of("101")
    assert binding.flow.peer == ("127.0.0.1", called)
    with subprocess.Popen(
        sipp(tmp_path, "-sn", "uas", "-m", "8", "-t", "u1", "-p", str(called)),
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as answering:  # fmt: skip
        try:
            wait_until_bound(called)
            caller = ["-p", str(free_port()), "-t", mode, "-m", "8", "-l", "2", "-r", "20", there]
            done = subprocess.run(
                sipp(tmp_path, *caller, text=calling("100", "101")),
                cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr
            assert answering.wait(20) == 0
        finally:
            answering.kill()
    calls = trunk.calls
    assert len(calls) == 16
    assert sum(call.outgoing for call in calls) == 8
    assert {(call.state, call.code, call.ended_by) for call in calls} == {("ended", 200, "caller")}
