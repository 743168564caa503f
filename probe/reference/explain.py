"""The code reference as plain text: what `sipprobe explain WORD` prints.

`explain` understands a response code (403), a class (4xx), a method (INVITE), `q850:34`,
`warning:304`, `header:Retry-After`, `provider:telnyx`, a root cause (F047), and, together with a
provider, the symptoms that its pages speak of (`silence`, `drop`, `media`, …). It returns text and
prints nothing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from probe.reference import reference as ref
from probe.reference.reference import Direction, Meaning, Provider, Retry, UnknownSubjectError

__all__ = ["Page", "UnknownSubjectError", "explain", "write", "write_meanings"]

DEFAULT_WIDTH = 88  # columns: fits a terminal of 90 and a mail
_NARROWEST = 40  # below this a wrapped column holds hardly a word
_LABEL = 10  # columns of the label before a paragraph
_BULLET = 2

_RETRY_WORDS: Mapping[Retry, str] = {
    Retry.NO: "no; the same request fails again",
    Retry.AUTO: "once, after the change that the response asks for",
    Retry.LATER: "later, after waiting",
    Retry.ALTERNATIVE: "not here; another target or route may work",
    Retry.NOT_APPLICABLE: "not applicable",
}
_DIRECTION_WORDS: Mapping[Direction, str] = {
    Direction.REGISTER: "when we register",
    Direction.OUTBOUND: "when we call",
    Direction.INBOUND: "when we are called",
}
_IDENTIFIABILITY_WORDS: Mapping[str, str] = {
    "I": "one trace names it",
    "C": "one more controlled attempt names it",
    "N": "only the other side knows; ask",
}


def explain(
    subject: str,
    *,
    provider: str | None = None,
    direction: Direction | None = None,
    width: int = DEFAULT_WIDTH,
) -> str:
    """Render what the reference holds about a subject, wrapped to `width` columns.

    Raises UnknownSubjectError, a LookupError with the nearest words, for a subject or a provider
    that it does not hold.
    """
    page = _TextPage(max(width, _NARROWEST))
    write(page, subject, provider=provider, direction=direction)
    return page.text()


class Page(Protocol):
    """What an explanation is written on: a terminal's text here, the documentation elsewhere."""

    def title(self, text: str) -> None:
        """Begin with the name of the subject."""

    def gap(self, heading: str) -> None:
        """Begin a list."""

    def labelled(self, label: str, text: str) -> None:
        """Say one thing, under its label."""

    def item(self, text: str, *details: str) -> None:
        """Say one thing of a list, and what belongs to it."""


def write(
    page: Page, subject: str, *, provider: str | None = None, direction: Direction | None = None
) -> None:
    """Write what `explain` says about a subject on a page of any kind; raises as it does."""
    chosen = None if provider is None else _the_provider(provider)
    render = _renderer(subject.strip(), chosen)
    render(page, chosen, direction)


def write_meanings(page: Page, subject: int | str, provider: Provider) -> None:
    """Write what one provider says about a code or a method."""
    _own_meanings(page, subject, provider, None)


_Render = Callable[[Page, Provider | None, Direction | None], None]


def _renderer(word: str, chosen: Provider | None) -> _Render:
    if re.fullmatch(r"[0-9]{1,4}", word, re.ASCII):
        number = int(word)
        return lambda page, own, way: _response(page, number, own, way)
    prefix, colon, rest = word.partition(":")
    if colon:
        return _prefixed(word, prefix.strip().casefold(), rest.strip())
    kind = ref.response_class(word)
    if kind is not None:
        return lambda page, _own, _way: _class(page, kind)
    method = ref.method(word)
    if method is not None:
        return lambda page, own, way: _method(page, method, own, way)
    if re.fullmatch(r"[Ff][0-9]{1,4}", word, re.ASCII):
        cause = ref.cause(f"F{int(word[1:]):03d}")
        return lambda page, _own, _way: _cause(page, cause)
    return _named(word, chosen)


