"""What the documents promise is so: commands, flags, links, statuses, numbers of decisions."""

import ast
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from probe.cli import cli, exits
from probe.scenario.expectation import Expectation
from probe.scenario.loader import load_scenario, load_settings
from probe.scenario.schema import VERBS as VERB_MODELS
from probe.scenario.schema import Profile

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "docs/**/*.md", "tests/**/*.md", "scenarios/*.md", "benchmarks/**/*.md")
PAGES = sorted(
    {ROOT / "results/README.md", *(page for place in PLACES for page in ROOT.glob(place))}
)
COMMAND_LINE = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CONTEXT = click.Context(cli, **cli.context_settings)  # names are cached in the commands
VERBS = tuple(cli.list_commands(CONTEXT))

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    """Return a page's path within the repository, as the id of a test case."""
    return str(page.relative_to(ROOT))


def verb_of(name: str) -> click.Command:
    """Return the command behind a verb."""
    command = cli.get_command(CONTEXT, name)
    assert command is not None, f"there is no verb {name}"
    return command


def code_in(text: str) -> Iterator[str]:
    """Yield the lines of fenced blocks and the inline code of a page."""
    for _, block in FENCED.findall(text):
        yield from block.splitlines()
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", FENCED.sub("", text))


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield what follows `sipprobe` in each command of a page, but for lines that show a form."""
    for line in code_in(text):
        found = re.search(r"(?:^|\$ |&& |<\()(?:\.venv/bin/)?sipprobe (.+)", line.strip())
        if found is None or re.search(r"\bVERB\b|\[(?:NAME|WHAT)|…", found[1]):
            continue
        yield shlex.split(re.split(r"\s(?:[|>#]|&&)", found[1])[0])


def anchors_in(page: Path) -> set[str]:
    """Return the anchors that a page's headings get."""
    headings = re.findall(
        r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE
    )
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_is_one_that_the_program_takes(page: Path) -> None:
    """Verb, flags, choices and arguments of each example are read by the program itself."""
    for verb, *arguments in commands_in(page.read_text(encoding="utf-8")):
        if verb.startswith("-"):
            assert verb in {"--version", "--help", "-h"}
            continue
        command = verb_of(verb)
        if arguments:  # a verb alone is a mention, not a command
            command.make_context(verb, arguments, parent=CONTEXT)


def test_the_readme_shows_every_way_to_begin() -> None:
    """The reading of commands finds those of the README: an empty reading would prove nothing."""
    found = [words[0] for words in commands_in(README)]
    assert {"run", "validate", "explain", "simulate", "schema"} <= set(found)
    assert ["run", "trunk-check"] in list(commands_in(README))


