"""Who of the users is there: registered or not, and when that changes."""

from collections.abc import Callable

from probe.simulator.clock import Cancellable, Scheduler
from probe.simulator.registrar import Registrar


class Presence:
    """Watches the registrar's bindings, also as they expire."""

    def __init__(
        self, scheduler: Scheduler, registrar: Registrar, changed: Callable[[str], None]
    ) -> None:
        """Call ``changed`` with the user who comes or goes."""
        self._scheduler = scheduler
        self._registrar = registrar
        self._changed = changed
        self._present: set[str] = set()
        self._expiry: dict[str, Cancellable] = {}

    def is_open(self, user: str) -> bool:
        """Whether a user is registered (RFC 3863 §4.1.4: can be reached)."""
        return bool(self._registrar.bindings(user))

    def look(self, user: str) -> None:
        """Look at a user's bindings, after a REGISTER and when the first of them ends."""
        bindings = self._registrar.bindings(user)
        expiry = self._expiry.pop(user, None)
        if expiry is not None:
            expiry.cancel()
        if bindings:
            soonest = min(binding.expires_at for binding in bindings)
            wait = max(soonest - self._scheduler.time(), 0.0) + 0.01  # the end is exclusive
            self._expiry[user] = self._scheduler.call_later(wait, lambda: self.look(user))
        if bool(bindings) != (user in self._present):
            self._present ^= {user}
            self._changed(user)

    def close(self) -> None:
        """Stop watching."""
        for expiry in self._expiry.values():
            expiry.cancel()
        self._expiry.clear()
