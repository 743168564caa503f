"""One look-up, four ways to fail, and a limit."""

import itertools
import socket
import threading

import pytest

from probe.agent.names import look_up, system_addresses
from probe.trace.trace import NameLookup


def asked(resolver: object, limit_s: float = 5.0) -> NameLookup:
    """Look a name up on a clock that moves on a second each time it is read."""
    ticks = itertools.count()
    return look_up(
        "pbx.example",
        lambda: float(next(ticks)),
        resolver=resolver,  # type: ignore[arg-type]  # a test may pass what raises
        limit_s=limit_s,
    )


def raising(error: Exception) -> object:
    """Return a resolver that raises."""

    def resolver(_name: str) -> list[str]:
        raise error

    return resolver


def test_a_name_with_addresses() -> None:
    """All addresses come back in their order, with the time that it took."""
    found = asked(lambda _name: ["192.0.2.7", "2001:db8::7"])
    assert found == NameLookup(
        at=1.0,
        name="pbx.example",
        addresses=("192.0.2.7", "2001:db8::7"),
        error=None,
        detail="",
        took_s=1.0,
    )


def test_a_name_without_addresses() -> None:
    """A resolver that knows the name and no address says *empty*."""
    assert asked(lambda _name: []).error == "empty"


@pytest.mark.parametrize(
    ("error", "word", "detail"),
    [
        (socket.gaierror(socket.EAI_NONAME, "not known"), "unknown", "not known"),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "silent", "try again"),
        (socket.gaierror(socket.EAI_FAIL, "refused"), "failed", "refused"),
        (socket.gaierror(socket.EAI_NODATA, "no data"), "empty", "no data"),
        (socket.gaierror(socket.EAI_MEMORY, "memory"), "failed", "memory"),
        (socket.gaierror("odd"), "failed", "odd"),
        (OSError("broken"), "unknown", "broken"),
        (UnicodeError("label too long"), "unknown", "label too long"),
    ],
)
def test_a_look_up_that_fails(error: Exception, word: str, detail: str) -> None:
    """What the resolver reports becomes a word and keeps the resolver's own."""
    found = asked(raising(error))
    assert (found.addresses, found.error, found.detail) == ((), word, detail)


def test_a_resolver_that_never_answers() -> None:
    """The wait ends with its limit, whatever the resolver does."""
    release = threading.Event()

    def resolver(_name: str) -> list[str]:
        release.wait(60)
        return []

    found = asked(resolver, limit_s=0.01)
    release.set()
    assert (found.error, found.detail) == ("silent", "no answer within 0.01 s")


def test_the_system_knows_addresses() -> None:
    """An address is its own answer, once, without a query."""
    assert system_addresses("127.0.0.1") == ["127.0.0.1"]


def test_a_name_that_cannot_be_a_name() -> None:
    """A label of more than 63 characters is unknown before anybody is asked."""
    assert asked(lambda _name: system_addresses("a" * 64 + ".example")).error == "unknown"
