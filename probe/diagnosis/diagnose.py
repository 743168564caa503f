"""From an attempt, its trace and its verdict to an explanation: gates in order, then a ranking.

What keeps an explanation honest stands here and not in the rules:

- a gate that proves one cause ends the search: what stands below it could not be tested;
- only a cause that the catalogue calls identifiable from one trace (class I) may be certain, and
  only alone: two proofs make both likely;
- at most four candidates; a cause that the evidence excludes is not among them;
- the provider's own meanings come first, before all that the code alone suggests, and it is said
  how the provider is known.
"""

from collections.abc import Iterable, Iterator
from functools import cache

from msgspec.structs import replace

from probe.diagnosis import (
    asked,
    called,
    changed,
    differences,
    media,
    names,
    own,
    placed,
    reach,
    registration,
    routing,
    samerun,
    servers,
    session,
    subscriptions,
    tls,
    transport,
)
from probe.diagnosis.case import Case
from probe.diagnosis.earlier import Earlier
from probe.diagnosis.explanation import Cause, Certainty, CodeReference, Evidence, Explanation
from probe.diagnosis.history import Before
from probe.diagnosis.provider import (
    marked_causes,
    product_says,
    provider_meanings,
    provider_says,
    subject_of,
)
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import NAMED_BY_THEM, Gate, Hypothesis, Rule
from probe.diagnosis.streams import asked as asked_about_sound
from probe.diagnosis.unmet import Telling, tell
from probe.diagnosis.whose import Origin
from probe.diagnosis.words import deadline, nothing_learned, observations, what_happened
from probe.plan.plan import Attempt
from probe.reference import reference
from probe.reference.reference import RootCause
from probe.trace.failure import Failure
from probe.trace.trace import Trace
from probe.verdict.verdict import Outcome, Verdict

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *own.RULES,
            *names.RULES,
            *servers.RULES,
            *transport.RULES,
            *reach.RULES,
            *tls.RULES,
            *registration.RULES,
            *routing.RULES,
            *placed.RULES,
            *samerun.RULES,
            *called.RULES,
            *session.RULES,
            *subscriptions.RULES,
            *media.RULES,
            *asked.RULES,
            *changed.RULES,
        ),
        key=lambda rule: rule.gate,
    )
)
"""Every rule, gate by gate."""

MOST_CAUSES = 4
"""Candidates that an explanation names at most."""

_ORDER = {Certainty.CERTAIN: 0, Certainty.LIKELY: 1, Certainty.UNDECIDED: 2}
_DETAILS = frozenset({"timing", "headers", "request_headers"})
_EVIDENCE = 8


def diagnose(
    attempt: Attempt,
    trace: Trace,
    verdict: Verdict,
    before: Before | None = None,
    earlier: tuple[Earlier, ...] = (),
) -> Explanation:
    """Explain why an attempt was not what was wanted. Pure; raises nothing for any trace.

    ``before`` is the last good run of the same step, where one is stored; ``earlier`` is what the
    same run tried before.
    """
    return explain(Case(attempt, trace, verdict, before, earlier))


def explain(case: Case) -> Explanation:
    """Explain a case, as `diagnose` does."""
    ranked = rank(case)
    if ranked:
        return _with_causes(case, ranked)
    if case.asks_why and not _succeeded(case):
        return _without_causes(case)
    return _details_only(case)


@cache
def _rules_of(gate: Gate) -> tuple[Rule, ...]:
    """Return the rules of a gate, in their order."""
    return tuple(rule for rule in RULES if rule.gate is gate)


def rank(case: Case) -> tuple[Hypothesis, ...]:
    """Return the hypotheses that remain, most likely first, at most four."""
    found: list[Hypothesis] = []
    named = marked_causes(case)
    for gate in _gates(case):
        of_gate = [
            _yielding(_capped(hypothesis), named)
            for rule in _rules_of(gate)
            for hypothesis in rule.find(case)
        ]
        excluded = {cause for hypothesis in of_gate for cause in hypothesis.rules_out}
        of_gate = [hypothesis for hypothesis in of_gate if hypothesis.cause not in excluded]
        proved = {h.cause for h in of_gate if h.likelihood is Certainty.CERTAIN}
        if len(proved) == 1:
            return tuple(h for h in of_gate if h.likelihood is Certainty.CERTAIN)[:1]
        found.extend(_likely_at_most(h) for h in of_gate)
    if found or case.asks_why:
        found.extend(_capped(hypothesis) for hypothesis in provider_says(case))
    excluded = {cause for hypothesis in found for cause in hypothesis.rules_out}
    merged = _merged(h for h in found if h.cause not in excluded)
    return tuple(sorted(merged, key=lambda h: (_ORDER[h.likelihood], -h.weight)))[:MOST_CAUSES]


def _gates(case: Case) -> tuple[Gate, ...]:
    """Return the gates that the question reaches."""
    if case.asks_why and not _succeeded(case):
        return tuple(Gate)
    if _succeeded(case) and case.kinds & {"headers"}:
        return (Gate.AUTHENTICATION,)
    if servers.was_slowed(case):
        return (Gate.NAME,)
    if case.kinds - _DETAILS:
        return (Gate.OWN, Gate.SESSION)
    return ()


