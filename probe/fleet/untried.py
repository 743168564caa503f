"""What is said of a scenario that no site carried out to its end."""

import time
from datetime import datetime, timezone

from msgspec.structs import replace

from probe import runner
from probe.executor.local import PlanRun, Ran
from probe.fleet.carried import Carried
from probe.plan.plan import Plan
from probe.trace.failure import Failure
from probe.trace.trace import Trace, TransactionFailed


class _Nobody:
    """Carries nothing out: every attempt of a plan has failed on our side."""

    interrupted = False
    skipping = False

    def __init__(self, failure: Failure, why: str) -> None:
        self._failure = failure
        self._why = why

    def run(self, plan: Plan) -> PlanRun:
        """Return each attempt as one that was not tried, or whose end nobody saw."""
        now = datetime.now(timezone.utc)
        ran = []
        for attempt in plan.attempts:
            failed = TransactionFailed(
                at=0.0,
                method=attempt.method,
                call_id="",
                failure=self._failure,
                stack_status=None,
                detail=self._why,
            )
            trace = Trace(
                attempt=attempt.label,
                method=attempt.method,
                agent="",
                started_at=now,
                began=0.0,
                ended=0.0,
                events=(failed,),
            )
            ran.append(Ran(attempt=attempt, tries=(trace,)))
        return PlanRun(ran=tuple(ran), cleanup=None, alarms=(), engine="")


def untried(plan: Plan, number: int, why: str, *, site: str, begun: bool) -> Carried:
    """Return a plan whose attempts are inconclusive; ``begun``: some of them may have left."""
    failure = Failure.AGENT_CRASHED if begun else Failure.NOT_ATTEMPTED
    setting = runner.Setting(run_id="", started_at=datetime.now(timezone.utc), vantage="")
    bare = replace(plan, warnings=())
    report = runner.run((bare,), _Nobody(failure, why), setting, elapsed=time.monotonic)
    return Carried(
        number=number, findings=tuple(replace(one, site=site) for one in report.findings)
    )
