"""The report model: what every format draws from."""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import overload

from probe.diagnosis.explanation import Explanation
from probe.plan.plan import Attempt
from probe.scenario.rows import Row
from probe.trace.store import trace_from_json, trace_to_json
from probe.trace.trace import Trace
from probe.verdict.verdict import Verdict


@lru_cache(maxsize=64)
def _unpacked(held: bytes) -> Trace:
    """Return a packed trace; a report asks for the same one many times in a row."""
    return trace_from_json(json.loads(zlib.decompress(held)))


class _HeldTrace:
    """A trace as a field that may be packed: a run of thousands of calls keeps all of them."""

    @overload
    def __get__(self, one: None, owner: type) -> "_HeldTrace": ...
    @overload
    def __get__(self, one: object, owner: type) -> Trace: ...
    def __get__(self, one: object, owner: type) -> "Trace | _HeldTrace":
        if one is None:
            raise AttributeError("trace")  # so the field has no default
        held: Trace | bytes = one.__dict__["_trace"]
        return held if isinstance(held, Trace) else _unpacked(held)

    def __set__(self, one: object, trace: Trace) -> None:
        one.__dict__["_trace"] = trace


@dataclass(frozen=True, kw_only=True)  # without slots, which a field of this kind cannot have
class Try:
    """One try of an attempt: its trace and what was judged of it."""

    trace: _HeldTrace = _HeldTrace()
    "What happened, redacted."

    verdict: Verdict
    "Whether it was what was wanted."

    explanation: Explanation | None
    "Why not; None where everything was met."

    def pack(self) -> None:
        """Hold the trace in a tenth of the memory; reading it takes a millisecond from now on."""
        packed = zlib.compress(json.dumps(trace_to_json(self.trace)).encode("ascii"))
        self.__dict__["_trace"] = packed


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One attempt with all its tries."""

    scenario: str
    "Scenario id, with the row in brackets where there are rows: unique within a run."

    title: str
    "Scenario title."

    attempt: Attempt
    "What was tried; never holds secrets that a report could print."

    tries: tuple[Try, ...]
    "Every try in order; the last one decides."

    file: str = ""
    "The scenario's file; empty where no scenario was run. A step may come from another file."

    row: Row | None = None
    "The row of the scenario that was tried, or None where it has no rows."

    @property
    def story(self) -> str:
        """The scenario id without a row."""
        return self.scenario if self.row is None else self.row.story

    @property
    def last(self) -> Try:
        """The try that decides."""
        return self.tries[-1]

    @property
    def flaky(self) -> bool:
        """Whether it was met only after a retry."""
        return len(self.tries) > 1 and self.last.verdict.outcome.value == "MET"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run of any number of scenarios."""

    run_id: str
    "``<UTC>-<name>``, also the name of the run's folder."

    started_at: datetime
    "Aware UTC."

    duration_s: float
    "Wall time of the run in seconds."

    vantage: str
    "Host name of the machine that ran it."

    versions: tuple[tuple[str, str], ...]
    "sipprobe, pjsip, python: (name, version)."

    findings: tuple[Finding, ...]
    "In the order of the scenarios and their steps."

    notes: tuple[str, ...]
    "What holds for the whole run: embedded trunk used, verification off, interrupted."

    cleanup: tuple[Trace, ...] = ()
    "What was sent after the last attempt of each scenario (BYE, un-REGISTER), redacted."

    interrupted: bool = False
    "Whether the user ended the run."

    complete: bool = True
    "Whether the run came to its end; else an error of ours ended it, and what is there stands."

    folder: str | None = None
    "The run's folder as shown to the user, or None where nothing was stored."

    def counts(self) -> dict[str, int]:
        """Return how many findings were met, not met, inconclusive and flaky."""
        outcomes = [finding.last.verdict.outcome.value for finding in self.findings]
        return {
            "met": outcomes.count("MET"),
            "not_met": outcomes.count("NOT_MET"),
            "inconclusive": outcomes.count("INCONCLUSIVE"),
            "flaky": sum(finding.flaky for finding in self.findings),
        }
