"""`use:`: the steps of another file in the place of one step, with variables of their own.

Files are read and put together before any variable is filled in, so what a scenario consists of
never hangs on a value. What came from another file carries a note of who uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from probe.scenario.document import LARGEST_FILE, Document, read_document
from probe.scenario.files import beside, content, shown, there
from probe.scenario.rows import missing_file
from probe.scenario.source import (
    NOWHERE,
    Located,
    LocatedMap,
    Problem,
    ScenarioError,
    Source,
    nearest,
    quoted,
)
from probe.scenario.table import name_problem, variable_name
from probe.scenario.variables import Variables, names_in, with_notes
from probe.scenario.written import nothing_after

USE, WITH = "use", "with"
DEEPEST_USE = 8
"""Files that use one another; beyond it nobody could follow the story."""
MOST_STEPS = 2000
"""Steps of one scenario, those of used files counted."""

_MOST_PROBLEMS = 1000
_ROWS = ("matrix", "data", "row_name")


class Scope(Struct, frozen=True, eq=False):
    """The variables that one `use:` gives."""

    given: Mapping[str, Located]
    "What stands after `with:`, not filled in yet."

    outer: Scope | None
    "The `use:` around it, or None."

    def needs(self, name: str) -> Iterator[str]:
        """Yield the variables of the scenario itself that a variable in here hangs on."""
        if name in self.given:
            for inner in names_in(self.given[name]):
                yield from self.outer.needs(inner) if self.outer else (inner,)
        elif self.outer:
            yield from self.outer.needs(name)
        else:
            yield name

    def filled(self, resolver: Variables) -> Variables:
        """Return what fills in the values of this scope's file."""
        outer = self.outer.filled(resolver) if self.outer else resolver
        own = dict(outer.own)
        broken = set(outer.broken) - self.given.keys()
        for name, value in self.given.items():
            before = len(outer.problems) + len(outer.untold)
            filled = outer.resolved(value)
            if isinstance(filled, Located):
                own[name] = filled
            if len(outer.problems) + len(outer.untold) > before:
                broken.add(name)
        inner = Variables(*resolver.sources, own=own)
        inner.broken = frozenset(broken)
        # One list for the whole scenario.
        inner.problems, inner.untold = resolver.problems, resolver.untold
        return inner


class Part(Struct, frozen=True):
    """Something as it is written, and whose variables fill it in."""

    written: object
    source: Source
    scope: Scope | None = None

    def filling(self, resolver: Variables) -> Variables:
        """Return what fills in its variables."""
        return self.scope.filled(resolver) if self.scope else resolver

    def resolved(self, resolver: Variables) -> object:
        """Return it with its variables filled in."""
        return self.filling(resolver).resolved(self.written)

    def needs(self) -> frozenset[str]:
        """Return the variables of the scenario itself that it hangs on."""
        names = set(names_in(self.written))
        if self.scope is None:
            return frozenset(names)
        return frozenset(found for name in names for found in self.scope.needs(name))


class Whole(Struct):
    """A scenario's steps and agents, those of used files included."""

    steps: list[Part] = field(default_factory=list)
    agents: list[Part] = field(default_factory=list)
    "Mappings of agents of used files."
    problems: list[Problem] = field(default_factory=list)
    spoilt: list[Source] = field(default_factory=list)


class _Place(Struct, frozen=True):
    """The file whose steps are read, and how one got there."""

    path: Path
    file: str
    scope: Scope | None = None
    above: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


