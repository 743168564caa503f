"""How right the explanations are: a table by family and class.

Class I and C need the true cause in the first place, class N needs it among the four that are named
at most and no `certain`; outside the catalogue `undecided` is right. False certainty is a `certain`
of a cause that it was not; a `likely` of one that it was not stands in a column of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab import FAMILIES, Case

MOST_CONTROLS = 3
"""Controls that send something, after which class C has to know."""

OFFLINE = {"lint", "digest"}
"""Controls that send nothing."""


def top(case: Case) -> str | None:
    """Return the cause in the first place."""
    return case.candidates[0][0] if case.candidates else None


def named(case: Case) -> bool:
    """Say whether the true cause is among those named."""
    return case.cause in [cause for cause, _ in case.candidates[:4]]


def verdict_right(case: Case) -> bool:
    """Say whether the verdict is the right one."""
    return case.outcome == case.right_outcome


def asked(case: Case) -> set[str]:
    """Return the controls that sent something."""
    return set(case.controls) - OFFLINE


def right(case: Case) -> bool:
    """Say whether the explanation is right, by the rule of its class."""
    if case.problem:
        return False
    if case.cause is None:
        return case.certainty == "undecided"
    if case.identifiability == "N":
        return named(case) and case.certainty != "certain"
    if case.identifiability == "C":
        return top(case) == case.cause and len(asked(case)) <= MOST_CONTROLS
    return top(case) == case.cause


def falsely(case: Case, certainty: str) -> bool:
    """Say whether it claims with this certainty a cause that it was not."""
    return case.certainty == certainty and top(case) != case.cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    family: str
    "Letter of the family, or `all`."

    identifiability: str
    "Class, or `all`."

    cases: tuple[Case, ...]
    "Its cases."

    def share(self, is_so: Callable[[Case], bool]) -> float:
        """Return the share of cases of which something is so, 0 to 1."""
        return sum(map(is_so, self.cases)) / len(self.cases) if self.cases else 0.0

    def cells(self) -> tuple[str, ...]:
        """Return the line as text."""
        count = len(self.cases)
        inside = [case for case in self.cases if case.cause]

        def of_inside(is_so: Callable[[Case], bool]) -> str:
            return f"{100 * sum(map(is_so, inside)) / len(inside):.0f} %" if inside else ""

        def percent(is_so: Callable[[Case], bool]) -> str:
            return f"{100 * self.share(is_so):.0f} %"

        return (
            f"{self.family} {FAMILIES[self.family]}" if self.family in FAMILIES else self.family,
            self.identifiability,
            str(count),
            percent(verdict_right),
            of_inside(lambda case: top(case) == case.cause),
            of_inside(named),
            percent(right),
            percent(lambda case: falsely(case, "certain")),
            percent(lambda case: falsely(case, "likely")),
            f"{sum(len(asked(case)) for case in self.cases) / count:.1f}",
            f"{sum(case.control_s for case in self.cases) / count:.2f} s",
            f"{sum(case.wall_s for case in self.cases) / count:.1f} s",
        )


HEADS = (
    "family",
    "class",
    "cases",
    "verdict right",
    "first",
    "among ≤ 4",
    "right",
    "falsely certain",
    "falsely likely",
    "controls",
    "they took",
    "run took",
)


def rows(cases: Iterable[Case]) -> list[Row]:
    """Return the lines: each family and class, each class over all families, and all."""
    cases = list(cases)
    found = []
    for family in sorted({case.family for case in cases}):
        for kind in sorted({case.identifiability for case in cases if case.family == family}):
            of = [c for c in cases if c.family == family and c.identifiability == kind]
            found.append(Row(family=family, identifiability=kind, cases=tuple(of)))
    for kind in ("I", "C", "N"):
        of = [c for c in cases if c.identifiability == kind]
        if of:
            found.append(Row(family="all", identifiability=kind, cases=tuple(of)))
    found.append(Row(family="all", identifiability="all", cases=tuple(cases)))
    return found


def markdown(cases: Iterable[Case]) -> str:
    """Return the table."""
    lines = [HEADS, tuple("---" for _ in HEADS), *(row.cells() for row in rows(cases))]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def text(cases: Iterable[Case]) -> str:
    """Return the table for a terminal."""
    lines = [HEADS, *(row.cells() for row in rows(cases))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
