"""A page of `sipprobe explain` as Markdown: the same words, with headings, labels and links."""

import re
from functools import cache

from probe.reference import reference as ref

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|$~])")
_CAUSE = re.compile(r"\b(F\d{3})\b")


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return _escape(" ".join(text.split()))


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def prose(text: str) -> str:
    """Return a text of the program's own in which what stands between backticks is code."""
    pieces = " ".join(text.split()).split("`")
    if len(pieces) % 2 == 0:
        return escaped(text)
    shown = [f"`{piece}`" if odd % 2 else _escape(piece) for odd, piece in enumerate(pieces)]
    return "".join(shown)


@cache
def _codes() -> tuple[re.Pattern[str], dict[str, int]]:
    """Return how a code with its name looks, and which code that is."""
    entries = (*ref.responses(), *ref.unregistered_responses())
    named = {f"{entry.code} {escaped(entry.name)}": entry.code for entry in entries}
    longest_first = sorted(named, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), named


def linked(text: str) -> str:
    """Return an escaped text whose causes, and codes that stand with their names, are links."""
    shown = escaped(text)
    pattern, named = _codes()
    known = {cause.id for cause in ref.causes()}
    shown = pattern.sub(lambda found: f"[{found[0]}](#code-{named[found[0]]})", shown)
    return _CAUSE.sub(
        lambda found: f"[{found[1]}](#{found[1].lower()})" if found[1] in known else found[1], shown
    )


class MarkdownPage:
    """Sections of a page, each begun by a title; what explain writes goes below it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._anchor = ""
        self._level = 2

    def text(self) -> str:
        """Return what was written."""
        return "\n".join(self._parts).rstrip() + "\n"

    def plain(self, markdown: str) -> None:
        """Add a paragraph that is Markdown already."""
        self._parts += [markdown, ""]

    def section(self, anchor: str, *, level: int = 2) -> None:
        """Give the next title a name that links lead to, and its level."""
        self._anchor, self._level = anchor, level

    def title(self, text: str) -> None:
        """Begin with the name of the subject."""
        if self._anchor:
            self._parts += [f"({self._anchor})=", ""]
        self._parts += [f"{'#' * self._level} {escaped(text)}", ""]
        self._anchor = ""

    def gap(self, heading: str) -> None:
        """Begin a list."""
        self._close_list()
        self._parts += [f"**{linked(heading)}**", ""]

    def labelled(self, label: str, text: str) -> None:
        """Say one thing, under its label."""
        self._parts += [escaped(label), f": {linked(text)}", ""]

    def item(self, text: str, *details: str) -> None:
        """Say one thing of a list, and what belongs to it."""
        lines = [linked(text), *map(linked, details)]
        self._parts.append("- " + "\\\n  ".join(lines))

    def _close_list(self) -> None:
        if self._parts and self._parts[-1]:
            self._parts.append("")
