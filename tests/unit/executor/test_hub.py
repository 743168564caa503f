"""Several tasks in one thread: who goes on, when, and what becomes of errors."""

import os
import time
from collections.abc import Iterator

import pytest

from probe.executor.hub import Hub


class Source:
    """A pipe whose reading end the hub watches."""

    def __init__(self) -> None:
        self.reads, self._writes = os.pipe()

    def fileno(self) -> int:
        """Return the reading end."""
        return self.reads

    def says(self) -> None:
        """Make it readable."""
        os.write(self._writes, b"x")

    def close(self) -> None:
        """Close both ends."""
        os.close(self.reads)
        os.close(self._writes)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Return a hub."""
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def source() -> Iterator[Source]:
    """Return a source of news."""
    made = Source()
    yield made
    made.close()


def until_over(hub: Hub) -> None:
    """Let every task come to its end."""
    hub.run(lambda: hub.busy)


def test_tasks_that_wait_do_so_at_the_same_time(hub: Hub) -> None:
    """Ten waits of a fifth of a second take about as long as one."""
    ended: list[int] = []
    for number in range(10):

        def act(number: int = number) -> None:
            hub.pause(0.2)
            ended.append(number)

        hub.begin(act)
    began = time.monotonic()
    until_over(hub)
    assert ended == list(range(10))
    assert 0.19 <= time.monotonic() - began < 1.5


def test_who_is_stirred_goes_on_before_its_time(hub: Hub, source: Source) -> None:
    """News from a worker wakes the plan that waits for it, and no other."""
    ended: list[str] = []

    def act(name: str, seconds: float) -> None:
        hub.pause(seconds)
        ended.append(name)

    first = hub.begin(lambda: act("stirred", 60.0))
    hub.begin(lambda: act("waits", 0.3))

    def speaks() -> None:
        hub.pause(0.05)
        source.says()

    hub.begin(speaks)

    def hear() -> None:
        os.read(source.reads, 1)
        hub.stir(first)

    hub.watch(source, hear)
    until_over(hub)
    hub.unwatch(source)
    assert ended == ["stirred", "waits"]


def test_who_thinks_lets_others_act_first(hub: Hub) -> None:
    """Judging waits while any plan has something to do."""
    order: list[str] = []

    def thinks() -> None:
        hub.give_way()
        order.append("thinks")

    hub.begin(thinks)
    for _ in range(3):
        hub.begin(lambda: order.append("acts"))
    until_over(hub)
    assert order == ["acts", "acts", "acts", "thinks"]


def test_a_task_that_ends_by_its_own_news_is_counted_once(hub: Hub) -> None:
    """Who closes a process stirs all who sit there, itself among them; nobody is lost for it."""
    ended: list[str] = []

    def closes() -> None:
        hub.stir(own)
        ended.append("closes")

    def waits() -> None:
        hub.pause(0.1)
        hub.pause(0.1)
        ended.append("waits")

    own = hub.begin(closes)
    hub.begin(waits)
    until_over(hub)
    assert ended == ["closes", "waits"]


def test_what_a_task_raises_is_raised(hub: Hub) -> None:
    """An error of ours is not swallowed."""

    def broken() -> None:
        raise ValueError("of ours")

    hub.begin(broken)
    with pytest.raises(ValueError, match="of ours"):
        until_over(hub)


def test_what_blocks_goes_to_a_thread(hub: Hub) -> None:
    """Others go on meanwhile, and its result or error comes back."""
    order: list[str] = []

    def asks() -> None:
        order.append(hub.in_thread(lambda: time.sleep(0.3) or "asked"))
        with pytest.raises(OSError, match="no answer"):
            hub.in_thread(fails)

    def fails() -> None:
        raise OSError("no answer")

    def acts() -> None:
        hub.pause(0.05)
        order.append("acted")

    hub.begin(asks)
    hub.begin(acts)
    until_over(hub)
    assert order == ["acted", "asked"]


def test_waiting_outside_of_a_task_is_an_error(hub: Hub) -> None:
    """There is nobody to give way."""
    with pytest.raises(RuntimeError, match="only a task"):
        hub.pause(1.0)
