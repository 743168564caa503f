"""Holds what the audio of a call was like against the file.

A figure that our own side spoilt proves nothing about the trunk: where frames of ours were late or
packets waited too long for us, a bound that is not kept is left open. So is one whose figure nobody
told: a round trip without RTCP, a MOS for a codec that no table rates.
"""

from msgspec import Struct
from msgspec.structs import replace

from probe.rtp import emodel
from probe.scenario.bounds import Bound
from probe.scenario.expectation import Expectation
from probe.scenario.media_expectation import MediaExpectation
from probe.scenario.source import NOWHERE, Source
from probe.trace.media import MediaReport
from probe.verdict.heard import Side, check_sound, heard_words, wanted_words
from probe.verdict.observation import Complaint, Observation
from probe.verdict.verdict import MediaMeasured, Mismatch

_OWN = frozenset({"rx_packets", "tx_packets"})
_NO_RTCP = "no RTCP report of the other side came (many send the first after 5 s)"
_NOT_OF_US = "the other side's RTCP says nothing of our packets"
_NO_PACKET = "no packet came"

Findings = tuple[tuple[MediaMeasured, ...], tuple[Complaint, ...], tuple[str, ...]]


class _Figure(Struct, frozen=True, kw_only=True):
    """One figure of a report."""

    value: float | None
    "In the bound's unit; None where there is none."

    lack: str = ""
    "Why there is none."

    open: bool = False
    "Whether that says nothing about the trunk."


def check_media(  # noqa: PLR0913 - whose audio is held against what, and where that stands
    wanted: MediaExpectation,
    reports: tuple[MediaReport, ...],
    seen: Observation,
    place: Source,
    *,
    path: str = "media",
    agent: str = "",
    expectation: Expectation,
) -> Findings:
    """Check the audio of one call; with ``agent``, what that agent heard of it in a talk."""
    measured: list[MediaMeasured] = []
    complaints: list[Complaint] = []
    warnings: list[str] = []
    trace = seen.trace
    window = (trace.began, trace.ended) if agent or not trace.method else None
    report = reports[-1] if reports else None
    for name, bound in wanted.bounds():
        figure = (
            _Figure(
                value=None,
                lack=f"{agent} was in no call" if agent else "no audio was agreed on",
                open=bool(agent),
            )
            if report is None
            else _figure(name, report, _answered_at(seen), window)
        )
        state = "fail" if figure.value is None else bound.check(figure.value)
        observed = figure.lack or _words(figure.value or 0.0, bound.unit, name)
        measured.append(
            MediaMeasured(
                agent=agent,
                name=name,
                value=figure.value,
                unit=bound.unit,
                bound=bound.text,
                state="none" if figure.open else state,
            )
        )
        who = f"{agent}: " if agent else ""
        if state == "warn":
            warnings.append(f"{who}{name} was {observed}: within {bound.text}, but barely")
        elif state == "fail":
            ours = "" if report is None else _ours(name, bound, figure.value, report)
            where = expectation.source(f"{path}.{name}")
            source = bound.source if bound.source != NOWHERE else where
            complaints.append(
                Complaint(
                    mismatch=Mismatch(
                        path=f"expect.{path}.{name}",
                        expected=bound.text,
                        observed=observed,
                        evidence=_evidence(seen),
                        source=place if source == NOWHERE else source,
                        message=_message(f"{who}{name}", bound, observed, figure, ours),
                    ),
                    by_absence=report is None,
                    ours=figure.open or bool(ours),
                )
            )
    side = replace(
        _side(seen, reports, agent),
        place=place,
        path=f"expect.{path}",
        ours=f"{agent} was in no call" if agent and not reports else _deaf(reports),
    )
    complaints += check_sound(wanted, side)
    return tuple(measured), tuple(complaints), tuple(warnings)


def _side(seen: Observation, reports: tuple[MediaReport, ...], agent: str) -> Side:
    """Return what one side heard: after the answer, or in the time of a talk."""
    trace = seen.trace
    talk = bool(agent) or not trace.method
    return Side(
        reports=reports,
        began=trace.began,
        name=agent,
        since=trace.began if talk else _answered_at(seen),
        until=trace.ended if talk else float("inf"),
        evidence=_evidence(seen),
    )


