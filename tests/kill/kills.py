"""Kills a run and its worker at random moments and looks at what is left.

    python tests/kill/kills.py --kills 200 [--seed 1] [--jobs 2]

Each time a run of 50 calls (ten scenarios of five, after a registration) to an embedded trunk that
lives in this process is ended by SIGKILL, supervisor and worker at once, at a moment drawn evenly
from the length of a whole run. Then three questions: is every scenario on disk whose successor had
begun; does `doctor --orphans` end every call that the trunk still holds; is a registration left.
"""

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).parents[2]
for part in (ROOT, ROOT / "tests" / "peers"):
    if str(part) not in sys.path:
        sys.path.insert(0, str(part))

from processes import poll  # noqa: E402 - the path is set above
from userfolder import children  # noqa: E402 - as above

from probe.results import ResultsError, load  # noqa: E402 - as above
from probe.simulator.trunk import EmbeddedTrunk  # noqa: E402 - as above

SCENARIOS = 10
CALLS_EACH = 5

LEASE_S = 60
"""What the registration asks for."""

LONGEST_RUN_S = 120.0
"""Deadline of everything that is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One run that was killed, and what was left of it."""

    moment: float
    "When, in seconds after its start."

    over: int
    "Scenarios whose successor had begun, as the trunk saw it."

    on_disk: int
    "Scenarios that can be read back, each with all its steps."

    up: int
    "Calls that the trunk held after the kill."

    up_after: int
    "Calls that it held after `doctor --orphans`."

    bound: int
    "Registrations after the kill."

    bound_after: int
    "Registrations after `doctor --orphans`."

    unconfirmed: int
    "Calls that doctor could not be certain of."

    doctor_s: float
    "How long doctor took."

    @property
    def good(self) -> bool:
        """Whether nothing was lost and nothing left."""
        return self.on_disk >= self.over and self.up_after == 0 and self.bound_after == 0


def number_of(scenario: int) -> str:
    """Return the number that a scenario calls, from 0."""
    return f"+1202555{150 + scenario:04}"


def prepare(folder: Path, trunk: EmbeddedTrunk, scenarios: int) -> None:
    """Write profile and scenarios."""
    profile = {
        "uri": f"sip:{trunk.user}@{trunk.host}:{trunk.udp_port}",
        "password": trunk.password,
        "local_address": trunk.host,
        "expires": str(LEASE_S),
    }
    (folder / "sipprobe.yaml").write_text(json.dumps({"trunks": {"peer": profile}}))
    (folder / "scenarios").mkdir()
    for scenario in range(scenarios):
        call = f'  - call: "{number_of(scenario)}"\n    hangup_after: 0.05s\n'
        written = "trunk: peer\nsteps:\n  - register:\n" + call * CALLS_EACH
        (folder / "scenarios" / f"s{scenario}.sip.yaml").write_text(written)


