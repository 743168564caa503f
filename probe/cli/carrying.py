"""Carries a run of ``serve`` out, as ``sipprobe run`` would, and sums up what it came to."""

import contextlib
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path

import click
from msgspec.structs import replace

from probe import __version__, runner
from probe.cli.embedded import faults_of, notes_on, profile_of, started
from probe.cli.keeping import Keeper
from probe.cli.orderly import journals
from probe.cli.report_runs import merged, stored_run
from probe.cli.serving import Served, Story, costs
from probe.controls.inquiry import Inquiry as Controls
from probe.executor.crew import EngineMissingError
from probe.executor.engine import capabilities_of_engine
from probe.executor.local import LocalExecutor
from probe.history import History
from probe.monitor.conduct import CannotRunError, Ticket
from probe.monitor.result import Measured, Result, nothing_tried, result_of
from probe.monitor.store import Store, StoredRun
from probe.plan.plan import Attempt, Plan
from probe.plan.resolve import resolve
from probe.plan.secrets import Passwords
from probe.report.html.document import written_html
from probe.report.json_report import to_json
from probe.report.measures import BUILD_INFO, of_run, of_step
from probe.report.model import Finding, RunReport
from probe.report.terminal import render_finding
from probe.results import JOURNAL, REPORT, ResultsError, RunFolder, run_id, worth_hiding
from probe.scenario.source import ScenarioError
from probe.sip.redact import MARK
from probe.trace.control import Control
from probe.trace.trace import MessageSent, Trace

WIDTH = 100
"""Columns of what is shown of findings."""

MOST_BLOCKS = 30
"""Findings that were not met of which that is kept beside the run's folder."""

LONGEST_BLOCK = 40_000
"""Characters of that; the folder has the rest."""

LOOK_AGAIN_S = 3600.0
"""Distance of two looks at a trunk's certificate."""


class Carrier:
    """Carries runs out; may be called from several threads at a time."""

    def __init__(self, served: Served, results: Path) -> None:
        """Take the configuration and the folder of the runs' folders."""
        self.served = served
        "The configuration in use; it may be replaced while runs are under way."
        self._results = results
        self._certificates: dict[str, tuple[float, float | None]] = {}

    def __call__(self, ticket: Ticket) -> Result:
        """Carry one run out; raise CannotRunError."""
        story = self.served.stories.get(ticket.check.key)
        if story is None:
            raise CannotRunError("it is no longer in the configuration")
        if ticket.stopper.stopped:
            raise CannotRunError("its time was over before its turn came")
        executor = LocalExecutor()
        try:
            executor.warm_up()
            ticket.stopper.attach(executor.interrupt)
            with contextlib.ExitStack() as until_end:
                return self._carry(ticket, story, executor, until_end)
        except ScenarioError as error:
            raise CannotRunError("; ".join(p.message for p in error.problems)) from error
        except (ResultsError, EngineMissingError) as error:
            raise CannotRunError(str(error)) from error
        finally:
            executor.close()

    def _carry(
        self,
        ticket: Ticket,
        story: Story,
        executor: LocalExecutor,
        until_end: contextlib.ExitStack,
    ) -> Result:
        """Plan, make the folder, run, store, sum up."""
        began, now = time.monotonic(), datetime.now(timezone.utc)
        trunk = started(story.scenarios, story.settings, story.trunk, until_end)
        passwords = Passwords()
        plans = tuple(
            _in_time(
                resolve(
                    scenario,
                    story.settings,
                    trunk=story.trunk,
                    embedded=profile_of(trunk) if trunk else None,
                    engine=capabilities_of_engine,
                    user_agent=f"sipprobe/{__version__}",
                    passwords=passwords,
                ),
                ticket.timeout,
            )
            for scenario in story.scenarios
        )
        name = f"{ticket.check.module}-{ticket.check.target}"
        folder = RunFolder.prepare(self._results, run_id(now, name))
        try:
            ticket.begins(folder.run_id)
        except CannotRunError:
            folder.discard()
            raise
        keeper = Keeper(folder, plans, hidden=(), shown=lambda report: report)
        setting = runner.Setting(
            run_id=folder.run_id,
            started_at=now,
            vantage=platform.node(),
            notes=notes_on(trunk),
        )
        executor.journals = journals(folder, folder.run_id)
        executor.on_begin(lambda attempt, number: ticket.say(_begins(attempt, number)))
        executor.on_again(runner.wants_another_try)
        try:
            report = runner.run(
                plans,
                executor,
                setting,
                inquiry=runner.Inquiry(
                    ask=Controls().ask, remember=History(self._results).last_good
                ),
                elapsed=lambda: time.monotonic() - began,
                told=keeper.told,
                kept=keeper.room(),
            )
        except runner.RunBrokenError as error:
            report = error.report
            ticket.say(f"an error of sipprobe itself ended it: {error}")
        if trunk is not None and trunk.failures:
            report = replace(report, notes=(*report.notes, *faults_of(trunk)))
        try:
            keeper.whole(report)
        except ResultsError as error:  # what the calls showed is not lost for a full disk
            ticket.say(str(error))
        ends = None if report.interrupted else self._certificate_ends(plans)
        report = replace(report, folder=str(folder.path))
        result = summed_up(report, certificate_ends=ends)
        secrets = {secret for plan in plans for secret in runner.secrets_of(plan)}
        public = {name for plan in plans for name in runner.public_of(plan)}
        result = _without(result, worth_hiding(secrets, public))
        if not report.complete:  # what was placed when it broke has no finding
            result = replace(result, calls=max(result.calls, ticket.check.calls))
        ticket.say(f"ended: {result.outcome}")
        return result

    def _certificate_ends(self, plans: tuple[Plan, ...]) -> float | None:
        """Return when the first certificate of the trunks ends, asked for once an hour."""
        found: list[float] = []
        for attempt in (attempt for plan in plans for attempt in plan.attempts):
            account = attempt.account
            if account is None or account.embedded or account.transport != "TLS":
                continue
            at, ends = self._certificates.get(account.registrar, (-LOOK_AGAIN_S, None))
            if time.monotonic() - at >= LOOK_AGAIN_S:
                ends = _certificate_of(attempt)
                self._certificates[account.registrar] = (time.monotonic(), ends)
            if ends is not None:
                found.append(ends)
        return min(found, default=None)

    def page(self, run: str) -> Iterable[str] | None:
        """Return the HTML report of a stored run, or None where there is none."""
        folder = self._results / run
        if not (folder / REPORT).is_file() and not (folder / JOURNAL).is_file():
            return None
        try:
            return written_html(merged([stored_run(folder)]))
        except click.ClickException:
            return None

    def forget(self, runs: Iterable[str]) -> None:
        """Remove the folders of runs that are no longer kept."""
        for run in runs:
            shutil.rmtree(self._results / run, ignore_errors=True)

    def recover(self, store: Store, told: Callable[[str], None]) -> None:
        """Bring the runs to their end that an earlier process left; raise StoreError.

        One whose report is whole was only not committed: it is now. Another was interrupted, and
        keeps what was judged until then.
        """
        for run in store.unfinished():
            if run.state == "waiting":
                store.withdraw(run.number)
                continue
            result, state = self._left(run)
            store.finish(run.number, result, state=state)
            words = "its report was whole" if state == "finished" else "it was interrupted"
            told(f"{run.module} at {run.target}: run {run.run_id} of an earlier process: {words}")

    def _left(self, run: StoredRun) -> tuple[Result, str]:
        """Return what is left of a run, and the state that it ends in."""
        try:
            report = merged([stored_run(self._results / run.run_id)])
        except click.ClickException:
            gone = replace(nothing_tried("sipprobe ended while it was under way"), calls=run.calls)
            return gone, "interrupted"
        whole = report.complete and not report.interrupted
        result = summed_up(report)
        if not whole:  # a call that was not judged was placed all the same
            result = replace(result, calls=run.calls, interrupted=True)
        return result, "finished" if whole else "interrupted"


