"""``sipprobe init --observe``: places one call and writes the scenario from what happened."""

import contextlib
import os
import platform
import shlex
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from probe.cli.embedded import faults_of, notes_on, profile_of
from probe.cli.exits import Exit, exit_for
from probe.cli.init_files import SCENARIOS, Desk, shown
from probe.cli.orderly import engine_missing, interruptible, journals

if TYPE_CHECKING:  # the heavy rooms load while the worker starts
    from probe.cli.init_flags import InitFlags
    from probe.drafting.draft import TrunkDraft
    from probe.drafting.observed import ObservedScenario
    from probe.executor.local import LocalExecutor
    from probe.plan.plan import Plan
    from probe.report.model import RunReport
    from probe.results import RunFolder
    from probe.scenario.schema import Settings
    from probe.simulator.trunk import EmbeddedTrunk

_ASKING = Path("--observe")
"""What stands for a file while there is none: problems of the call are the command's."""


class _Order(Struct, frozen=True, kw_only=True):
    """One call that is to be observed."""

    target: str
    "Number or URI, as typed."

    trunk: str
    "The profile that places it."

    registers: bool
    "Whether the account registers first."

    file: Path
    "The scenario file that will be written."

    name: str
    "Its name."


def observe(target: str, asked: "InitFlags") -> int:
    """Place the call, write the scenario; return the exit status."""
    from probe.executor.local import LocalExecutor  # noqa: PLC0415 - only here

    desk = Desk.here(asked)
    executor = LocalExecutor()
    try:
        with contextlib.ExitStack() as until_end:
            order, known = _ordered(target, asked, desk)
            trunk = _embedded(order, until_end)
            executor.warm_up()
            plan = _plan(order, asked, known, trunk)
            return _carried_out(order, asked, desk, plan, executor, trunk)
    finally:
        executor.close()


def _ordered(target: str, asked: "InitFlags", desk: Desk) -> "tuple[_Order, Settings]":
    """Say who calls what, and where it will be written; nothing is sent yet."""
    from probe.drafting.observed import scenario_name  # noqa: PLC0415 - the models load here
    from probe.scenario.schema import EMBEDDED, PASSWORD_KEYS  # noqa: PLC0415 - as above

    name = asked.scenario or scenario_name(target)
    file = desk.scenario_file(name)
    known = desk.known()
    trunk = asked.trunk or _only_trunk(target, asked, known)
    if trunk is None:
        draft = _drafted(target, asked)
        desk.name_is_free(draft.name)
        if desk.old is not None and not desk.force:
            raise click.ClickException(
                f"{shown(desk.settings)} has no trunk for this call\n"
                "  --trunk NAME places it through one of its trunks;"
                f" --force adds a trunk '{draft.name}' to it, and a copy is kept"
            )
        desk.add(draft)
        trunk, known = draft.name, desk.known(for_a_call=True)
    registers = True
    if trunk != EMBEDDED:
        profile = known.profile(trunk)
        has_password = any(getattr(profile, key) is not None for key in PASSWORD_KEYS)
        registers = profile.registers and has_password
    return _Order(target=target, trunk=trunk, registers=registers, file=file, name=name), known


def _only_trunk(target: str, asked: "InitFlags", known: "Settings") -> str | None:
    """Return the trunk that must be meant, or None where the URI itself says enough."""
    from probe.plan.accounts import address_of  # noqa: PLC0415 - as above

    address = address_of(target)
    names = [*known.trunks, *known.unresolved]
    if address is not None or asked.uri is not None:
        hosts = {n: address_of(p.uri or "") for n, p in known.trunks.items()}
        same = [n for n, a in hosts.items() if address and a and a.host == address.host]
        return same[0] if len(same) == 1 and asked.uri is None else None
    if len(names) == 1:
        return names[0]
    raise click.UsageError(
        "--trunk is missing: which account places the call? There are: "
        + ", ".join([*names, "embedded"])
    )


def _drafted(target: str, asked: "InitFlags") -> "TrunkDraft":
    """Return a trunk for a URI that nobody has a profile for: no password, nothing registered."""
    from msgspec.structs import replace  # noqa: PLC0415 - only here

    from probe.cli.init_questions import Questions, called_user  # noqa: PLC0415 - as above
    from probe.plan.accounts import address_of  # noqa: PLC0415 - as above

    address = address_of(target)
    if asked.uri is None and address is not None:
        at = f"{address.scheme}:{asked.user or 'sipprobe'}@{address.hostport}{address.suffix}"
        where = asked.password_from or "none"
        asked = replace(asked, uri=at, user=None, password_from=where, transport=None, yes=True)
    draft = Questions(asked).trunk()
    return replace(draft, allow_to=asked.allow_to or called_user(target, draft))


