"""How many calls of an agent are up at a time if everything goes as the scenario wants it."""

from collections.abc import Iterable, Iterator

from probe.plan.action import Action, Call, Cancel, Expect, Hangup, Take, Transfer
from probe.plan.capabilities import Capabilities
from probe.plan.plan import Attempt

CALLS_OF_EVERY_BUILD = 4
"""PJSUA_MAX_CALLS of the default configuration: so many need no question."""


def crowded(
    attempts: Iterable[Attempt], capabilities: Capabilities
) -> Iterator[tuple[Attempt, str]]:
    """Yield, for each agent, the first attempt whose call finds no room, and why.

    Only calls that are certainly up count: of one that is expected to be refused, or that another
    agent does not answer, nobody knows.
    """
    up: dict[str, set[int]] = {}
    told: set[str] = set()
    for attempt in attempts:
        _end(up, attempt.action)
        for account, call in _begun(attempt):
            calls = up.setdefault(account, set())
            if len(calls) >= capabilities.max_calls and account not in told:
                told.add(account)
                yield attempt, _why(account, len(calls) + 1, capabilities)
            calls.add(call)
        if not _stays(attempt.action):
            for calls in up.values():
                calls.discard(attempt.index)


def _why(account: str, calls: int, capabilities: Capabilities) -> str:
    return (
        f"this is call {calls} of '{account}' that is up at a time, and the installed pjsua2"
        f" carries {capabilities.max_calls}"
    )


def _begun(attempt: Attempt) -> Iterator[tuple[str, int]]:
    """Yield who has a call more from an attempt on, and which."""
    action = attempt.action
    wanted = attempt.expectation
    if wanted is not None and (wanted.responses is not None or wanted.failure is not None):
        return
    if isinstance(action, Call):
        yield action.account, attempt.index
        for told in attempt.prepares[:1]:  # others may be told beside the one that is called
            if isinstance(told, Expect) and told.manner.kind == "answer":
                yield told.account, attempt.index
    elif isinstance(action, Take) and action.call == attempt.index:
        yield action.account, attempt.index


def _stays(action: Action) -> bool:
    """Whether a call that an action begins is up after it."""
    return not isinstance(action, Call) or (
        action.hangup_after is None and action.ring_for is None and action.wait_for == "final"
    )


def _end(up: dict[str, set[int]], action: Action) -> None:
    """Forget the calls that an action ends."""
    ended: tuple[int | None, ...] = ()
    if isinstance(action, Hangup | Cancel):
        ended = (action.call,)
    elif isinstance(action, Transfer):
        ended = (action.call, action.replaces)
    for calls in up.values():
        calls.difference_update(ended)
