"""One-way audio on the embedded trunk: which way, why, and the evidence, as `run` says it."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from processes import running

STORY = """
trunk: embedded
steps:
  - call: "7034"                       # hears us, says nothing
    play: tone 1004Hz
    hangup_after: 2.4s
    expect: {media: {rx_packets: min 50}}
  - call: "7211"                       # plays, and none of ours arrives
    play: tone 1004Hz
    hangup_after: 2.4s
    expect: {media: {heard: tone 697Hz}}
  - call: "7214"                       # names an address of another network
    play: tone 1004Hz
    hangup_after: 1.2s
    expect: {media: {rx_packets: min 50}}
  - call: "7204"                       # comfort noise between talk
    play: tone 1004Hz
    hangup_after: 2s
    expect: {media: {loss: max 0%, gap: max 100ms}}
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Run the story once; return its findings by number."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "sound.sip.yaml").write_text(STORY)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIPPROBE_")}
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    command = [sys.executable, "-m", "probe.cli", "run", "sound.sip.yaml"]
    command += ["--results", "results", "--report", "json=report.json"]
    with running(command, folder / "said", cwd=folder, env=clean | home) as process:
        process.wait(100.0)
    report = json.loads((folder / "report.json").read_text())
    return {finding["attempt"].removeprefix("call "): finding for finding in report["findings"]}


def evidence(finding: Mapping[str, Any]) -> str:
    """Return everything that is cited."""
    return "; ".join(one["says"] for one in finding["explanation"]["evidence"])


def first(finding: Mapping[str, Any]) -> tuple[str, str]:
    """Return the first cause and how sure it is."""
    return finding["explanation"]["causes"][0]["id"], finding["explanation"]["certainty"]


def test_theirs_does_not_reach_us(told: Mapping[str, Any]) -> None:
    """F150: their RTCP comes, their audio does not; the SDP line and the counts are cited."""
    finding = told["7034"]
    assert first(finding) == ("F150", "likely")
    assert "theirs does not reach us" in finding["explanation"]["summary"]
    assert "m=audio" in evidence(finding)
    assert "0 RTP packets came" in evidence(finding)


def test_ours_does_not_reach_them(told: Mapping[str, Any]) -> None:
    """F150 the other way: their RTCP says nothing of our packets."""
    finding = told["7211"]
    assert first(finding) == ("F150", "likely")
    assert "ours does not reach them" in finding["explanation"]["summary"]
    assert "say nothing of ours" in evidence(finding)


def test_a_private_address_is_named(told: Mapping[str, Any]) -> None:
    """F149, certain: the c= line at its event, and nothing of ours left the machine."""
    finding = told["7214"]
    assert first(finding) == ("F149", "certain")
    cited = [one for one in finding["explanation"]["evidence"] if "192.168.77.10" in one["says"]]
    assert any(one["event"] is not None and "c=IN IP4" in one["says"] for one in cited)
    assert "would not send" in evidence(finding)
    (stream,) = finding["media"]
    assert (stream["rx_packets"], stream["tx_packets"]) == (0, 0)


def test_comfort_noise_is_no_loss(told: Mapping[str, Any]) -> None:
    """7204 sends fewer packets, and nothing is missing."""
    finding = told["7204"]
    assert finding["outcome"] == "MET"
    (stream,) = finding["media"]
    assert stream["rx_lost"] == 0
