"""What their receiver reports cannot count: packets after the last one that arrived there."""

from dataclasses import dataclass

from probe.rtp.packet import ReportBlock, RtcpReport, build_rtcp
from probe.rtp.reports import Reports

OURS, THEIRS = 7, 9


@dataclass(frozen=True)
class Told:
    """One report: how many packets had left, and the highest number that had arrived."""

    sent: int
    highest: int
    lost: int = 0


def after(*told: Told) -> Reports:
    """Return what we know after some reports."""
    reports = Reports()
    for number, one in enumerate(told, 1):
        block = ReportBlock(OURS, 0, one.lost, one.highest, 0, 0, 0)
        data = build_rtcp(RtcpReport(THEIRS, None, (block,)), "them", bye=False)
        reports.take(data, OURS, at=float(number), wall=float(number), rate=8000, sent=one.sent)
    return reports


def test_reports_that_go_on_miss_nothing() -> None:
    """Their loss is theirs to count."""
    reports = after(Told(50, 1050), Told(100, 1100, 3))
    assert (reports.lost, reports.unheard) == (3, 0)


def test_reports_that_stand_still_tell_of_a_way_that_is_shut() -> None:
    """Everything that left since the last progress is missing, beside what they count."""
    reports = after(Told(50, 1050, 2), Told(100, 1050, 2), Told(150, 1050, 2))
    assert (reports.lost, reports.unheard) == (102, 100)


def test_two_reports_in_a_row_are_no_standstill() -> None:
    """The report with the BYE may follow the last one within a packet time."""
    reports = after(Told(50, 1050), Told(60, 1050))
    assert (reports.lost, reports.unheard) == (0, 0)


def test_a_way_that_opens_again() -> None:
    """What they count themselves then is not counted twice."""
    reports = after(Told(50, 1050), Told(100, 1050), Told(150, 1150, 50))
    assert (reports.lost, reports.unheard) == (50, 0)


def test_a_call_on_hold_is_no_standstill() -> None:
    """Nothing left, so nothing is missing."""
    reports = after(Told(50, 1050), Told(50, 1050), Told(50, 1050))
    assert (reports.lost, reports.unheard) == (0, 0)
