"""Puts the values of `${VAR}` and `${VAR:-default}` into texts that were read already.

YAML has been parsed when this happens, so no value can add keys or end a quoted text. A variable
that is set to nothing counts as missing: an empty secret in CI must not become an empty password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from probe.scenario.source import (
    Filled,
    Located,
    LocatedMap,
    Problem,
    Source,
    is_plain,
    nearest,
    quoted,
)

_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)\}|\$\{")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.DOTALL)
_SECRET_NAME = r"(?i)pass|secret|token|key|(?:^|_)pw(?:_|$)"  # noqa: S105 - a pattern
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"


TYPED = "--var"
"""Who gave a variable that stands in the command itself."""

GIVERS = (TYPED, "the environment", "vars: of sipprobe.yaml")
"""Who gives variables, in the order in which they count."""


_NOTHING: Mapping[str, Located] = MappingProxyType({})


class _Value(Struct, frozen=True):
    """What stands in the place of a variable."""

    text: str
    givers: tuple[Filled, ...] = ()
    hidden: bool = False
    notes: tuple[str, ...] = ()


def _how_to_give(name: str) -> str:
    """Say how to give a variable; a secret is typed where nobody and no history sees it."""
    if is_hidden(name):
        return f"type it in, in this shell: read -rs {name} && export {name}"
    return f"give it with --var {name}=value or in the environment"


class Variables:
    """The variables of one run, and the problems that came up while they were put in."""

    def __init__(self, *sources: Mapping[str, str], own: Mapping[str, Located] = _NOTHING) -> None:
        """Take the variables of each of ``GIVERS``, as far as there are any.

        ``own`` are those that a row or `with:` gives. They win over all others: a number that
        stands in the environment by chance must not take the place of a row's.
        """
        self.sources = sources
        self.own = own
        self.broken: frozenset[str] = frozenset()
        "Those of ``own`` whose value is not known, which was told where it was given."
        self.problems: list[Problem] = []
        self.untold: list[Source] = []
        "Places of values that are not known for that reason."

    def resolved(self, value: object) -> object:
        """Return `value` (text, list, mapping or None) with every variable in it replaced."""
        if isinstance(value, Located):
            return self._text(value) if "${" in value else value
        if isinstance(value, list):
            return [self.resolved(entry) for entry in value]
        if isinstance(value, LocatedMap):
            copy = LocatedMap()
            copy.sources = value.sources
            for key, entry in value.items():
                filled = copy[key] = self.resolved(entry)
                if isinstance(filled, Located) and filled is not entry:
                    copy.sources = {**copy.sources, str(key): filled.source}
            return copy
        return value

    def _text(self, text: Located) -> Located:
        parts: list[str] = []
        columns: list[int] = []
        hidden = text.hidden
        givers: list[Filled] = []
        notes = list(text.source.notes)
        last = 0
        for found in _VARIABLE.finditer(text):
            begin, end = found.span()
            parts.append(text[last:begin])
            columns += text.columns[last:begin]
            value = _Value("${") if found[0] == "$${" else self._value(text, found)
            hidden = hidden or value.hidden
            givers += value.givers
            notes += value.notes
            parts.append(value.text)
            columns += [text.columns[begin]] * len(value.text)
            last = end
        parts.append(text[last:])
        columns += text.columns[last:]
        source = replace(text.source, filled=tuple(givers), notes=tuple(dict.fromkeys(notes)))
        return Located.of("".join(parts), source, columns, hidden=hidden)

    def _value(self, text: Located, found: re.Match[str]) -> _Value:
        """Return the value of one variable and who gave it; itself where it is not known."""

        def problem(message: str, hint: str, notes: tuple[str, ...] = ()) -> _Value:
            place = text.at(found.start(), len(found[0]))
            at = replace(place, notes=(*place.notes, *notes))
            self.problems.append(Problem(source=at, message=message, hint=hint))
            return _Value(found[0])

        if found["inside"] is None:
            return problem(
                "this '${' is never closed", "write ${NAME}; a '${' that is meant as text is $${"
            )
        inside = _INSIDE.fullmatch(found["inside"])
        if not inside:
            return problem(
                "this is not the name of a variable", "write ${NAME} or ${NAME:-default}"
            )
        name, default = inside["name"], inside["default"]
        if name in self.broken:
            self.untold.append(text.at(found.start(), len(found[0])))
            return _Value(found[0])
        value = self._own(name) if name in self.own else self._given(name)
        if default is not None and value.text in {"", default[2:]}:
            return _Value(default[2:], hidden=is_hidden(name))  # it stands in the file
        wrong = self._wrong(name, value.text)
        return value if wrong is None else problem(*wrong, value.notes)

    def _wrong(self, name: str, value: str) -> tuple[str, str] | None:
        """Return what is wrong with the value of a variable, and what to do; None for nothing."""
        if not value:
            return self._nothing(name)
        if not is_plain(value) and re.search(_CONTROL, value):
            return (
                f"the value of variable {name} contains a line break or control character",
                "a stray newline at the end of a secret is the usual reason",
            )
        return None

    def _nothing(self, name: str) -> tuple[str, str]:
        """Return what is wrong with a variable without a value, and what to do."""
        if name in self.own:
            return f"variable {name} is empty", f"fill it, or write ${{{name}:-default}}"
        known = {word for source in (*self.sources, self.own) for word in source}
        near = nearest(name, known - {name})
        return (
            f"variable {name} is {'empty' if name in known else 'not set'}",
            _how_to_give(name) + (f"; did you mean '{near}'?" if near else ""),
        )

    def _given(self, name: str) -> _Value:
        """Return what the command, the environment or sipprobe.yaml says; nothing for nobody."""
        hidden = is_hidden(name)
        for source, giver in zip(self.sources, GIVERS, strict=False):
            if value := source.get(name):
                filled = Filled(variable=name, giver=giver, typed=giver == TYPED, hidden=hidden)
                return _Value(value, (filled,), hidden)
        return _Value("")

    def _own(self, name: str) -> _Value:
        """Return what a row or `with:` says; who gave that value gave this one."""
        value = self.own[name]
        hidden = is_hidden(name) or value.hidden
        shown = "the value (hidden)" if hidden else quoted(str(value))
        note = f"{name} is {shown} at {value.source}"
        return _Value(str(value), value.source.filled, hidden, (note, *value.source.notes))


@lru_cache(maxsize=256)
def is_hidden(name: str) -> bool:
    """Say whether the value of a variable of this name is better not shown."""
    return bool(re.search(_SECRET_NAME, name))


def names_in(value: object) -> Iterator[str]:
    """Yield the name of each variable that a written value asks for, once for each place."""
    if isinstance(value, Located):
        if "${" not in value:
            return
        for found in _VARIABLE.finditer(value):
            inside = _INSIDE.fullmatch(found["inside"] or "")
            if inside:
                yield inside["name"]
    elif isinstance(value, list):
        for entry in value:
            yield from names_in(entry)
    elif isinstance(value, LocatedMap):
        for entry in value.values():
            yield from names_in(entry)


def with_notes(value: object, notes: tuple[str, ...]) -> object:
    """Return a copy of a written value in which every place carries notes."""

    def noted(source: Source) -> Source:
        return replace(source, notes=(*source.notes, *notes))

    if isinstance(value, Located):
        return Located.of(str(value), noted(value.source), value.columns, hidden=value.hidden)
    if isinstance(value, list):
        return [with_notes(entry, notes) for entry in value]
    if isinstance(value, LocatedMap):
        copy = LocatedMap()
        copy.sources = {path: noted(source) for path, source in value.sources.items()}
        for key, entry in value.items():
            named = Located.of(str(key), noted(key.source), key.columns, hidden=key.hidden)
            copy[named] = with_notes(entry, notes)
        return copy
    return value
