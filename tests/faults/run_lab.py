"""Run the lab by hand: `python tests/faults/run_lab.py --seeds 3 --jobs 4 --only F047,F061`.

Results, captures, traces and the folders that the command worked in go to the folder of `--out`.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))

import scoring
from every import chosen
from lab import Case, Fault, judge


def judged(
    faults: Iterable[Fault],
    seeds: Iterable[int],
    folder: Path,
    jobs: int,
    **how: Any,  # noqa: ANN401 - those of `judge`
) -> Iterator[Case]:
    """Yield the cases as they end, `jobs` of them at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [
            # A number: a path may stand in a profile, and no name is to tell which fault it is.
            pool.submit(_case, fault, seed, folder / f"{seed}-{number:03}", how)
            for seed in seeds
            for number, fault in enumerate(faults)
        ]
        for future in as_completed(waiting):
            yield future.result()


def _case(fault: Fault, seed: int, folder: Path, how: dict[str, Any]) -> Case:
    try:
        return judge(fault, seed, folder, **how)
    except Exception as broken:  # noqa: BLE001 - one broken case must not end the others
        return Case(
            fault=fault.identity,
            cause=fault.cause,
            family=fault.family,
            identifiability=fault.identifiability,
            seed=seed,
            outcome="",
            right_outcome="",
            certainty="",
            candidates=(),
            controls=(),
            control_s=0.0,
            wall_s=0.0,
            summary="",
            responses=(),
            report="",
            capture="",
            problem=f"{type(broken).__name__}: {broken}",
        )


def line(case: Case) -> str:
    """Return a case as one line."""
    mark = "ok  " if scoring.right(case) and scoring.verdict_right(case) else "MISS"
    said = ", ".join(f"{cause} {likelihood}" for cause, likelihood in case.candidates)
    return (
        f"{mark} {case.identifiability} {case.fault} #{case.seed} {case.wall_s:.1f} s "
        f"{case.outcome or 'no finding'} {case.certainty}: "
        f"{said or case.problem or 'nothing named'}"
    )


def main(say: Callable[..., object] = print) -> int:
    """Run what is asked for; 0 where every case is right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, beginning with 1")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4, help="cases at a time")
    parser.add_argument("--only", default="", help="causes or names, with commas")
    parser.add_argument("--families", default="", help="letters of families")
    parser.add_argument("--out", type=Path, default=None, help="a folder for results")
    parser.add_argument("--wire", action="store_true", help="capture with dumpcap, too")
    parser.add_argument("--argument", action="append", default=[], help="passed to `sipprobe run`")
    options = parser.parse_args()
    out = options.out or Path("/tmp", time.strftime("fault-lab-%H%M%S"))  # noqa: S108
    out.mkdir(parents=True)
    faults = chosen(options.only, options.families)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    cases = []
    with (out / "results.jsonl").open("w") as results:
        how = {"arguments": tuple(options.argument), "on_the_wire": options.wire}
        for case in judged(faults, seeds, out, options.jobs, **how):
            cases.append(case)
            results.write(case.json() + "\n")
            results.flush()
            say(line(case), flush=True)
    say("")
    say(scoring.text(cases))
    say(f"results: {out}")
    return 0 if all(scoring.right(case) for case in cases) else 1


if __name__ == "__main__":
    sys.exit(main())
