"""What the tests of the command line share: how a command ended, and an executor that dials nobody.

``HandingOut`` stands where ``LocalExecutor`` stands. It answers every plan at once with traces that
were built by hand, so that a verb can be tested from its arguments to its exit status without a
worker process and without a socket.
"""

from collections.abc import Callable
from dataclasses import dataclass

from wirebuilder import answered_call, register_ok

from probe.executor.local import PlanRun, Ran
from probe.plan.plan import Attempt, Plan
from probe.trace.trace import Trace

CARRIER = """\
trunks:
  carrier:
    uri: "sip:100@carrier.example"
    password: ${CARRIER_PASSWORD:-pbx-hunter22}
"""
"""A sipprobe.yaml with one trunk; nothing is ever sent to it."""

ONE_CALL = """\
name: One call
tags: [call]
trunk: carrier
steps:
  - call: "+12025550123"
    expect: {responses: 180 200}
"""
"""A scenario on it; its expectation is that of ``answered_call``."""

ONE_REGISTRATION = "name: One registration\ntags: [smoke]\ntrunk: carrier\nsteps: [register: ]\n"
"""Another one, met by ``register_ok``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    status: int
    "Exit status."

    out: str
    "What it wrote to stdout."

    err: str
    "What it wrote to stderr."


def usual(attempt: Attempt) -> tuple[Trace, ...]:
    """Return one try in which everything goes well."""
    return ((register_ok() if attempt.method == "REGISTER" else answered_call()).trace(),)


class HandingOut:
    """An executor that hands out traces."""

    def __init__(self, tries: Callable[[Attempt], tuple[Trace, ...]] = usual) -> None:
        self.tries = tries
        self.before: Callable[[Plan], None] = lambda _plan: None
        self.alarms: tuple[str, ...] = ()
        self.cleanup: Trace | None = None
        self.interrupted = False
        self.skips = False
        self.plans: list[Plan] = []
        self.calls: list[str] = []
        self._observer: Callable[[Attempt, int], None] = lambda _attempt, _number: None

    @property
    def skipping(self) -> bool:
        """Whether further plans are left out."""
        return self.skips or self.interrupted

    def run(self, plan: Plan) -> PlanRun:
        """Hand out what belongs to a plan."""
        self.plans.append(plan)
        self.before(plan)
        ran = []
        for attempt in plan.attempts:
            tries = self.tries(attempt) if attempt.method else ()
            for number in range(1, len(tries) + 1):
                self._observer(attempt, number)
            ran.append(Ran(attempt=attempt, tries=tries))
        return PlanRun(ran=tuple(ran), cleanup=self.cleanup, alarms=self.alarms, engine="2.15.1")

    def on_begin(self, observer: Callable[[Attempt, int], None]) -> None:
        """Take who wants to hear of each try."""
        self._observer = observer

    def on_again(self, _again: Callable[[Attempt, Trace], bool]) -> None:
        """Take who decides on another try."""
        self.calls.append("on_again")

    def skip_the_rest(self) -> None:
        """Leave out further plans."""
        self.skips = True

    def interrupt(self) -> None:
        """End the run."""
        self.interrupted = True

    def started_ahead(self, *, forks: bool) -> None:
        """Start a worker, where one were started; before a file is read it may be a copy."""
        assert forks
        self.calls.append("started ahead")

    def warm_up(self) -> None:
        """Start one where the executor is there first."""
        self.calls.append("warm_up")

    def close(self) -> None:
        """End it."""
        self.calls.append("close")
