"""Durations come from the monotonic clock; the wall clock only says when something was."""

import ast
from collections.abc import Iterator
from pathlib import Path

PROBE = Path(__file__).parents[2] / "probe"

WALL = {
    "cli/carrying.py": "when a run that began by itself began, for its name and report",
    "cli/init_observe.py": "when the call was observed, for the scenario and the run",
    "cli/run_command.py": "when the run began, for its name and report",
    "controls/told.py": "how far the peer's Date is from ours",
    "doctor/examine.py": "when it was looked, and until when a certificate is valid",
    "doctor/leftovers.py": "whether what a run left is old",
    "executor/crew.py": "when a dialog changed, for a process of another day",
    "executor/janitor.py": "whether a lease is over, for a process of another day",
    "executor/ledger.py": "days, and turns that processes share",
    "executor/local.py": "when the plan's clock was zero",
    "executor/many.py": "when the run's clock was zero",
    "fleet/across.py": "how far the clocks of two machines are apart",
    "fleet/lines.py": "when a clock on another machine was zero",
    "fleet/members.py": "how far the clocks of two machines are apart",
    "fleet/site.py": "when the run began, and what this machine's clock says",
    "fleet/untried.py": "when what was never begun was told of",
    "monitor/monitor.py": "the hour and the day of its bounds, and when a check is due",
    "monitor/page.py": "how long ago something was",
    "monitor/store.py": "when a result came, for a process of another day",
    "pytest_plugin/runs.py": "when the run began, for its name and report",
    "rtp/session.py": "NTP time of RTCP; the kernel stamps packets by the wall clock",
    "simulator/records.py": "when the trunk saw a message",
    "simulator/rtp.py": "NTP time of RTCP",
    "trace/journal.py": "when a dialog changed, for a process of another day",
}
"""Who may look at the wall clock, and for what."""

_CALLS = {("time", "time"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}


def looks(file: Path) -> Iterator[int]:
    """Yield the lines that name a wall clock."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in _CALLS:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for name in node.names if name.name == "time")


def test_wall_clock_is_looked_at_where_a_moment_is_wanted() -> None:
    """A step of the clock bends no duration, because nobody else looks at it."""
    found = {
        str(file.relative_to(PROBE)): list(looks(file))
        for file in sorted(PROBE.rglob("*.py"))
        if list(looks(file))
    }
    assert {name: lines for name, lines in found.items() if name not in WALL} == {}
    for name in WALL:
        assert name in found or not (PROBE / name).exists(), f"{name} needs no leave any more"
