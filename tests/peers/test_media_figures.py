"""The media report beside tshark's analysis of the same packets, against four far ends.

Packets and losses are the same, jitter within a millisecond: both count from the times at which the
kernel had the packets, so that neither knows how busy the machine is.
"""

from collections.abc import Callable
from typing import Any

import pytest
from asterisk import Asterisk
from baresip import running_baresip
from ports import LOOPBACK
from sipp import SippUas
from userfolder import Run, UserFolder
from wire import Capture

CALL = """
- call: "+12025550123"
  play: tone 1004Hz
  hangup_after: 2s
  expect: {media: {rx_packets: min 80, tx_packets: min 90, loss: max 0%}}
"""


def compared(run: Run, seen: Capture) -> dict[str, Any]:
    """Hold the report against tshark; return it."""
    report = run.media
    streams = seen.rtp(int(report["local"].rpartition(":")[2]))
    came, left = streams["to"], streams["from"]
    assert report["rx_ssrc"] == came.ssrc
    # Who has said BYE listens no more (RFC 3261 §15.1.1): one packet may still be on its way.
    assert came.packets - report["rx_packets"] - report["rx_duplicates"] in {0, 1}
    assert report["rx_lost"] == came.lost
    assert report["rx_jitter_s"] == pytest.approx(came.jitter_s, abs=0.001)
    assert report["rx_jitter_max_s"] == pytest.approx(came.jitter_max_s, abs=0.001)
    assert report["tx_packets"] == left.packets
    assert left.lost == 0
    return report


def test_beside_the_echo_of_asterisk(
    asterisk: Asterisk, folder: UserFolder, capture: Callable[..., Capture]
) -> None:
    """Asterisk's Echo sends back what it gets, under numbers of its own."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario(CALL)
    seen = capture()
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()
    report = compared(run, seen)
    assert report["rx_ptime_s"] == pytest.approx(0.02)
    assert report["codec"] == "PCMU"


def test_beside_the_echo_of_sipp(
    sipp_uas: Callable[..., SippUas], folder: UserFolder, capture: Callable[..., Capture]
) -> None:
    """SIPp reflects whole datagrams: our own SSRC comes back to us."""
    far_end = sipp_uas("answer", rtp_echo=True)
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{far_end.port}", registers=False)
    folder.scenario(CALL)
    seen = capture()
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    report = compared(run, seen)
    assert report["rx_source"] == f"{LOOPBACK}:{far_end.media_port}"


def test_beside_the_embedded_trunk(folder: UserFolder, capture: Callable[..., Capture]) -> None:
    """The built-in trunk has RTCP: round trip and what it missed of ours are known."""
    folder.trunks()
    folder.scenario(CALL, trunk="embedded")
    seen = capture()
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    report = compared(run, seen)
    assert report["tx_lost"] == 0
    assert 0 <= report["rtt_s"] < 0.5
    assert report["tx_unreachable"] == 0


def test_beside_baresip(
    folder: UserFolder, capture: Callable[..., Capture], peers: Callable[..., Any]
) -> None:
    """Another user agent with a clock of its own: its sine comes at its pace, not at ours."""
    stack, place = peers("baresip")
    far_end = stack.enter_context(running_baresip(place))
    folder.trunk(uri=f"sip:echo@{LOOPBACK}:{far_end.port}", registers=False)
    folder.scenario(CALL.replace("+12025550123", f"sip:echo@{LOOPBACK}:{far_end.port}"))
    seen = capture()
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + far_end.process.log()
    report = compared(run, seen)
    assert [heard["what"] for heard in report["heard"]] == ["tone 440Hz"]
