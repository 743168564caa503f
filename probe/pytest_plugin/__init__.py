"""sipprobe inside pytest: scenario files are tests, and tests in Python place calls.

pytest loads this module in every project of an environment, so it imports nothing of ours until a
scenario is collected or the fixture is asked for. A folder's scenarios are collected only where
the project asks for them: a call may cost money.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from probe.pytest_plugin.calls import Sipprobe
    from probe.pytest_plugin.runs import Runs

SUFFIX = ".sip.yaml"
"""How the names of scenario files end; spelt here too, so that nothing of ours is loaded."""

_RUNS = pytest.StashKey["Runs"]()
_LEFT = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each of which can be written in the configuration file, too."""
    group = parser.getgroup("sipprobe", "SIP calls (sipprobe)")
    group.addoption(
        "--sipprobe",
        action="store_true",
        default=False,
        help="Collect the *.sip.yaml files of folders; without it only those named one by one.",
    )
    group.addoption(
        "--sipprobe-trunk", metavar="NAME", help="Trunk profile, over what the scenarios say."
    )
    group.addoption(
        "--sipprobe-var",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="A variable of the scenarios; may be repeated.",
    )
    group.addoption(
        "--sipprobe-results",
        metavar="FOLDER",
        help="Folder for the folders of the runs; default: results, below the root folder.",
    )
    parser.addini(
        "sipprobe_collect",
        "Collect the *.sip.yaml files of folders, as --sipprobe does.",
        type="bool",
        default=False,
    )
    parser.addini("sipprobe_trunk", "Trunk profile, as --sipprobe-trunk.", default="")
    parser.addini("sipprobe_vars", "Variables, NAME=VALUE each.", type="linelist", default=[])
    parser.addini("sipprobe_results", "Folder of the runs' folders.", default="results")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a variable that is none before anything is collected."""
    for name, equals, _ in _variables(config):
        if not equals or not name.isidentifier():
            raise pytest.UsageError(f"--sipprobe-var takes NAME=VALUE, got '{name[:40]}'")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a scenario file that was named, or any where the project wants all."""
    if not file_path.name.endswith(SUFFIX):
        return None
    config = parent.config
    wanted = config.getoption("--sipprobe") or config.getini("sipprobe_collect")
    if not wanted and not parent.session.isinitpath(file_path):
        config.stash[_LEFT] = config.stash.get(_LEFT, 0) + 1
        return None
    from probe.pytest_plugin.items import ScenarioFile  # noqa: PLC0415 - only where it is wanted

    return ScenarioFile.from_parent(parent, path=file_path, runs=_runs(config))


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say which files were left alone where there was nothing else."""
    left = config.stash.get(_LEFT, 0)
    if items or not left:
        return []
    some = f"{left} scenario file{'s were' if left > 1 else ' was'} left alone"
    return [f"sipprobe: {some}: add --sipprobe, or sipprobe_collect = true to the configuration"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the worker processes."""
    runs = config.stash.get(_RUNS, None)
    if runs is not None:
        runs.close()


@pytest.fixture
def sipprobe_agents() -> dict[str, object]:
    """Agents of the calls of the ``sipprobe`` fixture by name; override it in conftest.py.

    Each is what ``agents:`` of a scenario file holds, e.g. ``{"uri": "sip:100@embedded"}``.
    """
    return {}


@pytest.fixture
def sipprobe(
    request: pytest.FixtureRequest, sipprobe_agents: dict[str, object], tmp_path: Path
) -> Sipprobe:
    """Place calls, register, and run scenarios from a test in Python."""
    from probe.pytest_plugin.calls import Sipprobe  # noqa: PLC0415 - only where it is wanted

    return Sipprobe(
        runs=_runs(request.config), item=request.node, agents=sipprobe_agents, folder=tmp_path
    )


def _variables(config: pytest.Config) -> list[tuple[str, str, str]]:
    """Return name, equals sign and value of each variable; the command's come last and win."""
    pairs = [*config.getini("sipprobe_vars"), *config.getoption("--sipprobe-var")]
    return [pair.partition("=") for pair in pairs]


def _runs(config: pytest.Config) -> Runs:
    """Return what carries scenarios out in this process, made when it is first needed."""
    if _RUNS not in config.stash:
        from probe.pytest_plugin.runs import Runs  # noqa: PLC0415 - only where it is wanted

        root = config.getoption("--sipprobe-results") or config.getini("sipprobe_results")
        config.stash[_RUNS] = Runs(
            results=config.rootpath / root,
            trunk=config.getoption("--sipprobe-trunk") or config.getini("sipprobe_trunk") or None,
            variables={name: value for name, _, value in _variables(config)},
        )
    return config.stash[_RUNS]
