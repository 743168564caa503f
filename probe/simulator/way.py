"""The way of the trunk's packets to the caller: lost, overtaken, doubled, late, all by count."""

from collections.abc import Callable

from probe.simulator.clock import Cancellable, Scheduler
from probe.simulator.sound import Way

Send = Callable[[bytes], None]


class Passage:
    """Takes packets in order and hands them on as its `Way` says."""

    def __init__(self, way: Way, scheduler: Scheduler, send: Send) -> None:
        self._way = way
        self._scheduler = scheduler
        self._send = send
        self._count = 0
        self._held: list[bytes] = []
        self._overtaken: bytes | None = None
        self._late: set[Cancellable] = set()
        self.plain = way == Way()
        "Whether every packet goes straight through."

    def take(self, packet: bytes) -> None:
        """Take the next packet of the trunk's."""
        if self.plain:
            self._send(packet)
            return
        self._count += 1
        way = self._way
        if _hits(way.loses, self._count):
            return
        if way.together > 1:
            self._held.append(packet)
            if len(self._held) >= way.together:
                held, self._held = self._held, []
                for one in held:
                    self._pass(one)
            return
        if _hits(way.swaps, self._count):
            self._overtaken = packet
            return
        self._pass(packet)
        if _hits(way.doubles, self._count):
            self._pass(packet)
        if self._overtaken is not None:
            overtaken, self._overtaken = self._overtaken, None
            self._pass(overtaken)

    def close(self) -> None:
        """Drop what is still on its way."""
        for handle in self._late:
            handle.cancel()
        self._late.clear()

    def later(self, act: Callable[[], None], after: float | None = None) -> None:
        """Do something when a packet that leaves now arrives, or after some seconds."""
        seconds = self._way.delay_s if after is None else after
        if not seconds:
            act()
            return

        def arrived() -> None:
            self._late.discard(handle)
            act()

        handle = self._scheduler.call_later(seconds, arrived)
        self._late.add(handle)

    def _pass(self, packet: bytes) -> None:
        self.later(lambda: self._send(packet))


def _hits(every: int, count: int) -> bool:
    return every > 0 and count % every == 0
