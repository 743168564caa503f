"""A long run keeps its findings on disk, and nobody who reads a report can tell."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace
from reportbuilder import attempt, finding, report, verdict
from wirebuilder import Wire, answered_call, refused_call, register_ok

from probe.plan.action import Call
from probe.report.formats import rendered
from probe.report.kept import Kept, KeptFindings, Shelf, changed
from probe.report.model import Finding, RunReport, Try
from probe.report.pcap import to_pcap
from probe.trace.trace import Trace
from probe.verdict.verdict import Outcome

ON_DISK = 1
"""Bytes in memory of a shelf that writes everything to its file."""


def some() -> list[Finding]:
    """Return findings of every outcome, one of them flaky."""
    first = Try(trace=refused_call(503).trace(), verdict=verdict(Outcome.NOT_MET), explanation=None)
    return [
        finding(register_ok().trace(), step=1),
        finding(answered_call().trace(), before=(first,)),
        finding(refused_call(486).trace(), verdict(Outcome.NOT_MET)),
        finding(refused_call(500).trace(), verdict(Outcome.INCONCLUSIVE), scenario="other"),
    ]


def kept(findings: Sequence[Finding], *cleanup: Trace, folder: Path | None = None) -> RunReport:
    """Return a report of findings that were put away on disk."""
    shelf: Shelf[Finding] = Shelf(folder, in_memory=ON_DISK)
    own = KeptFindings(shelf, folder)
    for one in findings:
        own.add(one)
    swept: Shelf[Trace] = Shelf(folder, in_memory=ON_DISK)
    for trace in cleanup:
        swept.add(trace)
    return replace(report(), findings=own, cleanup=swept)


@pytest.mark.parametrize("in_memory", [ON_DISK, 10_000, 1_000_000])
def test_what_was_put_away_reads_as_before(tmp_path: Path, in_memory: int) -> None:
    """In any order, from the end, in slices; the folder shows nothing of it."""
    shelf: Shelf[Finding] = Shelf(tmp_path, in_memory=in_memory)
    before = [finding(answered_call().trace(), scenario=f"s{number}") for number in range(20)]
    for one in before:
        shelf.add(one)
        assert shelf[-1] == one
    assert list(shelf) == before
    assert [shelf[place] for place in (7, 0, 19)] == [before[place] for place in (7, 0, 19)]
    assert list(shelf[2:9:3]) == before[2:9:3]
    assert list(reversed(shelf)) == before[::-1]
    assert not list(tmp_path.iterdir())
    for place in (20, -21):
        with pytest.raises(IndexError):
            shelf[place]


@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_every_format_says_the_same(form: str) -> None:
    """From memory and from disk, to the last byte."""
    whole = report(*some(), folder="results/x", notes=("a", "b"))
    other = replace(kept(some()), folder="results/x", notes=("a", "b"))
    said = [rendered(one, form, color=False, width=100, verbosity=2) for one in (whole, other)]
    assert said[0] == said[1]
    assert "trunk-check" in said[0]


@pytest.mark.parametrize("verbosity", [0, 1])
def test_arranged_findings_are_told_in_their_new_order(verbosity: int) -> None:
    """By every format and in every file, as if they had come so."""
    several = some()
    whole, other = kept(several), kept([several[place] for place in (2, 0, 3, 1)])
    assert isinstance(other.findings, KeptFindings)
    other.findings.arrange([1, 3, 0, 2])
    for form in ("text", "json", "tap"):
        said = [
            rendered(one, form, color=False, width=100, verbosity=verbosity)
            for one in (whole, other)
        ]
        assert said[0] == said[1]
    assert isinstance(whole.findings, KeptFindings)
    assert list(other.findings.stored()) == list(whole.findings.stored())


def test_counts_need_no_look_at_the_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status and closing line come from what was counted while they were put away."""
    whole = kept(some())
    monkeypatch.setattr(Shelf, "__getitem__", None)
    assert whole.counts() == report(*some()).counts()
    assert whole.counts() == {"met": 2, "not_met": 1, "inconclusive": 1, "flaky": 1}
    assert len(whole.findings) == 4


def test_thousand_findings_take_no_memory_but_their_places() -> None:
    """What stays is eight bytes each."""
    shelf: Shelf[Finding] = Shelf(in_memory=ON_DISK)
    for _ in range(1000):
        shelf.add(finding(answered_call().trace()))
    held = vars(shelf._pile)
    assert len(held["_ends"]) * held["_ends"].itemsize == 8008
    assert not held["_refused"]
    assert not held["_waiting"]


def test_credentials_are_not_put_away() -> None:
    """No password and no header field of a profile; whether there was a password stays known."""
    one = attempt(answered_call().trace())
    assert one.account is not None
    assert isinstance(one.action, Call)
    token = (("X-Token", "t0ken-of-headers"),)
    own = replace(
        one,
        account=replace(one.account, headers=token, client_key="/keys/own.pem"),
        action=replace(one.action, headers=token),
    )
    (back,) = kept([replace(some()[0], attempt=own)]).findings
    assert back.attempt.account is not None
    assert back.attempt.account.password == "redacted"
    held = repr([getattr(back.attempt.account, name) for name in ("headers", "client_key")])
    assert "t0ken" not in held + repr(back.attempt.action)
    assert "own.pem" not in held


