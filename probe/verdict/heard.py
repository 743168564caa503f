"""Holds what was heard in a call against the file: sound and silence, keys, a reference, an echo.

A call that was answered is judged from the answer on; with ``early`` it is what came before that.
What was heard and when is the evidence: a mismatch says it in words.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from probe.scenario.sound_expectation import (
    EchoExpectation,
    HeardExpectation,
    LikeExpectation,
    SoundExpectation,
)
from probe.scenario.sounds import Keys
from probe.scenario.source import NOWHERE, Source
from probe.trace.media import Digit, Heard, MediaReport
from probe.verdict.observation import Complaint
from probe.verdict.verdict import Mismatch

LEAST_S = 0.5
"""How long something must be heard where the file says nothing."""

_NEAR_HZ = 6.0
"""How far a tone may be off: sample clocks differ by some parts in a million, codecs by nothing."""

_EARLY_S = 0.5
"""A key may come so long before the time that is judged: an answer and its sound race."""

_SHORT_S = 0.15
"""What is shorter than this is told only where nothing else was heard."""

_MOST_TOLD = 5
"""Stretches that a mismatch tells."""

_TONE = re.compile(r"tone (?P<hz>[\d+]+)Hz")


class Side(Struct, frozen=True, kw_only=True):
    """What one side of a call heard."""

    reports: tuple[MediaReport, ...]
    "Its media reports hold what it heard."

    began: float = 0.0
    "Beginning of the call, on the trace's clock: early media is looked for from there."

    name: str = ""
    "The agent, where it is not the one whose step it is."

    since: float | None = None
    "Judged from here on: the answer, or the beginning of a talk; None where nothing was answered."

    until: float = float("inf")
    "And up to here."

    place: Source = NOWHERE
    "Where the step stands."

    evidence: tuple[int, ...] = ()
    "Events that show that the call was answered."

    ours: str = ""
    "Why what was not heard proves nothing, where that is so: our own side lost it."

    path: str = "expect.media"
    "Path of the expectation."


def check_sound(wanted: SoundExpectation, side: Side) -> tuple[Complaint, ...]:
    """Check what a side heard; nothing is checked where the call was not answered."""
    reports = side.reports
    complaints: list[Complaint] = []
    if wanted.heard is not None and (side.since is not None or wanted.heard.early):
        complaints += _heard(wanted.heard, reports, side, wanted)
    if side.since is None:
        return tuple(complaints)
    if wanted.dtmf is not None:
        complaints += _keys(wanted.dtmf, side, wanted)
    if wanted.like is not None:
        complaints += _like(wanted.like, reports, side, wanted)
    if wanted.echo is not None:
        complaints += _echo(wanted.echo, reports, side, wanted)
    return tuple(complaints)


def wanted_words(wanted: SoundExpectation) -> str:
    """Return what should be heard, in a few words."""
    parts = []
    if wanted.heard is not None:
        parts.append(f"heard {wanted.heard.what}")
    if wanted.dtmf is not None:
        parts.append(f"dtmf {wanted.dtmf}")
    if wanted.like is not None:
        parts.append(f"like {wanted.like.file}")
    if wanted.echo is not None:
        parts.append("no echo" if wanted.echo.absent else "an echo")
    return ", ".join(parts)


def heard_words(wanted: SoundExpectation, side: Side) -> str:
    """Return what was heard of that, in a few words."""
    since = side.since if side.since is not None else side.began
    parts = []
    if wanted.heard is not None:
        came = _clipped(side.reports, since, side.until)
        parts.append(_told(came, since) or "nothing")
    if wanted.dtmf is not None:
        strings = _by_way(side)
        parts.append(
            ", ".join(f"keys {held} by {how}" for how, held in strings.items()) or "no key"
        )
    if wanted.like is not None:
        parts += [f"a likeness of {o.score:.2f}" for r in side.reports for o in r.likeness]
    if wanted.echo is not None:
        found = [one for report in side.reports for one in report.echoes]
        parts += [f"an echo after {max(o.delay_s for o in found) * 1000:.0f} ms"] if found else []
    return ", ".join(parts)


# What was heard --------------------------------------------------------------------------------


def _heard(
    wanted: HeardExpectation, reports: Sequence[MediaReport], side: Side, whole: SoundExpectation
) -> Iterator[Complaint]:
    """Check `heard:`."""
    since, until = _span(wanted, side)
    came = [part for part in _clipped(reports, since, until) if part.length_s > 0]
    words = _told(came, since)
    expected = wanted.what
    if not came:
        words = _why_nothing(reports, side)
        yield _complaint(expected, words, "heard.what", whole, side, by_absence=not reports)
        return
    fitting = [part for part in came if _fits(wanted.what, part)]
    total = sum(part.length_s for part in fitting)
    longest = sum(part.length_s for part in came)
    # Silence is the absence of everything else: a word in it is no silence any more.
    least = wanted.lasts
    if least is None:
        least = longest - LEAST_S if wanted.what == "silence" else min(LEAST_S, longest / 2)
    if wanted.what == "silence" and wanted.lasts is None:
        other = [p for p in came if p.what not in {"silence", "missing"} and p.length_s > _SHORT_S]
        if other:
            yield _complaint(expected, words, "heard.what", whole, side)
        return
    if total < least:
        told = f"{expected} for {least:g} s" if wanted.lasts is not None else expected
        yield _complaint(told, words, "heard.lasts", whole, side)
        return
    if wanted.within is not None and fitting[0].at - since > wanted.within:
        found = f"it began after {fitting[0].at - since:.1f} s: {words}"
        told = f"{expected} within {wanted.within:g} s"
        yield _complaint(told, found, "heard.within", whole, side)
    if wanted.level is not None:
        level = _level(fitting)
        if level is None or not wanted.level.holds(level):
            found = "no level" if level is None else f"{level:.1f} dBov"
            told = f"{expected} at {wanted.level.text} dBov"
            yield _complaint(told, found, "heard.level", whole, side)


def _span(wanted: HeardExpectation, side: Side) -> tuple[float, float]:
    """Return from when to when it should be heard, on the trace's clock."""
    answered = side.since if side.since is not None else float("inf")
    if wanted.early:
        return side.began, min(answered, side.until)
    return answered, side.until


