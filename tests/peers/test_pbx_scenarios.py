"""The shipped scenarios of a PBX say the same of the built-in PBX and of Asterisk."""

import shutil
from pathlib import Path

import pytest
from asterisk import Asterisk
from userfolder import UserFolder

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FILES = sorted(SCENARIOS.glob("pbx-*.sip.yaml"))


@pytest.fixture
def names(folder: UserFolder) -> list[str]:
    """Copy the scenarios into the folder; return their names."""
    (folder.path / "scenarios").mkdir()
    for file in FILES:
        shutil.copy(file, folder.path / "scenarios")
    return [file.name.removesuffix(".sip.yaml") for file in FILES]


@pytest.mark.parametrize("pbx", ["embedded", "asterisk"])
def test_every_scenario_of_a_pbx_is_met(
    pbx: str, names: list[str], asterisk: Asterisk, folder: UserFolder
) -> None:
    """The same files, unchanged: only PBX and the passwords differ. No call is left up."""
    env = {}
    if pbx == "asterisk":
        env = {f"PW_{user}": word for user, word in asterisk.passwords.items() if user.isdigit()}
        env["PBX"] = f"127.0.0.1:{asterisk.port}"
    started = folder.start("run", *names, "--results", "results", env=env)
    run = folder.read(started, within_s=90)
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()[-3000:]
    assert {finding["outcome"] for finding in run.findings} == {"MET"}
    assert {finding["scenario"] for finding in run.findings} == set(names)
    assert "0 active calls" in asterisk.cli("core show channels")
