"""The report for a terminal: one line for a pass, the whole story for a failure.

Everything that a peer wrote goes through ``plain`` before it gets here or here, so that no byte of
it can drive the terminal; colour is added last.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from probe.diagnosis.explanation import Certainty, Explanation
from probe.plan.repeats import without_count
from probe.report.bounds_table import bounds_table
from probe.report.comparison import compared
from probe.report.kept import KeptFindings
from probe.report.ladder import draw, ladder
from probe.report.media_lines import media_lines
from probe.report.model import Finding, RunReport, Try
from probe.report.passed import Passed, label, name, passed, shown_warnings, tries
from probe.report.text import ELLIPSIS, cells, cut, folded, plain, plain_lines, wrapped
from probe.scenario.choice import only
from probe.scenario.loader import comes_with_us
from probe.scenario.source import Source
from probe.trace.control import ControlRan
from probe.trace.trace import MessageEvent, MessageSent
from probe.verdict.verdict import Measured, Mismatch, Verdict

SEQUENCES = ("expect.responses", "expect")
"""Paths of a mismatch that is about the whole sequence: the file's, and the default one."""

NARROWEST = 40
PROSE = 120
"""Columns beyond which sentences are hard to read; ladders and tables may be wider."""

LONGEST_LINE = 2000
"""A line of a message that is longer is cut: 60,000 characters of a reason phrase fill a screen."""

GAP = "   "
WHY = 8

_COLORS = {"PASS": "32", "FLAKY": "33", "FAIL": "1;31", "INCONCLUSIVE": "1;33", "note": "36"}

Paint = Callable[[str, str], str]
"""Takes a text and the parameters of an SGR escape, and returns the text in that colour."""


def render(report: RunReport, *, color: bool, width: int, verbosity: int = 0) -> str:
    """Return the whole report as text that ends with a line end."""
    return "".join(written_text(report, color=color, width=width, verbosity=verbosity))


def written_text(
    report: RunReport, *, color: bool, width: int, verbosity: int = 0
) -> Iterator[str]:
    """Yield the text of a report: its notes, its findings one by one, and what they come to.

    A pass is one line where it fits ``width`` columns; ``verbosity`` 1 adds its ladder, 2 every
    message of every try. ANSI escapes are written only with ``color``.
    """
    paint = _painter(color)
    for note in report.notes:
        lines = wrapped(plain(note), max(NARROWEST, width), first="note: ")
        lines[0] = lines[0].replace("note:", paint("note:", _COLORS["note"]), 1)
        yield "\n".join(lines) + "\n"
    columns = max(NARROWEST, width)
    for place, one in enumerate(_passes(report)):
        if one is None or verbosity > 0:
            yield render_finding(
                report.findings[place],
                color=color, width=width, verbosity=verbosity, folder=report.folder,
            )  # fmt: skip
        else:
            yield "\n".join(_pass(one, paint, columns))
        yield "\n"
    yield _summary(report, paint, width) + "\n"


def _passes(report: RunReport) -> Iterable[Passed | None]:
    """Return what the line of each pass shows, None for other findings."""
    if isinstance(report.findings, KeptFindings):
        return report.findings.passes()
    return map(passed, report.findings)


def render_finding(
    finding: Finding, *, color: bool, width: int, verbosity: int = 0, folder: str | None = None
) -> str:
    """Return what a report says of one finding, without a line end after its last line."""
    paint = _painter(color)
    width = max(NARROWEST, width)
    one = passed(finding)
    met = one is not None
    if one is not None:
        lines = _pass(one, paint, width)
        if verbosity > 0:
            lines += _ladder(finding, finding.last, paint, width)
            lines += _bounds(finding.last, paint, width)
    else:
        lines = _failed(finding, paint, width, folder)
    if verbosity > 1:
        lines += _messages(finding, width)
    if not met or verbosity > 0:
        lines.append("")
    return "\n".join(lines)


