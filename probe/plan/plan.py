"""A scenario with everything resolved: who acts, on what, and what should come of it."""

from math import ceil

from msgspec import Struct, field

from probe.plan.action import Account, Action
from probe.scenario.expectation import Expectation
from probe.scenario.rows import Row
from probe.scenario.schema import Retry
from probe.scenario.source import Source


class Price(Struct, frozen=True, kw_only=True):
    """What calls through a trunk cost, as its owner wrote it."""

    minute: float
    "Each minute of talk that has begun."

    call: float
    "Each call that is answered, beside its minutes."

    currency: str
    "How amounts are called; empty where nobody said it."

    def of(self, seconds: float) -> float:
        """Return the price of a call with so many seconds of talk; nothing for none."""
        return self.call + self.minute * ceil(seconds / 60) if seconds > 0 else 0.0

    def shown(self, amount: float) -> str:
        """Return an amount in words."""
        return f"{amount:.4f}".rstrip("0").rstrip(".") + f" {self.currency}".rstrip()


class Limits(Struct, frozen=True, kw_only=True):
    """What the calls of one account may come to at most; None for no limit."""

    owner: str
    "Whose calls count together: ``auth_user@registrar``."

    calls_per_run: int | None
    "Calls of a run."

    calls_per_day: int | None
    "Calls of a UTC day, over all runs."

    minutes_per_day: int | None
    "Minutes of talk of a UTC day, over all runs."

    refused_logins_per_day: int | None
    "Refused logins of a UTC day after which no other is tried."

    gap: float
    "Least seconds between the beginnings of two calls."

    price: Price | None = None
    "What calls cost, or None where nobody said it."

    cost_per_run: float | None = None
    "What the calls of a run may cost."

    cost_per_day: float | None = None
    "What the calls of a UTC day may cost, over all runs."

    concurrent_calls: int | None = None
    "Calls at a time, over all runs."

    host: str = ""
    "Where requests go, as host:port: what is registered or asked there has a pace of its own."

    request_gap: float = 0.0
    "Seconds between two REGISTER or OPTIONS to that host, once the first few are used up."


class Attempt(Struct, frozen=True, kw_only=True):
    """One thing to try, and what should come back."""

    index: int
    "Position in the plan, from 0."

    step: int
    "Number of the step in its file, from 1."

    label: str
    "The attempt in words, e.g. ``call +12025550123``."

    method: str
    "The method under test: REGISTER, INVITE, BYE, CANCEL, OPTIONS; empty for talk and wait."

    direction: str
    "register, outbound or inbound: which meanings of a code apply."

    action: Action
    "What the agent is told."

    account: Account | None
    "The account that acts; None for wait."

    expectation: Expectation | None
    "What should come back; None means a 2xx, and for a call its ACK and a clean BYE."

    retry: Retry | None
    "When to try again; None for never."

    source: Source
    "Where the step stands."

    provider: str | None
    "Provider whose meanings explain, or None."

    depends_on: tuple[int, ...] = ()
    "Attempts without whose success this one cannot be tried (the call of a hangup)."

    prepares: tuple[Action, ...] = ()
    "What other agents are told before: how they take the call that is to reach them."

    limits: Limits | None = None
    "What bounds this attempt beside its deadlines, or None."


class Plan(Struct, frozen=True, kw_only=True):
    """One scenario, fully resolved."""

    scenario: str
    "Identifier: the file's stem, with the row in brackets where the file has rows."

    name: str
    "The scenario's title."

    file: str
    "Path of the file as given."

    tags: tuple[str, ...]
    "Tags."

    trunk: str
    "Name of the trunk profile."

    accounts: tuple[Account, ...]
    "Every account that acts."

    attempts: tuple[Attempt, ...]
    "What to try, in order."

    timeout: float
    "Seconds for the whole scenario."

    row: Row | None = None
    "The row that gave the values, or None."

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites of a fleet at which its accounts are; none where any will do."""
        return tuple(dict.fromkeys(account.site for account in self.accounts if account.site))

    warnings: tuple[str, ...] = field(default=())
    "What the reader should know before the verdict, e.g. that TLS verification is off."