def section_of(verb: str) -> str:
    """Return the section of a verb on the page of the command line."""
    found = re.search(rf"^## {verb}\n(.*?)(?=^## |\Z)", COMMAND_LINE, re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/command-line.md has no section {verb}"
    return found[1]


@pytest.mark.parametrize("verb", VERBS)
def test_flags_of_a_verb_and_of_its_section_are_the_same(verb: str) -> None:
    """No flag is missing on the page, and the page invents none."""
    command = verb_of(verb)
    real = {
        flag
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    rows = re.findall(r"^\| (`-.*?) \|", section_of(verb), re.MULTILINE)
    told = {flag for row in rows for flag in re.findall(r"`(--?[a-z][a-z-]*)", row)}
    assert told == real


def test_the_page_has_a_section_for_each_verb_and_no_other() -> None:
    """The list of verbs at the top links to as many sections as there are verbs."""
    assert tuple(re.findall(r"^\| \[`(\w+)`\]\(#\w+\)", COMMAND_LINE, re.MULTILINE)) == VERBS


def test_the_table_of_exit_statuses_is_that_of_the_code() -> None:
    """Numbers and words stand in probe/cli/exits.py; the page repeats them."""
    body = next(
        node
        for node in ast.parse(Path(exits.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ).body
    told = {
        number.value.value: text.value.value
        for number, text in itertools.pairwise(body)
        if isinstance(number, ast.Assign)
        and isinstance(number.value, ast.Constant)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    assert set(told) == set(exits.Exit)
    table = COMMAND_LINE.partition("## Exit statuses")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", table, re.MULTILINE)
    assert {int(status): text for status, text in rows} == told


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files exist, and headings that are linked to as well."""
    for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{name_of(page)}: {target}"
        if anchor:
            assert anchor in anchors_in(goal), f"{name_of(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_folder_of_one_machine(page: Path) -> None:
    """A path that exists on its author's machine only helps nobody."""
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?<![\w./])/(?:home|root|tmp|work|Users|mnt|opt|srv)/\S*", text)


def test_decisions_are_numbered_without_a_gap() -> None:
    """0001, 0002 and so on, each with the same parts, each listed in the index."""
    files = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [file.name[:5] for file in files] == [f"{n:04}-" for n in range(1, len(files) + 1)]
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.startswith(f"# {file.name[:4]}: ")
        assert re.search(r"^Status: \w+\. Date: \d{4}-\d\d-\d\d\.$", text, re.MULTILINE)
        parts = re.findall(r"^## (\w+)", text, re.MULTILINE)
        assert {"Context", "Consequences"} <= set(parts), file.name
        assert f"decisions/{file.name}" in index


def test_each_dependency_has_a_row_with_its_reason() -> None:
    """What the package needs is what the decision about dependencies names as chosen."""
    wanted = PYPROJECT.partition("\ndependencies = [")[2].partition("]")[0]
    names = {re.split(r"[<>=]", entry)[0] for entry in re.findall(r'"(.+?)"', wanted)}
    record = (ROOT / "docs/decisions/0004-dependencies.md").read_text(encoding="utf-8")
    chosen = record.partition("## Chosen")[2].partition("For development")[0]
    rows = re.findall(r"^\| ([\w-]+)[^|]* \| [^-]", chosen, re.MULTILINE)
    assert {row for row in rows if row != "package"} == names


def test_the_map_of_the_house_is_that_of_the_import_contract() -> None:
    """Rooms and lines of CONTRIBUTING are the layers that import-linter keeps."""
    layers = re.search(r"^layers = \[\n(.*?)^\]", PYPROJECT, re.DOTALL | re.MULTILINE)
    assert layers is not None
    wanted = {
        (number, room)
        for number, line in enumerate(re.findall(r'"(.+)"', layers[1]), 1)
        for room in line.split(" | ")
    }
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE)
    assert {(int(number), room) for number, room in rows} == wanted


def yaml_blocks() -> list[str]:
    """Return the YAML examples of the README: the settings, then the scenario."""
    return [block for kind, block in FENCED.findall(README) if kind == "yaml"]


def test_the_settings_of_the_readme_are_valid(tmp_path: Path) -> None:
    """What a reader copies first must be right."""
    file = tmp_path / "sipprobe.yaml"
    file.write_text(yaml_blocks()[0], encoding="utf-8")
    settings = load_settings(file, variables={"CARRIER_PASSWORD": "example"}, environ={})
    assert settings.profile("carrier").allow_to == ("+1202555*",)


def test_the_failing_run_of_the_readme_points_into_its_scenario(tmp_path: Path) -> None:
    """Line and column of the shown failure are those of the shown file."""
    file = tmp_path / "second-line.sip.yaml"
    file.write_text(yaml_blocks()[1], encoding="utf-8")
    expect = load_scenario(file, variables={}, environ={}).steps[1].expect
    assert expect is not None
    assert expect.responses is not None
    place = expect.responses.source
    assert f"--> scenarios/{file.name}:{place.line}:{place.column}\n" in README


GUIDE = (ROOT / "docs" / "scenario-files.md").read_text(encoding="utf-8")
GUIDE_BLOCKS = [block for kind, block in FENCED.findall(GUIDE) if kind == "yaml"]


def test_guide_shows_scenarios_and_a_profile() -> None:
    """Blocks that begin with trunks are profiles, the others scenarios."""
    assert [block.startswith("trunks:") for block in GUIDE_BLOCKS] == [False] * 4 + [True, False]


@pytest.mark.parametrize("block", GUIDE_BLOCKS)
def test_example_of_the_guide_loads(block: str, tmp_path: Path) -> None:
    """What the guide shows can be copied."""
    if block.startswith("trunks:"):
        (tmp_path / "sipprobe.yaml").write_text(block, encoding="utf-8")
        known = load_settings(tmp_path / "sipprobe.yaml", variables={}, environ={})
        assert "carrier" in known.trunks
    else:
        (tmp_path / "guide.sip.yaml").write_text(block, encoding="utf-8")
        assert load_scenario(tmp_path / "guide.sip.yaml", variables={}, environ={}).steps


def test_guide_names_every_verb_and_key() -> None:
    """A key that nobody can look up is not there."""
    keys = {*VERB_MODELS, *Profile.keys(), *Expectation.keys()}
    keys -= {"trunk"}  # an agent's key, told in a sentence
    assert [key for key in sorted(keys) if f"`{key}`" not in GUIDE and f"{key}:" not in GUIDE] == []
