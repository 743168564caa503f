"""The last good run beside a failure: found in the results folder, and compared."""

from pathlib import Path
from typing import TYPE_CHECKING

from probe.report.beside import Beside, Differing, LastGood

if TYPE_CHECKING:  # history and comparison load where something was not met
    from probe.history import Good, History
    from probe.report.model import Finding

LONGEST_S = 2.0
"""Seconds that all searches for one report may take together."""

MOST = 200
"""Findings of a report that are looked up."""


def beside_of(results: Path) -> Beside:
    """Return what finds the last good run of a finding, and what differs from it.

    Earlier runs are looked for where the finding's own run lies, else in ``results``.
    """
    histories: dict[tuple[Path, str], History] = {}
    asked = 0

    def found(finding: "Finding", folder: str) -> LastGood | None:
        nonlocal asked
        asked += 1
        if asked > MOST:
            return None
        from probe.history import History  # noqa: PLC0415 - only where something was not met

        own = Path(folder).resolve() if folder else None
        root, before = (results, "") if own is None else (own.parent, own.name)
        if (root, before) not in histories:
            histories[root, before] = History(root, before or None, longest_s=LONGEST_S)
        good = histories[root, before].last_good_try(finding.scenario, finding.attempt)
        return None if good is None else _compared(finding, good)

    return found


def _compared(finding: "Finding", good: "Good") -> LastGood:
    """Return the good run with what differs."""
    from probe.comparison.compare import compare  # noqa: PLC0415 - as above
    from probe.comparison.model import Key, Side  # noqa: PLC0415 - as above
    from probe.comparison.observe import observe  # noqa: PLC0415 - as above
    from probe.report.json_report import finding_to_json  # noqa: PLC0415 - as above

    key = Key(scenario="", story="", step=finding.attempt.step, attempt=finding.attempt.label)
    sides = (
        Side(run=good.run_id, samples={key: [observe(good.told, good.trace)]}),
        Side(run="", samples={key: [observe(finding_to_json(finding), finding.last.trace)]}),
    )
    (step,) = compare(*sides).steps
    return LastGood(
        run_id=good.run_id,
        at=good.trace.started_at,
        trace=good.trace,
        differences=tuple(
            Differing(
                what=one.name if one.aspect == one.name else f"{one.aspect}: {one.name}",
                before=one.before,
                after=one.after,
                detail=one.detail,
            )
            for one in step.differences
            if one.aspect != "outcome"  # that it was met is why it stands there
        ),
    )
