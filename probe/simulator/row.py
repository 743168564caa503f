"""A row of the table of numbers, and the replies that most rows are made of."""

from msgspec import Struct

from probe.simulator.behaviour import Behaviour, Reply, Sdp

PICKUP_S = 0.15
"""Seconds between ringing and answer on an ordinary number."""

SOON_S = 0.05
"""Seconds between 100 and ringing."""

TRYING = Reply(code=100)
RINGING = Reply(code=180, after=SOON_S)
ANSWERING = Reply(code=200, after=PICKUP_S, sdp=Sdp.ANSWER)


class Row(Struct, frozen=True, kw_only=True):
    """One row."""

    number: str
    "What to dial."

    alias: str
    "The same by name."

    does: str
    "What happens, in a few words."

    behaviour: Behaviour
    "What happens."

    note: str = ""
    "What it is good for, or what else to know; may be empty."