def command(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start sipprobe in a folder, away from the user's own settings and state."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SIPPROBE_", "XDG_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "probe.cli", *arguments],
        cwd=folder,
        env={**clean, "HOME": str(folder), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def prepared(scenarios: int) -> Iterator[tuple[Path, EmbeddedTrunk]]:
    """Give a folder and a running trunk."""
    with tempfile.TemporaryDirectory() as name, EmbeddedTrunk(min_expires=1) as trunk:
        folder = Path(name)
        prepare(folder, trunk, scenarios)
        yield folder, trunk


def whole_run_s(scenarios: int) -> float:
    """Return how long a run takes that nobody kills; raise RuntimeError where it is not met."""
    with prepared(scenarios) as (folder, _trunk):
        began = time.monotonic()
        run = command(folder, "run", "-q")
        out, err = run.communicate(timeout=LONGEST_RUN_S)
        if run.returncode != 0:
            raise RuntimeError(f"the run itself is not met: {out}{err}")
        return time.monotonic() - began


def kill_one(moment: float, scenarios: int = SCENARIOS) -> Kill:
    """Start a run, kill it after so many seconds, and look."""
    with prepared(scenarios) as (folder, trunk):
        run = command(folder, "run", "-q")
        time.sleep(moment)
        over = _kill(run, trunk, scenarios)
        up = _up(trunk)
        bound = len(trunk.bindings)
        on_disk = _on_disk(folder)
        began = time.monotonic()
        doctor = command(folder, "doctor", "--orphans")
        out, err = doctor.communicate(timeout=LONGEST_RUN_S)
        if doctor.returncode not in {0, 1}:
            raise RuntimeError(f"doctor failed: {out}{err}")
        took = time.monotonic() - began
        poll(lambda: _up(trunk) == 0, 1.0)
        return Kill(
            moment=round(moment, 2),
            over=over,
            on_disk=on_disk,
            up=up,
            up_after=_up(trunk),
            bound=bound,
            bound_after=len(trunk.bindings),
            unconfirmed=out.count("UNCONFIRMED"),
            doctor_s=round(took, 1),
        )


def _kill(run: "subprocess.Popen[str]", trunk: EmbeddedTrunk, scenarios: int) -> int:
    """End supervisor and workers at once; return how many scenarios were over for certain."""
    if run.poll() is None:
        os.kill(run.pid, signal.SIGSTOP)  # else it would hang up for its dead worker
        workers = children(run.pid)
        for pid in (*workers, run.pid):
            os.kill(pid, signal.SIGKILL)
        poll(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 5.0)
    run.communicate(timeout=LONGEST_RUN_S)
    begun = [n for n in range(scenarios) if any(c.dialled == number_of(n) for c in trunk.calls)]
    if run.returncode == 0:
        return scenarios
    return max(begun, default=0)


def _up(trunk: EmbeddedTrunk) -> int:
    return sum(call.state != "ended" for call in trunk.calls)


def _on_disk(folder: Path) -> int:
    """Return how many scenarios of the run can be read back, with every step."""
    for run in (folder / "results").glob("*"):
        try:
            steps = Counter(finding["scenario"] for finding in load(run)["findings"])
            return sum(found == 1 + CALLS_EACH for found in steps.values())
        except ResultsError:
            return 0
    return 0


def campaign(kills: int, seed: int, jobs: int, scenarios: int = SCENARIOS) -> list[Kill]:
    """Kill so many runs; the same seed gives the same moments as parts of a run's length."""
    length = whole_run_s(scenarios)
    chance = random.Random(seed)
    moments = [chance.uniform(0.0, length) for _ in range(kills)]
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda moment: kill_one(moment, scenarios), moments))


def table(done: Sequence[Kill]) -> str:
    """Return one row a kill, and what they come to."""
    names = [field.name for field in fields(Kill)]
    rows = [" ".join(f"{name:>11}" for name in names)]
    rows += [
        " ".join(f"{getattr(kill, name):>11}" for name in names) + ("" if kill.good else "  BAD")
        for kill in done
    ]
    total = {name: sum(getattr(kill, name) for kill in done) for name in names}
    bad = sum(not kill.good for kill in done)
    rows.append(
        f"{len(done)} kills: {total['over']} scenarios over, {total['on_disk']} on disk;"
        f" calls up {total['up']}, after doctor {total['up_after']},"
        f" {total['unconfirmed']} unconfirmed; registrations {total['bound']}, after doctor"
        f" {total['bound_after']}; doctor took {total['doctor_s'] / max(1, len(done)):.1f} s on"
        f" average; {bad} bad"
    )
    return "\n".join(rows)


def main() -> None:
    """Run the campaign and print its table; end with an error where one kill was not good."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, help="at a time (default: 2)")
    given = parser.parse_args()
    done = campaign(given.kills, given.seed, given.jobs)
    now = datetime.now(timezone.utc)
    print(f"{now:%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}")  # noqa: T201 - figures are what this prints
    print(table(done))  # noqa: T201 - as above
    sys.exit(0 if all(kill.good for kill in done) else 1)


if __name__ == "__main__":
    main()
