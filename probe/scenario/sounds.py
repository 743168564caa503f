"""Reads what concerns sound: what is played, what is heard, which keys are pressed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from probe.scenario.source import NOWHERE, Located, Source, nearest, quoted, refuse, suggestion
from probe.scenario.values import parse_duration, text

LOWEST_HZ, HIGHEST_HZ = 20, 7999
"""Tones that are played and heard; G.711 carries no more than 300 to 3400."""

SIGNALS = (
    "speech", "silence", "sound", "ringback", "busy", "congestion", "sit", "dtmf", "noise",
)  # fmt: skip
"""What may be heard beside a tone; ``sound`` is anything but silence."""

WAYS = ("rfc4733", "info", "inband")
"""How keys travel: telephone-event, SIP INFO, tones in the sound."""

_TONE = r"(?i)tone\s+(\d{1,5}(?:\s*\+\s*\d{1,5}){0,2})\s*hz"
_DTMF = r"(?i)dtmf\s+(\S.*)"
_KEYS = r"[0-9*#A-D]{1,64}"
_PRESSED = r"(?P<keys>\S+)(?:\s+by\s+(?P<way>\S+))?"
_LEVEL = r"-?\d{1,3}(?:\.\d{1,2})?"
_LEVELS = (
    rf"(?i)(?:(?P<word>max|min)\s+(?P<one>{_LEVEL})"
    rf"|(?P<low>{_LEVEL})\s*\.\.\s*(?P<high>{_LEVEL}))(?:\s*(?:dbov|db))?"
)


class Keys(Struct, frozen=True, kw_only=True):
    """Keys of a telephone, and the way that they travel."""

    digits: str
    "0 to 9, *, #, A to D."

    way: Literal["rfc4733", "info", "inband"] | None = None
    "The way that was asked for; None for RFC 4733 where they are sent, for any where expected."

    text: str = ""
    "As written."

    source: Source = NOWHERE
    "Where it stands."

    def __str__(self) -> str:
        return self.text or self.digits


class Levels(Struct, frozen=True, kw_only=True):
    """Bounds of a level in dBov, or of two levels against each other in dB; both included."""

    min: float | None = None
    "Faintest that holds."

    max: float | None = None
    "Loudest that holds."

    text: str = ""
    "As written."

    def __str__(self) -> str:
        return self.text

    def holds(self, level: float) -> bool:
        """Whether a level lies inside."""
        return (self.min is None or level >= self.min) and (self.max is None or level <= self.max)


def played(value: object) -> str:
    """Return what is played: silence, marker, 'tone 1004Hz', 'dtmf 1234', or a WAV file's name."""
    written = text(value).strip()
    if written in {"silence", "marker"}:
        return written
    if found := re.fullmatch(_TONE, written):
        return _tone(value, found[1])
    if found := re.fullmatch(_DTMF, written):
        return f"dtmf {_keys(value, found[1], found.start(1))}"
    if written.lower().endswith(".wav"):
        return written
    near = nearest(written.split()[0], ("tone", "dtmf", "silence", "marker"))
    hint = "write 'tone 1004Hz', 'dtmf 1234', 'silence', 'marker' or the name of a .wav file"
    raise refuse(
        value,
        f"{quoted(written)} cannot be played",
        f"did you mean '{near}'? {hint}" if near else hint,
    )


def _tone(value: object, written: str) -> str:
    """Return 'tone 350+440Hz' for the frequencies of a tone."""
    hz = sorted({int(one) for one in written.split("+")})
    if not LOWEST_HZ <= hz[0] <= hz[-1] <= HIGHEST_HZ:
        raise refuse(value, f"a tone lies between {LOWEST_HZ} and {HIGHEST_HZ} Hz")
    return f"tone {'+'.join(map(str, hz))}Hz"


