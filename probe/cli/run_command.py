"""``sipprobe run``: execute scenarios and say what happened."""

import contextlib
import gc
import platform
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from msgspec import Struct
from msgspec.structs import replace

from probe.cli.baseline import Baseline
from probe.cli.completing import runs
from probe.cli.embedded import faults_of, notes_on, profile_of, stand_in, started
from probe.cli.exits import Exit
from probe.cli.hiding import Hiding
from probe.cli.jobs import Jobs, executor_for
from probe.cli.orderly import engine_missing, interruptible, journals
from probe.cli.otlp_sending import must_be_there
from probe.cli.run_reports import FORMATS, checked, tell
from probe.cli.selection import Selection, selection_flags

if TYPE_CHECKING:  # the heavy rooms load while the first worker starts
    from probe.cli.fleet_run import FleetUse
    from probe.cli.progress import Progress
    from probe.controls.inquiry import Inquiry as Controls
    from probe.diagnosis.history import Before
    from probe.executor.local import LocalExecutor
    from probe.fleet.fleet import Fleet
    from probe.history import History
    from probe.inquest import Ask
    from probe.plan.plan import Attempt, Plan
    from probe.report.model import Finding, RunReport
    from probe.runner import Each, Executor, Inquiry, Setting
    from probe.scenario.schema import Scenario, Settings
    from probe.simulator.trunk import EmbeddedTrunk
    from probe.trace.control import Control, ControlRan
    from probe.trace.trace import Trace

PLUGIN_DEADLINE_S = 50.0
"""Of a plugin: monitoring systems kill theirs after a minute, and hanging up takes a while."""

SHARE = 0.9
"""Part of the deadline of a run that one scenario may take."""


class Options(Struct, frozen=True, kw_only=True):
    """The flags of ``run`` beside its selection."""

    form: str
    reports: tuple[str, ...]
    results: Path
    store: bool
    timeout: float | None
    deadline: float | None
    jobs: int
    cps: float | None
    exitfirst: bool
    dry_run: bool
    verbosity: int
    quiet: bool
    color: str | None
    redact: str
    controls: str
    repeat: int
    baseline: str | None
    fleet: str | None
    at_site: str | None

    def within(self, own: float) -> float:
        """Return the seconds that a scenario may take whose file says how many.

        It is to end before the run has to: then silence is the trunk's, and no interruption.
        """
        wanted = own if self.timeout is None else self.timeout
        return wanted if self.deadline is None else min(wanted, SHARE * self.deadline)