def _succeeded(case: Case) -> bool:
    return (
        200 <= case.status < 300 and not case.undecided and not case.failed(Failure.UNUSABLE_ANSWER)
    )


def _capped(hypothesis: Hypothesis) -> Hypothesis:
    """Keep certainty for causes that one trace can prove (class I)."""
    provable = reference.cause(hypothesis.cause).identifiability == "I"
    return hypothesis if provable else _likely_at_most(hypothesis)


def _likely_at_most(hypothesis: Hypothesis) -> Hypothesis:
    if hypothesis.likelihood is Certainty.CERTAIN:
        return replace(hypothesis, likelihood=Certainty.LIKELY)
    return hypothesis


def _yielding(hypothesis: Hypothesis, named: frozenset[str]) -> Hypothesis:
    """Let a guess step back where a mark of the provider's names other causes."""
    if not named or hypothesis.cause in named or hypothesis.weight >= NAMED_BY_THEM:
        return hypothesis
    if hypothesis.likelihood is Certainty.CERTAIN and not hypothesis.by_code:
        return hypothesis
    return replace(hypothesis, likelihood=Certainty.UNDECIDED)


def _merged(found: Iterator[Hypothesis]) -> list[Hypothesis]:
    """Join hypotheses of the same cause: the stronger one leads, evidence adds up."""
    by_cause: dict[str, Hypothesis] = {}
    for hypothesis in found:
        other = by_cause.get(hypothesis.cause)
        if other is None:
            by_cause[hypothesis.cause] = hypothesis
            continue
        lead, rest = sorted((other, hypothesis), key=lambda h: (_ORDER[h.likelihood], -h.weight))
        by_cause[hypothesis.cause] = replace(
            lead,
            says=lead.says or rest.says,
            evidence=tuple(dict.fromkeys((*lead.evidence, *rest.evidence))),
            steps=lead.steps or rest.steps,
            unknown=tuple(dict.fromkeys((*lead.unknown, *rest.unknown))),
            weight=max(lead.weight, rest.weight) + 1,
        )
    return list(by_cause.values())


# Putting it into words --------------------------------------------------------------------------


def _with_causes(case: Case, ranked: tuple[Hypothesis, ...]) -> Explanation:
    top = ranked[0]
    root = reference.cause(top.cause)
    return Explanation(
        certainty=top.likelihood,
        causes=tuple(
            Cause(
                id=h.cause,
                name=reference.cause(h.cause).name,
                likelihood=h.likelihood,
                because=h.because,
            )
            for h in ranked
        ),
        summary=_summary(case, ranked, root),
        observed=_observed(case),
        inferred=_inferred(case, ranked),
        evidence=_evidence(case, ranked),
        unknown=_unknown(ranked),
        next_steps=_steps(case, ranked),
        reference=_code(case),
    )


def _summary(case: Case, ranked: tuple[Hypothesis, ...], root: RootCause) -> str:
    top = ranked[0]
    paged = bool(top.says) and top.cause in marked_causes(case)
    if top.likelihood is Certainty.UNDECIDED and not paged:
        names_of = [reference.cause(h.cause).name for h in ranked]
        text = what_happened(case) + (
            f" The answer does not say why; it may be: {'; '.join(names_of)}."
            if case.reply is not None
            else f" From here it cannot be told apart which it is: {'; '.join(names_of)}."
        )
        if len(ranked) == 1:
            text = f"{what_happened(case)} A possible reason: {root.name}."
    else:
        text = top.says or f"{what_happened(case)} {root.summary}"
    if case.verdict.outcome is Outcome.INCONCLUSIVE:
        text = _prefaced(case, text)
    return " ".join(filter(None, (text, deadline(case))))


def _prefaced(case: Case, text: str) -> str:
    if case.failure is None and asked_about_sound(case):  # the call went well, a figure is unknown
        return f"This cannot be judged. {text}"
    return text if "nothing was learned" in text.lower() else f"{nothing_learned(case)} {text}"


def _inferred(case: Case, ranked: tuple[Hypothesis, ...]) -> tuple[str, ...]:
    found = [_sentence(h.because) for h in ranked[:1] if h.likelihood is not Certainty.UNDECIDED]
    meanings = provider_meanings(case)
    found.extend(
        f"{m.provider} on {subject_of(case)}: {m.text}" + (f" {m.note}" if m.note else "")
        for m in meanings[:2]
    )
    if meanings or case.whose.origin is not Origin.CONFIGURATION:
        found.append(case.whose.how)
    if not meanings and case.reply is not None and case.status >= 300:
        entry = reference.response(case.status)
        found.append(f"{case.status} in general: {entry.meaning}")
    found.append(product_says(case)[0])
    return tuple(filter(None, found))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _evidence(case: Case, ranked: tuple[Hypothesis, ...]) -> tuple[Evidence, ...]:
    """Return the evidence of all candidates and of the provider, the same words once."""
    last = _of_both_sides(case)
    found = _once(evidence for h in ranked for evidence in h.evidence)
    return _once((*found[: _EVIDENCE - len(last)], *last))


