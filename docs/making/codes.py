"""The code reference: what `sipprobe explain` says of everything that it knows, page by page."""

import re
from collections.abc import Iterable

from docs.making.pages import MarkdownPage, escaped
from probe.reference import reference as ref
from probe.reference.explain import write, write_meanings

FOLDER = "docs/reference"
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "6xx")
_SAME = (
    "`sipprobe explain {word}` says the same in a terminal: this page is made from the same data."
)


def pages() -> dict[str, str]:
    """Return the pages of the code reference, Markdown by path from the root of the site."""
    made = {f"{FOLDER}/codes-{kind}.md": _class(kind) for kind in _CLASSES}
    made[f"{FOLDER}/codes-unregistered.md"] = _unregistered()
    made[f"{FOLDER}/methods.md"] = _methods()
    made[f"{FOLDER}/q850.md"] = _several(
        "Causes of the telephone network (Q.850)",
        "They travel in `Reason: Q.850;cause=` (RFC 6432). " + _SAME.format(word="q850:34"),
        [(f"q850-{entry.cause}", f"q850:{entry.cause}") for entry in ref.q850_causes()],
    )
    made[f"{FOLDER}/warnings.md"] = _several(
        "Warning codes",
        "They stand in the Warning header (RFC 3261 §20.43). " + _SAME.format(word="warning:304"),
        [(f"warning-{entry.code}", f"warning:{entry.code}") for entry in ref.warnings()],
    )
    made[f"{FOLDER}/headers.md"] = _several(
        "Headers that tell the reason",
        _SAME.format(word="header:Retry-After"),
        [(f"header-{_slug(entry.name)}", f"header:{entry.name}") for entry in ref.headers()],
    )
    made |= _causes() | _providers()
    return made


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _begin(title: str, *paragraphs: str) -> MarkdownPage:
    page = MarkdownPage()
    page.section("", level=1)
    page.title(title)
    for paragraph in paragraphs:
        page.plain(paragraph)
    return page


def _several(title: str, lead: str, subjects: Iterable[tuple[str, str]]) -> str:
    page = _begin(title, lead)
    for anchor, subject in subjects:
        page.section(anchor)
        write(page, subject)
    return page.text()


def _class(kind: str) -> str:
    entry = ref.response_class(kind)
    assert entry is not None  # noqa: S101 - the six of RFC 3261
    page = _begin(f"{kind} {entry.title}", escaped(entry.meaning))
    page.plain(_SAME.format(word=next(c for c in _codes_of(kind))))
    for code in _codes_of(kind):
        _code(page, code)
    return page.text()


def _codes_of(kind: str) -> list[int]:
    return [entry.code for entry in ref.responses() if entry.response_class == kind]


def _unregistered() -> str:
    page = _begin(
        "Codes that nobody registered",
        "Products send them all the same. A client treats one as the x00 of its class "
        "(RFC 3261 §8.1.3.2). " + _SAME.format(word="499"),
    )
    for entry in ref.unregistered_responses():
        _code(page, entry.code)
    return page.text()


def _code(page: MarkdownPage, code: int) -> None:
    page.section(f"code-{code}")
    write(page, str(code))
    for provider in ref.providers_that_say(code):
        write_meanings(page, code, provider)


def _methods() -> str:
    page = _begin("Methods", _SAME.format(word="INVITE"))
    for method in ref.methods():
        page.section(f"method-{method.name.lower()}")
        write(page, method.name)
        for provider in ref.providers_that_say(method.name):
            write_meanings(page, method.name, provider)
    return page.text()


def _causes() -> dict[str, str]:
    families: dict[str, list[ref.RootCause]] = {}
    for cause in ref.causes():
        families.setdefault(cause.family, []).append(cause)
    made = {}
    rows = []
    for family, members in families.items():
        letter, _, name = family.partition(". ")
        path = f"causes-{letter.lower()}-{_slug(name)}.md"
        page = _begin(f"Causes: {name}", _SAME.format(word=members[0].id))
        for cause in members:
            page.section(cause.id.lower())
            write(page, cause.id)
        made[f"{FOLDER}/{path}"] = page.text()
        rows += [
            f"| [{cause.id}](#{cause.id.lower()}) | {escaped(cause.name)} | {escaped(cause.layer)} "
            f"| {cause.identifiability} | [{escaped(name)}]({path}) |"
            for cause in members
        ]
    index = _begin(
        "Root causes",
        "What is wrong, as against the code that shows it. Each has a number that never changes "
        "its meaning. How sure one can be is its class: **I**, one trace and our own settings name "
        "it; "
        "**C**, one more controlled attempt names it; **N**, only the other side knows, so ask "
        "([what the words promise](../explanations.md#what-the-three-words-promise)).",
        "| cause | name | layer | class | group |\n| --- | --- | --- | --- | --- |\n"
        + "\n".join(rows),
    )
    return {f"{FOLDER}/causes.md": index.text(), **made}


def _providers() -> dict[str, str]:
    made = {}
    rows = []
    for provider in sorted(ref.providers(), key=lambda entry: entry.name.casefold()):
        page = MarkdownPage()
        page.section(f"provider-{provider.key}", level=1)
        write(page, f"provider:{provider.key}")
        made[f"{FOLDER}/provider-{_slug(provider.key)}.md"] = page.text()
        rows.append(
            f"| [{escaped(provider.name)}](provider-{_slug(provider.key)}.md) | "
            f"{escaped(', '.join(provider.aliases))} | {len(provider.meanings)} | {provider.date} |"
        )
    index = _begin(
        "Providers",
        "What providers mean by their codes, each sentence with the page that says so and the "
        "month in which that page was read. A page may have changed since. "
        + _SAME.format(word="provider:telnyx"),
        "| provider | also | meanings of its own | read |\n| --- | --- | --- | --- |\n"
        + "\n".join(rows),
    )
    return {f"{FOLDER}/providers.md": index.text(), **made}
