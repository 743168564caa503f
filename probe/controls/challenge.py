"""One REGISTER without Contact or credentials: what the registrar asks for (RFC 3261 §22)."""

from collections.abc import Iterator

from probe.controls.exchange import Outcome, exchange
from probe.controls.names import Walk
from probe.controls.places import place_of, used_places
from probe.controls.request import build
from probe.controls.told import answer_facts, in_words, printable
from probe.plan.action import Account
from probe.trace.control import Control, ControlRan
from probe.trace.trace import CHALLENGES, Trace

WAIT_S = 1.0
"""How long an answer is waited for."""


def ask_challenge(account: Account, trace: Trace, walk: Walk, wait_s: float) -> ControlRan | None:
    """Ask the place that the attempt used; None where there is no address."""
    places = used_places(account, trace, walk)
    if not places:
        return None
    place = place_of(account, *places[0])
    outcome = exchange(
        place,
        lambda local: build("REGISTER", account, transport=place.transport, local=local),
        min(WAIT_S, wait_s),
    )
    return ControlRan(
        at=trace.ended,
        control=Control.CHALLENGE,
        target=place.shown,
        result=_result(outcome),
        detail=printable(f"a REGISTER without login: {in_words(outcome)}{_asks(outcome)}", 300),
        facts=(*answer_facts(outcome), *_challenges(outcome)),
        took_s=outcome.took_s,
        messages=tuple(filter(None, (outcome.sent, outcome.received))),
    )


def _result(outcome: Outcome) -> str:
    status = outcome.answer.status if outcome.answer else None
    if status is None:
        return outcome.result
    if status in CHALLENGES:
        return "challenged"
    return "accepted" if status < 300 else "answered-otherwise"


def _asks(outcome: Outcome) -> str:
    asked = [f.partition("=")[2] for f in _challenges(outcome) if f.startswith("realm=")]
    return f", and asks for a login in the realm {', '.join(asked)}" if asked else ""


def _challenges(outcome: Outcome) -> Iterator[str]:
    answer = outcome.answer
    if answer is None:
        return
    for name in ("WWW-Authenticate", "Proxy-Authenticate"):
        if answer.first(name) is not None:
            yield f"field={name}"
    for challenge in answer.challenges:
        yield f"scheme={printable(challenge.scheme)}"
        yield f"realm={printable(challenge.realm)}"
        yield f"algorithm={printable(challenge.algorithm)}"
        yield f"qop={printable(challenge.get('qop') or 'none')}"
        yield f"stale={'yes' if challenge.stale else 'no'}"
