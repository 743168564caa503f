"""Finds and reads scenario files and sipprobe.yaml: from a path to models, or to every problem."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from probe.scenario.document import LARGEST_FILE, Document, read_document
from probe.scenario.references import unknown, unknown_in_calls
from probe.scenario.schema import (
    EMBEDDED,
    LATER_VERBS,
    VERBS,
    AnyStep,
    CallStep,
    CancelStep,
    HangupStep,
    OptionsStep,
    RegisterStep,
    Scenario,
    Settings,
    TrunkProfile,
    UnregisterStep,
)
from probe.scenario.source import (
    NOWHERE,
    Located,
    LocatedMap,
    Problem,
    ScenarioError,
    Source,
    nearest,
    quoted,
    suggestion,
)
from probe.scenario.variables import Variables
from probe.scenario.written import Written, not_yet

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SUFFIX = ".sip.yaml"
"How the names of scenario files end."
SETTINGS = "sipprobe.yaml"
"Name of the file with trunk profiles."

Model = TypeVar("Model", bound=Written)
_NO_DEFAULTS: Mapping[str, str] = {}


def load_scenario(
    path: Path | str,
    *,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    defaults: Mapping[str, str] = _NO_DEFAULTS,
) -> Scenario:
    """Read a scenario file.

    `variables` (of the command) come before `environ`, and that before `defaults`
    (`Settings.vars`). Raises ScenarioError with every problem of the file.
    """
    file = _shown(Path(path))
    document = read_document(_content(Path(path), file), file)
    resolver = Variables(variables, environ, defaults)
    root = _mapping(document, resolver.resolved(document.root), file, "steps: [register: ]")
    problems = [*document.problems, *resolver.problems]
    steps, calls = _steps(root, file, problems)
    identity = _identity(Path(path))
    root.given = {"id": identity, "name": identity, "file": file, "steps": tuple(steps)}
    raw_steps = root.pop(Located("steps"), None)
    scenario = _validated(Scenario, root, problems)
    if raw_steps is not None:
        root[Located("steps")] = raw_steps
    names = root.get(Located("agents"))
    agents = tuple(map(str, names)) if isinstance(names, Mapping) else ()
    problems += _unknown_references(steps, agents, calls)
    _raise(problems, [*document.spoilt, *(p.source for p in resolver.problems)])
    assert scenario is not None  # noqa: S101  # a model that failed has left a problem
    return scenario


def load_many(
    paths: Iterable[Path | str],
    *,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    defaults: Mapping[str, str] = _NO_DEFAULTS,
) -> tuple[Scenario, ...]:
    """Read several scenario files; raise one ScenarioError with the problems of all of them."""
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            scenarios.append(
                load_scenario(path, variables=variables, environ=environ, defaults=defaults)
            )
        except ScenarioError as error:  # one bad file must not hide the others
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return tuple(scenarios)


def load_settings(
    path: Path | str, *, variables: Mapping[str, str], environ: Mapping[str, str]
) -> Settings:
    """Read sipprobe.yaml.

    A trunk that names a variable which nobody gives does not spoil the others: it is kept under
    `Settings.unresolved`, and its problems are raised by `Settings.profile`. Its own `vars` count
    last. Raises ScenarioError with every other problem of the file.
    """
    file = _shown(Path(path))
    document = read_document(_content(Path(path), file), file)
    root = _mapping(document, document.root, file, "trunks: {carrier: {uri: sip:100@sip.example}}")
    problems = [*document.problems]
    spoilt = [*document.spoilt]
    written_vars = root.get(Located("vars"))
    resolver = Variables(variables, environ)
    own_vars = resolver.resolved(written_vars)
    problems += resolver.problems
    spoilt += [p.source for p in resolver.problems]
    if isinstance(own_vars, LocatedMap):
        root[Located("vars")] = own_vars
    plain_vars = (
        {str(k): str(v) for k, v in own_vars.items() if isinstance(v, Located)}
        if isinstance(own_vars, LocatedMap)
        else {}
    )
    trunks, unresolved = _trunks(root, Variables(variables, environ, plain_vars), problems)
    root.given = {"file": file, "unresolved": unresolved, "trunks": trunks}
    settings = _validated(Settings, root, problems)
    _raise(problems, spoilt)
    assert settings is not None  # noqa: S101  # a model that failed has left a problem
    return settings


def _trunks(
    root: LocatedMap, resolver: Variables, problems: list[Problem]
) -> tuple[dict[str, TrunkProfile], dict[str, tuple[Problem, ...]]]:
    """Take the trunks out of the file: those that can be used, and why others cannot."""
    trunks: dict[str, TrunkProfile] = {}
    unresolved: dict[str, tuple[Problem, ...]] = {}
    written = root.get(Located("trunks"))
    if not isinstance(written, LocatedMap):
        return trunks, unresolved
    root.pop(Located("trunks"))
    for name, value in written.items():
        resolver.problems = []
        resolved = resolver.resolved(value)
        missing = tuple(resolver.problems)
        found: list[Problem] = []
        if name == EMBEDDED:
            message = "the name 'embedded' belongs to the built-in trunk"
            found.append(Problem(source=name.source, message=message, hint="choose another name"))
        profile = _validated(TrunkProfile, resolved, found, place=name.source)
        found = [p for p in found if not any(_covers(m.source, p.source) for m in missing)]
        problems += found
        if missing:
            unresolved[str(name)] = missing
        elif profile is not None:
            trunks[str(name)] = profile
    return trunks, unresolved


def find_settings(start: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the nearest sipprobe.yaml at or above `start`, else that of the XDG folder."""
    folder = start.resolve()
    for above in (folder, *folder.parents):
        if (above / SETTINGS).is_file():
            return above / SETTINGS
    if environ.get("XDG_CONFIG_HOME"):
        home = Path(environ["XDG_CONFIG_HOME"])
    elif environ.get("HOME"):
        home = Path(environ["HOME"]) / ".config"
    else:
        return None
    found = home / "sipprobe" / SETTINGS
    return found if found.is_file() else None


