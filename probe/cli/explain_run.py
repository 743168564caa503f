"""Says again why the steps of a stored run were not met.

Verdict and diagnosis are pure functions over a trace, so both are made anew with the rules of this
version, where the run holds the attempt with its expectation (probe/plan/store.py). Where it does
not, or where the stored trace gives another verdict than the full one gave on the day, the stored
explanation is shown, and it is said why.
"""

import json
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from probe.cli.exits import Exit
from probe.report.text import plain
from probe.scenario.source import nearest

if TYPE_CHECKING:
    from probe.history import History
    from probe.plan.plan import Attempt
    from probe.report.model import Finding
    from probe.trace.trace import Trace


class Wanted(Struct, frozen=True, kw_only=True):
    """Which steps of which run, and how they are shown."""

    folder: Path
    "The run's folder."

    scenario: str | None
    "Name of the scenario, with its row where it has one; None for all."

    step: int | None
    "Number of the step; None for all."

    everything: bool
    "Whether steps that were met are shown as well."

    form: str
    "text or json."

    width: int
    "Columns of the terminal."

    color: bool
    "Whether ANSI colours are written."


class _Retold(Struct, frozen=True, kw_only=True):
    """One finding, and where its explanation comes from."""

    finding: "Finding"
    "What is shown."

    told: dict[str, Any]
    "The finding as report.json has it, or would have it today."

    stored_because: str
    "Why the stored explanation is shown; empty where it was made anew."


def explain_run(wanted: Wanted) -> int:
    """Print why the wanted steps were not met; raise click.ClickException for a damaged run."""
    from probe.results import REPORT, ResultsError, load  # noqa: PLC0415 - only for stored runs

    try:
        report = load(wanted.folder)
        retold = _retold(wanted, report["findings"])
        if wanted.form == "json":
            text = _as_json(wanted, report, _chosen(wanted, retold))
        else:
            text = _as_text(wanted, str(report["run"]["versions"].get("sipprobe")), retold)
    except ResultsError as error:
        raise click.ClickException(str(error)) from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise click.ClickException(f"{wanted.folder / REPORT} is not a whole report") from None
    click.echo(text, color=wanted.color)
    return Exit.MET


def _chosen(wanted: Wanted, retold: list[_Retold]) -> list[_Retold]:
    """Return what is shown; raise click.ClickException where nothing was judged."""
    if wanted.step is None:
        if not retold:
            raise click.ClickException(f"{wanted.folder} holds nothing to judge")
        return [one for one in retold if wanted.everything or one.told["outcome"] != "MET"]
    chosen = [one for one in retold if one.finding.attempt.step == wanted.step]
    if not chosen:
        there = sorted({one.finding.attempt.step for one in retold})
        steps = ", ".join(map(str, there)) or "none"
        raise click.ClickException(
            f"{wanted.folder} has no step {wanted.step} to judge\n  steps that were judged: {steps}"
        )
    return chosen


def _of_scenario(wanted: Wanted, findings: list[dict[str, Any]]) -> set[int]:
    """Return the places of a scenario's findings: of one row, or of all rows; of None all."""
    names = [{one["scenario"], (one.get("row") or {}).get("story")} for one in findings]
    if wanted.scenario is None:
        return set(range(len(findings)))
    chosen = {place for place, known in enumerate(names) if wanted.scenario in known}
    if not chosen:
        near = nearest(wanted.scenario, sorted(set().union(*names) - {None}))
        hint = f"did you mean '{plain(near)}'?" if near else "scenarios are named as in its report"
        raise click.ClickException(
            f"{wanted.folder} holds no scenario {plain(wanted.scenario)}\n  {hint}"
        )
    return chosen


def _as_json(wanted: Wanted, report: dict[str, Any], chosen: list[_Retold]) -> str:
    """Return the report with the chosen findings, as report.json has them."""
    notes = [*report["run"]["notes"], *_where_from(wanted, chosen)]
    run = {**report["run"], "notes": list(dict.fromkeys(notes))}
    shown = {**report, "run": run, "findings": [one.told for one in chosen]}
    return json.dumps(shown, indent=2, ensure_ascii=True)


def _as_text(wanted: Wanted, version: str, retold: list[_Retold]) -> str:
    """Return each block as the report of the run has it."""
    from probe import __version__  # noqa: PLC0415 - only for stored runs
    from probe.report.terminal import render_finding  # noqa: PLC0415 - only for stored runs

    chosen = _chosen(wanted, retold)
    lines = [f"note: {note}" for note in _where_from(wanted, chosen)]
    if any(not one.stored_because and one.told["outcome"] != "MET" for one in chosen):
        made = "" if version == __version__ else f"; {plain(version)} made the run"
        lines.insert(0, f"Explained anew from the trace, by the rules of {__version__}{made}.")
    if lines:
        lines.append("")
    for one in chosen:
        lines.append(
            render_finding(
                one.finding, color=wanted.color, width=wanted.width, folder=str(wanted.folder)
            )
        )
        if one.told["outcome"] == "MET":
            lines.append("      Everything that was expected came.")
    met = sum(one.told["outcome"] == "MET" for one in retold)
    if wanted.step is None and met and not wanted.everything:
        rest = "1 step was met" if met == 1 else f"{met} steps were met"
        words = rest if chosen else "Every step was met"
        lines.append(f"{words}; `--all` shows what came.")
    return "\n".join(lines).rstrip("\n")


