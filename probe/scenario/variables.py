"""Puts the values of `${VAR}` and `${VAR:-default}` into texts that were read already.

YAML has been parsed when this happens, so no value can add keys or end a quoted text. A variable
that is set to nothing counts as missing: an empty secret in CI must not become an empty password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from probe.scenario.source import Filled, Located, LocatedMap, Problem, nearest

_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)\}|\$\{")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.DOTALL)
_SECRET_NAME = re.compile(r"pass|secret|token|key|(?:^|_)pw(?:_|$)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


TYPED = "--var"
"""Who gave a variable that stands in the command itself."""

GIVERS = (TYPED, "the environment", "vars: of sipprobe.yaml")
"""Who gives variables, in the order in which they count."""


class Variables:
    """The variables of one run, and the problems that came up while they were put in."""

    def __init__(self, *sources: Mapping[str, str]) -> None:
        """Take the variables of each of ``GIVERS``, as far as there are any."""
        self.sources = sources
        self.problems: list[Problem] = []

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
                if isinstance(filled, Located) and filled.source.filled:
                    copy.sources = {**copy.sources, str(key): filled.source}
            return copy
        return value

    def _text(self, text: Located) -> Located:
        parts: list[str] = []
        columns: list[int] = []
        hidden = text.hidden
        givers: list[Filled] = []
        last = 0
        for found in _VARIABLE.finditer(text):
            begin, end = found.span()
            parts.append(text[last:begin])
            columns += text.columns[last:begin]
            if found[0] == "$${":
                value = "${"
            else:
                value, giver = self._value(text, found)
                if giver is not None:
                    hidden = hidden or giver.hidden
                    givers.append(giver)
            parts.append(value)
            columns += [text.columns[begin]] * len(value)
            last = end
        parts.append(text[last:])
        columns += text.columns[last:]
        source = replace(text.source, filled=tuple(g for g in givers if g.giver))
        return Located.of("".join(parts), source, columns, hidden=hidden)

    def _value(self, text: Located, found: re.Match[str]) -> tuple[str, Filled | None]:
        """Return the value of one variable and who gave it; nobody where it is not known."""
        place = text.at(found.start(), len(found[0]))

        def problem(message: str, hint: str) -> tuple[str, None]:
            self.problems.append(Problem(source=place, message=message, hint=hint))
            return found[0], None

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
        value, giver = next(
            (
                (source[name], giver)
                for source, giver in zip(self.sources, GIVERS, strict=False)
                if source.get(name)
            ),
            ("", ""),
        )
        if default is not None and value in {"", default[2:]}:
            value, giver = default[2:], ""  # it stands in the file, whoever says it too
        elif not value:
            known = {word for source in self.sources for word in source}
            near = nearest(name, known - {name})
            return problem(
                f"variable {name} is {'empty' if name in known else 'not set'}",
                f"give it with --var {name}=value or in the environment"
                + (f"; did you mean '{near}'?" if near else ""),
            )
        if _CONTROL.search(value):
            return problem(
                f"the value of variable {name} contains a line break or control character",
                "a stray newline at the end of a secret is the usual reason",
            )
        hidden = bool(_SECRET_NAME.search(name))
        return value, Filled(variable=name, giver=giver, typed=giver == TYPED, hidden=hidden)