class _Reader:
    """Puts files together."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.whole = Whole()
        self._keys = keys
        self._documents: dict[Path, Document] = {}
        self._checked: set[Path] = set()
        self._known_names: dict[Path, set[str]] = {}

    def steps(self, root: LocatedMap, at: _Place, place: Source) -> None:
        """Take the steps of one file."""
        written = root.get(Located("steps"))
        key = next((key.source for key in root if key == "steps"), None)
        if not isinstance(written, list) or not written:
            message, hint = "there are no steps", "the shortest are: steps: [register: ]"
            if key is not None:
                message, hint = "'steps:' needs a list", "each step begins with '- '"
            self._problem(key or place, message, hint)
            return
        for number, entry in enumerate(written):
            source = root.sources.get(f"steps.{number}", NOWHERE)
            if isinstance(entry, LocatedMap) and USE in entry:
                self._use(entry, at)
            else:
                self.whole.steps.append(Part(entry, source, at.scope))
            if len(self.whole.problems) > _MOST_PROBLEMS:
                raise ScenarioError(self.whole.problems)
            if len(self.whole.steps) > MOST_STEPS:
                message = f"with this one the scenario has more than {MOST_STEPS} steps"
                raise ScenarioError([Problem(source=source, message=message)])

    def _problem(self, source: Source, message: str, hint: str | None = None) -> None:
        self.whole.problems.append(Problem(source=source, message=message, hint=hint))

    def _use(self, entry: LocatedMap, at: _Place) -> None:
        """Put the steps of another file in the place of a step."""
        key = next(key for key in entry if key == USE)
        for other in entry:
            if other not in {USE, WITH}:
                hint = "a name, an expectation and the like stand beside the steps of that file"
                self._problem(other.source, f"{quoted(other)} cannot stand beside 'use:'", hint)
        written = entry[key]
        given = self._given(entry)
        if not isinstance(written, Located) or not written:
            self.whole.problems.append(nothing_after(key))
            return
        wanted = beside(at.path, written)
        if problem := _refused(written, wanted, at):
            self.whole.problems.append(problem)
            return
        note = f"used at {key.source.file}:{key.source.line}"
        inner = _Place(
            path=wanted,
            file=shown(wanted),
            scope=Scope(given, at.scope),
            above=(*at.above, at.path.resolve()),
            notes=(note, *at.notes),
        )
        root = self._root(inner, written)
        if root is None:
            return
        asked = self._asked(wanted, root)
        for name in given:
            if name not in asked:
                near = nearest(name, asked)
                self._problem(
                    given[name].source,
                    f"{inner.file} has no variable {quoted(name)}",
                    f"did you mean '{near}'?" if near else f"write ${{{name}}} there, or leave it",
                )
        self.steps(root, inner, Source(file=inner.file, line=1, column=1, notes=inner.notes))
        if isinstance(agents := root.get(Located("agents")), LocatedMap):
            self.whole.agents.append(Part(agents, root.sources["agents"], inner.scope))

    def _given(self, entry: LocatedMap) -> dict[str, Located]:
        """Return what stands after `with:`."""
        key = next((key for key in entry if key == WITH), None)
        if key is None:
            return {}
        written = entry[key]
        if not isinstance(written, LocatedMap):
            self._problem(key.source, "'with:' gives variables", "for example: {NUMBER: '101'}")
            return {}
        given: dict[str, Located] = {}
        for name, value in written.items():
            if not variable_name(name):
                self.whole.problems.append(name_problem(name, name.source))
            elif isinstance(value, Located):
                given[str(name)] = value
            elif value is None:
                self.whole.problems.append(nothing_after(name))
            else:
                self._problem(name.source, "a variable holds a text, not a list or mapping")
        return given

    def _root(self, at: _Place, written: Located) -> LocatedMap | None:
        """Return what a used file holds, each place with a note of who uses it."""
        document = self._document(at.path, at.notes)
        if document is None:
            return None
        root = with_notes(document.root, at.notes)
        if not isinstance(root, LocatedMap):
            self._problem(written.source, f"{at.file} is no scenario: it holds no 'steps:'")
            return None
        if at.path not in self._checked:  # what is wrong with the file itself is told once
            self._checked.add(at.path)
            self.whole.problems += [_noted(problem, at.notes) for problem in document.problems]
            self.whole.spoilt += document.spoilt
            self._check_keys(root)
        return root

    def _check_keys(self, root: LocatedMap) -> None:
        """Note the keys that a used file cannot have."""
        for key in root:
            if key in _ROWS:
                hint = "rows stand in the file that is run; this one takes its values by 'with:'"
                self._problem(key.source, f"a used file has no '{key}'", hint)
            elif key not in self._keys:
                near = nearest(key, self._keys)
                known = f"did you mean '{near}'?" if near else None
                self._problem(key.source, f"unknown key {quoted(key)}", known)

    def _asked(self, path: Path, root: LocatedMap) -> set[str]:
        """Return the variables that a file asks for, and those of the files that it uses."""
        if path in self._known_names:
            return self._known_names[path]
        steps = root.get(Located("steps"))
        names = self._known_names[path] = set(names_in([steps, root.get(Located("agents"))]))
        for entry in steps if isinstance(steps, list) else ():
            written = entry.get(Located(USE)) if isinstance(entry, LocatedMap) else None
            if not isinstance(written, Located):
                continue
            inner = beside(path, written)
            known = self._document(inner) if there(inner) else None
            if known is not None and isinstance(known.root, LocatedMap):
                names |= self._asked(inner, known.root)
        return names

    def _document(self, path: Path, notes: tuple[str, ...] | None = None) -> Document | None:
        """Return a file as YAML; where it is none, say so to ``notes``, or keep silent."""
        if path not in self._documents:
            try:
                file = shown(path)
                self._documents[path] = read_document(content(path, file, LARGEST_FILE), file)
            except ScenarioError as error:
                if notes is not None:
                    self.whole.problems += [_noted(problem, notes) for problem in error.problems]
                return None
        return self._documents[path]


def _noted(problem: Problem, notes: tuple[str, ...]) -> Problem:
    return replace(problem, source=replace(problem.source, notes=(*problem.source.notes, *notes)))


def _refused(written: Located, wanted: Path, at: _Place) -> Problem | None:
    """Return why a file cannot be used, or None."""
    if "${" in written:
        return Problem(
            source=written.source,
            message="the path after 'use:' is written out: no variable is filled in there",
            hint="what differs is given by 'with:'",
        )
    if wanted.suffix not in {".yaml", ".yml"}:
        hint = "its name ends in .sip.yaml"
        message = f"{quoted(written)} is no scenario file"
        return Problem(source=written.source, message=message, hint=hint)
    if not there(wanted):
        return missing_file(wanted, written)
    if wanted.resolve() in {*at.above, at.path.resolve()}:
        message = f"{shown(wanted)} would use itself without end"
        return Problem(source=written.source, message=message, hint="take this 'use:' out")
    if len(at.above) >= DEEPEST_USE:
        message = f"files use one another {DEEPEST_USE} levels deep at most"
        hint = "put the steps of some of them into one file"
        return Problem(source=written.source, message=message, hint=hint)
    return None


def put_together(path: Path, file: str, root: LocatedMap, keys: tuple[str, ...]) -> Whole:
    """Return the steps and agents of a scenario with those of the files that it uses.

    ``keys`` are those of a scenario file. Raises ScenarioError only where there are too many steps;
    other problems are in the answer.
    """
    reader = _Reader(keys)
    reader.steps(root, _Place(path, file), Source(file=file, line=1, column=1))
    return reader.whole


def with_agents(root: LocatedMap, whole: Whole, resolver: Variables) -> Iterator[Problem]:
    """Put the agents of used files beside the scenario's own; yield those that do not agree."""
    for part in whole.agents:
        agents = part.resolved(resolver)
        own = root.get(Located("agents"))
        if not isinstance(agents, LocatedMap):
            continue
        if own is None:
            own = root[Located.of("agents", part.source)] = LocatedMap()
            root.sources = {**root.sources, "agents": part.source}
        if not isinstance(own, LocatedMap):
            return  # a problem already
        for name, profile in agents.items():
            first = next((key for key in own if key == name), None)
            if first is None:
                own[name] = profile
                below = {
                    path: source
                    for path, source in agents.sources.items()
                    if path == name or path.startswith(f"{name}.")
                }
                own.sources = {**own.sources, **below}
                root.sources = {
                    **root.sources,
                    **{f"agents.{path}": source for path, source in below.items()},
                }
            elif own[first] != profile:
                yield Problem(
                    source=name.source,
                    message=f"the agent {quoted(name)} is another one at"
                    f" {first.source.file}:{first.source.line}",
                    hint="give one of them another name, or the same keys",
                )
