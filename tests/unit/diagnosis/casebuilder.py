"""Explains built wires: an attempt of a plain trunk account, the real judge, then the diagnosis."""

from msgspec.structs import replace
from wirebuilder import Wire

from probe.diagnosis.case import Case
from probe.diagnosis.diagnose import diagnose
from probe.diagnosis.earlier import Earlier
from probe.diagnosis.explanation import Explanation
from probe.diagnosis.history import Before
from probe.plan.action import Account, Call, Options, Register
from probe.plan.plan import Attempt
from probe.scenario.expectation import Expectation
from probe.scenario.reading import read
from probe.scenario.source import Source
from probe.trace.trace import Trace
from probe.verdict.judge import judge
from probe.verdict.verdict import Mismatch, Outcome

ACCOUNT = Account(
    name="trunk",
    aor="sip:100@sip.carrier.example",
    registrar="sip:sip.carrier.example",
    host="sip.carrier.example",
    port=None,
    transport="UDP",
    user="100",
    auth_user="100",
    password="s3cret-password",
)
SOURCE = Source(file="scenarios/check.sip.yaml", line=3, column=5)


def attempt(  # noqa: PLR0913 - the facts of an attempt with defaults
    trace: Trace,
    *,
    expect: dict[str, object] | None = None,
    direction: str = "",
    provider: str | None = None,
    number: str = "+12025550123",
    account: Account | None = ACCOUNT,
    play: str | None = None,
    **changes: object,
) -> Attempt:
    """Return the attempt of a trace; changes are fields of its account."""
    if account is not None:
        account = replace(account, **changes)
    action = {
        "REGISTER": Register(attempt=0, account="trunk"),
        "OPTIONS": Options(attempt=0, account="trunk", target="sip:sip.carrier.example"),
    }.get(
        trace.method,
        Call(attempt=0, account="trunk", target=f"sip:{number}@sip.carrier.example", play=play),
    )
    return Attempt(
        index=0,
        step=1,
        label=trace.attempt,
        method=trace.method,
        direction=direction or ("register" if trace.method == "REGISTER" else "outbound"),
        action=action,
        account=account,
        expectation=None if expect is None else read(Expectation, expect),
        retry=None,
        source=SOURCE,
        provider=provider,
    )


def case(
    wire: Wire | Trace,
    *,
    unmet: tuple[tuple[str, str, str], ...] = (),
    before: Before | None = None,
    earlier: tuple[Earlier, ...] = (),
    **facts: object,
) -> Case:
    """Return the case of a wire; ``unmet`` adds (path, expected, observed) to the verdict."""
    trace = wire.trace() if isinstance(wire, Wire) else wire
    tried = attempt(trace, **facts)
    verdict = judge(tried.expectation, trace, SOURCE)
    if unmet:
        verdict = replace(
            verdict,
            outcome=Outcome.NOT_MET,
            mismatches=(*verdict.mismatches, *(_mismatch(*parts) for parts in unmet)),
        )
    return Case(tried, trace, verdict, before, earlier)


def _mismatch(path: str, expected: str, observed: str) -> Mismatch:
    return Mismatch(
        path=path,
        expected=expected,
        observed=observed,
        evidence=(),
        source=SOURCE,
        message=f"expected {expected}, got {observed}",
    )


def explain(wire: Wire | Trace, **facts: object) -> Explanation:
    """Return the explanation of a wire."""
    one = case(wire, **facts)
    return diagnose(one.attempt, one.trace, one.verdict, one.before, one.earlier)
