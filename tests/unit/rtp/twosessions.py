"""Two sessions of our own that speak with each other, directly or through a relay."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rtprelay import LOOPBACK, Done, Relay, Weather

from probe.rtp.metronome import Metronome
from probe.rtp.negotiation import Keys, Terms
from probe.rtp.reception import Known
from probe.rtp.session import Session
from probe.rtp.sound import Kind
from probe.trace.media import Agreed, MediaReport

PTIME_S = 0.005
"""Short packets: a second of them is a sample of 200."""

TYPES = {0: Known(Kind.AUDIO, "PCMU", 8000), 101: Known(Kind.EVENT, "telephone-event", 8000)}


def listen(metronome: Metronome, seconds: float) -> None:
    """Let time go by as the loop of a user agent does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        metronome.listen()
        time.sleep(0.01)


def sent(metronome: Metronome, *wanted: tuple[Session, int]) -> None:
    """Listen until each session has sent so many packets; a busy machine takes its time."""
    until = time.monotonic() + 10.0
    while time.monotonic() < until and any(one.sent.packets < many for one, many in wanted):
        listen(metronome, 0.02)
    listen(metronome, 0.02)


def clock_from_now() -> Callable[[], float]:
    """Return a clock that begins now."""
    epoch = time.monotonic()
    return lambda: time.monotonic() - epoch


def terms(  # noqa: PLR0913 - the facts of an agreement
    port: int,
    *,
    at: float = 0.0,
    direction: str = "sendrecv",
    ptime_s: float = PTIME_S,
    keys: Keys | None = None,
    unmeasured: str = "",
) -> Terms:
    """Return an agreement on PCMU with whoever has a port on loopback."""
    return Terms(
        agreed=Agreed(
            at=at,
            local=f"{LOOPBACK}:1",
            remote=f"{LOOPBACK}:{port}",
            direction=direction,
            codec="PCMU",
            payload_type=0,
            clock_rate=8000,
            ptime_s=ptime_s,
            events=101,
        ),
        address=(LOOPBACK, port),
        control=(LOOPBACK, port + 1),
        types=TYPES,
        comfort_noise=None,
        keys=keys,
        unmeasured=unmeasured,
    )


@dataclass(slots=True)
class Talk:
    """What came of a talk."""

    near: MediaReport
    "What the side behind the relay counted."
    far: MediaReport
    "What the side whose packets were relayed counted."
    done: Done
    "What the relay did."


@contextmanager
def sessions() -> Iterator[tuple[Session, Session, Metronome]]:
    """Give two sessions and the process that keeps their time; all are gone afterwards."""
    clock = clock_from_now()
    metronome = Metronome(clock)
    one, two = Session(LOOPBACK, clock=clock), Session(LOOPBACK, clock=clock)
    one.answered = two.answered = True
    try:
        yield one, two, metronome
    finally:
        for session in (one, two):
            metronome.remove(session)
            session.close()
        metronome.close()


def talked(weather: Weather, seconds: float, ptime_s: float = PTIME_S) -> Talk:
    """Let two sides talk; what the far one sends goes through a relay."""
    relay = Relay(weather)
    with sessions() as (near, far, metronome):
        relay.start(near.port)
        near.apply(terms(far.port, ptime_s=ptime_s))
        far.apply(terms(relay.port, ptime_s=ptime_s))
        metronome.add(near)
        metronome.add(far)
        listen(metronome, seconds)
        far.apply(terms(relay.port, direction="recvonly", ptime_s=ptime_s))
        time.sleep(weather.delay_s + weather.jitter_s + 0.05)
        relay.emptied(2.0)
        now = near._clock()
        near.end(now)
        far.end(now)
        assert metronome.remove(near)
        assert metronome.remove(far)
        relay.close()
        one, two = near.report("near"), far.report("far")
        assert one is not None
        assert two is not None
        return Talk(one, two, relay.done)
