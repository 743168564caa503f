"""What the page holds of one finding: its row in the list, and all that is drawn when it is opened.

The second part is JSON, packed with DEFLATE and written in base64: letters, digits, ``+/=`` and
nothing else. So no byte of a peer stands in the page as it came, and a thousand findings open as
fast as their rows.
"""

import base64
import json
import zlib

from msgspec import Struct, to_builtins

from probe.diagnosis.explanation import Explanation
from probe.report.beside import Beside, LastGood
from probe.report.comparison import compared
from probe.report.flow import flow
from probe.report.html.offers import offers
from probe.report.html.picture import Picture, picture
from probe.report.html.sound import drawn
from probe.report.html.timeline import timeline
from probe.report.json_report import iso_utc
from probe.report.model import Finding, Try
from probe.report.passed import label, name
from probe.report.terminal import SEQUENCES, headline, selector
from probe.report.text import plain, plain_lines
from probe.trace.trace import MessageEvent, Trace
from probe.verdict.verdict import Mismatch, Outcome, Verdict

LONGEST = 4000
"""Characters of any text beside the messages."""

MOST_TRIES = 200
"""Tries of one finding that the page holds; the last ones are kept."""

COMPARED_WIDTH = 96


class Entry(Struct, frozen=True, kw_only=True):
    """One row of the list."""

    word: str
    "PASS, FLAKY, FAIL or INCONCLUSIVE."

    met: bool
    "Whether everything was met."

    name: str
    "Scenario and attempt."

    title: str
    "Title of the scenario."

    line: str
    "What was wrong, or what was observed."

    took: str
    "How long the last try took."

    run: str
    "The run it comes from, empty where the report is of one run."

    data: str
    "What is drawn when it is opened: JSON, packed, in base64."


def entry(
    finding: Finding, *, run: str = "", folder: str = "", beside: Beside | None = None
) -> Entry:
    """Return what the page holds of a finding."""
    met = finding.last.verdict.outcome is Outcome.MET
    observed = flow(finding.last.trace) or finding.last.verdict.observed
    return Entry(
        word=label(finding),
        met=met,
        name=name(finding),
        title=plain(finding.title),
        line=plain(observed, 300) if met else headline(finding),
        took=f"{finding.last.verdict.timing.total_s:.1f} s",
        run=plain(run),
        data=_packed(_detail(finding, folder, None if met else beside)),
    )


def _packed(value: object) -> str:
    """Return a JSON value packed (RFC 1951) and in base64."""
    text = json.dumps(value, separators=(",", ":"))
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return base64.b64encode(packer.compress(text.encode("ascii")) + packer.flush()).decode("ascii")


def _detail(finding: Finding, folder: str, beside: Beside | None) -> dict[str, object]:
    """Return all of a finding as JSON values."""
    good = None if beside is None else beside(finding, folder)
    file = finding.file or finding.attempt.source.file
    row = finding.row
    again = f"sipprobe run {selector(finding)}" if file or finding.attempt.account else ""
    facts = [
        ("scenario", finding.title or finding.scenario),
        ("file", str(finding.attempt.source) if finding.attempt.source.file else file),
        ("row", "; ".join(f"{key} = {value}" for key, value in row.values) if row else ""),
        ("site", finding.site),
        ("started", finding.last.trace.started_at.isoformat(timespec="milliseconds")),
        ("user agent", finding.last.trace.agent),
        ("stored in", folder),
        ("run again", again),
    ]
    tries = finding.tries[-MOST_TRIES:]
    first = len(finding.tries) - len(tries) + 1
    return {
        "facts": [[key, _text(value)] for key, value in facts if value],
        "tries": [
            _try(finding, one, number, folder, last=one is finding.last)
            for number, one in enumerate(tries, first)
        ],
        "good": None if good is None else _good(finding, good),
    }


def _good(finding: Finding, good: LastGood) -> dict[str, object]:
    """Return the last good run of a finding."""
    us, peer = _sides(finding, good.trace)
    return {
        "run": _text(good.run_id),
        "at": iso_utc(good.at),
        "observed": _text(flow(good.trace)),
        "differences": [
            [_text(one.what), _text(one.before), _text(one.after), _text(one.detail)]
            for one in good.differences
        ],
        **_ladder(picture(good.trace, None, us=us, peer=peer)),
    }


