"""From a recording to what was heard: stretches of tone, signal, speech, silence, in order."""

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from probe.hearing import signals, tones, voice
from probe.hearing.digits import inband
from probe.hearing.frames import FRAME_S, WINDOW, Frames, cut
from probe.hearing.recording import Recording
from probe.hearing.samples import Mask, Samples, level_dbov
from probe.trace.media import Digit, Heard

SILENCE_DBOV = -50.0
"""What is fainter is silence: comfort noise lies at -50 to -70, speech at -15 to -35 (P.56)."""

_PURE = 0.8
"""Share of energy in two peaks from which a window may be a tone."""

_PURE_WHOLE = 0.7
"""The same over all of a tone; a codec for speech such as GSM adds to it what was not there."""

_STEADY_HZ = 12.0
"""How far the peak of a steady tone wanders from window to window."""

_STEADY_SHARE = 0.85
"""Share of the windows whose peak is that of the whole; at its edges a tone is not alone."""

_LEAST_PIECE_S = 0.06
"""Shortest piece without a gap that a tone is measured over."""

_LEAST_TONE = 6
"""Frames of the shortest tone: 0.12 s; the shortest of national networks has 0.167 s."""

_LEAST_IN_SOUND = 16
"""Frames of the shortest tone that stands beside other sound: 0.32 s; a sung vowel is shorter."""

_LEAP_HZ = 40.0
"""How far the strongest peak of a window must lie from those before it to be another tone's."""

_IN_SPEECH = 40
"""Frames of the shortest speech that stands among tones: 0.8 s; what is shorter is their debris."""

_PIECES = 50
"""Frames between two pieces of one signal at most: 1 s."""

_EDGE_DB = 6.0
"""How much fainter than a tone a frame at its edge is that is not of it."""

_NEAR_TONE = 25
"""Frames."""

_RINGING = 13
"""Frames that a codec rings on with after a tone at most: 0.26 s."""

_FAINTER_DB = 5.0
"""How much fainter than the tone that is."""

_LOWEST_PAIR_HZ = 320
"""Tones of two frequencies begin at 350 Hz (the dial tone of North America); voices lie below."""

_LEAST_MISSING = 5
"""Frames without a packet that count as a stretch of their own; fewer are loss, and bridged."""

_BETWEEN_KEYS = 15
"""Frames between two keys of one input: 0.3 s; what is longer is silence."""

_PAUSE = 30
"""Frames of a pause in speech: 0.6 s; what is longer is silence."""

_SILENT, _TONAL, _SOUND, _MISSING = "s", "t", "x", "m"


class _Run(Struct, frozen=True, kw_only=True):
    """Frames of one kind in a row."""

    kind: str
    "s, t, x, m, or one of the words of ``Heard.what``."

    first: int
    "First frame."

    last: int
    "Frame after the last."

    tone: tones.Tone | None = None
    "Of a tone, what was measured."


def listen(recording: Recording) -> tuple[tuple[Heard, ...], tuple[Digit, ...]]:
    """Return what a recording holds, and the digits that were in its sound."""
    frames = cut(recording)
    if not len(frames):
        return (), ()
    digits = inband(recording)
    labels = _labels(frames)
    _mark_digits(labels, digits, recording.began)
    runs = _measured(_runs(labels, frames), recording, frames)
    runs = _spoken(_with_signals(_keys_joined(runs), len(frames)), frames)
    return tuple(_told(run, recording, frames) for run in runs), digits


def _labels(frames: Frames) -> list[str]:
    """Return what each frame is: silent, tonal, other sound or missing."""
    count = len(frames)
    pure = frames.whole & (frames.purity >= _PURE)
    tonal = np.zeros(count, dtype=bool)
    known = np.zeros(count, dtype=bool)
    for shift in range(WINDOW):
        tonal[shift:] |= pure[: count - shift]
        known[shift:] |= frames.whole[: count - shift]
    silent = frames.level_dbov < SILENCE_DBOV
    labels = np.where(silent, _SILENT, np.where(tonal, _TONAL, _SOUND))
    labels[~frames.arrived] = _MISSING
    found: list[str] = labels.tolist()
    _bridge(found, frames.arrived & (known | silent))
    return found