def _painter(color: bool) -> Paint:
    """Return how a text is coloured: by ANSI SGR escapes, or not at all."""
    if color:
        return lambda text, code: f"\x1b[{code}m{text}\x1b[0m"
    return lambda text, _: text


def _summary(report: RunReport, paint: Paint, width: int) -> str:
    counts = report.counts()
    parts = [
        f"{counts[key]} {word}"
        for key, word in (
            ("met", "met"),
            ("not_met", "not met"),
            ("inconclusive", "inconclusive"),
            ("flaky", "flaky"),
        )
        if key != "flaky" or counts[key]
    ]
    text = f"{', '.join(parts)} in {report.duration_s:.1f} s"
    text += ", interrupted" if report.interrupted else ""
    worst = "FAIL" if counts["not_met"] else "INCONCLUSIVE" if counts["inconclusive"] else "PASS"
    if not report.folder:
        return paint(text, _COLORS[worst])
    where = plain(report.folder, None)
    gap = GAP if cells(text + GAP + where) <= width else "\n"  # a path is not broken
    return f"{paint(text, _COLORS[worst])}{gap}{where}"


def _pass(one: Passed, paint: Paint, width: int) -> list[str]:
    """Return the line of a pass: what was observed and how long it took, then its warnings."""
    lines = _joined(one.parts, width, indent=6)
    lines[0] = paint(one.word, _COLORS[one.word]) + lines[0][len(one.word) :]
    return lines + _notes(one.warnings, paint, width)


def _notes(warnings: Sequence[str], paint: Paint, width: int) -> list[str]:
    lines = []
    for warning in warnings:
        told = wrapped(warning or "none", min(width, PROSE), first="      note: ")
        told[0] = told[0].replace("note:", paint("note:", _COLORS["note"]), 1)
        lines += told
    return lines


def _joined(parts: Sequence[str], width: int, indent: int) -> list[str]:
    """Join parts by a gap; break between them where a line would be wider than ``width``."""
    lines = [""]
    for part in parts:
        if not lines[-1]:
            lines = wrapped(part, width, later=" " * indent) if cells(part) > width else [part]
        elif cells(lines[-1] + GAP + part) <= width:
            lines[-1] += GAP + part
        else:
            lines += wrapped(part.strip(), width, first=" " * indent)
    return lines


def _failed(finding: Finding, paint: Paint, width: int, folder: str | None) -> list[str]:
    """Return the block of a finding that was not met or is inconclusive."""
    one = finding.last
    word = label(finding)
    facts = [tries(finding), f"{one.verdict.timing.total_s:.1f} s"]
    took = f"({', '.join(fact for fact in facts if fact)})"
    head = f"{word.ljust(5)} {name(finding)}"
    lines = _joined([head, took.rjust(width - cells(head) - len(GAP))], width, indent=6)
    lines[0] = paint(word, _COLORS[word]) + lines[0][len(word) :]
    if one.verdict.mismatches:
        for mismatch in one.verdict.mismatches:
            lines += _mismatch(mismatch, one.verdict, paint, width)
    elif finding.attempt.source.file:
        lines.append(f"  --> {plain(str(finding.attempt.source), None)}")
    lines += _ladder(finding, one, paint, width)
    lines += _bounds(one, paint, width)
    lines += _notes(shown_warnings(one), paint, width)
    lines.append("")
    if one.explanation is not None:
        lines += _explanation(one.explanation, width, one.trace.controls())
    if not (folder or finding.attempt.source.file or finding.attempt.account):
        return lines  # no scenario was run: a capture of another tool
    again = f"again: sipprobe run {plain(selector(finding), None)}"
    stored = [f"{plain(folder, None).rstrip('/')}/", "call.pcap"] if folder else []
    lines += _joined(["  Trace " + stored[0], *stored[1:], again], width, WHY) if stored else []
    lines += [] if stored else [f"  Trace {again}"]
    return lines