def _prefixed(word: str, prefix: str, rest: str) -> _Render:
    if prefix in {"q850", "q.850"} and re.fullmatch(r"[0-9]{1,3}", rest, re.ASCII):
        return lambda page, _own, _way: _q850(page, int(rest))
    if prefix == "warning" and re.fullmatch(r"[0-9]{3}", rest, re.ASCII):
        return lambda page, _own, _way: _warning(page, int(rest))
    if prefix == "header":
        header = ref.header(rest)
        if header is not None:
            return lambda page, own, _way: _header(page, header, own)
    if prefix == "provider":
        provider = _the_provider(rest)
        return lambda page, _own, way: _provider(page, provider, way)
    raise UnknownSubjectError(word, ref.suggest(word))


def _named(word: str, chosen: Provider | None) -> _Render:
    """Find a symptom of the chosen provider, else a provider or header by its bare name."""
    symptom = word.upper()
    if chosen is not None and any(m.subject == symptom for m in chosen.meanings):
        return lambda page, own, way: _symptom(page, symptom, own, way)
    header = ref.header(word)
    if header is not None:
        return lambda page, own, _way: _header(page, header, own)
    provider = ref.provider(word)
    if provider is not None:
        return lambda page, _own, way: _provider(page, provider, way)
    if ref.providers_that_say(symptom):
        return lambda page, own, way: _symptom(page, symptom, own, way)
    raise UnknownSubjectError(word, ref.suggest(word))


def _the_provider(name: str) -> Provider:
    found = ref.provider(name)
    if found is None:
        raise UnknownSubjectError(name, ref.suggest_provider(name))
    return found


