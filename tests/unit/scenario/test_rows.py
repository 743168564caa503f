"""`matrix:` and `data:`: one scenario a row, with the values as they were written."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from probe.scenario.loader import load_many
from probe.scenario.schema import CallStep, Scenario
from probe.scenario.source import ScenarioError

CALL = "steps: [call: '${NUMBER}']\n"


def rows_of(
    folder: Path,
    text: str,
    files: Mapping[str, bytes] | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Scenario, ...]:
    """Load a scenario called `story` with files beside it."""
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
    path = folder / "story.sip.yaml"
    path.write_text(text, encoding="utf-8")
    return load_many([path], variables=variables or {}, environ=environ or {})


def called(scenarios: tuple[Scenario, ...]) -> list[str]:
    """Return what the first step of each scenario calls."""
    steps = [scenario.steps[0] for scenario in scenarios]
    return [step.to for step in steps if isinstance(step, CallStep)]


def names(scenarios: tuple[Scenario, ...]) -> list[str]:
    """Return what the scenarios are called."""
    return [scenario.id for scenario in scenarios]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("n.csv", b'\xef\xbb\xbfNUMBER,WHO\r\n+12025550123,a\r\n\r\n0123,"b, c"\r\n*97,\r\n,,\r\n'),
        ("n.csv", b"NUMBER;WHO\n+12025550123;a\n0123;b, c\n*97;\n"),
        ("n.tsv", b"NUMBER\tWHO\n+12025550123\ta\n0123\tb, c\n*97\t\n"),
        ("n.csv", b'WHO,NUMBER\n"a","+12025550123"\n"b, c", 0123 \n"","*97"'),
        ("n.yaml", b"- {NUMBER: +12025550123, WHO: a}\n- {NUMBER: 0123, WHO: 'b, c'}\n- {NUMBER: '*97', WHO: }"),  # noqa: E501
        ("n.json", b'[{"NUMBER": "+12025550123", "WHO": "a"}, {"NUMBER": "0123", "WHO": "b, c"}, {"NUMBER": "*97", "WHO": ""}]'),  # noqa: E501
    ],
    ids=["csv-of-windows", "csv-of-europe", "tsv", "csv-in-quotes", "yaml", "json"],
)  # fmt: skip
def test_a_table_gives_texts_as_they_are_written(tmp_path: Path, file: str, content: bytes) -> None:
    """Plus, zero and star stay; a BOM, empty lines and quotes are no part of a value."""
    found = rows_of(tmp_path, f"data: {file}\n{CALL}", {file: content})
    assert called(found) == ["+12025550123", "0123", "*97"]
    rows = [scenario.row for scenario in found]
    assert [dict(row.values)["WHO"] for row in rows if row] == ["a", "b, c", ""]


def test_matrix_gives_every_combination(tmp_path: Path) -> None:
    """The last list turns fastest."""
    found = rows_of(tmp_path, "matrix: {A: [1, 2], NUMBER: ['00', '+']}\n" + CALL)
    assert names(found) == ["story[1 00]", "story[1 +]", "story[2 00]", "story[2 +]"]
    assert called(found) == ["00", "+", "00", "+"]


def test_matrix_and_data_multiply(tmp_path: Path) -> None:
    """Each row of the table with each combination."""
    text = "matrix: {PREFIX: ['+', '00']}\ndata: n.csv\nsteps: [call: '${PREFIX}${N}']\n"
    found = rows_of(tmp_path, text, {"n.csv": b"N\n1\n2\n"})
    assert called(found) == ["+1", "001", "+2", "002"]


def test_row_has_the_name_that_the_scenario_gives(tmp_path: Path) -> None:
    """Two rows of one name are told apart by a number."""
    text = "data: [{NUMBER: '1', C: US}, {NUMBER: '2', C: US}, {NUMBER: '3', C: DE}]\n"
    found = rows_of(tmp_path, text + "row_name: '${C} (${X:-none})'\nname: To ${C}\n" + CALL)
    assert names(found) == ["story[US (none)]", "story[US (none) #2]", "story[DE (none)]"]
    assert [scenario.name for scenario in found] == ["To US", "To US", "To DE"]
    assert found[2].row is not None
    assert found[2].row.story == "story"


def test_password_of_a_row_is_in_no_name_and_no_value(tmp_path: Path) -> None:
    """A column whose name sounds like a secret is used and not shown."""
    text = "data: [{USER: alice, PASSWORD: hunter2}]\nagents: {a: {uri: 'sip:${USER}@x.example',"
    found = rows_of(tmp_path, text + " password: '${PASSWORD}'}}\nsteps: [register: a]\n")
    password = found[0].agents["a"].password
    assert password is not None
    assert password.revealed() == "hunter2"
    assert "hunter2" not in f"{found[0].id} {found[0].row}"


def test_row_wins_over_the_environment(tmp_path: Path) -> None:
    """A number that stands there by chance is not dialled; an empty cell does not let it in."""
    environ = {"NUMBER": "+12025550199"}
    found = rows_of(tmp_path, "data: [{NUMBER: '1'}]\n" + CALL, environ=environ)
    assert called(found) == ["1"]
    with pytest.raises(ScenarioError, match="variable NUMBER is empty"):
        rows_of(tmp_path, "data: [{NUMBER: ''}]\n" + CALL, environ=environ)


def test_command_cannot_take_the_place_of_a_row(tmp_path: Path) -> None:
    """What was typed would be dialled as often as there are rows, or not at all."""
    with pytest.raises(ScenarioError, match="--var NUMBER cannot take the place"):
        rows_of(tmp_path, "data: [{NUMBER: '1'}]\n" + CALL, variables={"NUMBER": "2"})


def test_command_may_name_the_table(tmp_path: Path) -> None:
    """`data: ${NUMBERS:-few.csv}` lets the operator choose."""
    files = {"few.csv": b"NUMBER\n1\n", "many.csv": b"NUMBER\n1\n2\n"}
    text = "data: ${NUMBERS:-few.csv}\n" + CALL
    assert called(rows_of(tmp_path, text, files)) == ["1"]
    assert called(rows_of(tmp_path, text, files, variables={"NUMBERS": "many.csv"})) == ["1", "2"]


def test_wrong_row_is_named_by_its_line(tmp_path: Path) -> None:
    """In a table of many the others are not told."""
    numbers = [f"+1202555{n:04d}" for n in range(200)]
    numbers[117] = "+1202 555"
    content = "NUMBER\n" + "\n".join(numbers)
    with pytest.raises(ScenarioError) as caught:
        rows_of(tmp_path, "data: n.csv\n" + CALL, {"n.csv": content.encode()})
    (problem,) = caught.value.problems
    assert f"NUMBER is '+1202 555' at {tmp_path}/n.csv:119:1" in problem.source.notes
    assert f"{tmp_path}/n.csv:119:1" in caught.value.render()


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (b"", "1:1", "holds no header"),
        (b"NUMBER\n", "1:1", "there is no row after the header"),
        (b"NUMBER\n1\n\xff2\n", "3:1", "is not UTF-8"),
        (b"\xff\xfeN\x00", "1:1", "is not UTF-8"),
        (b'NUMBER\n"1\n', "2:1", "this is not CSV"),
        (b'NUMBER\n"1" 2\n', "2:1", "this is not CSV"),
        (b"NUMBER,B\n1\n", "2:1", "this row has 1 cells, and the header 2"),
        ("NUMBER,B\n1,a\u200b\n".encode(), "2:3", "B contains the character U\\+200B"),
    ],
)
def test_table_that_cannot_be_read_is_refused_at_its_place(
    tmp_path: Path, content: bytes, place: str, message: str
) -> None:
    """File, line and column."""
    with pytest.raises(ScenarioError, match=rf"n\.csv:{place}: .*{message}"):
        rows_of(tmp_path, "data: n.csv\n" + CALL, {"n.csv": content})


def test_more_rows_than_anybody_wants_are_refused(tmp_path: Path) -> None:
    """A table is read no further than that."""
    content = b"NUMBER\n" + b"1\n" * 100_001
    with pytest.raises(ScenarioError, match="holds more than 100000 rows"):
        rows_of(tmp_path, "data: n.csv\n" + CALL, {"n.csv": content})


def test_steps_that_no_row_changes_are_read_once(tmp_path: Path) -> None:
    """Ten thousand rows share them, so that they fit into memory."""
    text = "data: [{NUMBER: '1'}, {NUMBER: '2'}]\nsteps: [register: , call: '${NUMBER}']\n"
    first, second = rows_of(tmp_path, text)
    assert first.steps[0] is second.steps[0]
    assert first.steps[1] is not second.steps[1]


def test_thousands_of_rows_are_read_in_seconds(tmp_path: Path) -> None:
    """Each costs a fraction of a millisecond of work; the bound has room for a slow machine."""
    content = "NUMBER\n" + "\n".join(f"+1202{n:07d}" for n in range(2000))
    began = time.process_time()
    found = rows_of(tmp_path, "data: n.csv\n" + CALL, {"n.csv": content.encode()})
    assert len(set(names(found))) == 2000
    assert time.process_time() - began < 4