_comes_with_us = lru_cache(maxsize=256)(comes_with_us)
"""Ten thousand findings are of few files."""


def selector(finding: Finding) -> str:
    """Return what `run` takes to find the scenario: its name where that is enough.

    What follows of one row is its name, which `-k` takes.
    """
    file = finding.file or finding.attempt.source.file
    named = file in {"", f"scenarios/{finding.story}.sip.yaml"} or _comes_with_us(file)
    chosen = shlex.quote(finding.story if named else file)
    return (
        chosen
        if finding.row is None
        else f"{chosen} -k {shlex.quote(only(without_count(finding.scenario)))}"
    )


def _ladder(finding: Finding, one: Try, paint: Paint, width: int) -> list[str]:
    account = finding.attempt.account
    us, peer = "probe", account.host if account else "peer"
    if account is None:  # nobody's settings name the two sides, so their messages do
        first = next((e for e in one.trace.events if isinstance(e, MessageEvent)), None)
        us, peer = (first.local or us, first.remote) if first else (us, peer)
    drawn = [*draw(ladder(one.trace, one.verdict), us=us, peer=peer, width=width)]
    for leg in one.trace.legs:
        if leg.reached:
            drawn += ["", *draw(ladder(leg.trace), us=leg.agent, peer=peer, width=width)]
    return [*(_marked(line, paint) for line in drawn), *_media(one, width)]


def _of_media(verdict: Verdict) -> Iterator[Measured]:
    """Yield the bounds on audio as rows of the same table: a bound's own unit says what it is."""
    for one in verdict.media:
        name = f"{one.agent} {one.name}".strip()
        yield Measured(name=name, value_s=one.value, bound=one.bound, state=one.state)


def _media(one: Try, width: int) -> list[str]:
    """Return what was counted of the sound, our agent's first."""
    named = {report.call_id for leg in one.trace.legs for report in leg.trace.media}
    whole = not one.trace.method and named  # a talk tells of the agents that its step names
    told = [] if whole else [("", report) for report in one.trace.media]
    told += [(f"{leg.agent}: ", report) for leg in one.trace.legs for report in leg.trace.media]
    lines: list[str] = []
    for agent, report in told:
        first, *rest = media_lines(report)
        lines += _row("  Media ", agent + first, width)
        lines += [row for line in rest for row in _row(" " * WHY, line, width, hang=5)]
    return lines


def _marked(line: str, paint: Paint) -> str:
    """Colour the marks of a line."""
    return line.replace("✗", paint("✗", "31")).replace("✓", paint("✓", "32"))


def _bounds(one: Try, paint: Paint, width: int) -> list[str]:
    """Return the table of bounds below a ladder, a line between them."""
    table = bounds_table((*one.verdict.measured, *_of_media(one.verdict)), width)
    return ["", *(_marked(line, paint) for line in table)] if table else []


def _mismatch(mismatch: Mismatch, verdict: Verdict, paint: Paint, width: int) -> list[str]:
    """Return place, offending line with caret, and for a sequence expected against observed."""
    message = plain(mismatch.message)
    lines = []
    if mismatch.source.file:
        lines.append(f"  --> {plain(str(mismatch.source), None)}")
        lines += _caret(mismatch.source, message, paint, width)
    else:
        lines += wrapped(message, width, first="  ")
    if mismatch.path in SEQUENCES:
        rows = compared(verdict, width, aligned=mismatch.path == SEQUENCES[0])
        lines += [_marked(row, paint) for row in rows]
    return lines