def summed_up(report: RunReport, *, certificate_ends: float | None = None) -> Result:
    """Return what is kept of a report."""
    measured: list[Measured] = [
        (sample.measure.name, sample.labels, float(sample.value))
        for sample in of_run(report)
        if sample.measure != BUILD_INFO
    ]
    blocks: list[str] = []
    calls = 0
    for finding in report.findings:
        measured += (
            (sample.measure.name, sample.labels, float(sample.value)) for sample in of_step(finding)
        )
        calls += _calls(finding)
        if finding.last.verdict.outcome.value != "MET" and len(blocks) < MOST_BLOCKS:
            block = render_finding(finding, color=False, width=WIDTH, folder=report.folder)
            blocks.append(block.rstrip("\n"))
    return result_of(
        to_json(report),
        calls=calls,
        measured=tuple(measured),
        block="\n".join(blocks)[:LONGEST_BLOCK],
        certificate_ends=certificate_ends,
    )


def _calls(finding: Finding) -> int:
    """Return how many calls left for a finding."""
    if not costs(finding.attempt):
        return 0
    return sum(any(isinstance(e, MessageSent) for e in one.trace.events) for one in finding.tries)


def _in_time(plan: Plan, timeout: float | None) -> Plan:
    """Return a plan that ends within a time."""
    return plan if timeout is None else replace(plan, timeout=min(plan.timeout, timeout))


def _begins(attempt: Attempt, number: int) -> str:
    again = "" if number == 1 else f", try {number}"
    return f"step {attempt.step}: {attempt.label}{again}"


def _certificate_of(attempt: Attempt) -> float | None:
    """Return when the certificate ends that is shown to an attempt's account."""
    trace = Trace(
        attempt=attempt.label, method=attempt.method, agent="",
        started_at=datetime.now(timezone.utc), began=0.0, ended=0.0, events=(),
    )  # fmt: skip
    for ran in Controls().ask(Control.TLS, attempt, trace):
        with contextlib.suppress(ValueError):
            ends = (ran.fact("not_after") or "").replace("Z", "+00:00")
            return datetime.fromisoformat(ends).timestamp()
    return None


def _without(result: Result, secrets: Iterable[str]) -> Result:
    """Return a result in whose texts no secret stands, whoever put it there."""
    wanted = tuple(secrets)
    text = result.to_json()
    if not any(secret in text or json.dumps(secret)[1:-1] in text for secret in wanted):
        return result

    def hidden(words: str) -> str:
        for secret in wanted:
            words = words.replace(secret, MARK)
        return words

    return replace(
        result,
        block=hidden(result.block),
        steps=tuple(
            replace(
                step,
                scenario=hidden(step.scenario),
                attempt=hidden(step.attempt),
                summary=hidden(step.summary),
            )
            for step in result.steps
        ),
        measured=tuple(
            (name, tuple(map(hidden, labels)), value) for name, labels, value in result.measured
        ),
    )
