"""Voice mailboxes of the users: how many messages wait (RFC 3842 speaks of new and old)."""

from collections import Counter
from collections.abc import Callable

MAX_MESSAGES = 99
"""Messages that a mailbox counts."""


class Mailboxes:
    """Counts messages; nothing is recorded."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        """Call ``changed`` with the user when a mailbox changes."""
        self._changed = changed
        self._new: Counter[str] = Counter()
        self._old: Counter[str] = Counter()

    def leave(self, user: str) -> None:
        """Take a message for a user."""
        self._new[user] = min(self._new[user] + 1, MAX_MESSAGES)
        self._changed(user)

    def listen(self, user: str) -> None:
        """Let a user hear the messages: the new ones become old."""
        if self._new[user]:
            self._old[user] = min(self._old[user] + self._new[user], MAX_MESSAGES)
            self._new[user] = 0
            self._changed(user)

    def counts(self, user: str) -> tuple[int, int]:
        """Return how many messages are new and old."""
        return self._new[user], self._old[user]
