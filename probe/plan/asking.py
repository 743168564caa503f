"""Steps that ask, subscribe and wait become attempts."""

from msgspec.structs import replace

from probe.plan.action import Account
from probe.plan.asks import Ask, AskInCall, Await, Subscribe, Unsubscribe, Wanted
from probe.plan.calls import call_of, fence, sides_of
from probe.plan.fences import header_problems
from probe.plan.plan import Attempt
from probe.plan.work import TRUNK_ACCOUNT, Work, account_of, append, limits_for, target_of
from probe.scenario.ask_steps import (
    AnyAskStep,
    AwaitStep,
    MessageStep,
    RequestStep,
    SubscribeStep,
    UnsubscribeStep,
)
from probe.scenario.expectation import Expectation
from probe.scenario.source import Problem, Source


def add(work: Work, step: AnyAskStep, user_agent: str) -> None:
    """Add the attempts of one step."""
    match step:
        case SubscribeStep():
            _subscribe(work, step, user_agent)
        case UnsubscribeStep():
            _unsubscribe(work, step)
        case MessageStep():
            _message(work, step, user_agent)
        case RequestStep():
            if step.call is None:
                _request(work, step, user_agent)
            else:
                _inside(work, step, user_agent)
        case AwaitStep():
            _await(work, step, user_agent)


def wanted_of(expectation: Expectation | None) -> Wanted:
    """Return the NOTIFYs that a step expects, for whoever waits for them."""
    notify = expectation.notify if expectation is not None else None
    return tuple(one.wanted() for one in notify) if isinstance(notify, tuple) else ()


