"""A scenario, its profiles and the code reference become a plan; nothing is left to guess."""

from collections.abc import Callable

from msgspec.structs import replace

from probe.plan import asking, calls, sounds
from probe.plan.action import (
    Account,
    Action,
    Call,
    Cancel,
    Hangup,
    Options,
    Register,
    Take,
    Talk,
    Unregister,
    Wait,
)
from probe.plan.at_once import CALLS_OF_EVERY_BUILD, crowded
from probe.plan.capabilities import Capabilities
from probe.plan.embedded import settled
from probe.plan.fences import (
    caller_problem,
    caller_warning,
    destination_problem,
    emergency_problem,
    header_problems,
    loosened_fences,
)
from probe.plan.limits import lacks
from probe.plan.plan import Attempt, Plan
from probe.plan.secrets import Passwords
from probe.plan.work import TRUNK_ACCOUNT, Work, account_of, append, last_caller, place, target_of
from probe.scenario.ask_steps import (
    AwaitStep,
    MessageStep,
    RequestStep,
    SubscribeStep,
    UnsubscribeStep,
)
from probe.scenario.schema import (
    EMBEDDED,
    AnyStep,
    CallStep,
    OptionsStep,
    Profile,
    RegisterStep,
    Scenario,
    Settings,
    TalkStep,
    UnregisterStep,
    WaitStep,
)
from probe.scenario.source import Problem, ScenarioError

_BARE = Profile()
"""Stands for the embedded trunk where none runs."""

