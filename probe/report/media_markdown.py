"""What the calls of a report carried, as a Markdown table."""

from collections.abc import Callable, Iterable, Iterator

from probe.report.model import Finding
from probe.report.passed import name
from probe.report.text import plain
from probe.trace.media import MediaReport

MOST_ROWS = 200
"""Rows of the table."""

_HEAD = (
    "\n| audio | codec | received | lost | jitter | MOS (estimate) "
    "| sent | lost there | round trip |\n" + "| --- " * 9 + "|\n"
)


def media_table(findings: Iterable[Finding], escaped: Callable[[str], str]) -> Iterator[str]:
    """Yield a row for each call's audio, once: that of a talk stands with its call already."""
    rows = 0
    for finding in findings:
        trace = finding.last.trace
        if trace.method != "INVITE":
            continue
        told = [("", report) for report in trace.media]
        told += [(f" ({leg.agent})", one) for leg in trace.legs for one in leg.trace.media]
        for agent, report in told:
            if rows == MOST_ROWS:
                yield "\nMore calls are left out of this table.\n"
                return
            yield _HEAD if rows == 0 else ""
            rows += 1
            yield _row(escaped(name(finding) + agent), report, escaped)


def _row(step: str, report: MediaReport, escaped: Callable[[str], str]) -> str:
    due = report.rx_packets + report.rx_lost
    cells = (
        step,
        escaped(plain(report.codec or "–", 40)),
        f"not measured: {escaped(report.unmeasured)}" if report.unmeasured else report.rx_packets,
        f"{100 * report.rx_lost / due:.1f} %" if due else "–",
        f"{1000 * report.rx_jitter_s:.1f} ms" if report.rx_packets else "–",
        "–" if report.mos is None else f"{report.mos:.1f}",
        report.tx_packets,
        "–" if report.tx_lost is None else report.tx_lost,
        "–" if report.rtt_s is None else f"{1000 * report.rtt_s:.0f} ms",
    )
    return "| " + " | ".join(map(str, cells)) + " |\n"
