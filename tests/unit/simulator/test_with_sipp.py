"""SIPp, a user agent that none of us wrote, calls the trunk."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.simulator.trunk import EmbeddedTrunk

SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="register and call">
  <send retrans="500"><![CDATA[
REGISTER sip:127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@127.0.0.1>;tag=[call_number]
To: <sip:100@127.0.0.1>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:100@[local_ip]:[local_port]>
Max-Forwards: 70
Expires: 300
Content-Length: 0
]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
REGISTER sip:127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@127.0.0.1>;tag=[call_number]
To: <sip:100@127.0.0.1>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:100@[local_ip]:[local_port]>
[authentication username=100 password=secret]
Max-Forwards: 70
Expires: 300
Content-Length: 0
]]></send>
  <recv response="200"/>
  <send retrans="500"><![CDATA[
INVITE sip:+12025550123@127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@127.0.0.1>;tag=[call_number]
To: <sip:+12025550123@127.0.0.1>
Call-ID: [call_id]
CSeq: 3 INVITE
Contact: <sip:100@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0
]]></send>
  <recv response="407" auth="true"/>
  <send><![CDATA[
ACK sip:+12025550123@127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-1]
From: <sip:100@127.0.0.1>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 3 ACK
Max-Forwards: 70
Content-Length: 0
]]></send>
  <send retrans="500"><![CDATA[
INVITE sip:+12025550123@127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@127.0.0.1>;tag=[call_number]
To: <sip:+12025550123@127.0.0.1>
Call-ID: [call_id]
CSeq: 4 INVITE
Contact: <sip:100@[local_ip]:[local_port]>
[authentication username=100 password=secret]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180"/>
  <recv response="200"/>
  <send><![CDATA[
ACK sip:+12025550123@127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@127.0.0.1>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 4 ACK
Max-Forwards: 70
Content-Length: 0
]]></send>
  <send retrans="500"><![CDATA[
BYE sip:+12025550123@127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@127.0.0.1>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 5 BYE
Max-Forwards: 70
Content-Length: 0
]]></send>
  <recv response="200"/>
</scenario>
"""


@pytest.mark.peer
@pytest.mark.parametrize("mode", ["u1", "t1"])
def test_sipp_registers_and_calls(
    start: Callable[..., EmbeddedTrunk], tmp_path: Path, mode: str
) -> None:
    """SIPp registers with digest, calls, is answered and hangs up, over UDP and TCP."""
    trunk = start(password="secret")
    scenario = tmp_path / "call.xml"
    scenario.write_text(SCENARIO)
    port = trunk.udp_port if mode == "u1" else trunk.tcp_port
    command = ["sipp", "-sf", str(scenario), "-m", "1", "-t", mode, "-nostdin"]
    command += ["-i", "127.0.0.1", "-ci", "127.0.0.1", "-mi", "127.0.0.1"]
    command += ["-timeout", "15", "-timeout_error", f"127.0.0.1:{port}"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    (call,) = trunk.calls
    assert (call.code, call.ended_by) == (200, "caller")
    assert len(trunk.bindings) == 1
