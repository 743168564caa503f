"""The command line as scripts meet it: exit statuses, what goes where, and nothing left behind."""

import json
import os
import select
import signal
import socket
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from listeners import silent_port
from ports import LOOPBACK, free_port
from sipp import SippUas
from sipprobe_command import Finished
from userfolder import UserFolder

StartUas = Callable[..., SippUas]


@pytest.fixture
def tripwire() -> Iterator[tuple[int, Callable[[], bool]]]:
    """Give a UDP port on loopback, and a function that says whether anything was sent there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((LOOPBACK, 0))

        def touched() -> bool:
            return bool(select.select([wire], [], [], 0)[0])

        yield wire.getsockname()[1], touched


def folders(place: UserFolder) -> list[Path]:
    """Return the run folders of a user's folder."""
    return sorted((place.path / "results").glob("*"))


# Exit statuses


def test_met_is_0(folder: UserFolder) -> None:
    """A registration and a call on the embedded trunk."""
    folder.scenario("- register:\n- options:", trunk="embedded")
    done = folder.command("run", "check")
    assert done.exit_code == 0, done.stderr
    assert "2 met" in done.stdout


def test_not_met_is_1(sipp_uas: StartUas, folder: UserFolder) -> None:
    """A refusal where an answer was expected."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}")
    folder.scenario(f'- call: "sip:x@{LOOPBACK}:{sipp_uas("busy").port}"')
    assert folder.command("run", "check", "--no-store").exit_code == 1


@pytest.mark.parametrize(
    "args",
    [
        ["run", "no-such-scenario"],
        ["run", "check", "--format", "papyrus"],
        ["run", "check", "--trunk", "no-such-trunk"],
        ["run", "check", "--report", "junit"],
        ["call", "me"],
        ["explain", "no-such-word"],
    ],
)
def test_wrong_usage_is_2_and_is_told_on_stderr_only(folder: UserFolder, args: list[str]) -> None:
    """What was wrong stands on standard error; standard output stays empty; nothing is stored."""
    folder.scenario("- options:", trunk="embedded")
    done = folder.command(*args)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
    assert folders(folder) == []


def test_a_port_of_ours_that_is_taken_is_3(folder: UserFolder) -> None:
    """We could not test: the local port belongs to somebody else."""
    with silent_port(socket.SOCK_DGRAM) as taken:
        folder.trunk(uri=f"sip:100@{LOOPBACK}", local_address=f"{LOOPBACK}:{taken}")
        folder.scenario("- options:")
        run = folder.run("check")
    assert run.exit_code == 3
    assert run.findings[0]["outcome"] == "INCONCLUSIVE"
    assert run.findings[0]["failure"] == "LOCAL_PORT"
    assert run.messages() == []


def test_nothing_selected_is_5(folder: UserFolder) -> None:
    """A tag that no scenario has."""
    folder.scenario("- options:", trunk="embedded")
    done = folder.command("run", "check", "--tag", "no-such-tag")
    assert done.exit_code == 5
    assert done.stdout == ""
    assert folders(folder) == []


# Nothing is dialled where something is wrong


def test_an_unwritable_results_folder_is_2_before_anything_is_dialled(
    folder: UserFolder, tripwire: tuple[int, Callable[[], bool]]
) -> None:
    """The place for results is tried first; the message names it and says what to do."""
    port, touched = tripwire
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}")
    folder.scenario("- options:\n  timeout: 1s")
    (folder.path / "occupied").write_text("a file, so that not even root can make a folder in it")
    done = folder.command("run", "check", "--results", "occupied/results")
    assert done.exit_code == 2
    assert "occupied" in done.stderr
    assert "--results" in done.stderr
    assert "--no-store" in done.stderr
    assert not touched()


def test_a_missing_variable_is_2_and_says_how_to_give_it(
    folder: UserFolder, tripwire: tuple[int, Callable[[], bool]]
) -> None:
    """Name, place, and the ways to give it; the step before it is not dialled either."""
    port, touched = tripwire
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}")
    folder.scenario("- options:\n- call: ${NUMBER_TO_CALL}")
    done = folder.command("run", "check")
    assert done.exit_code == 2
    assert "NUMBER_TO_CALL" in done.stderr
    assert "scenarios/check.sip.yaml:4:11" in done.stderr
    assert "--var NUMBER_TO_CALL=" in done.stderr
    assert not touched()
    given = folder.command("run", "check", "--dry-run", "--var", "NUMBER_TO_CALL=12025550123")
    assert given.exit_code == 0, given.stderr
    assert not touched()


def test_a_missing_secret_of_the_trunk_is_2(
    folder: UserFolder, tripwire: tuple[int, Callable[[], bool]]
) -> None:
    """A password that a profile takes from the environment, and that is not there."""
    port, touched = tripwire
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}", password="${TRUNK_PASSWORD_UNSET}")
    folder.scenario("- register:")
    done = folder.command("run", "check")
    assert done.exit_code == 2
    assert "TRUNK_PASSWORD_UNSET" in done.stderr
    assert not touched()


# The rails know these numbers; they must be shown to refuse one without dialling it.
@pytest.mark.parametrize("prefix", ["", "9"])
def test_an_emergency_number_is_2_and_nothing_is_sent(
    folder: UserFolder, tripwire: tuple[int, Callable[[], bool]], prefix: str
) -> None:
    """Refused while the plan is made, also behind an outside-line digit; no request leaves."""
    port, touched = tripwire
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}")
    folder.scenario(f'- options:\n  timeout: 1s\n- call: "{prefix}112"')
    done = folder.command("run", "check")
    assert done.exit_code == 2
    assert "emergency" in done.stderr
    assert "scenarios/check.sip.yaml:5:" in done.stderr
    assert not touched()
    assert folders(folder) == []


def test_every_problem_of_every_file_is_shown_at_once(
    folder: UserFolder, tripwire: tuple[int, Callable[[], bool]]
) -> None:
    """`validate` names each place with the nearest valid word, and sends nothing."""
    port, touched = tripwire
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}")
    folder.scenario("- regster:\n- call: 12025550123\n  hangup_aftr: 1s", name="one")
    folder.scenario("- options:\n  expect: {responses: 2000}", name="two")
    folder.scenario("- options:", name="three")
    done = folder.command("validate")
    assert done.exit_code == 2
    for place in ("one.sip.yaml:3:", "one.sip.yaml:5:", "two.sip.yaml:4:"):
        assert f"scenarios/{place}" in done.stderr
    assert "register" in done.stderr
    assert "hangup_after" in done.stderr
    assert not touched()
    run = folder.command("run")
    assert run.exit_code == 2
    assert not touched()


def test_validate_and_dry_run_send_nothing(
    folder: UserFolder, tripwire: tuple[int, Callable[[], bool]]
) -> None:
    """A good scenario is found good, and what would be tried is shown, without a packet."""
    port, touched = tripwire
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}")
    folder.scenario('- register:\n- call: "12025550123"')
    checked, shown = (
        folder.command("validate", "check"),
        folder.command("run", "check", "--dry-run"),
    )
    assert (checked.exit_code, shown.exit_code) == (0, 0)
    assert "12025550123" in shown.stdout
    assert not touched()
    assert folders(folder) == []


# What goes where


def run_of_two(folder: UserFolder, *flags: str) -> Finished:
    """Run one step that is met and one that is not, on the embedded trunk."""
    folder.scenario("- register:\n- options:\n  expect: {responses: 404}", trunk="embedded")
    return folder.command("run", "check", *flags)


def report_schema(folder: UserFolder) -> dict[str, Any]:
    """Return the published JSON Schema of the report."""
    found: dict[str, Any] = folder.command("schema", "report").json
    return found


def test_json_stands_alone_on_stdout_and_keeps_its_schema(folder: UserFolder) -> None:
    """`--format json`: standard output parses, validates, and is what was stored."""
    done = run_of_two(folder, "--format", "json")
    assert done.exit_code == 1
    assert done.json["schema"] == "sipprobe-report/1"
    jsonschema.validate(done.json, report_schema(folder))
    assert [f["outcome"] for f in done.json["findings"]] == ["MET", "NOT_MET"]
    (kept,) = folders(folder)
    assert json.loads((kept / "report.json").read_text())["findings"] == done.json["findings"]


def test_junit_stands_alone_on_stdout(folder: UserFolder) -> None:
    """`--format junit`: standard output is one XML document with one failure."""
    done = run_of_two(folder, "--format", "junit", "--no-store")
    root = ET.fromstring(done.stdout)  # noqa: S314 - our own report
    assert len(list(root.iter("testcase"))) == 2
    assert len(list(root.iter("failure"))) == 1


def test_reports_stack(folder: UserFolder) -> None:
    """`--report` beside `--format`: each file holds its format, stdout its own."""
    done = run_of_two(folder, "--report", "junit=out/junit.xml", "--report", "json=out/r.json")
    assert done.exit_code == 1
    assert done.stdout.startswith(("note:", "PASS", "FAIL"))
    root = ET.parse(folder.path / "out" / "junit.xml").getroot()  # noqa: S314 - as above
    assert len(list(root.iter("failure"))) == 1
    jsonschema.validate(
        json.loads((folder.path / "out" / "r.json").read_text()), report_schema(folder)
    )


def test_no_store_leaves_no_folder(folder: UserFolder) -> None:
    """`--no-store`: the verdict is given and nothing is written."""
    before = sorted(folder.path.rglob("*"))
    folder.scenario("- options:", trunk="embedded")
    assert folder.command("run", "check", "--no-store").exit_code == 0
    written = set(folder.path.rglob("*")) - set(before)
    assert {path.name for path in written} == {"scenarios", "check.sip.yaml"}


def test_a_run_folder_is_its_owners_only(folder: UserFolder) -> None:
    """Report, traces and capture are there, and no other user may read them."""
    run_of_two(folder)
    (kept,) = folders(folder)
    assert {file.name for file in kept.iterdir()} == {"report.json", "trace.json", "call.pcap"}
    assert all(os.stat(path).st_mode & 0o077 == 0 for path in (kept, *kept.iterdir()))  # noqa: PTH116 - as a user's ls asks


# The other verbs


def test_list_is_read_by_machines(folder: UserFolder) -> None:
    """`list --json`: each scenario with file, tags, trunk and steps."""
    folder.scenario("- register:\n- options:", trunk="embedded", top="tags: [smoke]\n")
    (row,) = folder.command("list", "--json").json
    assert row["id"] == "check"
    assert row["file"] == "scenarios/check.sip.yaml"
    assert (row["tags"], row["trunk"]) == (["smoke"], "embedded")
    assert row["steps"] == ["register", "options"]


def test_a_stored_run_explains_itself_again(folder: UserFolder) -> None:
    """`explain RUN#STEP` gives the summary that the report gave, without a call."""
    run_of_two(folder)
    (kept,) = folders(folder)
    why = json.loads((kept / "report.json").read_text())["findings"][1]["explanation"]
    done = folder.command("explain", f"results/{kept.name}#2")
    assert done.exit_code == 0, done.stderr
    assert why["summary"].split(".")[0] in " ".join(done.stdout.split())
    assert "FAIL  check" in done.stdout
    assert folder.command("explain", f"results/{kept.name}#9").exit_code == 2


@pytest.mark.parametrize("subject", ["403", "INVITE", "q850:34", "F047", "4xx"])
def test_the_code_reference_answers(folder: UserFolder, subject: str) -> None:
    """A code, a method, a cause: found, and printed on standard output."""
    done = folder.command("explain", subject)
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.splitlines()) > 2


@pytest.mark.parametrize("what", ["scenario", "settings", "report"])
def test_each_schema_is_a_json_schema(folder: UserFolder, what: str) -> None:
    """`schema WHAT` prints a schema that is valid itself."""
    schema = folder.command("schema", what).json
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"]


def test_exitfirst_leaves_the_rest_out(folder: UserFolder) -> None:
    """`-x`: after the first that was not met no further scenario is carried out."""
    folder.scenario("- options:\n  expect: {responses: 404}", name="a", trunk="embedded")
    folder.scenario("- options:", name="b", trunk="embedded")
    run = folder.run("a", "b", flags=["-x"])
    assert run.exit_code == 1
    assert [finding["scenario"] for finding in run.findings] == ["a"]
    assert any("b" in note for note in run.report["run"]["notes"])


def test_the_embedded_trunk_can_be_called_from_another_command(folder: UserFolder) -> None:
    """`simulate` in one terminal, `run` in another; Ctrl-C ends the first in order."""
    port = free_port()
    secret = {"SIPPROBE_SIMULATE_PASSWORD": "given-by-hand"}
    trunk = folder.start("simulate", "--port", str(port), env=secret)
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{port}", password="given-by-hand")
    folder.scenario("- register:\n  retry: {times: 10, wait: 0.2s, on: PORT_UNREACHABLE}")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    os.kill(trunk.pid, signal.SIGINT)
    done = trunk.finish(5.0)
    assert done.exit_code == 0, done.stderr
    assert f"embedded trunk at {LOOPBACK}:{port}" in done.stdout
    assert "given-by-hand" not in done.stdout + done.stderr
