"""Writes the lab's traces as a data set: configuration, events, and the injected cause.

`python tests/faults/dataset.py OUT` takes the folder that `run_lab.py --out OUT` left and writes
datasets/fault-lab/cases.jsonl.gz, one case a line, in the order of the catalogue. No password is in
it: the command stores none, and a profile's is replaced here.
"""

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[2] / "datasets" / "fault-lab"
CASES = "cases.jsonl.gz"
SCHEMA = "sipprobe-fault-case/1"

_PASSWORD = re.compile(r'("?password"?\s*:\s*)"?[^",}\n]+"?')


def case_of(result: dict[str, Any]) -> dict[str, Any] | None:
    """Return one case of the data set, or None where the run left nothing to publish."""
    if not result["report"]:
        return None
    user = Path(result["report"]).parent
    report = json.loads(Path(result["report"]).read_text())
    traces = json.loads(Path(result["capture"]).with_name("trace.json").read_text())
    judged = next(
        (
            place
            for place, finding in enumerate(report["findings"])
            if finding["outcome"] == result["outcome"]
            and (finding["explanation"] or {}).get("summary", "") == result["summary"]
        ),
        None,
    )
    if judged is None:
        return None
    told = {
        "schema": SCHEMA,
        "fault": result["fault"],
        "cause": result["cause"],
        "class": result["identifiability"],
        "family": result["family"],
        "seed": result["seed"],
        "right_outcome": result["right_outcome"],
        "profile": _PASSWORD.sub(r'\1"hidden"', (user / "sipprobe.yaml").read_text()),
        "scenario": (user / "scenarios" / "check.sip.yaml").read_text(),
        "judged": judged,
        "history": (user / "earlier-0.json").exists(),
        "findings": [
            {"attempt": finding["attempt"], "trace": finding["tries"][-1]}
            for finding in traces["findings"]
        ],
        "said": {
            "certainty": result["certainty"],
            "candidates": result["candidates"],
            "controls": result["controls"],
            "summary": result["summary"],
        },
    }
    text = json.dumps(told, ensure_ascii=False, sort_keys=True)
    for folder in (user.resolve(), user, user.parent.resolve(), user.parent):
        text = text.replace(str(folder), "…")  # where it was run is nobody's business
    case: dict[str, Any] = json.loads(text)
    return case


def write(out: Path, to: Path = HERE) -> int:
    """Write the data set from a lab's folder; return the number of cases."""
    results = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    results.sort(key=lambda r: (r["cause"] or "~", r["fault"], r["seed"]))
    cases = [case for result in results if (case := case_of(result)) is not None]
    to.mkdir(parents=True, exist_ok=True)
    with (
        (to / CASES).open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed,
    ):
        for case in cases:
            line = json.dumps(case, ensure_ascii=False, sort_keys=True)
            packed.write(line.encode("utf-8", "replace") + b"\n")
    return len(cases)


def read(folder: Path = HERE) -> list[dict[str, Any]]:
    """Return the cases of a data set."""
    with gzip.open(folder / CASES, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]))} cases")  # noqa: T201 - what it is for