def _where_from(wanted: Wanted, chosen: list[_Retold]) -> list[str]:
    """Return in words which explanations are those of the day, and why."""
    reasons: dict[str, list[int]] = {}
    for one in chosen:
        if one.stored_because and one.told["outcome"] != "MET":
            reasons.setdefault(one.stored_because, []).append(one.finding.attempt.step)
    return [
        f"the stored explanation is shown of step {', '.join(map(str, steps))} of "
        f"{plain(wanted.folder.name)}: {plain(reason, None)}"
        for reason, steps in reasons.items()
    ]


def _retold(wanted: Wanted, findings: list[dict[str, Any]]) -> list[_Retold]:
    """Return the findings of the wanted scenario, explained anew where that is possible."""
    from probe.history import History  # noqa: PLC0415 - as above
    from probe.results import ResultsError, load_attempts, load_traces  # noqa: PLC0415 - as above

    folder, chosen = wanted.folder, _of_scenario(wanted, findings)
    history = History(folder.resolve().parent, before=folder.resolve().name)
    broken = ""
    traces: tuple[tuple[Trace, ...], ...] = ()
    attempts: tuple[Attempt | str, ...] = ()
    try:
        traces, attempts = load_traces(folder), load_attempts(folder)
    except ResultsError as error:
        broken = str(error)
    if not broken and len(traces) != len(findings):
        broken = f"the traces in {folder} are those of {len(traces)} steps, not {len(findings)}"
    if broken:
        traces, attempts = (), ()
    pairs = zip_longest(findings, traces, attempts)
    return [
        _one(told, tries or (), attempt or broken, history)
        for place, (told, tries, attempt) in enumerate(pairs)
        if place in chosen
    ]


def _one(
    told: dict[str, Any], tries: "tuple[Trace, ...]", attempt: "Attempt | str", history: "History"
) -> _Retold:
    """Return one finding; the verdict of the day stands."""
    from probe.diagnosis.diagnose import diagnose  # noqa: PLC0415 - the rules are heavy
    from probe.plan.plan import Attempt  # noqa: PLC0415 - as above
    from probe.report.json_report import finding_to_json  # noqa: PLC0415 - as above
    from probe.report.model import Finding, Try  # noqa: PLC0415 - as above
    from probe.report.read_back import finding_from_json  # noqa: PLC0415 - as above
    from probe.verdict.judge import judge  # noqa: PLC0415 - as above
    from probe.verdict.verdict import Outcome  # noqa: PLC0415 - as above

    known = attempt if isinstance(attempt, Attempt) and tries else None
    stored = finding_from_json(told, tries or (_nothing(told),), known)
    if known is None:
        why = attempt if isinstance(attempt, str) else "its trace is empty"
        return _Retold(finding=stored, told=told, stored_because=why)
    trace = tries[-1]
    verdict = judge(known.expectation, trace, known.source)
    if verdict.outcome.value != told["outcome"]:
        why = (
            f"judged anew, the stored trace, which holds no secrets, gives {verdict.outcome.value} "
            f"and not {told['outcome']}"
        )
        return _Retold(finding=stored, told=told, stored_because=why)
    explanation = None
    if verdict.outcome is not Outcome.MET:
        before = history.last_good(stored.scenario, known)
        explanation = diagnose(known, trace, verdict, before)
    finding = Finding(
        scenario=stored.scenario,
        title=stored.title,
        file=stored.file,
        row=stored.row,
        attempt=known,
        tries=(
            *stored.tries[:-1],
            Try(trace=trace, verdict=verdict, explanation=explanation),
        ),
    )
    anew: dict[str, Any] = finding_to_json(finding)
    return _Retold(finding=finding, told=anew, stored_because="")


def _nothing(told: dict[str, Any]) -> "Trace":
    """Return the trace of a finding whose own is lost."""
    from datetime import datetime, timezone  # noqa: PLC0415 - rare

    from probe.trace.trace import Trace  # noqa: PLC0415 - as above

    return Trace(
        attempt=str(told["attempt"]),
        method=str(told["method"] or ""),
        agent="",
        started_at=datetime.fromtimestamp(0, timezone.utc),
        began=0.0,
        ended=0.0,
        events=(),
    )
