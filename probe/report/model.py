"""The report model: what every format draws from."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from probe.diagnosis.explanation import Explanation
from probe.plan.plan import Attempt
from probe.plan.repeats import without_count
from probe.scenario.rows import Row
from probe.trace.trace import Trace
from probe.verdict.verdict import Verdict


class Try(Struct, frozen=True, kw_only=True):
    """One try of an attempt: its trace and what was judged of it."""

    trace: Trace
    "What happened, redacted."

    verdict: Verdict
    "Whether it was what was wanted."

    explanation: Explanation | None
    "Why not; None where everything was met."


class Finding(Struct, frozen=True, kw_only=True):
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

    site: str = ""
    "Site of the fleet from which it was tried; empty where this machine did it."

    @property
    def story(self) -> str:
        """The scenario id without a row, and without the count of --repeat."""
        return without_count(self.scenario) if self.row is None else self.row.story

    @property
    def last(self) -> Try:
        """The try that decides."""
        return self.tries[-1]

    @property
    def flaky(self) -> bool:
        """Whether it was met only after a retry."""
        return len(self.tries) > 1 and self.last.verdict.outcome.value == "MET"


class Findings(Sequence[Finding]):
    """Findings that are not all in memory: each is made anew when it is asked for."""

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Return how many were met, not met, inconclusive and flaky, without a look at them."""

    @abstractmethod
    def told(self) -> Iterator[bytes]:
        """Yield each as the JSON report has it, as JSON in UTF-8."""


class RunReport(Struct, frozen=True, kw_only=True):
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

    findings: Sequence[Finding]
    "In the order of the scenarios and their steps."

    notes: tuple[str, ...]
    "What holds for the whole run: embedded trunk used, verification off, interrupted."

    cleanup: Sequence[Trace] = ()
    "What was sent after the last attempt of each scenario (BYE, un-REGISTER), redacted."

    interrupted: bool = False
    "Whether the user ended the run."

    complete: bool = True
    "Whether the run came to its end; else an error of ours ended it, and what is there stands."

    folder: str | None = None
    "The run's folder as shown to the user, or None where nothing was stored."

    def counts(self) -> dict[str, int]:
        """Return how many findings were met, not met, inconclusive and flaky."""
        if isinstance(self.findings, Findings):
            return self.findings.counts()
        return counted(self.findings)

    def traces(self) -> Iterator[Trace]:
        """Yield every trace, those of one scenario together: its tries, then its cleaning up."""
        cleanup = iter(self.cleanup)
        swept = next(cleanup, None)
        started: datetime | None = None
        for finding in self.findings:
            for one in finding.tries:
                began = one.trace.started_at
                while (
                    swept
                    and began != started
                    and (swept.started_at == started or swept.started_at < began)
                ):
                    yield swept
                    swept = next(cleanup, None)
                started = began
                yield one.trace
        if swept is not None:
            yield swept
        yield from cleanup


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings were met, not met, inconclusive and flaky."""
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.last.verdict.outcome.value.lower()] += 1
        counts["flaky"] += finding.flaky
    return {name: counts[name] for name in ("met", "not_met", "inconclusive", "flaky")}
