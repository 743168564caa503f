"""Stored runs as one report, with the verdicts and explanations of the day.

A run stores the verdict of the last try of a step, cut to what a program wants. So the earlier
tries are judged here, and so is the last one, for the line of the file and the missing item alone.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import click
from msgspec import Struct
from msgspec.structs import replace

from probe.report.json_report import encoded
from probe.report.model import Finding, Findings, RunReport
from probe.report.read_back import finding_from_json
from probe.report.text import plain
from probe.results import ResultsError, load, load_attempts, load_traces
from probe.verdict.judge import judge
from probe.verdict.verdict import Mismatch, Verdict

if TYPE_CHECKING:
    from probe.plan.plan import Attempt
    from probe.trace.trace import Trace


class StoredRun(Struct, frozen=True, kw_only=True):
    """One run as it was stored."""

    folder: Path
    "Its folder."

    head: dict[str, Any]
    "What its report says of the run."

    started: datetime
    "When it began, aware."

    findings: "StoredFindings"
    "What it found."


class StoredFindings(Findings):
    """Findings of stored runs, each made when it is asked for."""

    def __init__(
        self, held: Sequence["tuple[dict[str, Any], tuple[Trace, ...], Attempt | None]"]
    ) -> None:
        """Take of each what the report says, its traces, and what was tried."""
        self._held = tuple(held)

    def __add__(self, other: "StoredFindings") -> "StoredFindings":
        return StoredFindings(self._held + other._held)

    def counts(self) -> dict[str, int]:
        """Return how many were met, not met, inconclusive and flaky."""
        outcomes = [str(told["outcome"]).lower() for told, _, _ in self._held]
        counts = {name: outcomes.count(name) for name in ("met", "not_met", "inconclusive")}
        return {**counts, "flaky": sum(told["flaky"] is True for told, _, _ in self._held)}

    def told(self) -> Iterator[bytes]:
        """Yield each as the JSON report has it."""
        return (encoded(told) for told, _, _ in self._held)

    def __len__(self) -> int:
        return len(self._held)

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Finding]: ...
    def __getitem__(self, place: int | slice) -> Finding | Sequence[Finding]:
        if isinstance(place, slice):
            return StoredFindings(self._held[place])
        told, tries, attempt = self._held[place]
        found = finding_from_json(told, tries, attempt)
        if attempt is None:
            return found
        anew = [judge(attempt.expectation, one.trace, attempt.source) for one in found.tries]
        earlier = [
            replace(one, verdict=verdict)
            for one, verdict in zip(found.tries[:-1], anew[:-1], strict=True)
        ]
        last = replace(found.last, verdict=_with_lines(found.last.verdict, anew[-1]))
        return replace(found, tries=(*earlier, last))


def _with_lines(stored: Verdict, anew: Verdict) -> Verdict:
    """Return a stored verdict whose mismatches are whole again.

    A report keeps neither the line of the file nor, of a sequence, the one item that was missed.
    """
    whole = {_identity(one): one for one in anew.mismatches}
    return replace(
        stored,
        mismatches=tuple(whole.get(_identity(one), one) for one in stored.mismatches),
    )


def _identity(mismatch: Mismatch) -> tuple[object, ...]:
    return mismatch.path, mismatch.message, str(mismatch.source), mismatch.evidence


def stored_run(folder: Path) -> StoredRun:
    """Read a run; raise click.ClickException where that cannot be done."""
    try:
        report = load(folder)
        traces, attempts = load_traces(folder), load_attempts(folder)
        rows = _rows(folder, report["findings"], traces, attempts)
        found = StoredFindings(rows)
        for _ in found:  # whatever is wrong with one of them is told before anything is written
            pass
        head = report["run"]
        return StoredRun(
            folder=folder,
            head=head,
            started=datetime.fromisoformat(str(head["started_at"]).replace("Z", "+00:00")),
            findings=found,
        )
    except ResultsError as error:
        raise click.ClickException(plain(str(error), None)) from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise click.ClickException(
            f"{plain(str(folder), None)} cannot be read: {plain(repr(error))}"
        ) from None


def _rows(
    folder: Path,
    findings: "list[dict[str, Any]]",
    traces: "tuple[tuple[Trace, ...], ...]",
    attempts: "tuple[Attempt | str, ...]",
) -> "list[tuple[dict[str, Any], tuple[Trace, ...], Attempt | None]]":
    """Return what belongs together; raise ResultsError where the files are of different runs."""
    if not len(findings) == len(traces) == len(attempts):
        raise ResultsError(
            f"the traces in {folder} are those of {len(traces)} steps, not {len(findings)}"
        )
    return [
        (told, tries, None if isinstance(attempt, str) else attempt)
        for told, tries, attempt in zip(findings, traces, attempts, strict=True)
    ]


def merged(runs: Sequence[StoredRun]) -> RunReport:
    """Return one report of all runs, in their order, with all their findings."""
    heads = [run.head for run in runs]
    first = min(run.started for run in runs)
    ends = [run.started + timedelta(seconds=float(run.head["duration_s"] or 0)) for run in runs]
    findings = runs[0].findings
    for run in runs[1:]:
        findings += run.findings
    several = len(runs) > 1
    notes = {
        f"{head['id']}: {note}" if several else str(note): None
        for head in heads
        for note in head["notes"]
    }
    versions = {(str(k), str(v)): None for head in heads for k, v in head["versions"].items()}
    more = f" and {len(runs) - 1} more" if several else ""
    return RunReport(
        run_id=f"{heads[0]['id']}{more}",
        started_at=first,
        duration_s=(max(ends) - first).total_seconds(),
        vantage=", ".join(dict.fromkeys(str(head["vantage"]) for head in heads)),
        versions=tuple(versions),
        findings=findings,
        notes=tuple(notes),
        interrupted=any(head["interrupted"] for head in heads),
        complete=all(head.get("complete", True) for head in heads),
        folder=None if several else str(runs[0].folder),
    )
