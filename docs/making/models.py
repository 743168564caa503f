"""The parts of written files, in the order in which a reader meets them."""

from probe.scenario.expectation import CalleeExpectation, Expectation, SdpExpectation
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
from probe.scenario.written import Written

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


def _parts(model: type[Written], found: dict[type[Written], None]) -> None:
    """Find the models that stand below a model, each once, in the order of the fields."""
    found.setdefault(model)
    for part in _below(model):
        if part not in found:
            _parts(part, found)


def _below(model: type[Written]) -> list[type[Written]]:
    below: list[type[Written]] = []

    def look(annotation: object) -> None:
        if isinstance(annotation, type):
            if issubclass(annotation, Written):
                below.append(annotation)
            return
        for inner in getattr(annotation, "__args__", ()):
            look(inner)

    for name, field in model.model_fields.items():
        if name not in model.inner:
            look(field.annotation)
    return below


def _all() -> tuple[type[Written], ...]:
    roots: tuple[type[Written], ...] = (Scenario, *STEPS, Settings, TrunkProfile)
    found: dict[type[Written], None] = dict.fromkeys((Scenario, *STEPS))
    for root in roots:
        _parts(root, found)
    return tuple(found)


MODELS: tuple[type[Written], ...] = _all()
"""Every model whose keys somebody may write."""
