"""The results folder: what is stored, how, and that no secret is."""

import json
import os
import stat
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from reportbuilder import finding, report, verdict
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.report.json_report import to_json
from probe.report.model import RunReport, Try
from probe.report.pcap import to_pcap
from probe.results import (
    ResultsError,
    RunFolder,
    load,
    load_traces,
    run_id,
    store,
)
from probe.verdict.verdict import Outcome

NAME = "2026-11-21T01-02-03Z-trunk-check"
FILES = {"report.json", "trace.json", "call.pcap"}


def two_tries() -> RunReport:
    """Return a run of a registration and a call that was met at the second try."""
    first = Try(trace=refused_call(503).trace(), verdict=verdict(Outcome.NOT_MET), explanation=None)
    return report(
        finding(register_ok().trace(), step=1), finding(answered_call().trace(), before=(first,))
    )


def mode(path: Path) -> int:
    """Return the permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_run_is_stored_whole(tmp_path: Path) -> None:
    """The folder has the run's name and three files, and reads back as it was."""
    whole = two_tries()
    folder = store(whole, tmp_path / "results")
    assert folder == tmp_path / "results" / NAME
    assert {path.name for path in folder.iterdir()} == FILES
    assert load(folder) == to_json(whole)
    assert load_traces(folder) == tuple(
        tuple(one.trace for one in found.tries) for found in whole.findings
    )
    traces = [one.trace for found in whole.findings for one in found.tries]
    assert (folder / "call.pcap").read_bytes() == to_pcap(traces)


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    """Numbers and addresses of a trace are nobody else's business, whatever the umask."""
    before = os.umask(0)
    try:
        folder = store(two_tries(), tmp_path / "results")
    finally:
        os.umask(before)
    assert mode(tmp_path / "results") == 0o700
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_second_run_of_the_same_second_gets_a_number(tmp_path: Path) -> None:
    """Nothing is overwritten, and the report's id is the folder's name."""
    store(two_tries(), tmp_path)
    folder = store(two_tries(), tmp_path)
    assert folder.name == f"{NAME}-2"
    assert load(folder)["run"]["id"] == f"{NAME}-2"


def test_place_that_cannot_be_written_shows_before_the_run(tmp_path: Path) -> None:
    """A file where the folder should be is named in the error."""
    root = tmp_path / "results"
    root.write_text("not a folder")
    with pytest.raises(ResultsError, match=rf"^cannot write results in {root}: File exists$"):
        RunFolder.prepare(root, NAME)


def test_endless_collisions_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a thousand folders of one name we give up."""
    monkeypatch.setattr("probe.results.MOST_COLLISIONS", 3)
    RunFolder.prepare(tmp_path, NAME)
    RunFolder.prepare(tmp_path, NAME)
    with pytest.raises(ResultsError, match="exists too often"):
        RunFolder.prepare(tmp_path, NAME)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\0b"])
def test_name_cannot_leave_the_results(tmp_path: Path, name: str) -> None:
    """A name is one folder below the root."""
    with pytest.raises(ResultsError, match="not a name"):
        RunFolder.prepare(tmp_path, name)


def test_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error says which file, and no half of it stays."""
    prepared = RunFolder.prepare(tmp_path, NAME)
    (prepared.path / "call.pcap").mkdir()
    with pytest.raises(ResultsError, match=r"cannot write .*call\.pcap: Is a directory"):
        prepared.write(two_tries())
    assert not list(prepared.path.glob(".*"))


def test_folder_that_went_away_is_an_error(tmp_path: Path) -> None:
    """A folder removed in mid-run is told, not raised as a traceback."""
    prepared = RunFolder.prepare(tmp_path, NAME)
    prepared.path.rmdir()
    with pytest.raises(ResultsError, match="No such file or directory"):
        prepared.write(two_tries())


def test_unused_folder_can_be_discarded(tmp_path: Path) -> None:
    """An empty folder goes; one with files stays."""
    prepared = RunFolder.prepare(tmp_path, NAME)
    prepared.discard()
    assert not prepared.path.exists()
    kept = RunFolder.prepare(tmp_path, NAME)
    kept.write(two_tries())
    kept.discard()
    assert kept.path.exists()


SECRET = 'hunter2"pass'


def leaking() -> RunReport:
    """Return a run in which a peer repeats a password in every place that it can write."""
    trace = Wire().send("INVITE", headers={"X-Token": SECRET}).receive(403, f"bad {SECRET}").trace()
    found = finding(trace, verdict(Outcome.NOT_MET, warnings=(f"saw {SECRET}",)))
    return report(found, notes=(f"note {SECRET}",))