def _clipped(reports: Sequence[MediaReport], since: float, until: float) -> list[Heard]:
    """Return the stretches between two times, cut to them."""
    found = []
    for report in reports:
        for part in report.heard:
            begin, end = max(part.at, since), min(part.at + part.length_s, until)
            if end > begin:
                found.append(
                    Heard(
                        what=part.what, at=begin, length_s=end - begin,
                        level_dbov=part.level_dbov, hz=part.hz, second_hz=part.second_hz,
                        purity=part.purity, countries=part.countries,
                    )
                )  # fmt: skip
    return sorted(found, key=lambda part: part.at)


def _fits(wanted: str, part: Heard) -> bool:
    """Say whether a stretch is what should be heard."""
    if wanted == "sound":
        return part.what not in {"silence", "missing"}
    tone = _TONE.fullmatch(wanted)
    if tone is None:
        return part.what == wanted
    if part.hz is None:
        return False
    hz = [float(one) for one in tone["hz"].split("+")]
    highest = part.hz if part.second_hz is None else part.second_hz
    # A tone that stops and goes on is still that tone, whatever signal its cadence is.
    return abs(part.hz - hz[0]) <= _NEAR_HZ and abs(highest - hz[-1]) <= _NEAR_HZ


def _told(parts: Sequence[Heard], since: float) -> str:
    """Return what was heard when: `silence for 4.2 s, then tone 425Hz for 1.0 s`."""
    del since
    told = [part for part in parts if part.length_s >= _SHORT_S] or list(parts)
    words = [f"{_name(part)} for {part.length_s:.1f} s" for part in told[:_MOST_TOLD]]
    if len(told) > _MOST_TOLD:
        words.append(f"{len(told) - _MOST_TOLD} more")
    return ", then ".join(words)


def _name(part: Heard) -> str:
    """Return the words for a stretch."""
    if part.what == "missing":
        return "no packets"
    if part.what in {"ringback", "busy", "congestion"} and part.countries:
        return f"{part.what} ({', '.join(part.countries[:3])})"
    return part.what


def _level(parts: Sequence[Heard]) -> float | None:
    """Return the mean level of stretches, by power."""
    import math  # noqa: PLC0415

    held = [(part.level_dbov, part.length_s) for part in parts if part.level_dbov is not None]
    if not held:
        return None
    power = sum(10 ** (level / 10) * length for level, length in held)
    return 10 * math.log10(power / sum(length for _, length in held))


def _why_nothing(reports: Sequence[MediaReport], side: Side) -> str:
    """Return why nothing was heard."""
    if not reports:
        return "nothing: no media was agreed"
    if all(report.unmeasured for report in reports):
        return f"nothing: {reports[0].unmeasured} cannot be listened to"
    if not any(report.rx_packets for report in reports):
        return "nothing: no packet came"
    if not any(report.heard for report in reports):
        return "nothing: what came could not be decoded"
    del side
    return "nothing in that time"


# Keys ------------------------------------------------------------------------------------------


