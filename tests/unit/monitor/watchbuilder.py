"""Checks, results and a monitor whose runs are carried out by the test itself."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from probe.monitor.check import Check, Rules
from probe.monitor.conduct import Ticket
from probe.monitor.monitor import Monitor
from probe.monitor.result import Result, StepResult
from probe.monitor.store import Store

PATIENCE_S = 20.0
"""Longest wait for what comes at once on an idle machine."""


def check(module: str = "trunk", target: str = "carrier", **about: Any) -> Check:  # noqa: ANN401
    """Return a check that is run when it is asked for, with one call a run."""
    plain = Check(
        module=module, target=target, interval=None, jitter=0.0, timeout=None, calls=1,
        calls_per_day=None, quiet=(), owners=frozenset({f"100@{target}"}),
    )  # fmt: skip
    return replace(plain, **about)


def rules(*checks: Check, **about: Any) -> Rules:  # noqa: ANN401 - fields of Rules
    """Return a configuration with room for everything."""
    wide = Rules(
        checks=checks, calls_per_day=1000, calls_per_hour=1000, runs_at_a_time=4, zone="UTC",
        keep_days=30, keep_runs=1000,
    )  # fmt: skip
    return replace(wide, **about)


def result(outcome: str = "met", **about: Any) -> Result:  # noqa: ANN401 - fields of Result
    """Return what a run with one step came to."""
    step = StepResult(
        scenario="trunk", step=2, attempt="call 9503", outcome=outcome,
        responses=(100, 200 if outcome == "met" else 503), failure=None,
        causes=() if outcome == "met" else (("F130", "Server is overloaded"),),
        summary="" if outcome == "met" else "It cannot take the call now.",
    )  # fmt: skip
    measured = (
        ("sipprobe_step_status_code", ("trunk", "2"), 200.0 if outcome == "met" else 503.0),
    )
    plain = Result(
        outcome=outcome, duration_s=1.5, calls=1, interrupted=False, steps=(step,),
        measured=measured, block="" if outcome == "met" else "FAIL  trunk › call 9503",
    )  # fmt: skip
    return replace(plain, **about)


@dataclass(slots=True)
class ByHand:
    """Carries runs out: each waits until the test lets it end."""

    answer: Callable[[Ticket], Result] = field(default=lambda _ticket: result())
    "What a run comes to."

    held: bool = False
    "Whether runs wait for ``let_go``."

    carried: list[Ticket] = field(default_factory=list)
    "Runs that began, in order."

    gate: threading.Event = field(default_factory=threading.Event)
    "Open once runs may end."

    began: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    "Released once for each run that began."

    def __call__(self, ticket: Ticket) -> Result:
        """Carry a run out."""
        ticket.begins(f"run-{ticket.number}")
        ticket.stopper.attach(self.gate.set)
        self.carried.append(ticket)
        self.began.release()
        if self.held:
            assert self.gate.wait(PATIENCE_S)
        return self.answer(ticket)

    def wait(self) -> Ticket:
        """Return the newest run once one more has begun."""
        assert self.began.acquire(timeout=PATIENCE_S)
        return self.carried[-1]


class Hands:
    """A clock that the test sets."""

    def __init__(self, at: float = 1_795_000_000.0) -> None:
        """Take the time in seconds since 1970."""
        self.at = at

    def __call__(self) -> float:
        """Return the time."""
        return self.at


def monitor_in(
    folder: Path,
    carry: ByHand,
    *checks: Check,
    now: Hands | None = None,
    **about: Any,  # noqa: ANN401
) -> Monitor:
    """Return a monitor that is ready, with its state in a folder."""
    hands = now or Hands()
    made = Monitor(Store(folder / "serve.sqlite3", hands), carry, now=hands)
    made.use(rules(*checks, **about))
    made.ready = True
    return made
