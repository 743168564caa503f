"""Steps of the called side and steps inside a call become attempts.

A call that is to reach an agent of ours (``at:``) makes two things of one step: the attempt of the
caller, and what the called agent is told beforehand. Where a later step answers, refuses or
redirects, the call's own step ends with the ringing, and the agent only rings.
"""

from msgspec.structs import replace

from probe.plan import sounds
from probe.plan.action import (
    Action,
    Call,
    Cancel,
    Expect,
    Follow,
    Hangup,
    Hold,
    Manner,
    Refresh,
    Take,
    Transfer,
)
from probe.plan.asks import AskInCall
from probe.plan.fences import destination_problem
from probe.plan.plan import Attempt
from probe.plan.work import TRUNK_ACCOUNT, Work, account_of, append, limits_for, target_of
from probe.scenario.call_steps import (
    AnswerStep,
    CallStep,
    HoldStep,
    InCall,
    Reaching,
    RedirectStep,
    RefreshStep,
    RejectStep,
    RingStep,
    Taking,
    TransferStep,
)
from probe.scenario.schema import AnyStep, CancelStep, HangupStep
from probe.scenario.source import Problem, Source

_KINDS = {RingStep: "ring", AnswerStep: "answer", RejectStep: "reject", RedirectStep: "redirect"}


def reached(
    work: Work, step: CallStep | TransferStep, call: int, user_agent: str
) -> tuple[Expect, ...]:
    """Return what the agent is told that a call is to reach, or nothing."""
    if step.at is None:
        return ()
    account = account_of(work, step.at, step, user_agent)
    if account is None:
        return ()
    caller = (step.from_ or TRUNK_ACCOUNT) if isinstance(step, CallStep) else None
    if step.at == caller:
        work.problems.append(
            Problem(
                source=step.source("at"),
                message=f"'{step.at}' cannot be called by itself",
                hint="name another agent under 'at:', or another caller under 'from:'",
            )
        )
        return ()
    if step.contact is not None:
        fence(work, account.name, step.contact, step.source("contact"))
    manner = _manner(work, step, account.name)
    first = Expect(attempt=call, account=account.name, call=call, manner=manner)
    return (first, *_reached_too(work, step, call, user_agent))


def _reached_too(
    work: Work, step: CallStep | TransferStep, call: int, user_agent: str
) -> list[Expect]:
    """Return what agents are told whom the same call reaches by a group or a redirection.

    Their steps come after this one, and the INVITE may be there before them.
    """
    told: dict[str, Expect] = {}
    own = {step.at, step.from_ if isinstance(step, CallStep) else step.by}
    for later in work.scenario.steps:
        if later.index > step.index and isinstance(later, Reaching):
            break
        if later.index <= step.index or not isinstance(later, Taking) or later.agent in own:
            continue
        account = account_of(work, later.agent, later, user_agent)
        if account is not None:
            early = isinstance(later, RingStep | AnswerStep) and later.early_media
            manner = Manner(kind="ring", early_media=early)
            told[later.agent] = Expect(attempt=call, account=account.name, call=call, manner=manner)
    return list(told.values())


def _manner(work: Work, step: CallStep | TransferStep, agent: str) -> Manner:
    """Return how an agent takes a call: as the step says, or by ringing where a later one says."""
    if any(isinstance(later, Taking) and later.agent == agent for later in _later(work, step)):
        return Manner(kind="ring", early_media=step.early_media)
    status, reason = step.answer_with or (200, "")
    kind = "answer" if status < 300 else "redirect" if status < 400 else "reject"
    play = sounds.play_of(work, agent, None)
    return Manner(
        kind=kind,
        after=step.answer_after,
        status=status,
        reason=reason,
        contact=None if step.contact is None else _target(work, agent, step.contact),
        early_media=step.early_media,
        play=play,
        hear=sounds.hear_of(work, agent, step, play),
    )


def _later(work: Work, step: AnyStep) -> list[AnyStep]:
    """Return the steps after one, as far as no other call reaches the same agent."""
    found: list[AnyStep] = []
    for later in work.scenario.steps:
        if later.index <= step.index:
            continue
        if isinstance(later, Reaching) and isinstance(step, Reaching) and later.at == step.at:
            break
        found.append(later)
    return found


