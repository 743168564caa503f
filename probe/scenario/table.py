"""Tables of values, one row a story: CSV and TSV files, and lists of mappings in YAML or JSON.

Every cell stays the text that was written: `+12025550123`, `0123` and `*97` mean what they look
like. What a spreadsheet has spoilt (`1.20255E+10`) is refused, because the digits are lost.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from probe.scenario.source import (
    Filled,
    Located,
    LocatedMap,
    Problem,
    ScenarioError,
    Source,
    is_plain,
    quoted,
)
from probe.scenario.variables import is_hidden

MOST_ROWS = 100_000
"""Rows of one scenario, whatever they are made of."""

LARGEST_TABLE = 32 * 1024 * 1024
"""Bytes of a CSV or TSV file."""

_MOST_PROBLEMS = 1000
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
_ROUNDED = r"[+-]?\d+(?:[.,]\d+)?[eE]\+\d+"


class Table(Protocol):
    """Rows of values."""

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, in the order of the columns."""
        ...

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def __iter__(self) -> Iterator[dict[str, Located]]:
        """Yield each row: the values by variable, each with its place."""
        ...


class _Record(Struct, frozen=True):
    """One row of a CSV file."""

    line: int
    "Where it begins, from 1."

    columns: tuple[int, ...]
    "Where each cell begins, from 1, counted over the row where a cell has line breaks."

    cells: tuple[str, ...]
    "What is in them."


class CsvTable(Struct, frozen=True, kw_only=True):
    """The rows of a CSV or TSV file, kept as they are until they are asked for."""

    file: str
    names: tuple[str, ...]
    records: Sequence[_Record]
    filled: tuple[Filled, ...] = ()
    "Who gave the values, where that is not the scenario's author."

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[dict[str, Located]]:
        for record in self.records:
            yield {
                name: Located.of(
                    cell,
                    Source(
                        file=self.file,
                        line=record.line,
                        column=column,
                        length=max(1, len(cell)),
                        filled=_of_column(self.filled, name),
                    ),
                    hidden=is_hidden(name),
                )
                for name, column, cell in zip(self.names, record.columns, record.cells, strict=True)
            }


class ListTable(Struct, frozen=True, kw_only=True):
    """The rows of a list of mappings."""

    names: tuple[str, ...]
    rows: Sequence[dict[str, Located]]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Located]]:
        return iter(self.rows)


def variable_name(name: str) -> bool:
    """Say whether a word can be the name of a variable."""
    return bool(re.fullmatch(_NAME, name))


def name_problem(name: str, source: Source) -> Problem:
    """Return the problem of a word that cannot be the name of a variable."""
    hint = re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_")
    return Problem(
        source=source,
        message=f"{quoted(name)} cannot be the name of a variable",
        hint=f"for example: {hint}"
        if variable_name(hint)
        else "letters, digits and '_', and no digit first",
    )


# -- CSV ---------------------------------------------------------------------------------------


def read_csv(data: bytes, file: str, filled: tuple[Filled, ...] = ()) -> CsvTable:
    """Read a CSV or TSV file (RFC 4180); raise ScenarioError with every problem of it."""
    text = _decoded(data, file)
    lines = list(io.StringIO(text, newline=""))
    delimiter = _delimiter(file, lines)
    problems: list[Problem] = []
    records = _records(lines, delimiter, file, problems)
    header = next(records, None)
    if header is None:
        raise ScenarioError(problems or [_problem(file, 1, 1, "the file holds no header", _HEADER)])
    names = tuple(header.cells)
    _check_header(header, file, problems)
    kept: list[_Record] = []
    for record in records:
        _check_record(record, names, file, problems)
        kept.append(record)
        if len(problems) > _MOST_PROBLEMS:
            break
        if len(kept) > MOST_ROWS:
            message = f"the file holds more than {MOST_ROWS} rows"
            problems.append(_problem(file, record.line, 1, message, "split it"))
            break
    if not kept and not problems:
        problems.append(_problem(file, header.line, 1, "there is no row after the header"))
    if problems:
        raise ScenarioError(problems)
    return CsvTable(file=file, names=names, records=kept, filled=filled)


