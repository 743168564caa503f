"""The last good run of a step, found in the results folder.

It is looked for only after something failed, while somebody waits: so newest first, few folders,
and a bound in time. What cannot be read, what a newer version wrote, what another machine or
another trunk did and what nobody's name stands in (``--redact strict``) does not count, in silence:
no history is better than a wrong one.
"""

import json
import platform
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from probe.diagnosis.history import Before, look
from probe.plan.plan import Attempt
from probe.plan.repeats import without_count
from probe.report.json_report import SCHEMA
from probe.results import REPORT, TRACES, TRACES_SCHEMA
from probe.trace.store import StoredTraceError, trace_from_json
from probe.trace.trace import Trace
from probe.verdict.verdict import Outcome

MOST_RUNS = 50
"""Run folders that are looked into."""

LONGEST_S = 0.3
"""Seconds that all searches of one run may take together."""

LARGEST = 4_000_000
"""Bytes of a file that is read: a storm's trace takes longer than it tells."""

_RUN = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-")
_REFUSED = frozenset({401, 403, 407})
_OF_THE_TRUNK = ("name", "host", "user", "auth_user", "realm")
"""Fields of an account that must be the same: with another of them it is another trunk."""


class _Run(Struct, frozen=True, kw_only=True):
    """A finished run."""

    folder: Path
    "Where it is."

    findings: list[dict[str, Any]]
    "The findings of its report."


class _Later(Struct, frozen=True, kw_only=True):
    """A finding of a run after the last good one that may count."""

    folder: Path
    "The run."

    place: int
    "Position of the finding."

    outcome: str
    "Its outcome where it is the same step; empty where only its login matters."


class Good(Struct, frozen=True, kw_only=True):
    """A finding of an earlier run that was met."""

    run_id: str
    "Id of the run."

    told: dict[str, Any]
    "The finding as report.json has it."

    trace: Trace
    "The try that decided it."


class History:
    """What is remembered of earlier runs; made once a run, so that each folder is read once."""

    def __init__(
        self, root: Path, before: str | None = None, *, longest_s: float | None = None
    ) -> None:
        """Take the results folder; nothing is read yet.

        ``before`` is the id of a run: only older ones count then. ``longest_s`` bounds all searches
        together.
        """
        self._left_s = LONGEST_S if longest_s is None else longest_s
        self._runs = _runs(root, before)
        self._known: list[_Run] = []
        self._open: tuple[Path, dict[str, Any]] = (Path(), {})

    def last_good(self, scenario: str, attempt: Attempt) -> Before | None:
        """Return the newest stored run in which this step was met; None for none.

        Raise nothing: a folder that cannot be read holds no history.
        """
        if attempt.account is None or attempt.account.embedded:
            return None  # the embedded trunk is new in each run
        began = time.monotonic()
        try:
            return self._search(scenario, attempt, until=began + self._left_s)
        finally:
            self._left_s = max(0.0, self._left_s - (time.monotonic() - began))

    def last_good_try(self, scenario: str, attempt: Attempt) -> Good | None:
        """Return the newest stored finding in which this step was met, with its trace; or None.

        It is there to be looked at, so that of the embedded trunk counts as well. Raise nothing.
        """
        if attempt.account is None:
            return None
        began = time.monotonic()
        try:
            for run in self._newest_first(began + self._left_s):
                for place, told in enumerate(run.findings):
                    met = told.get("outcome") == Outcome.MET.value
                    if met and _is_step(told, scenario, attempt):
                        trace = self._trace(run.folder, place, attempt)
                        if trace is not None:
                            return Good(run_id=run.folder.name, told=told, trace=trace)
            return None
        finally:
            self._left_s = max(0.0, self._left_s - (time.monotonic() - began))

    def _search(self, scenario: str, attempt: Attempt, until: float) -> Before | None:
        later: list[_Later] = []
        for run in self._newest_first(until):
            for place, finding in enumerate(run.findings):
                same = _is_step(finding, scenario, attempt)
                if same and finding.get("outcome") == Outcome.MET.value:
                    trace = self._trace(run.folder, place, attempt)
                    if trace is not None:
                        return self._before(run.folder.name, trace, later, attempt, until)
                elif same or _may_be_refused_login(finding):
                    outcome = str(finding.get("outcome")) if same else ""
                    later.append(_Later(folder=run.folder, place=place, outcome=outcome))
        return None

    def _newest_first(self, until: float) -> Iterator[_Run]:
        """Yield the runs that were read already, then further ones while there is time."""
        yield from self._known
        while time.monotonic() < until and (run := next(self._runs, None)) is not None:
            self._known.append(run)
            yield run

    def _before(
        self, run: str, good: Trace, later: list[_Later], attempt: Attempt, until: float
    ) -> Before:
        """Return the good run with what came after it, as far as the time reaches."""
        outcomes: list[str] = []
        refused = 0
        for one in later:
            if time.monotonic() > until:
                outcomes = []  # not all of them: no count is told
                break
            trace = self._trace(one.folder, one.place, attempt)
            if trace is not None:
                outcomes += [one.outcome] if one.outcome else []
                refused += trace.login_refused()
        there = look(good)
        return Before(
            **asdict(there),
            run_id=run,
            at=good.started_at,
            outcomes_since=tuple(reversed(outcomes)),
            refused_logins_since=refused,
        )

    def _trace(self, folder: Path, place: int, attempt: Attempt) -> Trace | None:
        """Return the trace that decided a finding, where it is of the same trunk; else None."""
        if self._open[0] != folder:
            self._open = (folder, _object(folder / TRACES, TRACES_SCHEMA))
        try:
            finding = self._open[1]["findings"][place]
            account = finding["attempt"]["account"]
            if any(account[name] != getattr(attempt.account, name) for name in _OF_THE_TRUNK):
                return None
            return trace_from_json(finding["tries"][-1])
        except (KeyError, IndexError, TypeError, AttributeError, StoredTraceError):
            return None


def _runs(root: Path, before: str | None) -> Iterator[_Run]:
    """Yield the finished runs of this machine, newest first."""
    try:
        every = (path.name for path in root.iterdir() if _RUN.match(path.name))
        names = sorted((n for n in every if before is None or n < before), reverse=True)
    except OSError:
        return
    here = platform.node()
    for name in names[:MOST_RUNS]:
        stored = _object(root / name / REPORT, SCHEMA)
        run, findings = stored.get("run"), stored.get("findings")
        if not isinstance(run, dict) or not isinstance(findings, list):
            continue
        if run.get("vantage") == here and all(isinstance(f, dict) for f in findings):
            yield _Run(folder=root / name, findings=findings)


def _is_step(finding: dict[str, Any], scenario: str, attempt: Attempt) -> bool:
    return (
        without_count(str(finding.get("scenario"))) == without_count(scenario)
        and finding.get("step") == attempt.step
        and finding.get("attempt") == attempt.label
        and finding.get("method") == (attempt.method or None)
    )


def _may_be_refused_login(finding: dict[str, Any]) -> bool:
    codes = finding.get("responses")
    return isinstance(codes, list) and bool(codes) and codes[-1] in _REFUSED


def _object(path: Path, schema: str) -> dict[str, Any]:
    """Return a JSON object of a schema; an empty one where there is none of use."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        stored = json.loads(content) if len(content) <= LARGEST else None
    except (OSError, ValueError, RecursionError):
        return {}
    return stored if isinstance(stored, dict) and stored.get("schema") == schema else {}
