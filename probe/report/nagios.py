"""The report as a monitoring plugin prints it, for Icinga, Nagios, Checkmk and their kin.

https://www.monitoring-plugins.org/doc/guidelines.html: a line that says the state, performance data
behind ``|``, then more lines for whoever opens the service; the exit status is the state. Nagios
keeps 8 kB of it (MAX_PLUGIN_OUTPUT_LENGTH), so the performance data stands in the first line, and
what follows is bounded. Some of these programs show markup of a plugin as markup, and all of them
split at ``|``: neither comes from a peer.
"""

import re
from collections.abc import Iterator
from enum import IntEnum

from probe.report.bounds import read_bound
from probe.report.measures import DELAYS
from probe.report.model import Finding, RunReport
from probe.report.passed import label, name
from probe.report.terminal import headline, selector
from probe.report.text import cut, plain
from probe.scenario.expectation import Bound
from probe.verdict.verdict import Outcome

MOST_DATA = 3500
"""Bytes of performance data."""

MOST_TEXT = 3500
"""Bytes of the lines after the first."""

LINE = 300
"""Columns of a line."""

_SIGNS = str.maketrans({"|": "¦", "<": "‹", ">": "›", "`": "'"})
_NAMES_IT = re.compile(r"^(Error|sipprobe): ")
_NO_LABEL = re.compile(r"[^A-Za-z0-9_.+\[\]/-]+")


class State(IntEnum):
    """The state of the service, and the exit status of the plugin."""

    OK = 0
    "Everything was met."

    WARNING = 1
    "Everything was met, but something only by a retry, or by less than a bound's `warn`."

    CRITICAL = 2
    "Something was not met."

    UNKNOWN = 3
    "It could not be tested."


def state_of(report: RunReport) -> State:
    """Return the state; what was not met weighs more than what could not be tested."""
    counts = report.counts()
    if counts["not_met"]:
        return State.CRITICAL
    if counts["inconclusive"] or report.interrupted or not report.complete or not counts["met"]:
        return State.UNKNOWN
    barely = counts["flaky"] or any(_barely(finding) for finding in report.findings)
    return State.WARNING if barely else State.OK


def written_nagios(report: RunReport) -> Iterator[str]:
    """Yield the output of a plugin."""
    state = state_of(report)
    yield f"SIPPROBE {state.name} - {_summary(report, state)} | {' '.join(_data(report))}\n"
    room = MOST_TEXT
    for line in _lines(report):
        room -= len(line.encode()) + 1
        if room < 0:
            yield "...\n"
            return
        yield line + "\n"


def refusal(said: str) -> str:
    """Return the output where no run came about; ``said`` are the lines that tell why."""
    lines = [line for line in map(_shown, said.split("\n")) if line.strip()]
    named = next((line for line in lines if _NAMES_IT.match(line)), None)
    if named is not None:  # a reminder of the usage stands before it
        lines = [named, *(line for line in lines if line != named)]
    first, *more = lines or ["sipprobe ended without a word"]
    first = _NAMES_IT.sub("", first)
    return "\n".join((f"SIPPROBE UNKNOWN - {first}", *more[:20])) + "\n"


def _shown(text: str) -> str:
    """Return one line that holds no markup and no separator."""
    return cut(plain(text, 2000), LINE).translate(_SIGNS).rstrip()


def _barely(finding: Finding) -> bool:
    measured = finding.last.verdict.measured
    return finding.flaky or any(one.state == "warn" for one in measured)


def _summary(report: RunReport, state: State) -> str:
    """Return what the first line says: the counts, and the worst that there is."""
    counts, steps = report.counts(), len(report.findings)
    if state in {State.OK, State.WARNING} or not steps:
        told = f"{counts['met']} of {steps} steps met in {report.duration_s:.1f} s"
    else:
        parts = {"not_met": "not met", "inconclusive": "not tested"}
        some = [f"{counts[key]} {word}" for key, word in parts.items() if counts[key]]
        told = f"{', '.join(some) or 'ended'}, {counts['met']} of {steps} met"
    told += ", interrupted" if report.interrupted else "" if report.complete else ", broken off"
    worst = next(iter(_worst(report)), None)
    return told if worst is None else f"{told}: {_one(worst)}"


def _worst(report: RunReport) -> Iterator[Finding]:
    """Yield what is not as it should be, the worst first."""
    ranks: dict[Outcome, list[Finding]] = {Outcome.NOT_MET: [], Outcome.INCONCLUSIVE: []}
    ranks[Outcome.MET] = []
    for finding in report.findings:
        outcome = finding.last.verdict.outcome
        if len(ranks[outcome]) < 50 and (outcome is not Outcome.MET or _barely(finding)):
            ranks[outcome].append(finding)
    for some in ranks.values():
        yield from some


def _one(finding: Finding) -> str:
    """Return a finding in one line."""
    if finding.last.verdict.outcome is not Outcome.MET:
        return _shown(f"{name(finding)}: {headline(finding)}")
    if finding.flaky:
        return _shown(f"{name(finding)}: met only at attempt {len(finding.tries)}")
    return _shown(f"{name(finding)}: {'; '.join(finding.last.verdict.warnings)}")


def _lines(report: RunReport) -> Iterator[str]:
    """Yield the lines after the first."""
    for note in report.notes:
        yield _shown(f"note: {note}")
    for finding in _worst(report):
        yield f"{label(finding)} {_one(finding)}"
        why = finding.last.explanation
        if why is not None and finding.last.verdict.outcome is not Outcome.MET:
            yield _shown(f"  Why: {why.summary}")
            yield from (_shown(f"  Next: {step}") for step in why.next_steps[:2])
            yield _shown(f"  Again: sipprobe run {selector(finding)}")
    if report.folder:
        yield _shown(f"Run: {report.folder}")


def _data(report: RunReport) -> Iterator[str]:
    """Yield performance data while there is room: the counts, then the delays of each step."""
    counts, steps = report.counts(), len(report.findings)
    yield f"met={counts['met']};;;0;{steps}"
    yield f"not_met={counts['not_met']};;0;0;{steps}"
    yield f"inconclusive={counts['inconclusive']};;;0;{steps}"
    yield f"time={report.duration_s:.3f}s;;;0"
    room = MOST_DATA
    for finding in report.findings:
        for text in _delays(finding):
            room -= len(text) + 1
            if room < 0:
                return
            yield text


def _delays(finding: Finding) -> Iterator[str]:
    """Yield the delays of a step, with the bounds of the file as thresholds."""
    verdict = finding.last.verdict
    bounds = {one.name: read_bound(one.bound) for one in verdict.measured}
    where = _NO_LABEL.sub("_", plain(finding.scenario, 80))
    for delay in DELAYS:
        seconds = getattr(verdict.timing, f"{delay}_s")
        if seconds is not None:
            thresholds = _thresholds(bounds.get(delay))
            yield f"'{where}.{finding.attempt.step}.{delay}'={seconds:.3f}s;{thresholds};0"


def _thresholds(bound: Bound | None) -> str:
    """Return ``warning;critical`` as ranges: a plain number N alerts outside of 0 to N."""
    if bound is None or bound.unit != "s":
        return ";"
    low, high, warn = bound.min, bound.max, bound.warn
    critical = f"{low:g}:" if low is not None else ""
    critical += f"{high:g}" if high is not None else ""
    if warn is None:
        return f";{critical}"
    downwards = high is None and low is not None
    return f"{warn:g}:;{critical}" if downwards else f"{warn:g};{critical}"
