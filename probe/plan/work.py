"""What is gathered while one scenario is resolved, and what every kind of step needs of it."""

import re

from msgspec import Struct, field
from msgspec.structs import replace

from probe.plan.accounts import Address, address_of, file_of, make_account, missing_files
from probe.plan.action import Account, Action, Call, Options, Register, Unregister
from probe.plan.caps import limits_of
from probe.plan.embedded import same_hop
from probe.plan.fences import unknown_countries
from probe.plan.plan import Attempt, Limits
from probe.plan.secrets import Passwords, readable_by_others
from probe.reference import reference
from probe.scenario.ask_steps import TARGETED
from probe.scenario.call_steps import CallStep, Reaching, RedirectStep, TransferStep
from probe.scenario.expectation import Expectation
from probe.scenario.schema import AnyStep, Profile, Scenario, TalkStep
from probe.scenario.source import Problem, ScenarioError, Source

TRUNK_ACCOUNT = "trunk"
"""Name of the trunk's own account."""


class Work(Struct, kw_only=True):
    """What is gathered while one scenario is resolved."""

    scenario: Scenario
    trunk: str
    profiles: dict[str, Profile]
    embedded: Profile | None = None
    passwords: Passwords | None = None
    cps: float | None = None
    at_site: str = ""
    elsewhere: bool = False
    accounts: dict[str, Account] = field(default_factory=dict)
    addresses: dict[str, Address] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    literal: frozenset[str] = frozenset()
    named: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look through the steps once for what each of them asks of the others."""
        self.literal = literal(self.scenario)
        self.named = {step.name: step.index for step in self.scenario.steps if step.name}


def literal(scenario: Scenario) -> frozenset[str]:
    """Return the destinations that stand in a scenario file as they are."""
    found = set()
    targeted = (TransferStep, RedirectStep, *TARGETED)
    for step in scenario.steps:
        if isinstance(step, CallStep) and not step.source("call").filled:
            found.add(step.to)
        elif isinstance(step, targeted) and not step.source("to").filled:
            found.add(step.to or "")
    return frozenset(found)


def account_of(work: Work, name: str, step: AnyStep, user_agent: str) -> Account | None:
    """Return the resolved account of an agent, made at its first use."""
    if name in work.accounts:
        return work.accounts[name]
    profile = work.profiles.get(name)
    if profile is None:
        work.problems.append(
            Problem(
                source=step.source(step.verb),
                message=f"there is no agent '{name}'",
                hint="agents: " + ", ".join(work.profiles),
            )
        )
        return None
    if profile.uri is None:
        work.problems.append(
            Problem(
                source=step.source(step.verb),
                message=f"'{name}' has no uri",
                hint='write uri: "sip:USER@HOST" in the trunk profile or the agent',
            )
        )
        return None
    address = address_of(profile.uri)
    if address is None:
        work.problems.append(
            Problem(
                source=place(work, name, "uri"),
                message=f"'{profile.uri}' is not a SIP address of record",
                hint="for example sip:100@pbx.example:5060;transport=tcp",
            )
        )
        return None
    missing = {} if work.elsewhere else missing_files(profile)
    for key, path in missing.items():
        work.problems.append(
            Problem(
                source=place(work, name, key),
                message=f"{key}: there is no file {path}",
                hint="paths are relative to the file that names them",
            )
        )
    account = make_account(
        name,
        profile,
        address,
        password=None if "password_file" in missing else _password(work, name, profile),
        user_agent=user_agent,
        embedded=same_hop(profile, work.embedded),
        site=profile.at_site or work.scenario.at_site or work.at_site,
    )
    work.problems += unknown_countries(profile, place(work, name, "country"))
    if account.transport == "TLS" and not account.verify:
        work.warnings.append(f"{name}: the TLS server is not verified (verify: off)")
    if account.srtp == "dtls":
        work.warnings.append(
            f"{name}: with srtp: dtls silence is sent, and what comes back is counted but not heard"
        )
    work.addresses[name], work.accounts[name] = address, account
    return account


def append(  # noqa: PLR0913 - what a step may say beside its action
    work: Work,
    step: AnyStep,
    label: str,
    method: str,
    action: Action,
    *,
    direction: str | None = None,
    prepares: tuple[Action, ...] = (),
    depends_on: tuple[int, ...] = (),
    limits: Limits | None = None,
) -> None:
    """Add an attempt."""
    account = work.accounts.get(action.account)
    target = action.target if isinstance(action, Call | Options) else ""
    if account is not None and isinstance(action, Register | Unregister | Call | Options):
        limits = limits_for(work, account.name, target)
    work.attempts.append(
        Attempt(
            index=action.attempt,
            step=step.index,
            label=label,
            method=method,
            direction=direction or ("register" if method == "REGISTER" else "outbound"),
            action=action,
            account=account,
            expectation=_expectation(step),
            retry=step.retry,
            source=step.source(step.verb),
            provider=_provider(work, action.account),
            depends_on=depends_on,
            prepares=prepares,
            limits=limits,
        )
    )


def _expectation(step: AnyStep) -> Expectation | None:
    """Return what a step expects; where a call is to reach an agent, also the place of that."""
    if isinstance(step, TalkStep) and step.expect is not None:
        told = step.expect  # what its reader read is an expectation like any other
        return Expectation(media=told.media, agents=told.agents, sources=told.sources)
    if not isinstance(step, Reaching) or step.at is None:
        return step.expect
    wanted = step.expect or Expectation()
    return replace(wanted, sources={**wanted.sources, "at": step.source("at")})


def limits_for(work: Work, name: str, target: str) -> Limits | None:
    """Return what bounds the requests of an account to a target."""
    return limits_of(work.profiles[name], work.accounts[name], target, work.cps)


def _password(work: Work, name: str, profile: Profile) -> str | None:
    """Return the password of an account as far as it may be looked up."""
    path = file_of(profile, "password_file")
    mode = readable_by_others(path) if path is not None and not work.elsewhere else None
    if mode is not None:
        work.warnings.append(
            f"{name}: others on this machine can read {path} (mode {mode}): chmod 600"
        )
    if work.passwords is None:
        return profile.password.revealed() if profile.password else None
    try:
        return work.passwords.of(profile, path=path)
    except ScenarioError as error:
        work.problems += [problem for problem in error.problems if problem not in work.problems]
        return None


def _provider(work: Work, name: str) -> str | None:
    """Return the provider of an account as the code reference calls it."""
    profile = work.profiles.get(name)
    if profile is None or profile.provider is None:
        return None
    found = reference.provider(profile.provider)
    if found is None:
        names = ", ".join(sorted(p.name for p in reference.providers()))
        problem = Problem(
            source=place(work, name, "provider"),
            message=f"the code reference knows no provider '{profile.provider}'",
            hint=f"known: {names}",
        )
        if problem not in work.problems:
            work.problems.append(problem)
        return None
    return profile.provider


def place(work: Work, name: str, key: str) -> Source:
    """Return where a key of an account stands; the trunk key of the scenario where it does not."""
    profile = work.profiles[name]
    return profile.source(key) if key in profile.sources else work.scenario.source("trunk")


def target_of(work: Work, account: Account, written: str | None) -> str:
    """Return the Request-URI for a number, a URI, or nothing (the trunk itself)."""
    address = work.addresses[account.name]
    if written is None:
        return account.registrar
    if re.match(r"(?:sips?|tel):", written, re.IGNORECASE):
        return written
    user = written.replace("#", "%23")  # not allowed in a SIP URI's user part (RFC 3261 §25.1)
    return f"{address.scheme}:{user}@{address.hostport}{address.suffix}"


def last_caller(work: Work) -> str:
    """Return the account whose worker lets the time pass: the latest caller, or any."""
    calls = [a.action.account for a in work.attempts if isinstance(a.action, Call)]
    return calls[-1] if calls else next(iter(work.accounts), "")
