"""Where a value stands in a file, what is wrong with it, and how that is shown to its author."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

_SHOWN_PROBLEMS = 100
_SHOWN_WIDTH = 120
_QUOTED_WIDTH = 60
# Patterns of this room that few files need stay texts: `re` compiles them where one needs them.
_UNPRINTABLE = r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]"
_USER_AND_MORE = r"(?i)\b(?!sips?:[^:@]*@)((?:sips?:)?[^:@/]+:)[^@]+(?=@)"
_BOLD, _RED, _CYAN, _OFF = "\x1b[1m", "\x1b[31m", "\x1b[36m", "\x1b[0m"


class Filled(Struct, frozen=True, kw_only=True, gc=False):
    """A variable that gave a value or a part of it."""

    variable: str
    "Its name."
    giver: str
    "Who gave it, in words: --var, the environment, vars: of sipprobe.yaml."
    typed: bool
    "Whether it was typed in the command itself."
    hidden: bool = False
    "Whether its value is better not shown."


class Source(Struct, frozen=True, kw_only=True, gc=False):
    """The place of one value in a file that a user wrote."""

    file: str
    "The file, as the user would name it."
    line: int
    "Line, counted from 1."
    column: int
    "Column in characters (not bytes), counted from 1."
    length: int = 1
    "How many characters the value takes on this line."
    text: str = ""
    "The whole line, with secrets blotted out."
    filled: tuple[Filled, ...] = ()
    "The variables in the value that somebody else than the file itself gave."
    notes: tuple[str, ...] = ()
    "Where else to look, in words: who uses this file, which row or `with:` gave a variable."

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def shifted(self, offset: int, length: int = 1) -> Source:
        """Return the place `offset` characters further on the same line."""
        return replace(self, column=self.column + offset, length=length)


NOWHERE = Source(file="", line=0, column=0)
"The place of a value that was not read from a file."


class Located(str):
    """A text that knows which characters of the file it came from.

    `columns` has one entry for each character and one for the end; characters that a variable
    brought all carry the column of its `$`.
    """

    __slots__ = ("columns", "hidden", "source")

    source: Source
    columns: tuple[int, ...]
    hidden: bool

    @classmethod
    def of(
        cls,
        text: str,
        source: Source,
        columns: Iterable[int] | None = None,
        *,
        hidden: bool = False,
    ) -> Located:
        """Join `text` to its place; without `columns` every character stands at the start."""
        located = cls(text)
        located.source = source
        located.hidden = hidden
        located.columns = (
            (*([source.column] * len(text)), source.column + source.length)
            if columns is None
            else tuple(columns)
        )
        return located

    def at(self, offset: int, length: int) -> Source:
        """Return the place of the part of this text that begins at `offset`."""
        offset = min(offset, len(self))
        begin = self.columns[offset]
        end = next((c for c in self.columns[min(offset + length, len(self)) :] if c > begin), begin)
        return replace(self.source, column=begin, length=max(1, end - begin))


class LocatedMap(dict[Located, object]):
    """A mapping as written: keys and texts are `Located`, and each path below it has a place."""

    __slots__ = ("given", "sources")

    def __init__(self) -> None:
        super().__init__()
        self.sources: dict[str, Source] = {}
        self.given: dict[str, object] = {}


class Problem(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that is wrong with a file."""

    source: Source
    "Where it is."
    message: str
    "What is wrong, one sentence without a full stop."
    hint: str | None = None
    "What to write instead."