def _of_both_sides(case: Case) -> tuple[Evidence, ...]:
    """Return what changed since the last good run, whose trunk it is, and what answered."""
    return (*differences.cited(case), *case.whose.evidence[:2], *product_says(case)[1])


def _once(found: Iterable[Evidence]) -> tuple[Evidence, ...]:
    first: dict[str, Evidence] = {}
    for evidence in found:
        first.setdefault(evidence.says, evidence)
    return tuple(first.values())


def _observed(case: Case) -> tuple[str, ...]:
    return (*observations(case), *differences.since(case), *case.whose.observed)


def _unknown(ranked: tuple[Hypothesis, ...]) -> tuple[str, ...]:
    found = [text for hypothesis in ranked for text in hypothesis.unknown]
    if len(ranked) > 1:
        found.append(f"Which of {', '.join(h.cause for h in ranked)} it is.")
    return tuple(dict.fromkeys(found))


def _steps(case: Case, ranked: tuple[Hypothesis, ...]) -> tuple[str, ...]:
    top = ranked[0]
    root = reference.cause(top.cause)
    steps = list(top.steps or (root.fix,))
    if top.likelihood is not Certainty.CERTAIN:
        roots = [reference.cause(h.cause) for h in ranked]
        control = next((r.control for r in roots if r.control), None)
        question = next((r.ask for r in roots if r.ask), None)
        if control:
            steps.append(f"To be sure: {control}")
        if question:
            steps.append(f"Ask {plain(case.provider)}: {question}")
    if case.verdict.outcome is Outcome.INCONCLUSIVE:
        steps.append(_rerun(case))
    steps.append(_look_up(case, top.cause))
    return tuple(dict.fromkeys(steps))


def _rerun(case: Case) -> str:
    failure = case.failure
    if (
        failure is not None
        and failure.failure is Failure.NOT_ATTEMPTED
        and "the day ends at" in failure.detail  # a cap of the ledger
    ):
        return "Wait for the next UTC day, or change `caps:` of the trunk profile."
    return f"Run it again: `sipprobe run {plain(case.attempt.source.file) or 'SCENARIO'}`."


def _look_up(case: Case, cause: str | None) -> str:
    """Return the command that tells more."""
    if case.reply is None:
        return f"`sipprobe explain {cause}` tells more." if cause else ""
    known = case.whose.provider
    provider = f" --provider {plain(case.attempt.provider or known.key)}" if known else ""
    inbound = " --inbound" if case.direction == "inbound" else ""
    return f"`sipprobe explain {case.status}{provider}{inbound}` tells more."


def _code(case: Case) -> CodeReference | None:
    if case.reply is None:
        return None
    entry = reference.response(case.status)
    meanings = provider_meanings(case)
    return CodeReference(
        code=case.status,
        name=entry.name if entry.registered else "not a registered code",
        defined_in=entry.defined_in,
        provider=meanings[0].provider if meanings else None,
    )


# Where no cause is named ------------------------------------------------------------------------


def _without_causes(case: Case) -> Explanation:
    """Say what was observed and what the code means in general, and name nothing."""
    meanings = provider_meanings(case)
    general = ""
    if case.reply is not None:
        general = meanings[0].text if meanings else reference.response(case.status).meaning
    text = " ".join(filter(None, (what_happened(case), general, deadline(case))))
    ours = case.verdict.outcome is Outcome.INCONCLUSIVE
    steps = [
        reference.response(case.status).next_act if case.reply is not None else "",
        _rerun(case) if ours else "",
        _look_up(case, None),
    ]
    return Explanation(
        certainty=Certainty.UNDECIDED,
        causes=(),
        summary=_prefaced(case, text) if ours else text,
        observed=_observed(case),
        inferred=_inferred(case, ()),
        evidence=_once((*_last_words(case), *_of_both_sides(case))),
        unknown=() if ours else ("Why: nothing in the trace names a cause.",),
        next_steps=tuple(filter(None, steps)),
        reference=_code(case),
    )


def _last_words(case: Case) -> tuple[Evidence, ...]:
    reply = (
        (case.cite_start(case.reply.index), *case.cite("Reason", "Warning")) if case.reply else ()
    )
    return (*reply, *case.cite_failure())


def _details_only(case: Case) -> Explanation:
    """Tell of expectations that were not met although nothing failed."""
    tellings = [tell(case, mismatch) for mismatch in case.verdict.mismatches[:MOST_CAUSES]]
    if not tellings:
        tellings = [Telling(summary=what_happened(case))]
    return Explanation(
        certainty=Certainty.UNDECIDED,
        causes=(),
        summary=" ".join(dict.fromkeys(t.summary for t in tellings)),
        observed=_observed(case),
        inferred=tuple(dict.fromkeys(text for t in tellings for text in t.inferred)),
        evidence=_once((*(e for t in tellings for e in t.evidence), *differences.cited(case)))[
            :_EVIDENCE
        ],
        unknown=(),
        next_steps=tuple(dict.fromkeys(step for t in tellings for step in t.steps)),
        reference=_code(case),
    )