def add(work: Work, step: Taking | InCall | CancelStep | HangupStep, user_agent: str) -> None:
    """Add the attempt of a step of the called side, or inside a call."""
    if isinstance(step, CancelStep | HangupStep):
        _end(work, step)
    elif isinstance(step, Taking):
        _take(work, step, user_agent)
    else:
        _inside(work, step, user_agent)


def _take(work: Work, step: Taking, user_agent: str) -> None:
    """Add the attempt of an agent that answers, refuses, redirects, or lets ring."""
    account = account_of(work, step.agent, step, user_agent)
    if account is None:
        return
    if isinstance(step, RedirectStep):
        fence(work, account.name, step.to, step.source("to"))
    number = len(work.attempts)
    ringing = _ringing_at(work, step.agent)
    status, reason = step.with_ if isinstance(step, RejectStep | RedirectStep) else (200, "")
    play = sounds.play_of(work, account.name, step)
    manner = Manner(
        kind=_KINDS[type(step)],
        after=step.after,
        status=status,
        reason=reason,
        contact=_target(work, account.name, step.to) if isinstance(step, RedirectStep) else None,
        early_media=step.early_media if isinstance(step, RingStep | AnswerStep) else False,
        play=play,
        hear=sounds.hear_of(work, account.name, step, play),
        headers=tuple(step.headers.items()),
    )
    action = Take(
        attempt=number,
        account=account.name,
        call=number if ringing is None else ringing,
        manner=manner,
        within=step.within,
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    label = f"{step.agent} {_WORDS[step.verb]}"
    append(work, step, label, "INVITE", action, direction="inbound")


_WORDS = {
    "ring": "rings",
    "answer": "answers",
    "reject": "refuses",
    "redirect": "redirects",
    "hold": "holds",
    "resume": "resumes",
    "refresh": "refreshes",
    "transfer": "transfers",
}
"""How a step is told of an agent."""


def _ringing_at(work: Work, agent: str) -> int | None:
    """Return the attempt whose call an earlier step lets ring at an agent, or None."""
    for attempt in reversed(work.attempts):
        action = attempt.action
        if isinstance(action, Take) and action.account == agent:
            return action.call if action.manner.kind == "ring" else None
        for told in attempt.prepares:
            if isinstance(told, Expect) and told.account == agent:
                return told.call if told.manner.kind == "ring" else None
    return None


def _inside(work: Work, step: InCall, user_agent: str) -> None:
    """Add the attempt of a step inside a call."""
    call = call_of(work, step.call)
    if call is None:
        return  # the loader has told it
    by = step.by or call.action.account
    account = account_of(work, by, step, user_agent)
    if account is None:
        return
    if by not in sides_of(call):
        _not_in_it(work, step, by, call)
        return
    number = len(work.attempts)
    common = {"timeout": step.timeout, "answer_within": step.answer_within}
    handle = call.index
    label = f"{by} {_WORDS[step.verb]}" if step.by or by != TRUNK_ACCOUNT else step.verb
    if isinstance(step, TransferStep):
        _transfer(work, step, call, by, label, user_agent)
        return
    action: Action
    if isinstance(step, RefreshStep):
        method = step.with_.upper()
        action = Refresh(attempt=number, account=by, call=handle, method=method, **common)
    else:
        method, resume = "INVITE", not isinstance(step, HoldStep)
        action = Hold(attempt=number, account=by, call=handle, resume=resume, **common)
    append(work, step, label, method, action, depends_on=(call.index,))


def _end(work: Work, step: CancelStep | HangupStep) -> None:
    """Add a cancel or hangup of an earlier call, by whichever side the step names."""
    wanted = step.call if isinstance(step, CancelStep) else step.by
    call = call_of(work, wanted, side=wanted)
    if call is None:
        work.problems.append(
            Problem(
                source=step.source(step.verb),
                message="there is no earlier call to end",
                hint="put a `call:` step before it",
            )
        )
        return
    by = wanted if wanted in sides_of(call) else call.action.account
    number = len(work.attempts)
    common = {"timeout": step.timeout, "answer_within": step.answer_within}
    action: Action
    if isinstance(step, CancelStep):
        by = call.action.account
        action = Cancel(attempt=number, account=by, call=call.index, **common)
    else:
        action = Hangup(attempt=number, account=str(by), call=call.index, **common)
    method = "CANCEL" if isinstance(step, CancelStep) else "BYE"
    label = step.verb if wanted is None else f"{step.verb} {wanted}"
    append(work, step, label, method, action, depends_on=(call.index,))


def is_call(attempt: Attempt) -> bool:
    """Whether an attempt is a call: one that we place, or wait for."""
    action = attempt.action
    return isinstance(action, Call) or (isinstance(action, Take) and action.call == attempt.index)


def _transfer(  # noqa: PLR0913, PLR0917 - what the step has resolved to
    work: Work, step: TransferStep, call: Attempt, by: str, label: str, user_agent: str
) -> None:
    """Add the attempt of a transfer, with what the other agents are told beforehand."""
    number = len(work.attempts)
    target, replaces, depends = None, None, [call.index]
    if step.to is not None:
        fence(work, by, step.to, step.source("to"))
        target = _target(work, by, step.to)
        label = f"{label} to {step.to}"
    else:
        other = call_of(work, step.with_)
        if other is None:
            return
        if by not in sides_of(other):
            _not_in_it(work, step, by, other)
            return
        replaces = other.index
        depends.append(other.index)
        label = f"{label} with {step.with_}"
    told: list[Action] = list(reached(work, step, number, user_agent))
    asked = target or _asked_again(work, step)
    if asked is not None:
        others = sorted(sides_of(call) - {by})
        told += [Follow(attempt=number, account=o, call=call.index, target=asked) for o in others]
    action = Transfer(
        attempt=number,
        account=by,
        call=call.index,
        target=target,
        replaces=replaces,
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    append(
        work, step, label, "REFER", action, prepares=tuple(told), depends_on=tuple(depends),
        limits=limits_for(work, by, target or ""),
    )  # fmt: skip


def _asked_again(work: Work, step: TransferStep) -> str | None:
    """Return the URI of the call that an attended transfer replaces."""
    other = call_of(work, step.with_)
    return other.action.target if other is not None and isinstance(other.action, Call) else None


def call_of(work: Work, name: str | None, *, side: str | None = None) -> Attempt | None:
    """Return the latest call, or that of a named step, or the latest that ``side`` is in."""
    for attempt in reversed(work.attempts):
        if is_call(attempt) and (
            name is None
            or attempt.step == work.named.get(name)
            or (side is not None and side in sides_of(attempt))
        ):
            return attempt
    return None


def sides_of(call: Attempt) -> set[str]:
    """Return the agents of ours that are in a call."""
    reached_by = {told.account for told in call.prepares if isinstance(told, Expect)}
    return {call.action.account} | reached_by


def _not_in_it(work: Work, step: InCall, by: str, call: Attempt) -> None:
    work.problems.append(
        Problem(
            source=step.source("by") if step.by else step.source(step.verb),
            message=f"'{by}' is not in the call of step {call.step}",
            hint="in it: " + ", ".join(sorted(sides_of(call))),
        )
    )


def fence(work: Work, agent: str, written: str, source: Source) -> None:
    """Refuse a destination that an agent may not have dialled for it."""
    problem = destination_problem(
        written,
        work.profiles[agent],
        work.accounts[agent],
        work.addresses[agent].host,
        source,
        work.literal,
    )
    if problem is not None and problem not in work.problems:
        work.problems.append(problem)


def _target(work: Work, agent: str, written: str) -> str:
    return target_of(work, work.accounts[agent], written)


def linked(attempt: Attempt) -> Attempt:
    """Say of a call whether a later step decides what becomes of it: then it only rings."""
    action = attempt.action
    rings = any(
        isinstance(told, Expect) and told.manner.kind == "ring" for told in attempt.prepares
    )
    if not (isinstance(action, Call) and rings):
        return attempt
    return replace(attempt, action=replace(action, wait_for="ringing"))


def gone_on(attempts: list[Attempt]) -> set[int]:
    """Return the calls inside which a step happens."""
    found = set()
    for attempt in attempts:
        action = attempt.action
        if isinstance(action, Hold | Refresh | Transfer | Take | AskInCall):
            found.add(action.call)
        if isinstance(action, Transfer) and action.replaces is not None:
            found.add(action.replaces)
    return found