class ScenarioError(ValueError):
    """A file cannot be used: every problem that was found in it, in the order of its lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            sorted(
                dict.fromkeys(problems),
                key=lambda p: (p.source.file, p.source.line, p.source.column),
            )
        )
        super().__init__(
            "; ".join(
                f"{p.source}: {p.message}" if p.source.file else p.message for p in self.problems
            )
        )

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)

    def render(self, color: bool = False) -> str:  # the name is the API
        """Return every problem with its line and a caret, for a terminal."""
        shown = [_render(problem, color=color) for problem in self.problems[:_SHOWN_PROBLEMS]]
        if more := len(self.problems) - _SHOWN_PROBLEMS:
            shown += [f"and {more} more problems"] if more > 0 else []
        return "\n".join(shown)


def _render(problem: Problem, *, color: bool) -> str:
    source = problem.source
    bold, red, cyan, off = (_BOLD, _RED, _CYAN, _OFF) if color else ("", "", "", "")
    message = printable(problem.message)
    if source == NOWHERE:
        rows = [f"{bold}{message}{off}"]
        margin = ""
    else:
        rows = [f"{bold}{printable(str(source))}: {message}{off}"]
        margin = " " * (len(str(source.line)) + 1)
    if source.text:
        line, before, length = _window(source)
        rows.append(f"{source.line} | {line}".rstrip())
        rows.append(
            f"{margin}| {' ' * _width(line[:before])}"
            f"{red}{'^' * max(1, _width(line[before : before + length]))}{off}"
        )
    rows += [f"{margin}{printable(note)}" for note in source.notes]
    if problem.hint:
        rows.append(f"{margin}{cyan}hint: {printable(problem.hint)}{off}")
    return "\n".join(rows)


def _window(source: Source) -> tuple[str, int, int]:
    """Cut a long line down to the part around its caret: text, characters before it, its length."""
    line = printable(source.text)
    before = source.column - 1
    begin = 0
    if len(line) > _SHOWN_WIDTH:
        begin = max(0, min(before - _SHOWN_WIDTH // 2, len(line) - _SHOWN_WIDTH))
        line = line[begin : begin + _SHOWN_WIDTH]
    before -= begin
    return line, before, max(1, min(source.length, len(line) - before))


def _width(text: str) -> int:
    """Return how many terminal cells a text takes; East Asian wide characters take two."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415  # only an error about a non-ASCII line needs it

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def is_plain(text: str) -> bool:
    """Whether a text is printable ASCII, which holds nothing that could drive a terminal."""
    return text.isascii() and text.isprintable()


def printable(text: str) -> str:
    """Return the text with characters that could drive a terminal replaced, one for one."""
    if is_plain(text):
        return text
    return re.sub(
        _UNPRINTABLE, lambda m: " " if m[0] == "\t" else "\N{REPLACEMENT CHARACTER}", text
    )


def quoted(text: str) -> str:
    """Return a value as it is named in a message: short, in quotes, and never a secret."""
    if isinstance(text, Located) and text.hidden:
        return "the value (hidden)"
    if not (text.isascii() and text.isalnum()):
        text = re.sub(_USER_AND_MORE, r"\1***", printable(text))
    return f"'{text if len(text) <= _QUOTED_WIDTH else text[:_QUOTED_WIDTH] + '…'}'"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the valid word that was probably meant, or None."""
    known = tuple(words)
    for candidate in known:
        if candidate.lower() == word.lower():
            return candidate
    from difflib import get_close_matches  # noqa: PLC0415  # only a misspelt word needs it

    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(word.lower()[:_QUOTED_WIDTH], by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def suggestion(word: str, words: Iterable[str]) -> str:
    """Return the hint for a word that is not valid: the nearest one, or all of them."""
    known = tuple(words)
    if found := nearest(word, known):
        return f"did you mean '{found}'?"
    return "valid here: " + ", ".join(known) if known else "nothing is valid here"


def refuse(
    value: object,
    message: str,
    hint: str | None = None,
    *,
    offset: int = 0,
    length: int | None = None,
) -> ScenarioError:
    """Return the error for `value`, placed at its part from `offset` where the place is known."""
    source = NOWHERE
    if isinstance(value, Located):
        source = value.source if length is None else value.at(offset, length)
    return ScenarioError([Problem(source=source, message=message, hint=hint)])
