"""Which scenarios are meant: `smoke and not slow`, words that must stand in a name, or must not.

The language is that of pytest's ``-k``: words joined by ``and``, ``or``, ``not`` and parentheses. A
word is found anywhere in a name, case ignored. Words that follow on each other are one text with
the spaces between them, and quotes keep a text together that holds a word of the language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

Choice = Callable[[str], bool]
"""Says of a text whether it is meant."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<bracket>[()])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[^\s()"']+))"""
)
_LANGUAGE = frozenset({"and", "or", "not", "(", ")"})
_DEEPEST = 50


class ChoiceError(ValueError):
    """An expression that cannot be read; the text says why."""


class _Token(NamedTuple):
    text: str
    "The word."

    quoted: bool
    "Whether it stood in quotes, so that it is no word of the language."


def choice(expression: str) -> Choice:
    """Return what an expression means; raise ChoiceError."""
    return _Reader(list(_tokens(expression))).read()


def only(name: str) -> str:
    """Return the expression that finds a name and others that hold it whole."""
    quote = "'" if '"' in name else '"'
    simple = re.fullmatch(r"[^\s()\"']+", name) and name.lower() not in _LANGUAGE
    return name if simple else f"{quote}{name.replace(quote, '')}{quote}"


def _tokens(expression: str) -> Iterator[_Token]:
    place = 0
    expression = expression.rstrip()
    while place < len(expression):
        found = _TOKEN.match(expression, place)
        if found is None:
            raise ChoiceError("a quote is never closed")
        place = found.end()
        word = found["bracket"] or found["word"]
        yield (
            _Token(word, quoted=False)
            if word
            else _Token(found["double"] or found["single"] or "", quoted=True)
        )


class _Reader:
    """Reads an expression from left to right: `or` binds less than `and`, that less than `not`."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def read(self) -> Choice:
        """Return what the whole expression means."""
        if not self._tokens:
            return lambda _text: True
        meant = self._any()
        if self._place < len(self._tokens):
            raise ChoiceError(f"'{self._tokens[self._place].text}' stands where nothing may follow")
        return meant

    def _next_is(self, word: str) -> bool:
        """Take a word of the language where it comes next."""
        if self._place == len(self._tokens):
            return False
        token = self._tokens[self._place]
        if token.quoted or token.text.lower() != word:
            return False
        self._place += 1
        return True

    def _any(self) -> Choice:
        parts = [self._all()]
        while self._next_is("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda text: any(part(text) for part in parts)

    def _all(self) -> Choice:
        parts = [self._one()]
        while self._next_is("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda text: all(part(text) for part in parts)

    def _one(self) -> Choice:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ChoiceError("it is nested too deeply")
        try:
            if self._next_is("not"):
                inner = self._one()
                return lambda text: not inner(text)
            if self._next_is("("):
                inner = self._any()
                if not self._next_is(")"):
                    raise ChoiceError("a ')' is missing")
                return inner
            return self._words()
        finally:
            self._depth -= 1

    def _words(self) -> Choice:
        """Read words that follow on each other."""
        words: list[str] = []
        while self._place < len(self._tokens):
            token = self._tokens[self._place]
            if not token.quoted and token.text.lower() in _LANGUAGE:
                break
            words.append(token.text)
            self._place += 1
        if not words:
            raise ChoiceError("a word is missing")
        wanted = " ".join(words).casefold()
        return lambda text: wanted in text.casefold()
