"""One look-up of the next hop's name before anything is sent.

pjsip resolves names itself, but reports an unknown name as 502 and can block for as long as the
system's resolver does. Asking first costs one cached query and tells *unknown* from *silent*.
"""

import queue
import socket
import threading
from collections.abc import Callable

from probe.trace.trace import NameLookup

LOOKUP_S = 4.0
"""Longest wait for the system's resolver: verdicts on a dead name stay within five seconds."""

_ERRORS = {
    socket.EAI_NONAME: "unknown",
    socket.EAI_AGAIN: "silent",
    socket.EAI_FAIL: "failed",
    getattr(socket, "EAI_NODATA", -5): "empty",
}

Resolver = Callable[[str], list[str]]
"""Takes a name, returns addresses, raises socket.gaierror."""


def system_addresses(name: str) -> list[str]:
    """Ask the system's resolver (files, then DNS) for IPv4 and IPv6 addresses."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def look_up(
    name: str,
    clock: Callable[[], float],
    *,
    resolver: Resolver = system_addresses,
    limit_s: float = LOOKUP_S,
) -> NameLookup:
    """Look a name up within a limit; the result is an event, an unknown name is no exception."""
    began = clock()
    answers: queue.Queue[list[str] | socket.gaierror] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(resolver(name))
        except socket.gaierror as error:
            answers.put(error)
        except (OSError, UnicodeError) as error:
            answers.put(socket.gaierror(socket.EAI_NONAME, str(error)))

    def result(addresses: tuple[str, ...], error: str | None, detail: str) -> NameLookup:
        now = clock()
        return NameLookup(
            at=now, name=name, addresses=addresses, error=error, detail=detail, took_s=now - began
        )

    threading.Thread(target=ask, daemon=True, name="name-lookup").start()
    try:
        answer = answers.get(timeout=limit_s)
    except queue.Empty:
        return result((), "silent", f"no answer within {limit_s:g} s")
    if isinstance(answer, socket.gaierror):
        error = _ERRORS.get(answer.errno or 0, "failed")
        return result((), error, str(answer.strerror or answer))
    return result(tuple(answer), None if answer else "empty", "")