def _embedded(order: _Order, until_end: contextlib.ExitStack) -> "EmbeddedTrunk | None":
    """Start the embedded trunk where it is meant."""
    from probe.scenario.schema import EMBEDDED  # noqa: PLC0415 - as above

    if order.trunk != EMBEDDED:
        return None
    from probe.simulator.trunk import EmbeddedTrunk  # noqa: PLC0415 - only where it is wanted

    return until_end.enter_context(EmbeddedTrunk())


def _plan(
    order: _Order, asked: "InitFlags", known: "Settings", trunk: "EmbeddedTrunk | None"
) -> "Plan":
    """Return the plan of the one call; raise ScenarioError without a place in any file."""
    from msgspec.structs import replace  # noqa: PLC0415 - only here

    from probe import __version__  # noqa: PLC0415 - as above
    from probe.drafting.observed import asking  # noqa: PLC0415 - as above
    from probe.executor.engine import capabilities_of_engine  # noqa: PLC0415 - as above
    from probe.plan.caps import too_many_calls  # noqa: PLC0415 - as above
    from probe.plan.resolve import resolve  # noqa: PLC0415 - as above
    from probe.plan.secrets import Passwords  # noqa: PLC0415 - as above
    from probe.scenario.loader import load_scenario  # noqa: PLC0415 - as above
    from probe.scenario.source import NOWHERE, ScenarioError  # noqa: PLC0415 - as above

    text = asking(
        order.target, trunk=order.trunk, registers=order.registers, within=asked.answer_within
    )
    try:
        read = load_scenario(_ASKING, variables={}, environ={}, written=text.encode("utf-8"))
        plan = resolve(
            replace(read, id=order.name),
            known,
            embedded=profile_of(trunk) if trunk else None,
            engine=capabilities_of_engine,
            user_agent=f"sipprobe/{__version__}",
            passwords=Passwords(),
        )
    except ScenarioError as error:
        raise ScenarioError(
            replace(p, source=NOWHERE) if p.source.file == str(_ASKING) else p
            for p in error.problems
        ) from None
    problems = too_many_calls([plan])
    if problems:
        raise ScenarioError(problems)
    return replace(plan, file="", attempts=tuple(replace(a, source=NOWHERE) for a in plan.attempts))


def _carried_out(  # noqa: PLR0913, PLR0917 - what is called, and what carries it out
    order: _Order,
    asked: "InitFlags",
    desk: Desk,
    plan: "Plan",
    executor: "LocalExecutor",
    trunk: "EmbeddedTrunk | None",
) -> int:
    """Place the call with its folder ready, and write what it came to."""
    from probe.executor.crew import EngineMissingError  # noqa: PLC0415 - as above
    from probe.results import ResultsError, RunFolder, run_id  # noqa: PLC0415 - as above

    now = datetime.now(timezone.utc)
    identity = run_id(now, f"observe-{order.name}")
    folder: RunFolder | None = None
    try:
        if asked.store:
            folder = RunFolder.prepare(asked.results, identity)
            identity = folder.run_id
        report = _report(plan, executor, trunk, folder, identity, now)
    except ResultsError as error:
        raise click.ClickException(f"{error}\n  use --results FOLDER or --no-store") from None
    except EngineMissingError as error:
        if folder is not None:
            folder.discard()
        return engine_missing(error)
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    return _written(order, asked, desk, report)


def _report(  # noqa: PLR0913, PLR0917 - a run and its circumstances
    plan: "Plan",
    executor: "LocalExecutor",
    trunk: "EmbeddedTrunk | None",
    folder: "RunFolder | None",
    identity: str,
    now: datetime,
) -> "RunReport":
    """Carry the plan out, and store the run."""
    from msgspec.structs import replace  # noqa: PLC0415 - only here

    from probe import runner  # noqa: PLC0415 - as above
    from probe.cli.keeping import Keeper  # noqa: PLC0415 - as above
    from probe.cli.progress import Progress, way_to_show  # noqa: PLC0415 - as above

    began = time.monotonic()
    setting = runner.Setting(
        run_id=identity, started_at=now, vantage=platform.node(), notes=notes_on(trunk)
    )
    keeper = Keeper(folder, (plan,), hidden=(), shown=lambda report: report)
    try:
        with (
            Progress((plan,), shown=way_to_show(quiet=False)) as progress,
            interruptible(executor, before=progress.erases()),
        ):
            executor.journals = journals(folder, identity)
            executor.on_begin(progress.begins)
            report = runner.run(
                (plan,),
                executor,
                setting,
                elapsed=lambda: time.monotonic() - began,
                told=keeper.told,
                kept=keeper.room(),
            )
    except runner.RunBrokenError as error:
        keeper.whole(error.report)
        raise error.cause from None
    if trunk is not None and trunk.failures:
        report = replace(report, notes=(*report.notes, *faults_of(trunk)))
    keeper.whole(report)
    return replace(report, folder=shown(folder.path) if folder else None)


