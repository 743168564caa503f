"""When a datagram came, whenever it was read."""

import socket
import time

import pytest

from probe.agent.arrivals import MOST_S, Arrivals


def _pair() -> tuple[socket.socket, socket.socket]:
    """Return a bound UDP socket and one that sends to it."""
    ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ours.bind(("127.0.0.1", 0))
    ours.settimeout(5)
    theirs = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    theirs.connect(ours.getsockname())
    return ours, theirs


def test_a_datagram_that_waited_is_told_with_its_wait() -> None:
    """It came 0.2 s before it was read, and the next one was read at once."""
    ours, theirs = _pair()
    with ours, theirs:
        arrivals = Arrivals(ours.getsockname()[1])
        waited = 0.0
        for _ in range(20):  # the kernel begins to stamp in its own time
            theirs.send(b"one")
            time.sleep(0.1)
            began = time.monotonic()
            ours.recv(100)
            waited = arrivals.waited()
            if waited:
                break
        assert 0.1 <= waited < 0.5 + (time.monotonic() - began)
        arrivals.close()


def test_nothing_is_known_before_anything_was_read() -> None:
    """Then no message is told with a time that is not its own."""
    ours, theirs = _pair()
    with ours, theirs:
        arrivals = Arrivals(ours.getsockname()[1])
        assert arrivals.waited() == 0.0
        arrivals.close()


def test_a_socket_that_is_not_ours_tells_nothing() -> None:
    """There is no such port among our descriptors."""
    arrivals = Arrivals(1)
    assert arrivals.waited() == 0.0
    arrivals.close()


@pytest.mark.parametrize("step_s", [-5.0, MOST_S + 5.0])
def test_a_clock_that_was_set_meanwhile_is_not_believed(step_s: float) -> None:
    """Nothing arrives after it was read, and nothing waits so long."""
    ours, theirs = _pair()
    with ours, theirs:
        arrivals = Arrivals(
            ours.getsockname()[1], lambda: time.time_ns() + round(step_s * 1_000_000_000)
        )
        theirs.send(b"one")
        ours.recv(100)
        assert arrivals.waited() == 0.0
        arrivals.close()
