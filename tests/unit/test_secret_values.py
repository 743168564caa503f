"""What `--secret` gives is taken out of traces, whatever the scenario used it for."""

from datetime import datetime, timezone

import reportbuilder
import wirebuilder

from probe import runner
from probe.executor.local import PlanRun, Ran
from probe.plan.plan import Plan

PIN = "pin-of-the-conference"


class Recorded:
    """An executor that gives back what was recorded before."""

    interrupted = False
    skipping = False

    def __init__(self, ran: tuple[Ran, ...]) -> None:
        self._ran = ran

    def run(self, plan: Plan) -> PlanRun:
        """Return the recording, whatever the plan."""
        return PlanRun(ran=self._ran, cleanup=None, alarms=(), engine="2.15.1")


def stored_text(*secrets: str) -> str:
    """Return the first response of a call that carries PIN in a header, as a report holds it."""
    trace = wirebuilder.refused_call(503, headers={"X-Pin": PIN}).trace()
    attempt = reportbuilder.attempt(trace)
    plan = Plan(
        scenario="s", name="s", file="s.sip.yaml", tags=(), trunk="carrier", accounts=(),
        attempts=(attempt,), timeout=60.0,
    )  # fmt: skip
    setting = runner.Setting(
        run_id="r",
        started_at=datetime(2026, 11, 21, tzinfo=timezone.utc),
        vantage="here",
        secrets=secrets,
    )
    executor = Recorded((Ran(attempt=attempt, tries=(trace,)),))
    report = runner.run((plan,), executor, setting, elapsed=lambda: 1.0)
    return repr(report.findings[0].last.trace)


def test_a_given_secret_is_nowhere_in_the_trace() -> None:
    """A header that carries it is kept, the value is not."""
    assert PIN not in stored_text(PIN)
    assert "X-Pin: redacted" in stored_text(PIN)


def test_what_nobody_called_secret_stays() -> None:
    """Without the flag the header is evidence like any other."""
    assert PIN in stored_text()


def test_a_setting_does_not_show_its_secrets() -> None:
    """The value that carries them to the runner prints none of them."""
    setting = runner.Setting(
        run_id="r",
        started_at=datetime(2026, 11, 21, tzinfo=timezone.utc),
        vantage="",
        secrets=(PIN,),
    )
    assert PIN not in repr(setting) + repr(setting.__rich_repr__())