DEFAULT_TALK_S = 1.0
"""Talk time of a call that no step ends: long enough to see a lost ACK, and cheap."""


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
    at_site: str | None = None,
    elsewhere: bool = False,
) -> Plan:
    """Return the plan of a scenario; raise ScenarioError with every problem at its place.

    ``trunk`` overrides the scenario's trunk; ``embedded`` is the profile of the running embedded
    trunk; ``engine`` says what the installed pjsua2 can do and is asked only where that matters.
    ``passwords`` looks passwords up for a plan that will be carried out; without it, none is read
    from a file, a program or the keyring. ``cps`` is the rate of calls that the command asks for.
    ``at_site`` is where accounts are that say nothing of it; with ``elsewhere`` the plan is for
    another machine, whose files are not looked for here.
    """
    name = trunk or scenario.trunk
    place = scenario.source("trunk")
    base = (embedded or _BARE) if name == EMBEDDED else settings.profile(name, source=place)
    work = Work(
        scenario=scenario, trunk=name, profiles={TRUNK_ACCOUNT: base}, embedded=embedded,
        passwords=passwords, cps=cps, at_site=at_site or "", elsewhere=elsewhere,
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
    attempts = tuple(_linked(work))
    problems = _crowded(attempts, engine)
    if problems:
        raise ScenarioError(problems)
    return Plan(
        scenario=scenario.id,
        name=scenario.name or scenario.id,
        row=scenario.row,
        file=scenario.file,
        tags=scenario.tags,
        trunk=name,
        accounts=tuple(work.accounts.values()),
        attempts=attempts,
        timeout=scenario.timeout,
        warnings=tuple(dict.fromkeys(work.warnings)),
    )


def _check_engine(work: Work, engine: Callable[[], Capabilities | None]) -> None:
    """Refuse, at the line that asks, what the installed pjsua2 cannot do."""
    actions = [attempt.action for attempt in work.attempts]
    for lack in lacks(work.accounts.values(), actions, engine):
        source = (
            place(work, lack.name, lack.key)
            if lack.attempt < 0
            else next(a.source for a in work.attempts if a.index == lack.attempt)
        )
        work.problems.append(Problem(source=source, message=lack.why, hint=lack.hint))


def _crowded(
    attempts: tuple[Attempt, ...], engine: Callable[[], Capabilities | None]
) -> list[Problem]:
    """Refuse more calls at a time than the installed pjsua2 carries; few are in every build."""
    if sum(isinstance(attempt.action, Call | Take) for attempt in attempts) <= CALLS_OF_EVERY_BUILD:
        return []
    able = engine()
    if able is None:
        return []
    hint = (
        f"pjsua2 {able.version} is installed; end calls with 'hangup' before, or take another build"
    )
    return [
        Problem(source=attempt.source, message=why, hint=hint)
        for attempt, why in crowded(attempts, able)
    ]


def _add(work: Work, step: AnyStep, user_agent: str) -> None:
    """Add the attempts of one step."""
    match step:
        case RegisterStep() | UnregisterStep():
            for agent in step.agents or (TRUNK_ACCOUNT,):
                _registration(work, step, agent, user_agent)
        case CallStep():
            _call(work, step, user_agent)
        case OptionsStep():
            _options(work, step, user_agent)
        case TalkStep() | WaitStep():
            _pass(work, step)
        case SubscribeStep() | UnsubscribeStep() | MessageStep() | RequestStep() | AwaitStep():
            asking.add(work, step, user_agent)
        case _:
            calls.add(work, step, user_agent)


def _options(work: Work, step: OptionsStep, user_agent: str) -> None:
    account = account_of(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
    if account is None:
        return
    danger = step.target and emergency_problem(
        step.target, work.profiles[account.name], step.source("options")
    )
    if danger:
        work.problems.append(danger)
        return
    action = Options(
        attempt=len(work.attempts),
        account=account.name,
        target=target_of(work, account, step.target),
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    append(work, step, f"options {step.target or account.host}", "OPTIONS", action)


def _pass(work: Work, step: TalkStep | WaitStep) -> None:
    """Add the attempt of a step that lets time pass."""
    kind = Talk if isinstance(step, TalkStep) else Wait
    action = kind(attempt=len(work.attempts), account=last_caller(work), duration=step.duration)
    prepares = sounds.presses(work, step) if isinstance(step, TalkStep) else ()
    append(work, step, f"{step.verb} {step.duration:g} s", "", action, prepares=prepares)


def _registration(
    work: Work, step: RegisterStep | UnregisterStep, agent: str, user_agent: str
) -> None:
    account = account_of(work, agent, step, user_agent)
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
    append(work, step, verb, "REGISTER", action)


def _call(work: Work, step: CallStep, user_agent: str) -> None:
    account = account_of(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
    if account is None:
        return
    profile = work.profiles[account.name]
    problems = _fenced(work, step, account, profile)
    if problems:
        work.problems += [problem for problem in problems if problem not in work.problems]
        return
    prepares = calls.reached(work, step, len(work.attempts), user_agent)
    play = sounds.play_of(work, account.name, step)
    action = Call(
        attempt=len(work.attempts),
        account=account.name,
        target=target_of(work, account, step.to),
        hangup_after=step.hangup_after,
        ring_for=step.ring_for,
        caller_id=step.caller_id,
        headers=tuple(step.headers.items()),
        play=play,
        hear=sounds.hear_of(work, account.name, step, play),
        press=sounds.press_of(step),
        codecs=step.codecs or (),
        late_offer=step.late_offer,
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    origin = f"{step.from_} calls" if step.from_ else "call"
    append(work, step, f"{origin} {step.to}", "INVITE", action, prepares=prepares)


def _fenced(work: Work, step: CallStep, account: Account, profile: Profile) -> list[Problem]:
    """Return why a call is not to be made; warn of a caller ID that nobody calls ours."""
    host = work.addresses[account.name].host
    own = step.source("caller_id")
    found = [
        destination_problem(step.to, profile, account, host, step.source("call"), work.literal),
        caller_problem(step.caller_id, profile, account, own),
        caller_problem(profile.caller_id, profile, account, place(work, account.name, "caller_id")),
        *header_problems(step.headers, profile, account, step.source("headers")),
        *header_problems(profile.headers, profile, account, place(work, account.name, "headers")),
    ]
    for caller_id in (step.caller_id, profile.caller_id):
        warning = caller_warning(caller_id, profile, account)
        if warning is not None:
            work.warnings.append(warning)
    return [problem for problem in found if problem is not None]


def _linked(work: Work) -> list[Attempt]:
    """Say of each call how it ends: by itself, by a later step, or after the default talk time."""
    ended = {a.action.call for a in work.attempts if isinstance(a.action, Hangup | Cancel)}
    cancelled = {a.action.call for a in work.attempts if isinstance(a.action, Cancel)}
    kept_up = ended | calls.gone_on(work.attempts)
    pauses = [a.index for a in work.attempts if isinstance(a.action, Talk | Wait)]
    last_pause = max(pauses, default=-1)
    found = []
    for attempt in work.attempts:
        action = attempt.action
        account = work.accounts.get(action.account)
        if isinstance(action, Call):
            stays = attempt.index in kept_up or last_pause > attempt.index
            if action.hangup_after is None and action.ring_for is None and not stays:
                action = replace(action, hangup_after=DEFAULT_TALK_S)
            if attempt.index in cancelled:
                action = replace(action, wait_for="ringing")
        found.append(calls.linked(replace(attempt, action=action, account=account)))
    return found
