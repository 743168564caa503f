"""The users of the embedded PBX: extensions of fixed numbers, which share one password."""

USERS = {"100": "Alice", "101": "Bob", "102": "Carol", "103": "Dave", "199": "Outside"}
"""Extensions and the names that they show when they call (RFC 3261 §20.20).

199 is no extension of the house but the telephone network: what it shows as From is passed on.
"""

OUTSIDE = "199"
"""The user that stands for the rest of the world."""

_EXTENSION_LENGTH = 3


def is_extension(dialled: str) -> bool:
    """Whether a number is one of the range of extensions, somebody's or nobody's."""
    return len(dialled) == _EXTENSION_LENGTH and dialled.isdigit() and dialled.startswith("1")