def _written(order: _Order, asked: "InitFlags", desk: Desk, report: "RunReport") -> int:
    """Write the scenario, or say why there is nothing to write."""
    from probe.drafting.observed import NothingToExpectError  # noqa: PLC0415 - as above

    if report.interrupted:
        return _nothing(report, "the run was interrupted", asked)
    try:
        scenario = _drafted_scenario(order, asked, desk, report)
    except NothingToExpectError as error:
        return _nothing(report, str(error), asked)
    desk.write_scenario(order.name, scenario.text)
    click.echo(f"{order.target} {scenario.told}")
    desk.tell()
    if scenario.as_seen:
        click.echo("what was seen meets it")
    else:
        click.echo("it rings shorter than this call did, and then cancels: run it to see")
    click.echo(f"\nNext:\n  sipprobe run {order.name}")
    return Exit.MET


def _drafted_scenario(
    order: _Order, asked: "InitFlags", desk: Desk, report: "RunReport"
) -> "ObservedScenario":
    """Return the scenario for what was seen, held against it; raise NothingToExpectError."""
    from probe import __version__  # noqa: PLC0415 - as above
    from probe.drafting.checking import check_scenario  # noqa: PLC0415 - as above
    from probe.drafting.observed import (  # noqa: PLC0415 - as above
        NothingToExpectError,
        Occasion,
        Seen,
        observed_scenario,
    )
    from probe.verdict.judge import judge  # noqa: PLC0415 - as above
    from probe.verdict.verdict import Outcome  # noqa: PLC0415 - as above

    seen = [
        Seen(attempt=finding.attempt, trace=finding.last.trace, verdict=finding.last.verdict)
        for finding in report.findings
    ]
    if not seen or seen[-1].attempt.method != "INVITE":
        raise NothingToExpectError("no call was placed")
    command = f"sipprobe init --observe {shlex.quote(order.target)}"
    scenario = observed_scenario(
        seen[0] if len(seen) > 1 else None,
        seen[-1],
        order.target,
        Occasion(
            command=command + (f" --trunk {asked.trunk}" if asked.trunk else ""),
            version=__version__,
            at=report.started_at,
            trunk=order.trunk,
            folder=report.folder,
        ),
    )
    plan = check_scenario(SCENARIOS / order.file.name, scenario.text, desk.known(), os.environ)
    for one, attempt in zip(seen, plan.attempts, strict=True):
        if one is seen[-1] and not scenario.as_seen:
            continue
        verdict = judge(attempt.expectation, one.trace, attempt.source)
        if verdict.outcome is not Outcome.MET:
            raise NothingToExpectError(verdict.mismatches[0].message)
    return scenario


def _nothing(report: "RunReport", why: str, asked: "InitFlags") -> int:
    """Show what happened, as a run shows it, but for the scenario that is not there."""
    from msgspec.structs import replace  # noqa: PLC0415 - only here

    from probe.cli import inputs  # noqa: PLC0415 - as above
    from probe.report.formats import rendered  # noqa: PLC0415 - as above

    color = inputs.wants_color(asked.color, sys.stdout.isatty())
    findings = tuple(
        replace(finding, attempt=replace(finding.attempt, account=None))
        for finding in report.findings
    )
    told = replace(report, findings=findings, folder=None, notes=())
    text = rendered(told, "text", color=color, width=100, verbosity=0)
    click.echo(text, nl=not text.endswith("\n"), color=color)
    if report.folder:
        click.echo(f"all messages: {report.folder}/", err=True)
    click.echo(f"nothing was written: {why}", err=True)
    status = exit_for(report.counts(), interrupted=report.interrupted)
    return Exit.NOT_MET if status is Exit.MET else status