def find_scenario(name_or_path: str | Path, *, start: Path) -> Path:
    """Return the file of a path, or of a name: scenarios/NAME.sip.yaml, else one that we ship."""
    written = str(name_or_path)
    path = start / written
    if path.is_file():
        return path
    if "/" in written or written.endswith((".yaml", ".yml")):
        near = nearest(path.name, [file.name for file in scenario_files(path.parent)])
        raise _not_found(f"there is no file {quoted(written)}", near)
    for folder in (start / "scenarios", *_packaged()):
        if (folder / f"{written}{SUFFIX}").is_file():
            return folder / f"{written}{SUFFIX}"
    known = [
        _identity(file)
        for folder in (start / "scenarios", *_packaged())
        for file in scenario_files(folder)
    ]
    near = nearest(written, known)
    raise _not_found(
        f"there is no scenario {quoted(written)}: scenarios/{written}{SUFFIX} does not exist",
        near,
        known,
    )


def _not_found(message: str, near: str | None, known: Iterable[str] = ()) -> ScenarioError:
    hint = f"did you mean '{near}'?" if near else None
    if not near and (words := tuple(dict.fromkeys(known))):
        hint = "there are: " + ", ".join(words)
    return ScenarioError([Problem(source=NOWHERE, message=message, hint=hint)])


def scenario_files(folder: Path) -> tuple[Path, ...]:
    """Return the scenario files of a folder, by name; none where there is no such folder."""
    return tuple(sorted(folder.glob(f"*{SUFFIX}"))) if folder.is_dir() else ()


