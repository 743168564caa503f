"""A process that stood still says so; one that only waited does not."""

import time

from probe.agent.stalls import LEAST_S, Stalls, waited_for_processor
from probe.trace.trace import Event, Stalled


class _Clock:
    """Says what it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_meant_to_pass_is_no_gap() -> None:
    """The stack was let work for its time, and a little longer."""
    clock, said = _Clock(), list[Event]()
    stalls = Stalls(clock, said.append)
    stalls.begin()
    for _ in range(10):
        clock.now += 1.0 + LEAST_S / 2
        stalls.looked(1.0)
    assert said == []


def test_a_gap_is_told_without_what_was_meant() -> None:
    """Of 1.3 s, 1 s was ours to wait."""
    clock, said = _Clock(), list[Event]()
    stalls = Stalls(clock, said.append)
    stalls.begin()
    clock.now = 1.3
    stalls.looked(1.0)
    (event,) = said
    assert isinstance(event, Stalled)
    assert (event.at, event.seconds) == (1.3, 0.3)
    assert 0.0 <= event.starved <= 0.3


def test_what_lies_before_a_step_is_nobodys() -> None:
    """Between two steps nothing is timed."""
    clock, said = _Clock(), list[Event]()
    stalls = Stalls(clock, said.append)
    stalls.looked(0.01)
    stalls.begin()
    clock.now = 5.0
    stalls.begin()
    clock.now = 5.02
    stalls.looked(0.01)
    assert said == []


def test_the_kernel_counts_what_we_wait_for_a_processor() -> None:
    """It never goes down, and work alone does not make it jump."""
    before = waited_for_processor()
    until = time.monotonic() + 0.02
    while time.monotonic() < until:
        pass
    assert waited_for_processor() >= before >= 0.0
