"""The addresses of a name: by a name server of ours, or by the system's resolver."""

import queue
import socket
import threading
from collections.abc import Callable
from time import monotonic

from msgspec import Struct

from probe.naming.questions import Answer

SystemResolver = Callable[[str], list[str]]
"""Takes a name, returns addresses, raises socket.gaierror."""


class Addresses(Struct, frozen=True, kw_only=True):
    """One look-up of a name's addresses."""

    name: str
    "The name."

    addresses: tuple[str, ...]
    "IPv4 first; empty on failure."

    error: str | None
    """unknown (no such name), empty (no address), failed, refused (to us), silent (no answer), or
    None."""

    detail: str
    "What was said, in words."

    ttl: int | None
    "Seconds that the answer may be kept; None where the system's resolver gave it."

    took_s: float
    "Duration in seconds."


_CODES = {
    "NXDOMAIN": "unknown",
    "empty": "empty",
    "alias": "empty",
    "silent": "silent",
    "REFUSED": "refused",
}
"""What the codes of answers mean to us; every other is a failure of the name server."""


def merged(name: str, answers: list[Answer]) -> Addresses:
    """Return A and AAAA answers as one look-up."""
    addresses = tuple(record for answer in answers for record in answer.records)
    error, detail = None, ""
    if not addresses:
        code = next((a.code for a in answers if a.code != "silent"), "silent")
        error = _CODES.get(code, "failed")
        asked = " and ".join(answer.kind for answer in answers)
        servers = ", ".join(dict.fromkeys(s for answer in answers for s in answer.servers))
        took = max((answer.took_s for answer in answers), default=0.0)
        detail = (
            f"no answer within {took:.1f} s from the name server {servers} to {asked} {name}"
            if code == "silent"
            else f"the name server {servers} answers {code} to {asked}"
        )
    return Addresses(
        name=name,
        addresses=addresses,
        error=error,
        detail=detail,
        ttl=min((answer.ttl for answer in answers if answer.ttl is not None), default=None),
        took_s=max((answer.took_s for answer in answers), default=0.0),
    )


_ERRORS = {
    socket.EAI_NONAME: "unknown",
    socket.EAI_AGAIN: "silent",
    socket.EAI_FAIL: "failed",
    getattr(socket, "EAI_NODATA", -5): "empty",
}


def system_addresses(name: str) -> list[str]:
    """Ask the system's resolver (files, then DNS) for IPv4 and IPv6 addresses."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class InBackground:
    """A look-up by the system's resolver on a thread of its own, because it cannot be ended."""

    _QUICK_S = 0.05

    def __init__(self, resolver: SystemResolver, name: str) -> None:
        self._name = name
        self._began = monotonic()
        self._answers: queue.Queue[tuple[float, list[str] | socket.gaierror]] = queue.Queue()
        self._first: tuple[float, list[str] | socket.gaierror] | None = None
        threading.Thread(target=self._ask, args=(resolver,), daemon=True, name="lookup").start()

    def _ask(self, resolver: SystemResolver) -> None:
        answer: list[str] | socket.gaierror
        try:
            answer = resolver(self._name)
        except socket.gaierror as error:
            answer = error
        except (OSError, UnicodeError) as error:
            answer = socket.gaierror(socket.EAI_NONAME, str(error))
        self._answers.put((monotonic() - self._began, answer))

    def is_quick(self) -> bool:
        """Whether addresses come at once, as from a hosts file or a cache."""
        return self._wait(self._QUICK_S) and isinstance((self._first or (0, None))[1], list)

    def _wait(self, seconds: float) -> bool:
        if self._first is None:
            try:
                self._first = self._answers.get(timeout=seconds)
            except queue.Empty:
                return False
        return True

    def result(self, limit_s: float, *, ipv6: bool) -> Addresses:
        """Wait for the answer."""
        if not self._wait(limit_s) or self._first is None:
            took = monotonic() - self._began
            words = f"no answer within {took:.1f} s from the system's resolver"
            return self._told((), "silent", words, took)
        took, answer = self._first
        if isinstance(answer, socket.gaierror):
            error = _ERRORS.get(answer.errno or 0, "failed")
            return self._told((), error, str(answer.strerror or answer), took)
        usable = [a for a in answer if ipv6 or ":" not in a]
        if answer and not usable:
            words = f"only IPv6 addresses ({', '.join(answer[:3])}), which cannot be used from here"
            return self._told((), "empty", words, took)
        return self._told(tuple(usable), None if usable else "empty", "", took)

    def _told(
        self, addresses: tuple[str, ...], error: str | None, detail: str, took_s: float
    ) -> Addresses:
        return Addresses(
            name=self._name,
            addresses=addresses,
            error=error,
            detail=detail,
            ttl=None,
            took_s=took_s,
        )
