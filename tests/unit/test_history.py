"""The last good run is found, and nothing that only looks like one."""

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from reportbuilder import attempt, finding, report, verdict
from wirebuilder import Wire, refused_call, register_ok

from probe import history
from probe.diagnosis.history import Before
from probe.history import History
from probe.plan.plan import Attempt
from probe.report.model import Finding, RunReport
from probe.results import REPORT, TRACES, RunFolder
from probe.trace.trace import Trace
from probe.verdict.verdict import Outcome

SCENARIO = "trunk-check"
GOOD = register_ok().trace()
REFUSED = (
    Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True).receive(401).trace()
)
SILENT = Wire("REGISTER").send("REGISTER").trace()
WANTED = attempt(GOOD, step=1)


def met(trace: Trace = GOOD, **more: object) -> Finding:
    """Return a registration that was met."""
    return finding(trace, step=1, **more)


def unmet(trace: Trace = REFUSED, **more: object) -> Finding:
    """Return one that was not."""
    return finding(trace, verdict(Outcome.NOT_MET), step=1, **more)


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that stores a run: `keep("05", finding, …)` is the one of minute 5."""

    def store(minute: str, *found: Finding, **changes: object) -> Path:
        whole: RunReport = replace(report(*found), vantage=platform.node())
        folder = RunFolder.prepare(tmp_path, f"2026-11-21T01-{minute}-00Z-check")
        return folder.write(replace(whole, **changes))

    return store


def remembered(root: Path, wanted: Attempt = WANTED) -> Before | None:
    """Return what is remembered of a step."""
    return History(root).last_good(SCENARIO, wanted)


def test_newest_good_run_is_found(tmp_path: Path, keep: Callable[..., Path]) -> None:
    """With what its trace shows of both ends."""
    keep("01", met())
    keep("02", met())
    found = remembered(tmp_path)
    assert found is not None
    assert found.run_id == "2026-11-21T01-02-00Z-check"
    assert (found.remote, found.local, found.transport) == (
        "198.51.100.1:5060",
        "192.0.2.10:5060",
        "UDP",
    )
    assert (found.at, found.outcomes_since, found.refused_logins_since) == (GOOD.started_at, (), 0)


def test_what_came_since_is_counted(tmp_path: Path, keep: Callable[..., Path]) -> None:
    """Outcomes of the same step, oldest first; refused logins of the account in any step."""
    keep("01", met())
    keep("02", unmet(SILENT))
    keep("03", unmet(REFUSED), replace(unmet(REFUSED), scenario="other"))
    found = remembered(tmp_path)
    assert found is not None
    assert (found.outcomes_since, found.refused_logins_since) == (("NOT_MET", "NOT_MET"), 2)


def test_no_run_no_history(tmp_path: Path, keep: Callable[..., Path]) -> None:
    """Neither a missing folder nor runs that were never met hold any."""
    assert remembered(tmp_path / "missing") is None
    keep("01", unmet())
    assert remembered(tmp_path) is None


OTHERS: dict[str, Finding] = {
    "another scenario": replace(met(), scenario="other"),
    "another step": finding(GOOD, step=2),
    "another attempt": met(replace(GOOD, attempt="register other")),
    "another host": met(host="pbx.other.example"),
}


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_other_things_do_not_count(tmp_path: Path, keep: Callable[..., Path], other: str) -> None:
    """Another scenario, step, attempt or host is another story."""
    keep("01", OTHERS[other])
    assert remembered(tmp_path) is None


def test_another_login_is_another_trunk(tmp_path: Path, keep: Callable[..., Path]) -> None:
    """A changed login name begins a new history."""
    keep("01", met())
    assert WANTED.account is not None
    other = replace(WANTED, account=replace(WANTED.account, auth_user="200"))
    assert remembered(tmp_path, other) is None


def test_older_than_a_run(tmp_path: Path, keep: Callable[..., Path]) -> None:
    """A stored run that is explained again has the history of its day."""
    keep("01", met())
    keep("02", unmet(SILENT))
    keep("03", met())
    found = History(tmp_path, before="2026-11-21T01-02-00Z-check").last_good(SCENARIO, WANTED)
    assert found is not None
    assert (found.run_id, found.outcomes_since) == ("2026-11-21T01-01-00Z-check", ())


def test_another_machine_does_not_count(tmp_path: Path, keep: Callable[..., Path]) -> None:
    """Its addresses are not ours; nor is anything real in a run redacted strictly."""
    keep("01", met(), vantage="elsewhere")
    assert remembered(tmp_path) is None


def test_embedded_trunk_has_no_history(tmp_path: Path, keep: Callable[..., Path]) -> None:
    """It is new in each run."""
    keep("01", met())
    assert WANTED.account is not None
    embedded = replace(WANTED, account=replace(WANTED.account, embedded=True))
    assert remembered(tmp_path, embedded) is None


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut off": lambda run: (run / REPORT).write_bytes((run / REPORT).read_bytes()[:300]),
    "newer": lambda run: (run / REPORT).write_text(
        (run / REPORT).read_text().replace("sipprobe-report/1", "sipprobe-report/2")
    ),
    "no report": lambda run: (run / REPORT).unlink(),
    "no traces": lambda run: (run / TRACES).unlink(),
    "traces cut off": lambda run: (run / TRACES).write_bytes(b'{"schema": "sipprobe-traces/1"'),
    "another list": lambda run: (run / REPORT).write_text(
        json.dumps({"schema": "sipprobe-report/1", "run": {}, "findings": [7]})
    ),
    "deep": lambda run: (run / REPORT).write_text("[" * 100_000),
    "a folder": lambda run: ((run / TRACES).unlink(), (run / TRACES).mkdir()),
    "of no use": lambda run: (run / TRACES).write_text(
        '{"schema": "sipprobe-traces/1", "findings": [{"attempt": null, "tries": []}]}'
    ),
}


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_damaged_run_is_passed_over(tmp_path: Path, keep: Callable[..., Path], damage: str) -> None:
    """An older run that is whole is found behind it."""
    keep("01", met())
    DAMAGES[damage](keep("02", met()))
    found = remembered(tmp_path)
    assert found is not None
    assert found.run_id == "2026-11-21T01-01-00Z-check"


def test_runs_that_are_looked_into_are_few(
    tmp_path: Path, keep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies further back is not read."""
    keep("01", met())
    keep("02", unmet())
    keep("03", unmet())
    monkeypatch.setattr(history, "MOST_RUNS", 2)
    assert remembered(tmp_path) is None
    monkeypatch.setattr(history, "MOST_RUNS", 3)
    assert remembered(tmp_path) is not None


