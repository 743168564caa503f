"""Finds and reads scenario files and sipprobe.yaml: from a path to models, or to every problem."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from probe.scenario.again import Again, again
from probe.scenario.document import LARGEST_FILE, Document, read_document
from probe.scenario.files import content, shown
from probe.scenario.reading import read_into
from probe.scenario.references import unknown, unknown_in_asks, unknown_in_calls
from probe.scenario.rows import Row, Rows, read_rows
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
from probe.scenario.use import USE, Part, put_together, with_agents
from probe.scenario.variables import Variables
from probe.scenario.written import not_yet

SUFFIX = ".sip.yaml"
"How the names of scenario files end."
SETTINGS = "sipprobe.yaml"
"Name of the file with trunk profiles."

_MOST_PROBLEMS = 1000
_CALLS = frozenset({"call", "ring", "answer"})
"Verbs that make a call of a scenario: one that we place, or one that reaches an agent."
_NO_DEFAULTS: Mapping[str, str] = {}


def load_scenario(
    path: Path | str,
    *,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    defaults: Mapping[str, str] = _NO_DEFAULTS,
    written: bytes | None = None,
) -> Scenario:
    """Read a scenario file; of one with rows, return the scenario of its first row.

    `variables` (of the command) come before `environ`, and that before `defaults`
    (`Settings.vars`). What is `written` is read as if it stood in the file. Raises ScenarioError
    with every problem of the file.
    """
    if written is None:
        return load_many([path], variables=variables, environ=environ, defaults=defaults)[0]
    file = _File(Path(path), Variables(variables, environ, defaults), written)
    problems: list[Problem] = []
    scenarios = tuple(file.scenarios(problems))
    if problems:
        raise ScenarioError(problems)
    return scenarios[0]


def load_many(
    paths: Iterable[Path | str],
    *,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    defaults: Mapping[str, str] = _NO_DEFAULTS,
) -> tuple[Scenario, ...]:
    """Read several scenario files, a scenario for each row of those that have rows.

    Raises one ScenarioError with the problems of all of them.
    """
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            file = _File(Path(path), Variables(variables, environ, defaults))
            scenarios += file.scenarios(problems)
        except ScenarioError as error:  # one bad file must not hide the others
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return tuple(scenarios)


class _Step(Struct, frozen=True):
    """A step as it was read."""

    entry: object
    step: AnyStep | None
    problems: tuple[Problem, ...]
    unknown: tuple[Problem, ...]
    "Those of variables."
    untold: tuple[Source, ...]
    "Places whose value is not known for a reason that is told elsewhere."


class _Head(Struct, frozen=True):
    """Everything of a scenario but its steps, as it was read."""

    scenario: Scenario | None
    agents: tuple[str, ...]
    problems: tuple[Problem, ...]
    unknown: tuple[Problem, ...]
    "Those of variables."
    untold: tuple[Source, ...]
    "As of a step."


class _File:
    """A scenario file as it is written; each row makes a scenario of it."""

    def __init__(self, path: Path, resolver: Variables, written: bytes | None = None) -> None:
        """Read it, or what is ``written`` in its place.

        Raise ScenarioError with every problem where its rows are not known.
        """
        self._file = shown(path)
        self._id = _identity(path)
        self._given = resolver.sources
        if written is None:
            written = content(path, self._file, LARGEST_FILE)
        document = read_document(written, self._file)
        self._root = _mapping(document, document.root, self._file, "steps: [register: ]")
        self._problems = [*document.problems]
        self._spoilt = [*document.spoilt]
        self._rows: Rows | None = None
        self._rows_fail = True
        try:
            self._rows = read_rows(path, self._root, resolver, resolver.sources[0])
            self._rows_fail = bool(resolver.problems)
        except ScenarioError as error:
            self._problems += error.problems
        self._problems += resolver.problems
        self._spoilt += [problem.source for problem in resolver.problems]
        self._whole = put_together(path, self._file, self._root, Scenario.keys())
        self._problems += self._whole.problems
        self._spoilt += self._whole.spoilt
        self._root.pop(Located("steps"), None)
        self._names = varying = self._rows.names if self._rows else frozenset[str]()
        head = [Part(self._root, NOWHERE), *self._whole.agents]
        self._head_varies = any(varying & part.needs() for part in head)
        self._varying = {n for n, part in enumerate(self._whole.steps) if varying & part.needs()}
        self._head: _Head | None = None
        self._same: dict[int, _Step] = {}
        self._step_again: dict[int, tuple[object, Again[AnyStep]]] = {}
        self._head_again: tuple[_Head, Again[Scenario]] | None = None

    def scenarios(self, problems: list[Problem]) -> Iterator[Scenario]:
        """Yield the scenario of each row; add what is wrong to ``problems``."""
        if self._rows is None:
            yield from self._scenario(Variables(*self._given), None, problems)
            return
        for number, values in enumerate(self._rows, start=1):
            if len(problems) > _MOST_PROBLEMS:
                return
            resolver = Variables(*self._given, own=values)
            title = resolver.resolved(self._rows.title)
            if isinstance(title, Located) and title.hidden:
                message = "'row_name' would show a value that is better not shown"
                problems.append(Problem(source=title.source, message=message))
            row = self._rows.named(number, values, self._id, str(title or ""))
            yield from self._scenario(resolver, row, problems)

    def _scenario(
        self, resolver: Variables, row: Row | None, problems: list[Problem]
    ) -> Iterator[Scenario]:
        """Yield the scenario of one row, or nothing where something is wrong."""
        head = self._head or self._read_head(resolver)
        self._head = None if self._head_varies else head
        read = [self._read_step(number, resolver) for number in range(len(self._whole.steps))]
        steps = tuple(one.step for one in read if one.step is not None)
        missing = [*resolver.problems, *head.unknown, *(p for one in read for p in one.unknown)]
        spoilt = [*self._spoilt, *(problem.source for problem in missing)]
        found = [*head.problems, *(problem for one in read for problem in one.problems)]
        calls = _names_of(read, found)
        found += _unknown_references(steps, head.agents, calls)
        untold = [*head.untold, *(place for one in read for place in one.untold)]
        if self._rows_fail:  # then nobody knows what else has no value
            untold += [problem.source for problem in missing]
            missing = []
        found = [p for p in found if not any(_covers(place, p.source) for place in untold)]
        if kept := _without_echoes([*self._problems, *missing, *found], spoilt):
            problems += kept
        elif head.scenario is not None:
            one = replace(head.scenario, steps=steps)
            yield one if row is None else replace(one, id=f"{self._id}[{row.name}]", row=row)

    def _read_head(self, resolver: Variables) -> _Head:
        """Read everything but the steps."""
        if self._head_again is not None:
            before, earlier = self._head_again
            scenario = earlier.read(Variables(*resolver.sources, own=resolver.own))
            if scenario is not None:
                return replace(before, scenario=scenario)
        mine = Variables(*resolver.sources, own=resolver.own)
        root = mine.resolved(self._root)
        assert isinstance(root, LocatedMap)  # noqa: S101  # what a mapping is resolved to
        problems = list(with_agents(root, self._whole, mine))
        root.given = {"id": self._id, "name": self._id, "file": self._file, "steps": ()}
        scenario = read_into(Scenario, root, problems)
        names = root.get(Located("agents"))
        head = _Head(
            scenario=scenario,
            agents=tuple(map(str, names)) if isinstance(names, Mapping) else (),
            problems=tuple(problems),
            unknown=tuple(mine.problems),
            untold=tuple(mine.untold),
        )
        if scenario is not None and not (
            self._whole.agents or problems or mine.problems or mine.untold
        ):
            part = Part(self._root, NOWHERE)
            self._head_again = head, again(scenario, part, self._names)
        return head

    def _read_step(self, number: int, resolver: Variables) -> _Step:
        """Read one step; one that hangs on no row is the same in every row."""
        if number in self._same:
            return self._same[number]
        part = self._whole.steps[number]
        if number in self._step_again:
            entry, earlier = self._step_again[number]
            step = earlier.read(Variables(*resolver.sources, own=resolver.own))
            if step is not None:
                return _Step(entry, step, (), (), ())
        mine = Variables(*resolver.sources, own=resolver.own)
        entry = part.resolved(mine)
        problems: list[Problem] = []
        step = _step(entry, part.source, number + 1, problems)
        read = _Step(
            entry=entry,
            step=step,
            problems=tuple(problems),
            unknown=tuple(mine.problems),
            untold=tuple(mine.untold),
        )
        if number not in self._varying:
            self._same[number] = read
        elif step is not None and not (problems or mine.problems or mine.untold):
            varying = again(step, part, self._names)
            if "name" not in varying.varying:  # later steps ask for what is written there
                self._step_again[number] = entry, varying
        return read


def load_settings(
    path: Path | str,
    *,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    written: bytes | None = None,
) -> Settings:
    """Read sipprobe.yaml, or what is `written` as if it stood there.

    A trunk that names a variable which nobody gives does not spoil the others: it is kept under
    `Settings.unresolved`, and its problems are raised by `Settings.profile`. Its own `vars` count
    last. Raises ScenarioError with every other problem of the file.
    """
    file = shown(Path(path))
    if written is None:
        written = content(Path(path), file, LARGEST_FILE)
    document = read_document(written, file)
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
    settings = read_into(Settings, root, problems)
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
        profile = read_into(TrunkProfile, resolved, found, place=name.source)
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
    known = known_scenarios(start)
    near = nearest(written, known)
    raise _not_found(
        f"there is no scenario {quoted(written)}: scenarios/{written}{SUFFIX} does not exist",
        near,
        known,
    )


def known_scenarios(start: Path) -> tuple[str, ...]:
    """Return the names that `find_scenario` finds: those of ./scenarios, then those we ship."""
    folders = (start / "scenarios", *_packaged())
    found = (_identity(file) for folder in folders for file in scenario_files(folder))
    return tuple(dict.fromkeys(found))


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


def comes_with_us(file: str) -> bool:
    """Whether a scenario file is one that we ship: `run` finds it by its name alone."""
    return Path(file).parent in _packaged()


def _identity(path: Path) -> str:
    return path.name.removesuffix(SUFFIX) if path.name.endswith(SUFFIX) else path.stem


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


def _step(entry: object, source: Source, index: int, problems: list[Problem]) -> AnyStep | None:
    """Return a step, or None and its problems."""
    verb = _verb(entry, source, problems)
    if verb is None or not isinstance(entry, LocatedMap):
        return None
    entry.given = {"index": index}
    entry.sources.setdefault("", next(k.source for k in entry if k == verb))
    return read_into(VERBS[verb], entry, problems)


def _names_of(read: Iterable[_Step], problems: list[Problem]) -> dict[str, int]:
    """Return the index of each named call; note names that are given twice."""
    calls: dict[str, int] = {}
    names: dict[str, Source] = {}
    for index, entry in enumerate((one.entry for one in read), start=1):
        if not isinstance(entry, LocatedMap):
            continue
        name = entry.get(Located("name"))
        if isinstance(name, Located):
            if name in names:
                problems.append(_given_twice(name, names[name]))
            names.setdefault(str(name), name.source)
        if not _CALLS.isdisjoint(entry):
            calls.setdefault(str(name) if isinstance(name, Located) else f"#{index}", index)
    return calls


def _given_twice(name: Located, first: Source) -> Problem:
    """Return the problem of a name that an earlier step has."""
    here = name.source
    where = f"line {first.line}" if first.file == here.file else f"{first.file}:{first.line}"
    used = here.notes or first.notes
    return Problem(
        source=here,
        message=f"the name {quoted(name)} is given twice (first in {where})",
        hint="let 'with:' of each 'use:' give the name: name: ${CALL}" if used else None,
    )


def _verb(entry: object, source: Source, problems: list[Problem]) -> str | None:
    """Return the verb of a step, or None and a problem."""

    def problem(at: Source, message: str, hint: str | None = None) -> None:
        problems.append(Problem(source=at, message=message, hint=hint))

    if isinstance(entry, Located):
        word, _, rest = entry.partition(" ")
        near = nearest(word, (*VERBS, USE))
        hint = (
            f"write '- {near}: {rest}'".replace(": '", ":'")
            if near
            else suggestion(word, (*VERBS, USE))
        )
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
            problem(at, "this step has no verb", suggestion("", (*VERBS, USE)))
        else:
            problem(key.source, f"unknown verb {quoted(key)}", suggestion(key, (*VERBS, USE)))
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
    subscriptions: list[str] = []
    earlier: list[str] = []
    named: list[str] = []
    to_come = deque(calls.items())
    for step in steps:
        begun = _begun_before(step.index, to_come)
        earlier += begun
        named += (name for name in begun if not name.startswith("#"))
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
        yield from unknown_in_asks(step, agents, named, subscriptions)


def _begun_before(index: int, to_come: deque[tuple[str, int]]) -> list[str]:
    """Take the calls that begin before a step from those to come, in their order."""
    begun: list[str] = []
    while to_come and to_come[0][1] < index:
        begun.append(to_come.popleft()[0])
    return begun


def _covers(whole: Source, part: Source) -> bool:
    return (whole.file, whole.line) == (part.file, part.line) and (
        whole.column <= part.column < whole.column + whole.length
        or part.column <= whole.column < part.column + part.length
    )


def _raise(problems: list[Problem], spoilt: Iterable[Source]) -> None:
    """Raise what is wrong, if anything is."""
    if kept := _without_echoes(problems, spoilt):
        raise ScenarioError(kept)


def _without_echoes(problems: list[Problem], spoilt: Iterable[Source]) -> list[Problem]:
    """Return what is wrong; a second problem at a place whose value is unknown is an echo."""
    spoilt = tuple(spoilt)
    kept: list[Problem] = []
    for problem in problems:
        echo = any(_covers(place, problem.source) for place in spoilt) and any(
            _covers(problem.source, other.source) or _covers(other.source, problem.source)
            for other in kept
        )
        if not echo:
            kept.append(problem)
    return kept
