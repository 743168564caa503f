"""What is run by itself: a scenario at a target, its times, and what it may come to at most."""

from msgspec import Struct

Key = tuple[str, str]
"""Module and target."""


class Check(Struct, frozen=True, kw_only=True):
    """One module at one of its targets."""

    module: str
    "Name of the module."

    target: str
    "Name of the trunk profile."

    interval: float | None
    "Seconds from one run to the next; None where only /probe starts it."

    jitter: float
    "Random delay of a run at most, in seconds."

    timeout: float | None
    "Deadline of the scenario in seconds, over its own."

    calls: int
    "Calls that a run places at most, tries again included; 0 on the embedded trunk."

    calls_per_day: int | None
    "Calls of the module in a UTC day, or None."

    quiet: tuple[tuple[int, int], ...]
    "Minutes of the day in which it is not run, as (first, last); the last is not within."

    owners: frozenset[str]
    "Accounts that a run speaks for: two runs never share one."

    @property
    def key(self) -> Key:
        """Module and target."""
        return self.module, self.target


class Rules(Struct, frozen=True, kw_only=True):
    """Everything that a configuration says."""

    checks: tuple[Check, ...]
    "What is run."

    calls_per_day: int
    "Calls of all in a UTC day."

    calls_per_hour: int
    "Calls of all in any hour."

    runs_at_a_time: int
    "Runs that are under way together."

    zone: str
    "Time zone of quiet hours."

    keep_days: int
    "Days after which results go."

    keep_runs: int
    "Runs that are kept at most."

    def find(self, module: str, target: str) -> Check | None:
        """Return a check, or None."""
        return next((c for c in self.checks if c.key == (module, target)), None)

    def targets(self, module: str) -> tuple[str, ...]:
        """Return the targets of a module; none where there is no such module."""
        return tuple(check.target for check in self.checks if check.module == module)
