"""Scenarios that three sites carry out, as their user meets it: by TLS, with a site that dies."""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import namespaces
import pytest
from processes import RunningProcess, poll, running
from sites import FarEnd, Fleet, fleet_of

SITES = ("fra", "lon", "nyc")
ROWS = 300
THREADS = 4

pytestmark = [
    pytest.mark.peer,
    pytest.mark.pjsua2,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        bool(namespaces.why_impossible()), reason=namespaces.why_impossible() or "none"
    ),
]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Give networks with three sites, and nothing running in them."""
    with fleet_of(tmp_path, *SITES) as made:
        yield made


def written(folder: Path, far_end: FarEnd, rows: int, talk: str = "200ms") -> Path:
    """Write settings and a scenario with so many rows, each with a site and a number of its own."""
    folder.mkdir()
    (folder / "sipprobe.yaml").write_text(
        f'trunks: {{far: {{uri: "sip:100@{far_end.host}", registers: off, country: US,\n'
        "  caps: {concurrent_calls: 24, calls_per_run: 400, calls_per_day: 4000,\n"
        "    minutes_per_day: 600, calls_per_second: 50}}}\n"
    )
    lines = [f"{SITES[n % 3]},+1202555{1000 + n}" for n in range(rows)]
    (folder / "numbers.csv").write_text("\n".join(["SITE,NUMBER", *lines, ""]))
    (folder / "all.sip.yaml").write_text(
        "trunk: far\nat_site: ${SITE}\ndata: numbers.csv\nsteps:\n"
        f"  - call: ${{NUMBER}}\n    hangup_after: {talk}\n"
    )
    return folder


def environment(fleet: Fleet, home: Path) -> dict[str, str]:
    """Return the environment of a user who has a certificate of the fleet."""
    return {**os.environ, **fleet.client_environment(), "HOME": str(home), "NO_COLOR": "1"}


def probe(fleet: Fleet, folder: Path, *args: str) -> Any:  # noqa: ANN401 - what running gives
    """Run sipprobe in the hub."""
    return running(
        [*fleet.hub.prefix, sys.executable, "-m", "probe.cli", "run", *args],
        folder / "sipprobe.output",
        cwd=folder,
        env=environment(fleet, folder),
    )


def judged(folder: Path) -> int:
    """Return how many findings have come back so far."""
    journals = list(folder.glob("results/*/findings.jsonl"))
    return journals[0].read_bytes().count(b"\n") if journals else 0


def report_of(folder: Path) -> dict[str, Any]:
    """Return the report of the only run."""
    (file,) = folder.glob("results/*/report.json")
    loaded: dict[str, Any] = json.loads(file.read_text())
    return loaded


def test_no_number_is_dialled_twice_where_a_site_dies(fleet: Fleet, tmp_path: Path) -> None:
    """300 calls by site, one worker killed in the middle: each is accounted for, none repeated."""
    far_end = fleet.start_far_end()
    fleet.start_scheduler()
    sites: dict[str, RunningProcess] = {
        name: fleet.start_site(name, threads=THREADS) for name in SITES
    }
    work = written(tmp_path / "work", far_end, ROWS)
    with probe(fleet, work, "all.sip.yaml", "--fleet", fleet.address) as run:
        assert poll(lambda: judged(work) > ROWS // 3 or run.status() is not None, 100), run.log()
        os.kill(sites["fra"].pid, signal.SIGKILL)
        fleet.start_site("fra-2", at="fra", threads=THREADS)  # as systemd would
        status = run.wait(120)
    report = report_of(work)
    found = report["findings"]
    outcomes = Counter(one["outcome"] for one in found)
    lost = [one for one in found if one["failure"] == "AGENT_CRASHED"]
    assert status == 3, run.log()
    assert len(found) == ROWS
    assert [one["row"]["values"]["SITE"] for one in found] == [SITES[n % 3] for n in range(ROWS)]
    assert all(one["site"] == one["row"]["values"]["SITE"] for one in found)
    assert outcomes["NOT_MET"] == 0
    # What was in progress there, and what was over and had not been fetched.
    assert 1 <= len(lost) <= ROWS // len(SITES) // 2
    assert {one["site"] for one in lost} == {"fra"}
    assert outcomes["INCONCLUSIVE"] == len(lost), run.log()
    reached = far_end.invites()
    assert max(reached.values()) == 1, reached.most_common(3)
    met = {one["row"]["values"]["NUMBER"] for one in found if one["outcome"] == "MET"}
    assert met <= {f"+{number.lstrip('+')}" for number in reached}
    assert any("not dialled again" in note for note in report["run"]["notes"])
    # Who dialled for the dead worker hung up when it was gone.
    assert poll(lambda: not far_end.up(), 15), far_end.up()


def test_an_interrupted_run_hangs_up_at_every_site(fleet: Fleet, tmp_path: Path) -> None:
    """Ctrl-C: calls that are up are ended with BYE, nothing else leaves, the status is 130."""
    far_end = fleet.start_far_end()
    fleet.start_scheduler()
    for name in SITES:
        fleet.start_site(name, threads=1)
    work = written(tmp_path / "work", far_end, 30, talk="60s")
    with probe(fleet, work, "all.sip.yaml", "--fleet", fleet.address) as run:
        up = poll(lambda: len(far_end.calls("ACK")) == 3 or run.status() is not None, 100)
        assert up, run.log()
        os.kill(run.pid, signal.SIGINT)
        status = run.wait(60)
    report = report_of(work)
    assert status == 130, run.log()
    assert report["run"]["interrupted"] is True
    assert {one["site"] for one in report["findings"]} == set(SITES)
    assert len(far_end.calls("INVITE")) == 3
    assert not far_end.up()
    assert any("27 rows" in note for note in report["run"]["notes"]), report["run"]["notes"]


def test_a_site_hangs_up_where_the_scheduler_is_gone(fleet: Fleet, tmp_path: Path) -> None:
    """Nobody could tell it to any more; the run ends and says what it does not know."""
    far_end = fleet.start_far_end()
    scheduler = fleet.start_scheduler()
    fleet.start_site("fra", threads=1)
    work = written(tmp_path / "work", far_end, 1, talk="60s")
    with probe(fleet, work, "all.sip.yaml", "--fleet", fleet.address) as run:
        up = poll(lambda: far_end.calls("ACK") or run.status() is not None, 100)
        assert up, run.log()
        os.kill(scheduler.pid, signal.SIGKILL)
        assert poll(lambda: not far_end.up(), 30), run.log()
        status = run.wait(60)
    (found,) = report_of(work)["findings"]
    assert status == 3, run.log()
    assert found["failure"] == "AGENT_CRASHED"
    assert "the scheduler is gone" in found["failure_detail"]
    assert len(far_end.calls("INVITE")) == 1


def test_a_caller_at_one_site_reaches_a_callee_at_another(fleet: Fleet, tmp_path: Path) -> None:
    """Each agent registers and speaks from its own network; one trace tells both, on one clock."""
    fleet.start_scheduler()
    for name in ("fra", "lon"):
        fleet.start_site(name, threads=1)
    fleet.join_sites()
    here, there = fleet.address_of("fra"), fleet.address_of("lon")
    work = tmp_path / "work"
    work.mkdir()
    (work / "pair.sip.yaml").write_text(
        "agents:\n"
        f'  alice: {{uri: "sip:alice@{there}:5070", registers: off, at_site: fra}}\n'
        f'  bob: {{uri: "sip:bob@{here}", local_address: "{there}:5070", registers: off,\n'
        "    at_site: lon}\n"
        "steps:\n"
        f'  - call: "sip:bob@{there}:5070"\n    from: alice\n    at: bob\n'
        "    answer_after: 300ms\n    hangup_after: 500ms\n"
        "    expect: {responses: 180 200, callee: {from_user: alice}}\n"
    )
    (work / "sipprobe.yaml").write_text(f'trunks: {{any: {{uri: "sip:x@{there}"}}}}\n')
    with probe(fleet, work, "pair.sip.yaml", "--trunk", "any", "--fleet", fleet.address) as run:
        status = run.wait(100)
    (found,) = report_of(work)["findings"]
    assert status == 0, run.log()
    assert found["site"] == "fra"
    assert found["responses"] == [100, 180, 200]
    (leg,) = found["legs"]
    assert (leg["agent"], leg["reached"]) == ("bob", True)
    (stored,) = work.glob("results/*/trace.json")
    tried = json.loads(stored.read_text())["findings"][0]["tries"][0]
    placed, arrived = (one["events"] for one in (tried, tried["legs"][0]["trace"]))
    assert placed[0]["local"].startswith(here)
    assert arrived[0]["local"].startswith(there)
    assert abs(arrived[0]["at"] - placed[0]["at"]) < 0.5