def _packaged() -> tuple[Path, ...]:
    """Return the folder of our own scenarios: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    folders = (package / "scenarios", package.parent / "scenarios")
    return tuple(folder for folder in folders if (folder / f"trunk-check{SUFFIX}").is_file())


def _identity(path: Path) -> str:
    return path.name.removesuffix(SUFFIX) if path.name.endswith(SUFFIX) else path.stem


def _shown(path: Path) -> str:
    """Return the path as the user would name it: relative to here where it lies below."""
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def _content(path: Path, file: str) -> bytes:
    source = Source(file=file, line=1, column=1)
    try:
        if not path.is_file():
            message = "this is not a file" if path.exists() else "there is no such file"
            raise ScenarioError([Problem(source=source, message=message)])
        with path.open("rb") as stream:
            return stream.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        message = f"the file cannot be read: {reason}"
        raise ScenarioError([Problem(source=source, message=message)]) from None


def _mapping(document: Document, root: object, file: str, example: str) -> LocatedMap:
    """Return the root, which must be a mapping."""
    if isinstance(root, LocatedMap):
        return root
    source = root.source if isinstance(root, Located) else Source(file=file, line=1, column=1)
    found = {list: "a list", type(None): "nothing"}.get(type(root), "a text")
    problem = Problem(
        source=source,
        message=f"a file holds keys and values; this one holds {found}",
        hint=f"for example: {example}",
    )
    raise ScenarioError([*document.problems, problem])


def _steps(
    root: LocatedMap, file: str, problems: list[Problem]
) -> tuple[list[AnyStep], dict[str, int]]:
    """Read the steps; return those that are well-formed and the index of each named call."""
    written = root.get(Located("steps"))
    place = next((key.source for key in root if key == "steps"), None)
    steps: list[AnyStep] = []
    calls: dict[str, int] = {}
    if not isinstance(written, list) or not written:
        if place is None:
            source = Source(file=file, line=1, column=1)
            message, hint = "there are no steps", "the shortest are: steps: [register: ]"
        else:
            source = place
            message, hint = "'steps:' needs a list", "each step begins with '- '"
        problems.append(Problem(source=source, message=message, hint=hint))
        return steps, calls
    names: dict[str, Source] = {}
    for index, entry in enumerate(written, start=1):
        source = root.sources.get(f"steps.{index - 1}", NOWHERE)
        verb = _verb(entry, source, problems)
        if isinstance(entry, LocatedMap):
            name = entry.get(Located("name"))
            if isinstance(name, Located):
                if name in names:
                    message = (
                        f"the name {quoted(name)} is given twice (first in line {names[name].line})"
                    )
                    problems.append(Problem(source=name.source, message=message))
                names.setdefault(str(name), name.source)
            if "call" in entry:
                calls[str(name) if isinstance(name, Located) else f"#{index}"] = index
            if verb:
                entry.given = {"index": index}
                entry.sources.setdefault("", next(k.source for k in entry if k == verb))
                step = _validated(VERBS[verb], entry, problems)
                if step is not None:
                    steps.append(step)
    return steps, calls


def _verb(entry: object, source: Source, problems: list[Problem]) -> str | None:
    """Return the verb of a step, or None and a problem."""

    def problem(at: Source, message: str, hint: str | None = None) -> None:
        problems.append(Problem(source=at, message=message, hint=hint))

    if isinstance(entry, Located):
        word, _, rest = entry.partition(" ")
        near = nearest(word, VERBS)
        hint = f"write '- {near}: {rest}'".replace(": '", ":'") if near else suggestion(word, VERBS)
        problem(source, f"a step is a verb and a colon, not the word {quoted(entry)}", hint)
        return None
    if not isinstance(entry, LocatedMap):
        problem(source, "this step is empty" if entry is None else "a step cannot be a list")
        return None
    later = [key for key in entry if key in LATER_VERBS]
    verbs = [key for key in entry if key in VERBS]
    if not verbs and later:
        problems.append(not_yet(later[0], LATER_VERBS[later[0]]))
    elif not verbs:
        beside = set[str]().union(*(model.keys() for model in VERBS.values()))
        key = next((key for key in entry if key not in beside), None)
        if key is None:
            at = next((key.source for key in entry), source)
            problem(at, "this step has no verb", suggestion("", VERBS))
        else:
            problem(key.source, f"unknown verb {quoted(key)}", suggestion(key, VERBS))
    elif len(verbs) > 1:
        problem(
            verbs[1].source,
            f"a step has one verb, and this one has '{verbs[0]}' already",
            f"begin a new step: '- {verbs[1]}:'",
        )
    return str(verbs[0]) if len(verbs) == 1 else None


def _unknown_references(
    steps: Iterable[AnyStep], agents: tuple[str, ...], calls: Mapping[str, int]
) -> Iterator[Problem]:
    """Yield a problem for each agent or call that a step names and that is not there."""
    for step in steps:
        earlier = [name for name, index in calls.items() if index < step.index]
        named = [name for name in earlier if not name.startswith("#")]
        match step:
            case RegisterStep() | UnregisterStep():
                for number, name in enumerate(step.agents):
                    if name not in agents:
                        source = step.source(f"{step.verb}.{number}")
                        yield unknown("agent", name, source, agents)
            case CallStep(from_=str(name)) | OptionsStep(from_=str(name)) if name not in agents:
                yield unknown("agent", name, step.source("from"), agents)
            case CancelStep() | HangupStep() if not earlier:
                message = f"there is no call before this '{step.verb}'"
                yield Problem(source=step.source(step.verb), message=message)
            case CancelStep(call=str(name)) if name not in named:
                yield unknown("call", name, step.source("cancel"), named)
            case HangupStep(by=str(name)) if name not in {*named, *agents}:
                yield unknown("call or agent", name, step.source("hangup"), (*named, *agents))
            case _:
                pass
        yield from unknown_in_calls(step, agents, earlier, named)


def _validated(
    model: type[Model], data: object, problems: list[Problem], *, place: Source = NOWHERE
) -> Model | None:
    """Return the model, or None and its problems, each at the nearest place that is known."""
    noted: list[Problem] = []
    result: Model | None = None
    try:
        result = model.model_validate(data, context=noted)
    except ValidationError as error:
        sources = data.sources if isinstance(data, LocatedMap) else {}
        for details in error.errors(include_url=False, include_input=False):
            path = ".".join(str(part) for part in details["loc"] if part != "[key]")
            while path and path not in sources:
                path = path.rpartition(".")[0]
            noted += _translated(details, sources.get(path, place))
    problems += noted
    return result


def _translated(details: ErrorDetails, source: Source) -> Iterator[Problem]:
    error = details.get("ctx", {}).get("error")
    if isinstance(error, ScenarioError):
        for problem in error.problems:
            at = source if problem.source == NOWHERE else problem.source
            yield Problem(source=at, message=problem.message, hint=problem.hint)
    elif details["type"] == "missing":
        key = str(details["loc"][-1])
        yield Problem(source=source, message=f"'{key}:' is missing")
    else:
        yield Problem(source=source, message="a mapping (key: value) is expected here")


def _covers(whole: Source, part: Source) -> bool:
    return whole.line == part.line and (
        whole.column <= part.column < whole.column + whole.length
        or part.column <= whole.column < part.column + part.length
    )


def _raise(problems: list[Problem], spoilt: Iterable[Source]) -> None:
    """Raise what is wrong; a second problem at a place whose value is unknown is an echo."""
    spoilt = tuple(spoilt)
    kept: list[Problem] = []
    for problem in problems:
        echo = any(_covers(place, problem.source) for place in spoilt) and any(
            _covers(problem.source, other.source) or _covers(other.source, problem.source)
            for other in kept
        )
        if not echo:
            kept.append(problem)
    if kept:
        raise ScenarioError(kept)