def test_time_is_bounded_over_all_searches(
    tmp_path: Path, keep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run in which much fails does not wait for its history each time."""
    keep("01", met())
    monkeypatch.setattr(history, "LONGEST_S", 0.0)
    assert remembered(tmp_path) is None


def test_time_that_ends_while_counting(
    tmp_path: Path, keep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The good run is known then, and what came since is not told by halves."""
    keep("01", met())
    keep("02", unmet())
    keep("03", unmet())
    clock = iter([0.0, 0.0, 0.0, 0.0, 0.0, 9.0])
    monkeypatch.setattr(history.time, "monotonic", lambda: next(clock, 9.0))
    found = remembered(tmp_path)
    assert found is not None
    assert found.outcomes_since == ()
    assert found.refused_logins_since == 1


def test_large_file_is_not_read(
    tmp_path: Path, keep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storm's trace takes longer than it tells."""
    keep("01", met())
    monkeypatch.setattr(history, "LARGEST", 1000)
    assert remembered(tmp_path) is None


def test_fifty_runs_are_searched_in_time(tmp_path: Path, keep: Callable[..., Path]) -> None:
    """Fifty runs of twenty findings each take a fraction of a second."""
    calls = [finding(refused_call(503).trace(), verdict(Outcome.NOT_MET)) for _ in range(20)]
    keep("00", met(), *calls)
    for number in range(1, 50):
        keep(f"{number:02d}", unmet(SILENT), *calls)
    began = time.process_time()
    found = remembered(tmp_path)
    took = time.process_time() - began
    assert took < 2 * history.LONGEST_S
    if took < history.LONGEST_S:  # a machine that is busy may run out of time
        assert found is not None
        assert found.run_id == "2026-11-21T01-00-00Z-check"
