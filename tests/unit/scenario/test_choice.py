"""The language of `-k`."""

import pytest

from probe.scenario.choice import ChoiceError, choice, only

NAME = "formats[+12025550123 US] The trunk takes terms and conditions"


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("", True),
        ("formats", True),
        ("FORMATS", True),
        ("other", False),
        ("+1202", True),
        ("not other", True),
        ("not formats", False),
        ("formats and US", True),
        ("formats and DE", False),
        ("DE or US", True),
        ("DE or not US", False),
        ("not (DE or FR) and formats", True),
        ("not DE and not US", False),
        ("DE and FR or US", True),
        ("DE and (FR or US)", False),
        ("trunk takes", True),
        ("takes trunk", False),
        ("'terms and conditions'", True),
        ('"terms or conditions"', False),
        ("[+12025550123 US]", True),
        ("NOT other AND us", True),
    ],
)
def test_expression_means(expression: str, meant: bool) -> None:
    """Words stand anywhere in the text; `not` binds most, then `and`, then `or`."""
    assert choice(expression)(NAME) is meant


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("and", "a word is missing"),
        ("a and", "a word is missing"),
        ("a or or b", "a word is missing"),
        ("not", "a word is missing"),
        ("(a", "a '\\)' is missing"),
        ("a)", "'\\)' stands where nothing may follow"),
        ("a not b", "'not' stands where nothing may follow"),
        ("'a", "a quote is never closed"),
        ("(" * 60 + "a" + ")" * 60, "nested too deeply"),
    ],
)
def test_expression_that_cannot_be_read_says_why(expression: str, why: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ChoiceError, match=why):
        choice(expression)


@pytest.mark.parametrize("name", ["a[+1]", "a[US and DE]", "a[it's]", "not", "a[(1)]", "a[#31#]"])
def test_name_is_found_by_its_own_expression(name: str) -> None:
    """It is what `again:` of a report says."""
    assert choice(only(name))(f"x {name} y")
    assert not choice(only(name))("something else")