class _TextPage:
    """Lines of text, wrapped; labels stand left of their paragraph."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def title(self, text: str) -> None:
        self._lines += textwrap.wrap(text, self._width, subsequent_indent="  ")

    def gap(self, heading: str) -> None:
        self._lines += ["", *textwrap.wrap(heading, self._width)]

    def labelled(self, label: str, text: str) -> None:
        head = f"  {label:<{_LABEL}}"
        self._lines += textwrap.wrap(
            text, self._width, initial_indent=head, subsequent_indent=" " * len(head)
        )

    def item(self, text: str, *details: str) -> None:
        self._lines += textwrap.wrap(
            text, self._width, initial_indent="  - ", subsequent_indent="    "
        )
        for detail in details:
            self._lines += textwrap.wrap(
                detail, self._width, initial_indent="    ", subsequent_indent="    "
            )


def _response(page: Page, code: int, own: Provider | None, way: Direction | None) -> None:
    entry = ref.response(code)
    page.title(f"{entry.code} {entry.name}")
    page.labelled("Defined", entry.defined_in if entry.registered else _unregistered(entry))
    kind = ref.response_class(entry.response_class or "")
    if kind is not None:
        page.labelled("Class", f"{kind.name} {kind.title}")
    page.labelled("Meaning", entry.meaning)
    if entry.treated_as is not None:
        page.labelled("Treat as", _code_and_name(entry.treated_as))
    page.labelled("Retry", _RETRY_WORDS[entry.retry])
    page.labelled("Next", entry.next_act)
    _by_direction(page, entry.meanings, way)
    extra = _own_meanings(page, code, own, way)
    _related(page, entry.causes, extra)
    _headers_worth_reading(page, code)
    if own is None:
        _who_else(page, code)


def _unregistered(entry: ref.ResponseCode) -> str:
    if entry.defined_in.startswith("not a"):
        return entry.defined_in
    return f"not a registered code; seen with {entry.defined_in}"


def _class(page: Page, kind: ref.ResponseClass) -> None:
    page.title(f"{kind.name} {kind.title}")
    page.labelled("Defined", kind.defined_in)
    page.labelled("Final", "yes" if kind.final else "no, another response follows")
    page.labelled("Meaning", kind.meaning)
    if kind.correction is not None:
        page.labelled("Corrected", kind.correction)
    page.labelled("Examples", "; ".join(map(_code_and_name, kind.examples)))
    page.gap("All registered codes of the class:")
    for entry in ref.responses():
        if entry.response_class == kind.name:
            page.item(f"{entry.code} {entry.name} ({entry.defined_in})")


def _method(page: Page, method: ref.Method, own: Provider | None, way: Direction | None) -> None:
    page.title(method.name)
    page.labelled("Defined", method.defined_in)
    page.labelled("Does", method.does)
    page.labelled("Charge", method.charge)
    page.labelled("Disturbs", method.disturbance)
    if method.usual:
        page.labelled("Usual", "; ".join(map(_code_and_name, method.usual)))
    page.labelled("Tests", method.use)
    _by_direction(page, method.meanings, way)
    _related(page, (), _own_meanings(page, method.name, own, way))
    if own is None:
        _who_else(page, method.name)


def _q850(page: Page, number: int) -> None:
    entry = ref.q850(number)
    page.title(f"Q.850 cause {entry.cause}: {entry.name}")
    if entry.meaning is not None:
        page.labelled("Meaning", entry.meaning)
    page.labelled("To SIP", f"{_code_or_none(entry.sip)} ({entry.mapping})")
    if entry.from_sip:
        codes = "; ".join(map(_code_and_name, entry.from_sip))
        page.labelled("From SIP", f"{codes} (RFC 3398 §8.2.6.1)")
    page.labelled("Beware", "Beside a code that it maps to, a gateway may have invented it.")
    if entry.stacks or entry.read_by:
        page.gap("Products that differ:")
        for stack, code in entry.stacks:
            page.item(f"{stack} turns it into {code}")
        for stack, read in entry.read_by:
            page.item(f"{stack} turns {', '.join(map(str, read))} into it")
    _related(page, entry.causes, ())


def _warning(page: Page, code: int) -> None:
    entry = ref.warning(code)
    page.title(f"Warning {entry.code}: {entry.name}")
    page.labelled("Defined", entry.defined_in)
    page.labelled("Meaning", entry.meaning)
    _related(page, entry.causes, ())


def _header(page: Page, header: ref.HeaderHint, own: Provider | None) -> None:
    page.title(f"{header.name} header")
    page.labelled("Defined", header.defined_in)
    page.labelled("Tells", header.tells)
    if header.read_with:
        page.labelled("Read with", "; ".join(map(_code_and_name, header.read_with)))
    _related(page, header.causes, ())
    if own is not None:
        marked = [
            m for m in own.meanings if m.header and m.header[0].casefold() == header.name.casefold()
        ]
        if marked:
            page.gap(f"What {own.name} says in it:")
            for entry in marked:
                _item(page, entry)


def _cause(page: Page, cause: ref.RootCause) -> None:
    page.title(f"{cause.id} {cause.name}")
    page.labelled("Layer", f"{cause.layer} ({cause.family})")
    known = _IDENTIFIABILITY_WORDS.get(cause.identifiability, "not said")
    page.labelled("Known by", f"{known} (class {cause.identifiability})")
    page.labelled("Meaning", cause.summary)
    page.labelled("In trace", cause.signature)
    page.labelled("Fix", cause.fix)
    if cause.control is not None:
        page.labelled("Control", cause.control)
    if cause.ask is not None:
        page.labelled("Ask", cause.ask)
    codes = [entry.code for entry in ref.responses() if cause.id in entry.causes]
    if codes:
        page.labelled("Codes", "; ".join(map(_code_and_name, codes)))
    if cause.look_alikes:
        page.gap("What looks like it:")
        for twin in cause.look_alikes:
            name = "" if twin.cause is None else f"{twin.cause} {ref.cause(twin.cause).name}: "
            page.item(f"{name}{twin.tell}")
    seen = dict.fromkeys(
        f"{provider.name}: {_subject(m.subject)}{f' ({m.hint})' if m.hint else ''}"
        for provider in ref.providers()
        for m in provider.meanings
        if cause.id in m.causes
    )
    if seen:
        page.gap("Providers that show it as:")
        for line in seen:
            page.item(line)


def _provider(page: Page, provider: Provider, way: Direction | None) -> None:
    page.title(provider.name)
    if provider.aliases:
        page.labelled("Also", ", ".join(provider.aliases))
    page.labelled("State", provider.date)
    for source in provider.sources:
        page.labelled("Source", source)
    if provider.note is not None:
        page.labelled("Note", provider.note)
    if provider.requirements:
        page.gap("What its trunk wants:")
        for want in provider.requirements:
            doubt = "" if want.documented else " (common practice, confirm in its portal)"
            pages = () if want.source is None else (f"Source: {want.source}, {want.date}",)
            page.item(f"{want.topic}: {want.value}{doubt}", *pages)
    if provider.marks:
        page.gap("What gives it away where `provider:` is not configured:")
        for text, source in _given_away(provider):
            page.item(text, f"Source: {source}, {provider.date}")
    told = [m for m in provider.meanings if way is None or m.direction in {None, way}]
    if told:
        page.gap("Its own meanings:")
        for entry in told:
            _item(page, entry, f"{_subject(entry.subject)}: ")


def _given_away(provider: Provider) -> Iterable[tuple[str, str]]:
    """Say the marks, those of one kind and page together, each with its page."""
    alike: dict[tuple[str, str], list[str]] = {}
    for mark in provider.marks:
        beside = f" with {' or '.join(map(str, mark.codes))}" if mark.codes else ""
        if mark.kind is ref.MarkKind.PHRASE and mark.pattern.endswith(")$"):
            said, what = "a phrase that ends, with its code, in a suffix listed below", ""
        elif mark.kind in {ref.MarkKind.DOMAIN, ref.MarkKind.REALM}:
            said = "a host name within" if mark.kind is ref.MarkKind.DOMAIN else "the realm"
            what = mark.pattern
        else:
            names = {ref.MarkKind.SERVER: "Server or User-Agent", ref.MarkKind.PHRASE: "a phrase"}
            said = f"{names.get(mark.kind, mark.name)} that matches"
            what = f"“{mark.pattern}”{beside}" if mark.pattern != "." else "anything"
        alike.setdefault((said, mark.source), []).append(what)
    for (said, source), patterns in alike.items():
        yield f"{said} {', '.join(dict.fromkeys(patterns))}".strip(), source


def _symptom(page: Page, symptom: str, own: Provider | None, way: Direction | None) -> None:
    page.title(_subject(symptom))
    for provider in ref.providers_that_say(symptom) if own is None else (own,):
        _related(page, (), _own_meanings(page, symptom, provider, way))


def _subject(subject: int | str) -> str:
    if subject == ref.ANY:
        return "any code"
    if isinstance(subject, int) or ref.method(subject) is not None:
        return str(subject)
    return subject.lower()


def _by_direction(page: Page, entries: Iterable[Meaning], way: Direction | None) -> None:
    told = [m for m in entries if m.direction is not None and way in {None, m.direction}]
    if told:
        page.gap("By direction:")
        for entry in told:
            _item(page, entry, with_source=False)


def _own_meanings(
    page: Page, subject: int | str, own: Provider | None, way: Direction | None
) -> tuple[Meaning, ...]:
    if own is None:
        return ()
    found = ref.meanings(subject, direction=way, provider=own.name)
    told = tuple(entry for entry in found if entry.provider is not None)
    if told:
        page.gap(f"What {own.name} says:")
        for entry in told:
            _item(page, entry)
    else:
        page.gap(f"{own.name} says nothing of its own about it; the general meaning applies.")
    return told


def _item(page: Page, entry: Meaning, before: str = "", *, with_source: bool = True) -> None:
    marks = [_DIRECTION_WORDS[entry.direction]] if entry.direction is not None else []
    if entry.hint is not None:
        marks.append(entry.hint)
    head = f"[{'; '.join(marks)}] " if marks else ""
    details = []
    if entry.note is not None:
        details.append(f"Note: {entry.note}")
    if with_source:
        details.append(f"Source: {entry.source}, {entry.date}")
    page.item(f"{before}{head}{entry.text}", *details)


def _related(page: Page, ids: Iterable[str], told: Iterable[Meaning]) -> None:
    """List root causes, those that the provider's own meanings name first."""
    wanted = tuple(dict.fromkeys((*(i for m in told for i in m.causes), *ids)))
    if wanted:
        page.gap("Root causes behind it:")
        for cause_id in wanted:
            page.item(f"{cause_id} {ref.cause(cause_id).name}")


def _headers_worth_reading(page: Page, code: int) -> None:
    names = [entry.name for entry in ref.headers() if code in entry.read_with]
    if names:
        page.gap(f"Header fields worth reading with it: {', '.join(names)}")


def _who_else(page: Page, subject: int | str) -> None:
    names = [provider.name for provider in ref.providers_that_say(subject)]
    if names:
        page.gap(f"Providers that give it a meaning of their own (--provider): {', '.join(names)}")


def _code_and_name(code: int) -> str:
    return f"{code} {ref.response(code).name}"


def _code_or_none(code: int | None) -> str:
    return "no response" if code is None else _code_and_name(code)
