"""Many values, one story: the rows that `matrix:` and `data:` of a scenario stand for.

`matrix` gives every combination of its lists, `data` every row of a table, both together every row
with every combination. Rows are made when they are asked for, so many of them take little room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from pathlib import Path

from msgspec import Struct, field

from probe.scenario.document import LARGEST_FILE, read_document
from probe.scenario.files import beside, content, shown, there
from probe.scenario.source import (
    NOWHERE,
    Filled,
    Located,
    LocatedMap,
    Problem,
    ScenarioError,
    Source,
    nearest,
    quoted,
)
from probe.scenario.table import (
    LARGEST_TABLE,
    MOST_ROWS,
    Table,
    given_by,
    name_problem,
    read_csv,
    read_list,
    variable_name,
)
from probe.scenario.variables import Variables

LONGEST_NAME = 80
"""Characters of a row's name."""

_KINDS = (".csv", ".tsv", ".yaml", ".yml", ".json")
_NO_ROW: Mapping[str, Located] = {}


class Row(Struct, frozen=True, kw_only=True):
    """The row that a scenario was made of."""

    name: str
    "What it is called: unique among the rows of its scenario."

    story: str
    "Name of the scenario without its row."

    values: tuple[tuple[str, str], ...]
    "Its variables and their values, without those that are better not shown."

    source: Source
    "Where it stands."


class Rows(Struct, kw_only=True):
    """All rows of a scenario."""

    table: Table | None
    "The rows of `data:`, or None."

    matrix: Mapping[str, list[Located]]
    "The lists of `matrix:`, by variable."

    title: Located | None
    "What `row_name:` says, or None."

    source: Source
    "Where the scenario says so."

    _seen: set[str] = field(default_factory=set)

    @property
    def names(self) -> frozenset[str]:
        """The variables that a row gives."""
        return frozenset((*(self.table.names if self.table else ()), *self.matrix))

    def __len__(self) -> int:
        return (len(self.table) if self.table else 1) * prod(map(len, self.matrix.values()))

    def __iter__(self) -> Iterator[dict[str, Located]]:
        for row in self.table or (_NO_ROW,):
            for values in product(*self.matrix.values()):
                yield {**row, **dict(zip(self.matrix, values, strict=True))}

    def named(self, number: int, values: Mapping[str, Located], story: str, title: str) -> Row:
        """Return what is told of a row; ``title`` is what `row_name:` came to."""
        told = tuple((name, str(value)) for name, value in values.items() if not value.hidden)
        name = title or " ".join(filter(None, (value for _, value in told))) or f"row {number}"
        return Row(
            name=self._unique(" ".join(name.split())[:LONGEST_NAME]),
            story=story,
            values=told,
            source=next((value.source for value in values.values()), NOWHERE),
        )

    def _unique(self, name: str) -> str:
        """Return a name that no earlier row has."""
        wanted, number = name, 1
        while wanted in self._seen:
            number += 1
            wanted = f"{name} #{number}"
        self._seen.add(wanted)
        return wanted


def read_rows(
    path: Path, root: LocatedMap, resolver: Variables, typed: Mapping[str, str]
) -> Rows | None:
    """Take `matrix`, `data` and `row_name` out of a file; None where it has no rows.

    ``typed`` are the variables of the command, which cannot take the place of a row's. Raises
    ScenarioError with every problem of the rows.
    """
    taken = {word: _taken(root, word) for word in ("matrix", "data", "row_name")}
    (matrix_key, matrix), (data_key, data), (title_key, title) = taken.values()
    problems: list[Problem] = []
    lists: dict[str, list[Located]] = {}
    table: Table | None = None
    if matrix_key is not None:
        lists = _matrix(resolver.resolved(matrix), matrix_key.source, problems)
    if data_key is not None:
        try:
            table = _table(path, resolver.resolved(data), root_place(root, data_key))
        except ScenarioError as error:
            problems += error.problems
    place = matrix_key or data_key
    if title_key is not None and (place is None or not isinstance(title, Located)):
        message = (
            "'row_name' names rows, and this scenario has none"
            if place is None
            else "a text is expected here"
        )
        hint = "rows come from matrix: or data:" if place is None else None
        problems.append(Problem(source=title_key.source, message=message, hint=hint))
    if place is None:
        if problems:
            raise ScenarioError(problems)
        return None
    rows = Rows(
        table=table,
        matrix=lists,
        title=title if isinstance(title, Located) else None,
        source=place.source,
    )
    problems += _clashes(rows, lists, place.source, typed)
    if problems:
        raise ScenarioError(problems)
    return rows


