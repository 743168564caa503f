"""Whether two sets of observations differ by more than chance.

Distribution-free tests, on the standard library alone: delays on a network are skewed and have
outliers, so nothing here assumes a shape.
"""

from collections import Counter
from collections.abc import Sequence
from math import comb, erfc, sqrt

CHANCE = 0.01
"""A difference that chance makes less often than this is one."""

MOST_EXACT = 40
"""Observations of both sides up to which every arrangement is counted."""


def rank_sum(before: Sequence[float], after: Sequence[float]) -> float:
    """Return how likely chance alone parts two sets at least so far: Mann-Whitney, two-sided.

    Exact by counting the arrangements of the ranks, ties as mid-ranks; for more than MOST_EXACT
    observations by the normal approximation with its correction for ties. 1.0 for an empty side.
    """
    few, total = len(before), len(before) + len(after)
    if not before or not after:
        return 1.0
    ranks = _doubled_ranks([*before, *after])
    own, centre = sum(ranks[:few]), few * (total + 1)
    away = abs(own - centre)
    if total <= MOST_EXACT:
        sums = _sums(ranks, few)
        return sum(n for s, n in sums.items() if abs(s - centre) >= away) / comb(total, few)
    ties = sum(n**3 - n for n in Counter(ranks).values())
    spread = few * len(after) / 12 * (total + 1 - ties / (total * (total - 1)))
    return 1.0 if spread == 0 else erfc(away / 2 / sqrt(spread) / sqrt(2))


def shares(hits: int, of: int, later_hits: int, later_of: int) -> float:
    """Return how likely chance alone makes two shares so different: Fisher's exact test."""
    total, all_hits = of + later_of, hits + later_hits

    def ways(here: int) -> int:
        return comb(of, here) * comb(later_of, all_hits - here)

    possible = range(max(0, all_hits - later_of), min(of, all_hits) + 1)
    rare = sum(ways(here) for here in possible if ways(here) <= ways(hits))
    return rare / comb(total, all_hits)


def apart(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether two sets of words differ: no word in common, or one far more often than before."""
    first, then = Counter(before), Counter(after)
    words = first.keys() | then.keys()
    if not first.keys() & then.keys():
        return bool(first) and bool(then)
    return any(
        shares(first[word], len(before), then[word], len(after)) < CHANCE / len(words)
        for word in words
    )


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Return twice the mid-rank of each value, which is a whole number."""
    count, below = Counter(values), 0
    rank = {}
    for value in sorted(count):
        rank[value] = 2 * below + count[value] + 1
        below += count[value]
    return [rank[value] for value in values]


def _sums(ranks: Sequence[int], few: int) -> Counter[int]:
    """Return how many choices of so many ranks have each sum."""
    chosen: list[Counter[int]] = [Counter({0: 1}), *(Counter() for _ in range(few))]
    for rank in ranks:
        for size in range(few, 0, -1):
            for total, ways in chosen[size - 1].items():
                chosen[size][total + rank] += ways
    return chosen[few]
