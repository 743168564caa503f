"""The site's side of a fleet: what a dask worker does for a run.

A worker takes a ticket once. A ticket names the process that it is for, and a process notes each
before it dials: so a ticket that dask hands out again, to this process or to its successor, is
refused, whatever the scheduler thinks of the first time. Everything else is as on any machine:
the same executor, the same rails, the worker processes that hang up when their supervisor is gone.
"""

import asyncio
import platform
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin
from msgspec import json
from msgspec.structs import replace

from probe import __version__, runner
from probe.controls.inquiry import Inquiry as Controls
from probe.executor.crew import FINISH_S, EngineMissingError, JournalPlace
from probe.executor.engine import capabilities_of_engine
from probe.executor.ledger import ledger_file
from probe.executor.local import LocalExecutor
from probe.fleet.carried import Carried, Ready
from probe.fleet.lines import Heard, Lines, Opening
from probe.fleet.shipment import Shipment, Ticket, of_the_site
from probe.plan.action import Account
from probe.plan.plan import Attempt, Plan
from probe.plan.resolve import resolve
from probe.plan.secrets import Passwords
from probe.scenario.files import sent
from probe.scenario.loader import load_many, load_settings
from probe.scenario.schema import Scenario, Settings
from probe.scenario.source import ScenarioError
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace

MOST_RUNS = 8
"""Runs that a process remembers; the one that was used longest ago is forgotten first."""


class Run:
    """One run at this site."""

    def __init__(self, shipment: Shipment) -> None:
        """Read its texts; raise ScenarioError."""
        self.shipment = shipment
        self.used_at = time.monotonic()
        environ = of_the_site(shipment.environ)
        given = shipment.variables
        with sent(shipment.files, shipment.here):
            self.settings = (
                Settings()
                if shipment.config is None
                else load_settings(Path(shipment.config), variables=given, environ=environ)
            )
            read = load_many(
                map(Path, shipment.scenarios),
                variables=given,
                environ=environ,
                defaults=self.settings.vars,
            )
        self.scenarios: Mapping[str, Scenario] = {scenario.id: scenario for scenario in read}
        self._passwords = Passwords()
        self._controls = Controls()
        self._asking = threading.Lock()
        self._lock = threading.Lock()
        self._begun: set[int] = set()
        self._executors: dict[int, LocalExecutor] = {}
        self._busy = 0
        self.interrupted = False

    def carry_out(self, ticket: Ticket) -> Carried:
        """Carry out what a ticket is for."""
        self.used_at = time.monotonic()
        with self._lock:
            if ticket.number in self._begun:
                return Carried(number=ticket.number, refused="it was begun here before")
            if self.interrupted:
                return Carried(number=ticket.number, refused="the run was interrupted")
            self._begun.add(ticket.number)
            self._busy += 1
        try:
            plan = self._plan(ticket)
            if isinstance(plan, str):
                return Carried(number=ticket.number, refused=plan)
            return self._carried(plan, ticket)
        finally:
            with self._lock:
                self._busy -= 1

    def account(self, ticket: Ticket, name: str) -> Account | str:
        """Return an account of a ticket's scenario, with its password, or why there is none."""
        self.used_at = time.monotonic()
        plan = self._plan(ticket)
        if isinstance(plan, str):
            return plan
        known = {account.name: account for account in plan.accounts}
        return known.get(name, f"site {ticket.site} knows no account {name}")

    def interrupt(self) -> None:
        """End what is in progress in order; begin nothing else."""
        self.interrupted = True
        for executor in tuple(self._executors.values()):
            executor.interrupt()

    @property
    def idle(self) -> bool:
        """Whether nothing is in progress."""
        return not self._busy

    def close(self) -> None:
        """Let the worker processes go."""
        self.interrupt()
        for executor in self._executors.values():
            executor.close()
        self._executors.clear()

    def _plan(self, ticket: Ticket) -> Plan | str:
        """Return the plan of a ticket, or why there is none."""
        scenario = self.scenarios.get(ticket.scenario)
        if scenario is None:
            return f"site {ticket.site} reads no scenario of that name in what it was sent"
        try:
            plan = resolve(
                scenario,
                self.settings,
                trunk=self.shipment.trunk,
                engine=capabilities_of_engine,
                user_agent=f"sipprobe/{__version__}",
                passwords=self._passwords,
                cps=self.shipment.cps,
            )
        except ScenarioError as error:
            told = "; ".join(str(problem.message) for problem in error.problems)
            return f"site {ticket.site} cannot carry it out: {told}"
        if tuple(attempt.label for attempt in plan.attempts) != ticket.labels:
            return f"site {ticket.site} reads other steps than those that were checked"
        return replace(plan, scenario=ticket.named, timeout=ticket.timeout)

    def _carried(self, plan: Plan, ticket: Ticket) -> Carried:
        began = time.monotonic()
        executor = self._executor()
        setting = runner.Setting(
            run_id=ticket.run,
            started_at=datetime.now(timezone.utc),
            vantage=platform.node(),
            secrets=self.shipment.secrets,
        )
        broken = ""
        try:
            report = runner.run(
                (plan,),
                executor,
                setting,
                inquiry=runner.Inquiry(ask=self._ask if self.shipment.controls else None),
                elapsed=lambda: time.monotonic() - began,
            )
        except runner.RunBrokenError as error:
            report, broken = error.report, str(error)
        except EngineMissingError as error:
            return Carried(number=ticket.number, refused=f"site {ticket.site}: {error}")
        return Carried(
            number=ticket.number,
            findings=tuple(replace(one, site=ticket.site) for one in report.findings),
            cleanup=tuple(report.cleanup),
            notes=report.notes,
            engine=dict(report.versions).get("pjsip", ""),
            broken=broken,
        )

    def _executor(self) -> LocalExecutor:
        """Return the executor of this thread."""
        number = threading.get_ident()
        with self._lock:
            found = self._executors.get(number)
            if found is None:
                found = self._executors[number] = LocalExecutor()
                found.journals = _journals(self.shipment.run)
                found.on_again(runner.wants_another_try)
            if self.interrupted:
                found.interrupt()
        return found

    def _ask(self, control: Control, attempt: Attempt, trace: Trace) -> tuple[ControlRan, ...]:
        """Ask on, one question at a time: their seconds are counted for the whole run."""
        with self._asking:
            return self._controls.ask(control, attempt, trace)


