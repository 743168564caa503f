"""One check and its outcome: what was found, how bad it is, what to do."""

from enum import Enum

from msgspec import Struct


class State(Enum):
    """How a check came out."""

    OK = "ok"
    "As it should be."

    WARNING = "warning"
    "Calls can be placed; something may not work, or only part of it was seen."

    FAULT = "fault"
    "Something will not work."

    NOT_CHECKED = "not checked"
    "It could not be looked at; the text says why."


class Check(Struct, frozen=True, kw_only=True):
    """One line of the examination."""

    topic: str
    "What was looked at, in one or two words."

    state: State
    "How it came out."

    says: str
    "What was found."

    remedy: str = ""
    "What to do, in one sentence; empty where nothing need be done."


def ok(topic: str, says: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(topic=topic, state=State.OK, says=says)


def warning(topic: str, says: str, remedy: str) -> Check:
    """Return a check that found something to know of."""
    return Check(topic=topic, state=State.WARNING, says=says, remedy=remedy)


def fault(topic: str, says: str, remedy: str) -> Check:
    """Return a check that found something broken."""
    return Check(topic=topic, state=State.FAULT, says=says, remedy=remedy)


def unchecked(topic: str, why: str, remedy: str = "") -> Check:
    """Return a check that could not be made, with the reason."""
    return Check(topic=topic, state=State.NOT_CHECKED, says=why, remedy=remedy)
