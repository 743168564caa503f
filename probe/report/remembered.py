"""What was made of the last few values, for what is asked again and again of equal ones.

The rows of a table have accounts and expectations of their own that are equal: what is made of one
holds for the next.
"""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")
_Made = TypeVar("_Made")

MOST = 8
"""Values that are remembered: as many as a story has steps with expectations of their own."""


class Remembered(Generic[_Value, _Made]):
    """A function of values that do not change but need not be hashable."""

    def __init__(self, make: Callable[[_Value], _Made]) -> None:
        """Take what makes something of a value; what it returns must not be changed."""
        self._make = make
        self._known: deque[tuple[_Value, _Made]] = deque(maxlen=MOST)

    def __call__(self, value: _Value) -> _Made:
        """Return what is made of a value."""
        for known, made in tuple(self._known):
            if known is value or known == value:
                return made
        made = self._make(value)
        self._known.appendleft((value, made))
        return made
