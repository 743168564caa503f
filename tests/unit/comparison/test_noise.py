"""Tests that tell a difference from chance: against values worked out by hand, and by trial."""

import random
from math import comb

import pytest

from probe.comparison.noise import CHANCE, apart, rank_sum, shares


def test_five_against_five_that_do_not_overlap() -> None:
    """Two of the 252 arrangements are as far apart."""
    assert rank_sum([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(2 / comb(10, 5))


def test_four_against_four_never_reach_the_bound() -> None:
    """2 of 70: too few repeats to tell anything at one in a hundred."""
    assert rank_sum([1, 2, 3, 4], [50, 60, 70, 80]) == pytest.approx(2 / 70)
    assert rank_sum([1, 2, 3, 4], [50, 60, 70, 80]) > CHANCE


def test_ties_count_half() -> None:
    """(1, 2) and (2, 3): mid-ranks 1, 2.5, 2.5, 4; 2 of 6 arrangements are as far apart."""
    assert rank_sum([1, 2], [2, 3]) == pytest.approx(4 / 6)


@pytest.mark.parametrize("size", [10, 30], ids=["exact", "normal"])
def test_equal_values_are_no_difference(size: int) -> None:
    """All ties: nothing can be said."""
    assert rank_sum([0.2] * size, [0.2] * size) == 1.0


def test_the_approximation_joins_the_exact_count() -> None:
    """At the seam the two ways agree within a few thousandths."""
    drawn = random.Random(7)
    before = [drawn.gauss(0, 1) for _ in range(20)]
    after = [drawn.gauss(0.6, 1) for _ in range(20)]
    exact = rank_sum(before, after)
    normal = rank_sum([*before, *before[:1]], after)
    assert 0.005 < exact < 0.3
    assert normal == pytest.approx(exact, abs=0.03)


def test_chance_is_called_a_difference_as_seldom_as_promised() -> None:
    """Of 400 pairs of samples of one skewed source, about one in a hundred differs."""
    drawn = random.Random(1)
    found = sum(
        rank_sum([drawn.expovariate(5) for _ in range(8)], [drawn.expovariate(5) for _ in range(8)])
        < CHANCE
        for _ in range(400)
    )
    assert found <= 12  # the mean is 4; twelve or more come once in a thousand trials


def test_shares_are_fishers() -> None:
    """The tea: three of four, then one of four, is 34 of 70 by Fisher's own count."""
    assert shares(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert shares(10, 10, 0, 10) == pytest.approx(2 / comb(20, 10))


def test_words_are_apart() -> None:
    """No word in common, or one far more often; now and then another is no difference."""
    assert apart(["180 200"], ["183 180 200"])
    assert not apart(["a"] * 9 + ["b"], ["a"] * 10)
    assert not apart(["a"], ["a"])
    assert apart(["a"] * 10 + ["b"], ["a"] + ["b"] * 10)
    assert not apart([], ["a"])
