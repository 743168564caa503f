"""What every part of a running trunk shares."""

from collections.abc import Callable

from msgspec import Struct

from probe.simulator.clock import Scheduler, Timers
from probe.simulator.records import Records
from probe.simulator.transactions import TransactionLayer
from probe.simulator.transport import Flow


class Site(Struct, frozen=True, kw_only=True):
    """The surroundings of calls and subscriptions."""

    host: str
    "The loopback address that everything is bound to."

    scheduler: Scheduler
    "The clock and the timers."

    timers: Timers
    "The values of the timers."

    transactions: TransactionLayer
    "Where requests of ours are sent from."

    records: Records
    "Where calls are noted."

    max_call_s: float
    "The longest that a call may last, in seconds."

    own_flow: Callable[[], Flow]
    "Returns the way from the trunk to itself."
