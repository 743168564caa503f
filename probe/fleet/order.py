"""Findings that came back in any order, in the order of the scenarios."""

from collections.abc import Iterator, Sequence
from typing import overload

from probe.report.kept import KeptFindings
from probe.report.model import Finding, Findings


class InOrder(Findings):
    """Findings sorted by the places of their scenarios; those of one scenario as they came."""

    def __init__(self, kept: KeptFindings, places: Sequence[int]) -> None:
        """Take the findings, and of each the place of its scenario."""
        self._kept = kept
        self._order = sorted(range(len(places)), key=places.__getitem__)

    def counts(self) -> dict[str, int]:
        """Return how many were met, not met, inconclusive and flaky."""
        return self._kept.counts()

    def told(self) -> Iterator[dict[str, object]]:
        """Yield each as the JSON report has it."""
        return map(self._kept.one_told, self._order)

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Finding]: ...
    def __getitem__(self, place: int | slice) -> Finding | Sequence[Finding]:
        if isinstance(place, slice):
            return [self._kept[one] for one in self._order[place]]
        return self._kept[self._order[place]]
