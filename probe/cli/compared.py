"""Runs as they are compared: read from where they are stored, or taken from the one just made."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probe.cli.exits import Exit
from probe.cli.stored_run import run_meant
from probe.comparison.compare import ASPECTS
from probe.comparison.headers import without_ports
from probe.comparison.model import Comparison, Key, Kind, Side
from probe.comparison.observe import Sample, observe
from probe.comparison.told import as_json, as_markdown, as_text
from probe.plan.repeats import without_count
from probe.report.text import plain
from probe.scenario.source import nearest

if TYPE_CHECKING:
    from probe.report.model import RunReport
    from probe.trace.trace import Trace


def stored(subject: str, results: Path) -> Side:
    """Return a stored run; raise click.ClickException where there is none that can be read.

    A subject is a run as `explain` takes it, or a file that `--report json=FILE` wrote.
    """
    from probe.results import ResultsError, load, load_report, load_traces  # noqa: PLC0415 - heavy

    file = Path(subject)
    scenario, step = None, None
    traces: tuple[tuple[Trace, ...], ...] = ()
    try:
        if file.is_file() and file.name not in {"report.json", "findings.jsonl"}:
            report = load_report(file)
        else:
            folder, scenario, step = _folder(subject, results)
            report = load(folder)
            if (folder / "trace.json").is_file() or not (folder / "report.json").is_file():
                traces = load_traces(folder)
        whole = bool(report["run"].get("complete", True)) and not report["run"]["interrupted"]
        found = report["findings"]
        if traces and len(traces) != len(found):
            raise click.ClickException(
                f"{plain(subject)} holds the traces of {len(traces)} steps, not of {len(found)}"
            )
        pairs = zip(found, traces or ((),) * len(found), strict=True)
        chosen = (
            (told, tries[-1] if tries else None)
            for told, tries in pairs
            if step in {None, told["step"]} and scenario in {None, *_names(told)}
        )
        side = Side(run=str(report["run"]["id"]), samples=_grouped(chosen), whole=whole)
    except ResultsError as error:
        raise click.ClickException(str(error)) from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise click.ClickException(f"{plain(subject)} is not a whole report") from None
    if not side.samples:
        raise click.ClickException(f"{plain(subject)} holds nothing to compare")
    return side


def _folder(subject: str, results: Path) -> tuple[Path, str | None, int | None]:
    """Return folder, scenario and step; raise click.ClickException."""
    meant = run_meant(subject, results)
    if meant is None:
        raise click.ClickException(
            f"there is no run {plain(subject)}\n  look into {results}/, write `last` for the "
            "newest run, or name a file that --report json=FILE wrote"
        )
    return meant


def just_made(report: "RunReport") -> Side:
    """Return the run that has just ended."""
    from probe.report.json_report import finding_to_json  # noqa: PLC0415 - heavy

    pairs = ((finding_to_json(one), one.last.trace) for one in report.findings)
    whole = report.complete and not report.interrupted
    return Side(run=report.run_id, samples=_grouped(pairs), whole=whole)


def only(side: Side, scenarios: Iterable[str]) -> Side:
    """Return the part of a run that is about some scenarios."""
    wanted = {without_count(name) for name in scenarios}
    return Side(
        run=side.run,
        samples={key: found for key, found in side.samples.items() if key.scenario in wanted},
        whole=side.whole,
    )


def _names(told: dict[str, Any]) -> set[str | None]:
    """Return the names by which the scenario of a finding may be chosen."""
    name = str(told["scenario"])
    return {name, without_count(name), (told.get("row") or {}).get("story")}


def _grouped(pairs: "Iterable[tuple[dict[str, Any], Trace | None]]") -> dict[Key, list[Sample]]:
    """Return the samples of each step, repeats together."""
    found: dict[Key, list[Sample]] = {}
    for told, trace in pairs:
        scenario = without_count(str(told["scenario"]))
        key = Key(
            scenario=scenario,
            story=str((told.get("row") or {}).get("story") or scenario),
            step=int(told["step"]),
            attempt=without_ports(str(told["attempt"])),
        )
        found.setdefault(key, []).append(observe(told, trace))
    return found


def ignored(words: tuple[str, ...]) -> frozenset[str]:
    """Return what --ignore leaves out, from words and lists with commas; raise UsageError."""
    wanted = [part.strip().lower() for word in words for part in word.split(",") if part.strip()]
    for part in wanted:
        aspect = part.partition(".")[0]
        if aspect not in ASPECTS:
            near = nearest(aspect, list(ASPECTS))
            hint = f"did you mean '{near}'?" if near else f"it takes {', '.join(ASPECTS)}"
            raise click.UsageError(f"--ignore cannot leave out '{plain(part)}': {hint}")
    return frozenset(wanted)


def shown(comparison: Comparison, form: str, *, color: bool) -> str:
    """Return a comparison as text, json or markdown."""
    if form == "json":
        return json.dumps(as_json(comparison), indent=2)
    return as_markdown(comparison) if form == "markdown" else as_text(comparison, color=color)


def exit_of(comparison: Comparison) -> Exit:
    """Return what a comparison says to the shell."""
    if comparison.count(Kind.REGRESSION):
        return Exit.NOT_MET
    return Exit.UNTESTED if comparison.count(Kind.UNTESTED) else Exit.MET
