"""The sound of a case, read once for the rules on it: how long, what was agreed, how to cite it."""

import re
from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import contains
from probe.trace.media import MediaReport
from probe.trace.trace import MessageEvent

SHORT_S = 1.0
"""Seconds of talk below which little can be said of sound: fifty packets, and no RTCP yet."""

SOUND_KINDS = frozenset({"media", "heard", "dtmf"})
"""Kinds of mismatch that are about sound."""

PACKET_S = 0.02
"""Length of a packet where nothing else was agreed (RFC 3551 §4.2)."""

_SENDS = frozenset({"sendrecv", "sendonly"})


def asked(case: Case) -> bool:
    """Whether something about sound was not as wanted."""
    return bool(case.kinds & SOUND_KINDS)


def about(case: Case, pattern: str) -> bool:
    """Whether a mismatch is about something, by the words of its path in the scenario."""
    return any(
        contains(pattern, re.sub(r"^expect\.", "", mismatch.path))
        for mismatch in case.verdict.mismatches
    )


def streams(case: Case) -> tuple[MediaReport, ...]:
    """Return the reports that count packets; those of streams that could not be read are none."""
    return tuple(report for report in case.trace.media if not report.unmeasured)


def answered_at(case: Case) -> float | None:
    """Return when the call was answered, None where it was not."""
    return None if case.answer is None else case.events[case.answer].at


def ended_at(case: Case) -> float:
    """Return when the call was over: the first BYE, else the end of the attempt."""
    byes = [index for index in (case.our_bye, case.their_bye) if index is not None]
    return min((case.events[index].at for index in byes), default=case.trace.ended)


def talk_s(case: Case) -> float:
    """Return the seconds from the answer to the end, 0 where nobody answered."""
    begun = answered_at(case)
    return 0.0 if begun is None else max(0.0, ended_at(case) - begun)


def sending_s(case: Case, report: MediaReport) -> float:
    """Return for how many seconds of the talk we were allowed to send."""
    begun, end = answered_at(case), ended_at(case)
    if begun is None:
        return 0.0
    if not report.agreed:
        return end - begun
    spans = [*(agreed.at for agreed in report.agreed[1:]), end]
    return sum(
        max(0.0, min(until, end) - max(agreed.at, begun))
        for agreed, until in zip(report.agreed, spans, strict=True)
        if agreed.direction in _SENDS
    )


def too_short(case: Case) -> tuple[str, ...]:
    """Return what cannot be said because the call was up too briefly."""
    if case.answer is None or talk_s(case) >= SHORT_S:
        return ()
    up = f"the call was up for {seconds(talk_s(case))} only, too short to judge its sound"
    return (f"More than this: {up}.",)


def fact(says: str) -> Evidence:
    """Cite a figure of the media report."""
    return Evidence(event=None, says=says)


def counted(report: MediaReport) -> Evidence:
    """Cite how many packets went each way, and what the other side says of ours."""
    return fact(
        f"{report.rx_packets} RTP packets came, {report.tx_packets} left ({_theirs(report)})"
    )


def _theirs(report: MediaReport) -> str:
    if report.tx_lost is not None:
        return f"{report.tx_lost} reported lost"
    if report.rtcp_received:
        return f"their {report.rtcp_received} RTCP packets say nothing of ours"
    return "no report"


def cite_sdp(case: Case, index: int | None, *beginnings: str) -> tuple[Evidence, ...]:
    """Cite lines of a message's session description by how they begin."""
    event = None if index is None else case.events[index]
    if not isinstance(event, MessageEvent):
        return ()
    return tuple(
        Evidence(event=index, says=f'its SDP says "{plain(line)}"')
        for line in event.message.body.splitlines()
        if line.startswith(beginnings)
    )[:8]


def offer_index(case: Case) -> int | None:
    """Return the index of our INVITE that was answered, or the last one."""
    return case.invite.request if case.invite is not None else case.request_index


def their_descriptions(case: Case) -> Iterator[int]:
    """Yield the indices of their answers, early ones first."""
    for index in (case.early, case.answer):
        if index is not None and case.trace.message(index).has_sdp:
            yield index
