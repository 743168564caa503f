"""What was read of one row, read again for another: only what hangs on the row.

Ten thousand rows differ in a number or two. The rest of a step, its sequence above all, would be
read ten thousand times and come out the same.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

from probe.scenario.reading import read_again
from probe.scenario.source import Located, LocatedMap
from probe.scenario.use import Part
from probe.scenario.variables import Variables
from probe.scenario.written import Written

Model = TypeVar("Model", bound=Written)


class Again(Struct, Generic[Model], frozen=True):
    """A model of an earlier row, in which nothing was wrong."""

    model: Model
    "What was read."
    part: Part
    "What it was read of."
    varying: dict[Located, object]
    "What of it hangs on the row, by key, as written."

    def read(self, resolver: Variables) -> Model | None:
        """Return the model of another row; None where something is wrong, or looks as if it were.

        Whoever gets None reads the whole of it, and so finds what is wrong.
        """
        sources = {**self.model.sources}
        filled: dict[str, object] = {}
        filling = self.part.filling(resolver)
        for key, written in self.varying.items():
            value = filled[str(key)] = filling.resolved(written)
            if isinstance(value, Located):
                sources[str(key)] = value.source
        if resolver.problems or resolver.untold:
            return None
        return read_again(self.model, filled, sources)


def again(model: Model, part: Part, names: frozenset[str]) -> Again[Model]:
    """Return how to read a part for another row, whose variables are ``names``."""
    assert isinstance(part.written, LocatedMap)  # noqa: S101 - of which alone a model is read
    varying = {
        key: value
        for key, value in part.written.items()
        if names & Part(value, part.source, part.scope).needs()
    }
    return Again(model, part, varying)
