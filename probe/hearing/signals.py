"""Signals of the network: ringing, busy, congestion and special information tones, by cadence."""

import itertools
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

from msgspec import Struct

_NEAR_HZ = 7.0
"""A tone of the network may be off by 1 % (E.180), and the measure by some Hz in short bursts."""

_NEAR_SIT_HZ = 35.0
"""E.180 allows ±50 Hz; North America's own values lie beside as values of their own."""

_NEAR_S = 0.045
"""Edges are seen in steps of 20 ms, and a codec or a jitter buffer smears them."""

_NEAR_SHARE = 0.12
"""Of the longer times: E.180 allows ±10 %, analogue exchanges took it."""


_ODD_S = 0.06
_ODD_SHARE = 0.2
"""A fifth of the times may be off by so much more: the edges that lost packets moved."""


class Burst(Struct, frozen=True, kw_only=True):
    """A stretch of one tone, and the pause after it."""

    hz: tuple[float, ...]
    "Frequencies, ascending."

    begin: float
    "Seconds."

    end: float
    "Seconds."

    cut_before: bool = False
    "Whether it may have begun before we listened."

    cut_after: bool = False
    "Whether it may have gone on after we listened."

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.begin


class Signal(Struct, frozen=True, kw_only=True):
    """A signal that was recognised."""

    what: str
    "ringback, busy, congestion or sit."

    first: int
    "Place of its first burst."

    last: int
    "Place of its last burst."

    countries: tuple[str, ...] = ()
    "Whose networks give it so; none where it only fits what E.180 recommends."


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    """Read the data file; YAML is imported where something is recognised, not before."""
    import yaml  # noqa: PLC0415

    text = resources.files("probe.hearing").joinpath("data/tones.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads it 10 times faster
    table: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - either is safe
    return table


def recognise(bursts: Sequence[Burst], until: float) -> tuple[Signal, ...]:
    """Return the signals that bursts make up; ``until`` is the end of what was listened to."""
    found: list[Signal] = []
    place = 0
    while place < len(bursts):
        signal = _sit(bursts, place) or _cadence(bursts, place, until)
        if signal is None:
            place += 1
        else:
            found.append(signal)
            place = signal.last + 1
    return tuple(found)


def _sit(bursts: Sequence[Burst], first: int) -> Signal | None:
    """Three tones, each higher than the one before (E.180 §6)."""
    table = _table()["sit"]
    three = bursts[first : first + 3]
    if len(three) < 3:
        return None
    low, high = table["tone"]
    for burst, wanted in zip(three, table["hz"], strict=True):
        near = len(burst.hz) == 1 and any(abs(burst.hz[0] - hz) <= _NEAR_SIT_HZ for hz in wanted)
        if not near or not low - _NEAR_S <= burst.length <= high + _NEAR_S:
            return None
    pauses = (after.begin - before.end for before, after in itertools.pairwise(three))
    if any(pause > table["pause"] for pause in pauses):
        return None
    return Signal(what="sit", first=first, last=first + 2)


def _cadence(bursts: Sequence[Burst], first: int, until: float) -> Signal | None:
    """Hold the bursts of one tone against every cadence that its frequencies have."""
    last = first
    while last + 1 < len(bursts) and _same(bursts[last + 1].hz, bursts[first].hz):
        last += 1
    run = bursts[first : last + 1]
    matches: list[tuple[float, dict[str, Any]]] = []
    for row in _table()["tones"]:
        if _frequencies_fit(run[0].hz, row):
            error = _fit(run, row["cadence"], until)
            if error is not None:
                matches.append((error, row))
    if matches:
        best = min(error for error, _ in matches)
        good = [row for error, row in matches if error <= best + 0.015]
        what = next(row["what"] for error, row in matches if error == best)
        countries = [c for row in good if row["what"] == what for c in row["countries"]]
        return Signal(what=what, first=first, last=last, countries=tuple(dict.fromkeys(countries)))
    return _recommended(run, first, last)


def _recommended(run: Sequence[Burst], first: int, last: int) -> Signal | None:
    """Hold the bursts of one tone against what E.180 recommends."""
    inner = [b.length for b in run if not (b.cut_before or b.cut_after)]
    pauses = [b.begin - a.end for a, b in itertools.pairwise(run)]
    if not inner or not pauses:
        return None
    for row in _table()["recommended"]:
        inside = all(row["hz"][0] <= hz <= row["hz"][1] for hz in run[0].hz)
        tones = all(row["tone"][0] <= length <= row["tone"][1] for length in inner)
        if inside and tones and all(row["pause"][0] <= p <= row["pause"][1] for p in pauses):
            return Signal(what=row["what"], first=first, last=last)
    return None


def _same(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    near = 2 * _NEAR_HZ
    return abs(one[0] - other[0]) <= near and abs(one[-1] - other[-1]) <= near


def _frequencies_fit(hz: tuple[float, ...], row: dict[str, Any]) -> bool:
    """Say whether measured frequencies are those of a row of the table."""
    wanted, beside = row["hz"], row.get("beside", 0)
    if abs(hz[0] - (wanted[0] - beside)) <= _NEAR_HZ and (
        abs(hz[-1] - (wanted[-1] + beside)) <= _NEAR_HZ
    ):
        return True
    # A weakly modulated tone shows its middle alone.
    return bool(beside) and len(hz) == 1 and abs(hz[0] - wanted[0]) <= _NEAR_HZ


def _fit(run: Sequence[Burst], cadence: Sequence[float], until: float) -> float | None:
    """Return how far bursts are from a cadence (mean, as a share), None where they are not it.

    The first tone may have begun before we listened, and the last time is cut by the end: those may
    only be too short.
    """
    times: list[tuple[float, bool]] = []
    for place, burst in enumerate(run):
        times.append((burst.length, not (burst.cut_before or burst.cut_after)))
        if place + 1 < len(run):
            times.append((run[place + 1].begin - burst.end, True))
    pause = until - run[-1].end
    if not run[-1].cut_after:
        times.append((pause, False))
    if not _enough(times, pause, cadence):
        return None
    best: float | None = None
    for phase in range(0, len(cadence), 2):
        error = _error(times, cadence, phase)
        if error is not None and (best is None or error < best):
            best = error
    return best


def _enough(times: Sequence[tuple[float, bool]], pause: float, cadence: Sequence[float]) -> bool:
    """Whether enough whole times were heard to speak of a cadence at all."""
    exact = sum(whole for _, whole in times)
    if any(whole for _, whole in times[::2]):
        # One tone of full length and as much of a pause, or more of both.
        return exact >= 2 or pause >= cadence[1] * 0.5
    return any(whole and length >= 1.0 for length, whole in times[1::2])


def _error(
    times: Sequence[tuple[float, bool]], cadence: Sequence[float], phase: int
) -> float | None:
    """Return the mean error of times against a cadence from a phase on, None where one is off."""
    errors: list[float] = []
    odd = 0
    for place, (length, whole) in enumerate(times):
        wanted = cadence[(phase + place) % len(cadence)]
        near = max(_NEAR_S, _NEAR_SHARE * wanted)
        last = place == len(times) - 1
        if whole and abs(length - wanted) > near:
            # A packet that was lost at an edge moves it: some may be off, none by far.
            odd += 1
            if abs(length - wanted) > near + _ODD_S:
                return None
        # The last pause of all may be as long as it likes: the signal ended there.
        if not whole and length > wanted + near and not (last and place % 2):
            return None
        if whole:
            errors.append(abs(length - wanted) / wanted)
    if odd > len(errors) * _ODD_SHARE:
        return None
    return sum(errors) / len(errors) if errors else None
