"""Builds findings and reports around traces, for tests that judge nothing.

Outcome, mismatches and explanation are what a test says; the trace is what wirebuilder made.
"""

from datetime import datetime, timezone

from msgspec.structs import replace

from probe.diagnosis.explanation import Explanation
from probe.plan.action import Account, Call
from probe.plan.plan import Attempt
from probe.report.model import Finding, RunReport, Try
from probe.scenario.schema import Retry
from probe.scenario.source import Source
from probe.trace.trace import Trace
from probe.verdict.verdict import Measured, Mismatch, Outcome, Timing, Verdict

FILE = "scenarios/trunk-check.sip.yaml"
STARTED = datetime(2026, 11, 21, 1, 2, 3, 456000, tzinfo=timezone.utc)


def timing(**seconds: float | None) -> Timing:
    """Return delays: none measured but for those given, 1.0 s in all."""
    values: dict[str, float | None] = {
        "rrd_s": None,
        "srd_s": None,
        "pdd_s": None,
        "setup_s": None,
        "total_s": 1.0,
    }
    return Timing(**{**values, **seconds})  # type: ignore[arg-type]


def verdict(  # noqa: PLR0913 - the fields of a verdict with defaults
    outcome: Outcome = Outcome.MET,
    *,
    mismatches: tuple[Mismatch, ...] = (),
    warnings: tuple[str, ...] = (),
    delays: Timing | None = None,
    measured: tuple[Measured, ...] = (),
    expected: str = "100? 180 200",
    observed: str = "100 180 200",
) -> Verdict:
    """Return a verdict."""
    return Verdict(
        outcome=outcome,
        mismatches=mismatches,
        warnings=warnings,
        timing=delays or timing(),
        measured=measured,
        expected=expected,
        observed=observed,
    )


def attempt(trace: Trace, *, step: int = 2, times: int = 0, host: str = "pbx.example") -> Attempt:
    """Return the attempt of a trace."""
    account = Account(
        name="trunk",
        aor=f"sip:100@{host}",
        registrar=f"sip:{host}",
        host=host,
        port=None,
        transport="UDP",
        user="100",
        auth_user="100",
        password="s3cret-password",
    )
    return Attempt(
        index=step - 1,
        step=step,
        label=trace.attempt,
        method=trace.method,
        direction="register" if trace.method == "REGISTER" else "outbound",
        action=Call(attempt=step - 1, account="trunk", target=f"sip:+12025550123@{host}"),
        account=account,
        expectation=None,
        retry=Retry(times=times) if times else None,
        source=Source(file=FILE, line=9, column=5, length=4, text="  - call: +12025550123"),
        provider=None,
    )


def finding(  # noqa: PLR0913 - the parts of a finding with defaults
    trace: Trace,
    judged: Verdict | None = None,
    why: Explanation | None = None,
    *,
    step: int = 2,
    times: int = 0,
    host: str = "pbx.example",
    before: tuple[Try, ...] = (),
    scenario: str = "trunk-check",
) -> Finding:
    """Return a finding whose last try is the trace."""
    last = Try(trace=trace, verdict=judged or verdict(), explanation=why)
    return Finding(
        scenario=scenario,
        title="Trunk registers us and completes an outbound call",
        attempt=attempt(trace, step=step, times=times, host=host),
        tries=(*before, last),
    )


def report(*findings: Finding, folder: str | None = None, notes: tuple[str, ...] = ()) -> RunReport:
    """Return a report of findings."""
    return RunReport(
        run_id="2026-11-21T01-02-03Z-trunk-check",
        started_at=STARTED,
        duration_s=2.9,
        vantage="probe-1",
        versions=(("sipprobe", "0.1.0"), ("pjsip", "2.15.1")),
        findings=findings,
        notes=notes,
        folder=folder,
    )


def without_account(one: Finding) -> Finding:
    """Return a finding whose attempt has no account, as a wait has."""
    return replace(one, attempt=replace(one.attempt, account=None))
