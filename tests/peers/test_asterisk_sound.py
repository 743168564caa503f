"""The shipped scenarios of sound are met by Asterisk's Echo, as they are."""

import shutil
from pathlib import Path

from asterisk import Asterisk
from userfolder import UserFolder

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NAMES = ("echo-test", "one-way-audio")


def test_the_scenarios_of_sound_are_met_by_asterisk(asterisk: Asterisk, folder: UserFolder) -> None:
    """Only the trunk is given, and time for Asterisk's first RTCP report, after five seconds."""
    folder.trunk(**asterisk.account("100"))
    (folder.path / "scenarios").mkdir(exist_ok=True)
    for name in NAMES:
        shutil.copy(SCENARIOS / f"{name}.sip.yaml", folder.path / "scenarios")
    run = folder.read(
        folder.start("run", *NAMES, "--results", "results", env={"TRUNK": "peer", "TALK": "6s"}),
        within_s=110,
    )
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()[-3000:]
    assert {finding["outcome"] for finding in run.findings} == {"MET"}
    assert {finding["scenario"] for finding in run.findings} == set(NAMES)
