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
        arrivals = Arrivals(ours.getsockname()[1], time.monotonic)
        waited = 0.0
        for _ in range(20):  # the kernel begins to stamp in its own time
            sent_at = time.monotonic()
            theirs.send(b"one")
            time.sleep(0.2)
            ours.recv(100)
            read_at = time.monotonic()
            waited = read_at - arrivals.last(read_at)
            if waited >= 0.1:
                break
        assert sent_at <= read_at - waited < sent_at + 0.2
        arrivals.close()


def test_nothing_is_known_before_anything_was_read() -> None:
    """Then no message is told with a time that is not its own."""
    ours, theirs = _pair()
    with ours, theirs:
        arrivals = Arrivals(ours.getsockname()[1], time.monotonic)
        assert arrivals.last(7.0) == 7.0
        arrivals.close()


def test_a_socket_that_is_not_ours_tells_nothing() -> None:
    """There is no such port among our descriptors."""
    arrivals = Arrivals(1, time.monotonic)
    assert arrivals.last(7.0) == 7.0
    arrivals.close()


@pytest.mark.parametrize("step_s", [-5.0, MOST_S + 5.0])
def test_a_clock_that_was_set_meanwhile_is_not_believed(step_s: float) -> None:
    """Nothing arrives after it was read, and nothing waits so long."""
    ours, theirs = _pair()
    with ours, theirs:
        arrivals = Arrivals(
            ours.getsockname()[1],
            time.monotonic,
            lambda: time.time_ns() + round(step_s * 1_000_000_000),
        )
        theirs.send(b"one")
        ours.recv(100)
        read_at = time.monotonic()
        assert arrivals.last(read_at) == read_at
        arrivals.close()


def test_a_process_that_lost_its_processor_between_two_clocks_asks_again() -> None:
    """What passed between the two is no wait of the datagram's."""
    ours, theirs = _pair()
    with ours, theirs:
        clocks = iter([1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0])
        arrivals = Arrivals(ours.getsockname()[1], lambda: next(clocks))
        theirs.send(b"one")
        ours.recv(100)
        assert arrivals.last(7.0) == 7.0
        arrivals.close()
