"""The code reference: frozen values over data/*.yaml, read when first asked for and then kept.

One file of data, one kind of value: responses.yaml (`ResponseCode`), methods.yaml (`Method`),
classes.yaml (`ResponseClass`), q850.yaml (`Q850Cause`), warnings.yaml (`WarningCode`), headers.yaml
(`HeaderHint`), causes.yaml (`RootCause`) and providers/NAME.yaml (`Provider`).

Numbers come from the wire, so every look-up by number has an answer: `response(499)` is treated as
400 and says that nobody registered it (RFC 3261 §8.1.3.2). Look-ups by name answer None for a name
that the reference does not hold; only `cause` raises, because cause ids are our own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

_DATA = Path(__file__).parent / "data"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads these files 8 times faster
_Row = Mapping[str, Any]
_T = TypeVar("_T")

FIRST_CODE = 100
LAST_CODE = 699
ANY = "ANY"
"""Subject of a meaning that holds for every code, once its phrase or header hint is on the wire."""

_Q850_CAUSES = range(1, 128)  # the cause value has seven bits, and 0 is never sent
_CODES_A_CLASS = 100
_LONGEST_PHRASE = 512  # a reason phrase is free text from the wire; hints stand at its start or end


class UnknownSubjectError(LookupError):
    """The reference holds nothing under that name; `nearest` are the closest that it holds."""

    def __init__(self, subject: str, nearest: tuple[str, ...] = ()) -> None:
        """Keep the word that was asked for, cut to a length that a terminal bears."""
        self.subject = "".join(c if c.isprintable() else "?" for c in subject[:60])
        self.nearest = nearest
        hint = f"; did you mean {', '.join(nearest)}?" if nearest else ""
        super().__init__(f"nothing is known about {self.subject!r}{hint}")


class Direction(Enum):
    """Which way the request went, seen from the phone system that is tested."""

    REGISTER = "register"
    """We registered and somebody answered us."""
    OUTBOUND = "outbound"
    """We called and somebody answered us."""
    INBOUND = "inbound"
    """We were called and answered, or the caller answered us."""


class Retry(Enum):
    """What repeating the same request is worth."""

    NO = "no"
    """The same request will fail again."""
    AUTO = "auto"
    """Once more, after the mechanical change that the response asks for."""
    LATER = "later"
    """The same request, after waiting."""
    ALTERNATIVE = "alternative"
    """Another target or route may work."""
    NOT_APPLICABLE = "not-applicable"
    """Nothing failed, or it was we who ended it."""


def _said(pattern: str) -> str:
    """Say a pattern in words, where it is no more than a choice of words."""
    words = re.sub(r"\^|\$|\\b", "", pattern).removeprefix("(").removesuffix(")")
    if re.fullmatch(r"[\w =|-]+", words):
        return f"says {words.replace('|', ' or ')}"
    return f"matches “{pattern}”"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One thing that a code, method or symptom can mean, and who says so."""

    subject: int | str
    "What it is about: a response code, a method, a symptom such as `SILENCE`, or `ANY`."
    text: str
    "The meaning, in plain words."
    direction: Direction | None
    "The only direction for which it holds; None for any."
    source: str
    "Who says so: an RFC section, or the provider's page."
    date: str | None
    "State of a provider's page, year and month; None for an RFC."
    provider: str | None
    "The provider's name; None for a meaning that holds in general."
    causes: tuple[str, ...]
    "Root causes that it points to, as ids of causes.yaml."
    note: str | None
    "What a reader must know beside it: a correction, a difference from the RFC."
    phrase: str | None
    "Pattern that the reason phrase must contain, case ignored; None if any phrase will do."
    suffixes: tuple[str, ...]
    "Tokens such as Telnyx's D35, one of which the phrase must carry; empty if none is needed."
    header: tuple[str, str] | None
    "Header name and value pattern that single it out; None if no header is needed."

    @property
    def hint(self) -> str | None:
        """What on the wire singles this meaning out, in words; None if nothing is needed."""
        parts = []
        if self.phrase is not None:
            parts.append(f"phrase {_said(self.phrase)}")
        if self.suffixes:
            parts.append(f"phrase carries {' or '.join(self.suffixes)}")
        if self.header is not None:
            parts.append(f"{self.header[0]} {_said(self.header[1])}")
        return ", ".join(parts) or None

    def agrees(self, phrase: str | None, headers: Mapping[str, str] | None) -> bool | None:
        """Whether the wire bears this meaning out: None if it needs no hint or none was given."""
        verdicts: list[bool] = []
        if phrase is not None:
            text = phrase[:_LONGEST_PHRASE]
            if self.phrase is not None:
                verdicts.append(re.search(self.phrase, text, re.IGNORECASE) is not None)
            if self.suffixes:
                tokens = set(re.split(r"[^A-Za-z0-9]+", text))
                verdicts.append(not tokens.isdisjoint(self.suffixes))
        if headers is not None and self.header is not None:
            name, pattern = self.header
            values = (v for k, v in headers.items() if k.casefold() == name.casefold())
            verdicts.append(any(re.search(pattern, v[:_LONGEST_PHRASE]) for v in values))
        return all(verdicts) if verdicts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCode:
    """A response code, registered or not."""

    code: int
    "The status code."
    name: str
    "The registered reason phrase, or what an unregistered code is called here."
    registered: bool
    "Whether IANA lists it (sip-parameters, Response Codes)."
    treated_as: int | None
    "The code that a client must act on instead (RFC 3261 §8.1.3.2); None if it is its own."
    defined_in: str
    "RFC and section; for an unregistered code, where it was seen."
    meaning: str
    "What it says, in plain words."
    retry: Retry
    "What repeating the request is worth."
    next_act: str
    "What the caller does next."
    meanings: tuple[Meaning, ...]
    "Meanings by direction, where they differ."
    causes: tuple[str, ...]
    "Root causes behind it, as ids of causes.yaml, likelier first."

    @property
    def response_class(self) -> str | None:
        """Its class, such as `4xx`; None outside 100 to 699."""
        return _class_of(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseClass:
    """One of the six classes of responses (RFC 3261 §21)."""

    name: str
    "Such as `4xx`."
    title: str
    "The RFC's title of the class."
    defined_in: str
    "RFC and section."
    final: bool
    "Whether such a response ends its transaction."
    meaning: str
    "What the class says, in plain words."
    examples: tuple[int, ...]
    "Codes of the class that a caller meets often."
    correction: str | None
    "Where a popular short wording of the class misleads."


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A SIP method."""

    name: str
    "The method, in capitals."
    defined_in: str
    "RFC and section."
    does: str
    "What it is for, in plain words."
    meanings: tuple[Meaning, ...]
    "What it says by direction, where that differs."
    charge: str
    "Whether sending it can cost money."
    disturbance: str
    "Whom sending it disturbs."
    usual: tuple[int, ...]
    "Responses that usually follow."
    use: str
    "How a test uses it, or why it does not."


@dataclass(frozen=True, slots=True, kw_only=True)
class Q850Cause:
    """A Q.850 cause of the telephone network, as `Reason: Q.850;cause=` carries it (RFC 6432)."""

    cause: int
    "The cause value."
    name: str
    "ITU-T Q.850's name of it."
    named: bool
    "Whether the reference knows a name for it."
    meaning: str | None
    "What it says, in plain words, where the name does not say it."
    sip: int | None
    "The response code that RFC 3398 §7.2.4.1 maps it to; None if it becomes no response."
    mapping: str
    "How the mapping is founded: in the table, by the default, or why there is none."
    from_sip: tuple[int, ...]
    "Response codes that RFC 3398 §8.2.6.1 maps to it."
    stacks: tuple[tuple[str, str], ...]
    "Product and response code, where a product maps it differently from the RFC."
    read_by: tuple[tuple[str, tuple[int, ...]], ...]
    "Product and response codes that it turns into this cause, beside the RFC's."
    causes: tuple[str, ...]
    "Root causes that it points to."


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningCode:
    """A warn-code of the Warning header (RFC 3261 §20.43)."""

    code: int
    "The three-digit code."
    name: str
    "The recommended text, or what an unregistered code is called here."
    registered: bool
    "Whether an RFC defines it."
    defined_in: str
    "RFC and section."
    meaning: str
    "What it says, in plain words."
    causes: tuple[str, ...]
    "Root causes that it points to."


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderHint:
    """A header field that carries the real reason behind a code."""

    name: str
    "The header field."
    defined_in: str
    "RFC and section, or the product that sends it."
    tells: str
    "What it gives away, in plain words."
    read_with: tuple[int, ...]
    "Response codes with which it is worth reading; empty for any."
    causes: tuple[str, ...]
    "Root causes that it helps to tell apart."


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a provider's trunk wants before the first call."""

    topic: str
    "Such as `transport`, `number format`, `caller id`."
    value: str
    "What it wants."
    documented: bool
    "True if the provider's page says so; False for common practice that its portal must confirm."


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """How a provider shows itself on the wire."""

    domains: tuple[str, ...]
    "Domain suffixes of its hosts."
    servers: tuple[str, ...]
    "Patterns of its Server or User-Agent header."
    headers: tuple[str, ...]
    "Prefixes of header names that only it sends."


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A trunk provider: what its codes mean, by its own pages."""

    name: str
    "Its name as it writes it."
    aliases: tuple[str, ...]
    "Other names that find it."
    sources: tuple[str, ...]
    "Its pages that were read."
    date: str
    "State of those pages, year and month."
    recognition: Recognition
    "How it shows itself on the wire."
    requirements: tuple[Requirement, ...]
    "What its trunk wants."
    meanings: tuple[Meaning, ...]
    "Its own meanings of codes, methods and symptoms."
    note: str | None
    "What to know about it as a whole; also that nothing was found."


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """Something that looks like a root cause and is not it."""

    cause: str | None
    "Its own id; None if the list of root causes does not hold it."
    tell: str
    "What tells the two apart."


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCause:
    """Something that is wrong, as against the code that shows it."""

    id: str
    "Stable id, F001 to F180."
    name: str
    "Its name, in a few words."
    layer: str
    "DNS, transport, TLS, config, signalling or media."
    identifiability: str
    "I: one trace names it; C: one more controlled attempt names it; N: only the other side knows."
    summary: str
    "What it is, in plain words."
    signature: str
    "What it looks like in a trace."
    look_alikes: tuple[LookAlike, ...]
    "What looks the same, each with what tells it apart."
    fix: str
    "What to do about it."
    family: str
    "The group it is listed in."
    control: str | None
    "The one more attempt that names it; None where none is needed or would help."
    ask: str | None
    "The question for whoever knows; None where nobody need be asked."


# ---------------------------------------------------------------------------------------------
# Look-ups


def response(code: int) -> ResponseCode:
    """Return what a response code means, for any number at all.

    An unregistered final code is treated as the x00 of its class and an unregistered provisional
    one as 183 (RFC 3261 §8.1.3.2); a number outside 100 to 699 is no SIP response.
    """
    known = _responses().get(code)
    if known is not None:
        return known
    return _unlisted_response(code)


def responses() -> tuple[ResponseCode, ...]:
    """Return the registered response codes, ascending."""
    return tuple(entry for entry in _responses().values() if entry.registered)


def unregistered_responses() -> tuple[ResponseCode, ...]:
    """Return the unregistered codes that products are known to send, ascending."""
    return tuple(entry for entry in _responses().values() if not entry.registered)


def response_class(name: str) -> ResponseClass | None:
    """Return a class of responses by its name, `4xx` or `400-499`; None for another word."""
    match = re.fullmatch(r"([1-6])(?:xx|00-(?:\1)99)", name.strip().casefold())
    return _classes()[f"{match[1]}xx"] if match else None


def method(name: str) -> Method | None:
    """Return a method by its name, in any case."""
    return _methods().get(name.strip().upper())


def methods() -> tuple[Method, ...]:
    """Return the fourteen registered methods, by name."""
    return tuple(_methods().values())


def q850(cause: int) -> Q850Cause:
    """Return a Q.850 cause; one without a name here gets the mapping that RFC 3398 defaults to."""
    known = _q850().get(cause)
    if known is not None:
        return known
    valid = cause in _Q850_CAUSES
    return Q850Cause(
        cause=cause,
        name="no name in this reference" if valid else "not a Q.850 cause",
        named=False,
        meaning=None,
        sip=500 if valid else None,
        mapping="default of RFC 3398 §7.2.4.1" if valid else "causes run from 1 to 127",
        from_sip=(),
        stacks=(),
        read_by=(),
        causes=(),
    )


def q850_causes() -> tuple[Q850Cause, ...]:
    """Return the Q.850 causes that the reference names, ascending."""
    return tuple(_q850().values())


def q850_for(code: int) -> int | None:
    """Return the Q.850 cause that RFC 3398 §8.2.6.1 maps a final response to; None if none fits.

    None for 487, which ends no leg by itself, and for 488 and 606, where the Warning decides.
    """
    table = _q850_from_sip()
    return table.get(code, 31)


def warning(code: int) -> WarningCode:
    """Return a warn-code; an undefined one is placed by its range (RFC 3261 §20.43)."""
    known = _warnings().get(code)
    if known is not None:
        return known
    for row in _read("warnings.yaml")["ranges"]:
        if row["first"] <= code <= row["last"]:
            where, tells = "RFC 3261 §20.43 (range)", row["meaning"]
            break
    else:
        where, tells = "no RFC", "No range of RFC 3261 §20.43 holds it."
    return WarningCode(
        code=code,
        name="not a defined warn-code",
        registered=False,
        defined_in=where,
        meaning=tells,
        causes=(),
    )


def warnings() -> tuple[WarningCode, ...]:
    """Return the warn-codes that the reference lists, ascending."""
    return tuple(_warnings().values())


def header(name: str) -> HeaderHint | None:
    """Return what a header field gives away, by its name in any case."""
    return _headers().get(name.strip().casefold())


def headers() -> tuple[HeaderHint, ...]:
    """Return the header fields that the reference explains."""
    return tuple(_headers().values())


def provider(name: str) -> Provider | None:
    """Return a provider by its name, an alias or its domain; case and punctuation do not matter."""
    wanted = _plain(name)
    if not wanted:
        return None
    path = _provider_files().get(wanted)
    if path is not None:
        return _provider(path)
    for entry in providers():
        if wanted in map(_plain, (entry.name, *entry.aliases)):
            return entry
    return None


def providers() -> tuple[Provider, ...]:
    """Return every provider that the reference knows, by name."""
    entries = (_provider(path) for path in _provider_files().values())
    return tuple(sorted(entries, key=lambda entry: entry.name.casefold()))


def recognise(host: str | None, headers: Mapping[str, str] | None = None) -> Provider | None:
    """Return the provider that a host name or its message headers give away; None if none does."""
    name = (host or "").casefold().rstrip(".")
    given = {k.casefold(): v[:_LONGEST_PHRASE] for k, v in (headers or {}).items()}
    agents = [given[k] for k in ("server", "user-agent") if k in given]
    for entry in providers():
        marks = entry.recognition
        if (
            any(name == d or name.endswith("." + d) for d in marks.domains)
            or any(re.search(p, a, re.IGNORECASE) for p in marks.servers for a in agents)
            or any(k.startswith(p.casefold()) for p in marks.headers for k in given)
        ):
            return entry
    return None


def cause(cause_id: str) -> RootCause:
    """Return a root cause by its id; raises UnknownSubjectError for an id that does not exist."""
    key = cause_id.strip().upper()
    found = _causes().get(key)
    if found is None:
        raise UnknownSubjectError(cause_id, _nearest(key, _causes()))
    return found


def causes() -> tuple[RootCause, ...]:
    """Return every root cause, by id."""
    return tuple(_causes().values())


def meanings(
    subject: int | str,
    *,
    direction: Direction | None = None,
    provider: str | None = None,
    phrase: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[Meaning, ...]:
    """Return what a code, method or symptom can mean, the best supported first.

    The provider's own meanings come before the general ones. A meaning for another direction is
    left out, and so is one whose phrase or header hint the given phrase or headers contradict; one
    that they bear out comes first. With no phrase and no headers given, nothing is contradicted.
    Raises UnknownSubjectError for a provider that the reference does not know.
    """
    key = _subject(subject)
    own = _known_provider(provider).meanings if provider is not None else ()
    chosen: list[tuple[bool, Meaning]] = []
    for entry in own:
        if direction is not None and entry.direction not in {None, direction}:
            continue
        agrees = entry.agrees(phrase, headers)
        if (entry.subject == key and agrees is not False) or (entry.subject == ANY and agrees):
            chosen.append((agrees is not True, entry))
    chosen.sort(key=lambda pair: pair[0])
    general = (
        entry
        for entry in _general_meanings(key)
        if direction is None or entry.direction in {None, direction}
    )
    return (*(entry for _, entry in chosen), *general)


def providers_that_say(subject: int | str) -> tuple[Provider, ...]:
    """Return the providers that give a code, method or symptom a meaning of their own."""
    key = _subject(subject)
    return tuple(p for p in providers() if any(m.subject == key for m in p.meanings))


def suggest(word: str) -> tuple[str, ...]:
    """Return up to five names of the reference nearest to a word, the nearest first."""
    return _nearest(word[:60].casefold(), _vocabulary())


def suggest_provider(name: str) -> tuple[str, ...]:
    """Return the names of up to five providers nearest to a name, the nearest first."""
    names = {_plain(n): p.name for p in providers() for n in (p.name, *p.aliases)}
    return tuple(dict.fromkeys(names[plain] for plain in _nearest(_plain(name), names)))


# ---------------------------------------------------------------------------------------------
# Reading the data


def _read(name: str) -> Any:  # noqa: ANN401 - YAML gives what the file holds; each reader types it
    return _read_file(_DATA / name)


@cache
def _read_file(path: Path) -> Any:  # noqa: ANN401 - as _read
    with path.open("rb") as stream:
        return yaml.load(stream, Loader=_LOADER)  # noqa: S506 - CSafeLoader or SafeLoader


def _indexed(rows: Iterable[_Row], make: Callable[[_Row], _T], key: str) -> dict[Any, _T]:
    return {row[key]: make(row) for row in rows}


def _words(row: _Row, key: str) -> tuple[str, ...]:
    """Read one word or a list of words."""
    value = row.get(key, ())
    return (value,) if isinstance(value, str) else tuple(value)


def _meaning(row: _Row, subject: int | str, *, source: str, **of_provider: str) -> Meaning:
    direction = row.get("direction")
    mark = row.get("header")
    return Meaning(
        subject=subject,
        text=row["text"],
        direction=None if direction is None else Direction(direction),
        source=source,
        date=of_provider.get("date"),
        provider=of_provider.get("provider"),
        causes=_words(row, "causes"),
        note=row.get("note"),
        phrase=row.get("phrase"),
        suffixes=_words(row, "suffix"),
        header=None if mark is None else (mark["name"], mark["matches"]),
    )


@cache
def _responses() -> dict[int, ResponseCode]:
    data = _read("responses.yaml")

    def make(row: _Row) -> ResponseCode:
        code: int = row["code"]
        registered = row in data["registered"]
        where: str = row["defined_in"] if registered else row["seen_with"]
        general = _meaning({"text": row["meaning"], **_pick(row, "causes")}, code, source=where)
        by_direction = (
            _meaning(
                {"text": text, "direction": direction},
                code,
                source=row.get("directions_from", "RFC 3261 roles (UAC and UAS), general practice"),
            )
            for direction, text in row.get("directions", {}).items()
        )
        return ResponseCode(
            code=code,
            name=row["name"],
            registered=registered,
            treated_as=None if registered else _treated_as(code),
            defined_in=where,
            meaning=row["meaning"],
            retry=Retry(row["retry"]),
            next_act=row["next"],
            meanings=(general, *by_direction),
            causes=_words(row, "causes"),
        )

    entries = _indexed((*data["registered"], *data["unregistered"]), make, "code")
    return dict(sorted(entries.items()))


def _pick(row: _Row, *keys: str) -> dict[str, Any]:
    return {key: row[key] for key in keys if key in row}


def _class_of(code: int) -> str | None:
    if not FIRST_CODE <= code <= LAST_CODE:
        return None
    return f"{code // _CODES_A_CLASS}xx"


def _treated_as(code: int) -> int | None:
    kind = _class_of(code)
    if kind is None:
        return None
    return 183 if kind == "1xx" else code // _CODES_A_CLASS * _CODES_A_CLASS


def _unlisted_response(code: int) -> ResponseCode:
    instead = _treated_as(code)
    rules = _read("responses.yaml")["rules"]
    if instead is None:
        rule, model = rules["outside"], None
    else:
        rule = rules["unknown_provisional" if instead == 183 else "unknown_final"]
        model = _responses()[instead]
    text = rule["meaning"].format(code=code, instead=instead)
    return ResponseCode(
        code=code,
        name=rule["name"].format(kind=_class_of(code)),
        registered=False,
        treated_as=instead,
        defined_in="not a registered code",
        meaning=text,
        retry=Retry.NO if model is None else model.retry,
        next_act=rule["next"] if model is None else model.next_act,
        meanings=(_meaning({"text": text}, code, source=rule["source"]),),
        causes=(),
    )


@cache
def _classes() -> dict[str, ResponseClass]:
    def make(row: _Row) -> ResponseClass:
        return ResponseClass(
            name=row["name"],
            title=row["title"],
            defined_in=row["defined_in"],
            final=row["final"],
            meaning=row["meaning"],
            examples=tuple(row["examples"]),
            correction=row.get("correction"),
        )

    return _indexed(_read("classes.yaml"), make, "name")


@cache
def _methods() -> dict[str, Method]:
    def make(row: _Row) -> Method:
        where = row["defined_in"]
        general = _meaning({"text": row["does"]}, row["name"], source=where)
        by_direction = (
            _meaning({"text": text, "direction": direction}, row["name"], source=where)
            for direction, text in row.get("directions", {}).items()
        )
        return Method(
            name=row["name"],
            defined_in=where,
            does=row["does"],
            meanings=(general, *by_direction),
            charge=row["charge"],
            disturbance=row["disturbance"],
            usual=tuple(row["usual"]),
            use=row["use"],
        )

    return _indexed(_read("methods.yaml"), make, "name")


@cache
def _q850_from_sip() -> dict[int, int | None]:
    """Read RFC 3398 §8.2.6.1: response code to cause, None where no single cause fits."""
    return {row["code"]: row["cause"] for row in _read("q850.yaml")["from_sip"]}


@cache
def _q850() -> dict[int, Q850Cause]:
    data = _read("q850.yaml")
    reverse = _q850_from_sip()
    read_by: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
    for stack, table in data["stacks_read_sip"].items():
        for number, codes in table.items():
            read_by.setdefault(number, []).append((stack, tuple(codes)))

    def make(row: _Row) -> Q850Cause:
        number = row["cause"]
        return Q850Cause(
            cause=number,
            name=row["name"],
            named=True,
            meaning=row.get("meaning"),
            sip=row.get("sip", 500),
            mapping=row.get("mapping")
            or ("RFC 3398 §7.2.4.1" if "sip" in row else "default of RFC 3398 §7.2.4.1"),
            from_sip=tuple(code for code, to in reverse.items() if to == number),
            stacks=tuple((stack, str(to)) for stack, to in row.get("stacks", {}).items()),
            read_by=tuple(read_by.get(number, ())),
            causes=_words(row, "causes"),
        )

    return _indexed(data["causes"], make, "cause")


@cache
def _warnings() -> dict[int, WarningCode]:
    def make(row: _Row) -> WarningCode:
        return WarningCode(
            code=row["code"],
            name=row["name"],
            registered=row.get("registered", True),
            defined_in=row["defined_in"],
            meaning=row["meaning"],
            causes=_words(row, "causes"),
        )

    return _indexed(_read("warnings.yaml")["codes"], make, "code")


@cache
def _headers() -> dict[str, HeaderHint]:
    def make(row: _Row) -> HeaderHint:
        return HeaderHint(
            name=row["name"],
            defined_in=row["defined_in"],
            tells=row["tells"],
            read_with=tuple(row.get("read_with", ())),
            causes=_words(row, "causes"),
        )

    return {row["name"].casefold(): make(row) for row in _read("headers.yaml")}


@cache
def _causes() -> dict[str, RootCause]:
    def make(row: _Row) -> RootCause:
        return RootCause(
            id=row["id"],
            name=row["name"],
            layer=row["layer"],
            identifiability=row["class"],
            summary=row["summary"],
            signature=row["signature"],
            look_alikes=tuple(
                LookAlike(cause=twin.get("cause"), tell=twin["tell"]) for twin in row["look_alikes"]
            ),
            fix=row["fix"],
            family=row["family"],
            control=row.get("control"),
            ask=row.get("ask"),
        )

    return _indexed(_read("causes.yaml"), make, "id")


@cache
def _provider_files() -> dict[str, Path]:
    return {_plain(path.stem): path for path in sorted((_DATA / "providers").glob("*.yaml"))}


@cache
def _provider(path: Path) -> Provider:
    data = _read_file(path)
    name, date, pages = data["name"], str(data["date"]), data["sources"]

    def read(row: _Row) -> Iterable[Meaning]:
        subjects = row["subject"] if isinstance(row["subject"], list) else [row["subject"]]
        directions = row.get("direction")
        ways = directions if isinstance(directions, list) else [directions]
        for subject in subjects:
            for way in ways:
                yield _meaning(
                    {**row, "direction": way},
                    subject.upper() if isinstance(subject, str) else subject,
                    source=pages[row["source"]],
                    date=date,
                    provider=name,
                )

    marks = data.get("recognise", {})
    return Provider(
        name=name,
        aliases=_words(data, "aliases"),
        sources=tuple(pages.values()),
        date=date,
        recognition=Recognition(
            domains=_words(marks, "domains"),
            servers=_words(marks, "servers"),
            headers=_words(marks, "headers"),
        ),
        requirements=tuple(
            Requirement(topic=row["topic"], value=row["value"], documented=row["documented"])
            for row in data.get("requirements", ())
        ),
        meanings=tuple(entry for row in data["meanings"] for entry in read(row)),
        note=data.get("note"),
    )


def _known_provider(name: str) -> Provider:
    entry = provider(name)
    if entry is None:
        raise UnknownSubjectError(name, suggest_provider(name))
    return entry


def _subject(subject: int | str) -> int | str:
    return subject.strip().upper() if isinstance(subject, str) else subject


def _general_meanings(key: int | str) -> tuple[Meaning, ...]:
    if isinstance(key, int):
        return response(key).meanings
    known = method(key)
    return () if known is None else known.meanings


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[:80].casefold())


def _nearest(word: str, names: Iterable[str]) -> tuple[str, ...]:
    by_fold = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(word.casefold(), by_fold, n=5, cutoff=0.5)
    return tuple(by_fold[fold] for fold in near)


@cache
def _vocabulary() -> tuple[str, ...]:
    """Return every word that `explain` takes, spelled as the user would type it."""
    return (
        *(str(code) for code in _responses()),
        *_classes(),
        *_methods(),
        *(f"q850:{number}" for number in _q850()),
        *(f"warning:{code}" for code in _warnings()),
        *(f"header:{entry.name}" for entry in _headers().values()),
        *_causes(),
        *(f"provider:{stem}" for stem in (p.stem for p in _provider_files().values())),
    )
