"""Words that the reference does not hold, and the nearest that it does."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from probe.reference import load, load_providers


class UnknownSubjectError(LookupError):
    """The reference holds nothing under that name; `nearest` are the closest that it holds."""

    def __init__(self, subject: str, nearest: tuple[str, ...] = ()) -> None:
        """Keep the word that was asked for, cut to a length that a terminal bears."""
        self.subject = "".join(c if c.isprintable() else "?" for c in subject[:60])
        self.nearest = nearest
        hint = f"; did you mean {', '.join(nearest)}?" if nearest else ""
        super().__init__(f"nothing is known about {self.subject!r}{hint}")


def suggest(word: str) -> tuple[str, ...]:
    """Return up to five names of the reference nearest to a word, the nearest first."""
    return nearest(word[:60].casefold(), vocabulary())


def nearest(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to five of some names, the nearest to a word first."""
    import difflib  # noqa: PLC0415 - 3 ms, only for a word that is not held

    by_fold = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(word.casefold(), by_fold, n=5, cutoff=0.5)
    return tuple(by_fold[fold] for fold in near)


@cache
def vocabulary() -> tuple[str, ...]:
    """Return every word that `explain` takes, spelled as the user would type it."""
    return (
        *(str(code) for code in load.responses()),
        *load.classes(),
        *load.methods(),
        *(f"q850:{number}" for number in load.q850()),
        *(f"warning:{code}" for code in load.warnings()),
        *(f"header:{entry.name}" for entry in load.headers().values()),
        *load.causes(),
        *(
            f"provider:{stem}"
            for stem in (p.stem for p in load_providers.provider_files().values())
        ),
    )
