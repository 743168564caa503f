"""How far a run is: what is done, how fast it goes, how long the rest will take."""

from msgspec import Struct, field

ENOUGH = 3
"""Attempts that must be over before the time that is left is guessed."""

LONG_S = 5.0
"""Seconds of a run before which nobody wants to know how long it takes."""


class Pace(Struct, kw_only=True):
    """What a run has done so far; times are seconds on one clock."""

    total: int
    "Attempts of the run."

    began: float
    "When it began."

    begun: int = 0
    "Attempts that have begun, further tries not counted."

    calls: int = 0
    "Calls that have begun, further tries counted."

    outcomes: dict[str, int] = field(default_factory=dict)
    "How many findings came to what."

    def begins(self, *, calls: bool, again: bool) -> None:
        """Count an attempt that begins."""
        self.begun += not again
        self.calls += calls

    def found(self, outcome: str) -> None:
        """Count a finding."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def short(self, now: float) -> str:
        """Return it for one line: ``[12/40]  2 not met  0.9 calls/s  40 s left``."""
        parts = [f"[{self.begun}/{self.total}]", *self._bad(), *self._speed(now)]
        left = self.left(now)
        return "  ".join([*parts, *([f"{in_words(left)} left"] if left is not None else [])])

    def sentence(self, now: float) -> str:
        """Return it for a log: ``11 of 40 done, 2 not met, 0.9 calls/s, about 40 s left``."""
        parts = [f"{self.done()} of {self.total} done", *self._bad(), *self._speed(now)]
        left = self.left(now)
        return ", ".join([*parts, *([f"about {in_words(left)} left"] if left is not None else [])])

    def done(self) -> int:
        """Return how many attempts are over: all that have begun but the present one."""
        return max(0, self.begun - 1)

    def left(self, now: float) -> float | None:
        """Return the seconds that the rest will take if it goes on like this, or None."""
        took = now - self.began
        if self.done() < ENOUGH or took < LONG_S:
            return None
        return took / self.begun * (self.total - self.done())

    def _bad(self) -> list[str]:
        """Return what went wrong so far."""
        words = {"NOT_MET": "not met", "INCONCLUSIVE": "not tested"}
        return [
            f"{self.outcomes[key]} {word}" for key, word in words.items() if key in self.outcomes
        ]

    def _speed(self, now: float) -> list[str]:
        """Return the calls per second, once there were some."""
        took = now - self.began
        return [f"{self.calls / took:.1f} calls/s"] if self.calls > 2 and took >= 1 else []


def in_words(seconds: float) -> str:
    """Return a duration as people say it: ``40 s``, ``2 min 05 s``, ``1 h 02 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