def _bridge(labels: list[str], sure: Mask) -> None:
    """Give frames that were lost, or that no whole window saw, the kind of their neighbours."""
    place, count = 0, len(labels)
    while place < count:
        if sure[place]:
            place += 1
            continue
        first = place
        while place < count and not sure[place]:
            place += 1
        lost = sum(1 for label in labels[first:place] if label == _MISSING)
        before = labels[first - 1] if first else None
        after = labels[place] if place < count else None
        if _longest(labels[first:place]) >= _LEAST_MISSING or (before is None and after is None):
            continue
        if lost or before == after:
            filled = before if before is not None else after
            labels[first:place] = [filled or _MISSING] * (place - first)


def _longest(labels: list[str]) -> int:
    """Return how many frames are missing in a row at most."""
    most = here = 0
    for label in labels:
        here = here + 1 if label == _MISSING else 0
        most = max(most, here)
    return most


def _mark_digits(labels: list[str], digits: tuple[Digit, ...], began: float) -> None:
    """Let frames in which a key sounds be no other tone."""
    for digit in digits:
        first = int((digit.at - began) / FRAME_S)
        last = int((digit.at - began + (digit.length_s or 0)) / FRAME_S) + 1
        for place in range(max(first - 1, 0), min(last + 1, len(labels))):
            if labels[place] in {_TONAL, _SOUND}:
                labels[place] = "dtmf"


def _runs(labels: list[str], frames: Frames) -> list[_Run]:
    """Join frames of one kind; a tone ends where its frequency changes."""
    runs: list[_Run] = []
    peaks: tuple[float, float] | None = None
    for place, label in enumerate(labels):
        here = frames.peaks_hz[place] if frames.whole[place] else None
        goes_on = bool(runs) and runs[-1].kind == label
        if goes_on and label == _TONAL and here is not None and peaks is not None:
            goes_on = min(abs(here[0] - one) for one in peaks) <= _LEAP_HZ
        if goes_on:
            runs[-1] = replace(runs[-1], last=place + 1)
        else:
            runs.append(_Run(kind=label, first=place, last=place + 1))
            peaks = None
        if peaks is None and here is not None:
            peaks = (float(here[0]), float(here[1]))
    return runs


def _measured(runs: list[_Run], recording: Recording, frames: Frames) -> list[_Run]:
    """Measure each tone; what is too short or not steady is sound."""
    size = round(recording.rate * FRAME_S)
    found: list[_Run] = []
    for run in runs:
        if run.kind != _TONAL:
            found.append(run)
            continue
        part = _longest_whole(recording, run.first * size, run.last * size)
        enough = len(part) >= _LEAST_PIECE_S * recording.rate
        tone = tones.measure(part, recording.rate) if enough else None
        if run.last - run.first < _LEAST_TONE or tone is None or not _is_steady(tone, run, frames):
            found.append(replace(run, kind=_SOUND))
        else:
            found += _trimmed(replace(run, kind="tone", tone=tone), frames)
    return _joined(_without_vowels(_without_ringing(_joined(found), frames)))


def _trimmed(run: _Run, frames: Frames) -> list[_Run]:
    """Give the faint frames at the edges of a tone back: windows see it before it begins."""
    if run.tone is None:
        return [run]
    faint = frames.arrived & (frames.level_dbov < run.tone.level_dbov - _EDGE_DB)
    first, last = run.first, run.last
    while first < run.first + WINDOW - 1 and faint[first]:
        first += 1
    while last > run.last - WINDOW + 1 and faint[last - 1]:
        last -= 1
    parts = [replace(run, first=first, last=last)]
    if first > run.first:
        parts.insert(0, _Run(kind=_SOUND, first=run.first, last=first))
    if last < run.last:
        parts.append(_Run(kind=_SOUND, first=last, last=run.last))
    return parts


def _without_ringing(runs: list[_Run], frames: Frames) -> list[_Run]:
    """Let what a codec rings on with after a tone be the pause that it stands in.

    The long-term predictor of GSM and its kin repeats the tone, fainter and fainter, for 0.2 s.
    """
    found = []
    for place, run in enumerate(runs):
        before = runs[place - 1] if place else None
        after = runs[place + 1] if place + 1 < len(runs) else None
        short = run.kind == _SOUND and run.last - run.first <= _RINGING
        pause = after is None or after.kind in {_SILENT, "tone"}
        if short and pause and before is not None and before.tone is not None:
            level = _mean_level(frames, run)
            if level < before.tone.level_dbov - _FAINTER_DB:
                found.append(replace(run, kind=_SILENT))
                continue
        found.append(run)
    return _joined(found)


def _mean_level(frames: Frames, run: _Run) -> float:
    """Return the mean level of a run's frames, by power."""
    power = 10 ** (frames.level_dbov[run.first : run.last] / 10)
    return 10 * float(np.log10(np.mean(power)))


