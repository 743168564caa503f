"""What a call should sound like: what is heard and when, keys, a reference, an echo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from probe.scenario.sounds import (
    Keys,
    Levels,
    at_least,
    at_most,
    heard,
    levels,
    pressed,
    score,
)
from probe.scenario.source import Located, LocatedMap, quoted, refuse
from probe.scenario.values import switch, text
from probe.scenario.written import Arranged, Parsed, Written

LIKE = 0.75
"""Least likeness where nothing is said: the same recording by GSM with 3 % loss has more, another
one in the same voice less."""

_LIKE = r"(?i)(?P<file>.+?\.wav)(?:\s*,\s*(?:min\s+)?(?P<score>[01](?:\.\d{1,4})?))?"


class HeardExpectation(Written, frozen=True, kw_only=True):
    """What should be heard."""

    example = "heard: {what: tone 1004Hz, level: -30..-5, within: 2s}"

    what: Annotated[str, Parsed(heard)]
    "A tone such as `tone 1004Hz`, or one of SIGNALS (probe/scenario/sounds.py)."
    level: Annotated[Levels | None, Parsed(levels)] = None
    "Bounds of its level in dBov: `min -30`, `-30..-5`."
    within: Annotated[float | None, Parsed(at_most)] = None
    "It begins at most so long after the answer, s; with `early`, after the call was placed."
    lasts: Annotated[float | None, Parsed(at_least)] = None
    "It is heard for at least so long in all, s; None for half a second, and of silence all of it."
    early: Annotated[bool, Parsed(switch)] = False
    "Whether it should be heard before the answer, as early media."


class LikeExpectation(Written, frozen=True, kw_only=True):
    """A recording that should be heard."""

    example = "like: {file: prompt.wav, min: 0.9, clipped: 100ms}"

    file: Annotated[str, Parsed(text)]
    "WAV file, relative to the file that names it."
    min: Annotated[float, Parsed(score)] = LIKE
    "Least likeness (STOI), 1 for the same."
    clipped: Annotated[float | None, Parsed(at_most)] = None
    "At most so much of its beginning may be missing, s; None looks at the likeness alone."


class EchoExpectation(Written, frozen=True, kw_only=True):
    """How a marker of ours should come back; the call plays `marker`."""

    example = "echo: {delay: max 300ms, level: max -20}"

    delay: Annotated[float | None, Parsed(at_most)] = None
    "Longest round trip, s."
    level: Annotated[Levels | None, Parsed(levels)] = None
    "Bounds of what comes back against what was sent, dB."
    absent: Annotated[bool, Parsed(switch)] = False
    "Whether nothing may come back."


def _what(value: object) -> object:
    """Let `heard: speech` stand for `heard: {what: speech}`."""
    if isinstance(value, str):
        return _short({"what": value}, value)
    return value


def _like(value: object) -> object:
    """Let `like: prompt.wav, min 0.9` stand for its keys."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(_LIKE, value.strip())
    if found is None:
        raise refuse(
            value, f"{quoted(value)} names no WAV file", "for example: like: prompt.wav, min 0.9"
        )
    given: dict[str, str] = {"file": found["file"].strip()}
    if found["score"]:
        given["min"] = found["score"]
    return _short(given, value)


def _echo(value: object) -> object:
    """Let `echo: max 300ms` and `echo: absent` stand for their keys."""
    if not isinstance(value, str):
        return value
    if value.strip() == "absent":
        return _short({"absent": "yes"}, value)
    return _short({"delay": value}, value)


def _short(given: Mapping[str, str], value: str) -> object:
    """Return keys for a text that stands for them; each value stands where the text does."""
    if not isinstance(value, Located):
        return dict(given)
    found = LocatedMap()
    for key, part in given.items():
        found[Located.of(key, value.source)] = Located.of(part, value.source)
        found.sources[key] = value.source
    found.sources[""] = value.source
    return found


class SoundExpectation(Written, frozen=True, kw_only=True):
    """What one side of a call hears."""

    example = "alice: {heard: tone 1004Hz}"

    heard: Annotated[HeardExpectation | None, Arranged(_what)] = None
    "What should be heard."
    dtmf: Annotated[Keys | None, Parsed(pressed)] = None
    "Keys that should arrive, each once: `42#`, or `42# by rfc4733`."
    like: Annotated[LikeExpectation | None, Arranged(_like)] = None
    "A recording that should be heard: `prompt.wav, min 0.9`."
    echo: Annotated[EchoExpectation | None, Arranged(_echo)] = None
    "How our `marker` comes back: `max 300ms`, or `absent`."


__all__ = [
    "EchoExpectation", "HeardExpectation", "LikeExpectation", "SoundExpectation",
]  # fmt: skip
