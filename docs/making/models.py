"""The parts of written files, in the order in which a reader meets them."""

from typing import Literal, TypeAlias, get_origin, get_type_hints

from probe.scenario.expectation import (
    CalleeExpectation,
    Expectation,
    SdpExpectation,
    TalkExpectation,
)
from probe.scenario.media_expectation import MediaExpectation
from probe.scenario.notify_expectation import NotifyExpectation
from probe.scenario.schema import (
    VERBS,
    Caps,
    Profile,
    Retry,
    Scenario,
    Settings,
    TrunkProfile,
    UseStep,
)
from probe.scenario.written import Written, fields

STEPS: dict[type[Written], str] = {**{model: verb for verb, model in VERBS.items()}, UseStep: "use"}
"""Models of steps with their verbs."""

TITLES: dict[type[Written], str] = {
    Scenario: "A scenario file",
    **{model: f"Step {verb}" for model, verb in STEPS.items()},
    Expectation: "expect",
    SdpExpectation: "expect: sdp",
    CalleeExpectation: "expect: callee",
    NotifyExpectation: "expect: notify",
    Retry: "retry",
    Profile: "agents",
    Settings: "sipprobe.yaml",
    TrunkProfile: "A trunk profile",
    Caps: "caps",
}
"""Headings by model; another model that a schema names is headed by its own name."""


Many: TypeAlias = Literal["one", "named", "list"]
Holding: TypeAlias = tuple[type[Written], str, Many]
"""The model that holds another, its key, and whether it holds one, several by name, or a list."""

HOLDERS: dict[type[Written], Holding] = {}
"""Which key holds a model, the first that was found; filled as `MODELS` is."""


def _parts(model: type[Written], found: dict[type[Written], None]) -> None:
    """Find the models that stand below a model, each once, in the order of the fields."""
    found.setdefault(model)
    for part, holding in _below(model):
        HOLDERS.setdefault(part, holding)
        if part not in found:
            _parts(part, found)


def _below(model: type[Written]) -> list[tuple[type[Written], Holding]]:
    below: list[tuple[type[Written], Holding]] = []

    def look(annotation: object, key: str, many: Many) -> None:
        if annotation is TalkExpectation:
            annotation = MediaExpectation  # its keys are names of agents: what they hold is told
        if isinstance(annotation, type) and issubclass(annotation, Written):
            below.append((annotation, (model, key, many)))
        origin = get_origin(annotation)
        inner: Many = "named" if origin is dict else "list" if origin in {tuple, list} else many
        for part in getattr(annotation, "__args__", ()):
            look(part, key, inner)

    annotations = get_type_hints(model)
    for name, field in fields(model).items():
        if name not in model.inner:
            look(annotations[name], field.key, "one")
    return below


_SETTINGS: frozenset[type[Written]] = frozenset({Settings, TrunkProfile, Caps})


def in_settings(model: type[Written]) -> bool:
    """Say whether a model stands in sipprobe.yaml, and not in a scenario file."""
    seen: set[type[Written]] = set()
    while model in HOLDERS and model not in seen and model not in _SETTINGS:
        seen.add(model)
        model = HOLDERS[model][0]
    return model in _SETTINGS


def _all() -> tuple[type[Written], ...]:
    roots: tuple[type[Written], ...] = (Scenario, *STEPS, Settings, TrunkProfile)
    found: dict[type[Written], None] = dict.fromkeys((Scenario, *STEPS))
    for root in roots:
        _parts(root, found)
    return tuple(found)


MODELS: tuple[type[Written], ...] = _all()
"""Every model whose keys somebody may write."""
