"""Turns YAML text into values that know their place, and explains the traps of YAML.

Every scalar stays a text: `+15551234567`, `0123`, `no` and `1:30` mean what they look like. What
YAML would quietly read as something else (an alias, a comment, a block of text, the last of two
equal keys) is refused with the way to write it. The parser is libyaml's event stream, not its node
graph, because the stream still shows anchors, tags and styles and lets us stop at the first level
that is too deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml
from msgspec import Struct, field

from probe.scenario.source import (
    Located,
    LocatedMap,
    Problem,
    ScenarioError,
    Source,
    is_plain,
    quoted,
)

LARGEST_FILE = 1024 * 1024
"Bytes."
DEEPEST_NESTING = 12
"Levels of mappings and lists; a scenario needs six."

_MOST_REPAIRS = 20
_MOST_EVENTS = 200_000
_BREAK = re.compile(r"\r\n|\r|\n")
# These are looked for only in a text that is more than printable ASCII.
_FORBIDDEN = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\U000f0000-\U000fffff]"
_INVISIBLE = "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
# Braces of ${NAME} would end a flow mapping such as {password: ${PW}}; while YAML is parsed they
# are characters that mean nothing to it.
_REFERENCE = re.compile(r"\$\{[^{}\"\r\n]*\}")
_MASK = {ord(char): 0xF0000 + ord(char) for char in "{}[],:#"}
_UNMASK = {masked: plain for plain, masked in _MASK.items()}
# Wide enough for `pasword` and `passwort`: a key that is misspelt holds a secret all the same.
_HIDDEN_KEY = r"[\w-]*(?:pas\w*|pwd?|secret|token|api_?key|authorization)(?:_[\w-]*)?"
# A value after a telling key, and what stands between user and host of a URI.
_SECRET_ON_LINE = re.compile(
    rf"""(["']?\b{_HIDDEN_KEY}["']?[ ]*:[ ]+)"""
    r"""("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|[\[{].*"""
    r"""|\$\{[A-Za-z_]\w*\}(?=\s*$|\s*[,}\]]|\s+#)|(?!\s)(?:\$\{[^{}]*\}|[^,}])+)"""
    r"""|\b(sips?:[^:@\s/"']+:|(?!sips?:[^:@\s]*@)[^:@\s/"']+:(?=\S*@))([^@"']+)(?=@)""",
    re.IGNORECASE,
)
_SECRET_GOES_ON = re.compile(
    rf"""(?P<indent>[ ]*).*?\b{_HIDDEN_KEY}["']?[ ]*:(?:[ ]+"""
    r"""("(?:[^"\\]|\\.)*|'(?:[^']|'')*|[\[{].*|[^\s,}"'][^,}]*)?)?""",
    re.IGNORECASE,
)
_HIDDEN_NAME = re.compile(_HIDDEN_KEY, re.IGNORECASE)
_PLAIN_ENTRY = r"(?P<before>[ ]*(?:-[ ]+)*[\w<\"'-][\w .\"'-]*:[ ]+|[ ]*(?:-[ ]+)+)(?P<value>\S.*)"
_AT_LEAST = r">=?\s*([\d.]+\s*\S*)"
_SWALLOWED = re.compile(r"\s*#(?=[\d*])(?P<rest>.*)")


class Document(Struct):
    """One YAML file, read."""

    root: object
    "LocatedMap, list, Located or None."
    problems: list[Problem] = field(default_factory=list)
    "What is wrong with it as YAML."
    spoilt: list[Source] = field(default_factory=list)
    "Places whose value is unknown now, so that problems there are only echoes."


def read_document(data: bytes, file: str) -> Document:
    """Read one YAML document; raise ScenarioError where there is nothing to go on with."""
    return _Reader(_decoded(data, file), file).document()


def _decoded(data: bytes, file: str) -> str:
    if len(data) > LARGEST_FILE:
        raise _refused(file, f"the file is larger than {LARGEST_FILE} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        lines = _BREAK.split(before)
        hint = "save the file as UTF-8"
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            hint += "; it looks like UTF-16"
        raise _refused(
            file,
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            hint,
            line=len(lines),
            column=len(lines[-1]) + 1,
        ) from None
    if not text.strip():
        raise _refused(file, "the file is empty", "the shortest scenario is: steps: [register: ]")
    return text


def _refused(
    file: str, message: str, hint: str | None = None, *, line: int = 1, column: int = 1
) -> ScenarioError:
    source = Source(file=file, line=line, column=column)
    return ScenarioError([Problem(source=source, message=message, hint=hint)])


class _Span(Struct, frozen=True):
    """Where an event stands, counted from 0."""

    line: int
    column: int
    last_line: int
    last_column: int


def _span(event: yaml.Event) -> _Span:
    begin, end = event.start_mark, event.end_mark
    if begin is None or end is None:
        raise AssertionError  # both parsers of PyYAML mark every event
    return _Span(begin.line, begin.column, end.line, end.column)


class _Reader:
    """Reads the events of one document into values."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.text = _REFERENCE.sub(lambda found: found[0].translate(_MASK), text)
        self.lines = _BREAK.split(text)
        self.shown = _without_secrets(self.lines)
        self.problems: list[Problem] = []
        self.spoilt: list[Source] = []
        self.indentation_unknown = False

    def source(self, line: int, column: int, length: int = 1) -> Source:
        """Return a place from zero-based marks."""
        text = self.shown[line] if line < len(self.shown) else ""
        return Source(
            file=self.file, line=line + 1, column=column + 1, length=max(1, length), text=text
        )

    def problem(self, source: Source, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(source=source, message=message, hint=hint))

    def document(self) -> Document:
        self.check_characters()
        stream = iter(self.events())
        root: object = None
        for event in stream:
            if isinstance(event, yaml.DocumentStartEvent):
                root = self.value(next(stream), stream, 0)[0]
                break
        for event in stream:
            if isinstance(event, yaml.DocumentStartEvent):
                span = _span(event)
                self.problem(
                    self.source(span.line, span.column, 3),
                    "a second document begins here",
                    "one file holds one document; remove the line of dashes or split the file",
                )
                break
        return Document(root=root, problems=self.problems, spoilt=self.spoilt)

    def check_characters(self) -> None:
        for number, line in enumerate(self.lines):
            if is_plain(line):
                continue
            for found in re.finditer(_FORBIDDEN, line):
                self.problem(
                    self.source(number, found.start()),
                    f"the control character U+{ord(found[0]):04X} may not stand in a file",
                )
        if self.problems:
            raise ScenarioError(self.problems)

    def events(self) -> list[yaml.Event]:
        """Return all events; a value that no YAML parser can read is blanked, and read on."""
        for _ in range(_MOST_REPAIRS):
            try:
                return self.parsed()
            except yaml.MarkedYAMLError as error:  # one repair a round
                if not self.explain(error):
                    break
        raise ScenarioError(self.problems)

    def parsed(self) -> list[yaml.Event]:
        loader = getattr(yaml, "CLoader", yaml.Loader)(self.text)
        events: list[yaml.Event] = []
        depth = 0
        try:
            while event := loader.get_event():
                events.append(event)
                if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                    depth += 1
                elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                    depth -= 1
                if depth > DEEPEST_NESTING or len(events) > _MOST_EVENTS:
                    span = _span(event)
                    message = (
                        f"this is nested more than {DEEPEST_NESTING} levels deep"
                        if depth > DEEPEST_NESTING
                        else "the file holds too many values"
                    )
                    self.problem(self.source(span.line, span.column), message)
                    raise ScenarioError(self.problems)
        finally:
            loader.dispose()
        return events

    # -- what no parser can read ---------------------------------------------------------------

    def explain(self, error: yaml.MarkedYAMLError) -> bool:
        """Note what is wrong; say whether the value could be blanked so that reading can go on."""
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        if line >= len(self.lines):  # the end of the file: the last line shows it best
            line, column = len(self.lines) - 1, len(self.lines[-1])
        text = self.lines[line]
        entry = re.fullmatch(_PLAIN_ENTRY, text)
        begin = entry.start("value") if entry else column
        value = entry["value"].rstrip() if entry else ""
        first = value[:1]
        what = error.problem or ""
        if text[column : column + 1] == "\t" and not text[:column].strip():
            self.problem(
                self.source(line, column), "a tab indents this line", "YAML allows spaces only"
            )
            self.indentation_unknown = True
            return self.blank(line, column, column + 1, " ")
        if first and first in ">|" and "block scalar" in (error.context or ""):
            bound = re.fullmatch(_AT_LEAST, value)
            self.problem(
                self.source(line, begin, len(value)),
                f"'{first}' at the start of a value begins a block of text in YAML",
                f"write 'min {bound[1]}'" if bound else self.quoting(value),
            )
            return self.blank(line, begin, len(text))
        if "cannot start any token" in what:
            return self.explain_start(line, column)
        if first and first in "*&!" and "scanning a" in (error.context or ""):
            self.problem(
                self.source(line, begin, len(value)), self.marker(first), self.quoting(value)
            )
            return self.blank(line, begin, len(text))
        if "mapping values are not allowed" in what:
            return self.explain_colon(line, column, entry)
        if not self.indentation_unknown:
            self.explain_structure(error, line, column)
        return False

    def explain_start(self, line: int, column: int) -> bool:
        """Explain a value that begins with a character that YAML keeps for itself."""
        text = self.lines[line]
        in_flow = text[:column].count("{") + text[:column].count("[") > 0
        value = (
            re.split(r"[,}\]]", text[column:])[0].rstrip() if in_flow else text[column:].rstrip()
        )
        bound = re.fullmatch(_AT_LEAST, value)
        self.problem(
            self.source(line, column, len(value)),
            f"a value cannot begin with '{value[:1]}' in YAML",
            f"write 'min {bound[1]}'" if bound else self.quoting(value),
        )
        return self.blank(line, column, column + len(value))

    def explain_colon(self, line: int, column: int, entry: re.Match[str] | None) -> bool:
        if entry and entry.start("value") <= column:
            begin, value = entry.start("value"), entry["value"].rstrip()
            self.problem(
                self.source(line, begin, len(value)),
                "a second ': ' in one line looks like another key",
                self.quoting(value),
            )
            return self.blank(line, begin, len(self.lines[line]))
        self.problem(
            self.source(line, column),
            "this key does not fit the line before it",
            "keys that belong together begin in the same column",
        )
        return False

    def bracket_before(self, line: int, column: int) -> tuple[int, int]:
        """Return where the bracket stands that is open at a mark, which may be the file's end."""
        for row in range(min(line, len(self.lines) - 1), -1, -1):
            text = self.lines[row][: column + 1] if row == line else self.lines[row]
            place = max(text.rfind("["), text.rfind("{"))
            if place >= 0:
                return row, place
        return 0, 0

    def explain_structure(self, error: yaml.MarkedYAMLError, line: int, column: int) -> None:
        what, around = error.problem or "", error.context or ""
        char = self.lines[line][column : column + 1]
        here = self.source(line, column)
        opened = error.context_mark
        if "flow" in around and char in {"{", "}", "[", "]"} and column:
            self.problem(
                here,
                f"'{char}' inside {{…}} or […] must be quoted",
                'for example: {responses: "180{1} 200"}',
            )
        elif "flow" in around and opened:
            row, place = self.bracket_before(opened.line, opened.column)
            self.problem(
                self.source(row, place),
                f"this '{self.lines[row][place]}' is not closed, or a comma is missing after it",
                f"reading stopped at line {line + 1}",
            )
        elif "end of stream" in what and opened:
            self.problem(
                self.source(opened.line, opened.column), "the quote that opens here is never closed"
            )
        elif "escape" in what:
            self.problem(
                here,
                "a backslash in double quotes begins an escape that YAML does not know",
                "use single quotes: '…'",
            )
        elif "block mapping" in around or "simple key" in around:
            self.problem(
                here,
                "this line does not fit the lines before it",
                "check its indentation, and that its key ends with ':'",
            )
        elif "block collection" in around or "sequence entries" in what:
            self.problem(
                here,
                "this line does not fit the list before it",
                "each step begins with '- ' in the same column",
            )
        else:
            self.problem(here, f"this is not YAML: {what}")

    def blank(self, line: int, begin: int, end: int, by: str = "x") -> bool:
        """Overwrite part of a line so that the parser gets past it; remember where."""
        breaks = [found.end() for found in _BREAK.finditer(self.text)]
        start = breaks[line - 1] if line else 0
        before = self.text
        self.text = self.text[: start + begin] + by * (end - begin) + self.text[start + end :]
        if by == "x":
            self.spoilt.append(self.source(line, begin, end - begin))
        return self.text != before

    @staticmethod
    def marker(char: str) -> str:
        return {
            "*": "'*' at the start of a value means an alias in YAML",
            "&": "'&' at the start of a value means an anchor in YAML",
            "!": "'!' at the start of a value means a tag in YAML",
        }[char]

    @staticmethod
    def quoting(value: str) -> str:
        value = value.translate(_UNMASK)
        if len(value) > 60 or "'" in value:  # a longer example teaches nothing
            return "quote the value"
        return f"quote it: '{value}'"

    # -- what a parser reads as something else -------------------------------------------------

    def value(
        self, event: yaml.Event, stream: Iterator[yaml.Event], depth: int, *, hidden: bool = False
    ) -> tuple[object, dict[str, Source], Source]:
        """Return the value that begins with `event`, the places below it, and its own place."""
        span = _span(event)
        source = self.source(span.line, span.column)
        self.check_markers(event, source)
        if isinstance(event, yaml.MappingStartEvent):
            mapping = self.mapping(stream, depth)
            return mapping, mapping.sources, source
        if isinstance(event, yaml.SequenceStartEvent):
            return (*self.sequence(stream, depth), source)
        if isinstance(event, yaml.ScalarEvent):
            scalar = self.scalar(event, hidden=hidden)
            return scalar, {}, source if scalar is None else scalar.source
        self.spoilt.append(source)  # an alias, noted above
        return Located.of("", source), {}, source

    def check_markers(self, event: yaml.Event, source: Source) -> None:
        line = self.lines[source.line - 1] if source.line <= len(self.lines) else ""
        begin = source.column - 1
        char = line[begin : begin + 1]
        if char not in {"*", "&", "!"} or (isinstance(event, yaml.ScalarEvent) and event.style):
            return
        rest = line[begin:].split(" #")[0].rstrip()
        in_flow = re.search(r"[,\]}]", rest)
        rest = rest[: in_flow.start()] if in_flow else rest
        self.spoilt.append(self.source(source.line - 1, begin, len(rest)))
        self.problem(
            self.spoilt[-1],
            self.marker(char),
            "write the value out where it is needed"
            if isinstance(event, yaml.CollectionStartEvent)
            else self.quoting(rest),
        )

    def mapping(self, stream: Iterator[yaml.Event], depth: int) -> LocatedMap:
        found = LocatedMap()
        while not isinstance(event := next(stream), yaml.MappingEndEvent):
            key, _, place = self.value(event, stream, depth + 1)
            name = key if isinstance(key, Located) else Located.of("", place)
            value, below, at = self.value(
                next(stream),
                stream,
                depth + 1,
                hidden=bool(_HIDDEN_NAME.fullmatch(name)),
            )
            if not isinstance(key, Located) or not key:
                self.problem(place, "a key must be a plain word")
            elif key == "<<":
                self.problem(
                    place,
                    "'<<' (merging) is not allowed",
                    "write the keys out where they are needed",
                )
            elif key in found:
                first = found.sources[str(key)].line if str(key) in found.sources else place.line
                self.problem(
                    place, f"the key {quoted(key)} is written twice (first in line {first})"
                )
            else:
                found[key] = value
                found.sources[str(key)] = at if isinstance(value, Located) else place
                found.sources.update({f"{key}.{path}": source for path, source in below.items()})
        return found

    def sequence(
        self, stream: Iterator[yaml.Event], depth: int
    ) -> tuple[list[object], dict[str, Source]]:
        found: list[object] = []
        sources: dict[str, Source] = {}
        while not isinstance(event := next(stream), yaml.SequenceEndEvent):
            value, below, at = self.value(event, stream, depth + 1)
            number = len(found)
            found.append(value)
            sources[str(number)] = at
            sources.update({f"{number}.{path}": source for path, source in below.items()})
        return found, sources

    def scalar(self, event: yaml.ScalarEvent, *, hidden: bool) -> Located | None:
        text = event.value.translate(_UNMASK)
        span = _span(event)
        line = self.lines[span.line] if span.line < len(self.lines) else ""
        on_one_line = span.last_line == span.line
        length = (span.last_column if on_one_line else len(line)) - span.column
        source = self.source(span.line, span.column, length)
        plain = not event.style
        if plain and not text:
            swallowed = self.check_comment(line, span.last_column, span.line, "")
            return Located.of("", swallowed) if swallowed else None
        if event.style in {"|", ">"}:
            self.spoilt.append(source)
            self.problem(
                source,
                f"'{event.style}' at the start of a value begins a block of text in YAML",
                "write the value on the line of its key, in quotes where needed",
            )
        if plain and on_one_line:
            self.check_comment(line, span.last_column, span.line, text)
        if not is_plain(text):
            self.check_value(text, source)
        offset = span.column + (0 if plain else 1)
        if on_one_line and line[offset : offset + len(text)] == text:
            if not plain:
                source = self.source(span.line, offset, len(text))
            columns = range(offset + 1, offset + len(text) + 2)
            return Located.of(text, source, columns, hidden=hidden)
        return Located.of(text, source, hidden=hidden)

    def check_value(self, text: str, source: Source) -> None:
        """Refuse a value with characters that nobody sees."""
        if found := re.search(_CONTROL, text):
            self.problem(source, f"the value contains the control character U+{ord(found[0]):04X}")
            self.spoilt.append(source)
        if found := re.search(_INVISIBLE, text):
            self.problem(
                source,
                f"the value contains the invisible character U+{ord(found[0]):04X}",
                "it came along with copied text; type the value again",
            )
            self.spoilt.append(source)

    def check_comment(self, line: str, column: int, number: int, text: str) -> Source | None:
        """Refuse a # that YAML takes for a comment where it was probably part of a number."""
        found = _SWALLOWED.match(line, column)
        if not found or not line[:column].strip():
            return None
        begin = line.index("#", column)
        place = self.source(number, begin, len(line.rstrip()) - begin)
        whole = line[column - len(text) : column] + found[0] if text else line[begin:]
        self.problem(
            place,
            "YAML takes this for a comment and drops it",
            f"{self.quoting(whole.strip())}, or put a space after # if it is a comment",
        )
        self.spoilt.append(place)
        return place


def _without_secrets(lines: list[str]) -> list[str]:
    """Blot out secrets; this must not need YAML, because errors about YAML show lines as well."""

    def blot(found: re.Match[str]) -> str:
        keep, secret = (found[1], found[2]) if found[1] else (found[3], found[4])
        if _REFERENCE.fullmatch(secret.strip("\"' ")) and ":-" not in secret:
            return found[0]  # the name of a variable is no secret
        return keep + re.sub(r"[^\"']", "*", secret)

    shown: list[str] = []
    deeper_than: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if deeper_than is not None and (indent > deeper_than or not line.strip()):
            shown.append(re.sub(r"\S", "*", line))
            continue
        goes_on = _SECRET_GOES_ON.fullmatch(line)
        deeper_than = len(goes_on["indent"]) if goes_on else None
        shown.append(_SECRET_ON_LINE.sub(blot, line))
    return shown
