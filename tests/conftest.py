"""What holds for every test: one that needs a real peer may skip at a desk, never in CI.

There, a failed test is run once more; what passed then stands in the summary with its failure.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no fault of the code under test; pytest's own timeout bounds each test.
settings.register_profile("sipprobe", deadline=None)
settings.load_profile("sipprobe")

PEER_FOLDERS = tuple(Path(__file__).parent / name for name in ("peers", "faults", "hostile"))
"""Folders whose test files may not skip themselves as a whole in CI."""


FIRST = "test_fault_lab.py"
"""Takes minutes and keeps several programs busy by itself: beside it go tests of one process."""

LONG = (
    "test_fleet_of_sites.py",
    *("test_scenario_library.py", "test_cases.py", "test_explain_other_captures.py"),
    *("test_parsers.py", "test_run_unreachable.py", "test_kill_campaign.py", "test_serve.py"),
    *("test_run_servers.py", "test_campaign.py", "test_good_calls.py", "test_pbx_scenarios.py"),
    *("test_monitoring_recipe.py", "test_media_figures.py", "test_site.py", "test_cli_surface.py"),
    *("test_run_observed.py", "test_engine_size.py", "test_engine_secure.py", "test_recipes.py"),
    *("test_asterisk_calls.py", "test_run_rails.py", "test_run_answers.py", "test_pages_run.py"),
    *("test_run_broken_off.py", "test_run_no_room.py", "test_run_history.py", "test_local.py"),
)
"""Files of more than ten seconds, the longest first: one that begins last is waited for."""


SECOND_PASS = "SIPPROBE_TEST_ENGINE"
"""Environment variable: the engine made for probing is installed. Then no test that is
marked `engine` may be skipped in CI. Without it they may, because tests/run runs them again."""

LACKING = "the installed pjsua2"
"""How the reason of such a skip begins."""


def in_ci() -> bool:
    """Say whether the environment claims to be CI (``CI=true``, as CI services set it)."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


@pytest.hookimpl(trylast=True)  # pytest-randomly has shuffled them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hand out files so that parallel workers end together; within a group chance decides."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: _turn(item.path))


def _turn(file: Path) -> int:
    """Return when a file is handed out: small numbers first."""
    if file.name == FIRST:
        return 0
    if file.name in LONG:
        return 2 + LONG.index(file.name)
    return 1 if {"unit", "golden"} & set(file.parts) else 2 + len(LONG)


@pytest.fixture(autouse=True)
def _engine_that_can(request: pytest.FixtureRequest) -> None:
    """Skip a test that is marked `engine` where the installed pjsua2 lacks what it names.

    The mark names fields of `Capabilities` with the least value that is enough, or True.
    """
    mark = request.node.get_closest_marker("engine")
    if mark is None:
        return
    from probe.executor.engine import capabilities_of_engine  # noqa: PLC0415 - a process, once

    able = capabilities_of_engine()
    if able is None:
        pytest.skip(f"{LACKING} does not load")
    lacks = [
        f"{field} is {found!r}, not {least!r}"
        for field, least in mark.kwargs.items()
        if not _is_enough(found := getattr(able, field), least)
    ]
    if lacks:
        pytest.skip(f"{LACKING} {able.version} is not the engine made for probing: {lacks[0]}")


def _is_enough(found: object, least: object) -> bool:
    if isinstance(found, tuple):  # codecs
        return str(least).lower() in {str(one).lower() for one in found}
    if isinstance(found, int) and isinstance(least, int):
        return found >= least
    return found == least


def _may_skip(item: pytest.Item, reason: str) -> bool:
    """Whether CI passes over a skipped test: it is run with the better engine afterwards."""
    first_pass = os.environ.get(SECOND_PASS, "") == ""
    return first_pass and item.get_closest_marker("engine") is not None and LACKING in reason


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped peer test into a failure in CI: there, a missing peer is a broken build."""
    report = yield
    expected_to_fail = hasattr(report, "wasxfail")
    needed = item.get_closest_marker("peer") or item.get_closest_marker("engine")
    unasked = report.skipped and not expected_to_fail and in_ci() and needed
    if unasked and not _may_skip(item, _reason(report)):
        report.outcome = "failed"
        report.longrepr = f"a peer test may not be skipped in CI: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a file of peer tests that skips itself as a whole."""
    report = yield
    if report.skipped and in_ci() and any(f in collector.path.parents for f in PEER_FOLDERS):
        report.outcome = "failed"
        report.longrepr = f"peer tests may not be skipped in CI: {_reason(report)}"
    return report


@pytest.hookimpl(trylast=True)  # behind the table of coverage
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why the tests failed that passed when they were run again (pytest-rerunfailures)."""
    stats = terminalreporter.stats
    lost = {report.nodeid for kind in ("failed", "error") for report in stats.get(kind, ())}
    flaky = [report for report in stats.get("rerun", ()) if report.nodeid not in lost]
    if not flaky:
        return
    terminalreporter.section("flaky: failed, and passed when run again", yellow=True)
    for report in flaky:
        terminalreporter.write_sep("_", f"{report.nodeid} ({report.when})")
        terminalreporter.write_line(report.longreprtext)
        for name, text in report.sections:
            terminalreporter.write_sep("-", name)
            terminalreporter.write_line(text)
    for report in flaky:
        words = report.longreprtext.strip().splitlines() or [""]
        told = next((line[2:].strip() for line in words if line.startswith("E ")), words[-1])
        terminalreporter.write_line(f"FLAKY {report.nodeid} - {told}", yellow=True)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the sentence with which a test skipped itself."""
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
