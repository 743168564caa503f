"""What the PBX's numbers do, in words: `simulate --list` and docs/embedded-trunk.md.

Nothing of the network side is loaded for it.
"""

from msgspec import Struct

from probe.simulator.users import OUTSIDE, USERS


class Entry(Struct, frozen=True, kw_only=True):
    """One row."""

    number: str
    "What to dial."

    alias: str
    "The same by another name; may be empty."

    does: str
    "What happens, in a few words."


def directory() -> tuple[Entry, ...]:
    """Return every number of the PBX."""
    users = tuple(
        Entry(number=user, alias="", does=f"rings wherever {name} is registered; nowhere: 480")
        for user, name in USERS.items()
        if user != OUTSIDE
    )
    leave = tuple(
        Entry(number=f"64{user[-1]}", alias="", does=f"takes a message for {name}: MWI after it")
        for user, name in USERS.items()
        if user != OUTSIDE
    )
    others = (
        ("+12025550101", "", "rings Bob: the direct number by which the world outside reaches 101"),
        (
            "600",
            "",
            "group: rings 101 and 102; the first to answer has it, CANCEL for the other",
        ),
        ("601", "", "hunt: 101 rings 3 s, then 102, with Diversion"),
        ("602", "", "302 to 102"),
        ("603", "", "forwarded: 181, then rings 102, with Diversion"),
        ("604", "", "rings 101; busy, declined, away or 3 s without answer: its voicemail"),
        ("650", "*97", "plays the caller's messages: the new ones become old"),
        ("660", "*43", "echo"),
        ("670", "menu", "collects keys (INFO, RFC 4733) up to `#`, says them in Reason of its BYE"),
        ("680", "fax", "asks for T.38 by re-INVITE; hangs up on who accepts"),
    )
    services = tuple(Entry(number=n, alias=a, does=d) for n, a, d in others)
    return (*users, *services, *leave)


def directory_markdown() -> str:
    """Return the table as docs/embedded-trunk.md shows it."""
    lines = ["| dial | or | what happens |", "| --- | --- | --- |"]
    for entry in directory():
        alias = f"`{entry.alias}`" if entry.alias else ""
        lines.append(f"| `{entry.number}` | {alias} | {entry.does} |")
    return "\n".join(lines) + "\n"
