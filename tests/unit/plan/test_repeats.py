"""Plans that are carried out several times, and their names."""

import pytest
from msgspec.structs import replace

from probe.plan.plan import Plan
from probe.plan.repeats import count_of, repeated, without_count

PLAN = Plan(
    scenario="check", name="Check", file="", tags=(), trunk="carrier", accounts=(), attempts=(),
    timeout=30.0,
)  # fmt: skip


def test_each_plan_is_there_so_many_times_under_a_name_of_its_own() -> None:
    """Those of one scenario stand together."""
    names = [plan.scenario for plan in repeated((PLAN, replace(PLAN, scenario="b[x]")), 2)]
    assert names == ["check (1 of 2)", "check (2 of 2)", "b[x] (1 of 2)", "b[x] (2 of 2)"]


def test_once_is_as_it_was() -> None:
    """No count is shown where nothing is repeated."""
    assert repeated((PLAN,), 1) == (PLAN,)


@pytest.mark.parametrize("name", ["check", "check[a (1 of 2) b]", "check (1 of x)"])
def test_a_name_without_a_count_stays(name: str) -> None:
    """Only what stands at the end is a count; and it comes off again."""
    assert without_count(name) == name
    assert count_of(name) == ""
    assert without_count(f"{name} (3 of 10)") == name
    assert count_of(f"{name} (3 of 10)") == " (3 of 10)"
