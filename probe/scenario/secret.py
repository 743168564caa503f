"""A text that nobody may read by accident."""

from __future__ import annotations


class Secret:
    """A password: shown nowhere, only handed out to who asks for it in so many words."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def revealed(self) -> str:
        """Return what it hides."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other.revealed()

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        """Show that there is one."""
        return "Secret('***')"

    __str__ = __repr__
