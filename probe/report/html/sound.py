"""The sound of a try as the page draws it: a table both ways, a chart by second, a waveform.

Everything a peer named (codec, addresses) is made plain here; numbers are numbers. A recording is
read from the run's folder, by a name without a path, and only as peaks.
"""

import array
import sys
import wave
from collections.abc import Iterable
from pathlib import Path

from probe.report.media_lines import about, estimate, ms, ways
from probe.report.text import plain
from probe.trace.media import Heard, MediaReport

PEAKS = 600
"""Columns of a waveform."""

MOST_RECORDED_S = 3600
"""Seconds of a recording that are drawn."""

MOST_MARKS = 100
"""Gaps, changes, stretches and digits that a chart shows of each kind."""

_TOP = 32768


def drawn(agent: str, report: MediaReport, base: float, folder: str) -> dict[str, object]:
    """Return one stream as JSON values; ``base`` is when the attempt began, in seconds."""
    came, left = ways(report)
    return {
        "agent": plain(agent),
        "title": about(report),
        "codec": plain(report.codec or "unknown codec", 40),
        "unmeasured": plain(report.unmeasured, 120),
        "estimate": estimate(report),
        "ours": report.late_by_us,
        "rows": _rows(report),
        "missing": [came.missing, left.missing],
        "slices": [
            [
                round(one.at - base, 3),
                round(one.length_s, 3),
                one.packets,
                max(one.lost, 0),
                round(1000 * one.jitter_s, 2),
            ]
            for one in report.rx_slices
        ],
        "gaps": [
            [round(g.at - base, 3), round(g.length_s, 3)] for g in report.rx_gaps[:MOST_MARKS]
        ],
        "changes": [
            [
                round(c.at - base, 3),
                f"{plain(c.what, 20)}: {plain(c.before, 60)} → {plain(c.after, 60)}",
            ]
            for c in report.rx_changes[:MOST_MARKS]
        ],
        "agreed": [
            [round(a.at - base, 3), plain(f"{a.direction}{' (early)' if a.early else ''}", 40)]
            for a in report.agreed[:MOST_MARKS]
        ],
        "heard": [
            [round(h.at - base, 3), round(h.length_s, 3), plain(h.what, 60), _level(h)]
            for h in report.heard[:MOST_MARKS]
        ],
        "digits": [
            [round(d.at - base, 3), plain(d.digit, 1), plain(d.how, 10)]
            for d in report.digits[:MOST_MARKS]
        ],
        "wave": _waveform(report.recording, folder),
    }


def _rows(report: MediaReport) -> list[list[str]]:
    """Return the table: what it is, to us, from us; what cannot be known is said."""
    due = report.rx_packets + report.rx_lost
    unknown = "unknown: no RTCP"
    if report.tx_lost is None and report.rtcp_received:
        unknown = "unknown: their RTCP does not mention it"
    lost_there = unknown if report.tx_lost is None else _share(report.tx_lost, report.tx_packets)
    types = ", ".join(
        f"{plain(one.codec, 30) or 'not agreed'} ({one.number}): {one.packets}"
        for one in report.rx_payload_types[:6]
    )
    own = "" if report.payload_type is None else f"{report.codec} ({report.payload_type})"
    came = bool(report.rx_packets)  # of nothing there is no jitter and no order
    rows = [
        ("packets", str(report.rx_packets), str(report.tx_packets)),
        ("lost", _share(report.rx_lost, due) if due else "", lost_there),
        (
            "jitter, mean",
            ms(report.rx_jitter_s) if came else "",
            _maybe(report.tx_jitter_s, unknown),
        ),
        ("jitter, most", ms(report.rx_jitter_max_s) if came else "", ""),
        ("too late to be played", str(report.rx_discarded) if came else "", ""),
        ("out of order", str(report.rx_reordered) if came else "", ""),
        ("twice", str(report.rx_duplicates) if came else "", ""),
        ("payload types", types, plain(own, 60)),
        ("packet time", _maybe(report.rx_ptime_s, ""), _maybe(report.ptime_s, "")),
        ("announced silences", _pauses(report), ""),
        ("not decrypted", str(report.rx_undecodable or ""), ""),
        ("no RTP", str(report.rx_malformed or ""), ""),
        ("late by our own clock", "", _late(report)),
        ("not sent by our system", "", str(report.tx_errors or "")),
        ("ICMP errors", "", str(report.tx_unreachable or "")),
        ("RTCP packets", str(report.rtcp_received), str(report.rtcp_sent)),
        ("there and back", _maybe(report.rtt_s, unknown), ""),
        ("address in SDP", plain(report.remote, 60), plain(report.local, 60)),
        ("came from", plain(report.rx_source, 60), ""),
    ]
    return [[name, to_us, from_us] for name, to_us, from_us in rows if to_us or from_us]


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if whole else str(part)


def _maybe(seconds: float | None, otherwise: str) -> str:
    return otherwise if seconds is None else ms(seconds)


def _pauses(report: MediaReport) -> str:
    if not report.rx_pauses and not report.rx_comfort_noise:
        return ""
    return f"{report.rx_pauses}, {report.rx_comfort_noise} packets of comfort noise"


def _late(report: MediaReport) -> str:
    if not report.tx_late:
        return ""
    return f"{report.tx_late}, by {ms(report.tx_worst_late_s)} at worst"


def _level(one: Heard) -> str:
    return "" if one.level_dbov is None else f"{one.level_dbov:.0f} dBov"


def _waveform(recording: str, folder: str) -> dict[str, object] | None:
    """Return the peaks of a recording, each 0 to 100; None where there is none to read."""
    if not recording or not folder or Path(recording).name != recording:
        return None
    try:
        with wave.open(str(Path(folder, recording)), "rb") as file:
            return _peaks(file, recording)
    except (OSError, EOFError, wave.Error):
        return None


def _peaks(file: wave.Wave_read, name: str) -> dict[str, object] | None:
    """Return the peak of each column, whatever channel it is in."""
    rate, width = file.getframerate(), file.getsampwidth()
    frames = min(file.getnframes(), MOST_RECORDED_S * rate)
    if not frames or not rate or width != 2:
        return None
    columns = min(PEAKS, frames)
    found = []
    for column in range(columns):
        wanted = (column + 1) * frames // columns - column * frames // columns
        samples = array.array("h", file.readframes(wanted))
        if sys.byteorder == "big":
            samples.byteswap()
        found.append(_peak(samples))
    return {"name": plain(name, 120), "length": round(frames / rate, 3), "peaks": found}


def _peak(samples: Iterable[int]) -> int:
    most = max((abs(sample) for sample in samples), default=0)
    return round(100 * most / _TOP)