@click.command(name="run")
@selection_flags
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", metavar="FORMAT",
    help=f"What goes to stdout: {', '.join(FORMATS)}.  [default: text]",
)  # fmt: skip
@click.option(
    "--report", "reports", multiple=True, metavar="FORMAT=FILE",
    help="Write a report beside it: html=FILE, junit=FILE, … May be repeated.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
    show_default=True, help="Folder for the run's own folder.",
)  # fmt: skip
@click.option("--no-store", "store", flag_value=False, default=True, help="Write no run folder.")
@click.option("--timeout", metavar="DURATION", help="Deadline of each scenario, over its own.")
@click.option(
    "--deadline", metavar="DURATION",
    help="End the whole run in order after so long; 50s with --format nagios.",
)  # fmt: skip
@click.option(
    "-j", "--jobs", type=Jobs(), default="1", metavar="N", show_default=True,
    help="Carry out N scenarios or rows at a time; auto: what engine, caps and processors allow.",
)  # fmt: skip
@click.option(
    "--cps", type=click.FloatRange(0, 10_000, min_open=True), metavar="N",
    help="Begin at most N calls a second, over all; a slower pace of the trunk profile holds.",
)  # fmt: skip
@click.option("-x", "--exitfirst", is_flag=True, help="Stop after the first scenario not met.")
@click.option("--dry-run", is_flag=True, help="Show what would be tried; send nothing.")
@click.option("-v", "verbosity", count=True, help="-v: ladders of passes too; -vv: all messages.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing where everything was met.")
@click.option(
    "--redact", type=click.Choice(["secrets", "strict"]), default="secrets", show_default=True,
    help="strict: numbers, addresses and host names are replaced by others, too.",
)  # fmt: skip
@click.option(
    "--controls", type=click.Choice(["none", "free", "paid"]), default="free", show_default=True,
    help="What may be asked after a failure; paid: also further calls, which may cost money.",
)  # fmt: skip
@click.option("--no-controls", "controls", flag_value="none", help="Ask nothing after a failure.")
@click.option(
    "--repeat", type=click.IntRange(1, 1000), default=1, metavar="N",
    help="Carry out each scenario N times.",
)  # fmt: skip
@click.option(
    "--baseline", metavar="RUN", shell_complete=runs,
    help="Compare with that stored run afterwards; a regression is status 1.",
)  # fmt: skip
@click.option(
    "--fleet", metavar="ADDRESS",
    help="Have sites carry it out: tcp:// or tls:// address of a dask scheduler.",
)  # fmt: skip
@click.option("--at-site", metavar="NAME", help="Site of all that names none; with --fleet.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Default: auto.")
def command(**flags: Any) -> int:  # noqa: ANN401 - click hands over what the flags declare
    """Execute scenarios and say what happened.

    A NAME stands for scenarios/NAME.sip.yaml; a folder for all scenarios in it; nothing for those
    of ./scenarios. `sipprobe run trunk-check` needs no server and no account.

    Exit status: 0 met, 1 not met, 2 usage or invalid file, 3 could not test, 5 nothing selected,
    130 interrupted.
    """
    selection = Selection.taken_from(flags)
    flags["reports"] = checked(flags["reports"])
    if flags["form"] == "otlp":
        must_be_there()
    flags["timeout"] = _seconds("--timeout", flags["timeout"])
    flags["deadline"] = _seconds("--deadline", flags["deadline"])
    if flags["form"] == "nagios" and flags["deadline"] is None:
        flags["deadline"] = PLUGIN_DEADLINE_S
    if flags["form"] == "html" and sys.stdout.isatty():
        raise click.UsageError("a page is not for a terminal: use --report html=report.html")
    options = Options(**flags)
    if options.baseline is not None and options.redact == "strict":
        raise click.UsageError(
            "--baseline needs --redact secrets: a strict run hides the same names behind "
            "others than the run before"
        )
    if options.baseline is not None and options.form == "nagios":
        raise click.UsageError("--baseline is no state of a service: use --format text")
    began = time.monotonic()
    if options.fleet is not None:
        if options.jobs != 1:
            raise click.UsageError("-j is for this machine: at a site --nthreads of its worker is")
        from probe.cli.fleet_run import FleetUse  # noqa: PLC0415 - only with a fleet

        return _run(selection, options, FleetUse(options.fleet), began, None)
    from probe.executor.process import WorkerProcess  # noqa: PLC0415 - light: all else may wait

    spares = () if options.dry_run else (WorkerProcess(forks=True),)
    executor, each = executor_for(options.jobs, options.cps, spares)
    try:
        return _run(selection, options, executor, began, each)
    finally:
        executor.close()


def _run(
    selection: Selection,
    options: Options,
    executor: "LocalExecutor | FleetUse",
    began: float,
    each: "Each | None",
) -> int:
    """Read, select, resolve, carry out, report."""
    from probe.cli import inputs  # noqa: PLC0415 - the models load while the worker starts

    hiding = Hiding.chosen(options.redact, secrets=selection.hide)
    with (
        inputs.problems_end_the_command(
            color=inputs.stderr_color(options.color), hide=hiding.words
        ),
        contextlib.ExitStack() as until_end,
    ):
        use = None if options.fleet is None else cast("FleetUse", executor)
        scenarios, known = selection.read() if use is None else use.read(selection)
        trunk = None
        if use is None:
            trunk = started(scenarios, known, selection.trunk, until_end)
        hiding.learn_files(scenarios, known)
        plans = _plans(selection, options, scenarios, known, trunk)
        hiding.learn_plans(plans)
        if options.dry_run:
            return _show_plans(plans, hiding.words, sites=use is not None)
        baseline = Baseline.read(options.baseline, options.results, plans)
        does: LocalExecutor | Fleet = cast("LocalExecutor", executor)
        if use is not None:
            does = use.gathered(plans, selection, cps=options.cps, controls=options.controls)
            until_end.callback(does.close)
        return _carry_out(selection, options, plans, does, each, trunk, began, hiding, baseline)


