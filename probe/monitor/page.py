"""The status page: no script at all, one style that is allowed by its hash, everything escaped.

Times are told as they are when the page is asked for; it does not reload itself, which would take
the reader's place away (WCAG 2.2.2).
"""

import base64
import hashlib
import platform
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup
from msgspec import Struct

from probe import __version__
from probe.monitor.check import Check
from probe.monitor.monitor import Monitor
from probe.monitor.result import OUTCOMES
from probe.monitor.store import StoredRun, StoreError
from probe.report.text import plain

MOST_BARS = 60
"""Runs of a history."""

MOST_RUNS = 15
"""Runs of a check that are listed."""

LONGEST_BLOCK = 20_000
"""Characters of the findings of one run that are shown; its report has the rest."""

_BAR_WIDTH, _BAR_HEIGHT = 4, 20
_HEIGHTS = {"met": 7, "inconclusive": 13, "not_met": 20}
"""A bar's height says what its colour says."""

_WORDS = {"met": "met", "not_met": "not met", "inconclusive": "inconclusive"}


class _Bar(Struct, frozen=True, kw_only=True):
    """One run of a history."""

    x: int
    y: int
    height: int
    kind: str


class _Line(Struct, frozen=True, kw_only=True):
    """One run of a list."""

    at: str
    outcome: str
    kind: str
    took: str
    started_by: str
    why: str
    link: str


class _Row(Struct, frozen=True, kw_only=True):
    """One check as the page shows it."""

    anchor: str
    module: str
    target: str
    kind: str
    state: str
    since: str
    last: str
    took: str
    next: str
    bars: tuple[_Bar, ...]
    told: str
    runs: tuple[_Line, ...]
    failure: _Line | None
    block: str
    cut: bool


def status_page(monitor: Monitor, title: str) -> bytes:
    """Return the page."""
    now = time.time()
    trouble, rows = "", list[_Row]()
    try:
        rows = [_row(monitor, number, check, now) for number, check in _numbered(monitor)]
        calls = monitor.calls_today()
    except StoreError as error:
        trouble, calls = plain(str(error), 1000), 0
    unmet = sum(row.kind == "not_met" for row in rows)
    unknown = sum(
        row.kind == "inconclusive" or (row.kind == "none" and check.interval is not None)
        for row, check in zip(rows, monitor.rules.checks, strict=False)
    )
    kind, words = ("not_met", f"{unmet} of {len(rows)} not met") if unmet else ("met", "all met")
    if not unmet and (unknown or not rows):
        kind, words = "inconclusive", f"{unknown} of {len(rows)} not known"
    page = _template().render(
        style=Markup(_style()),  # noqa: S704 - our own file
        title=plain(title), host=plain(platform.node()), version=__version__,
        kind=kind, words=words, ready=monitor.ready, now=_moment(now),
        loaded=_moment(monitor.reloads.at), wrong=plain_lines(monitor.reloads.trouble),
        trouble=trouble, rows=rows, calls=calls, most=monitor.rules.calls_per_day,
    )  # fmt: skip
    return page.encode("utf-8", "replace")


@cache
def policy() -> str:
    """Return the page's Content-Security-Policy."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none';"
        " frame-ancestors 'none'; require-trusted-types-for 'script'"
    )


def plain_lines(text: str) -> str:
    """Return lines without control and direction characters, cut to a bound."""
    shown = text[:LONGEST_BLOCK]
    return "\n".join(plain(line, None) for line in shown.split("\n"))


def _numbered(monitor: Monitor) -> Sequence[tuple[int, Check]]:
    return tuple(enumerate(monitor.rules.checks, 1))


def _row(monitor: Monitor, number: int, check: Check, now: float) -> _Row:
    """Return what is shown of a check; raise StoreError."""
    recent = monitor.store.recent(check.key, MOST_BARS)
    last = monitor.store.last(check.key)
    since = monitor.store.same_since(check.key)
    failed = monitor.store.last_unmet(check.key)
    result = failed.result if failed is not None else None
    block = result.block if result is not None else ""
    outcome = (last.outcome or "") if last is not None else ""
    counts = [f"{sum(run.outcome == word for run in recent)} {_WORDS[word]}" for word in OUTCOMES]
    return _Row(
        anchor=f"check-{number}",
        module=plain(check.module),
        target=plain(check.target),
        kind=outcome or "none",
        state=_WORDS.get(outcome, "not run yet"),
        since="" if since is None else _duration(max(0.0, now - since)),
        last="" if last is None or last.ended is None else _ago(now - last.ended),
        took="" if last is None or last.result is None else f"{last.result.duration_s:.1f} s",
        next=_next(monitor, check),
        bars=tuple(_bars(recent)),
        told=f"last {'run' if len(recent) == 1 else f'{len(recent)} runs'}: {', '.join(counts)}",
        runs=tuple(_line(run) for run in recent[:MOST_RUNS]),
        failure=None if failed is None else _line(failed),
        block=plain_lines(block),
        cut=len(block) > LONGEST_BLOCK,
    )


def _bars(recent: Sequence[StoredRun]) -> list[_Bar]:
    """Return the history, the oldest at the left."""
    bars = []
    for place, run in enumerate(reversed(recent)):
        kind = run.outcome or "none"
        height = _HEIGHTS.get(kind, 3)
        bars.append(
            _Bar(x=place * (_BAR_WIDTH + 1), y=_BAR_HEIGHT - height, height=height, kind=kind)
        )
    return bars


def _line(run: StoredRun) -> _Line:
    result = run.result
    why = ""
    if result is not None and run.outcome != "met":
        why = result.trouble or next((s.summary for s in result.steps if s.outcome != "met"), "")
    return _Line(
        at=_moment(run.ended or run.began),
        outcome=_WORDS.get(run.outcome or "", run.state),
        kind=run.outcome or "none",
        took="" if result is None else f"{result.duration_s:.1f} s",
        started_by=run.started_by,
        why=plain(why, 300),
        link=f"/runs/{run.run_id}/report.html" if run.run_id and run.state != "broken" else "",
    )


def _next(monitor: Monitor, check: Check) -> str:
    if check.key in monitor.active():
        return "under way"
    until = monitor.until(check.key)
    return "when /probe asks" if until is None else f"in {_duration(until)}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _ago(seconds: float) -> str:
    return f"{_duration(max(0.0, seconds))} ago"


def _duration(seconds: float) -> str:
    """Return a duration in one unit: nobody reads the seconds of a day."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_resource("status.html.j2"))


@cache
def _style() -> str:
    return _resource("status.css")


def _resource(name: str) -> str:
    return (files("probe.monitor") / name).read_text(encoding="utf-8")
