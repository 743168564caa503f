"""The same call once more, changed in one thing: what that change does separates two causes.

Such a call may be answered and cost money, so it is placed only where the user said so. It goes
through the same executor, caps and pace as every other call, is cancelled as soon as it rings, and
never dials a number that the rails would refuse.
"""

import re
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from probe.plan.action import Account, Call, Register
from probe.plan.plan import Attempt, Plan
from probe.plan.rails import dear_number, emergency_number
from probe.sip.message import uri_user
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace

G711 = ("PCMU", "PCMA")
"""The codecs that every trunk takes (ITU-T G.711)."""

AGAIN_AFTER_S = 6.0
"""Least seconds between two calls to one number: some providers refuse the second as a repeat."""

RING_S = 0.1
"""Seconds of ringing after which the call is cancelled."""

WITHIN_S = 8.0
"""Seconds after which a call that neither rings nor is refused is given up."""

_TRANSPORT = re.compile(r";transport=\w+", re.IGNORECASE)
_DIGITS = re.compile(r"\+?\d{7,15}\Z")


class Placed(Struct, frozen=True, kw_only=True):
    """What came of the plan that was placed."""

    ran: tuple[tuple[Attempt, Trace], ...]
    "Each attempt with its last try."

    alarms: tuple[str, ...] = ()
    "What must be looked at by hand."


Place = Callable[[Plan], Placed]
"""Carries out a plan."""


def place_again(
    control: Control, attempt: Attempt, trace: Trace, *, plan: Plan, place: Place
) -> tuple[ControlRan, ...]:
    """Place the changed call and say what came of it; where nothing can be changed, say so."""
    changed = variant(control, plan, attempt)
    if changed is None:
        return (_ran(control, trace, "not-run", "there is nothing to change in this call"),)
    what, again = changed
    placed = place(again)
    _, last = placed.ran[-1]
    result, said, facts = _outcome(last)
    alarms = "".join(f"; look at it by hand: {alarm}" for alarm in placed.alarms)
    return (
        replace(
            _ran(control, trace, result, f"{what}: {said}{alarms}"),
            facts=facts,
            took_s=max(0.0, last.ended - last.began),
        ),
    )


def variant(control: Control, plan: Plan, attempt: Attempt) -> tuple[str, Plan] | None:
    """Return what is changed, in words, and the plan that places it; None where nothing can be."""
    account, call = attempt.account, attempt.action
    if account is None or not isinstance(call, Call):
        return None
    changed = _change(control, account, call)
    if changed is None:
        return None
    what, other, again = changed
    before = [
        replace(one, account=other)
        for one in plan.attempts[: attempt.index]
        if isinstance(one.action, Register) and one.account == account
    ][-1:]
    again = replace(again, hangup_after=0.0, ring_for=RING_S, wait_for="final", timeout=4.0)
    again = replace(again, answer_within=min(call.answer_within, WITHIN_S))
    limits = attempt.limits
    if limits is not None:
        limits = replace(limits, gap=max(limits.gap, AGAIN_AFTER_S))
    calls = replace(
        attempt, account=other, action=again, expectation=None, retry=None, limits=limits
    )
    attempts = tuple(
        replace(one, index=index, action=replace(one.action, attempt=index), depends_on=())
        for index, one in enumerate((*before, calls))
    )
    return what, replace(
        plan, accounts=(other,), attempts=attempts, timeout=2 * WITHIN_S, warnings=()
    )


Changed = tuple[str, Account, Call] | None
"""What was changed, in words, the account and the call; None where nothing can be changed."""


def _change(control: Control, account: Account, call: Call) -> Changed:
    """Return the changed account and call, or None where the control changes nothing."""
    return _CHANGES[control](account, call) if control in _CHANGES else None


def _slim(account: Account, call: Call) -> Changed:
    slim = replace(account, codecs=G711[:1], headers=(), prack=None, session_timer=None)
    return "a small INVITE", slim, replace(call, headers=(), codecs=())


def _g711(account: Account, call: Call) -> Changed:
    if set(call.codecs or account.codecs) <= set(G711):
        return None
    return "G.711 alone", replace(account, codecs=G711), replace(call, codecs=())


def _without_srtp(account: Account, call: Call) -> Changed:
    return None if account.srtp == "off" else ("plain RTP", replace(account, srtp="off"), call)


def _e164(account: Account, call: Call) -> Changed:
    target = e164_target(call.target)
    return None if target is None else (target, account, replace(call, target=target))


def _other_transport(account: Account, call: Call) -> Changed:
    if account.transport not in {"udp", "tcp"}:
        return None  # the port of TLS is another one, and plain text would show what TLS hides
    other = "tcp" if account.transport == "udp" else "udp"
    there = replace(
        account,
        transport=other,
        registrar=over(account.registrar, other),
        proxy=over(account.proxy, other) if account.proxy else None,
    )
    return f"over {other.upper()}", there, replace(call, target=over(call.target, other))


_CHANGES: dict[Control, Callable[[Account, Call], Changed]] = {
    Control.SLIM: _slim,
    Control.G711: _g711,
    Control.WITHOUT_SRTP: _without_srtp,
    Control.E164: _e164,
    Control.OTHER_TRANSPORT: _other_transport,
}


def over(uri: str, transport: str) -> str:
    """Return a URI with this transport parameter (RFC 3261 §19.1.1); UDP is the default one."""
    plain = _TRANSPORT.sub("", uri)
    return plain if transport == "udp" else f"{plain};transport={transport}"


def e164_target(target: str) -> str | None:
    """Return the target with its number as +E.164, or without the plus where it had one.

    None where it is no international number, or the rails refuse it in its new form.
    """
    user = uri_user(target)
    international = re.sub(r"\A(?:00|011)", "+", user)
    if not _DIGITS.match(international):
        return None
    other = user.removeprefix("+") if user.startswith("+") else f"+{international.lstrip('+')}"
    changed = target.replace(user, other, 1)
    if other == user or emergency_number(changed) or dear_number(changed):
        return None
    return changed


def _outcome(trace: Trace) -> tuple[str, str, tuple[str, ...]]:
    """Return the result in a word and in words, and the facts."""
    codes = [response.status for response in trace.responses()]
    facts = tuple(f"status={code}" for code in codes)
    if any(180 <= code < 300 for code in codes):
        return "rang", f"it went through ({' '.join(map(str, codes))})", facts
    finals = [code for code in codes if code >= 200]
    if finals:
        return "refused", f"refused again with {finals[-1]}", facts
    if codes:
        return "provisional", f"only {codes[-1]} came", facts
    failure = trace.failure()
    return "silent", f"nothing came back{f' ({failure.failure.value})' if failure else ''}", facts


def _ran(control: Control, trace: Trace, result: str, detail: str) -> ControlRan:
    return ControlRan(
        at=trace.ended,
        control=control,
        target=control.value,
        result=result,
        detail=detail,
    )
