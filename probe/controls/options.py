"""OPTIONS to every place where the trunk could be, side by side (RFC 3261 §11).

First the place that the attempt used, the targets that DNS names beside it, the same machine over
the other transports and on the standard port. Then, a second later, the few variants that separate
what is left: as large as the request that was not answered, with its header fields, from another
address of this machine, without a User-Agent.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from msgspec import Struct, field
from msgspec.structs import replace

from probe.controls.budget import LEAST_S, Budget
from probe.controls.exchange import Outcome, Place, exchange
from probe.controls.local import other_addresses
from probe.controls.names import Walk
from probe.controls.places import Probe, places_of
from probe.controls.request import Form, build
from probe.controls.told import answer_facts, in_words
from probe.plan.action import Account
from probe.sip.message import SipMessage
from probe.sip.sdp import address_class
from probe.trace.control import Control, ControlRan
from probe.trace.trace import MessageSent, Trace

WAIT_S = 1.0
"""How long silence is listened to."""

WAIT_AGAIN_S = 0.6
"""The same for a variant, which goes where another answer came, or where silence is expected."""

MOST_PLACES = 12
"""Places that are asked side by side."""

FRESH_S = 30.0
"""How long an answer stands for later attempts of the run."""

_WEB_PORT = 443
_PLAIN_FIELDS = re.compile(
    r"via|max-forwards|from|to|call-id|cseq|contact|route|allow|supported|user-agent|expires|date"
    r"|content-.*|mime-version|(proxy-)?(authorization|require)|session-expires|min-se|accept"
    r"|identity|replaces|join|refer-to|rack|rseq",
    re.IGNORECASE,
)
"""Header fields that every client sends, or that belong to the one request."""


class Memory(Struct):
    """What was asked before in this run."""

    outcomes: dict[tuple[Place, Form], tuple[float, Outcome]] = field(default_factory=dict)
    "When, and what came of it."


def ask_options(
    account: Account, trace: Trace, walk: Walk, budget: Budget, memory: Memory
) -> tuple[ControlRan, ...]:
    """Ask and return one event a question; those that the time does not allow say so."""
    asking = _Asking(account, trace, budget, memory)
    places = tuple(places_of(account, trace, walk))[:MOST_PLACES]
    first = asking.side_by_side(places)
    return (*first, *asking.one_by_one(_variants(account, trace, first, walk)))


class _Asking:
    """Asks the questions of one attempt."""

    def __init__(self, account: Account, trace: Trace, budget: Budget, memory: Memory) -> None:
        self._account = account
        self._trace = trace
        self._budget = budget
        self._memory = memory
        self._began = monotonic()

    def side_by_side(self, probes: tuple[Probe, ...]) -> tuple[ControlRan, ...]:
        """Ask several at once."""
        if not probes:
            return ()
        wait_s = min(WAIT_S, self._budget.left_s)
        with ThreadPoolExecutor(max_workers=MOST_PLACES) as pool:
            return tuple(pool.map(lambda probe: self.ask(probe, wait_s), probes))

    def one_by_one(self, probes: Iterator[Probe]) -> tuple[ControlRan, ...]:
        """Ask one after another."""
        return tuple(self.ask(probe, WAIT_AGAIN_S) for probe in probes)

    def ask(self, probe: Probe, wait_s: float) -> ControlRan:
        """Ask one question, or remember the answer."""
        known = self._memory.outcomes.get((probe.place, probe.form))
        if known is not None and (
            known[1].result != "answered" or monotonic() - known[0] < FRESH_S
        ):
            return self._event(probe, known[1], monotonic(), took_s=0.0)
        began = monotonic()
        if self._budget.spent or not self._budget.wait_for_turn(probe.place.shown):
            return self._not_run(probe)
        outcome = self._outcome(probe, max(LEAST_S, min(wait_s, self._budget.left_s)))
        self._memory.outcomes[probe.place, probe.form] = (began, outcome)
        return self._event(probe, outcome, began, took_s=outcome.took_s)

    def _outcome(self, probe: Probe, wait_s: float) -> Outcome:
        if probe.role == "web":
            return exchange(probe.place, _nothing, min(wait_s, 0.5))
        return exchange(
            probe.place,
            lambda local: build(
                "OPTIONS",
                self._account,
                transport=probe.place.transport,
                local=local,
                form=probe.form,
            ),
            wait_s,
        )

    def _event(self, probe: Probe, outcome: Outcome, began: float, *, took_s: float) -> ControlRan:
        place = probe.place
        facts = (
            f"role={probe.role}",
            f"transport={place.transport}",
            f"address={place.address}",
            f"port={place.port}",
            *((f"host={probe.host}",) if probe.host else ()),
            *answer_facts(outcome),
        )
        return ControlRan(
            at=self._trace.ended + max(0.0, began - self._began),
            control=Control.OPTIONS,
            target=place.shown,
            result=_result(probe, outcome),
            detail=in_words(outcome, _LIKE.get(probe.role, "")),
            facts=facts,
            took_s=took_s,
            messages=tuple(filter(None, (outcome.sent, outcome.received))),
        )

    def _not_run(self, probe: Probe) -> ControlRan:
        return ControlRan(
            at=self._trace.ended,
            control=Control.OPTIONS,
            target=probe.place.shown,
            result="not-run",
            detail=f"not asked: the {self._budget.limit_s:g} s for questions of this run are used",
            facts=(f"role={probe.role}",),
        )


def _result(probe: Probe, outcome: Outcome) -> str:
    """Return the outcome; a port that is only tried is open where it takes the connection."""
    took_it = outcome.result in {"mute", "closed", "not-sip"}
    return "open" if probe.role == "web" and took_it else outcome.result


_LIKE = {
    "sized": "as large as our unanswered request",
    "headers": "with the header fields of our unanswered request",
    "source": "from another address of this machine",
    "unnamed": "without a User-Agent",
    "web": "on the port of web servers, without a word of SIP",
}
"""How a variant is told apart in words."""


def _nothing(_: tuple[str, int]) -> str:
    return ""


# What else to ask -------------------------------------------------------------------------------


def _variants(
    account: Account, trace: Trace, first: tuple[ControlRan, ...], walk: Walk
) -> Iterator[Probe]:
    """Yield the variants that could decide after the first answers."""
    used = next((ran for ran in first if ran.fact("role") == "used"), None)
    if used is None:
        return
    place = Place(
        transport=used.fact("transport") or "UDP",
        address=used.fact("address") or "",
        port=int(used.fact("port") or 5060),
        source=account.bound_host,
        server_name=account.host if address_class(account.host) == "name" else None,
    )
    lost = _unanswered(trace)
    if used.result == "answered" and lost is not None and place.transport == "UDP":
        size, headers = lost
        yield Probe(place=place, role="sized", form=Form(size=size))
        if headers:
            yield Probe(place=place, role="headers", form=Form(headers=headers))
        return
    if used.result != "silent":
        return
    if any(ran.result == "answered" for ran in first):
        return
    if not account.local_address and place.transport == "UDP":
        for source in other_addresses(used.fact("local") or "")[:2]:
            yield Probe(place=replace(place, source=source), role="source")
    yield Probe(place=place, role="unnamed", form=Form(user_agent=False))
    if not walk.services:
        web = Place(transport="TCP", address=place.address, port=_WEB_PORT, source=place.source)
        yield Probe(place=web, role="web")


def _unanswered(trace: Trace) -> tuple[int, tuple[tuple[str, str], ...]] | None:
    """Return size and unusual header fields of our last request of the method, if unanswered."""
    own = [transaction for _, transaction in trace.client_transactions()]
    if not own or own[-1].responses:
        return None
    event = trace.events[own[-1].request]
    if not isinstance(event, MessageSent):
        return None
    return len(event.text.encode("utf-8", "surrogateescape")), _unusual(event.message)


def _unusual(message: SipMessage) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value) for name, value in message.fields if not _PLAIN_FIELDS.fullmatch(name)
    )
