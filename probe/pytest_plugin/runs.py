"""Carries scenarios out for pytest, one run each, with the engine and the report of ``run``."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from probe import __version__, runner
from probe.cli.embedded import faults_of, notes_on, profile_of, stand_in, started
from probe.cli.keeping import Keeper
from probe.cli.orderly import interruptible, journals
from probe.controls.inquiry import Inquiry as Controls
from probe.executor.engine import capabilities_of_engine
from probe.executor.local import LocalExecutor
from probe.history import History
from probe.plan.caps import too_many_calls
from probe.plan.resolve import resolve
from probe.plan.secrets import Passwords
from probe.report.model import RunReport
from probe.report.terminal import render_finding
from probe.report.text import plain
from probe.results import RunFolder, run_id
from probe.scenario.loader import find_settings, load_many, load_settings
from probe.scenario.schema import Scenario, Settings
from probe.scenario.source import ScenarioError
from probe.verdict.verdict import Outcome

WIDTH = 100
"""Columns of a report."""


class Runs(Struct, kw_only=True):
    """One for each process of pytest; worker processes rest between the scenarios."""

    results: Path
    "Folder of the runs' folders."

    trunk: str | None
    "Trunk profile over what scenarios say, or None."

    variables: Mapping[str, str]
    "Those of the command and the configuration."

    _executor: LocalExecutor | None = None
    _passwords: Passwords = field(default_factory=Passwords)

    def read(self, path: Path, near: Path | None = None) -> tuple[tuple[Scenario, ...], Settings]:
        """Read a scenario file and the sipprobe.yaml that is nearest to it, or to ``near``.

        Raise ScenarioError with every problem, those that only a plan shows included.
        """
        config = find_settings(near or path.parent, os.environ)
        known = (
            Settings()
            if config is None
            else load_settings(config, variables=self.variables, environ=os.environ)
        )
        scenarios = load_many(
            [path], variables=self.variables, environ=os.environ, defaults=known.vars
        )
        for scenario in scenarios:
            resolve(
                scenario,
                known,
                trunk=self.trunk,
                embedded=stand_in(),
                engine=capabilities_of_engine,
            )
        return scenarios, known

    def carry_out(self, scenarios: Sequence[Scenario], known: Settings) -> RunReport:
        """Run scenarios as one run with a folder of its own, on a built-in trunk of their own.

        Raise ScenarioError, ResultsError, EngineMissingError, RunBrokenError; KeyboardInterrupt
        after an orderly end where the user ended it.
        """
        began, now = time.monotonic(), datetime.now(timezone.utc)
        executor = self._executor = self._executor or LocalExecutor()
        with contextlib.ExitStack() as until_end:
            trunk = started(tuple(scenarios), known, self.trunk, until_end)
            plans = tuple(
                resolve(
                    scenario,
                    known,
                    trunk=self.trunk,
                    embedded=profile_of(trunk) if trunk else None,
                    engine=capabilities_of_engine,
                    user_agent=f"sipprobe/{__version__}",
                    passwords=self._passwords,
                )
                for scenario in scenarios
            )
            if problems := too_many_calls(plans):
                raise ScenarioError(problems)
            name = plans[0].scenario if len(plans) == 1 else scenarios[0].id.partition("[")[0]
            folder = RunFolder.prepare(self.results, run_id(now, name))
            keeper = Keeper(folder, plans, hidden=(), shown=lambda report: report)
            setting = runner.Setting(
                run_id=folder.run_id,
                started_at=now,
                vantage=platform.node(),
                notes=notes_on(trunk),
            )
            executor.journals = journals(folder, folder.run_id)
            executor.on_again(runner.wants_another_try)
            ours = threading.current_thread() is threading.main_thread()
            with interruptible(executor) if ours else contextlib.nullcontext():
                report = runner.run(
                    plans,
                    executor,
                    setting,
                    inquiry=runner.Inquiry(
                        ask=Controls().ask, remember=History(self.results).last_good
                    ),
                    elapsed=lambda: time.monotonic() - began,
                    told=keeper.told,
                    kept=keeper.room(),
                )
            if trunk is not None and trunk.failures:
                report = replace(report, notes=(*report.notes, *faults_of(trunk)))
            keeper.whole(report)
        if report.interrupted:
            raise KeyboardInterrupt
        return replace(report, folder=_near(folder.path))

    def close(self) -> None:
        """End the worker processes."""
        if self._executor is not None:
            self._executor.close()
            self._executor = None


def told(report: RunReport, *, passes: bool = False) -> str:
    """Return the blocks of a report that were not met, or all, then its notes."""
    lines: list[str] = []
    for finding in report.findings:
        if passes or finding.last.verdict.outcome is not Outcome.MET:
            text = render_finding(finding, color=False, width=WIDTH, folder=report.folder)
            lines.append(text.rstrip("\n"))
    return "\n".join((*lines, *(f"note: {plain(note, 500)}" for note in report.notes)))


def problems_text(error: ScenarioError) -> str:
    """Return every problem with its line, as ``run`` shows it, with pytest's name of the flag."""
    return error.render().replace("give it with --var ", "give it with --sipprobe-var ")


def _near(path: Path) -> str:
    """Return a path relative to here where it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
