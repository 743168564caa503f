"""The scheduler as the user's machine sees it: which processes work for it, and at which sites."""

import logging
import re
import time
from collections.abc import Iterable
from typing import Any

from distributed import Client, Future
from msgspec import Struct
from msgspec.structs import replace

from probe.fleet import site
from probe.fleet.carried import Carried, Ready

CONNECT_S = 10.0
"""Longest wait for the scheduler."""

LOOK_S = 0.5
"""Distance of two looks at who is there."""

ALLOWED_FAILURES = "distributed.scheduler.allowed-failures"
"""Setting of the scheduler: how often a task may be given out again after a worker died."""

_EXCHANGES = 5
"""Questions for the time of a site; the quickest answer counts."""

_COUNT = re.compile(r"[-.]\d+\Z")
_SITE = re.compile(r"[A-Za-z0-9_-]+")


class FleetError(Exception):
    """The fleet cannot be used; the text says why, and ``hint`` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Member(Struct, frozen=True, kw_only=True):
    """One process of a site."""

    address: str
    "Where the scheduler reaches it."

    site: str
    "Its site."

    slots: int
    "Scenarios that it carries out at a time: the threads of the worker."

    ready: Ready | None = None
    "What it said when it had read the texts of the run; None before."

    ahead: float = 0.0
    "Seconds by which its clock is ahead of ours."

    within: float = 0.0
    "Half of the time that the exchange took: the offset is known so well."


def site_of(name: object) -> str:
    """Return the site that the name of a worker says: ``fra`` of fra, fra-0 and fra-1; or empty."""
    text = _COUNT.sub("", name) if isinstance(name, str) else ""
    return text if _SITE.fullmatch(text) else ""


class Members:
    """The processes of a fleet."""

    def __init__(self, address: str) -> None:
        """Connect to a scheduler; raise FleetError."""
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is in the report
        self.address = address
        try:
            self._client = Client(address, timeout=CONNECT_S, set_as_default=False, name="sipprobe")
        except (OSError, TimeoutError) as error:
            raise FleetError(
                f"there is no scheduler at {address} ({_words(error)})",
                "start it: dask scheduler (docs/fleet.md)",
            ) from None
        except (TypeError, ValueError, RuntimeError) as error:
            told = "no certificate is set" if "ssl_context" in str(error) else _words(error)
            raise FleetError(
                f"{address} cannot be used: {told}",
                "tls:// wants DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__CLIENT__CERT and"
                " …__CLIENT__KEY (docs/recipes/fleet)",
            ) from None

    @property
    def encrypted(self) -> bool:
        """Whether what travels can be read by its ends only."""
        return self.address.startswith("tls://")

    @property
    def there(self) -> bool:
        """Whether the scheduler still answers."""
        return str(self._client.status) == "running"

    def check(self) -> None:
        """Raise FleetError where the scheduler gives tasks of dead workers out again."""
        import dask.config  # noqa: PLC0415 - what the scheduler is asked to look up

        allowed = self._client.run_on_scheduler(dask.config.get, ALLOWED_FAILURES)
        if allowed != 0:
            raise FleetError(
                f"the scheduler gives a task out again when its worker died (allowed-failures is"
                f" {allowed}), and a call is never dialled again",
                "start it with DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0",
            )

    def present(self) -> dict[str, Member]:
        """Return who is there now, by address; workers whose name says no site are none of ours."""
        # scheduler_info() would do, were its answer not replaced by one without workers at times
        known: dict[str, dict[str, Any]] = self._client.sync(
            self._client.scheduler.identity, n_workers=-1
        )["workers"]
        found = (
            Member(address=address, site=site_of(told.get("id")), slots=int(told["nthreads"]))
            for address, told in known.items()
            if told.get("status", "running") == "running"
        )
        return {member.address: member for member in found if member.site}

    def prepare(self, members: Iterable[Member], text: str) -> list[Member]:
        """Send the texts of the run; return who read them, or why not."""
        by_address = {member.address: member for member in members}
        if not by_address:
            return []
        told = self._asked(site.prepare, text, by_address)
        ready = []
        for address, answer in told.items():
            member = by_address[address]
            if isinstance(answer, Ready):
                ready.append(self._timed(replace(member, ready=answer)))
            else:
                ready.append(replace(member, ready=_unready(answer)))
        return ready

    def give(self, member: Member, ticket: str, key: str) -> "Future[Carried]":
        """Give a ticket to one process and to nobody else, once."""
        return self._client.submit(
            site.carry_out,
            ticket,
            key=key,
            workers=[member.address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )

    def take(self, future: "Future[Carried]") -> Carried | Exception:
        """Return what came of a ticket."""
        try:
            carried: Carried = future.result(timeout=CONNECT_S)
        except Exception as error:  # noqa: BLE001 - whatever dask says, the call is not repeated
            return error
        return carried

    def interrupt(self, run: str, addresses: Iterable[str]) -> None:
        """Have every site end what is in progress."""
        self._asked(site.interrupt, run, addresses)

    def finish(self, run: str, addresses: Iterable[str]) -> None:
        """Have every site forget the run."""
        self._asked(site.finish, run, addresses)

    def ask(self, member: Member, act: Any, *words: object) -> object:  # noqa: ANN401 - any function
        """Call a function in one process; None where that cannot be had."""
        try:
            return self._client.run(act, *words, workers=[member.address])[member.address]
        except Exception:  # noqa: BLE001 - whatever dask says, nobody is there
            return None

    def close(self) -> None:
        """Leave the scheduler."""
        self._client.close(timeout=2)

    def _asked(self, act: Any, text: str, addresses: Iterable[str]) -> dict[str, Any]:  # noqa: ANN401
        """Call a function in these processes; return answers and errors by address."""
        try:
            found: dict[str, Any] = self._client.run(
                act, text, workers=list(addresses), on_error="return"
            )
        except (OSError, TimeoutError):
            return {}
        return found

    def _timed(self, member: Member) -> Member:
        """Return a process with how far its clock is ahead (as NTP asks, RFC 5905 §8)."""
        best = member
        for number in range(_EXCHANGES):
            sent, began = time.time(), time.monotonic()
            answers = self._client.run(site.clock, workers=[member.address], on_error="return")
            took = time.monotonic() - began
            theirs = answers.get(member.address)
            if isinstance(theirs, float) and (number == 0 or took / 2 < best.within):
                best = replace(member, ahead=theirs - (sent + took / 2), within=took / 2)
        return best


def _unready(error: object) -> Ready:
    """Return what stands for a process that could not even be asked."""
    if isinstance(error, ModuleNotFoundError):
        fault = f"it has no {error.name}: pip install 'sipprobe[fleet]' there"
    else:
        fault = f"it cannot be used: {_words(error)}"
    return Ready(station="", host="", python="", scenarios=0, fault=fault)


def _words(error: object) -> str:
    """Return the first line of what an error says."""
    return (str(error) or type(error).__name__).partition("\n")[0][:200]
