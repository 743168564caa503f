"""Where a number of the PBX leads: users, a group, a hunt, a redirection."""

from msgspec import Struct

from probe.simulator.numbers import normal
from probe.simulator.users import OUTSIDE, USERS, is_extension

DID = "12025550101"
"""The number by which 101 is reached from outside, as ``numbers.normal`` writes it."""

NO_ANSWER_S = 3.0
"""Seconds that a party of a hunt or a mailbox number rings."""


class Stage(Struct, frozen=True, kw_only=True):
    """Parties that ring at the same time."""

    users: tuple[str, ...] = ()
    "Extensions; each at all of its contacts."

    numbers: tuple[str, ...] = ()
    "Numbers of the PBX's own, which always answer in some way."

    seconds: float | None = None
    "How long they ring; None until the PBX gives up."


class Route(Struct, frozen=True, kw_only=True):
    """What happens to a call."""

    stages: tuple[Stage, ...] = ()
    "One after the other, until somebody answers."

    redirect: str = ""
    "The number that the caller is sent to by 302 instead; empty for none."

    forwarded: bool = False
    "Whether the caller is told of it by 181."


def _user(user: str, seconds: float | None = None) -> Stage:
    return Stage(users=(user,), seconds=seconds)


def leave_number(user: str) -> str:
    """Return the number at which messages for a user are left."""
    return f"64{user[-1]}"


GROUPS = {
    "600": Route(
        stages=(Stage(users=("101", "102")),),
    ),
    "601": Route(
        stages=(_user("101", NO_ANSWER_S), _user("102")),
    ),
    "602": Route(redirect="102"),
    "603": Route(stages=(_user("102"),), forwarded=True),
    "604": Route(
        stages=(_user("101", NO_ANSWER_S), Stage(numbers=(leave_number("101"),))),
    ),
    DID: Route(stages=(_user("101"),)),
}
"""Numbers that ring somebody else than they name."""


def route_of(dialled: str) -> Route | None:
    """Return where a number leads, None where it is no user's and no group's."""
    number = normal(dialled)
    if number in GROUPS:
        return GROUPS[number]
    if number in USERS and number != OUTSIDE:
        return Route(stages=(_user(number),))
    return Route() if is_extension(number) else None
