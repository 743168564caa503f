"""What of a run may be printed and stored: everything but secrets, or nobody's name either."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:  # loads only where it is needed
    from probe.plan.plan import Plan
    from probe.report.model import RunReport
    from probe.scenario.schema import Scenario, Settings
    from probe.sip.pseudonym import Pseudonyms


class Hiding(Struct, frozen=True, kw_only=True):
    """What nobody may read of a run: secrets always, numbers and addresses where that is wanted."""

    secrets: Callable[[str], str]
    "Takes the values of --secret out of a text."

    others: "Pseudonyms | None"
    "What stands in place of numbers, addresses and host names, or None."

    @classmethod
    def chosen(cls, redact: str, *, secrets: Callable[[str], str]) -> "Hiding":
        """Return what ``--redact`` asks for: ``secrets`` or ``strict``."""
        if redact != "strict":
            return cls(secrets=secrets, others=None)
        from probe.sip.pseudonym import Pseudonyms  # noqa: PLC0415 - only where wanted

        return cls(secrets=secrets, others=Pseudonyms())

    def words(self, text: str) -> str:
        """Return a text as it may be printed."""
        text = self.secrets(text)
        return text if self.others is None else self.others.text(text)

    def learn_files(self, scenarios: "tuple[Scenario, ...]", known: "Settings") -> None:
        """Take note of whom the files name, since a problem shows their lines."""
        if self.others is None:
            return
        profiles = [*known.trunks.values(), *(p for s in scenarios for p in s.agents.values())]
        for profile in profiles:
            self.others.learn(f"{profile.uri} {profile.proxy} {profile.nameserver}")
            own = (profile.auth_user, profile.caller_id, *(profile.numbers or ()))
            whole = (number for number in profile.allow_to or () if "*" not in number)
            for user in (*own, *whole):
                self.others.learn_user(user or "")
        for scenario in scenarios:
            for step in scenario.steps:
                target = getattr(step, "to", None) or getattr(step, "target", None) or ""
                self.others.learn(target)
                if ":" not in target:  # a number alone is known by its place here
                    self.others.learn_user(target)

    def learn_plans(self, plans: "tuple[Plan, ...]") -> None:
        """Take note of who acts."""
        if self.others is None:
            return
        from probe.report.pseudonymous import learn_account  # noqa: PLC0415 - only where wanted

        for account in (account for plan in plans for account in plan.accounts):
            learn_account(account, self.others)

    def report(self, report: "RunReport") -> "RunReport":
        """Return a report as it may be printed and stored; it was judged before."""
        if self.others is None:
            return report
        from probe.report.pseudonymous import pseudonymous  # noqa: PLC0415 - only where wanted

        return pseudonymous(report, self.others)