def talk_heard(expectation: Expectation, seen: Observation) -> tuple[str, str]:
    """Return what should be heard in a talk and what was, in one line each."""
    wanted: list[str] = []
    heard: list[str] = []
    for agent, media in (("", expectation.media), *expectation.agents.items()):
        if media is None or not wanted_words(media):
            continue
        reports = seen.trace.media
        if agent:
            reports = next((leg.trace.media for leg in seen.trace.legs if leg.agent == agent), ())
        wanted.append(f"{agent} {wanted_words(media)}".strip())
        heard.append(f"{agent} {heard_words(media, _side(seen, reports, agent))}".strip())
    return "; ".join(wanted), "; ".join(heard)


def _deaf(reports: tuple[MediaReport, ...]) -> str:
    """Return why nothing that was heard or not proves anything, or empty."""
    unmeasured = next((one.unmeasured for one in reports if one.unmeasured), "")
    if unmeasured:
        return unmeasured
    return "packets waited too long for us" if any(one.rx_overflow for one in reports) else ""


def check_talk(expectation: Expectation, seen: Observation, place: Source) -> Findings:
    """Check what each agent heard in a talk."""
    found: list[Findings] = []
    if expectation.media is not None:
        found.append(
            check_media(expectation.media, seen.trace.media, seen, place, expectation=expectation)
        )
    for agent, wanted in expectation.agents.items():
        reports = next((leg.trace.media for leg in seen.trace.legs if leg.agent == agent), ())
        found.append(
            check_media(
                wanted,
                reports,
                seen,
                place,
                path=f"agents.{agent}",
                agent=agent,
                expectation=expectation,
            )
        )
    return (
        tuple(one for measured, _, _ in found for one in measured),
        tuple(one for _, complaints, _ in found for one in complaints),
        tuple(one for _, _, warnings in found for one in warnings),
    )


def talk_words(expectation: Expectation, measured: tuple[MediaMeasured, ...]) -> tuple[str, str]:
    """Return what a talk wanted and what it was, in one line each."""
    wanted = [
        (who, name, bound.text)
        for who, media in (("", expectation.media), *expectation.agents.items())
        if media is not None
        for name, bound in media.bounds()
    ]
    return (
        ", ".join(f"{who} {name} {text}".strip() for who, name, text in wanted),
        ", ".join(f"{one.agent} {one.name} {_shown(one)}".strip() for one in measured),
    )


def _shown(one: MediaMeasured) -> str:
    return "unknown" if one.value is None else _words(one.value, one.unit, one.name)


def _message(name: str, bound: Bound, observed: str, figure: _Figure, ours: str) -> str:
    if figure.open:
        return f"{name} is not known: {figure.lack}"
    told = f"expected {name} {bound.text}, got {observed}"
    return f"{told}; {ours}" if ours else told


def _ours(name: str, bound: Bound, value: float | None, report: MediaReport) -> str:
    """Return how our own side may have spoilt a figure, or empty.

    Late frames of ours reach us again where the other side echoes: as jitter, gaps and late
    packets, never as loss. Loss of our own making is what the kernel dropped before we read it.
    """
    if report.rx_overflow and name in {"loss", "gap", "mos", "rx_packets"}:
        return f"but {report.rx_overflow} packets waited too long for us: this machine was too slow"
    if not report.late_by_us:
        return ""
    excess = 0.0 if value is None or bound.max is None else value - bound.max
    spoilt = {
        "jitter": report.tx_worst_late_s >= excess,
        "jitter_max": report.tx_worst_late_s >= excess,
        "gap": report.tx_worst_late_s >= excess,
        "discarded": report.rx_discarded <= report.tx_late,
        "mos": 0 < report.rx_discarded <= report.tx_late,
        "tx_packets": True,
    }
    if not spoilt.get(name):
        return ""
    return (
        f"but {report.tx_late} packets of ours left late, the worst by "
        f"{report.tx_worst_late_s * 1000:.0f} ms: this machine was too slow to tell"
    )


def _answered_at(seen: Observation) -> float | None:
    final = seen.final
    return final.at if final is not None and final.status < 300 else None


def _evidence(seen: Observation) -> tuple[int, ...]:
    return (seen.final.index,) if seen.final is not None else seen.proof_of_absence()


# Figures ------------------------------------------------------------------------------------------


