"""The table of bounds."""

import pytest
from reportbuilder import finding, report, verdict
from wirebuilder import Wire, answered_call

from probe.report.bounds_table import bounds_table
from probe.report.terminal import render
from probe.report.text import cells
from probe.verdict.verdict import Measured


def row(bound: str, value: float | None, state: str = "ok", width: int = 80) -> str:
    """Return the row of one bound."""
    lines = bounds_table((Measured(name="pdd", value_s=value, bound=bound, state=state),), width)
    assert len(lines) == 2
    return " ".join(lines[1].split())


@pytest.mark.parametrize(
    ("bound", "value", "state", "shown"),
    [
        ("max 4s", 1.5, "ok", "pdd 1.500 s max 4s 2.500 s left ✓"),
        ("max 4s, warn 2s", 3.0, "warn", "pdd 3.000 s max 4s, warn 2s 1.000 s left !"),
        ("max 4s", 4.25, "fail", "pdd 4.250 s max 4s 0.250 s over ✗"),
        ("min 500ms", 0.2, "fail", "pdd 0.200 s min 500ms 0.300 s under ✗"),
        ("8s..16s", 9.0, "ok", "pdd 9.000 s 8s..16s 1.000 s left ✓"),
        ("max 4s", None, "fail", "pdd none max 4s ✗"),
        ("max 4s", None, "none", "pdd none max 4s"),
        ("max 1 %", 0.25, "ok", "pdd 0.25 % max 1 % 0.75 % left ✓"),
        ("words of another version", 1.0, "ok", "pdd 1 words of another version ✓"),
    ],
)
def test_a_row_says_what_was_allowed_and_what_was_left(
    bound: str, value: float | None, state: str, shown: str
) -> None:
    """The margin is that of the limit which would be passed first."""
    assert row(bound, value, state) == shown


def test_without_bounds_there_is_no_table() -> None:
    """A measured delay alone is none."""
    assert bounds_table((), 80) == []
    assert bounds_table((Measured(name="pdd", value_s=1.0, bound="", state="none"),), 80) == []


def test_columns_stand_under_each_other_and_fit() -> None:
    """A long bound is cut, the margin is not."""
    measured = (
        Measured(name="pdd", value_s=1.0, bound="max 4000ms, warn 2000ms", state="ok"),
        Measured(name="setup", value_s=12.0, bound="max 20s", state="ok"),
    )
    for width in (50, 60, 120):
        lines = bounds_table(measured, width)
        assert all(cells(line) <= width for line in lines)
        places = {line.index("left") for line in lines[1:] if "left" in line}
        assert len(places) <= 2
        assert all(line.endswith("✓") for line in lines[1:])


def test_a_pass_shows_its_bounds_with_its_ladder() -> None:
    """-v tells by how much a bound held."""
    judged = verdict(measured=(Measured(name="pdd", value_s=1.0, bound="max 4s", state="ok"),))
    whole = report(finding(answered_call().trace(), judged))
    assert "3.000 s left" not in render(whole, color=False, width=80)
    assert "3.000 s left ✓" in render(whole, color=False, width=80, verbosity=1)


@pytest.mark.parametrize("width", [60, 80, 120, 240])
@pytest.mark.parametrize("phrase", ["忙しい時 " * 40, "e\u0301" * 300, "ที่นี่ " * 60, "x" * 60_000])
def test_no_line_is_wider_than_the_terminal_in_any_script(width: int, phrase: str) -> None:
    """Reason phrases and header fields of a peer, in every part of the report."""
    trace = (
        Wire().send("INVITE").receive(403, phrase, headers={"Warning": f'399 x "{phrase}"'}).trace()
    )
    judged = verdict(
        measured=(Measured(name="pdd", value_s=1.0, bound="max 4s", state="ok"),),
        warnings=(phrase[:400],),
    )
    text = render(
        report(finding(trace, judged, scenario=phrase[:90]), notes=(phrase,)),
        color=False,
        width=width,
        verbosity=2,
    )
    assert max(map(cells, text.splitlines())) <= width
    assert len(text) < 20_000
