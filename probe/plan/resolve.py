"""A scenario, its profiles and the code reference become a plan; nothing is left to guess."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from probe.plan.accounts import Address, address_of, file_of, make_account, missing_files
from probe.plan.action import (
    Account,
    Action,
    Call,
    Cancel,
    Hangup,
    Options,
    Register,
    Talk,
    Unregister,
    Wait,
)
from probe.plan.capabilities import Capabilities
from probe.plan.caps import limits_of
from probe.plan.embedded import same_hop, settled
from probe.plan.fences import (
    caller_problem,
    caller_warning,
    destination_problem,
    emergency_problem,
    header_problems,
    loosened_fences,
    unknown_countries,
)
from probe.plan.limits import need_more_than_basics, unsupported
from probe.plan.plan import Attempt, Plan
from probe.plan.secrets import Passwords, readable_by_others
from probe.reference import reference
from probe.scenario.schema import (
    EMBEDDED,
    AnyStep,
    CallStep,
    CancelStep,
    HangupStep,
    OptionsStep,
    Profile,
    RegisterStep,
    Scenario,
    Settings,
    TalkStep,
    UnregisterStep,
    WaitStep,
)
from probe.scenario.source import Problem, ScenarioError, Source

TRUNK_ACCOUNT = "trunk"
"""Name of the trunk's own account."""

