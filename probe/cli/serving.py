"""The configuration of ``serve``: read whole, with every problem at its place, or not taken."""

import os
from collections import Counter
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from probe.cli.embedded import stand_in
from probe.executor.engine import capabilities_of_engine
from probe.monitor.check import Check, Key, Rules
from probe.plan.action import Call, Transfer
from probe.plan.caps import too_many_calls
from probe.plan.plan import Attempt, Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import find_scenario, find_settings, load_many, load_settings
from probe.scenario.schema import EMBEDDED, Scenario, Settings
from probe.scenario.serving import Module, Serve, minutes
from probe.scenario.source import (
    NOWHERE,
    Problem,
    ScenarioError,
    Source,
    nearest,
    quoted,
    suggestion,
)

MOST_STEPS = 2000
"""Judged steps of all checks: each of them is some twenty time series."""

_DAY_S = 86400.0
_HOUR_S = 3600.0
_JITTER = 0.1
"""Share of the interval by which runs are delayed where nobody says how much."""


class Story(Struct, frozen=True, kw_only=True):
    """What a check runs."""

    scenarios: tuple[Scenario, ...]
    "The scenario, once for each of its rows."

    settings: Settings
    "The trunk profiles."

    trunk: str | None
    "Trunk profile over what the scenario says, or None."


class Served(Struct, frozen=True, kw_only=True):
    """A configuration without a fault."""

    rules: Rules
    "Checks and bounds."

    stories: dict[Key, Story]
    "What each check runs."


class _Planned(Struct, frozen=True, kw_only=True):
    """A check, and what its calls count against."""

    check: Check
    story: Story
    source: Source
    calls_by_owner: Counter[str]
    "Calls of a run where none is tried again."
    caps: dict[str, int]
    steps: int


def read_served(file: Path | None, config: Path | None) -> Served:
    """Read a configuration; raise ScenarioError with every problem of it.

    ``file`` holds ``serve:`` where it is one of its own; trunks come from ``config`` or the nearest
    sipprobe.yaml, and from ``file``, whose count first.
    """
    nearby = config or find_settings(Path.cwd(), os.environ)
    if file is None and nearby is None:
        raise ScenarioError(
            [
                Problem(
                    source=NOWHERE,
                    message="no sipprobe.yaml was found",
                    hint="write one with a section serve:, or name a file that has it",
                )
            ]
        )
    own = _settings(file or nearby)
    known = own
    if file is not None and nearby is not None and nearby.resolve() != file.resolve():
        base = _settings(nearby)
        known = replace(
            own,
            trunks={**base.trunks, **own.trunks},
            vars={**base.vars, **own.vars},
            unresolved={**base.unresolved, **own.unresolved},
        )
    if own.serve is None:
        place = Source(file=own.file or "", line=1, column=1)
        raise ScenarioError(
            [Problem(source=place, message="there is no section 'serve:'", hint=Serve.example)]
        )
    folder = (file or nearby or Path()).resolve().parent
    return _served(own.serve, known, folder)


def _settings(path: Path | None) -> Settings:
    assert path is not None  # noqa: S101 - one of both is there
    return load_settings(path, variables={}, environ=os.environ)


def _served(serve: Serve, known: Settings, folder: Path) -> Served:
    problems: list[Problem] = []
    planned: list[_Planned] = []
    for name, module in serve.modules.items():
        try:
            planned += _of_module(name, module, serve, known, folder, problems)
        except ScenarioError as error:  # every problem of every module is wanted
            problems += error.problems
    problems += _too_often(planned, serve)
    steps = sum(one.steps for one in planned)
    if steps > MOST_STEPS:
        message = f"the modules come to {steps} judged steps, and {MOST_STEPS} are monitored"
        hint = "run what has many rows with `sipprobe run`"
        problems.append(Problem(source=serve.source("modules"), message=message, hint=hint))
    if problems:
        raise ScenarioError(problems)
    rules = Rules(
        checks=tuple(one.check for one in planned),
        calls_per_day=serve.calls_per_day,
        calls_per_hour=serve.calls_per_hour,
        runs_at_a_time=serve.runs_at_a_time,
        zone=serve.timezone,
        keep_days=serve.keep_days,
        keep_runs=serve.keep_runs,
    )
    return Served(rules=rules, stories={one.check.key: one.story for one in planned})


def _of_module(  # noqa: PLR0913, PLR0917 - a module, what stands around it, and what is wrong
    name: str,
    module: Module,
    serve: Serve,
    known: Settings,
    folder: Path,
    problems: list[Problem],
) -> Iterator[_Planned]:
    """Yield the checks of a module, one a target; add what is wrong with a target."""
    try:
        path = find_scenario(module.scenario, start=folder)
    except ScenarioError as error:
        raise ScenarioError(
            replace(problem, source=module.source("scenario")) for problem in error.problems
        ) from None
    scenarios = load_many(
        [path], variables=module.variables, environ=os.environ, defaults=known.vars
    )
    for trunk in module.targets or (None,):
        try:
            if trunk is not None:
                _known(trunk, known, module)
            story = Story(scenarios=scenarios, settings=known, trunk=trunk)
            yield _planned(name, module, serve, story)
        except ScenarioError as error:
            problems += error.problems


def _known(trunk: str, known: Settings, module: Module) -> None:
    """Raise ScenarioError where there is no such trunk."""
    if trunk == EMBEDDED or trunk in known.trunks or trunk in known.unresolved:
        return
    names = (EMBEDDED, *known.trunks)
    near = nearest(trunk, names)
    hint = f"did you mean '{near}'?" if near else suggestion(trunk, names)
    message = f"there is no trunk {quoted(trunk)}"
    raise ScenarioError([Problem(source=module.source("targets"), message=message, hint=hint)])


