"""An examination as text for a terminal, and as JSON for machines."""

import json
import textwrap
from collections.abc import Iterator

from probe.doctor.check import Check, State
from probe.doctor.examine import Examination
from probe.report.text import plain

SCHEMA = "sipprobe-doctor/1"
"""Tag of the JSON form; a later one of this number may add keys and changes none."""

_COLORS = {State.OK: "32", State.WARNING: "33", State.FAULT: "31;1", State.NOT_CHECKED: "2"}
_WORD = max(len(state.value) for state in State)
_LONGEST = 600
"""Characters of a text that are shown: words of a peer may stand in it."""


def as_text(found: Examination, *, trunk: str, width: int, color: bool) -> str:
    """Return one line or a few for each check, in two parts."""
    topic = max(len(check.topic) for check in found.checks)
    lines = ["This machine", *_part(found.machine, topic, width, color=color)]
    if found.trunk:
        lines += ["", f"Trunk {plain(trunk)}", *_part(found.trunk, topic, width, color=color)]
    return "\n".join([*lines, "", _sum(found)])


def _part(checks: tuple[Check, ...], topic: int, width: int, *, color: bool) -> Iterator[str]:
    indent = " " * (2 + _WORD + 2 + topic + 2)
    for check in checks:
        word = check.state.value
        head = f"  {word.ljust(_WORD)}  {check.topic.ljust(topic)}  "
        lines = _wrapped(check.says, head, indent, width)
        if color:
            lines[0] = lines[0].replace(word, f"\x1b[{_COLORS[check.state]}m{word}\x1b[0m", 1)
        yield from lines
        if check.remedy:
            yield from _wrapped(check.remedy, f"{indent}→ ", f"{indent}  ", width)


def _wrapped(text: str, head: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        plain(text, _LONGEST),
        width,
        initial_indent=head,
        subsequent_indent=indent,
        break_on_hyphens=False,
    ) or [head.rstrip()]


def _sum(found: Examination) -> str:
    counts = _counts(found)
    warnings, faults = counts["warning"], counts["fault"]
    return (
        f"{counts['ok']} ok, {warnings} {'warning' if warnings == 1 else 'warnings'}, "
        f"{faults} {'fault' if faults == 1 else 'faults'}, {counts['not checked']} not checked"
    )


def _counts(found: Examination) -> dict[str, int]:
    return {state.value: sum(check.state is state for check in found.checks) for state in State}


def as_json(found: Examination, *, version: str, vantage: str, trunk: str) -> str:
    """Return the same for machines."""
    value = {
        "schema": SCHEMA,
        "version": version,
        "vantage": vantage,
        "trunk": trunk or None,
        "counts": {name.replace(" ", "_"): count for name, count in _counts(found).items()},
        "checks": [
            {
                "of": of,
                "topic": check.topic,
                "state": check.state.value.replace(" ", "_"),
                "says": plain(check.says, _LONGEST),
                "remedy": check.remedy or None,
            }
            for of, checks in (("machine", found.machine), ("trunk", found.trunk))
            for check in checks
        ],
    }
    return json.dumps(value, indent=2, ensure_ascii=False)
