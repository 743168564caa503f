"""The file form of an attempt: what verdict and diagnosis ask of it, so that both can be made anew.

No secret has a place in it. Of an account and an action, what is kept is a list: passwords, extra
header fields and key files are not on it, and of a password only two facts stay, that it is set
and whether it holds a character that was hardly meant. Whoever stores the values searches them for
secrets once more.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, ValidationError, convert
from msgspec.structs import asdict, replace

from probe.plan import action as actions
from probe.plan import asks
from probe.plan.action import ODD_CHARACTER, Account, Action, Hear, Manner
from probe.plan.plan import Attempt
from probe.scenario.expectation import Bound, Expectation, HeaderExpectation
from probe.scenario.reading import read
from probe.scenario.schema import Retry
from probe.scenario.sequence import SequencePattern, parse_sequence
from probe.scenario.sounds import Keys, Levels
from probe.scenario.source import NOWHERE, Located, ScenarioError, Source
from probe.scenario.written import Written
from probe.sip.redact import MARK, Redactor

MOST_STEPS = 256
"""Steps of which it is remembered how what rows have in common is written."""

SCHEMA = "sipprobe-attempt/1"
"""Tag of the file form; a new number means that an old reader would misread it."""

_ACCOUNT = (
    *("name", "aor", "registrar", "host", "port", "transport", "user", "auth_user", "realm"),
    *("proxy", "nameserver", "local_address", "ca_file", "verify", "client_cert", "tls_min"),
    *("codecs", "srtp", "ptime", "caller_id", "user_agent", "expires", "session_timer", "prack"),
    *("embedded", "any_transport", "site"),
)
"""Fields of an account that are kept."""

_NOT_OF_AN_ACTION = frozenset({"headers"})
"""Fields of an action that are left out: a header field may carry a token."""

_EXPECTED: dict[type, tuple[str, ...]] = {
    Bound: ("min", "max", "warn", "text", "unit"),
    HeaderExpectation: ("kind", "value", "text"),
    Keys: ("digits", "way", "text"),
    Levels: ("min", "max", "text"),
}
"""Fields that are kept of what an expectation holds, beside its place."""

_SOURCE = ("file", "line", "column", "length", "text")
_PASSWORDS = {None: None, "set": MARK, "odd": f"{MARK} "}
"""What stands for a password when an attempt is read back: none, one, one with an odd character."""

_AS_THEY_ARE = frozenset({bool, int, float})

Clean = Callable[[str], str]


class _Own(Struct, frozen=True, kw_only=True):
    """The fields of an attempt that are plain values."""

    index: int
    step: int
    label: str
    method: str
    direction: str
    provider: str | None


class StoredAttemptError(ValueError):
    """A stored attempt cannot be read: another schema, or a part that is missing or of no use."""


def attempt_to_json(attempt: Attempt) -> dict[str, object]:
    """Return an attempt as values that ``json.dumps`` takes, without secrets.

    Raise TypeError where an expectation holds something that has no file form.
    """
    return {**_own(attempt), **_common(attempt)}


def attempt_as_text(attempt: Attempt) -> bytes:
    """Return the file form of an attempt as JSON in UTF-8; raise TypeError as ``attempt_to_json``.

    What the rows of one scenario have in common is written once.
    """
    place = attempt.source.file, attempt.source.line, attempt.source.column
    known, common = _LAST.get(place, (None, b""))
    if known is None or not _alike(known, attempt):
        common = _encoded(_common(attempt))
        if len(_LAST) >= MOST_STEPS:
            _LAST.clear()
        _LAST[place] = attempt, common
    return b"%b,%b" % (_encoded(_own(attempt))[:-1], common[1:])


_LAST: dict[tuple[str, int, int], tuple[Attempt, bytes]] = {}
"""By the place of a step, the attempt of its last row and what was written of it."""


def _alike(one: Attempt, other: Attempt) -> bool:
    """Whether two attempts of one step have everything in common that rows may have."""
    return (
        one.account == other.account
        and one.expectation == other.expectation
        and one.retry == other.retry
    )


def _encoded(value: dict[str, object]) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(value).encode("ascii")


def _own(attempt: Attempt) -> dict[str, object]:
    """Return what each attempt has for itself, without secrets."""
    texts: list[str] = []

    def seen(text: str) -> str:
        texts.append(text.strip())  # else a line of the file would look like a folded field
        return text

    told = _own_by(attempt, seen)
    return told if _HARMLESS("\n".join(texts)) else _own_by(attempt, Redactor().text)


_HARMLESS = Redactor().harmless


def _own_by(attempt: Attempt, clean: Clean) -> dict[str, object]:
    action = attempt.action
    return {
        "schema": SCHEMA,
        **_kept(attempt, _Own.__struct_fields__, clean),
        "action": {"is": type(action).__name__, **_kept(action, _of_action(type(action)), clean)},
        "source": _source(attempt.source, clean),
    }


@cache
def _of_action(kind: type[Action]) -> tuple[str, ...]:
    """Return the names of the fields of an action that are kept."""
    return tuple(sorted({*kind.__struct_fields__} - _NOT_OF_AN_ACTION))


def _common(attempt: Attempt) -> dict[str, object]:
    """Return what the rows of a scenario may have in common, without secrets."""
    clean = Redactor().text
    account, retry = attempt.account, attempt.retry
    return {
        "account": None
        if account is None
        else {**_kept(account, _ACCOUNT, clean), "password": _about_password(account.password)},
        "expectation": None
        if attempt.expectation is None
        else _written(attempt.expectation, clean),
        "retry": None if retry is None else {"times": retry.times},
    }


def attempt_from_json(stored: Mapping[str, Any]) -> Attempt:
    """Return the attempt that attempt_to_json stored, as far as that goes.

    Limits and dependencies are not in it. Raise StoredAttemptError where it cannot be read.
    """
    if stored.get("schema") != SCHEMA:
        raise StoredAttemptError(
            f"expected an attempt of schema {SCHEMA}, got {stored.get('schema')!r}"
        )
    try:
        return _attempt(stored)
    except (
        ValidationError,
        ScenarioError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        first = str(error).partition("\n")[0]
        raise StoredAttemptError(f"{type(error).__name__}: {first}") from error


def without_credentials(attempt: Attempt) -> Attempt:
    """Return an attempt with what its file form leaves out: passwords and extra header fields."""
    account, action = attempt.account, attempt.action
    if account is not None:
        password = _PASSWORDS[_about_password(account.password)]
        account = replace(account, password=password, headers=(), client_key=None)
    if hasattr(action, "headers"):
        action = replace(action, headers=())
    return replace(attempt, account=account, action=action)


def _attempt(stored: Mapping[str, Any]) -> Attempt:
    account, expectation = stored["account"], stored["expectation"]
    return Attempt(
        **asdict(convert(stored, _Own)),
        action=_action(stored["action"]),
        account=None
        if account is None
        else convert({**account, "password": _PASSWORDS[account["password"]]}, Account),
        expectation=None if expectation is None else read(Expectation, _read(expectation)),
        retry=None
        if stored["retry"] is None
        else read(Retry, {"times": str(stored["retry"]["times"])}),
        source=_place(stored["source"]),
    )


def _action(stored: Mapping[str, Any]) -> Action:
    kind = {**vars(asks), **vars(actions)}[stored["is"]]
    if not issubclass(kind, Action):
        raise StoredAttemptError(f"{stored['is']!r} is no action")
    done: Action = convert(stored, kind)
    return done


def _about_password(password: str | None) -> str | None:
    """Return what may be known of a password."""
    if not password:
        return None
    return "odd" if ODD_CHARACTER.search(password) else "set"


def _kept(value: object, names: "tuple[str, ...] | list[str]", clean: Clean) -> dict[str, object]:
    """Return some fields of a record as JSON values."""
    return {name: _plain(getattr(value, name), clean) for name in names}


def _plain(value: object, clean: Clean) -> object:
    """Return a value that ``json.dumps`` takes, texts without secrets."""
    if value is None or type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, (tuple, list)):
        return [_plain(one, clean) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(one, clean) for name, one in value.items()}
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Manner | Hear):
        kept = {*value.__struct_fields__} - _NOT_OF_AN_ACTION
        return _kept(value, sorted(kept), clean)
    raise TypeError(f"a {type(value).__name__} has no file form")


# What a file expects ----------------------------------------------------------------------------


def _written(value: object, clean: Clean) -> object:  # noqa: PLR0911 - part by part
    """Return a part of an expectation: a tagged object where JSON has no word for it."""
    match value:
        case Written():
            return {
                "is": "part",
                "keys": {
                    name: _written(held, clean)
                    for name in value.__struct_fields__
                    if name != "sources" and (held := getattr(value, name)) not in (None, {}, ())
                },
                "sources": {name: _source(place, clean) for name, place in value.sources.items()},
            }
        case SequencePattern():
            return {
                "is": "sequence",
                "text": value.text,
                "source": _source(value.source, clean),
            }
        case Bound() | HeaderExpectation():
            kind = "bound" if isinstance(value, Bound) else "header"
            own = _kept(value, _EXPECTED[type(value)], clean)
            return {"is": kind, **own, "source": _source(value.source, clean)}
        case Keys() | Levels():
            kind = "pressed" if isinstance(value, Keys) else "levels"
            own = _kept(value, _EXPECTED[type(value)], clean)
            place = getattr(value, "source", NOWHERE)
            return {"is": kind, **own, "source": _source(place, clean)}
        case Mapping():
            return {
                "is": "keys",
                "keys": {str(name): _written(held, clean) for name, held in value.items()},
            }
        case tuple() if any(isinstance(one, Written) for one in value):
            return {"is": "list", "items": [_written(one, clean) for one in value]}
        case _:
            return _plain(value, clean)


def _read(stored: Any) -> Any:  # noqa: ANN401, PLR0911 - what JSON holds, part by part
    """Return what the reader of the expectation takes."""
    if not isinstance(stored, Mapping):
        return tuple(stored) if isinstance(stored, list) else stored
    match stored["is"]:
        case "part":
            places = {name: _place(place) for name, place in stored["sources"].items()}
            return {**{n: _read(v) for n, v in stored["keys"].items()}, "sources": places}
        case "list":
            return tuple(_read(one) for one in stored["items"])
        case "keys":
            return {name: _read(value) for name, value in stored["keys"].items()}
        case "sequence":
            return _sequence(stored["text"], _place(stored["source"]))
        case "bound":
            return convert(_placed(stored), Bound)
        case "header":
            return convert(_placed(stored), HeaderExpectation)
        case "pressed":
            return convert(_placed(stored), Keys)
        case "levels":
            return convert(stored, Levels)
        case other:
            raise StoredAttemptError(f"unknown part {other!r} of an expectation")


def _sequence(text: str, source: Source) -> SequencePattern:
    """Return a sequence; its items are found on their line where that holds it as it is."""
    begin = source.column - 1
    if source.text[begin : begin + len(text)] == text:
        return parse_sequence(text, source)
    return parse_sequence(Located.of(text, source), source)


def _source(source: Source, clean: Clean) -> dict[str, object] | None:
    return None if source == NOWHERE else _kept(source, _SOURCE, clean)


def _placed(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {**stored, "source": _place(stored["source"])}


def _place(stored: Mapping[str, Any] | None) -> Source:
    return NOWHERE if stored is None else convert(stored, Source)
