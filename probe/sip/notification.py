"""What a NOTIFY says (RFC 6665): its state, and the facts of the bodies that phones live by.

Message summaries (RFC 3842), dialog information (RFC 4235), presence (RFC 3863 with the activities
of RFC 4480) and the progress of a transfer (RFC 3515 §2.4.5) become facts by name: each name with
every value that the body holds, as texts. Bodies come from strangers: XML with a document type is
refused before anything in it is expanded (no entity, nothing fetched), and so is one of unusual
size or depth.
"""

import re
from collections.abc import Iterator, Mapping

from probe.sip.message import SipMessage

LARGEST_XML = 65_536
"""Characters of a body that are read as XML; a UDP datagram holds no more."""

DEEPEST_XML = 32
"""Levels of elements; dialog information needs six."""

MESSAGE_CLASSES = ("voice", "fax", "pager", "multimedia", "text", "none")
"""Message context classes of a message summary (RFC 3842 §5.2), without '-message'."""

Facts = Mapping[str, tuple[str, ...]]

_COUNTS = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})(?:\s*\(\s*(\d{1,9})\s*/\s*(\d{1,9})\s*\))?")
_BOUND = re.compile(r"(?:(min|max)\s+(\d{1,9})|(\d{1,9})\s*\.\.\s*(\d{1,9}))")


class UnreadableBodyError(ValueError):
    """A body is not what its Content-Type says."""


def event_package(message: SipMessage) -> str:
    """Return the event package of a SUBSCRIBE or NOTIFY in small letters, without parameters."""
    return (message.first("Event") or "").partition(";")[0].strip().lower()


def subscription_state(message: SipMessage) -> str:
    """Return the state of Subscription-State in small letters; empty where there is none."""
    return (message.first("Subscription-State") or "").partition(";")[0].strip().lower()


def state_parameter(message: SipMessage, name: str) -> str:
    """Return a parameter of Subscription-State, empty where it is absent."""
    written = (message.first("Subscription-State") or "").split(";")[1:]
    pairs = (part.strip().partition("=") for part in written)
    return next((v.strip().strip('"') for n, _, v in pairs if n.strip().lower() == name), "")