DEFAULT_TALK_S = 1.0
"""Talk time of a call that no step ends: long enough to see a lost ACK, and cheap."""


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is gathered while one scenario is resolved."""

    scenario: Scenario
    trunk: str
    profiles: dict[str, Profile]
    embedded: Profile | None = None
    passwords: Passwords | None = None
    cps: float | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    addresses: dict[str, Address] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def resolve(  # noqa: PLR0913 - all but two have a default and a name
    scenario: Scenario,
    settings: Settings,
    *,
    trunk: str | None = None,
    embedded: Profile | None = None,
    engine: Callable[[], Capabilities | None] = lambda: None,
    user_agent: str = "sipprobe",
    passwords: Passwords | None = None,
    cps: float | None = None,
) -> Plan:
    """Return the plan of a scenario; raise ScenarioError with every problem at its place.

    ``trunk`` overrides the scenario's trunk; ``embedded`` is the profile of the running embedded
    trunk; ``engine`` says what the installed pjsua2 can do and is asked only where that matters.
    ``passwords`` looks passwords up for a plan that will be carried out; without it, none is read
    from a file, a program or the keyring. ``cps`` is the rate of calls that the command asks for.
    """
    name = trunk or scenario.trunk
    place = scenario.source("trunk")
    base = (embedded or Profile()) if name == EMBEDDED else settings.profile(name, source=place)
    work = _Work(
        scenario=scenario, trunk=name, profiles={TRUNK_ACCOUNT: base}, embedded=embedded,
        passwords=passwords, cps=cps,
    )  # fmt: skip
    for agent, profile in scenario.agents.items():
        own = base
        if profile.trunk is not None and profile.trunk != name:
            own = settings.profile(profile.trunk, source=profile.source("trunk"))
        if own is not embedded and name != EMBEDDED:
            work.problems += loosened_fences(profile, own)
        work.profiles[agent], problem = settled(profile, own, embedded)
        if problem is not None:
            work.problems.append(problem)
    for step in scenario.steps:
        _add(work, step, user_agent)
    _check_engine(work, engine)
    if work.problems:
        raise ScenarioError(work.problems)
    return Plan(
        scenario=scenario.id,
        name=scenario.name or scenario.id,
        file=scenario.file,
        tags=scenario.tags,
        trunk=name,
        accounts=tuple(work.accounts.values()),
        attempts=tuple(_linked(work)),
        timeout=scenario.timeout,
        warnings=tuple(dict.fromkeys(work.warnings)),
    )


def _check_engine(work: _Work, engine: Callable[[], Capabilities | None]) -> None:
    """Refuse, at the line that asks, what the installed pjsua2 cannot do."""
    if not need_more_than_basics(work.accounts.values()):
        return
    able = engine()
    if able is None:
        return
    for account in work.accounts.values():
        missing = unsupported(account, able)
        if missing is not None:
            key, why = missing
            work.problems.append(
                Problem(
                    source=_place(work, account.name, key),
                    message=why,
                    hint=f"pjsua2 {able.version} is installed; another build may have it",
                )
            )


def _add(work: _Work, step: AnyStep, user_agent: str) -> None:
    """Add the attempts of one step."""
    match step:
        case RegisterStep() | UnregisterStep():
            for agent in step.agents or (TRUNK_ACCOUNT,):
                _registration(work, step, agent, user_agent)
        case CallStep():
            _call(work, step, user_agent)
        case OptionsStep():
            account = _account(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
            danger = (
                account
                and step.target
                and emergency_problem(
                    step.target, work.profiles[account.name], step.source("options")
                )
            )
            if danger:
                work.problems.append(danger)
            elif account is not None:
                target = _target(work, account, step.target)
                action: Action = Options(
                    attempt=len(work.attempts), account=account.name, target=target,
                    timeout=step.timeout, answer_within=step.answer_within,
                )  # fmt: skip
                _append(work, step, f"options {step.target or account.host}", "OPTIONS", action)
        case CancelStep() | HangupStep():
            _ending(work, step)
        case TalkStep():
            action = Talk(
                attempt=len(work.attempts), account=_last_caller(work), duration=step.duration
            )
            _append(work, step, f"talk {step.duration:g} s", "", action)
        case WaitStep():
            action = Wait(
                attempt=len(work.attempts), account=_last_caller(work), duration=step.duration
            )
            _append(work, step, f"wait {step.duration:g} s", "", action)


def _registration(
    work: _Work, step: RegisterStep | UnregisterStep, agent: str, user_agent: str
) -> None:
    account = _account(work, agent, step, user_agent)
    if account is None:
        return
    common = {"timeout": step.timeout, "answer_within": step.answer_within}
    number = len(work.attempts)
    verb = step.verb if agent == TRUNK_ACCOUNT else f"{step.verb} {agent}"
    if isinstance(step, RegisterStep):
        expires = step.expires or account.expires
        if expires != account.expires:
            # The stack keeps one interval an account: the step's wins over the profile's.
            account = replace(account, expires=expires)
            work.accounts[account.name] = account
        action: Action = Register(attempt=number, account=agent, expires=expires, **common)
    else:
        action = Unregister(attempt=number, account=agent, **common)
    _append(work, step, verb, "REGISTER", action)


def _call(work: _Work, step: CallStep, user_agent: str) -> None:
    account = _account(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
    if account is None:
        return
    profile = work.profiles[account.name]
    problems = _fenced(work, step, account, profile)
    if problems:
        work.problems += [problem for problem in problems if problem not in work.problems]
        return
    action = Call(
        attempt=len(work.attempts),
        account=account.name,
        target=_target(work, account, step.to),
        hangup_after=step.hangup_after,
        ring_for=step.ring_for,
        caller_id=step.caller_id,
        headers=tuple(step.headers.items()),
        play=step.play,
        codecs=step.codecs or (),
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    origin = f"{step.from_} calls" if step.from_ else "call"
    _append(work, step, f"{origin} {step.to}", "INVITE", action)


def _fenced(work: _Work, step: CallStep, account: Account, profile: Profile) -> list[Problem]:
    """Return why a call is not to be made; warn of a caller ID that nobody calls ours."""
    host = work.addresses[account.name].host
    own = step.source("caller_id")
    found = [
        destination_problem(
            step.to, profile, account, host, step.source("call"), _literal(work.scenario)
        ),
        caller_problem(step.caller_id, profile, account, own),
        caller_problem(
            profile.caller_id, profile, account, _place(work, account.name, "caller_id")
        ),
        *header_problems(step.headers, profile, account, step.source("headers")),
        *header_problems(profile.headers, profile, account, _place(work, account.name, "headers")),
    ]
    for caller_id in (step.caller_id, profile.caller_id):
        warning = caller_warning(caller_id, profile, account)
        if warning is not None:
            work.warnings.append(warning)
    return [problem for problem in found if problem is not None]


def _literal(scenario: Scenario) -> set[str]:
    """Return the destinations that stand in a scenario file as they are."""
    calls = (step for step in scenario.steps if isinstance(step, CallStep))
    return {step.to for step in calls if not step.source("call").filled}


def _ending(work: _Work, step: CancelStep | HangupStep) -> None:
    """Add a cancel or hangup of an earlier call."""
    wanted = step.call if isinstance(step, CancelStep) else step.by
    calls = [a for a in work.attempts if isinstance(a.action, Call)]
    names = {s.name: s.index for s in work.scenario.steps if s.name}
    if wanted is not None:
        calls = [a for a in calls if a.action.account == wanted or a.step == names.get(wanted, -1)]
    if not calls:
        work.problems.append(
            Problem(
                source=step.source(step.verb),
                message="there is no earlier call to end",
                hint="put a `call:` step before it",
            )
        )
        return
    call = calls[-1].index
    account = calls[-1].action.account
    number = len(work.attempts)
    common = {"timeout": step.timeout, "answer_within": step.answer_within}
    action: Action
    if isinstance(step, CancelStep):
        action = Cancel(attempt=number, account=account, call=call, **common)
    else:
        action = Hangup(attempt=number, account=account, call=call, **common)
    method = "CANCEL" if isinstance(step, CancelStep) else "BYE"
    _append(work, step, step.verb if wanted is None else f"{step.verb} {wanted}", method, action)
    work.attempts[-1] = replace(work.attempts[-1], depends_on=(call,))


def _append(work: _Work, step: AnyStep, label: str, method: str, action: Action) -> None:
    account = work.accounts.get(action.account)
    target = action.target if isinstance(action, Call | Options) else ""
    work.attempts.append(
        Attempt(
            index=action.attempt,
            step=step.index,
            label=label,
            method=method,
            direction="register" if method == "REGISTER" else "outbound",
            action=action,
            account=account,
            expectation=step.expect,
            retry=step.retry,
            source=step.source(step.verb),
            provider=_provider(work, action.account),
            limits=limits_of(work.profiles[account.name], account, target, work.cps)
            if account is not None and method in {"REGISTER", "INVITE", "OPTIONS"}
            else None,
        )
    )


def _linked(work: _Work) -> list[Attempt]:
    """Say of each call how it ends: by itself, by a later step, or after the default talk time."""
    ended = {a.action.call for a in work.attempts if isinstance(a.action, Hangup | Cancel)}
    cancelled = {a.action.call for a in work.attempts if isinstance(a.action, Cancel)}
    found = []
    for attempt in work.attempts:
        action = attempt.action
        account = work.accounts.get(action.account)
        if isinstance(action, Call):
            talks_later = any(
                isinstance(other.action, Talk | Wait) and other.index > attempt.index
                for other in work.attempts
            )
            stays = attempt.index in ended or talks_later
            if action.hangup_after is None and action.ring_for is None and not stays:
                action = replace(action, hangup_after=DEFAULT_TALK_S)
            if attempt.index in cancelled:
                action = replace(action, wait_for="ringing")
        found.append(replace(attempt, action=action, account=account))
    return found


def _last_caller(work: _Work) -> str:
    """Return the account whose worker lets the time pass: the latest caller, or any."""
    calls = [a.action.account for a in work.attempts if isinstance(a.action, Call)]
    return calls[-1] if calls else next(iter(work.accounts), "")


def _account(work: _Work, name: str, step: AnyStep, user_agent: str) -> Account | None:
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
                source=_place(work, name, "uri"),
                message=f"'{profile.uri}' is not a SIP address of record",
                hint="for example sip:100@pbx.example:5060;transport=tcp",
            )
        )
        return None
    missing = missing_files(profile)
    for key, path in missing.items():
        work.problems.append(
            Problem(
                source=_place(work, name, key),
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
    )
    work.problems += unknown_countries(profile, _place(work, name, "country"))
    if account.transport == "TLS" and not account.verify:
        work.warnings.append(f"{name}: the TLS server is not verified (verify: off)")
    work.addresses[name], work.accounts[name] = address, account
    return account


def _password(work: _Work, name: str, profile: Profile) -> str | None:
    """Return the password of an account as far as it may be looked up."""
    path = file_of(profile, "password_file")
    mode = readable_by_others(path) if path is not None else None
    if mode is not None:
        work.warnings.append(
            f"{name}: others on this machine can read {path} (mode {mode}): chmod 600"
        )
    if work.passwords is None:
        return profile.password.get_secret_value() if profile.password else None
    try:
        return work.passwords.of(profile, path=path)
    except ScenarioError as error:
        work.problems += [problem for problem in error.problems if problem not in work.problems]
        return None


def _provider(work: _Work, name: str) -> str | None:
    """Return the provider of an account as the code reference calls it."""
    profile = work.profiles.get(name)
    if profile is None or profile.provider is None:
        return None
    found = reference.provider(profile.provider)
    if found is None:
        names = ", ".join(sorted(p.name for p in reference.providers()))
        problem = Problem(
            source=_place(work, name, "provider"),
            message=f"the code reference knows no provider '{profile.provider}'",
            hint=f"known: {names}",
        )
        if problem not in work.problems:
            work.problems.append(problem)
        return None
    return profile.provider


def _place(work: _Work, name: str, key: str) -> Source:
    """Return where a key of an account stands; the trunk key of the scenario where it does not."""
    profile = work.profiles[name]
    return profile.source(key) if key in profile.sources else work.scenario.source("trunk")


def _target(work: _Work, account: Account, written: str | None) -> str:
    """Return the Request-URI for a number, a URI, or nothing (the trunk itself)."""
    address = work.addresses[account.name]
    if written is None:
        return account.registrar
    if re.match(r"(?:sips?|tel):", written, re.IGNORECASE):
        return written
    user = written.replace("#", "%23")  # not allowed in a SIP URI's user part (RFC 3261 §25.1)
    return f"{address.scheme}:{user}@{address.hostport}{address.suffix}"
