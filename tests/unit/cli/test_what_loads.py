"""What a command loads is the user's time: names and numbers of modules, no seconds.

A met run has its own test beside the peers that it needs.
"""

from pathlib import Path

import pytest
from commandline import CARRIER, ONE_CALL
from loading import ONLY_FOR_SOMEBODY, loaded_by, of


def test_help_loads_no_verb(tmp_path: Path) -> None:
    """Only what parses flags: no file format, no record, nothing of a call."""
    modules = loaded_by(["--help"], cwd=tmp_path)
    ours = {name for name in modules if name.startswith("probe")}
    assert ours <= {"probe", "probe.cli", "probe.cli.early", "probe.cli.exits"}
    found = of((*ONLY_FOR_SOMEBODY, "yaml", "msgspec"), modules)
    assert found == ["shutil"]  # click asks it how wide a page of help may be


def test_explanation_of_a_code_loads_the_reference_alone(tmp_path: Path) -> None:
    """No scenario, no plan, no trace."""
    modules = loaded_by(["explain", "403"], cwd=tmp_path)
    rooms = {".".join(name.split(".")[:2]) for name in modules if name.startswith("probe.")}
    assert rooms <= {"probe.cli", "probe.reference", "probe.report", "probe.sip"}
    assert of(ONLY_FOR_SOMEBODY, modules) == []


def test_validating_loads_nothing_that_calls(tmp_path: Path) -> None:
    """No executor, no verdict, no report."""
    (tmp_path / "sipprobe.yaml").write_text(CARRIER)
    (tmp_path / "one.sip.yaml").write_text(ONE_CALL)
    modules = loaded_by(["validate", "one.sip.yaml"], cwd=tmp_path)
    rest = (
        "probe.executor.local",
        "probe.executor.crew",
        "probe.diagnosis",
        "probe.runner",
        "probe.results",
    )
    allowed = {"phonenumbers"}  # the number of the scenario goes to a trunk that may be dear
    found = of((*ONLY_FOR_SOMEBODY, *rest), modules)
    assert [name for name in found if name.partition(".")[0] not in allowed] == []


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["explain", "403"]])
def test_numbers_of_modules_stay_small(tmp_path: Path, args: list[str]) -> None:
    """Each takes 0.2 ms on a fast machine; a bare Python has 30, click 60."""
    assert len(loaded_by(args, cwd=tmp_path)) < (190 if "explain" in args else 130)


def test_worker_loads_no_more_than_the_agent_needs(tmp_path: Path) -> None:
    """It shares what the supervisor has loaded; the rest is the stack and our own RTP."""
    program = "import probe.agent.worker, probe.agent.pjsua.endpoint"
    modules = loaded_by((), cwd=tmp_path, program=program)
    needed = {
        "socket",
        "ctypes",
        "probe.agent.pjsua",
        "probe.agent.worker",
        "pjsua2",
        "probe.hearing",
    }
    found = of([name for name in ONLY_FOR_SOMEBODY if name not in needed], modules)
    assert found == []
    assert of(("probe.verdict", "probe.scenario", "probe.executor", "yaml", "click"), modules) == []
