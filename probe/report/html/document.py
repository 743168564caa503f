"""The page put together: template, style and script of this folder, findings one by one."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import islice

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from probe.report.beside import Beside
from probe.report.html.finding import Entry, entry
from probe.report.json_report import iso_utc
from probe.report.model import RunReport
from probe.report.text import plain

_SCRIPTS = ("drawing.js", "ladder.js", "sound.js", "panels.js", "messages.js", "page.js")
"""In the order in which they stand in the page's one script."""

MOST_DATA = 60_000_000
"""Characters of all that is drawn on opening; findings beyond have their line alone."""

MOST_FINDINGS = 20_000
"""Lines of the list: a browser is slow with more."""


class Shard(Struct, frozen=True, kw_only=True):
    """One of the runs that a report was put together from."""

    run_id: str
    "Its id."

    started: str
    "When it began, RFC 3339."

    vantage: str
    "Host name of the machine."

    counts: dict[str, int]
    "How many were met, not met, inconclusive and flaky."

    folder: str
    "Its folder."

    findings: int
    "How many findings it has; they stand together, in the order of the shards."


def written_html(
    report: RunReport, shards: Sequence[Shard] = (), beside: Beside | None = None
) -> Iterator[str]:
    """Yield the text of the page; one finding is in memory at a time.

    ``shards`` name the runs where the report holds several; ``beside`` finds the last good run of a
    step that was not met.
    """
    style, script = _style(), _script()
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_resource("page.html.j2"))
    pieces = template.stream(
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=_policy(style, script),
        run_id=plain(report.run_id),
        started=iso_utc(report.started_at),
        duration=f"{report.duration_s:.1f} s",
        vantage=plain(report.vantage),
        targets=_targets(report),
        versions=[(plain(name), plain(version)) for name, version in report.versions],
        notes=[plain(note, 500) for note in report.notes],
        counts=report.counts(),
        total=len(report.findings),
        left_out=max(0, len(report.findings) - MOST_FINDINGS),
        verdict=_verdict(report),
        folder=plain(report.folder or "", None),
        shards=shards if len(shards) > 1 else (),
        entries=_entries(report, shards, beside),
    )
    pieces.enable_buffering(20)
    yield from pieces


def _entries(report: RunReport, shards: Sequence[Shard], beside: Beside | None) -> Iterator[Entry]:
    """Yield the findings in their order, each with the run that it comes from."""
    several = len(shards) > 1
    origins = [shard for shard in shards for _ in range(shard.findings)]
    room = MOST_DATA
    for place, finding in enumerate(islice(report.findings, MOST_FINDINGS)):
        shard = origins[place] if place < len(origins) else None
        told = entry(
            finding,
            run=shard.run_id if shard and several else "",
            folder=shard.folder if shard else report.folder or "",
            beside=beside,
        )
        room -= len(told.data)
        yield told if room >= 0 else replace(told, data="")


def _verdict(report: RunReport) -> tuple[str, str]:
    """Return class and words of what the whole report comes to."""
    counts = report.counts()
    if counts["not_met"]:
        return "fail", "Not met"
    if counts["inconclusive"]:
        return "inconclusive", "Inconclusive"
    if report.interrupted or not report.complete:
        return "inconclusive", "Not finished"
    return ("pass", "Met") if counts["met"] else ("inconclusive", "Nothing was tried")


def _targets(report: RunReport) -> list[str]:
    """Return the hosts that were asked, without repetition, at most eight."""
    hosts: dict[str, None] = {}
    for finding in report.findings:
        account = finding.attempt.account
        if account is not None:
            hosts[plain(f"{account.host} ({account.transport})", 120)] = None
        if len(hosts) > 8:
            break
    found = list(hosts)
    return [*found[:8], "…"] if len(found) > 8 else found


def _policy(style: str, script: str) -> str:
    """Return the content security policy: our style and script by their hashes, nothing else."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _style() -> str:
    """Return the page's style."""
    return _resource("page.css") + _resource("sound.css")


def _script() -> str:
    """Return the page's script; its names are its own."""
    parts = "\n".join(map(_resource, _SCRIPTS))
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _resource(name: str) -> str:
    """Return a file of this folder."""
    return (files(__package__) / name).read_text(encoding="utf-8")
