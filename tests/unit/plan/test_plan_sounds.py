"""What a plan plays and listens for is looked at before anything is sent, at its line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from soundmaker import wav

from probe.plan import sounds
from probe.plan.action import Call, Hear, Press
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.source import ScenarioError

AGENTS = """\
agents:
  alice: {uri: "sip:100@127.0.0.1", play: tone 697Hz}
  bob: {uri: "sip:101@127.0.0.1", play: prompt.wav, record: yes}
"""


def planned(folder: Path, steps: str, agents: str = AGENTS) -> Plan:
    """Resolve a scenario."""
    (folder / "sipprobe.yaml").write_text("trunks: {pbx: {uri: 'sip:9@127.0.0.1'}}\n")
    (folder / "prompt.wav").write_bytes(wav(np.zeros(800)))
    (folder / "a.sip.yaml").write_text(f"trunk: pbx\n{agents}steps:\n{steps}")
    settings = load_settings(folder / "sipprobe.yaml", variables={}, environ={})
    return resolve(load_scenario(folder / "a.sip.yaml", variables={}, environ={}), settings)


def test_both_sides_of_a_call_play_and_listen(tmp_path: Path) -> None:
    """As the agents say; files are found beside the file that names them."""
    plan = planned(
        tmp_path,
        """\
  - call: "101"
    from: alice
    at: bob
  - talk: 1s
    send_dtmf: {alice: "42#", bob: 7 by inband}
    expect: {alice: {like: prompt.wav}, bob: {dtmf: "42#"}}
""",
    )
    call, talk = plan.attempts
    assert isinstance(call.action, Call)
    assert call.action.play == "tone 697Hz"
    path = str(tmp_path / "prompt.wav")
    assert call.action.hear == Hear(sound=True, wanted=True, like=(path,))
    [told] = call.prepares
    assert told.manner.play == path  # type: ignore[attr-defined]
    assert told.manner.hear.record.startswith("a-")  # type: ignore[attr-defined]
    keys = [one for one in talk.prepares if isinstance(one, Press)]
    assert [(one.account, one.call, one.digits, one.way) for one in keys] == [
        ("alice", 0, "42#", "rfc4733"),
        ("bob", 0, "7", "inband"),
    ]


def test_a_call_that_says_nothing_of_sound_listens_to_nothing(tmp_path: Path) -> None:
    """So a run that only looks at codes costs nothing more."""
    plan = planned(tmp_path, '  - call: "101"\n', agents="")
    assert isinstance(plan.attempts[0].action, Call)
    assert plan.attempts[0].action.hear is None


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ('  - call: "1"\n    play: gone.wav\n', "a.sip.yaml:5:11: "),
        ('  - call: "1"\n    expect: {media: {like: gone.wav}}\n', "a.sip.yaml:5:28: "),
        ('  - call: "1"\n  - talk: 1s\n    send_dtmf: {alice: 4}\n',
         "'alice' has no call before this talk: nobody can press keys"),
        ("  - talk: 1s\n    send_dtmf: 4\n", "there is no call before this talk"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_at_its_place(tmp_path: Path, steps: str, words: str) -> None:
    """Nothing is dialled then."""
    agents = 'agents: {alice: {uri: "sip:100@127.0.0.1"}}\n'
    with pytest.raises(ScenarioError) as caught:
        planned(tmp_path, steps, agents=agents)
    assert words in caught.value.render()


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("expect: {media: {heard: speech}}", "'heard' is expected"),
        ("expect: {media: {echo: absent}}", "'echo' is expected"),
        ("expect: {media: {dtmf: 4 by inband}}", "keys in the sound are expected"),
        ("play: prompt.wav", "a recording is to be played"),
        ("record: yes", "the call is to be recorded"),
    ],
)
def test_what_is_not_installed_is_told_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, what: str
) -> None:
    """Hearing is an extra."""
    monkeypatch.setattr(sounds, "find_spec", lambda name: None if name == "scipy" else object())
    with pytest.raises(ScenarioError) as caught:
        planned(tmp_path, f'  - call: "101"\n    {key}\n', agents="")
    told = caught.value.render()
    assert f"{what}, and scipy is not installed" in told
    assert "pip install 'sipprobe[audio]'" in told


@pytest.mark.parametrize("key", ["play: tone 440Hz", "play: dtmf 12", "send_dtmf: 12",
                                 "expect: {media: {dtmf: 4 by rfc4733}}"])  # fmt: skip
def test_tones_and_keys_need_no_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """What a fresh installation does."""
    monkeypatch.setattr(sounds, "find_spec", lambda _name: None)
    assert planned(tmp_path, f'  - call: "101"\n    {key}\n', agents="").attempts


def test_validate_imports_no_arithmetic() -> None:
    """NumPy is a tenth of a second, SciPy much more."""
    code = (
        "import sys, probe.cli, probe.plan.resolve, probe.verdict.judge, probe.agent.listener;"
        " sys.exit(any(name in sys.modules for name in ('numpy', 'scipy', 'pystoi')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