def _plans(
    selection: Selection,
    options: Options,
    scenarios: "tuple[Scenario, ...]",
    known: "Settings",
    trunk: "EmbeddedTrunk | None",
) -> "tuple[Plan, ...]":
    """Resolve every scenario; raise ScenarioError with the problems of all of them."""
    from probe import __version__  # noqa: PLC0415 - see _run
    from probe.executor.engine import capabilities_of_engine  # noqa: PLC0415 - see _run
    from probe.plan.caps import too_many_calls  # noqa: PLC0415 - see _run
    from probe.plan.repeats import repeated  # noqa: PLC0415 - see _run
    from probe.plan.resolve import resolve  # noqa: PLC0415 - see _run
    from probe.plan.secrets import Passwords  # noqa: PLC0415 - see _run
    from probe.scenario.source import Problem, ScenarioError  # noqa: PLC0415 - see _run

    plans: list[Plan] = []
    problems: list[Problem] = []
    far = options.fleet is not None
    passwords = None if options.dry_run or far else Passwords()
    for scenario in scenarios:
        try:
            plan = resolve(
                scenario,
                known,
                trunk=selection.trunk,
                embedded=profile_of(trunk) if trunk else stand_in() if far else None,
                engine=capabilities_of_engine,
                user_agent=f"sipprobe/{__version__}",
                passwords=passwords,
                cps=options.cps,
                at_site=options.at_site,
                elsewhere=far,
            )
        except ScenarioError as error:
            problems += error.problems
        else:
            warnings = plan.warnings
            if plan.sites and not far:
                where = " and ".join(plan.sites)
                warnings += (f"at_site: {where} is for --fleet: this machine tried it",)
            timeout = options.within(plan.timeout)
            plans.append(replace(plan, timeout=timeout, warnings=warnings))
    carried_out = repeated(plans, options.repeat)
    problems += too_many_calls(carried_out)
    if problems:
        raise ScenarioError(problems)
    return carried_out


def _show_plans(plans: "tuple[Plan, ...]", hide: Callable[[str], str], *, sites: bool) -> int:
    """Print what would be tried, with ``sites`` also from where."""
    for plan in plans:
        click.echo(hide(f"{plan.scenario}: {plan.name}"))
        for attempt in plan.attempts:
            target = getattr(attempt.action, "target", None) or (
                attempt.account.registrar if attempt.account and attempt.method else ""
            )
            request = f"{attempt.method} {target}".strip()
            account = attempt.account
            site = f" at {account.site}" if sites and account and account.site else ""
            line = f"  {attempt.step}. {attempt.label}{site}"
            line += f"   {request}" if request else ""
            click.echo(hide(line))
    return Exit.MET


def _carry_out(  # noqa: PLR0913, PLR0917 - what was read, and what carries it out
    selection: Selection,
    options: Options,
    plans: "tuple[Plan, ...]",
    executor: "LocalExecutor | Fleet",
    each: "Each | None",
    trunk: "EmbeddedTrunk | None",
    began: float,
    hiding: Hiding,
    baseline: Baseline,
) -> int:
    """Run the plans with the folder ready before anything is dialled, then report."""
    from probe import runner  # noqa: PLC0415 - see _run
    from probe.cli.keeping import Keeper  # noqa: PLC0415 - see _run
    from probe.cli.progress import Progress, way_to_show  # noqa: PLC0415 - see _run
    from probe.executor.crew import EngineMissingError  # noqa: PLC0415 - see _run
    from probe.executor.priority import give_way  # noqa: PLC0415 - see _run
    from probe.results import ResultsError, RunFolder, run_id  # noqa: PLC0415 - see _run

    if trunk is None:  # the embedded one answers in this process, and in time
        give_way()
    now = datetime.now(timezone.utc)
    name = _folder_name(plans, strict=options.redact == "strict")
    identity = run_id(now, name)
    folder: RunFolder | None = None
    broken: Exception | None = None
    try:
        if options.store:
            folder = RunFolder.prepare(options.results, identity)
            identity = folder.run_id
        setting = runner.Setting(
            run_id=identity,
            started_at=now,
            vantage=platform.node(),
            notes=notes_on(trunk),
            secrets=selection.hidden(),
        )
        keeper = Keeper(folder, plans, hidden=selection.hidden(), shown=hiding.report)
        with (
            Progress(plans, shown=way_to_show(quiet=options.quiet), hide=hiding.words) as progress,
            interruptible(
                executor, _left(options.deadline, began), before=progress.erases()
            ) as ending,
        ):
            gc.freeze()  # what was read and loaded stays: no look for cycles need see it again
            executor.journals = journals(folder, identity)
            executor.on_begin(progress.begins)
            executor.on_again(runner.wants_another_try)
            report = _carrier(options, executor, each)(
                plans,
                setting,
                elapsed=lambda: time.monotonic() - began,
                found=_heard(options, executor, progress),
                told=keeper.told,
                kept=keeper.room(),
            )
        if ending.late:
            late = f"the deadline of {options.deadline:g} s passed before the run was over"
            report = replace(report, notes=(*report.notes, late))
    except runner.RunBrokenError as error:
        report, broken = error.report, error.cause
    except ResultsError as error:
        raise click.ClickException(f"{error}\n  use --results FOLDER or --no-store") from None
    except EngineMissingError as error:
        if folder is not None:
            folder.discard()
        return engine_missing(error)
    if trunk is not None and trunk.failures:
        report = replace(report, notes=(*report.notes, *faults_of(trunk)))
    report = hiding.report(report)
    faults: list[str] = []
    try:
        keeper.whole(report)
        report = replace(report, folder=_shown(folder.path) if folder else None)
    except ResultsError as error:
        faults.append(str(error))
    status = tell(report, options, faults, broken)
    return baseline.status(status, report, options, hide=hiding.words)


