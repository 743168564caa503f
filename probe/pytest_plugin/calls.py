"""The ``sipprobe`` fixture: calls, registrations and scenarios from a test in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from msgspec import Struct

from probe.executor.crew import EngineMissingError
from probe.pytest_plugin.items import failure_text
from probe.pytest_plugin.runs import Runs, problems_text, told
from probe.report.model import Finding, RunReport
from probe.results import ResultsError
from probe.scenario.loader import SUFFIX, find_scenario
from probe.scenario.source import ScenarioError
from probe.verdict.verdict import Outcome


class Result(Struct, frozen=True, kw_only=True):
    """What came of a call or a registration."""

    finding: Finding
    "What was found of it, as in a report."

    report: RunReport
    "The whole run, with the registrations before a call."

    @property
    def responses(self) -> str:
        """The status codes that came, without challenges that were answered: ``100 180 200``."""
        return " ".join(str(one.status) for one in self.finding.last.trace.responses())

    @property
    def met(self) -> bool:
        """Whether it was what was expected: of a call without ``expect`` that it is answered."""
        return self.finding.last.verdict.outcome is Outcome.MET

    def __str__(self) -> str:
        return told(self.report, passes=True)


class _Dumper(yaml.SafeDumper):
    """Writes nothing as a scenario file has it: ``register:`` without a word behind it."""


_Dumper.add_representer(
    type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "")
)


class Sipprobe:
    """What a test gets by the name ``sipprobe``."""

    def __init__(
        self, *, runs: Runs, item: pytest.Item, agents: Mapping[str, object], folder: Path
    ) -> None:
        """Take what carries scenarios out, the test, its agents, and a folder for texts."""
        self._runs, self._item, self._agents, self._folder = runs, item, agents, folder
        self._number = 0

    def call(
        self, to: str, *, from_: str | None = None, at: str | None = None, **keys: object
    ) -> Result:
        """Place a call and return what came; agents that take part register first.

        ``keys`` are those of a ``call`` step, e.g. ``answer_after="1s"``, ``expect="180 200"``.
        With ``expect`` the test fails where it was not met; without it the test judges.
        """
        agents = list(dict.fromkeys(name for name in (from_, at) if name))
        step: dict[str, object] = {"call": to}
        step |= {key: name for key, name in (("from", from_), ("at", at)) if name}
        before: list[dict[str, object]] = [{"register": agents}] if agents else []
        return self._one([*before, {**step, **keys}], strict="expect" in keys)

    def register(self, agent: str | None = None, **keys: object) -> Result:
        """Register an agent, or the trunk's own account, and return what came."""
        return self._one([{"register": agent, **keys}], strict="expect" in keys)

    def run(self, scenario: str | Path) -> tuple[Finding, ...]:
        """Run a scenario and return its findings, whatever they say.

        ``scenario`` is a path, a name as ``sipprobe run`` takes it, or, where it has more than one
        line, the text of a scenario file. Could it not be tested, the test fails.
        """
        if isinstance(scenario, str) and "\n" in scenario:
            path = self._written(scenario)
        elif isinstance(scenario, Path):
            path = scenario
        else:
            with _told_in_our_words():
                path = find_scenario(scenario, start=self._item.config.rootpath)
        report = self._carried_out(path)
        if report.counts()["inconclusive"] and not report.counts()["not_met"]:
            pytest.fail(failure_text(report), pytrace=False)
        self._show(report)
        return tuple(report.findings)

    def _one(self, steps: list[dict[str, object]], *, strict: bool) -> Result:
        """Run the steps, of which the last one is asked about."""
        expect = steps[-1].get("expect")
        if isinstance(expect, str | int):
            steps[-1]["expect"] = {"responses": str(expect)}
        scenario: dict[str, object] = {"agents": dict(self._agents)} if self._agents else {}
        scenario["steps"] = steps
        report = self._carried_out(
            self._written(yaml.dump(scenario, Dumper=_Dumper, sort_keys=False))
        )
        *before, last = report.findings
        judged = [*before, last] if strict else before
        untested = last.last.verdict.outcome is Outcome.INCONCLUSIVE
        if untested or any(one.last.verdict.outcome is not Outcome.MET for one in judged):
            pytest.fail(failure_text(report), pytrace=False)
        self._show(report)
        return Result(finding=last, report=report)

    def _written(self, text: str) -> Path:
        """Write a scenario beside the test's other temporary files."""
        self._number += 1
        name = "".join(sign if sign.isalnum() else "-" for sign in self._item.name)[:60]
        path = self._folder / f"{name}-{self._number}{SUFFIX}"
        path.write_text(text, encoding="utf-8")
        return path

    def _carried_out(self, path: Path) -> RunReport:
        with _told_in_our_words():
            scenarios, known = self._runs.read(path, near=self._item.path.parent)
            return self._runs.carry_out(scenarios, known)

    def _show(self, report: RunReport) -> None:
        """Let pytest show a report where the test fails later on."""
        self._item.add_report_section("call", "sipprobe", told(report, passes=True))


@contextmanager
def _told_in_our_words() -> Iterator[None]:
    """Fail the test with the text of a problem and no traceback."""
    try:
        yield
    except ScenarioError as error:
        raise pytest.fail.Exception(problems_text(error), pytrace=False) from None
    except (EngineMissingError, ResultsError) as error:
        raise pytest.fail.Exception(f"could not test: {error}", pytrace=False) from None