def _caret(source: Source, message: str, paint: Paint, width: int) -> list[str]:
    """Return the offending line under its number, and the message beside a caret."""
    number = str(source.line)
    margin = " " * (len(number) + 1) + "| "
    if not source.text:
        return wrapped(message, width, first=margin, later=margin)
    room = max(NARROWEST // 2, width - len(margin))
    text = plain(source.text, None)
    column = max(0, min(source.column - 1, len(text)))
    if cells(text) > room:
        begin = max(0, min(column - room // 2, len(text) - room))
        text, column = text[begin : begin + room], column - begin
    before = " " * cells(text[:column])
    carets = "^" * max(1, min(source.length, len(text) - column))
    lines = [f"{number} | {text}".rstrip()]
    if len(margin) + len(before) + len(carets) + 1 + cells(message) <= width:
        lines.append(f"{margin}{before}{paint(carets, '31')} {message}")
    else:
        lines.append(f"{margin}{before}{paint(carets, '31')}")
        lines += wrapped(message, width, first=margin, later=margin)
    return lines


def _explanation(why: Explanation, width: int, asked: Sequence[ControlRan]) -> list[str]:
    """Return the rows Why, Asked and Next."""
    summary = why.summary
    if why.certainty is Certainty.CERTAIN and why.causes:
        summary += f" ({why.causes[0].id})"
    lines = _row("  Why   ", summary, width)
    if why.evidence:
        says = "; ".join(plain(item.says) for item in why.evidence)
        lines += _row(" " * WHY, f"Evidence: {says}", width)
    if why.certainty is not Certainty.CERTAIN:
        for cause in why.causes:
            word = "likely" if cause.likelihood is not Certainty.UNDECIDED else "possible"
            text = f"{word.ljust(8)} {cause.id} {cause.name}: {cause.because}"
            lines += _row(" " * WHY, text, width, hang=9)
    lines += [row for item in why.unknown for row in _row(" " * WHY, f"Unknown: {item}", width)]
    lead = "  Asked "
    for control in asked:
        text = f"{control.control.value} {control.target}: {control.detail}"
        lines += _row(lead, f"{text} ({control.took_s:.1f} s)" if control.took_s else text, width)
        lead = " " * WHY
    lead = "  Next  "
    for step in why.next_steps:
        lines += _row(lead, step, width)
        lead = " " * WHY
    return lines


def _row(lead: str, text: str, width: int, hang: int = 0) -> list[str]:
    """Return a text behind a lead, wrapped to the width, further lines under its beginning."""
    later = " " * (len(lead) + hang)
    return wrapped(plain(text, 2000), min(width, PROSE), first=lead, later=later, hyphens=False)


def _messages(finding: Finding, width: int) -> list[str]:
    """Return every message of every try, line by line as on the wire, redacted.

    What does not fit the width goes on below, behind a mark.
    """
    lines = []
    for number, one in enumerate(finding.tries, start=1):
        for index, event in enumerate(one.trace.events):
            if not isinstance(event, MessageEvent):
                continue
            way = "to" if isinstance(event, MessageSent) else "from"
            again = ", retransmission" if event.retransmission else ""
            at = event.at - one.trace.began
            lines.append("")
            lines += wrapped(
                f"try {number}, event {index}, {at:+.6f} s, {way} "
                f"{plain(event.remote)} over {plain(event.transport)}{again}",
                width,
                first="  ",
                later="    ",
            )
            for line in plain_lines(event.text.rstrip()):
                lines += _folded(line, width)
    return lines


def _folded(line: str, width: int) -> list[str]:
    """Return a line of a message in rows of the width; a very long one is cut, and says so."""
    if len(line) > LONGEST_LINE:
        more = len(line) - LONGEST_LINE
        line = f"{line[:LONGEST_LINE]}{ELLIPSIS} ({more:,} more characters, see trace.json)"
    first, *rest = folded(line, width - 4)
    return [f"    {first}".rstrip(), *(f"  ↪ {row}" for row in rest)]


def headline(finding: Finding) -> str:
    """Return one line that says what was wrong with a finding that was not met."""
    verdict = finding.last.verdict
    if verdict.mismatches:
        return cut(plain(verdict.mismatches[0].message), 200)
    explanation = finding.last.explanation
    if explanation is not None:
        return cut(plain(explanation.summary), 200)
    return f"{label(finding)}: observed {plain(verdict.observed) or 'nothing'}"
