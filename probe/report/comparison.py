"""Expected against observed: a sequence laid out in columns, with a cross where the two part."""

import re

from msgspec import Struct, field

from probe.report.text import cells, padded, plain, wrapped
from probe.verdict.verdict import Verdict

THEN = ", then "
"""Stands in an observed sequence between what came and why no more did."""

LEADS = {"expected": "   expected  ", "observed": "   observed  "}

_WORD = r"(?:[1-6][0-9x]{2}|[A-Z]{3,})"
_ITEM = re.compile(rf"{_WORD}(?:\|{_WORD})*(?:[?*+]|\{{[^}}\s]*\}})*\Z")
_UNASKED = ("100",)
_CHALLENGES = ("401", "407")


def compared(verdict: Verdict, width: int, *, aligned: bool) -> list[str]:
    """Return the rows ``expected`` and ``observed``, and a row with ✗ where they part.

    The default sequence names neither provisionals nor challenges, so it cannot be ``aligned``.
    """
    expected, observed = plain(verdict.expected, 1000), plain(verdict.observed, 1000)
    columns = _Columns.of(expected, observed) if aligned else None
    rows = columns.rows() if columns else []
    if rows and all(cells(row) <= width for row in rows):
        return rows
    rows = []
    for key, value in (("expected", expected), ("observed", observed or "nothing")):
        lead = LEADS[key]
        rows += wrapped(value, width, first=lead)
    return rows


class _Columns(Struct, kw_only=True):
    """What was observed, laid under the expected items from left to right."""

    wanted: list[str]
    "Items of the sequence; empty where more came than was expected."

    seen: list[str] = field(default_factory=list)
    "What stands under each of them."

    wrong: int | None = None
    "The first column in which they part."

    place: int = 0
    "The next free column."

    @classmethod
    def of(cls, expected: str, observed: str) -> "_Columns | None":
        """Lay out a sequence; None where it is no plain list of items (a group, a failure).

        What the sequence does not speak of is left out: 100, and challenges that were answered
        before the attempt ended without a final response.
        """
        wanted = expected.split()
        if not wanted or not all(_ITEM.match(word) for word in wanted):
            return None
        came, then, ending = observed.partition(THEN)
        if not then and not all(_ITEM.match(word) for word in came.split()):
            came, ending = "", observed
        unasked = (*_UNASKED, *_CHALLENGES) if ending else _UNASKED
        columns = cls(wanted=wanted, seen=[""] * len(wanted))
        for word in came.split():
            if word not in unasked or any(_takes(item, word) for item in wanted):
                columns.add(word)
        columns.end(ending)
        return columns

    def add(self, word: str) -> None:
        """Put the next observed word into its column; one that only repeats needs none."""
        if self.wrong is None:
            if self.place and _takes_again(self.wanted[self.place - 1], word):
                return
            ahead = self.place
            while ahead < len(self.wanted) and _passes_over(self.wanted[ahead], word):
                ahead += 1
            if ahead < len(self.wanted) and _takes(self.wanted[ahead], word):
                self.place = ahead
            else:
                self.place = self.wrong = self._first_required()
        self._put(word)

    def end(self, ending: str) -> None:
        """Say why no more came, and cross the first item that is missing."""
        if self.wrong is None:
            self.place = self._first_required()
            if ending or self.place < len(self.wanted):
                self.wrong = self.place
        if ending:
            self._put(ending)

    def rows(self) -> list[str]:
        """Return the two or three rows."""
        words = (*self.wanted, *(word for word in self.seen if " " not in word))
        cell = max(cells(word) for word in words) + 2
        rows = [
            LEADS["expected"] + "".join(padded(word, cell) for word in self.wanted),
            LEADS["observed"] + "".join(padded(word, cell) for word in self.seen),
        ]
        if self.wrong is not None:
            rows.append(" " * (len(LEADS["observed"]) + self.wrong * cell + 1) + "✗")
        return [row.rstrip() for row in rows]

    def _put(self, text: str) -> None:
        """Fill the next free column, a new one where the items are used up."""
        if self.place == len(self.wanted):
            self.wanted.append("")
            self.seen.append("")
        self.seen[self.place] = text
        self.place += 1

    def _first_required(self) -> int:
        """Return the first column from here on that must not stay empty, or the end."""
        place = self.place
        while place < len(self.wanted) and _may_miss(self.wanted[place]):
            place += 1
        return place


def _may_miss(item: str) -> bool:
    return item.endswith(("?", "*", "{0}")) or "{0," in item


def _passes_over(item: str, word: str) -> bool:
    return _may_miss(item) and not _takes(item, word)


def _takes(item: str, word: str) -> bool:
    """Say whether an item of a sequence stands for a word, as far as a drawing needs to know."""
    choices = item.rstrip("?*+").partition("{")[0].split("|")
    return any(
        len(choice) == len(word) and all(a in (b, "x") for a, b in zip(choice, word, strict=True))
        for choice in choices
    )


def _takes_again(item: str, word: str) -> bool:
    """Say whether a word may repeat under an item: provisionals may, and so may ``+`` and ``*``."""
    return _takes(item, word) and (word.startswith("1") or item.endswith(("+", "*", "}")))