def _subscribe(work: Work, step: SubscribeStep, user_agent: str) -> None:
    account = account_of(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
    if account is None or not _allowed(work, step, account, step.to, step.source("to")):
        return
    action = Subscribe(
        attempt=len(work.attempts),
        account=account.name,
        package=step.package,
        target=target_of(work, account, step.to or account.user),
        expires=step.expires,
        headers=tuple(step.headers.items()),
        watch=step.watch,
        wanted=wanted_of(step.expect),
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    whose = f" of {step.to}" if step.to else ""
    verb = f"{step.from_} subscribes to" if step.from_ else "subscribe"
    append(
        work, step, f"{verb} {step.package}{whose}", "SUBSCRIBE", action,
        limits=limits_for(work, account.name, action.target),
    )  # fmt: skip


def _unsubscribe(work: Work, step: UnsubscribeStep) -> None:
    made = _subscription(work, step.subscription)
    if made is None:
        return  # the loader has told it
    action = Unsubscribe(
        attempt=len(work.attempts),
        account=made.action.account,
        subscription=made.index,
        watch=step.watch,
        wanted=wanted_of(step.expect),
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    label = f"unsubscribe {step.subscription}" if step.subscription else "unsubscribe"
    append(work, step, label, "SUBSCRIBE", action, depends_on=(made.index,))


def _message(work: Work, step: MessageStep, user_agent: str) -> None:
    """Add the attempt that sends, and one that looks whether it arrives."""
    account = account_of(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
    if account is None or not _allowed(work, step, account, step.to, step.source("to")):
        return
    number = len(work.attempts)
    action = Ask(
        attempt=number,
        account=account.name,
        method="MESSAGE",
        target=target_of(work, account, step.to),
        headers=tuple(step.headers.items()),
        body=step.body,
        content_type=step.content_type,
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    whole = step.expect
    if whole is not None and step.at is not None:
        step = replace(step, expect=replace(whole, callee=None))
    verb = f"{step.from_} writes to" if step.from_ else "message"
    append(
        work, step, f"{verb} {step.to}", "MESSAGE", action,
        limits=limits_for(work, account.name, action.target),
    )  # fmt: skip
    if step.at is not None:
        arrival = Expectation(
            callee=whole.callee if whole is not None else None,
            sources=whole.sources if whole is not None else {},
        )
        reached = replace(step, expect=arrival, retry=None)
        _arrival(work, reached, step.at, number, user_agent)


def _arrival(work: Work, step: MessageStep, at: str, sent: int, user_agent: str) -> None:
    """Add the attempt that looks whether a message arrives at an agent."""
    account = account_of(work, at, step, user_agent)
    if account is None:
        return
    action = Await(
        attempt=len(work.attempts), account=account.name, method="MESSAGE", within=step.within
    )
    append(
        work, step, f"the message reaches {at}", "MESSAGE", action,
        direction="inbound", depends_on=(sent,),
    )  # fmt: skip


def _request(work: Work, step: RequestStep, user_agent: str) -> None:
    """Add a request outside calls."""
    account = account_of(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
    if account is None or not _allowed(work, step, account, step.to, step.source("to")):
        return
    action = Ask(
        attempt=len(work.attempts),
        account=account.name,
        method=step.method,
        target=target_of(work, account, step.to),
        headers=tuple(step.headers.items()),
        body=step.body or "",
        content_type=_type_of(step),
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    origin = f"{step.from_}: " if step.from_ else ""
    append(
        work, step, f"{origin}{step.method} {step.to or account.host}", step.method, action,
        limits=limits_for(work, account.name, action.target),
    )  # fmt: skip


def _inside(work: Work, step: RequestStep, user_agent: str) -> None:
    """Add a request inside a call."""
    call = call_of(work, step.call)
    if call is None:
        return  # the loader has told it
    side = step.from_ or call.action.account
    account = account_of(work, side, step, user_agent)
    if account is None:
        return
    if side not in sides_of(call):
        work.problems.append(
            Problem(
                source=step.source("from"),
                message=f"'{side}' is not in the call of step {call.step}",
                hint="in it: " + ", ".join(sorted(sides_of(call))),
            )
        )
        return
    work.problems += _header_problems(work, step, account)
    action = AskInCall(
        attempt=len(work.attempts),
        account=side,
        call=call.index,
        method=step.method,
        headers=tuple(step.headers.items()),
        body=step.body or "",
        content_type=_type_of(step),
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    origin = f"{step.from_}: " if step.from_ else ""
    label = f"{origin}{step.method} in {step.call}"
    append(work, step, label, step.method, action, depends_on=(call.index,))


def _await(work: Work, step: AwaitStep, user_agent: str) -> None:
    made = _subscription(work, step.of) if step.of is not None else None
    if step.of is not None and made is None:
        return  # the loader has told it
    side = step.at or (made.action.account if made is not None else TRUNK_ACCOUNT)
    account = account_of(work, side, step, user_agent)
    if account is None:
        return
    if made is not None and side != made.action.account:
        work.problems.append(
            Problem(
                source=step.source("at"),
                message=f"the subscription of step {made.step} is {made.action.account}'s",
                hint="leave out 'at:'",
            )
        )
        return
    if made is None:
        _accept(work, account, step)
    action = Await(
        attempt=len(work.attempts),
        account=side,
        method=step.method,
        package=(step.event or "").partition(";")[0].strip().lower(),
        subscription=None if made is None else made.index,
        within=step.within,
        wanted=wanted_of(step.expect),
    )
    what = f"{step.method} {step.event or ''}".strip()
    where = f" of {step.of}" if step.of else f" at {step.at}" if step.at else ""
    append(
        work, step, f"await {what}{where}", step.method, action,
        direction="inbound", depends_on=() if made is None else (made.index,),
    )  # fmt: skip


def _accept(work: Work, account: Account, step: AwaitStep) -> None:
    """Let an account answer 200 to what a step waits for."""
    package = (step.event or "").partition(";")[0].strip().lower()
    word = f"{step.method} {package}" if package else step.method
    if word not in account.awaited:
        work.accounts[account.name] = replace(account, awaited=(*account.awaited, word))


def _subscription(work: Work, name: str | None) -> Attempt | None:
    """Return the latest subscription, or the one of a named step."""
    for attempt in reversed(work.attempts):
        named = name is None or attempt.step == work.named.get(name)
        if isinstance(attempt.action, Subscribe) and named:
            return attempt
    return None


def _type_of(step: RequestStep) -> str:
    return "" if step.body is None else step.content_type or "text/plain"


def _allowed(
    work: Work,
    step: SubscribeStep | MessageStep | RequestStep,
    account: Account,
    written: str | None,
    source: Source,
) -> bool:
    """Note what forbids a request; return whether nothing does."""
    before = len(work.problems)
    if written is not None:
        fence(work, account.name, written, source)
    work.problems += _header_problems(work, step, account)
    return len(work.problems) == before


def _header_problems(
    work: Work, step: SubscribeStep | MessageStep | RequestStep, account: Account
) -> list[Problem]:
    """Return what is wrong with numbers in extra headers."""
    profile = work.profiles[account.name]
    return header_problems(step.headers, profile, account, step.source("headers"))