def _without_vowels(runs: list[_Run]) -> list[_Run]:
    """Let what is short and stands beside other sound be part of it."""
    found = []
    for place, run in enumerate(runs):
        beside = runs[max(place - 1, 0) : place] + runs[place + 1 : place + 2]
        in_sound = any(o.kind == _SOUND and o.last - o.first > 3 for o in beside)
        if run.kind == "tone" and run.last - run.first < _LEAST_IN_SOUND and in_sound:
            found.append(replace(run, kind=_SOUND, tone=None))
        else:
            found.append(run)
    return found


def _longest_whole(recording: Recording, first: int, last: int) -> Samples:
    """Return the longest piece without a gap, its edges left out."""
    edge = round(recording.rate * 0.01)
    here = recording.arrived[first:last]
    holes = np.flatnonzero(~here)
    bounds = np.concatenate(([-1], holes, [len(here)]))
    longest = int(np.argmax(np.diff(bounds)))
    begin, end = int(bounds[longest]) + 1, int(bounds[longest + 1])
    if end - begin > 6 * edge:
        begin, end = begin + edge, end - edge
    return recording.samples[first + begin : first + end]


def _is_steady(tone: tones.Tone, run: _Run, frames: Frames) -> bool:
    """Whether a tone is one from its beginning to its end."""
    if tone.purity < _PURE_WHOLE or _is_vowel(tone):
        return False
    inside = slice(run.first, max(run.last - WINDOW + 1, run.first + 1))
    tops = frames.peaks_hz[inside, 0][frames.whole[inside]]
    near = [np.abs(tops - hz) <= _STEADY_HZ for hz in tone.frequencies_hz]
    return not tops.size or float(np.any(near, axis=0).mean()) >= _STEADY_SHARE


def _is_vowel(tone: tones.Tone) -> bool:
    """Whether frequencies are those of a voice, not two or three independent tones."""
    return len(tone.frequencies_hz) > 1 and tone.frequencies_hz[0] < _LOWEST_PAIR_HZ


def _joined(runs: list[_Run]) -> list[_Run]:
    """Join neighbours of one kind; tones only where the tone is the same."""
    found: list[_Run] = []
    for run in runs:
        before = found[-1] if found else None
        if before is not None and before.kind == run.kind and _alike(before, run):
            longer = before if before.last - before.first >= run.last - run.first else run
            found[-1] = replace(longer, first=before.first, last=run.last)
        else:
            found.append(run)
    return found


def _alike(one: _Run, other: _Run) -> bool:
    if one.tone is None or other.tone is None:
        return one.tone is other.tone
    pairs = zip(one.tone.frequencies_hz, other.tone.frequencies_hz, strict=False)
    return all(abs(a - b) <= 10 for a, b in pairs)


def _keys_joined(runs: list[_Run]) -> list[_Run]:
    """Join keys that follow each other, with the short pauses and edges between them."""
    found: list[_Run] = []
    for run in runs:
        if len(found) > 1 and run.kind == found[-2].kind == "dtmf":
            between = found[-1]
            if between.kind != "tone" and between.last - between.first <= _BETWEEN_KEYS:
                found[-2:] = [replace(found[-2], last=run.last)]
                continue
        found.append(run)
    return _joined(found)


def _with_signals(runs: list[_Run], count: int) -> list[_Run]:
    """Let tones with pauses between them become the signals that they make up."""
    found: list[_Run] = []
    place = 0
    while place < len(runs):
        if runs[place].kind != "tone":
            found.append(runs[place])
            place += 1
            continue
        end = place
        while end + 1 < len(runs) and (
            runs[end + 1].kind == "tone"
            or (runs[end + 1].kind == _SILENT)
            or (runs[end + 1].kind == _SOUND and runs[end + 1].last - runs[end + 1].first <= 2)
        ):
            end += 1
        # A tone that borders on other sound may have been cut off by it, as ringing by the answer.
        cut = (place > 0, end + 1 < len(runs))
        found += _signals_in(runs[place : end + 1], count, cut)
        place = end + 1
    return _of_one_kind(found)


def _of_one_kind(runs: list[_Run]) -> list[_Run]:
    """Let a piece that fits no country be what its neighbour of the same tone is.

    A signal in which packets were lost may fall into pieces, of which one is too short to tell.
    """
    sure = [run for run in runs if "," in run.kind]
    found = []
    for run in runs:
        if run.kind in {"busy", "congestion", "ringback"}:
            near = (
                other.kind
                for other in sure
                if _alike(other, run)
                and min(abs(other.first - run.last), abs(run.first - other.last)) <= _PIECES
            )
            found.append(replace(run, kind=next(near, run.kind)))
        else:
            found.append(run)
    return found


