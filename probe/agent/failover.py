"""One server after the other: which one a request goes to, and when the next one is due.

RFC 3263 §4.3: a server that is silent, cannot be reached, or says 503 is left for the next one. We
do so within the attempt, and soon: timer B would wait for 32 s. A request never goes to two servers
that may both carry it out: once anything but a 503 came back, it stays where it is.
"""

import re
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from probe.agent.lookups import events_of
from probe.naming.targets import Located, Target, Wanted, locate
from probe.plan.action import Account
from probe.sip.message import uri_host
from probe.trace.failure import Failure
from probe.trace.route import NextHop
from probe.trace.trace import Event

SILENT_S = 2.0
"""Longest silence of a server that has a successor: three copies of a request by UDP have left by
then (RFC 3261 §17.1.1.2: at 0, 0.5 and 1.5 s)."""

LEAVES = {
    Failure.NO_RESPONSE: "did not answer within {waited:g} s",
    Failure.PORT_UNREACHABLE: "has nothing at that port (ICMP)",
    Failure.HOST_UNREACHABLE: "cannot be reached (ICMP)",
    Failure.PROHIBITED: "is behind a filter that refuses us (ICMP)",
    Failure.NO_ROUTE: "cannot be reached from here: no route",
    Failure.TCP_REFUSED: "refused the connection",
    Failure.TCP_TIMEOUT: "did not take the connection within {waited:g} s",
    Failure.CONNECTION_LOST: "closed the connection",
    Failure.TLS_CERTIFICATE: "showed a certificate that does not fit",
    Failure.TLS_HANDSHAKE: "did not complete the TLS handshake",
}
"""Failures after which the next server is tried, in words."""

OVERLOADED = "answered 503"

_MAY_GO_ON = frozenset({Failure.NO_RESPONSE, Failure.CONNECTION_LOST})
"""Failures after which the server may still be working on what it was sent."""

_TRANSPORT = re.compile(r";transport=(\w+)", re.IGNORECASE)

Locate = Callable[[Wanted], Located]


class MovesOn(Exception):  # noqa: N818 - no error: the action goes on at the next server
    """The server in hand is to be left for the next one."""

    def __init__(self, why: str, *, may_go_on: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.may_go_on = may_go_on


class _Known(Struct, kw_only=True):
    """A next hop that was looked up."""

    located: Located
    until: float
    "When it is to be looked up again, on the trace's clock."
    good: Target | None = None
    "The server that answered last."
    untold: bool = True
    "Whether the trace does not say yet how it was found."


class Hops:
    """The servers of one account's requests."""

    def __init__(
        self,
        account: Account,
        clock: Callable[[], float],
        record: Callable[[Event], None],
        *,
        find: Locate = locate,
        ipv6: bool = False,
    ) -> None:
        self._account = account
        self._clock = clock
        self._record = record
        self._find = find
        self._known: dict[Wanted, _Known] = {}
        self._own = Wanted(
            host=account.host,
            port=account.port,
            transport=None if account.any_transport else account.transport,
            nameserver=account.nameserver,
            ipv6=ipv6 and ":" in (account.bound_host or ":"),  # no use to a socket of IPv4
        )
        self._hop = _Known(
            located=Located(wanted=self._own, targets=(), answers=(), lookups=()), until=0.0
        )
        self._order: list[Target] = []
        self._family: int | None = None
        self._began = 0.0

    def settle(self) -> Account:
        """Look the account's own next hop up; return the account with the transport that it has."""
        self._choose(self._own)
        if self._order:
            bound = self._account.bound_host or self._order[0].address
            self._family = _family(bound)
            self._choose(self._own)
        if not self._order or not self._account.any_transport:
            return self._account
        self._account = replace(self._account, transport=self._order[0].transport)
        return self._account

    @property
    def wanted(self) -> Wanted:
        """The next hop in hand as its URI names it."""
        return self._hop.located.wanted

    @property
    def target(self) -> Target | None:
        """The server in hand, None where the name leads to none."""
        return self._order[0] if self._order else None

    def begin(self, uri: str) -> str:
        """Take the next hop of a Request-URI in hand; return why it has no server, or ""."""
        self._choose(self._hop_of(uri))
        if self._hop.untold:
            self._hop.untold = False
            for event in events_of(self._hop.located, self._clock()):
                self._record(event)
        return self._hop.located.why_not

    def tries(self) -> None:
        """Take note that the server in hand is tried from now on."""
        self._began = self._clock()
        if len(self._hop.located.targets) > 1:
            self._told()

    @property
    def plain(self) -> bool:
        """Whether the stack, asking the system for the name's address, would find this server."""
        located = self._hop.located
        return (
            located.wanted.nameserver is None
            and located.wanted.transport is not None
            and [target.host for target in located.targets] == [located.wanted.host]
        )

    def patience(self, timeout: float) -> float:
        """Return how long the server in hand may be silent, in seconds."""
        return min(timeout, SILENT_S) if self.more else timeout

    @property
    def more(self) -> bool:
        """Whether there is another server to try."""
        return len(self._order) > 1

    def leave(self, left: MovesOn, call_id: str | None) -> None:
        """Go on to the next server."""
        waited = round(self._clock() - self._began, 3)
        unfinished = call_id if left.may_go_on and call_id else ""
        self._told(left=left.why, waited_s=waited, unfinished=unfinished)
        self._order.pop(0)

    def answered(self) -> None:
        """Take note that the server in hand is there: later requests begin with it."""
        self._hop.good = self.target

    def _told(self, **facts: object) -> None:
        target = self._order[0]
        targets = self._hop.located.targets
        self._record(
            NextHop(
                at=self._clock(),
                place=targets.index(target) + 1,
                of=len(targets),
                host=target.host,
                remote=target.remote,
                transport=target.transport,
                **facts,  # type: ignore[arg-type]  # the fields that leave() names
            )
        )

    def _hop_of(self, uri: str) -> Wanted:
        """Return the next hop of a request: the account's, unless the URI leads elsewhere."""
        host, port = uri_host(uri)
        if not host or self._account.proxy is not None:
            return self._own
        if (host.lower(), port) == (self._account.host.lower(), self._account.port):
            return self._own
        found = _TRANSPORT.search(uri)
        transport = found.group(1).upper() if found else self._account.transport
        return replace(self._own, host=host, port=port, transport=transport)

    def _choose(self, wanted: Wanted) -> None:
        """Look a hop up where that is due; what was found stays in use if DNS fails later."""
        known = self._known.get(wanted)
        failed = known is not None and not known.located.targets and not known.untold
        if known is None or failed or self._clock() >= known.until:
            located = self._find(wanted)
            if located.targets or known is None or not known.located.targets:
                ttl = located.ttl
                until = float("inf") if ttl is None else self._clock() + ttl
                good = known.good if known is not None else None
                known = self._known[wanted] = _Known(located=located, until=until, good=good)
        self._hop = known
        targets = known.located.targets
        # One socket speaks IPv4 or IPv6: servers of the other kind are out of its reach.
        near = [t for t in targets if self._family in {None, _family(t.address)}]
        self._order = sorted(near or targets, key=lambda target: target != known.good)


def _family(address: str) -> int:
    """Return 6 or 4; ``address`` may have a port."""
    return 6 if address.count(":") > 1 else 4


def why_left(failure: Failure, waited: float) -> MovesOn | None:
    """Return why a server is left after a failure, or None where it is not."""
    words = LEAVES.get(failure)
    if words is None:
        return None
    return MovesOn(words.format(waited=round(waited, 1)), may_go_on=failure in _MAY_GO_ON)
