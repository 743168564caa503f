"""The generated pages say what the program and `sipprobe explain` say: all of it, and the same."""

import re
from typing import Any

import click
import pytest

from docs.making import codes, keys, samples, verbs
from docs.making.models import MODELS, TITLES
from docs.making.pages import MarkdownPage, escaped, linked, prose
from docs.making.since import since
from probe import __version__
from probe.cli import cli
from probe.reference import reference as ref
from probe.reference.explain import explain
from probe.scenario.json_schema import json_schema, settings_schema
from probe.scenario.schema import CallStep, Caps, Profile, Scenario

CODES = codes.pages()
KEYS = keys.pages()


def plain(markdown: str) -> str:
    """Return the words of a generated page, without marks of Markdown and line ends."""
    text = re.sub(r"(?<!\\)\[((?:\\.|[^\]\\])*)\]\(#[\w-]+\)", r"\1", markdown)
    text = re.sub(r"(?m)^(?:: |- |  )|\\$|\*\*", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\\(.)", r"\1", text))


WORDS = {name: plain(text) for name, text in CODES.items()}


def section(anchor: str) -> str:
    """Return the words of the section with an anchor."""
    found = [
        plain(text.partition(f"({anchor})=\n")[2].partition("\n(")[0])
        for text in CODES.values()
        if f"({anchor})=\n" in text
    ]
    assert len(found) == 1, anchor
    return found[0]


def told(subject: str) -> list[str]:
    """Return what the terminal is told of a subject, sentence by sentence."""
    text = explain(subject, width=10_000)
    return [re.sub(r"\s+", " ", re.sub(r"^  (?:- )?", "", line)) for line in text.splitlines()]


SUBJECTS = [
    *((f"code-{entry.code}", str(entry.code)) for entry in ref.responses()),
    *((f"code-{entry.code}", str(entry.code)) for entry in ref.unregistered_responses()),
    *((cause.id.lower(), cause.id) for cause in ref.causes()),
    *((f"provider-{entry.key}", f"provider:{entry.key}") for entry in ref.providers()),
    *((f"method-{entry.name.lower()}", entry.name) for entry in ref.methods()),
    *((f"q850-{entry.cause}", f"q850:{entry.cause}") for entry in ref.q850_causes()),
    *((f"warning-{entry.code}", f"warning:{entry.code}") for entry in ref.warnings()),
]


def test_every_subject_of_the_terminal_has_its_section_with_the_same_words() -> None:
    """Codes, causes, providers, methods, Q.850 and warnings: not a sentence is missing."""
    assert len(SUBJECTS) > 400
    missing = []
    for anchor, subject in SUBJECTS:
        words = section(anchor).replace(" ", "")
        missing += [(subject, line) for line in told(subject) if line.replace(" ", "") not in words]
    assert missing == []


def test_a_code_shows_what_each_provider_says_of_it_with_page_and_date() -> None:
    """`explain 403 --provider telnyx` needs a word more; the page has all providers."""
    words = section("code-403")
    for provider in ref.providers_that_say(403):
        assert f"What {provider.name} says:" in words
        for meaning in ref.meanings(403, provider=provider.name):
            if meaning.provider is not None:
                assert f"Source: {meaning.source}, {meaning.date}" in words


def test_every_key_has_meaning_type_default_error_and_version() -> None:
    """Each key of each model has its section; nothing is said of it without being tried."""
    text = "".join(KEYS.values())
    schemas: set[str] = {"Scenario", "Settings"}
    for schema in (json_schema(), settings_schema()):
        found: Any = schema["$defs"]
        schemas.update(found)
    # What has no schema of its own is told where it stands.
    for model in (model for model in MODELS if model.__name__ in schemas):
        title = TITLES.get(model, model.__name__)
        part = re.search(
            rf"^\(keys-{model.__name__.lower()}\)=\n## {re.escape(title)}\n(.*?)(?=^\(keys-|\Z)",
            text,
            re.DOTALL | re.MULTILINE,
        )
        assert part is not None, model
        for key in model.keys():  # noqa: SIM118 - a method of the model
            entry = re.search(
                rf"^### `{re.escape(key)}`\n(.*?)(?=^### |\Z)", part[1], re.DOTALL | re.MULTILINE
            )
            assert entry is not None, (model, key)
            labels = re.findall(r"^(\w+)\n: ", entry[1], re.MULTILINE)
            assert {"type", "default", "since"} <= set(labels), (model, key)
            assert "\n: \n" not in entry[1], (model, key)


def shown_examples() -> list[tuple[type, str, str]]:
    """Return model, key and value of each example that the pages show."""
    found = []
    for model in MODELS:
        part = "".join(KEYS.values()).partition(f"(keys-{model.__name__.lower()})=\n")[2]
        part = part.partition("\n(keys-")[0]
        for key, value in re.findall(r"^example\n: ``? ?([\w]+): (.*?) ?``?$", part, re.MULTILINE):
            found.append((model, key, value))
    return found


def test_every_example_of_a_key_loads() -> None:
    """What stands as an example can be copied: the loader has nothing to say of it."""
    examples = shown_examples()
    assert len(examples) > 150
    assert [entry for entry in examples if not samples.loads(*entry)] == []


@pytest.mark.parametrize(
    ("model", "key", "value"),
    [
        (CallStep, "timeout", "5"),
        (CallStep, "answer_after", "2 bells"),
        (Profile, "uri", "101"),
        (Caps, "currency", "a coin"),
    ],
)
def test_an_example_that_does_not_load_is_noticed(model: type, key: str, value: str) -> None:
    """Otherwise the test above would prove nothing."""
    assert not samples.loads(model, key, value)


@pytest.mark.parametrize(
    ("model", "key", "value", "message"),
    [
        (CallStep, "timeout", "soon", "'soon' is not a duration"),
        (Scenario, "timeout", "0s", "this must be longer than 0 s"),
        (Caps, "calls_per_run", "-1", "-1"),
        (Profile, "srtp", "maybe", "'maybe' is not one of off, optional, required"),
    ],
)
def test_what_is_said_of_a_wrong_value_is_what_the_loader_says(
    model: type, key: str, value: str, message: str
) -> None:
    """The errors on the page are no prose: they come from reading such a file."""
    problem = samples.problem_at(model, key, value)
    assert problem is not None
    assert message in problem.message


def test_the_error_of_a_key_is_on_its_page() -> None:
    """A reader who searches for the error finds the key."""
    assert "'?' is not a duration" in KEYS["docs/reference/keys-steps.md"]


def test_a_key_that_no_release_had_comes_with_this_version() -> None:
    """Until a release writes keys down they are new."""
    assert since("Scenario", "a_key_of_tomorrow") == __version__


def test_every_verb_and_flag_is_on_the_page_of_verbs() -> None:
    """The page is made from the commands; hidden flags stay hidden."""
    page = verbs.page()
    above = click.Context(cli, info_name="sipprobe", **cli.context_settings)
    for verb in cli.list_commands(above):
        command = cli.get_command(above, verb)
        assert command is not None
        part = page.partition(f"\n## {verb}\n")[2].partition("\n## ")[0]
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                for flag in (*option.opts, *option.secondary_opts):
                    assert flag in part, (verb, flag)


def test_data_cannot_become_markup() -> None:
    """A meaning with signs of Markdown is shown as it was written."""
    assert escaped("a *b* [c](d) <e> `f` #g") == r"a \*b\* \[c\](d) \<e\> \`f\` \#g"
    assert prose("`x_y` and a*") == r"`x_y` and a\*"
    assert prose("one ` alone") == r"one \` alone"


def test_causes_and_codes_in_sentences_are_links() -> None:
    """A cause that exists, and a code with its name; a number alone is left."""
    assert linked("see F047") == "see [F047](#f047)"
    assert linked("F999 is none") == "F999 is none"
    assert linked("403 Forbidden, not 403") == "[403 Forbidden](#code-403), not 403"


def test_a_list_is_closed_before_the_next_begins() -> None:
    """Markdown needs an empty line between an item and what follows."""
    page = MarkdownPage()
    page.gap("One:")
    page.item("a", "b")
    page.gap("Two:")
    assert page.text() == "**One:**\n\n- a\\\n  b\n\n**Two:**\n"