def facts_of(message: SipMessage) -> Facts:
    """Return what a NOTIFY says, by name; a body that cannot be read is told as ``unreadable``."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in (
        ("event", event_package(message)),
        ("state", subscription_state(message)),
        ("reason", state_parameter(message, "reason").lower()),
        ("content_type", _media_type(message)),
        ("body", message.body),
    ):
        if value:
            found[name] = (value,)
    read = _READERS.get(_media_type(message))
    if read is None or not message.body.strip():
        return found
    try:
        for name, value in read(message.body):
            found[name] = (*found.get(name, ()), value)
    except UnreadableBodyError as error:
        found["unreadable"] = (str(error),)
    return found


def holds(wanted: str, values: tuple[str, ...]) -> bool:
    """Whether one of the values is what was written.

    ``a|b``, ``contains x``, ``/regular expression/``, ``min 1``, ``0..2``, ``present``, ``absent``;
    words make no difference between small letters and capitals.
    """
    if wanted in {"absent", "present"}:
        return bool(values) is (wanted == "present")
    if wanted.startswith("contains "):
        return any(wanted.removeprefix("contains ").strip() in value for value in values)
    if len(wanted) > 2 and wanted[0] == wanted[-1] == "/":
        return any(re.search(wanted[1:-1], value) for value in values)
    bound = _BOUND.fullmatch(wanted)
    if bound:
        return any(_within(bound, value) for value in values)
    words = {word.strip().casefold() for word in wanted.split("|")}
    return any(value.strip().casefold() in words for value in values)


def _within(bound: re.Match[str], value: str) -> bool:
    """Whether a count lies within ``min 1``, ``max 2`` or ``1..2``."""
    if not (value.isascii() and value.isdigit()):
        return False
    word, limit, low, high = bound.groups()
    if word is not None:
        return int(value) >= int(limit) if word == "min" else int(value) <= int(limit)
    return int(low) <= int(value) <= int(high)


def all_hold(wanted: tuple[tuple[str, str], ...], message: SipMessage) -> bool:
    """Whether a NOTIFY is everything that was written of it: (name of a fact, wanted) pairs.

    A name that begins with ``header:`` asks for a header field.
    """
    found = facts_of(message)
    return all(holds(written, values_of(name, found, message)) for name, written in wanted)


def values_of(name: str, found: Facts, message: SipMessage) -> tuple[str, ...]:
    """Return the values that a wanted name speaks of."""
    if name.startswith("header:"):
        return message.all(name.removeprefix("header:"))
    return found.get(name, ())


def in_order(
    wanted: tuple[tuple[tuple[str, str], ...], ...], messages: tuple[SipMessage, ...]
) -> tuple[int | None, ...]:
    """Return for each wanted NOTIFY the place of the one that is it, None from the first missing.

    They come in this order; others may stand between them, because notifiers repeat a state.
    """
    found: list[int | None] = []
    begin = 0
    for one in wanted:
        place = next((i for i in range(begin, len(messages)) if all_hold(one, messages[i])), None)
        found.append(place)
        if place is None:
            found += [None] * (len(wanted) - len(found))
            break
        begin = place + 1
    return tuple(found)


def _media_type(message: SipMessage) -> str:
    return (message.first("Content-Type") or "").partition(";")[0].strip().lower()


# Bodies -----------------------------------------------------------------------------------------


def _summary(body: str) -> Iterator[tuple[str, str]]:
    """Read a message summary (RFC 3842 §5.2)."""
    for line in body.splitlines():
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "messages-waiting":
            yield "messages_waiting", value.lower()
        elif name == "message-account":
            yield "account", value
        elif name.removesuffix("-message") in MESSAGE_CLASSES:
            counts = _COUNTS.match(value)
            if not counts:
                raise UnreadableBodyError(f"{name}: {value!r} holds no counts")
            kind = name.removesuffix("-message")
            for which, number in zip(
                ("new", "old", "urgent_new", "urgent_old"), counts.groups(), strict=True
            ):
                if number is not None:
                    yield f"{kind}_{which}", str(int(number))


def _dialogs(body: str) -> Iterator[tuple[str, str]]:
    """Read dialog information (RFC 4235 §4); no dialog at all is state ``none``."""
    states = 0
    for path, text, attributes in _elements(body, "dialog-info"):
        match path:
            case ("dialog-info",):
                yield from (("entity", attributes[key]) for key in ("entity",) if key in attributes)
            case ("dialog-info", "dialog") if "direction" in attributes:
                yield "direction", attributes["direction"]
            case ("dialog-info", "dialog", "state"):
                states += 1
                yield "dialog_state", text
            case ("dialog-info", "dialog", ("local" | "remote") as side, "identity"):
                yield side, text
            case _:
                pass
    if not states:
        yield "dialog_state", "none"


def _presence(body: str) -> Iterator[tuple[str, str]]:
    """Read presence information (RFC 3863 §4; RFC 4480 §3.2)."""
    for path, text, attributes in _elements(body, "presence"):
        match path:
            case ("presence",) if "entity" in attributes:
                yield "entity", attributes["entity"]
            case ("presence", "tuple", "status", "basic"):
                yield "basic", text
            case (*_, "note") if text:
                yield "note", text
            case (*_, "activities", activity):
                yield "activity", activity
            case _:
                pass


def _fragment(body: str) -> Iterator[tuple[str, str]]:
    """Read the status line of a message/sipfrag (RFC 3420)."""
    found = re.match(r"SIP/2\.0 (\d{3})\b", body.lstrip(), re.IGNORECASE)
    if not found:
        raise UnreadableBodyError("the fragment begins with no status line")
    yield "sipfrag", found[1]


_READERS = {
    "application/simple-message-summary": _summary,
    "application/dialog-info+xml": _dialogs,
    "application/pidf+xml": _presence,
    "message/sipfrag": _fragment,
}


def _elements(body: str, root: str) -> Iterator[tuple[tuple[str, ...], str, dict[str, str]]]:
    """Return (path of local names, text, attributes) of each element in the order of its end."""
    reader = _XmlReader()
    reader.read(body)
    if not reader.found or reader.found[-1][0] != (root,):
        name = reader.found[-1][0][0] if reader.found else "nothing"
        raise UnreadableBodyError(f"the root element is {name}, not {root}")
    return iter(reader.found)


class _XmlReader:
    """Reads one document with expat; a document type ends it."""

    def __init__(self) -> None:
        self.found: list[tuple[tuple[str, ...], str, dict[str, str]]] = []
        self._open: list[tuple[str, list[str], dict[str, str]]] = []

    def read(self, body: str) -> None:
        """Read a whole body; raise UnreadableBodyError."""
        if len(body) > LARGEST_XML:
            raise UnreadableBodyError(f"the body has more than {LARGEST_XML} characters")
        from xml.parsers import expat  # noqa: PLC0415 - 3 ms, and few bodies are XML

        parser = expat.ParserCreate(encoding="utf-8")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(body.lstrip().encode("utf-8", "surrogateescape"), True)
        except expat.ExpatError as error:
            words = expat.errors.messages.get(error.code, "not XML")
            raise UnreadableBodyError(f"{words} in line {error.lineno}") from None

    @staticmethod
    def _refuse(*_: object) -> None:
        raise UnreadableBodyError("a document type is declared, which no body of SIP needs")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST_XML:
            raise UnreadableBodyError(f"elements lie deeper than {DEEPEST_XML} levels")
        self._open.append((name.rpartition(":")[2], [], attributes))

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1][1].append(text)

    def _end(self, _name: str) -> None:
        path = tuple(name for name, _, _ in self._open)
        _, texts, attributes = self._open.pop()
        self.found.append((path, "".join(texts).strip(), attributes))