def _keys(value: object, written: str, offset: int = 0) -> str:
    """Return keys, letters in capitals; spaces and dashes between them are left out."""
    keys = re.sub(r"[\s-]", "", written).upper()
    if not re.fullmatch(_KEYS, keys):
        odd = next(
            (i for i, char in enumerate(written) if not re.match(r"[0-9*#A-Da-d\s-]", char)), 0
        )
        raise refuse(
            value,
            f"{quoted(written)} are no keys of a telephone",
            "keys are 0 to 9, *, #, A to D; at most 64",
            offset=offset + odd,
            length=1,
        )
    return keys


def pressed(value: object) -> Keys:
    """Read '42#', or '42# by info'."""
    if isinstance(value, Keys):
        return value
    written = text(value).strip()
    found = re.fullmatch(_PRESSED, written)
    if found is None:
        raise refuse(value, f"{quoted(written)} are no keys", "for example: 42#, or 42# by info")
    way = found["way"]
    if way is not None and way.lower() not in WAYS:
        raise refuse(
            value,
            f"{quoted(way)} is no way for keys",
            suggestion(way, WAYS),
            offset=found.start("way"),
            length=len(way),
        )
    return Keys(
        digits=_keys(value, found["keys"]),
        way=None if way is None else way.lower(),  # type: ignore[arg-type]  # one of WAYS
        text=written,
        source=value.source if isinstance(value, Located) else NOWHERE,
    )


def keys_by_agent(value: object) -> dict[str, Keys]:
    """Read keys under the name of each agent; '' stands for the agent that placed the call."""
    if not isinstance(value, Mapping):
        return {"": pressed(value)}
    if not value:
        raise refuse(value, "nobody presses a key", 'for example: {alice: "42#"}')
    return {str(name): pressed(keys) for name, keys in value.items()}


def heard(value: object) -> str:
    """Return what should be heard: 'tone 1004Hz' or one of SIGNALS."""
    written = text(value).strip()
    if found := re.fullmatch(_TONE, written):
        return _tone(value, found[1])
    if written.lower() in SIGNALS:
        return written.lower()
    near = nearest(written, SIGNALS)
    raise refuse(
        value,
        f"{quoted(written)} is nothing that can be heard",
        f"did you mean '{near}'?" if near else f"'tone 1004Hz', {', '.join(SIGNALS)}",
    )


def levels(value: object) -> Levels:
    """Read 'min -30', 'max -5dBov' or '-30..-5'."""
    if isinstance(value, Levels):
        return value
    written = text(value).strip()
    found = re.fullmatch(_LEVELS, written)
    if found is None:
        raise refuse(
            value,
            f"{quoted(written)} bounds no level",
            "write 'min -30', 'max -5' or '-30..-5', dBov",
        )
    low, high = found["low"], found["high"]
    if found["word"] is not None:
        low, high = (found["one"], None) if found["word"].lower() == "min" else (None, found["one"])
    limits = Levels(
        min=None if low is None else float(low), max=None if high is None else float(high),
        text=written,
    )  # fmt: skip
    if limits.min is not None and limits.max is not None and limits.min > limits.max:
        raise refuse(value, f"{quoted(written)} can never be met", "the fainter level comes first")
    return limits


def score(value: object) -> float:
    """Read 'min 0.9' or '0.9'."""
    if isinstance(value, float):
        return value
    written = text(value).strip()
    found = re.fullmatch(r"(?:min\s+)?(0(?:\.\d{1,4})?|1(?:\.0{1,4})?)", written)
    if found is None:
        raise refuse(value, f"{quoted(written)} is no likeness", "a number up to 1: min 0.9")
    return float(found[1])


def at_most(value: object) -> float:
    """Read 'max 300ms', or a bare duration, as seconds."""
    if isinstance(value, (int, float)):
        return float(value)
    written = text(value).strip()
    if written.startswith("max "):
        return parse_duration(written.removeprefix("max ").strip())
    return parse_duration(value)


def at_least(value: object) -> float:
    """Read 'min 2s', or a bare duration, as seconds."""
    if isinstance(value, (int, float)):
        return float(value)
    written = text(value).strip()
    if written.startswith("min "):
        return parse_duration(written.removeprefix("min ").strip())
    return parse_duration(value)
