"""The shipped scenarios of a PBX are met by Asterisk, too: one file serves both."""

import shutil
from pathlib import Path

from asterisk import Asterisk
from ports import LOOPBACK
from userfolder import UserFolder

SCENARIOS = Path(__file__).parents[2] / "scenarios"

NAMES = (
    "attended-transfer",
    "blf",
    "blind-transfer",
    "caller-id",
    "caller-id-hidden",
    "dtmf-menu",
    "forward",
    "hunt-forward",
    "inbound-did",
    "message",
    "mwi",
    "presence",
    "redirect",
    "ring-group",
    "session-timer",
    "voicemail",
)
"""Where PBXs differ. The plain calls of the library have tests of their own with Asterisk."""


def test_the_scenarios_of_a_pbx_are_met_by_asterisk(asterisk: Asterisk, folder: UserFolder) -> None:
    """The files as they are shipped: only PBX and the passwords are given. No call is left up."""
    (folder.path / "scenarios").mkdir()
    for name in NAMES:
        shutil.copy(SCENARIOS / f"{name}.sip.yaml", folder.path / "scenarios")
    env = {f"PW_{user}": word for user, word in asterisk.passwords.items()}
    env["PBX"] = env["CARRIER"] = f"{LOOPBACK}:{asterisk.port}"
    env["CARRIER_PW"] = asterisk.passwords["199"]
    run = folder.read(folder.start("run", *NAMES, "--results", "results", env=env), within_s=110)
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()[-3000:]
    assert {finding["outcome"] for finding in run.findings} == {"MET"}
    assert {finding["scenario"] for finding in run.findings} == set(NAMES)
    assert "embedded trunk" not in run.finished.stdout
    assert "0 active calls" in asterisk.cli("core show channels")
