"""Mutated answers against an engine alone: how many runs end with the engine's death.

    python tests/hostile/engine_fuzz.py --runs 50 --python A/bin/python --python B/bin/python

A run is a process (engine_child.py) that registers, calls and asks without a pause for so long,
against a peer that answers each request with a burst of mutations (tests/hostile/campaign.py). The
runs of a number get the same seed on each engine. At most two run at once. The exit status is 1
where the last engine that was named died or hung.
"""

import argparse
import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import namespace
from campaign import MutatedAnswers
from engine_cases import child, version
from peer import running_peer

NO_END = 10**9
"""More answers than a run can bring: its time ends it."""


@dataclass(slots=True, kw_only=True)
class Sum:
    """What the runs of an engine came to."""

    engine: str
    "Its version."
    runs: int = 0
    died: int = 0
    "Runs that a signal ended."
    hung: int = 0
    "Runs that had to be killed."
    answers: int = 0
    "Mutated answers sent."
    messages: int = 0
    "Messages in the trace of the runs that lived."
    endings: Counter[str] = field(default_factory=Counter)
    "How they died: signal, and the assertion where one was printed."
    asserts: Counter[str] = field(default_factory=Counter)
    "Assertions that failed and were logged, by the number of runs that lived with them."
    deadly: list[str] = field(default_factory=list)
    "Seeds of the runs that died or hung."


def one(python: str, seed: str, seconds: float) -> tuple[dict[str, object], int]:
    """Do one run; return how it ended, and the mutated answers it was sent."""
    behaviour = MutatedAnswers(seed, NO_END)
    with running_peer(behaviour, "udp") as peer:
        result = child(python, "fuzz", peer.port, seed, seconds)
    return result, behaviour.answers


def campaign(pythons: list[str], seeds: list[str], seconds: float, at_once: int) -> list[Sum]:
    """Run all seeds on all engines, the engines in turn; return their sums."""
    sums = [Sum(engine=version(python)) for python in pythons]
    jobs = [(number, seed) for seed in seeds for number in range(len(pythons))]
    with ThreadPoolExecutor(at_once) as pool:
        results = pool.map(lambda job: one(pythons[job[0]], job[1], seconds), jobs)
        for (number, seed), (result, answers) in zip(jobs, results, strict=True):
            _add(sums[number], seed, result, answers)
    return sums


def _add(into: Sum, seed: str, result: dict[str, object], answers: int) -> None:
    into.runs += 1
    into.answers += answers
    if result["ended"] == "survives":
        asserts, messages = result["asserts"], result["messages"]
        assert isinstance(asserts, dict)
        assert isinstance(messages, int)
        into.messages += messages
        into.asserts.update(dict.fromkeys(asserts, 1))
        return
    into.deadly.append(seed)
    into.hung += result["ended"] == "hang"
    into.died += result["ended"] != "hang"
    into.endings[f"{result['ended']}: {result['words']}"[:200]] += 1


def main() -> int:
    """Run what the command line asks for."""
    wanted = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    wanted.add_argument("--python", action="append", help="an interpreter that has an engine")
    wanted.add_argument("--runs", type=int, default=50)
    wanted.add_argument("--seconds", type=float, default=15.0)
    wanted.add_argument("--seed", default="1", help="the runs get SEED/1, SEED/2, …")
    wanted.add_argument("--only", action="append", metavar="SEED/N", help="run this seed alone")
    wanted.add_argument("--at-once", type=int, default=2)
    wanted.add_argument("--json", action="store_true")
    chosen = wanted.parse_args()
    namespace.enter()
    seeds = chosen.only or [f"{chosen.seed}/{n + 1}" for n in range(chosen.runs)]
    sums = campaign(
        chosen.python or [sys.executable], seeds, chosen.seconds, max(1, chosen.at_once)
    )
    if chosen.json:
        print(json.dumps([asdict(part) for part in sums]))  # noqa: T201
    else:
        for part in sums:
            print(  # noqa: T201
                f"{part.engine}: {part.runs} runs of {chosen.seconds:g} s, {part.died} died, "
                f"{part.hung} hung, {part.answers} mutated answers"
            )
            for words, times in (*part.endings.most_common(), *part.asserts.most_common()):
                print(f"  {times:4}  {words}")  # noqa: T201
            if part.deadly:
                print(f"  seeds: {' '.join(part.deadly)}")  # noqa: T201
    return int(sums[-1].died or sums[-1].hung)


if __name__ == "__main__":
    sys.exit(main())
