"""The results folder: what is stored, how, and that no secret is."""

import errno
import json
import os
import stat
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from reportbuilder import finding, report, verdict
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.report.json_report import json_schema, to_json
from probe.report.model import RunReport, Try
from probe.report.pcap import to_pcap
from probe.results import (
    JOURNAL,
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
        (b'{"schema": "sipprobe-report/0"}', "report.json is not of schema sipprobe-report/1"),
        (b'{"schema": "sipprobe-report/two"}', "report.json is not of schema sipprobe-report/1"),
        (b'{"schema": 2}', "report.json is not of schema sipprobe-report/1"),
        (
            b'{"schema": "sipprobe-report/2"}',
            r"was written by a newer sipprobe \(sipprobe-report/2; this one reads .*1\): update it",
        ),
        (b"[" * 100000, "report.json is not JSON"),
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


# -- while the run goes on -------------------------------------------------------------------------


def part(number: int) -> RunReport:
    """Return the report of one scenario of several."""
    trace = (answered_call() if number % 2 else refused_call(486)).trace()
    outcome = Outcome.MET if number % 2 else Outcome.NOT_MET
    one = finding(trace, verdict(outcome), scenario=f"scenario-{number}")
    return replace(report(one, notes=("of all", f"of {number}")), duration_s=float(number))


def killed_after(root: Path, *parts: RunReport) -> Path:
    """Return the folder of a run that was killed after some scenarios."""
    folder = RunFolder.prepare(root, NAME)
    for one in parts:
        folder.add(one)
    return folder.path


def test_killed_run_keeps_what_was_judged(tmp_path: Path) -> None:
    """Without a report the journal is read, and says that it is not the whole run."""
    parts = part(1), part(2), part(3)
    folder = killed_after(tmp_path, *parts)
    assert {path.name for path in folder.iterdir()} == {JOURNAL}
    assert mode(folder / JOURNAL) == 0o600
    told = load(folder)
    Draft202012Validator(json_schema()).validate(told)
    assert told["findings"] == [one for p in parts for one in load_json(p)["findings"]]
    assert told["run"]["counts"] == {"met": 2, "not_met": 1, "inconclusive": 0, "flaky": 0}
    assert told["run"]["complete"] is False
    assert told["run"]["duration_s"] == 3.0
    assert told["run"]["notes"] == [
        "of all",
        "of 1",
        "of 2",
        "of 3",
        "the run did not come to its end: this is what was judged until then",
    ]
    assert load_traces(folder) == tuple(
        tuple(one.trace for one in found.tries) for p in parts for found in p.findings
    )


def load_json(whole: RunReport) -> dict[str, list[object]]:
    """Return a report as JSON gives it back."""
    told: dict[str, list[object]] = json.loads(json.dumps(to_json(whole)))
    return told


def test_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """However far a dying process came, the scenarios before stay readable."""
    folder = killed_after(tmp_path, part(1))
    whole = (folder / JOURNAL).read_bytes()
    for length in range(0, len(whole) - 1, 97):
        (folder / JOURNAL).write_bytes(whole + whole[:length])
        assert [found["scenario"] for found in load(folder)["findings"]] == ["scenario-1"]
    (folder / JOURNAL).write_bytes(whole[:-1])
    with pytest.raises(ResultsError, match="the run ended before a scenario was judged"):
        load(folder)


def test_report_takes_the_place_of_the_journal(tmp_path: Path) -> None:
    """A run that came to its end holds the three files and says that it is complete."""
    folder = RunFolder.prepare(tmp_path, NAME)
    folder.add(part(1))
    folder.write(two_tries())
    assert {path.name for path in folder.path.iterdir()} == FILES
    assert load(folder.path)["run"]["complete"] is True


def test_report_wins_over_a_journal_that_stayed(tmp_path: Path) -> None:
    """A process killed between the two leaves both: the report is the newer one."""
    folder = RunFolder.prepare(tmp_path, NAME)
    folder.write(two_tries())
    folder.add(part(1))
    assert load(folder.path) == to_json(two_tries())
    assert len(load_traces(folder.path)) == 2


def test_report_that_cannot_be_written_leaves_the_journal(tmp_path: Path) -> None:
    """Until the last file is there, the findings stay where they are."""
    folder = RunFolder.prepare(tmp_path, NAME)
    folder.add(part(1))
    (folder.path / "report.json").mkdir()
    with pytest.raises(ResultsError, match=r"report\.json: Is a directory"):
        folder.write(two_tries())
    assert [found["scenario"] for found in load(folder.path)["findings"]] == ["scenario-1"]


def test_no_secret_is_in_the_journal(tmp_path: Path) -> None:
    """It is searched like the report."""
    folder = RunFolder.prepare(tmp_path, NAME)
    folder.add(leaking(), secrets=[SECRET])
    content = (folder.path / JOURNAL).read_bytes()
    assert SECRET.encode() not in content
    assert json.dumps(SECRET)[1:-1].encode() not in content
    assert load(folder.path)["findings"][0]["warnings"] == ["saw redacted"]


def test_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that did not fit is taken back, and the next one is read well."""
    folder = RunFolder.prepare(tmp_path, NAME)
    folder.add(part(1))
    with monkeypatch.context() as full:
        full.setattr("probe.results.os.write", FullDisk())
        with pytest.raises(ResultsError, match=rf"cannot write .*{JOURNAL}: No space left"):
            folder.add(part(2))
    folder.add(part(3))
    told = load(folder.path)["findings"]
    assert [found["scenario"] for found in told] == ["scenario-1", "scenario-3"]


class FullDisk:
    """Writes to a disk that has room for 100 bytes more."""

    def __init__(self) -> None:
        self._room = 100
        self._write = os.write

    def __call__(self, descriptor: int, content: bytes) -> int:
        """Write what there is room for, and fail the next time, as the kernel does."""
        if not self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = self._write(descriptor, content[: self._room])
        self._room -= done
        return done


def test_journal_in_a_folder_that_went_away_is_an_error(tmp_path: Path) -> None:
    """It is told by name, not raised as a traceback."""
    folder = RunFolder.prepare(tmp_path, NAME)
    folder.path.rmdir()
    with pytest.raises(ResultsError, match=rf"{JOURNAL}: No such file or directory"):
        folder.add(part(1))


def test_journal_grows_by_its_last_scenario_only(tmp_path: Path) -> None:
    """What was written before is not touched again: a thousand scenarios cost a thousand lines."""
    folder = RunFolder.prepare(tmp_path, NAME)
    sizes = []
    for _ in range(4):
        folder.add(part(1))
        sizes.append((folder.path / JOURNAL).stat().st_size)
    assert sizes == [sizes[0] * number for number in range(1, 5)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 1, is not JSON"),
        ("[]", "line 1, is no part of a run"),
        ('{"report": {}}', "line 1, is no part of a run"),
        ('{"report": 7, "traces": 7}', "line 1, is not of schema sipprobe-report/1"),
        (
            '{"report": {"schema": "sipprobe-report/2"}, "traces": {}}',
            "line 1, was written by a newer sipprobe",
        ),
        (
            json.dumps({"report": to_json(report()), "traces": {"schema": "sipprobe-traces/2"}}),
            r"line 1, was written by a newer sipprobe \(sipprobe-traces/2",
        ),
        (
            json.dumps(
                {
                    "report": {"schema": "sipprobe-report/1"},
                    "traces": {"schema": "sipprobe-traces/1"},
                }
            ),
            "cannot be read",
        ),
    ],
)
def test_damaged_journal_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    """A line that somebody edited is an error with its number."""
    (tmp_path / JOURNAL).write_text(line + "\n")
    with pytest.raises(ResultsError, match=reason):
        load(tmp_path)
    with pytest.raises(ResultsError):
        load_traces(tmp_path)


def test_journal_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says which file and why."""
    folder = killed_after(tmp_path, part(1))

    def refuse(_path: Path, _mode: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ResultsError, match=rf"cannot read .*{JOURNAL}: Input/output error"):
        load(folder)


def test_runs_at_the_same_moment_get_folders_of_their_own(tmp_path: Path) -> None:
    """Four processes that want the same name forty times end up in forty places."""
    code = (
        "import sys; from pathlib import Path; from probe.results import RunFolder\n"
        "sys.stdin.read()\n"
        "for _ in range(10): print(RunFolder.prepare(Path(sys.argv[1]), 'same').run_id)"
    )
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "results")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(4)
    ]
    for process in racing:
        assert process.stdin is not None
        process.stdin.close()  # the start signal
        process.stdin = None
    names = [name for process in racing for name in process.communicate(timeout=30)[0].split()]
    assert len(names) == len(set(names)) == 40
    assert {path.name for path in (tmp_path / "results").iterdir()} == set(names)