def test_other_secrets_are_not_put_away() -> None:
    """A secret that stands anywhere else is taken out, as it is of a report."""
    leaking = Wire().send("INVITE", headers={"X": "hunter2-pass"}).receive(403, "a hunter2-pass")
    room = Kept(secrets=["hunter2-pass"])
    room.findings.add(finding(leaking.trace(), verdict(warnings=("saw hunter2-pass",))))
    room.cleanup.add(leaking.trace())
    (back,), (swept,) = room.findings, room.cleanup
    assert "hunter2-pass" not in repr(back) + repr(swept)
    assert back.last.verdict.warnings == ("saw redacted",)
    assert back.last.trace.message(1).reason == "a redacted"
    assert back.attempt.method == "INVITE"


class FullDisk:
    """A file on a disk that is full after some bytes."""

    def __init__(self, room: int) -> None:
        self._data = bytearray()
        self._place = 0
        self.room = room

    def seek(self, place: int) -> None:
        """Go to a place."""
        self._place = place

    def write(self, data: bytes) -> None:
        """Write as far as there is room."""
        fits = data[: max(0, self.room - self._place)]
        self._data[self._place : self._place + len(fits)] = fits
        if len(fits) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._place += len(data)

    def flush(self) -> None:
        """Do nothing."""

    def read(self, size: int) -> bytes:
        """Return what stands here."""
        return bytes(self._data[self._place : self._place + size])


@pytest.mark.parametrize("written", [1, 12_000])
def test_full_disk_costs_memory_and_no_finding(
    monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """What did not fit is kept all the same, in its place; so is what comes after it."""
    shelf: Shelf[Finding] = Shelf(in_memory=written)
    disk = FullDisk(10_000)
    monkeypatch.setattr(shelf._pile, "_file", disk)
    before = [finding(answered_call().trace(), scenario=f"s{number}") for number in range(9)]
    for one in before[:6]:
        shelf.add(one)
    disk.room = 100_000  # somebody tidied up
    for one in before[6:]:
        shelf.add(one)
    assert list(shelf) == before


def test_folder_that_went_away_costs_no_finding(tmp_path: Path) -> None:
    """The first megabyte is in memory; then there is no place for the file."""
    gone = tmp_path / "gone"
    shelf: Shelf[Finding] = Shelf(gone, in_memory=2000)
    before = [finding(answered_call().trace(), scenario=f"s{number}") for number in range(9)]
    for one in before:
        shelf.add(one)
    assert list(shelf) == before


def test_changed_findings_stay_where_they_were() -> None:
    """In memory where they were in memory, else put away; cleaning up is changed, too."""
    swept = refused_call(503).trace()
    for whole in (report(*some()), kept(some(), swept)):
        other = changed(
            whole,
            finding=lambda one: replace(one, title="x"),
            trace=lambda one: replace(one, attempt="y"),
        )
        assert {one.title for one in other.findings} == {"x"}
        assert {one.attempt for one in other.cleanup} <= {"y"}
        assert len(other.findings) == 4
        assert other.counts() == whole.counts()
        assert isinstance(other.findings, tuple) is isinstance(whole.findings, tuple)


def test_traces_of_a_scenario_stay_together() -> None:
    """Its cleaning up comes right after its tries, also where a scenario has no finding."""
    called = answered_call().trace()

    def at(second: int, words: str) -> Trace:
        began = called.started_at.replace(second=second)
        return replace(called, attempt=words, started_at=began)

    findings = [finding(at(n, f"try {n}")) for n in (1, 1, 5, 9)]
    cleanup = (at(1, "end 1"), at(3, "end 3"), at(9, "end 9"), at(11, "end 11"))
    told = [trace.attempt for trace in kept(findings, *cleanup).traces()]
    assert told == ["try 1", "try 1", "end 1", "end 3", "try 5", "try 9", "end 9", "end 11"]
    back = kept([finding(at(n, f"try {n}")) for n in (9, 1)], at(9, "end 9"), at(1, "end 1"))
    assert [trace.attempt for trace in back.traces()] == ["try 9", "end 9", "try 1", "end 1"]


def test_capture_is_in_order_however_much_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read back a few bytes at a time, with a call that outlasts others: the same capture."""
    called = answered_call().trace()
    later = [replace(called, started_at=called.started_at.replace(second=s)) for s in (9, 1, 4, 5)]
    outlasting = replace(
        later[1], events=tuple(replace(e, at=e.at * 30) for e in later[1].events if e.at >= 0)
    )
    traces = [*later, outlasting]
    whole = to_pcap(traces)
    monkeypatch.setattr("probe.report.pile._AT_ONCE", 100)
    monkeypatch.setattr("probe.report.pile._BEFORE", 0)
    monkeypatch.setattr("probe.report.pcap.AT_ONCE", 1)
    assert to_pcap(traces) == whole