def test_no_secret_is_written(tmp_path: Path) -> None:
    """A password that slipped into a message is taken out of every file."""
    whole = leaking()
    assert SECRET.encode() in to_pcap([whole.findings[0].last.trace])
    folder = store(whole, tmp_path, secrets=[SECRET])
    for path in folder.iterdir():
        content = path.read_bytes()
        assert SECRET.encode() not in content
        assert json.dumps(SECRET)[1:-1].encode() not in content
    told = load(folder)
    assert told["findings"][0]["warnings"] == ["saw redacted"]
    assert told["findings"][0]["responses"] == [403]
    ((trace,),) = load_traces(folder)
    assert trace.message(1).reason == "bad redacted"


def test_our_own_words_are_no_secret(tmp_path: Path) -> None:
    """A password that is a word of the format leaves the format alone."""
    whole = report(finding(register_ok().trace(), verdict(observed="likely NOT_MET")))
    folder = store(whole, tmp_path, secrets=["INVITE", "outcome", "register trunk", "NOT_MET"])
    (told,) = load(folder)["findings"]
    assert told["outcome"] == "MET"
    assert told["method"] == "REGISTER"
    assert told["observed"] == "likely redacted"


@pytest.mark.parametrize(
    ("secrets", "public"), [(["100"], []), (["+12025550123"], ["+12025550123"]), ([], [])]
)
def test_what_is_public_stays(tmp_path: Path, secrets: list[str], public: list[str]) -> None:
    """A very short password, or one that repeats a number, does not take the number out."""
    folder = store(two_tries(), tmp_path, secrets=secrets, public=public)
    assert load(folder) == to_json(two_tries())


def test_run_without_findings_is_stored(tmp_path: Path) -> None:
    """An interrupted run may have none."""
    folder = store(replace(report(), interrupted=True), tmp_path)
    assert load(folder)["run"]["interrupted"] is True
    assert load_traces(folder) == ()


def test_what_was_sent_to_clean_up_is_stored(tmp_path: Path) -> None:
    """The BYE after an interrupt belongs to no try, and is in the capture and in the traces."""
    swept = Wire("OPTIONS").send("OPTIONS", headers={"X": SECRET}).trace()
    folder = store(replace(report(), cleanup=(swept,)), tmp_path, secrets=[SECRET])
    stored = json.loads((folder / "trace.json").read_bytes())
    (cleanup,) = stored["cleanup"]
    assert "X: redacted" in cleanup["events"][0]["text"]
    assert b"X: redacted" in (folder / "call.pcap").read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read .*report.json: No such file or directory"),
        (b"{", "report.json is not JSON"),
        (b"\xff\xfe\xfd", "report.json is not JSON"),
        (b"[]", "report.json is not of schema sipprobe-report/1"),
        (b'{"schema": "sipprobe-report/9"}', "report.json is not of schema sipprobe-report/1"),
    ],
)
def test_folder_that_holds_no_report_is_refused(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """What cannot be read is named, with the reason."""
    if content is not None:
        (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(ResultsError, match=reason):
        load(tmp_path)


@pytest.mark.parametrize(
    "findings", [None, 7, [7], [{}], [{"tries": 7}], [{"tries": [7]}], [{"tries": [{}]}]]
)
def test_damaged_traces_are_refused(tmp_path: Path, findings: object) -> None:
    """A trace file that somebody edited is an error with its name."""
    stored = {"schema": "sipprobe-traces/1", "findings": findings}
    (tmp_path / "trace.json").write_text(json.dumps(stored))
    with pytest.raises(ResultsError, match=r"trace\.json cannot be read"):
        load_traces(tmp_path)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("trunk-check", "2026-11-21T01-02-03Z-trunk-check"),
        ("../a b\x1b", "2026-11-21T01-02-03Z-a-b"),
        ("été", "2026-11-21T01-02-03Z-t"),
        ("忙", "2026-11-21T01-02-03Z-run"),
        ("x" * 100, "2026-11-21T01-02-03Z-" + "x" * 60),
    ],
)
def test_run_is_named_by_time_and_scenario(name: str, shown: str) -> None:
    """UTC first, so that folders sort by time; then what a file system takes of the name."""
    moment = datetime(2026, 11, 21, 3, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert run_id(moment, name) == shown


def test_time_without_zone_is_refused() -> None:
    """A local time of unknown zone would sort wrongly."""
    with pytest.raises(ValueError, match="time zone"):
        run_id(datetime(2026, 11, 21), "x")  # noqa: DTZ001 - the point of the test