def _figure(
    name: str, whole: MediaReport, answered_at: float | None, window: tuple[float, float] | None
) -> _Figure:
    """Return one figure of a report, in the unit of its bound."""
    if whole.unmeasured and not (whole.rx_packets and name not in _BY_PACKET):
        lack = f"media not measured: {whole.unmeasured}"
        return _Figure(value=None, lack=lack, open=True)
    report = whole if window is None else within(whole, *window)
    if name in _OWN:
        return _Figure(value=float(getattr(report, name)))
    if name in {"rtt", "tx_loss"}:
        return _told(name, report)
    if report.rx_packets == 0:
        return _Figure(value=None, lack=_NO_PACKET)
    if name == "mos" and report.mos is None:
        lack = f"no table rates the codec {report.codec or 'in use'} with what was lost"
        return _Figure(value=None, lack=lack, open=True)
    due = report.rx_packets + report.rx_lost
    values = {
        "loss": 100 * report.rx_lost / due,
        "discarded": 100 * report.rx_discarded / due,
        "reordered": float(report.rx_reordered),
        "duplicates": float(report.rx_duplicates),
        "jitter": report.rx_jitter_s,
        "jitter_max": report.rx_jitter_max_s,
        "gap": max((gap.length_s for gap in report.rx_gaps), default=0.0),
        "first_packet": max((report.rx_first_at or 0.0) - (answered_at or 0.0), 0.0)
        if answered_at is not None
        else 0.0,
        "mos": report.mos,
    }
    return _Figure(value=values[name])


_BY_PACKET = frozenset({"discarded", "jitter_max", "gap", "first_packet", "mos"})
"""Figures that need packets, which a stack that carries the media itself does not show."""


def _told(name: str, report: MediaReport) -> _Figure:
    """Return what only the other side's RTCP says."""
    if name == "rtt":
        value = report.rtt_s
    elif report.tx_lost is None:
        value = None
    else:
        value = 100 * report.tx_lost / max(report.tx_packets, report.tx_lost, 1)
    if value is None:
        lack = _NOT_OF_US if report.rtcp_received else _NO_RTCP
        return _Figure(value=None, lack=lack, open=True)
    return _Figure(value=value)


def within(report: MediaReport, began: float, ended: float) -> MediaReport:
    """Return a report of one stretch of a call, to the second, from its slices and gaps.

    What has no time of its own (reordered, duplicates, what RTCP says) stays that of the call.
    """
    shares = [
        (one, _overlap(one.at, one.at + one.length_s, began, ended) / one.length_s)
        for one in report.rx_slices
    ]
    inside = [(one, share) for one, share in shares if share > 0]
    packets = round(sum(one.packets * share for one, share in inside))
    lost = round(sum(one.lost * share for one, share in inside))
    jitters = [one.jitter_s for one, _ in inside]
    length = (report.tx_last_at or 0.0) - (report.tx_first_at or 0.0)
    sent = report.tx_packets
    if length > 0:
        part = _overlap(report.tx_first_at or 0.0, report.tx_last_at or 0.0, began, ended)
        sent = round(sent * part / length)
    estimate = None
    if packets and report.codec:
        estimate = emodel.estimate(
            report.codec,
            rtt_s=report.rtt_s,
            ptime_s=report.rx_ptime_s,
            loss=lost / (packets + lost),
        )
    return replace(
        report,
        rx_packets=packets,
        rx_lost=lost,
        rx_jitter_s=sum(jitters) / len(jitters) if jitters else 0.0,
        rx_jitter_max_s=max(jitters, default=0.0),
        rx_gaps=tuple(
            gap for gap in report.rx_gaps if gap.at < ended and gap.at + gap.length_s > began
        ),
        tx_packets=sent,
        r_factor=estimate[0] if estimate else None,
        mos=estimate[1] if estimate else None,
    )


def _overlap(begin: float, end: float, began: float, ended: float) -> float:
    return max(min(end, ended) - max(begin, began), 0.0)


def _words(value: float, unit: str, name: str) -> str:
    """Return a figure as a person would write it."""
    if unit == "%":
        return f"{value:.2f}".rstrip("0").rstrip(".") + "%"
    if unit == "s":
        return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.3f} s"
    return f"{value:.2f}" if name == "mos" else f"{value:g}"