def _carrier(
    options: Options, executor: "LocalExecutor | Fleet", each: "Each | None"
) -> "Callable[..., RunReport]":
    """Return what carries plans out: the runner with this machine's executor, or a fleet."""
    if options.fleet is not None:
        return cast("Fleet", executor).run
    from probe.runner import run  # noqa: PLC0415 - see _run

    def here(plans: "tuple[Plan, ...]", setting: "Setting", **hearers: Any) -> "RunReport":  # noqa: ANN401
        local = cast("LocalExecutor", executor)
        asking = _inquiry(options, local, one_by_one=each is None)
        return run(plans, local, setting, inquiry=asking, each=each, **hearers)

    return here


def _folder_name(plans: "tuple[Plan, ...]", *, strict: bool) -> str:
    """Return what a run is called: the scenario, with its row where it is one that may be named."""
    from probe.plan.repeats import without_count  # noqa: PLC0415 - see _run

    stories = {plan.row.story if plan.row else without_count(plan.scenario) for plan in plans}
    if len(plans) == 1 and not strict:
        return plans[0].scenario
    return stories.pop() if len(stories) == 1 else f"{len(stories)}-scenarios"


def _inquiry(options: Options, executor: "LocalExecutor", *, one_by_one: bool) -> "Inquiry":
    """Return what may be asked after a failure; it loads when something has failed."""
    from probe.runner import Inquiry  # noqa: PLC0415 - see _run

    @cache
    def history() -> "History":
        from probe.history import History  # noqa: PLC0415 - a pass asks nothing

        return History(options.results)

    @cache
    def controls() -> "Controls":
        from probe.controls.inquiry import Inquiry as Controls  # noqa: PLC0415 - as above

        return Controls()

    def ask(control: "Control", attempt: "Attempt", trace: "Trace") -> "tuple[ControlRan, ...]":
        return controls().ask(control, attempt, trace)

    def remember(scenario: str, attempt: "Attempt") -> "Before | None":
        return history().last_good(scenario, attempt)

    if options.controls == "none":
        return Inquiry(remember=remember)
    call = _placing_calls if options.controls == "paid" else None
    return Inquiry(ask=ask if one_by_one else executor.beside(ask), call=call, remember=remember)


def _placing_calls(executor: "Executor", plan: "Plan") -> "Ask":
    """Return what places a call of a plan once more, changed in one thing."""
    from probe.controls.paid import Placed, place_again  # noqa: PLC0415 - only where allowed

    def place(changed: "Plan") -> Placed:
        done = executor.run(changed)
        return Placed(
            ran=tuple((ran.attempt, ran.tries[-1]) for ran in done.ran), alarms=done.alarms
        )

    return partial(place_again, plan=plan, place=place)


def _heard(
    options: Options, executor: "LocalExecutor | Fleet", progress: "Progress"
) -> "Callable[[Finding], None]":
    """Return what hears of each finding: it counts, and may end the run where that is wanted."""

    def found(finding: "Finding") -> None:
        progress.found(finding)
        if options.exitfirst and finding.last.verdict.outcome.value == "NOT_MET":
            executor.skip_the_rest()

    return found


def _shown(path: Path) -> str:
    """Return a path relative to here where that is shorter."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _left(deadline: float | None, began: float) -> float | None:
    """Return the seconds until the deadline of a run that began at a moment of the clock."""
    return None if deadline is None else deadline - (time.monotonic() - began)


def _seconds(flag: str, text: str | None) -> float | None:
    """Read a duration flag."""
    if text is None:
        return None
    from probe.scenario.values import some_duration  # noqa: PLC0415 - only where it is given

    try:
        return some_duration(text)
    except ValueError:
        raise click.UsageError(f"{flag} takes a duration such as 90s, got '{text}'") from None
