"""Limits of a measured value: `max 3s`, `min 3.8`, `8s..16s`, `{max: 4s, warn: 2s}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from probe.scenario.source import (
    NOWHERE,
    Located,
    Problem,
    ScenarioError,
    Source,
    quoted,
    refuse,
    suggestion,
)
from probe.scenario.values import parse_duration, text

_NUMBER = r"\d{1,12}(?:\.\d{1,9})?"
_QUANTITY = rf"{_NUMBER}(?:\s*(?:%|[a-z]+))?(?:\s*{_NUMBER}\s*[a-z]+)*"
_BOUND = (
    rf"(?:(?P<word>max|min)\s+(?P<one>{_QUANTITY})"
    rf"|(?P<low>{_QUANTITY})\s*\.\.\s*(?P<high>{_QUANTITY}))"
)
_COMPARISON = rf"(?P<sign>[<>]=?|≤|≥)\s*(?P<rest>{_QUANTITY})"


class Bound(Struct, frozen=True, kw_only=True):
    """Limits of a measured value, both ends included."""

    min: float | None = None
    "Lowest value that holds."
    max: float | None = None
    "Highest value that holds."
    warn: float | None = None
    "Beyond this (towards `max`; towards `min` where only that is given) the value holds barely."
    text: str = ""
    "As written."
    unit: Literal["s", "%", ""] = "s"
    "Unit of the three numbers; '' for a plain number."
    source: Source = NOWHERE
    "Where it stands."

    def __str__(self) -> str:
        return self.text

    def check(self, value: float) -> Literal["ok", "warn", "fail"]:
        """Hold a measured value against the limits; a value that is not a number fails."""
        above = self.min is None or value >= self.min
        below = self.max is None or value <= self.max
        if not (above and below) or value != value:  # noqa: PLR0124  # only NaN differs from itself
            return "fail"
        if self.warn is None:
            return "ok"
        downwards = self.max is None and self.min is not None
        return "warn" if (value < self.warn if downwards else value > self.warn) else "ok"


def parse_bound(value: object) -> Bound:
    """Read `max 3s`, `min 3.8`, `8s..16s` or a mapping of min, max and warn."""
    if isinstance(value, Bound):
        return value
    if isinstance(value, Mapping):
        return _bound_of_mapping(value)
    written = text(value)
    found = re.fullmatch(_BOUND, written.strip())
    if not found:
        hint = "write 'max 3s', 'min 3.8', '8s..16s' or {max: 4s, warn: 2s}"
        if comparison := re.fullmatch(_COMPARISON, written.strip()):
            word = "max" if comparison["sign"] in "<=≤" else "min"
            hint = f"did you mean '{word} {comparison['rest']}'?"
        elif re.fullmatch(_QUANTITY, written.strip()):
            hint = f"did you mean 'max {written.strip()}'?"
        raise refuse(value, f"{quoted(written)} is not a bound", hint)
    limits = {"min": found["low"], "max": found["high"]}
    if found["word"]:
        limits[found["word"]] = found["one"]
    return _bound({k: (v, value) for k, v in limits.items() if v}, value, written)


def _bound_of_mapping(value: Mapping[str, object]) -> Bound:
    words = ("min", "max", "warn")
    problems = [
        Problem(
            source=getattr(key, "source", NOWHERE),
            message=f"unknown key {quoted(key)} in a bound",
            hint=suggestion(key, words),
        )
        for key in value
        if key not in words
    ]
    if problems:
        raise ScenarioError(problems)
    limits = {str(key): (text(entry).strip(), entry) for key, entry in value.items()}
    if not limits:
        raise refuse(value, "this bound has no limit", "for example: {max: 4s, warn: 2s}")
    written = ", ".join(f"{word} {limits[word][0]}" for word in words if word in limits)
    first = next(iter(value.values()))
    return _bound(limits, first, written)


def _bound(limits: Mapping[str, tuple[str, object]], value: object, written: str) -> Bound:
    numbers: dict[str, float] = {}
    units: set[Literal["s", "%", ""]] = set()
    for word, (quantity, place) in limits.items():
        numbers[word], unit = _quantity(quantity, place)
        units.add(unit)
    if len(units) > 1:
        raise refuse(value, f"the limits of {quoted(written)} have different units")
    low, high, warn = (numbers.get(word) for word in ("min", "max", "warn"))
    if low is not None and high is not None and low > high:
        raise refuse(value, f"{quoted(written)} can never be met: its lowest is above its highest")
    if warn is not None and not (low or 0) <= warn <= (warn if high is None else high):
        raise refuse(limits["warn"][1], "'warn' lies outside the bound, so it could never be seen")
    return Bound(
        min=low,
        max=high,
        warn=warn,
        text=written,
        unit=units.pop(),
        source=value.source if isinstance(value, Located) else NOWHERE,
    )


def _quantity(quantity: str, place: object) -> tuple[float, Literal["s", "%", ""]]:
    if re.fullmatch(_NUMBER, quantity):
        return float(quantity), ""
    if re.fullmatch(rf"{_NUMBER}\s*%", quantity):
        return float(quantity.rstrip("% ")), "%"
    try:
        return parse_duration(quantity), "s"
    except ScenarioError as error:
        problem = error.problems[0]
        raise refuse(place, problem.message, problem.hint) from None
