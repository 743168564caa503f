"""What is compared, and what a comparison says."""

from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct

from probe.comparison.observe import Sample


class Kind(Enum):
    """What became of a step, the worst first."""

    REGRESSION = "regression"
    "Met before and not met now; or met both times by another sequence, silent, or slower."

    UNTESTED = "untested"
    "Could be tested before, and could not be now."

    CHANGED = "changed"
    "Differs, neither better nor worse."

    IMPROVEMENT = "improvement"
    "Not met before and met now; or faster."

    GONE = "gone"
    "Only in the earlier run."

    NEW = "new"
    "Only in the later run."

    SAME = "same"
    "No difference."


class Key(Struct, frozen=True, kw_only=True):
    """A step that both runs may have tried."""

    scenario: str
    "Its scenario with the row, without the count of --repeat."

    story: str
    "Its scenario without the row."

    step: int
    "Number of the step."

    attempt: str
    "The attempt in words."


class Side(Struct, frozen=True, kw_only=True):
    """A run, as it is compared."""

    run: str
    "Its id."

    samples: Mapping[Key, Sequence[Sample]]
    "What each step showed, once a repeat."

    whole: bool = True
    "Whether the run came to its end."


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that is not as before."""

    kind: Kind
    "Whether that is better, worse or neither."

    aspect: str
    "outcome, or one of ASPECTS."

    name: str
    "What differs, within the aspect."

    before: str
    "What it was."

    after: str
    "What it is now."

    detail: str = ""
    "How sure that is, where it is a matter of chance."


class Compared(Struct, frozen=True, kw_only=True):
    """A step of both runs, or of one of them."""

    key: Key
    "Which."

    kind: Kind
    "The worst of its differences."

    differences: tuple[Difference, ...]
    "What is not as before."

    before: int
    "Repeats in the earlier run."

    after: int
    "Repeats in the later run."


class Comparison(Struct, frozen=True, kw_only=True):
    """Two runs side by side."""

    before: str
    "Id of the earlier run."

    after: str
    "Id of the later run."

    steps: tuple[Compared, ...]
    "In the order of the later run, then what is gone."

    notes: tuple[str, ...] = ()
    "What could not be compared."

    def count(self, kind: Kind) -> int:
        """Return how many steps are of a kind."""
        return sum(step.kind is kind for step in self.steps)
