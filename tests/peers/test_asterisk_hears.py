"""What is played, heard and pressed in calls with Asterisk: Echo, Playback, Read."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from asterisk import Asterisk
from userfolder import UserFolder

ALL_KEYS = "0123456789*#ABCD"
KEYS = "0123456789*ABCD"
"""Without #, which ends Asterisk's Echo and Read."""


def spoken(path: Path) -> None:
    """Let espeak-ng say something into a WAV file."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: tests/install-peers does it")
    words = "Welcome to the test line. Please enter your number."
    subprocess.run(["espeak-ng", "-w", str(path), words], check=True)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "GSM"])
def test_what_asterisk_sends_back_is_what_was_played(
    asterisk: Asterisk, folder: UserFolder, codec: str
) -> None:
    """A tone, and a recording, there and back by every codec."""
    (folder.path / "scenarios").mkdir(exist_ok=True)
    spoken(folder.path / "scenarios" / "prompt.wav")
    folder.trunk(**asterisk.account("103"))
    folder.scenario(f"""
- call: "+12025550123"
  codecs: {codec}
  play: tone 1004Hz
  hangup_after: 1200ms
  expect: {{media: {{heard: {{what: tone 1004Hz, level: -20..-10, within: 1s}}}}}}
- call: "+12025550123"
  codecs: {codec}
  play: prompt.wav
  hangup_after: 3500ms
  expect: {{media: {{heard: speech, like: "prompt.wav, min 0.8"}}}}
""")
    run = folder.run("check")
    assert [f["outcome"] for f in run.findings] == ["MET", "MET"], run.finished.stdout


def test_another_tone_is_told(asterisk: Asterisk, folder: UserFolder) -> None:
    """With what was heard instead, and for how long."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario("""
- call: "+12025550123"
  play: tone 1004Hz
  hangup_after: 1s
  expect: {media: {heard: tone 697Hz}}
""")
    run = folder.run("check")
    assert run.exit_code == 1
    assert "expected tone 697Hz, heard tone 1004Hz for" in " ".join(run.finished.stdout.split())


def test_a_greeting_is_heard_as_speech(asterisk: Asterisk, folder: UserFolder) -> None:
    """Asterisk plays a recording of its package; a tone, or silence, it is not."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario("""
- call: "7101"
  hangup_after: 4s
  expect: {media: {heard: {what: speech, within: 2s}}}
- call: "7101"
  hangup_after: 2s
  expect: {media: {heard: silence}}
""")
    run = folder.run("check")
    assert [f["outcome"] for f in run.findings] == ["MET", "NOT_MET"], run.finished.stdout
    assert "expected silence, heard" in " ".join(run.finished.stdout.split())


def test_ringing_is_heard_before_the_answer(asterisk: Asterisk, folder: UserFolder) -> None:
    """Early media is judged apart from what comes after the answer."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario("""
- call: "7003"
  hangup_after: 500ms
  expect: {media: {heard: {what: tone 440+480Hz, early: yes, lasts: 200ms}}}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout


@pytest.mark.parametrize(
    ("number", "way"), [("7130", "rfc4733"), ("7131", "info"), ("7132", "inband")]
)
def test_keys_arrive_each_once_by_every_way(
    asterisk: Asterisk, folder: UserFolder, number: str, way: str
) -> None:
    """Asterisk's Read collects them."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario(f"""
- call: "{number}"
  send_dtmf: "{KEYS} by {way}"
  hangup_after: 5s
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert f"keys were {KEYS}\n" in asterisk.log() + "\n"


def test_keys_come_back_as_they_were_pressed(asterisk: Asterisk, folder: UserFolder) -> None:
    """Echo sends events back as events, and tones as tones."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario(f"""
- call: "+12025550123"
  send_dtmf: {KEYS} by rfc4733
  hangup_after: 5s
  expect: {{media: {{dtmf: "{KEYS} by rfc4733"}}}}
- call: "+12025550123"
  send_dtmf: "{ALL_KEYS} by inband"
  hangup_after: 5s
  expect: {{media: {{dtmf: "{ALL_KEYS} by inband"}}}}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout


def test_a_recording_is_its_owners_alone(asterisk: Asterisk, folder: UserFolder) -> None:
    """Both directions, only where it was asked for."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario("""
- call: "+12025550123"
  play: tone 1004Hz
  record: yes
  hangup_after: 1s
- call: "+12025550123"
  hangup_after: 300ms
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    found = sorted(run.folder.glob("*.wav"))
    assert [path.name.rpartition("-")[2] for path in found] == ["received.wav", "sent.wav"]
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    stored = json.loads((run.folder / "trace.json").read_text(encoding="utf-8"))
    assert json.dumps(stored).count(found[0].name) == 1
