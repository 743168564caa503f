"""A trunk that was good and is not any more: the report says what changed since the good run."""

import re
import socket
from pathlib import Path

import pytest
from listeners import silent_port
from ports import LOOPBACK, free_port
from sipp import running_sipp_uas
from userfolder import Run, UserFolder

CALL = '- call: "12025550123"\n  hangup_after: 200ms\n  timeout: 1s'


@pytest.fixture
def port(folder: UserFolder) -> int:
    """Give the port of a trunk whose call was good once."""
    port = free_port()
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}")
    folder.scenario(CALL)
    place = folder.path / "good"
    place.mkdir()
    with running_sipp_uas(place, "answer", port=port, keys={"extra": "Server: Edge 4.1"}):
        assert folder.run("check").exit_code == 0
    return port


def observed(run: Run) -> str:
    """Return everything that the explanation observed."""
    (finding,) = run.findings
    return " ".join(finding["explanation"]["observed"])


def test_silence_after_a_good_run(folder: UserFolder, port: int) -> None:
    """It says when this very address last answered, and does not call it a wrong host."""
    with silent_port(socket.SOCK_DGRAM, port):
        run = folder.run("check")
    assert run.exit_code == 1
    said = observed(run)
    assert re.search(r"The last good run of this step was \d{4}-\d\d-\d\dT[0-9-]{8}Z-check", said)
    assert f"answered by {LOOPBACK}:{port}" in said
    causes = {cause["id"]: cause for cause in run.findings[0]["explanation"]["causes"]}
    assert {"F030", "F015"} <= causes.keys()
    assert "F013" not in causes
    assert {cause["likelihood"] for cause in causes.values()} == {"undecided"}
    assert "the last good run of this step" in re.sub(r"\s+", " ", run.finished.stdout)


def test_refusal_by_another_server_after_a_good_run(
    folder: UserFolder, port: int, tmp_path: Path
) -> None:
    """It says what the server called itself then and calls itself now."""
    keys = {"code": "603", "reason": "Decline", "extra": "Server: Filter 9"}
    with running_sipp_uas(tmp_path, "refuse", port=port, keys=keys):
        run = folder.run("check")
    assert run.exit_code == 1
    assert 'The answer came from "Edge 4.1", now from "Filter 9".' in observed(run)
    causes = {cause["id"] for cause in run.findings[0]["explanation"]["causes"]}
    assert "F134" in causes  # the same number answered a moment ago


def test_without_a_good_run_nothing_is_said(folder: UserFolder, silent_udp_port: int) -> None:
    """A trunk that never answered has no history, and F013 stays among the candidates."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{silent_udp_port}")
    folder.scenario(CALL)
    folder.run("check")
    run = folder.run("check")
    assert "good run" not in f"{observed(run)} {run.finished.stdout}"
    assert "F013" in {cause["id"] for cause in run.findings[0]["explanation"]["causes"]}
