"""Holds drafted files against everything that ``validate`` looks at, before they are written."""

from collections.abc import Callable, Mapping
from pathlib import Path

from probe.plan.capabilities import Capabilities
from probe.plan.caps import too_many_calls
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.schema import EMBEDDED, Profile, Settings
from probe.scenario.source import ScenarioError


def read_settings(path: Path, text: str, environ: Mapping[str, str], *given: str) -> Settings:
    """Read a drafted sipprobe.yaml; variables named in ``given`` need not be set yet.

    Raise ScenarioError with every problem of the draft.
    """
    stand_in = {name: "not-set-yet" for name in given if not environ.get(name)}
    return load_settings(
        path, variables={}, environ={**environ, **stand_in}, written=text.encode("utf-8")
    )


def check_scenario(
    path: Path,
    text: str,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    engine: Callable[[], Capabilities | None] = lambda: None,
) -> Plan:
    """Return the plan of a drafted scenario; raise ScenarioError with all that is wrong with it."""
    scenario = load_scenario(
        path,
        variables={},
        environ=environ,
        defaults=settings.vars,
        written=text.encode("utf-8"),
    )
    # The embedded trunk is not started for this: any loopback address stands for it.
    embedded = Profile(uri="sip:100@127.0.0.1") if scenario.trunk == EMBEDDED else None
    plan = resolve(scenario, settings, embedded=embedded, engine=engine)
    problems = too_many_calls([plan])
    if problems:
        raise ScenarioError(problems)
    return plan


def same_but_for(old: Settings, new: Settings, name: str) -> bool:
    """Whether a sipprobe.yaml says the same as before, but for one trunk that came to it."""
    kept = {trunk: profile for trunk, profile in new.trunks.items() if trunk != name}
    return (
        name in new.trunks
        and {*new.unresolved} == {*old.unresolved}
        and new.vars == old.vars
        and {n: p.values() for n, p in kept.items()}
        == {n: p.values() for n, p in old.trunks.items()}
    )
