"""The page docs/fault-lab.md, from results: `page.py RESULTS.jsonl [--sip-doctor PATH]`."""

# ruff: noqa: E501 - the page is as wide as its neighbours
import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))

import baselines
import scoring
from every import FAULTS
from lab import CATALOGUE, Case
from misses import MISSES
from notmade import NOT_MADE

import probe

PAGE = Path(__file__).parents[2] / "docs" / "fault-lab.md"

_HEAD = """# The fault lab

How right are the explanations? The lab in `tests/faults/` makes root causes of the catalogue with real peers on
loopback and in network namespaces of its own, runs `sipprobe run` on each, and compares what the report says with what was
made. This page is written from the results of such a run by `tests/faults/page.py`; nothing in it is typed by hand but these
sentences.

    python tests/faults/run_lab.py --seeds 3 --jobs 4                    # all, with a table at the end
    python tests/faults/run_lab.py --only F047,F061 --out FOLDER         # some; traces, captures, reports in the folder
    tests/run tests/faults                                               # one seed of each, with thresholds

{counts}

- **Peers**: a scripted far end that imports nothing of sipprobe, SIPp and Kamailio; for names, paths and certificates a name
  server, routers in network namespaces, and TLS servers. Numbers, accounts, ports, addresses, phrases, header fields,
  delays and the implementation vary by the seed. Nothing that the command gets to see tells which fault it is.
- **Right** means: class I and C, the true cause in the first place (class C after three kinds of free control at most);
  class N, the true cause among the four that are named at most, and no `certain`; outside the catalogue, `undecided`.
- **Falsely certain** is a `certain` of a cause that it was not; a `likely` of one that it was not stands beside it. For class
  N a `likely` in the first place that is not the truth is a wrong guess that the report says may be wrong.
- The rules were mended while the lab ran with the seeds 1 and 2; other seeds draw what nobody had looked at.
- **Controls** counts kinds of control that ran; times are those of a machine with two cores that did other work beside it.
- The rules were written before and beside the lab, by the same project, and known misses were mended: the figures
  say how well the product knows what the lab can make, not how well it would do on the faults of your trunk.

## Accuracy

"""


_BESIDE, _WRONG = "## Beside it: simpler judges of the same captures", "## Wrong in these runs"


def page(cases: list[Case], program: str | None, before: str) -> str:
    """Return the page; without sip-doctor the comparison is that of the page before it."""
    kept = before.partition(_BESIDE)[2].partition("\n## ")[0].strip()
    beside = kept if kept and not program else _beside(cases, program)
    made = sorted({fault.cause for fault in FAULTS if fault.cause})
    seeds = len({case.seed for case in cases})
    names = len({case.fault for case in cases})
    counts = (
        f"{len(made)} of {len(CATALOGUE)} causes are made, by {len(FAULTS)} faults, "
        f"{sum(1 for fault in FAULTS if fault.cause is None)} of them outside the catalogue. "
        f"Below are {len(cases)} cases of {time.strftime('%Y-%m-%d')}: {names} faults, "
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}, sipprobe {probe.__version__}."
    )
    parts = [_HEAD.format(counts=counts), scoring.markdown(cases)]
    parts += [f"\n{_BESIDE}\n\n", beside.rstrip(), "\n"]
    parts += [f"\n{_WRONG}\n\n", _wrong(cases)]
    parts += ["\n## Causes made\n\n| cause | class | made by |\n| --- | --- | --- |\n"]
    for cause in made:
        root = CATALOGUE[cause]
        how = "; ".join(dict.fromkeys(fault.how for fault in FAULTS if fault.cause == cause))
        parts.append(f"| {cause} {root['name']} | {root['class']} | {how} |\n")
    parts += ["\n## Causes not made\n\n| cause | why not |\n| --- | --- |\n"]
    parts += [f"| {c} {CATALOGUE[c]['name']} | {why} |\n" for c, why in sorted(NOT_MADE.items())]
    return "".join(parts)


def _beside(cases: list[Case], program: str | None) -> str:
    inside = [case for case in cases if case.cause and case.capture]
    judges: list[tuple[str, Callable[[Case], tuple[str, ...]]]] = [
        ("sipprobe", lambda case: tuple(cause for cause, _ in case.candidates)),
        ("table of codes", lambda case: baselines.by_code(Path(case.capture))),
    ]
    if program:
        judges.append(
            ("sip-doctor 0.8.0", lambda case: baselines.by_sip_doctor(program, Path(case.capture)))
        )
    lines = ["| judge | cases | cause first | among ≤ 4 | says nothing |", "| --- " * 5 + "|"]
    for name, judge in judges:
        said = [(case.cause, judge(case)) for case in inside]
        first = sum(found[:1] == (cause,) for cause, found in said)
        among = sum(cause in found for cause, found in said)
        silent = sum(not found for _, found in said)
        share = [f"{100 * n / len(said):.0f} %" for n in (first, among, silent)]
        lines.append(f"| {name} | {len(said)} | {' | '.join(share)} |")
    return (
        "\n".join(lines)
        + "\n\nThe captures are those that the runs left (`call.pcap`), of faults inside the catalogue. "
        "The table of codes holds one cause a code; what sip-doctor's topics amount to is read in its "
        "favour (`tests/faults/baselines.py` has both). Neither sees the configuration, DNS or a control, "
        "and sip-doctor does not claim to name causes of this catalogue.\n"
    )


def _wrong(cases: Iterable[Case]) -> str:
    wrong = [c for c in cases if not (scoring.right(c) and scoring.verdict_right(c))]
    if not wrong:
        return "Nothing.\n"
    lines = ["| fault | seed | said | known reason |", "| --- " * 4 + "|"]
    for case in sorted(wrong, key=lambda case: (case.fault, case.seed)):
        said = ", ".join(f"{cause} {likelihood}" for cause, likelihood in case.candidates)
        said = said or (case.problem and "no report") or f"{case.outcome}, nothing named"
        reason = MISSES.get(case.fault, "")
        lines.append(f"| {case.fault} | {case.seed} | {said} | {reason} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--sip-doctor", default=None, help="path of the program")
    parser.add_argument("--to", type=Path, default=PAGE)
    options = parser.parse_args()
    latest: dict[tuple[str, int], Case] = {}
    for file in options.results:
        for line in file.read_text().splitlines():
            values = json.loads(line)
            values["candidates"] = tuple(map(tuple, values["candidates"]))
            case = Case(**values)
            latest[case.fault, case.seed] = case
    known = {fault.identity for fault in FAULTS}
    cases = [case for case in latest.values() if case.fault in known]
    before = PAGE.read_text() if PAGE.exists() else ""
    options.to.write_text(page(cases, options.sip_doctor, before))


if __name__ == "__main__":
    main()
