"""Finds agents and calls that a step of the called side, or inside a call, names and nobody has."""

from collections.abc import Iterable, Iterator

from probe.scenario.ask_steps import (
    AnyAskStep,
    AwaitStep,
    RequestStep,
    SubscribeStep,
    UnsubscribeStep,
)
from probe.scenario.call_steps import InCall, Reaching, Taking, TransferStep
from probe.scenario.source import Problem, Source, quoted, suggestion
from probe.scenario.steps import Step, TalkStep


def unknown(what: str, name: str, source: Source, known: Iterable[str]) -> Problem:
    """Return the problem of a name that nobody has."""
    words = tuple(known)
    hint = suggestion(name, words) if words else f"this scenario has no {what}s"
    return Problem(source=source, message=f"there is no {what} {quoted(name)}", hint=hint)


def unknown_in_asks(
    step: Step, agents: tuple[str, ...], named: list[str], subscriptions: list[str]
) -> Iterator[Problem]:
    """Yield a problem for each; ``subscriptions`` are those before the step, and grow by it."""
    if not isinstance(step, AnyAskStep):
        return
    if isinstance(step, SubscribeStep):
        subscriptions.append(step.name or f"#{step.index}")
    for key, name in (("from", getattr(step, "from_", None)), ("at", getattr(step, "at", None))):
        if name is not None and name not in agents:
            yield unknown("agent", name, step.source(key), agents)
    if isinstance(step, RequestStep) and step.call is not None and step.call not in named:
        yield unknown("call", step.call, step.source("in"), named)
    wanted = step.of if isinstance(step, AwaitStep) else None
    if isinstance(step, UnsubscribeStep):
        wanted = step.subscription
        if not subscriptions:
            message = "there is no subscription before this 'unsubscribe'"
            yield Problem(source=step.source("unsubscribe"), message=message)
            return
    if wanted is not None and wanted not in subscriptions:
        key = "of" if isinstance(step, AwaitStep) else "unsubscribe"
        known = [name for name in subscriptions if not name.startswith("#")]
        yield unknown("subscription", wanted, step.source(key), known)


def unknown_in_calls(
    step: Step, agents: tuple[str, ...], earlier: list[str], named: list[str]
) -> Iterator[Problem]:
    """Yield a problem for each; ``earlier`` are the calls before the step, ``named`` by name."""
    if isinstance(step, Reaching) and step.at is not None and step.at not in agents:
        yield unknown("agent", step.at, step.source("at"), agents)
    if isinstance(step, Taking) and step.agent not in agents:
        yield unknown("agent", step.agent, step.source(step.verb), agents)
    if isinstance(step, TalkStep) and step.expect is not None:
        yield from (
            unknown("agent", heard, step.source(f"expect.{heard}"), agents)
            for heard in step.expect.agents
            if heard not in agents
        )
    if isinstance(step, InCall):
        yield from _unknown_inside(step, agents, earlier, named)


def _unknown_inside(
    step: InCall, agents: tuple[str, ...], earlier: list[str], named: list[str]
) -> Iterator[Problem]:
    """Yield a problem for each name in a step inside a call."""
    if step.by is not None and step.by not in agents:
        yield unknown("agent", step.by, step.source("by"), agents)
    if not earlier:
        message = f"there is no call before this '{step.verb}'"
        yield Problem(source=step.source(step.verb), message=message)
        return
    wanted: list[tuple[str, str | None]] = [(step.verb, step.call)]
    if isinstance(step, TransferStep):
        wanted.append(("with", step.with_))
    for key, name in wanted:
        if name is not None and name not in named:
            yield unknown("call", name, step.source(key), named)