class Station(WorkerPlugin):  # type: ignore[misc]  # dask ships no type information
    """What this process does for runs; as a plugin of its dask worker it hears of the end."""

    name = "sipprobe"

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex
        self.runs: dict[str, Run] = {}
        self.lines = Lines()
        self._lock = threading.Lock()

    def prepare(self, text: str) -> Ready:
        """Read the texts of a run."""
        shipment = json.decode(text, type=Shipment)
        ready = Ready(
            station=self.id,
            host=platform.node(),
            python=platform.python_version(),
            scenarios=0,
        )
        if shipment.version != __version__:
            fault = f"it has sipprobe {__version__}, and {shipment.version} is wanted"
            return replace(ready, fault=fault)
        with self._lock:
            known = self.runs.get(shipment.run)
            if known is None:
                try:
                    known = Run(shipment)
                except ScenarioError as error:
                    told = "; ".join(f"{p.source}: {p.message}" for p in error.problems[:3])
                    return replace(ready, fault=f"it cannot read the scenarios: {told}")
                self.runs[shipment.run] = known
                self._forget()
        return replace(ready, scenarios=len(known.scenarios))

    def carry_out(self, text: str) -> Carried:
        """Carry out what a ticket is for, if it is for this process and was not used."""
        ticket = json.decode(text, type=Ticket)
        if ticket.station != self.id:
            why = "it was given to a process that is gone; another one does not dial in its place"
            return Carried(number=ticket.number, refused=why)
        run = self.runs.get(ticket.run)
        if run is None:
            return Carried(number=ticket.number, refused="the run is over at this site")
        return run.carry_out(ticket)

    def open_line(self, text: str) -> str:
        """Start an agent for a scenario that has others at other sites; return why not, or ""."""
        opening = json.decode(text, type=Opening)
        ticket = json.decode(opening.ticket, type=Ticket)
        run = self.runs.get(ticket.run)
        if ticket.station != self.id or run is None:
            return "the ticket is of another process, or of a run that is over"
        account = run.account(ticket, opening.account)
        if isinstance(account, str):
            return account
        self.lines.open(account, opening)
        return ""

    def finish(self, run: str) -> None:
        """Forget a run."""
        known = self.runs.pop(run, None)
        if known is not None:
            known.close()

    async def teardown(self, worker: Any) -> None:  # noqa: ANN401, ARG002 - dask's own
        """Hang up before the worker leaves: it was told to, or the scheduler is gone."""
        self.lines.hang_up_all()
        for run in self.runs.values():
            run.interrupt()
        limit = time.monotonic() + FINISH_S
        # what ends are threads, which set no asyncio event
        while not all(run.idle for run in self.runs.values()) and time.monotonic() < limit:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for name in tuple(self.runs):
            self.finish(name)

    def _forget(self) -> None:
        """Let go of runs that nobody finished."""
        idle = sorted((run.used_at, name) for name, run in self.runs.items() if run.idle)
        for _, name in idle[: max(0, len(self.runs) - MOST_RUNS)]:
            self.finish(name)


_STATION = Station()
_WATCHES: set["asyncio.Task[None]"] = set()


async def prepare(text: str, dask_worker: Any) -> Ready:  # noqa: ANN401 - dask's own
    """Read the texts of a run in this worker; dask calls it with the worker."""
    if Station.name not in dask_worker.plugins:
        await dask_worker.plugin_add(plugin=_STATION, name=Station.name)
    return await asyncio.to_thread(_STATION.prepare, text)


def carry_out(text: str) -> Carried:
    """Carry out what a ticket is for: the one task that we give to dask."""
    return _STATION.carry_out(text)


async def interrupt(run: str) -> None:
    """End what is in progress of a run."""
    known = _STATION.runs.get(run)
    if known is not None:
        known.interrupt()


async def finish(run: str) -> None:
    """Forget a run, and end its processes."""
    await asyncio.to_thread(_STATION.finish, run)


async def open_line(text: str) -> str:
    """Start an agent of a scenario that has others elsewhere."""
    refused = await asyncio.to_thread(_STATION.open_line, text)
    if not refused:
        _WATCHES.add(asyncio.create_task(_STATION.lines.watch()))
    return refused


async def tell_line(line: str, data: bytes) -> None:
    """Tell an agent something; nothing at all means that it may leave."""
    _STATION.lines.pass_on(line, data)


async def hear_line(line: str, seconds: float) -> Heard:
    """Return what an agent says."""
    return await asyncio.to_thread(_STATION.lines.take, line, seconds)


async def kill_line(line: str) -> None:
    """End an agent at once."""
    _STATION.lines.kill(line)


async def clock() -> float:
    """Return this machine's time, as time.time() gives it."""
    return time.time()


def _journals(run: str) -> JournalPlace | None:
    """Return where workers write down what is up: `sipprobe doctor --orphans` looks there."""
    place = ledger_file().parent / "live"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return JournalPlace(folder=place, run=run)
