"""What is examined: this machine, with one trunk or none; everything is looked at once, when asked.

Without a trunk nothing is sent. With one: DNS, one OPTIONS to each place of the trunk, and where it
is a TLS trunk some handshakes, all side by side and bounded in time.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from probe.controls.exchange import Outcome, exchange
from probe.controls.names import Walk, walk
from probe.controls.names_told import names_event
from probe.controls.places import place_of, used_places
from probe.controls.request import build
from probe.controls.tls import ask_tls
from probe.controls.told import answer_facts, in_words
from probe.doctor.answers import Answer
from probe.executor.engine import capabilities_of_engine
from probe.plan.action import Account
from probe.plan.capabilities import Capabilities
from probe.trace.control import ControlRan
from probe.trace.trace import Trace

NAMES_S = 1.0
"""Seconds that DNS may take."""

OPTIONS_S = 1.2
"""Seconds that are waited for an answer to OPTIONS."""

TLS_S = 1.2
"""Seconds that a handshake may take."""

MOST_PLACES = 6
"""Places of a trunk that are asked."""


class Patient(Struct, frozen=True, kw_only=True):
    """A trunk profile, as far as it concerns this machine."""

    account: Account
    "Who would act; it has no password here."

    missing_files: tuple[tuple[str, str], ...] = ()
    "Keys of the profile whose file does not exist, with the path that was tried."

    keyring: bool = False
    "Whether its password is kept in the system's keyring."


class Subject:
    """What the checks look at; each question is asked when the first check wants its answer."""

    def __init__(self, results: Path, patient: Patient | None = None) -> None:
        self.results = results
        self.patient = patient
        self.account = patient.account if patient else None

    def prepare(self) -> None:
        """Ask the slow questions side by side."""
        with ThreadPoolExecutor(max_workers=3) as pool:
            asked: list[Future[object]] = [pool.submit(lambda: self.engine)]
            if self.account is not None:
                self.walk  # noqa: B018 - first: both others need what DNS says
                asked += [pool.submit(lambda: self.answers), pool.submit(lambda: self.shake)]
            for one in asked:
                one.exception()  # whoever reads it again is told

    @cached_property
    def engine(self) -> Capabilities | None:
        """What the user agent can do; None where there is none."""
        return capabilities_of_engine()

    @cached_property
    def walk(self) -> Walk:
        """What DNS says about the trunk's name."""
        return walk(self._trunk, NAMES_S)

    @cached_property
    def named(self) -> ControlRan:
        """The same, in words."""
        return names_event(self.walk, self._trunk, _NOTHING, asked=True)

    @cached_property
    def places(self) -> tuple[tuple[str, str, int], ...]:
        """Where calls would go: transport, address, port; the first one first (RFC 3263 §4)."""
        return tuple(used_places(self._trunk, _NOTHING, self.walk)[:MOST_PLACES])

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        """What came of one OPTIONS to each place."""
        if not self.places:
            return ()
        with ThreadPoolExecutor(max_workers=MOST_PLACES) as pool:
            return tuple(pool.map(lambda place: self._ask(*place), self.places))

    @cached_property
    def shake(self) -> ControlRan | None:
        """What a TLS handshake with the first place showed; None where TLS is not used."""
        if self._trunk.transport.upper() != "TLS" or not self.places:
            return None
        return ask_tls(self._trunk, _NOTHING, self.walk, TLS_S)

    def _ask(self, transport: str, address: str, port: int) -> Answer:
        trunk = self._trunk
        place = place_of(trunk, transport, address, port)
        outcome: Outcome = exchange(
            place,
            lambda local: build("OPTIONS", trunk, transport=transport, local=local),
            OPTIONS_S,
        )
        return Answer(
            target=place.shown,
            result=outcome.result,
            words=in_words(outcome),
            facts=tuple(answer_facts(outcome)),
            local=outcome.local,
        )

    @property
    def _trunk(self) -> Account:
        if self.account is None:
            raise ValueError("no trunk was named")
        return self.account


_NOTHING = Trace(
    attempt="",
    method="OPTIONS",
    agent="",
    started_at=datetime.fromtimestamp(0, timezone.utc),
    began=0.0,
    ended=0.0,
    events=(),
)
"""No attempt went before."""