def _pressed(side: Side) -> list[Digit]:
    """Return the keys of the time that is judged, in order."""
    since = side.since if side.since is not None else side.began
    found = [digit for report in side.reports for digit in report.digits]
    return sorted(
        (one for one in found if since - _EARLY_S <= one.at <= side.until), key=lambda one: one.at
    )


def _by_way(side: Side) -> dict[str, str]:
    """Return the keys that each way brought."""
    found: dict[str, str] = {}
    for digit in _pressed(side):
        found[digit.how] = found.get(digit.how, "") + digit.digit
    return found


def _keys(wanted: Keys, side: Side, whole: SoundExpectation) -> Iterator[Complaint]:
    """Check `dtmf:`: one way brings just these keys, and no way brings others."""
    strings = _by_way(side)
    considered = strings if wanted.way is None else {wanted.way: strings.get(wanted.way, "")}
    if any(held == wanted.digits for held in considered.values()) and all(
        held == wanted.digits for held in considered.values()
    ):
        return
    told = ", ".join(f"{held} by {how}" for how, held in strings.items() if held) or "no key"
    unended = [d.digit for d in _pressed(side) if not d.ended]
    if unended:
        told += f" (the end of {', '.join(unended)} never came)"
    expected = wanted.digits + (f" by {wanted.way}" if wanted.way else "")
    yield _complaint(expected, told, "dtmf", whole, side, what="keys ")


# A reference, an echo ---------------------------------------------------------------------------


def _like(
    wanted: LikeExpectation, reports: Sequence[MediaReport], side: Side, whole: SoundExpectation
) -> Iterator[Complaint]:
    """Check `like:`."""
    name = wanted.file.rpartition("/")[2]
    found = [
        one
        for report in reports
        for one in report.likeness
        if one.reference.rpartition("/")[2] == name
    ]
    expected = f"{name} with a likeness of {wanted.min:g}"
    if not found:
        words = _why_nothing(reports, side)
        if any(report.heard for report in reports):
            words = "too little sound to compare"
        yield _complaint(expected, words, "like", whole, side)
        return
    best = max(found, key=lambda one: one.score)
    if best.score < wanted.min:
        words = f"a likeness of {best.score:.2f}"
        if best.clipped_s > 0:
            words += f", its first {best.clipped_s:.1f} s missing"
        yield _complaint(expected, words, "like.min", whole, side)
    elif wanted.clipped is not None and best.clipped_s > wanted.clipped:
        words = f"its first {best.clipped_s:.2f} s are missing"
        expected = f"{name} with at most {wanted.clipped:g} s missing"
        yield _complaint(expected, words, "like.clipped", whole, side)


def _echo(
    wanted: EchoExpectation, reports: Sequence[MediaReport], side: Side, whole: SoundExpectation
) -> Iterator[Complaint]:
    """Check `echo:`."""
    found = [one for report in reports for one in report.echoes]
    if wanted.absent:
        if found:
            loudest = max(found, key=lambda one: one.level_db)
            words = f"an echo after {loudest.delay_s * 1000:.0f} ms at {loudest.level_db:.0f} dB"
            yield _complaint("no echo", words, "echo", whole, side)
        return
    if not found:
        yield _complaint("an echo of our marker", "none came back", "echo", whole, side)
        return
    longest = max(one.delay_s for one in found)
    if wanted.delay is not None and longest > wanted.delay:
        words = f"{longest * 1000:.0f} ms"
        told = f"an echo within {wanted.delay * 1000:.0f} ms"
        yield _complaint(told, words, "echo.delay", whole, side)
    loudest_db = max(one.level_db for one in found)
    if wanted.level is not None and not wanted.level.holds(loudest_db):
        told = f"an echo at {wanted.level.text} dB"
        yield _complaint(told, f"{loudest_db:.0f} dB", "echo.level", whole, side)


def _complaint(  # noqa: PLR0913 - the fields of one mismatch
    expected: str,
    observed: str,
    path: str,
    whole: SoundExpectation,
    side: Side,
    *,
    by_absence: bool = False,
    what: str = "",
) -> Complaint:
    """Return one complaint, at its place in the file."""
    written = whole.source(path)
    where = f" at {side.name}" if side.name else ""
    return Complaint(
        mismatch=Mismatch(
            path=f"{side.path}.{path.partition('.')[0]}",
            expected=expected,
            observed=observed,
            evidence=side.evidence,
            source=side.place if written == NOWHERE else written,
            message=f"expected {what}{expected}{where}, heard {observed}"
            if not what
            else f"expected {what}{expected}{where}, got {observed}",
        ),
        by_absence=by_absence,
        ours=bool(side.ours),
    )
