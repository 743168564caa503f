"""A comparison in plain words, in JSON, and in Markdown for a merge request."""

from collections.abc import Iterator
from itertools import groupby

from probe.comparison.model import Compared, Comparison, Difference, Kind
from probe.report.text import plain

SCHEMA = "sipprobe-comparison/1"
"""Tag of the JSON form; a new number means that an old reader would misread it."""

_MARKS = {
    Kind.REGRESSION: "✗",
    Kind.UNTESTED: "?",
    Kind.CHANGED: "~",
    Kind.IMPROVEMENT: "✓",
    Kind.GONE: "-",
    Kind.NEW: "+",
}
_PLURALS = {Kind.REGRESSION: "regressions", Kind.IMPROVEMENT: "improvements"}
_TELLS_ALONE = {
    Kind.GONE: "gone: only the earlier run tried it",
    Kind.NEW: "new: only the later run tried it",
    Kind.UNTESTED: "was not tried, and the later run did not come to its end",
}
_COLOURS = {Kind.REGRESSION: "31", Kind.UNTESTED: "33", Kind.CHANGED: "33", Kind.IMPROVEMENT: "32"}


def as_text(comparison: Comparison, *, color: bool) -> str:
    """Return what a person reads in a terminal."""
    lines = [
        "Compared",
        f"  before  {plain(comparison.before)}",
        f"  after   {plain(comparison.after)}",
        *(f"  note: {plain(note, None)}" for note in comparison.notes),
    ]
    for scenario, steps in groupby(_told(comparison), key=lambda step: step.key.scenario):
        lines += ["", plain(scenario)]
        for step in steps:
            lines += _step(step, color=color)
    lines += ["", _summary(comparison)]
    return "\n".join(lines)


def _told(comparison: Comparison) -> list[Compared]:
    """Return the steps with something to tell."""
    return [step for step in comparison.steps if step.kind is not Kind.SAME]


def _step(step: Compared, *, color: bool) -> Iterator[str]:
    """Yield the lines of one step."""
    mark, word = _MARKS[step.kind], step.kind.value
    if color and step.kind in _COLOURS:
        mark, word = (f"\x1b[{_COLOURS[step.kind]}m{text}\x1b[0m" for text in (mark, word))
    head = f"  {mark} step {step.key.step}  {plain(step.key.attempt)}"
    if not step.differences:
        yield f"{head}   {_TELLS_ALONE[step.kind]}"
        return
    yield f"{head}   {word}"
    for one in step.differences:
        yield f"      {_MARKS[one.kind]} {named(one)}: {_plain_change(one)}"
        if one.detail:
            yield f"          {one.detail}"


def named(one: Difference) -> str:
    """Return what differs, in words."""
    if one.aspect == "headers":
        return f"header {_header(one.name)}"
    if one.aspect in {"sdp", "tls"}:
        return f"{one.aspect.upper()} {plain(one.name)}"
    return {
        "outcome": "outcome",
        "sequence": "responses",
        "requests": "requests of the other side",
        "login": "login asked for",
        "media": "sound",
        "address": f"SDP {plain(one.name)}",
    }.get(one.aspect, plain(one.name))


def _header(name: str) -> str:
    """Return a header's name as it is commonly written."""
    return plain("-".join(part.capitalize() for part in name.split("-")))


def _plain_change(one: Difference) -> str:
    return f"{plain(one.before)} → {plain(one.after)}"


def _summary(comparison: Comparison) -> str:
    """Return the counts in one line."""
    same = comparison.count(Kind.SAME)
    steps = "step" if same == 1 else "steps"
    parts = [
        f"{n} {_PLURALS.get(kind, kind.value) if n > 1 else kind.value}"
        for kind in Kind
        if kind is not Kind.SAME and (n := comparison.count(kind))
    ]
    if not parts:
        return f"No difference in {same} {steps}."
    rest = f"; {same} {steps} as before" if same else ""
    return f"{', '.join(parts)}{rest}."


def as_json(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as values that ``json.dumps`` takes."""
    return {
        "schema": SCHEMA,
        "before": plain(comparison.before),
        "after": plain(comparison.after),
        "counts": {kind.value: comparison.count(kind) for kind in Kind},
        "notes": [plain(note, None) for note in comparison.notes],
        "steps": [
            {
                "scenario": plain(step.key.scenario),
                "step": step.key.step,
                "attempt": plain(step.key.attempt),
                "verdict": step.kind.value,
                "repeats": {"before": step.before, "after": step.after},
                "differences": [
                    {
                        "verdict": one.kind.value,
                        "aspect": one.aspect,
                        "name": plain(one.name),
                        "before": plain(one.before, 4000),
                        "after": plain(one.after, 4000),
                        "detail": one.detail or None,
                    }
                    for one in step.differences
                ],
            }
            for step in comparison.steps
        ],
    }


def as_markdown(comparison: Comparison) -> str:
    """Return a table for a merge request or a job's summary."""
    lines = [
        f"**{_summary(comparison)}**",
        f"Before: {_code(comparison.before)}, after: {_code(comparison.after)}.",
        *(f"\n{plain(note, None)}." for note in comparison.notes),
    ]
    told = _told(comparison)
    if told:
        lines += ["", "| scenario | step | verdict | what | before | after |", "|" + " --- |" * 6]
    for step in told:
        place = f"| {_cell(step.key.scenario)} | {step.key.step} {_cell(step.key.attempt)} |"
        if not step.differences:
            lines.append(f"{place} {step.kind.value} | | | |")
        for one in step.differences:
            detail = f" ({one.detail})" if one.detail else ""
            lines.append(
                f"{place} {one.kind.value} | {_cell(named(one) + detail)} "
                f"| {_code(one.before)} | {_code(one.after)} |"
            )
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Return a text that Markdown takes for nothing else."""
    escaped = "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|~!" else sign for sign in plain(text))
    return escaped.replace("\n", " ")


def _code(text: str) -> str:
    """Return a text between backticks that it cannot leave."""
    return "`" + plain(text).replace("`", "'").replace("|", "\\|") + "`"