def _planned(name: str, module: Module, serve: Serve, story: Story) -> _Planned:
    """Return a check; raise ScenarioError where its scenario cannot be planned."""
    plans = [
        resolve(
            scenario,
            story.settings,
            trunk=story.trunk,
            embedded=stand_in(),
            engine=capabilities_of_engine,
        )
        for scenario in story.scenarios
    ]
    if found := too_many_calls(plans):
        raise ScenarioError(found)
    attempts = [attempt for plan in plans for attempt in plan.attempts]
    calls: Counter[str] = Counter()
    again = 0
    caps: dict[str, int] = {}
    for attempt in attempts:
        if costs(attempt):
            owner = owner_of(attempt)
            calls[owner] += 1
            again += attempt.retry.times if attempt.retry else 0
            if attempt.limits is not None and attempt.limits.calls_per_day is not None:
                caps[owner] = attempt.limits.calls_per_day
    interval = module.interval
    jitter = module.jitter if module.jitter is not None else (interval or 0.0) * _JITTER
    return _Planned(
        check=Check(
            module=name,
            target=plans[0].trunk,
            interval=interval,
            jitter=jitter,
            timeout=module.timeout,
            calls=calls.total() + again,
            calls_per_day=module.calls_per_day,
            quiet=tuple(minutes(one) for one in (*serve.quiet_hours, *module.quiet_hours)),
            owners=_owners(plans),
        ),
        story=story,
        source=module.source("interval"),
        calls_by_owner=calls,
        caps=caps,
        steps=sum(bool(attempt.method) for attempt in attempts),
    )


def costs(attempt: Attempt) -> bool:
    """Whether an attempt places a call that somebody may have to pay."""
    account = attempt.account
    is_call = isinstance(attempt.action, Call | Transfer)
    return is_call and account is not None and not account.embedded


def owner_of(attempt: Attempt) -> str:
    """Return the account that an attempt counts against."""
    account = attempt.account
    return "" if account is None else f"{account.auth_user}@{account.registrar}"


def _owners(plans: list[Plan]) -> frozenset[str]:
    """Return the accounts that are spoken for; each embedded trunk is a run's own."""
    return frozenset(
        f"{account.auth_user}@{account.registrar}"
        for plan in plans
        for account in plan.accounts
        if not account.embedded
    )


class _Bound(Struct, kw_only=True):
    """A bound of calls, and what the modules that were looked at leave of it."""

    words: str
    most: int
    left: float


def _too_often(planned: list[_Planned], serve: Serve) -> Iterator[Problem]:
    """Yield a problem for each interval at which a bound would be reached by itself."""
    day = _Bound(words="calls_per_day", most=serve.calls_per_day, left=serve.calls_per_day)
    hour = _Bound(words="calls_per_hour", most=serve.calls_per_hour, left=serve.calls_per_hour)
    caps: dict[str, _Bound] = {}
    for one in planned:
        check = one.check
        a_run = one.calls_by_owner.total()
        if check.interval is None or not a_run:
            continue
        bounds = [(hour, a_run, _HOUR_S), (day, a_run, _day_of(check))]
        if (own := check.calls_per_day) is not None:
            bound = _Bound(words=f"calls_per_day of module '{check.module}'", most=own, left=own)
            bounds.append((bound, a_run, _day_of(check)))
        for owner, calls in one.calls_by_owner.items():
            if (cap := one.caps.get(owner)) is not None:
                words = f"calls_per_day in the caps of trunk '{check.target}'"
                bound = caps.setdefault(owner, _Bound(words=words, most=cap, left=cap))
                bounds.append((bound, calls, _day_of(check)))
        found: Problem | None = None
        for bound, calls, seconds in bounds:
            wanted = calls * seconds / check.interval
            if wanted > bound.left + 0.5 and found is None:
                found = _too_often_for(one, bound, calls, seconds)
        if found is not None:
            yield found
            continue  # one that is refused takes nothing away from those behind it
        for bound, calls, seconds in bounds:
            bound.left -= calls * seconds / check.interval


def _too_often_for(one: _Planned, bound: _Bound, calls: int, seconds: float) -> Problem:
    """Return what is wrong with an interval, and which one would do."""
    assert one.check.interval is not None  # noqa: S101 - only scheduled checks are looked at
    span = "an hour" if seconds == _HOUR_S else "a day"
    left = max(0.0, bound.left)
    beside = "" if left == bound.most else f", of which the modules before it leave {left:.0f}"
    least = f"an interval of {_shown(calls * seconds / left)}" if left >= 1 else "fewer modules"
    return Problem(
        source=one.source,
        message=(
            f"this interval makes {calls * seconds / one.check.interval:.0f} calls {span}, and"
            f" {bound.words} is {bound.most}{beside}"
        ),
        hint=f"write {least}, or raise that bound knowing what calls cost",
    )


def _shown(seconds: float) -> str:
    """Return a duration as it may be written in the file, rounded up."""
    return f"{ceil(seconds)}s" if seconds < 120 else f"{ceil(seconds / 60)}m"


def _day_of(check: Check) -> float:
    """Return the seconds of a day that are not quiet."""
    return _DAY_S * _share_of_day(check)


def _share_of_day(check: Check) -> float:
    """Return the share of the day that is not quiet."""
    quiet: set[int] = set()
    for first, last in check.quiet:
        quiet |= set(range(first, last)) if first < last else {*range(first, 1440), *range(last)}
    return 1 - len(quiet) / 1440
