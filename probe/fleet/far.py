"""Scenarios whose accounts are at several sites, one after the other, beside all others."""

import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from probe import runner
from probe.fleet.across import AcrossSites
from probe.fleet.carried import Carried
from probe.fleet.members import Member, Members
from probe.fleet.roster import Roster
from probe.plan.plan import Attempt, Plan
from probe.report.model import Finding


class Far:
    """Carries them out in a thread of its own."""

    def __init__(self, members: Members, roster: Roster) -> None:
        """Take the fleet, and who takes part."""
        self._members = members
        self._roster = roster
        self._executor: AcrossSites | None = None
        self._over = False
        self.came: queue.SimpleQueue[Carried | int] = queue.SimpleQueue()
        "What came of each; the number alone of one that was left out."

    def begin(
        self,
        plans: Sequence[tuple[int, Plan]],
        setting: runner.Setting,
        elapsed: Callable[[], float],
        observer: Callable[[Attempt, int], None],
    ) -> None:
        """Begin with the first of these scenarios, each with its place in the run."""
        act = partial(self._carry_out, tuple(plans), setting, elapsed, observer)
        if plans:
            threading.Thread(target=act, daemon=True, name="far").start()

    def stop(self) -> None:
        """Begin no other."""
        self._over = True

    def interrupt(self) -> None:
        """End what is in progress in order; begin no other."""
        self._over = True
        if self._executor is not None:
            self._executor.interrupt()

    def _carry_out(
        self,
        plans: tuple[tuple[int, Plan], ...],
        setting: runner.Setting,
        elapsed: Callable[[], float],
        observer: Callable[[Attempt, int], None],
    ) -> None:
        for number, plan in plans:
            self._executor = AcrossSites(self._members, partial(self._agent_at, plan, number))
            self._executor.on_again(runner.wants_another_try)
            if self._over or not self._members.there:
                self.came.put(number)
                continue
            observer(plan.attempts[0], 1)
            self.came.put(self._carried(self._executor, plan, number, setting, elapsed))

    @staticmethod
    def _carried(
        executor: AcrossSites,
        plan: Plan,
        number: int,
        setting: runner.Setting,
        elapsed: Callable[[], float],
    ) -> Carried:
        """Carry out one of them."""
        broken = ""
        try:
            report = runner.run((plan,), executor, setting, elapsed=elapsed)
        except runner.RunBrokenError as error:
            report, broken = error.report, str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run waits for an answer
            return Carried(number=number, broken=f"{type(error).__name__}: {error}")
        finally:
            executor.close()
        return Carried(
            number=number,
            findings=tuple(replace(one, site=_site_of(one)) for one in report.findings),
            cleanup=tuple(report.cleanup),
            notes=report.notes,
            engine=dict(report.versions).get("pjsip", ""),
            broken=broken,
        )

    def _agent_at(self, plan: Plan, number: int, site: str) -> tuple[Member, str] | None:
        """Return a process of a site, and a ticket with which it lets an agent begin."""
        ready = tuple(self._roster.ready.values())
        member = next((one for one in ready if site in {"", one.site}), None)
        if member is None:
            return None
        return member, self._roster.ticket(plan, number, member).text()


def _site_of(finding: Finding) -> str:
    """Return the site of the account that acted."""
    account = finding.attempt.account
    return "" if account is None else account.site
