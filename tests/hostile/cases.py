"""Every hostile behaviour and every message of RFC 4475 and RFC 5118 against a run of its own.

    python tests/hostile/cases.py udp tcp tls
    python tests/hostile/cases.py --only SlowLoris tcp

Prints a line for each, or with --json what the tests hold against what was promised. Everything
happens in a network namespace that holds nothing but loopback.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import namespace
from behaviours import SINGLE, TORTURE, Hostile
from bench import Outcome, dialled, events, run, write_profile, write_scenario
from peer import HostilePeer, make_certificate, running_peer

WITHIN_S = 240.0
CALLS_A_SCENARIO = 20


def carry_out(kind: type[Hostile], transport: str, certificate: Path) -> dict[str, Any]:
    """Run one behaviour on one transport; return what happened in plain values."""
    behaviour = kind()
    with (
        tempfile.TemporaryDirectory(prefix="sipprobe-hostile-") as place,
        running_peer(behaviour, transport, certificate) as peer,
    ):
        names = _write(Path(place), kind, peer)
        outcome = run(Path(place), names, within_s=WITHIN_S, read_traces=True)
        time.sleep(0.05)  # what is on its way to the trap
        trap = getattr(behaviour, "trap", None)
        return {
            "behaviour": kind.__name__,
            "transport": transport,
            "exit_code": outcome.exit_code,
            "took_s": outcome.took_s,
            "peak_kib": outcome.peak_kib,
            "descriptors": outcome.descriptors,
            "stderr": outcome.stderr,
            "planned": len(_steps(kind)),
            "findings": [
                {
                    "outcome": finding["outcome"],
                    "failure": finding["failure"],
                    "responses": finding["responses"],
                    "total_s": finding["timing"]["total_s"],
                }
                for finding in outcome.findings
            ],
            "deaths": deaths(outcome),
            "notes": outcome.report["run"]["notes"] if outcome.report else [],
            "dialled": sorted(dialled(outcome)),
            "targets": sorted(_targets(kind, peer)),
            "sent": peer.sent,
            "heard": dict(peer.methods),
            "requests": peer.heard[:200],
            "faults": peer.faults,
            "trap_caught": trap.caught() if trap else False,
        }


def _steps(kind: type[Hostile]) -> list[dict[str, object]]:
    made = getattr(kind, "steps_of", None)
    return made() if made else list(kind.steps)


def _uri(user: object, peer: HostilePeer) -> str:
    suffix = "" if peer.transport == "udp" else f";transport={peer.transport}"
    return f"sip:{user}@{peer.here}{suffix}"


def _targets(kind: type[Hostile], peer: HostilePeer) -> set[str]:
    return {_uri(step["call"], peer) for step in _steps(kind) if "call" in step}


def _write(folder: Path, kind: type[Hostile], peer: HostilePeer) -> list[str]:
    """Write the scenarios of a behaviour; return their names."""
    write_profile(folder, peer)
    steps = [
        {**step, "call": _uri(step["call"], peer)} if "call" in step else dict(step)
        for step in _steps(kind)
    ]
    size = len(steps) if len(steps) < 3 * CALLS_A_SCENARIO else CALLS_A_SCENARIO
    return [
        write_scenario(folder, f"s{at}", steps[at : at + size], timeout="200s")
        for at in range(0, len(steps), size)
    ]


def deaths(outcome: Outcome) -> list[str]:
    """Return how workers died, in the words of the trace."""
    return [
        event["detail"]
        for event in events(outcome)
        if event["type"] == "TransactionFailed"
        and event["failure"] in {"AGENT_CRASHED", "AGENT_HUNG"}
    ]


def line(one: dict[str, Any]) -> str:
    """Return a case in a line."""
    outcomes = Counter(f["failure"] or f["outcome"] for f in one["findings"])
    longest = max((f["total_s"] or 0 for f in one["findings"]), default=0)
    strange = set(one["dialled"]) - set(one["targets"])
    words = [
        f"{one['behaviour']:24} {one['transport']} exit {one['exit_code']} {one['took_s']:5.1f} s",
        f"findings {len(one['findings'])}/{one['planned']} {dict(outcomes)} longest {longest:.1f}",
        f"deaths {len(one['deaths'])} peak {one['peak_kib'] // 1024} MiB",
        f"descriptors {one['descriptors']} sent {one['sent']}",
    ]
    words += ["TRAPPED"] if one["trap_caught"] else []
    words += [f"DIALLED {strange}"] if strange else []
    words += [f"FAULTS {one['faults']}"] if one["faults"] else []
    return " ".join(words)


def shortened(detail: str) -> str:
    """Return how a worker died without what differs from death to death."""
    return re.sub(r"0x[0-9a-f]+", "0x…", detail)


def main() -> int:
    """Run what the command line names."""
    wanted = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    wanted.add_argument("transports", nargs="+", choices=("udp", "tcp", "tls"))
    wanted.add_argument("--only", action="append", default=[])
    wanted.add_argument("--lanes", type=int, default=6, help="commands at once")
    wanted.add_argument("--json", action="store_true")
    chosen = wanted.parse_args()
    namespace.enter()
    kinds = [k for k in (*TORTURE, *SINGLE) if not chosen.only or k.__name__ in chosen.only]
    with (
        tempfile.TemporaryDirectory(prefix="sipprobe-hostile-") as place,
        ThreadPoolExecutor(chosen.lanes) as lanes,
    ):
        certificate = make_certificate(Path(place))
        found = list(
            lanes.map(
                lambda pair: carry_out(pair[1], pair[0], certificate),
                [(transport, kind) for kind in kinds for transport in chosen.transports],
            )
        )
    if chosen.json:
        print(json.dumps(found))  # noqa: T201
        return 0
    for one in found:
        print(line(one))  # noqa: T201
        for words, times in Counter(map(shortened, one["deaths"])).items():
            print(f"      {times} × {words[:160]}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
