"""Scenario files as tests: an item a scenario, or a row of its table."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.executor.crew import EngineMissingError
from probe.pytest_plugin.runs import Runs, problems_text, told
from probe.report.model import RunReport
from probe.report.text import plain
from probe.results import ResultsError
from probe.scenario.schema import Scenario, Settings
from probe.scenario.source import ScenarioError

SPOKEN_FOR = frozenset(
    {
        *("filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail"),
        *("flaky", "repeat", "timeout", "xdist_group"),
    }
)
"""Marks by which pytest and its plugins act, so that no tag may become one."""

_MARK = re.compile(r"[^\W_][\w.+-]*")
"""Tags that can be marks: pytest takes no leading underscore and ends a name at ``:`` or ``(``."""


class NotMetError(Exception):
    """A scenario was not met, or could not be tested; the text is its report."""


class ScenarioFile(pytest.File):
    """A ``*.sip.yaml`` file."""

    def __init__(self, *, runs: Runs, **kwargs: object) -> None:
        """Take what carries its scenarios out."""
        super().__init__(**kwargs)  # type: ignore[arg-type]  # what pytest hands through
        self._runs = runs

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item a scenario; raise CollectError with every problem of the file."""
        try:
            scenarios, known = self._runs.read(self.path)
        except ScenarioError as error:
            raise self.CollectError(problems_text(error)) from None
        except EngineMissingError as error:
            raise self.CollectError(f"could not test: {error}") from None
        for scenario in scenarios:
            yield ScenarioItem.from_parent(
                self, name=scenario.id, scenario=scenario, known=known, runs=self._runs
            )


class ScenarioItem(pytest.Item):
    """One scenario."""

    def __init__(
        self, *, scenario: Scenario, known: Settings, runs: Runs, **kwargs: object
    ) -> None:
        """Take the scenario, the settings it was read with, and what carries it out."""
        super().__init__(**kwargs)  # type: ignore[arg-type]  # what pytest hands through
        self._scenario, self._known, self._runs = scenario, known, runs
        self.extra_keyword_matches |= {scenario.name, *scenario.tags}
        for tag in scenario.tags:
            if tag not in SPOKEN_FOR and _MARK.fullmatch(tag):
                line = f"{tag}: a tag of scenario files"
                if line not in self.config.getini("markers"):
                    self.config.addinivalue_line("markers", line)
                self.add_marker(tag)

    def runtest(self) -> None:
        """Carry the scenario out; raise NotMetError with its report."""
        try:
            report = self._runs.carry_out([self._scenario], self._known)
        except ScenarioError as error:
            raise NotMetError(problems_text(error)) from None
        except (EngineMissingError, ResultsError) as error:
            raise NotMetError(f"could not test: {plain(str(error), None)}") from None
        if report.counts()["met"] < max(1, len(report.findings)):
            raise NotMetError(failure_text(report))
        self.add_report_section("call", "sipprobe", told(report, passes=True))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """Return the report of what was not met; a traceback only of an error of ours."""
        if isinstance(excinfo.value, NotMetError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))  # type: ignore[arg-type]  # pytest's own

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return where the scenario stands."""
        return Path(self.path), 0, self.name


def failure_text(report: RunReport) -> str:
    """Return the report of a run that was not met; the first line says where nothing was tested."""
    if report.counts()["not_met"]:
        return told(report)
    untested = "could not test: what follows says nothing about the trunk or PBX"
    return f"{untested}\n{told(report)}"