def _signals_in(group: list[_Run], count: int, cut: tuple[bool, bool]) -> list[_Run]:
    """Recognise the signals in tones and silences that follow each other.

    ``cut`` says whether other sound, and no silence, stands before and after them.
    """
    places = [i for i, run in enumerate(group) if run.kind == "tone"]
    bursts = [
        signals.Burst(
            hz=run.tone.frequencies_hz,
            begin=run.first * FRAME_S,
            end=run.last * FRAME_S,
            cut_before=run.first <= 1 or (i == 0 and cut[0]),
            cut_after=run.last >= count - 1 or (i == len(group) - 1 and cut[1]),
        )
        for i, run in ((i, group[i]) for i in places)
        if run.tone is not None
    ]
    found: list[_Run] = []
    done = 0
    for signal in signals.recognise(bursts, group[-1].last * FRAME_S):
        first, last = places[signal.first], places[signal.last]
        found += group[done:first]
        name = ",".join((signal.what, *signal.countries))
        found.append(replace(group[first], kind=name, last=group[last].last))
        done = last + 1
    return found + group[done:]


def _spoken(runs: list[_Run], frames: Frames) -> list[_Run]:
    """Join sound and the short pauses in it, and say whether it is speech or noise."""
    found: list[_Run] = []
    for run in runs:
        if len(found) > 1 and run.kind == _SOUND and found[-2].kind == _SOUND:
            pause = found[-1]
            if pause.kind == _SILENT and pause.last - pause.first <= _PAUSE:
                found[-2:] = [replace(found[-2], last=run.last)]
                continue
        found.append(run)
    told = []
    for run in _joined(found):
        if run.kind == _SOUND:
            here = np.zeros(len(frames), dtype=bool)
            here[run.first : run.last] = frames.arrived[run.first : run.last]
            kind = voice.kind_of(frames, here) if here.any() else _MISSING
            if kind == "speech" and run.last - run.first < _IN_SPEECH and _among_tones(runs, run):
                kind = "sound"
            told.append(replace(run, kind=kind))
        else:
            told.append(run)
    return _without_specks(told)


def _among_tones(runs: list[_Run], one: _Run) -> bool:
    """Whether a tone or a signal ends or begins within half a second of a stretch."""
    return any(
        run.tone is not None
        and (0 <= one.first - run.last <= _NEAR_TONE or 0 <= run.first - one.last <= _NEAR_TONE)
        for run in runs
    )


def _without_specks(runs: list[_Run]) -> list[_Run]:
    """Let the splinters at the edges of tones belong to what is beside them."""
    found: list[_Run] = []
    for run in runs:
        if run.kind in {"sound", "noise"} and run.last - run.first <= 3 and found:
            found[-1] = replace(found[-1], last=run.last)
        else:
            found.append(run)
    return _joined(found)


def _told(run: _Run, recording: Recording, frames: Frames) -> Heard:
    """Return a stretch as the trace keeps it."""
    size = round(recording.rate * FRAME_S)
    part = slice(run.first * size, run.last * size)
    here = recording.arrived[part]
    sound = recording.samples[part][here]
    what, *countries = {_SILENT: "silence", _MISSING: "missing"}.get(run.kind, run.kind).split(",")
    level: float | None = level_dbov(sound) if sound.size else None
    hz: tuple[float, ...] = ()
    purity = None
    if run.tone is not None:
        hz, purity, level = run.tone.frequencies_hz, run.tone.purity, run.tone.level_dbov
    elif what == "speech":
        loud = frames.level_dbov[run.first : run.last]
        active = loud[loud > SILENCE_DBOV]
        level = 10 * float(np.log10(np.mean(10 ** (active / 10)))) if active.size else level
    if what == "tone":
        what = f"tone {'+'.join(f'{one:.0f}' for one in hz)}Hz"
    return Heard(
        what=what,
        at=round(recording.began + run.first * FRAME_S, 3),
        length_s=round((run.last - run.first) * FRAME_S, 3),
        level_dbov=None if level is None else round(level, 1),
        hz=hz[0] if hz else None,
        second_hz=hz[-1] if len(hz) > 1 else None,
        purity=purity,
        countries=tuple(countries),
    )
