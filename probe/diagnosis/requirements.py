"""Values that the provider's pages do not allow, and the refusals that are the usual answer.

The comparison itself sends nothing and stands in probe/plan/requirements.py.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.plan.requirements import Violation, lint_against
from probe.reference.reference import Wanted
from probe.trace.failure import Failure


class _Fit(Struct, frozen=True, kw_only=True):
    """A refusal that is the usual answer to a value that is not wanted."""

    cause: str
    "Catalogue id."

    codes: frozenset[int]
    "Its codes."

    methods: frozenset[str]
    "Methods of the refused request."

    weak: bool = False
    "Whether such a code has so many other reasons that it is no more than possible."

    silent: bool = False
    "Whether silence is a usual answer too."

    before_login: bool = False
    "Whether only a refusal without any demand for a login fits."


_CALLS = frozenset({"INVITE"})
_BOTH = frozenset({"INVITE", "REGISTER"})
_MEDIA = frozenset({415, 488, 606})
_FITS: Mapping[Wanted, _Fit] = {
    Wanted.NUMBER: _Fit(
        cause="F073", codes=frozenset({400, 403, 404, 410, 416, 484, 604}), methods=_CALLS
    ),
    Wanted.CALLER: _Fit(
        cause="F082",
        codes=frozenset({400, 403}),
        methods=_CALLS,
        weak=True,  # who refuses a caller ID for its form mostly says so
    ),
    Wanted.CODEC: _Fit(cause="F114", codes=_MEDIA, methods=_CALLS),
    Wanted.SRTP: _Fit(cause="F115", codes=_MEDIA, methods=_CALLS),
    Wanted.HOST: _Fit(
        cause="F032",
        codes=frozenset({403, 404, 604}),
        methods=_BOTH,
        weak=True,  # silence is the documented answer, not a code
        silent=True,
        before_login=True,
    ),
    Wanted.TRANSPORT: _Fit(cause="F021", codes=frozenset(), methods=_BOTH, silent=True),
    Wanted.NEVER: _Fit(
        cause="F059",
        codes=frozenset({403, 404, 405, 501}),
        methods=frozenset({"REGISTER"}),
        silent=True,
    ),
    Wanted.PRACK: _Fit(cause="F110", codes=frozenset({420}), methods=_CALLS),
}


def not_wanted(case: Case) -> Iterator[Hypothesis]:
    """Hold the configured values against the provider's list where the refusal fits one."""
    provider = case.whose.provider
    if provider is None or case.rang is not None:
        return
    for violation in lint_against(provider, case.attempt):
        fit = _FITS.get(violation.of)
        if fit is None or not _fits(case, fit):
            continue
        value = plain(violation.value)
        refusal = f"{case.status} fits that" if case.reply is not None else "silence fits that"
        likely = violation.documented and not (fit.weak and case.reply is not None)
        yield Hypothesis(
            cause=fit.cause,
            likelihood=Certainty.LIKELY if likely else Certainty.UNDECIDED,
            because=f"{case.whose.named} wants: {violation.wanted} ({violation.page}); "
            f"configured is {value}, and {refusal}",
            says=case.fill("{host} refused our {method}, and ")
            + f"{value} is not what {provider.name} wants: {violation.wanted}."
            if case.reply is not None
            else "",
            evidence=_shown(case, violation),
            steps=(
                f"Change `{violation.key}:` to what {provider.name} wants: {violation.wanted}.",
            ),
            unknown=() if violation.documented else (_CONFIRM.format(provider=provider.name),),
            weight=50 if likely else 20,
        )


_CONFIRM = "Whether {provider} really wants that: it is common practice, and no page of theirs."


def _fits(case: Case, fit: _Fit) -> bool:
    if case.method not in fit.methods:
        return False
    if case.reply is None:
        return fit.silent and case.failed(Failure.NO_RESPONSE)
    return (
        not case.reply.ours
        and case.status in fit.codes
        and not (fit.before_login and case.login.challenges)
    )


def _shown(case: Case, violation: Violation) -> tuple[Evidence, ...]:
    """Cite where the value was sent, our configuration, and the refusal."""
    configured = Evidence(
        event=None, says=f"our configuration says {plain(violation.value)} (`{violation.key}:`)"
    )
    sent: Iterable[Evidence] = ()
    if case.request_index is not None:
        sent = (
            case.cite("From", index=case.request_index)
            if violation.of is Wanted.CALLER
            else (case.cite_start(case.request_index),)
        )
    reply = (case.cite_start(case.reply.index),) if case.reply is not None else case.cite_failure()
    return (*sent, configured, *reply)


RULES = (
    Rule(
        name="value that the provider does not want",
        gate=Gate.POLICY,
        causes=tuple(dict.fromkeys(fit.cause for fit in _FITS.values())),
        find=not_wanted,
    ),
)
"""Values that the provider's pages do not allow."""