def _taken(root: LocatedMap, word: str) -> tuple[Located | None, object]:
    """Take a key out of a mapping."""
    key = next((key for key in root if key == word), None)
    return (None, None) if key is None else (key, root.pop(key))


def root_place(root: LocatedMap, key: Located) -> Source:
    """Return where the value of a key stands."""
    return root.sources.get(str(key), key.source)


def _clashes(
    rows: Rows, lists: Mapping[str, list[Located]], place: Source, typed: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield what does not fit: a variable of two givers, too many rows."""
    for name in rows.names & typed.keys():
        yield Problem(
            source=place,
            message=f"--var {name} cannot take the place of the rows' {name}",
            hint="choose rows with -k",
        )
    for name in set(rows.table.names if rows.table else ()) & lists.keys():
        yield Problem(
            source=place,
            message=f"{name} is a variable of matrix and of data",
            hint="give one of them another name",
        )
    if len(rows) > MOST_ROWS:
        yield Problem(
            source=place,
            message=f"these are {len(rows)} rows, and a scenario has {MOST_ROWS} at most",
            hint="split the lists over several scenarios",
        )


def _matrix(written: object, place: Source, problems: list[Problem]) -> dict[str, list[Located]]:
    """Return the lists of `matrix:`."""
    if not isinstance(written, LocatedMap) or not written:
        message = "'matrix:' holds a list for each variable"
        hint = "for example: {PREFIX: ['+', '00'], CODEC: [PCMU, PCMA]}"
        problems.append(Problem(source=place, message=message, hint=hint))
        return {}
    lists: dict[str, list[Located]] = {}
    for key, values in written.items():
        if not variable_name(key):
            problems.append(name_problem(key, key.source))
        if not isinstance(values, list) or not values:
            message = f"{quoted(key)} needs a list of values"
            hint = f"for example: {key}: ['101', '102']"
            problems.append(Problem(source=key.source, message=message, hint=hint))
            continue
        texts = [value for value in values if isinstance(value, Located)]
        for number, value in enumerate(values):
            if not isinstance(value, Located):
                at = written.sources.get(f"{key}.{number}", key.source)
                message = "a text is expected here" if value is not None else "this value is empty"
                problems.append(Problem(source=at, message=message))
        lists[str(key)] = [given_by(value, str(key)) for value in texts]
    return lists


def _table(path: Path, written: object, place: Source) -> Table:
    """Return the rows of `data:`: a file, or a list that stands in the scenario itself."""
    if isinstance(written, list):
        return read_list(written, place)
    if not isinstance(written, Located) or not written:
        hint = "for example: data: numbers.csv"
        raise ScenarioError(
            [Problem(source=place, message="'data:' names a file of rows", hint=hint)]
        )
    wanted = beside(path, written)
    kind = wanted.suffix.lower()
    if kind not in _KINDS:
        message = f"{quoted(written)} is no table that can be read"
        hint = "its name ends in " + ", ".join(_KINDS)
        raise ScenarioError([Problem(source=written.source, message=message, hint=hint)])
    if not there(wanted):
        raise ScenarioError([missing_file(wanted, written)])
    file = shown(wanted)
    filled = _givers(path, wanted, written, file)
    if kind in {".csv", ".tsv"}:
        return read_csv(content(wanted, file, LARGEST_TABLE), file, filled)
    document = read_document(content(wanted, file, LARGEST_FILE), file)
    if document.problems:
        raise ScenarioError(document.problems)
    return read_list(document.root, Source(file=file, line=1, column=1), filled)


def missing_file(wanted: Path, written: Located) -> Problem:
    """Return the problem of a file that is named and not there."""
    near = nearest(
        wanted.name,
        [file.name for file in wanted.parent.iterdir()] if wanted.parent.is_dir() else [],
    )
    return Problem(
        source=written.source,
        message=f"there is no file {shown(wanted)}",
        hint=f"did you mean '{near}'?"
        if near
        else "paths are relative to the file that names them",
    )


def _givers(path: Path, wanted: Path, written: Located, file: str) -> tuple[Filled, ...]:
    """Return who gave the values of a table, where that is not the scenario's author.

    A file that the scenario names in so many words, and that lies beside it, is the author's: who
    can change the one can change the other (docs/decisions/0017-rows.md).
    """
    if written.source.filled:
        return tuple(
            Filled(
                variable=one.variable,
                giver=f"{file}, which {one.giver} named",
                typed=one.typed,
                hidden=one.hidden,
            )
            for one in written.source.filled
        )
    if wanted.resolve().is_relative_to(path.resolve().parent):
        return ()
    giver = f"{file}, which lies outside the scenario's folder"
    return (Filled(variable="", giver=giver, typed=False),)
