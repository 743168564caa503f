"""Two agents of ours on the built-in PBX hear each other, and each other's keys by every way."""

import pytest
from userfolder import UserFolder

KEYS = "0123456789*#ABCD"
AGENTS = """\
agents:
  alice: {uri: "sip:100@embedded", password: embedded, play: tone 697Hz}
  bob: {uri: "sip:101@embedded", password: embedded, play: tone 770Hz}
"""


@pytest.mark.parametrize("way", ["rfc4733", "info", "inband"])
def test_all_sixteen_keys_arrive_each_once(folder: UserFolder, way: str) -> None:
    """And what is played beside them is heard."""
    folder.scenario(
        f"""
- register: [alice, bob]
- call: "101"
  from: alice
  at: bob
- talk: 4s
  send_dtmf: {{alice: "{KEYS} by {way}"}}
  expect:
    bob: {{dtmf: "{KEYS} by {way}", heard: tone 697Hz}}
    alice: {{heard: tone 770Hz}}
- hangup: alice
""",
        trunk="embedded",
        top=AGENTS,
    )
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout


def test_who_hears_another_tone_is_told_so(folder: UserFolder) -> None:
    """With the agent, and the place in the file."""
    folder.scenario(
        """
- register: [alice, bob]
- call: "101"
  from: alice
  at: bob
- talk: 2s
  expect:
    bob: {heard: tone 852Hz}
- hangup: alice
""",
        trunk="embedded",
        top=AGENTS,
    )
    run = folder.run("check")
    assert run.exit_code == 1
    told = " ".join(run.finished.stdout.split())
    assert "expected tone 852Hz at bob, heard tone 697Hz for" in told