_HEADER = "the first line names the variables: NUMBER,COUNTRY"


def _problem(file: str, line: int, column: int, message: str, hint: str | None = None) -> Problem:
    source = Source(file=file, line=line, column=column)
    return Problem(source=source, message=message, hint=hint)


def _decoded(data: bytes, file: str) -> str:
    if len(data) > LARGEST_TABLE:
        message = f"the file is larger than {LARGEST_TABLE} bytes"
        raise ScenarioError([_problem(file, 1, 1, message, "split it")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        lines = re.split(r"\r\n|\r|\n", before)
        hint = "save the file as UTF-8 (in a spreadsheet: CSV UTF-8)"
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            hint += "; it looks like UTF-16"
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        place = (len(lines), len(lines[-1]) + 1)
        raise ScenarioError([_problem(file, *place, message, hint)]) from None


def _delimiter(file: str, lines: list[str]) -> str:
    """Return what stands between cells; spreadsheets of half the world write `;` into a CSV."""
    if file.lower().endswith(".tsv"):
        return "\t"
    header = next((line for line in lines if line.strip()), "")
    return ";" if ";" in header and "," not in header else ","


def _records(
    lines: list[str], delimiter: str, file: str, problems: list[Problem]
) -> Iterator[_Record]:
    """Yield the records that are not empty, each with its place; note where reading stopped."""
    import csv  # noqa: PLC0415 - only where there is a table

    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begin = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raw = "".join(lines[begin : max(reader.line_num, begin + 1)])
            quote = raw.find('"') + 1
            message = f"this is not CSV: {error}"
            hint = 'a quote inside a cell is written twice, and the cell in quotes: "say ""hi"""'
            problems.append(_problem(file, begin + 1, max(1, quote), message, hint))
            return
        raw = (
            lines[begin]
            if reader.line_num == begin + 1
            else "".join(lines[begin : reader.line_num])
        )
        line, begin = begin + 1, reader.line_num
        stripped = tuple(cell.strip() for cell in cells)
        if any(stripped):
            yield _Record(line, _columns(raw, cells, delimiter), stripped)


def _columns(raw: str, cells: list[str], delimiter: str) -> tuple[int, ...]:
    """Return where the content of each cell begins, from 1."""
    starts = [0]
    inside = False
    if '"' in raw:
        for place, char in enumerate(raw):
            if char == '"':
                inside = not inside
            elif char == delimiter and not inside:
                starts.append(place + 1)
    else:
        for cell in cells[:-1]:
            starts.append(starts[-1] + len(cell) + 1)
    found = []
    for start in starts[: len(cells)]:
        while raw[start : start + 1] in {" ", '"'}:
            start += 1  # noqa: PLW2901 - the cell's content begins later
        found.append(start + 1)
    return tuple(found)


def _check_header(header: _Record, file: str, problems: list[Problem]) -> None:
    """Note what is wrong with the names of the columns."""
    seen: dict[str, int] = {}
    for number, (name, column) in enumerate(zip(header.cells, header.columns, strict=True), 1):
        source = Source(file=file, line=header.line, column=column, length=max(1, len(name)))
        if not name:
            message = f"column {number} has no name"
            problems.append(Problem(source=source, message=message, hint=_HEADER))
        elif not variable_name(name):
            problems.append(name_problem(name, source))
        elif name in seen:
            message = f"the column {quoted(name)} is there twice (first is column {seen[name]})"
            problems.append(Problem(source=source, message=message))
        seen.setdefault(name, number)


def _check_record(
    record: _Record, names: tuple[str, ...], file: str, problems: list[Problem]
) -> None:
    """Note what is wrong with a row."""
    if len(record.cells) != len(names):
        missing = ", ".join(filter(None, names[len(record.cells) :]))
        column = record.columns[min(len(names), len(record.columns) - 1)]
        message = f"this row has {len(record.cells)} cells, and the header {len(names)}"
        hint = f"missing: {missing}" if missing else "quote a cell that holds the delimiter"
        problems.append(_problem(file, record.line, column, message, hint))
    for name, column, cell in zip(names, record.columns, record.cells, strict=False):
        if not is_plain(cell) and (found := re.search(_CONTROL, cell)):
            message = f"{name} contains the character U+{ord(found[0]):04X}"
            hint = "a line break or an invisible character came along; type the cell again"
            problems.append(_problem(file, record.line, column, message, hint))
        elif cell[-1:].isdecimal() and "+" in cell[1:] and re.fullmatch(_ROUNDED, cell):
            message = f"{name} was a number that a spreadsheet has rounded to {quoted(cell)}"
            hint = "format the column as text, write the number again, and save"
            problems.append(_problem(file, record.line, column, message, hint))


# -- lists of mappings -------------------------------------------------------------------------


def read_list(root: object, source: Source, filled: tuple[Filled, ...] = ()) -> ListTable:
    """Read a list of mappings, as YAML or JSON gave it; raise ScenarioError with every problem."""
    problems: list[Problem] = []
    if not isinstance(root, list) or not root:
        hint = "for example: [{NUMBER: '+12025550123'}]"
        raise ScenarioError(
            [Problem(source=source, message="a list of mappings is expected here", hint=hint)]
        )
    names: tuple[str, ...] = ()
    rows: list[dict[str, Located]] = []
    for entry in root:
        if not isinstance(entry, LocatedMap) or not entry:
            at = entry.source if isinstance(entry, Located) else source
            problems.append(Problem(source=at, message="a row is a mapping, variable: value"))
            continue
        names = names or _names_of(entry, problems)
        rows.append(_row_of(entry, names, filled, problems))
    if problems:
        raise ScenarioError(problems)
    return ListTable(names=names, rows=rows)


def _names_of(entry: LocatedMap, problems: list[Problem]) -> tuple[str, ...]:
    problems += [name_problem(key, key.source) for key in entry if not variable_name(key)]
    return tuple(map(str, entry))


def _row_of(
    entry: LocatedMap, names: tuple[str, ...], filled: tuple[Filled, ...], problems: list[Problem]
) -> dict[str, Located]:
    """Return one row, with the same variables as the first."""
    place = next(iter(entry)).source
    missing = [name for name in names if name not in entry]
    if missing:
        message = f"this row has no {', '.join(missing)}"
        problems.append(Problem(source=place, message=message, hint="each row has the same keys"))
    row: dict[str, Located] = {}
    for key, value in entry.items():
        if key not in names:
            message = f"the first row has no {quoted(key)}"
            problems.append(Problem(source=key.source, message=message))
        elif value is None:
            row[str(key)] = Located.of("", key.source)
        elif isinstance(value, Located):
            row[str(key)] = given_by(value, str(key), filled)
        else:
            message = "a row holds texts, not lists or mappings"
            problems.append(Problem(source=entry.sources[str(key)], message=message))
    return row


def given_by(value: Located, name: str, filled: tuple[Filled, ...] = ()) -> Located:
    """Return a value as a row has it: who gave it, and whether it is better not shown."""
    given = (*value.source.filled, *_of_column(filled, name))
    source = replace(value.source, filled=given)
    return Located.of(str(value), source, value.columns, hidden=value.hidden or is_hidden(name))


def _of_column(filled: tuple[Filled, ...], name: str) -> tuple[Filled, ...]:
    """Return who gave a value; where no variable did, the column is what it is known by."""
    return tuple(replace(one, variable=one.variable or name) for one in filled)
