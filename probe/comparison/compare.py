"""Holds the findings of two runs against each other, step by step.

A step may have been tried several times in a run (``run --repeat``): its samples are compared as
sets, and only what chance does not explain is a difference.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from probe.comparison.headers import ABSENT
from probe.comparison.model import Compared, Comparison, Difference, Key, Kind, Side
from probe.comparison.noise import CHANCE, apart, rank_sum, shares
from probe.comparison.observe import Fact, Sample, of_the_final

ENOUGH = 5
"""Repeats on each side from which delays are tested; below, chance alone reaches CHANCE."""

LEAST_S = 0.05
"""Seconds by which a tested delay must differ at least to be told."""

LEAST_SHARE = 0.2
"""Part of the earlier delay by which a tested one must differ at least."""

UNCERTAIN_S = 0.5
"""Seconds by which a delay of few repeats must differ to be told, as uncertain."""

UNCERTAIN_TIMES = 3.0
"""How many times as long a delay of few repeats must be to be told, as uncertain."""

MUCH_SOUND = 25
"""RTP packets of half a second: from there on sound was heard."""

DELAYS = {
    "rrd_s": "registration delay",
    "pdd_s": "post-dial delay",
    "srd_s": "session request delay",
    "setup_s": "time to answer",
    "total_s": "whole attempt",
}
"""Delays in the order in which they are told: a later one only for what it adds to them."""

ASPECTS = (
    *("sequence", "requests", "login", "headers", "sdp", "address", "tls", "route"),
    *("timing", "media"),
)
"""What may be left out of a comparison; the outcome may not."""


def compare(before: Side, after: Side, ignore: frozenset[str] = frozenset()) -> Comparison:
    """Return what differs between two runs; ``ignore`` names aspects, or ASPECT.NAME."""
    steps = []
    for key, samples in after.samples.items():
        earlier = before.samples.get(key, ())
        found = tuple(
            one
            for one in _differences(earlier, samples)
            if not {one.aspect, f"{one.aspect}.{one.name}".lower()} & ignore
        )
        kind = _worst(found) if earlier else Kind.NEW
        steps.append(
            Compared(key=key, kind=kind, differences=found, before=len(earlier), after=len(samples))
        )
    if "timing" not in ignore:
        steps += _over_rows(before, after)
    lost = Kind.GONE if after.whole else Kind.UNTESTED
    steps += [
        Compared(key=key, kind=lost, differences=(), before=len(samples), after=0)
        for key, samples in before.samples.items()
        if key not in after.samples
    ]
    return Comparison(
        before=before.run, after=after.run, steps=tuple(steps), notes=tuple(_notes(before, after))
    )


def _over_rows(before: Side, after: Side) -> Iterator[Compared]:
    """Yield the steps whose rows, taken together, are slower or faster beyond noise.

    Each row by itself was tried too seldom for that; the same rows stand on both sides.
    """
    pooled: dict[tuple[str, int], list[Key]] = {}
    for key, samples in after.samples.items():
        seldom = min(len(samples), len(before.samples.get(key, ()))) < ENOUGH
        if key.scenario != key.story and key in before.samples and seldom:
            pooled.setdefault((key.story, key.step), []).append(key)
    for (story, step), keys in pooled.items():
        first = _met([s for key in keys for s in before.samples[key]])
        then = _met([s for key in keys for s in after.samples[key]])
        if min(len(first), len(then)) >= ENOUGH and (found := tuple(_delays(first, then))):
            yield Compared(
                key=Key(scenario=story, story=story, step=step, attempt="all rows together"),
                kind=_worst(found), differences=found, before=len(first), after=len(then),
            )  # fmt: skip


def _worst(found: tuple[Difference, ...]) -> Kind:
    kinds = {one.kind for one in found}
    return next((kind for kind in Kind if kind in kinds), Kind.SAME)


def _notes(before: Side, after: Side) -> Iterator[str]:
    """Yield what keeps two runs from being compared in full."""
    for side in (before, after):
        every = [sample for samples in side.samples.values() for sample in samples]
        if every and not all(sample.traced for sample in every):
            yield (
                f"{side.run} has no traces: headers, SDP, TLS and DNS are not compared; "
                "name the run's folder instead of a report"
            )
        if not side.whole:
            yield f"{side.run} did not come to its end"


def _differences(before: Sequence[Sample], after: Sequence[Sample]) -> Iterator[Difference]:
    """Yield what differs between the samples of one step."""
    if not before or not after:
        return
    yield from _outcome(before, after)
    yield from _sequence(before, after)
    for final in dict.fromkeys(sample.final for sample in before):
        yield from _facts(
            [s for s in before if s.final == final and s.traced],
            [s for s in after if s.final == final and s.traced],
            final_only=True,
        )
    yield from _facts(
        [s for s in before if s.traced], [s for s in after if s.traced], final_only=False
    )
    good, then = _met(before), _met(after)
    yield from _delays(good, then)
    yield from _sound(good, then)


def _met(samples: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.outcome == "MET"]


def _outcome(before: Sequence[Sample], after: Sequence[Sample]) -> Iterator[Difference]:
    """Yield the difference of outcomes."""
    first, then = [s.outcome for s in before], [s.outcome for s in after]
    met, later = first.count("MET"), then.count("MET")
    steady = met in {0, len(first)}  # mixed before: the share must leave the bounds of chance
    share = f"{met / len(first):.3f}", f"{later / len(then):.3f}"
    if share[0] == share[1] and Counter(first).keys() == Counter(then).keys():
        return
    if not steady and shares(met, len(first), later, len(then)) >= CHANCE:
        return
    if share[0] == share[1] == "0.000":
        if not apart(first, then):
            return
        untested = "INCONCLUSIVE" in then and "INCONCLUSIVE" not in first
        kind = Kind.UNTESTED if untested else Kind.CHANGED
    elif later / len(then) > met / len(first):
        kind = Kind.IMPROVEMENT
    else:
        kind = Kind.REGRESSION if "NOT_MET" in then else Kind.UNTESTED
    yield Difference(
        kind=kind, aspect="outcome", name="outcome",
        before=counted([_OUTCOMES.get(one, one) for one in first]),
        after=counted([_OUTCOMES.get(one, one) for one in then]),
    )  # fmt: skip


_OUTCOMES = {"MET": "met", "NOT_MET": "not met", "INCONCLUSIVE": "could not be tested"}


def _sequence(before: Sequence[Sample], after: Sequence[Sample]) -> Iterator[Difference]:
    """Yield the difference of response sequences; in a step that is met both times it is worse."""
    first, then = [s.sequence for s in before], [s.sequence for s in after]
    never = sorted(set(then) - set(first))
    all_met = len(_met(before)) == len(before) and len(_met(after)) == len(after)
    if apart(first, then):
        kind, detail = (Kind.REGRESSION if all_met else Kind.CHANGED), ""
    elif never:
        kind, detail = Kind.CHANGED, "now and then only, which may be chance"
    else:
        return
    yield Difference(
        kind=kind, aspect="sequence", name="responses", detail=detail,
        before=counted(first), after=counted(then),
    )  # fmt: skip


def _facts(
    before: Sequence[Sample], after: Sequence[Sample], *, final_only: bool
) -> Iterator[Difference]:
    """Yield the differences of what traces show."""
    if not before or not after:
        return
    names = dict.fromkeys(fact for s in (*before, *after) for fact in s.facts)
    for fact in names:
        if of_the_final(fact) is not final_only:
            continue
        first, then = _values(fact, before), _values(fact, after)
        if first and then and not _anew_each_time(first, then) and apart(first, then):
            yield Difference(
                kind=Kind.CHANGED, aspect=fact[0], name=fact[1],
                before=counted(first), after=counted(then),
            )  # fmt: skip


def _values(fact: Fact, samples: Sequence[Sample]) -> list[str]:
    """Return the values of a fact; a header that is not there counts, other facts do not."""
    if fact[0] == "headers":
        return [sample.facts.get(fact, ABSENT) for sample in samples]
    return [sample.facts[fact] for sample in samples if fact in sample.facts]


def _anew_each_time(first: list[str], then: list[str]) -> bool:
    """Whether a value is another in each repeat, on both sides: an identifier of the call."""
    both = (first, then)
    return all(ABSENT not in v and len(set(v)) == len(v) for v in both) and max(map(len, both)) > 1


def _delays(before: Sequence[Sample], after: Sequence[Sample]) -> Iterator[Difference]:
    """Yield the delays that differ by more than noise."""
    told = 0.0
    for name, words in DELAYS.items():
        first = [s.seconds[name] for s in before if name in s.seconds]
        then = [s.seconds[name] for s in after if name in s.seconds]
        if not first or not then:
            continue
        was, now = median(first), median(then)
        if abs(now - was - told) <= max(LEAST_S, LEAST_SHARE * was):
            continue  # small, or what an earlier delay told already
        found = _delay(words, first, then)
        if found is not None:
            told = now - was
            yield found


def _delay(words: str, first: list[float], then: list[float]) -> Difference | None:
    """Return how a delay differs; None where that may be noise."""
    was, now = median(first), median(then)
    more = now - was
    if min(len(first), len(then)) >= ENOUGH:
        chance = rank_sum(first, then)
        if abs(more) <= max(LEAST_S, LEAST_SHARE * was) or chance >= CHANCE:
            return None
        kind = Kind.REGRESSION if more > 0 else Kind.IMPROVEMENT
        detail = f"medians of {len(first)} and {len(then)}, p = {max(chance, 0.0001):.4f}"
    elif abs(more) > UNCERTAIN_S and max(was, now) > UNCERTAIN_TIMES * min(was, now):
        kind = Kind.CHANGED
        detail = f"uncertain: {len(first)} against {len(then)}; --repeat {ENOUGH} or more tells"
    else:
        return None
    shift = f"{abs(more) * 1000:.0f} ms" if abs(more) < 1 else f"{abs(more):.2f} s"
    shift = f"{'slower' if more > 0 else 'faster'} by {shift}"
    return Difference(
        kind=kind, aspect="timing", name=words,
        before=f"{was:.3f} s", after=f"{now:.3f} s", detail=f"{shift}; {detail}",
    )  # fmt: skip


def _sound(before: Sequence[Sample], after: Sequence[Sample]) -> Iterator[Difference]:
    """Yield that sound came before and does not now, or the reverse."""
    first = [s.heard for s in before if s.heard is not None]
    then = [s.heard for s in after if s.heard is not None]
    if not first or not then:
        return
    words = "sound came", "no packet came"
    if min(first) >= MUCH_SOUND and max(then) == 0:
        kind, (was, now) = Kind.REGRESSION, words
    elif max(first) == 0 and min(then) >= MUCH_SOUND:
        kind, (now, was) = Kind.IMPROVEMENT, words
    else:
        return
    yield Difference(kind=kind, aspect="media", name="sound", before=was, after=now)


def counted(values: Sequence[str]) -> str:
    """Return values in words: one alone as it is, several with how often each came."""
    counts = Counter(values)
    if len(counts) == 1:
        return values[0]
    return ", ".join(f"{value} ({n} of {len(values)})" for value, n in counts.most_common())