def _ladder(shown: Picture) -> dict[str, object]:
    """Return a ladder as JSON values."""
    return {
        "columns": [[c.name, c.address, c.ours] for c in shown.columns],
        "rows": [
            [r.kind, r.at, r.label, r.source, r.goal, r.note, r.mark, r.copies, r.message, r.event]
            for r in shown.rows
        ],
        "messages": shown.messages,
        "left_out": shown.left_out,
    }


def _try(finding: Finding, one: Try, number: int, folder: str, *, last: bool) -> dict[str, object]:
    """Return one try; where only the last was judged, nothing is said of the others."""
    trace, verdict = one.trace, one.verdict
    told = last or verdict is not finding.last.verdict
    us, peer = _sides(finding, trace)
    shown = picture(trace, verdict if told else None, us=us, peer=peer)
    return {
        "number": number,
        "outcome": verdict.outcome.value if told else "",
        "observed": _text(flow(trace) or verdict.observed if told else flow(trace)),
        "took": round(trace.ended - trace.began, 3),
        **_ladder(shown),
        "spans": [to_builtins(span) for span in timeline(trace, verdict)] if told else [],
        "offers": [to_builtins(row) for row in offers(trace, us)],
        "media": _sounds(us, trace, folder),
        "mismatches": [_mismatch(m, verdict) for m in verdict.mismatches] if told else [],
        "warnings": [_text(warning) for warning in verdict.warnings] if told else [],
        "explanation": _explanation(one.explanation) if one.explanation else None,
        "asked": [
            {
                "what": _text(f"{ran.control.value} {ran.target}"),
                "result": _text(ran.detail or ran.result),
                "took": round(ran.took_s, 3),
                "messages": ["\n".join(plain_lines(m[:LONGEST])) for m in ran.messages[:20]],
            }
            for ran in trace.controls()
        ],
    }


def _sounds(us: str, trace: Trace, folder: str) -> list[dict[str, object]]:
    """Return every stream, our agent's first; all on the clock of the attempt."""
    base = min([trace.began, *(event.at for event in trace.events[:1])])
    found = [drawn(us, report, base, folder) for report in trace.media]
    for leg in trace.legs:
        shift = (leg.trace.started_at - trace.started_at).total_seconds()
        found += [drawn(leg.agent, report, base - shift, folder) for report in leg.trace.media]
    return found


def _sides(finding: Finding, trace: Trace) -> tuple[str, str]:
    """Return the names of our agent and of its peer."""
    account = finding.attempt.account
    if account is not None:
        return (account.name if trace.legs else "probe"), account.host
    first = next((e for e in trace.events if isinstance(e, MessageEvent)), None)
    return "probe", first.remote if first else ""


def _mismatch(mismatch: Mismatch, verdict: Verdict) -> dict[str, object]:
    """Return one mismatch with its place in the file."""
    source = mismatch.source
    rows: list[str] = []
    if mismatch.path in SEQUENCES:
        aligned = mismatch.path == SEQUENCES[0]
        rows = compared(verdict, COMPARED_WIDTH, aligned=aligned)
    return {
        "path": _text(mismatch.path),
        "message": _text(mismatch.message),
        "place": _text(str(source)) if source.file else "",
        "line": _text(source.text.strip()) if source.file else "",
        "expected": _text(mismatch.expected),
        "observed": _text(mismatch.observed),
        "compared": rows,
        "evidence": list(mismatch.evidence),
    }


def _explanation(why: Explanation) -> dict[str, object]:
    reference = why.reference
    known = ""
    if reference is not None:
        known = f"{reference.code} {reference.name}, {reference.defined_in}"
        known += f"; meaning of {reference.provider}" if reference.provider else ""
    return {
        "certainty": why.certainty.value,
        "summary": _text(why.summary),
        "causes": [
            [cause.id, _text(cause.name), cause.likelihood.value, _text(cause.because)]
            for cause in why.causes
        ],
        "observed": [_text(fact) for fact in why.observed],
        "evidence": [[item.event, _text(item.says)] for item in why.evidence],
        "inferred": [_text(fact) for fact in why.inferred],
        "unknown": [_text(fact) for fact in why.unknown],
        "next": [_text(step) for step in why.next_steps],
        "reference": _text(known),
    }


def _text(value: str) -> str:
    return plain(value, LONGEST)
