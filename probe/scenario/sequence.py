"""The sequence language: one string that says which responses and requests a call should show.

    pattern   = term { term }                      terms follow each other, separated by spaces
    term      = choice [ repeat ]
    choice    = part { "|" part }                  binds closer than the space
    part      = code | method | "(" pattern ")"
    code      = "200" | "18x" | "4xx"
    method    = "ACK" | "PRACK" | "CANCEL" | "BYE" | "NOTIFY"
    repeat    = "?" | "*" | "+" | "{n}" | "{n,m}"  applies to the whole choice before it

A pattern is anchored at both ends. 100 is hop-by-hop (RFC 3261 section 16.7) and often absent, so
it counts only where it is named; the same holds for methods. A provisional code stands for one or
more of it, because proxies repeat 180 and forks send several (RFC 3261 sections 13.2.2.4 and
13.3.1.1); braces straight after it make it exact.

Matching runs the position automaton (Glushkov) of the pattern over the events: each state set is
one integer, so the work is the number of events times the size of the pattern, whatever is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct, field

from probe.scenario.source import Located, Problem, ScenarioError, Source, quoted, suggestion

METHODS = ("ACK", "PRACK", "CANCEL", "BYE", "NOTIFY")
"Requests that a sequence may name."
END = "the end"
"Stands in `SequenceMatch.expected` where nothing more should have come."

_CODE = re.compile(r"[1-6](?:[0-9][0-9x]|xx)")
_PIECE = re.compile(r"\s+|[A-Za-z0-9]+|[?*+|()]|\{[^{}\s]*\}?|.", re.DOTALL)
_COUNT = r"\{(\d{1,3})(?:,(\d{1,3}))?\}"
_TRYING = "100"
_LONGEST_TEXT = 1000
_MOST_POSITIONS = 500
_DEEPEST_GROUP = 10


class Observed(Struct, frozen=True, kw_only=True):
    """One thing that a trace shows, as far as a sequence can speak of it."""

    token: str
    "A status code such as '180', or a method such as 'ACK'."
    index: int
    "Index of the event in its trace."
    answered: bool = False
    "A challenge that our agent answered: it counts only where the sequence can take it."


class Item(Struct, frozen=True, kw_only=True):
    """One item of a sequence: alternatives of which one is asked for."""

    text: str
    "As written, without what repeats it: '180|183'."
    words: tuple[str, ...]
    "The alternatives: codes, code classes and methods."
    source: Source
    "Where the item stands."


class SequenceMatch(Struct, frozen=True, kw_only=True):
    """What came of holding a sequence against a trace."""

    matched: bool
    "Whether everything that was asked for came, and nothing else."
    expected: tuple[str, ...]
    "What could have come next where it failed, as written, in order; `END` for nothing more."
    got: Observed | None
    "What came instead; None where the trace ended too early, or where it matched."
    item_source: Source | None
    "Where the item that was not met stands; None where all were met and then more came."
    matched_count: int
    "How many of the relevant events were in order."


class _Position(Struct, frozen=True, kw_only=True):
    item: int
    words: tuple[str, ...]
    again: bool


class SequencePattern(Struct, frozen=True, kw_only=True):
    """A sequence, ready to be matched."""

    text: str
    "As written."
    source: Source
    "Where it stands."
    items: tuple[Item, ...]
    "Its items from left to right."
    _positions: tuple[_Position, ...]
    _follow: tuple[int, ...]
    _first: int
    _last: int
    _empty: bool

    def __str__(self) -> str:
        return self.text

    def names(self, token: str) -> bool:
        """Say whether the sequence speaks of this very code or method; a class names no code."""
        return any(token in item.words for item in self.items)

    def relevant(self, observed: Sequence[Observed]) -> tuple[Observed, ...]:
        """Leave out 100 and methods that are not named, and answered challenges likewise."""
        return tuple(
            event
            for event in observed
            if self.names(event.token)
            or (event.token != _TRYING and event.token.isdigit() and not event.answered)
        )

    def match(self, observed: Sequence[Observed]) -> SequenceMatch:
        """Hold the sequence against a trace; retransmissions must be collapsed already.

        An answered challenge may be taken by an item or passed over, so that both `401 200` and
        `401|403` say what a reader expects of them.
        """
        events = self.relevant(observed)
        matching: dict[str, int] = {}
        started = False
        states = 0
        for count, event in enumerate(events):
            mask = matching.get(event.token)
            if mask is None:
                mask = matching[event.token] = sum(
                    1 << i
                    for i, position in enumerate(self._positions)
                    if any(_is_a(event.token, word) for word in position.words)
                )
            may_start = not started
            reached = self._next(states, start=may_start) & mask
            if event.answered:
                # Passed over: what was possible before is still possible after it.
                states |= reached
                continue
            if not reached:
                return self._failed(states, start=may_start, got=event, count=count)
            started, states = True, reached
        if (self._empty and not started) or states & self._last:
            return SequenceMatch(
                matched=True, expected=(), got=None, item_source=None, matched_count=len(events)
            )
        return self._failed(states, start=not started, got=None, count=len(events))

    def _next(self, states: int, *, start: bool) -> int:
        reachable = self._first if start else 0
        for position in _bits(states):
            reachable |= self._follow[position]
        return reachable

    def _failed(
        self, states: int, *, start: bool, got: Observed | None, count: int
    ) -> SequenceMatch:
        wanted = 0
        for position in _bits(states):
            ahead = self._follow[position]
            if self._positions[position].again:
                ahead &= ~(1 << position)  # one more 180 is allowed, but nobody waits for it
            wanted |= ahead
        if start:
            wanted |= self._first
        items = sorted({self._positions[position].item for position in _bits(wanted)})
        complete = bool(states & self._last) or (start and self._empty)
        return SequenceMatch(
            matched=False,
            expected=(
                *dict.fromkeys(self.items[item].text for item in items),
                *((END,) if complete else ()),
            ),
            got=got,
            item_source=None if complete else self.items[items[-1]].source,
            matched_count=count,
        )


def _bits(states: int) -> list[int]:
    found = []
    while states:
        lowest = states & -states
        found.append(lowest.bit_length() - 1)
        states ^= lowest
    return found


def _is_a(token: str, word: str) -> bool:
    if token == word:
        return True
    prefix = word.rstrip("x")
    return (
        prefix != word and len(token) == len(word) and token.isdigit() and token.startswith(prefix)
    )


def parse_sequence(text: str, source: Source) -> SequencePattern:
    """Read a sequence; raise ScenarioError with the exact column of what cannot be read."""
    located = (
        text
        if isinstance(text, Located)
        else Located.of(text, source, range(source.column, source.column + len(text) + 1))
    )
    return _Parser(located).pattern()


class _Term(Struct, frozen=True):
    """A choice of branches and how often it may come; a branch is an item index or terms."""

    branches: tuple[int | tuple[_Term, ...], ...]
    low: int | None = None
    high: int | None = None
    "None with `low` set: no upper limit. Without `low`: once, or as provisionals do."
    exact: bool = False


class _Parser:
    """Recursive descent over the pieces of one sequence."""

    def __init__(self, text: Located) -> None:
        self.text = text
        self.items: list[Item] = []
        self.pieces: list[tuple[str, int]] = []
        self.place = 0

    def error(self, offset: int, length: int, message: str, hint: str | None = None) -> Problem:
        return Problem(source=self.text.at(offset, length), message=message, hint=hint)

    def fail(
        self, offset: int, length: int, message: str, hint: str | None = None
    ) -> ScenarioError:
        return ScenarioError([self.error(offset, length, message, hint)])

    def pattern(self) -> SequencePattern:
        if len(self.text) > _LONGEST_TEXT:
            raise self.fail(0, 1, f"a sequence may have at most {_LONGEST_TEXT} characters")
        problems = []
        for found in _PIECE.finditer(self.text):
            piece, offset = found[0], found.start()
            if piece.isspace():
                continue
            self.pieces.append((piece, offset))
            if problem := self.check_piece(piece, offset):
                problems.append(problem)
        if problems:
            raise ScenarioError(problems)
        if not self.pieces:
            raise self.fail(0, 1, "the sequence is empty", "for example: 100? 180 200 ACK")
        terms = self.terms(0)
        if self.place < len(self.pieces):
            raise self.fail(self.pieces[self.place][1], 1, "this ')' closes nothing")
        automaton = _Automaton(self.items)
        if sum(_size(term) for term in terms) > _MOST_POSITIONS:
            raise self.fail(0, len(self.text), "this sequence is too large", "use + or * instead")
        empty, first, last = automaton.sequence(terms)
        return SequencePattern(
            text=str(self.text),
            source=self.text.at(0, len(self.text)),
            items=tuple(self.items),
            _positions=tuple(automaton.positions),
            _follow=tuple(automaton.follow),
            _first=first,
            _last=last,
            _empty=empty,
        )

    def check_piece(self, piece: str, offset: int) -> Problem | None:
        if piece in METHODS or piece in "?*+|()" or _CODE.fullmatch(piece):
            return None
        if piece[0] == "{":
            return self.check_count(piece, offset)
        if piece == ",":
            return self.error(offset, 1, "items are separated by spaces, not commas")
        if not piece.isalnum() or not piece.isascii():
            return self.error(
                offset,
                1,
                f"{quoted(piece)} means nothing in a sequence",
                "for example: 100? 180 200",
            )
        if piece[0].isdigit():
            lower = piece.lower()
            return self.error(
                offset,
                len(piece),
                f"{quoted(piece)} is not a status code (100 to 699) nor a class such as 18x or 4xx",
                f"did you mean '{lower}'?" if _CODE.fullmatch(lower) else None,
            )
        return self.error(
            offset,
            len(piece),
            f"{quoted(piece)} is not a request that a sequence can name",
            suggestion(piece, METHODS),
        )

    def check_count(self, piece: str, offset: int) -> Problem | None:
        count = re.fullmatch(_COUNT, piece)
        if not count:
            hint = "write {n} or {n,m}, for example 180{1}"
            return self.error(offset, len(piece), f"{quoted(piece)} is not a count", hint)
        low, high = int(count[1]), int(count[2] or count[1])
        if high == 0 or high < low:
            message = (
                f"{quoted(piece)} can never be met" if high else f"{quoted(piece)} asks for none"
            )
            return self.error(offset, len(piece), message)
        return None

    def peek(self) -> str:
        return self.pieces[self.place][0] if self.place < len(self.pieces) else ""

    def terms(self, depth: int) -> tuple[_Term, ...]:
        terms = []
        while self.peek() not in {"", ")"}:
            terms.append(self.term(depth))
        return tuple(terms)

    def term(self, depth: int) -> _Term:
        begin = self.pieces[self.place][1]
        branches: list[int | tuple[_Term, ...]] = []
        words: list[str] = []
        while True:
            branch = self.part(depth)
            if isinstance(branch, str):
                words.append(branch)
            else:
                branches.append(branch)
            if self.peek() != "|":
                break
            self.place += 1
        if words:
            piece, offset = self.pieces[self.place - 1]
            end = offset + len(piece)
            text = "|".join(words) if branches else re.sub(r"\s", "", self.text[begin:end])
            # An alternative among groups is pointed at as a whole, from its first part to its last.
            branches.insert(0, len(self.items))
            self.items.append(
                Item(text=text, words=tuple(words), source=self.text.at(begin, end - begin))
            )
        return self.repeated(tuple(branches))

    def part(self, depth: int) -> str | tuple[_Term, ...]:
        piece, offset = self.pieces[self.place] if self.peek() else ("", len(self.text))
        if piece in METHODS or _CODE.fullmatch(piece):
            self.place += 1
            return piece
        if piece != "(":
            before = self.pieces[self.place - 1][0] if self.place else ""
            if before == "|":
                raise self.fail(offset, 1, "an alternative is missing after '|'")
            if piece == "|":
                raise self.fail(
                    offset,
                    1,
                    "an alternative is missing before '|'",
                    "repeats need parentheses: (180?)|183",
                )
            raise self.fail(
                offset, len(piece), f"there is nothing before {quoted(piece)} that it could repeat"
            )
        if depth == _DEEPEST_GROUP:
            raise self.fail(offset, 1, "parentheses are nested too deeply")
        self.place += 1
        inner = self.terms(depth + 1)
        if self.peek() != ")":
            raise self.fail(offset, 1, "this '(' is never closed")
        if not inner:
            raise self.fail(offset, 1, "these parentheses are empty")
        self.place += 1
        return inner

    def repeated(self, branches: tuple[int | tuple[_Term, ...], ...]) -> _Term:
        piece = self.peek()
        if piece not in {"?", "*", "+"} and not piece.startswith("{"):
            return _Term(branches)
        self.place += 1
        after, offset = self.pieces[self.place] if self.peek() else ("", 0)
        if after in {"?", "*", "+"} or after.startswith("{"):
            raise self.fail(offset, len(after), f"{quoted(after)} repeats what is repeated already")
        if count := re.fullmatch(_COUNT, piece):
            return _Term(branches, int(count[1]), int(count[2] or count[1]), exact=True)
        return _Term(branches, 1 if piece == "+" else 0, 1 if piece == "?" else None)


def _size(term: _Term) -> int:
    """Return how many positions a term takes at most."""
    once = sum(
        2 if isinstance(branch, int) else sum(_size(inner) for inner in branch)
        for branch in term.branches
    )
    return once * max(term.low or 1, term.high or 1)


class _Automaton(Struct):
    """Builds positions and what may follow each; parts are (may be empty, first, last)."""

    items: list[Item]
    positions: list[_Position] = field(default_factory=list)
    follow: list[int] = field(default_factory=list)

    def sequence(self, terms: Sequence[_Term]) -> tuple[bool, int, int]:
        empty, first, last = True, 0, 0
        for term in terms:
            empty, first, last = self.joined((empty, first, last), self.term(term))
        return empty, first, last

    def joined(
        self, left: tuple[bool, int, int], right: tuple[bool, int, int]
    ) -> tuple[bool, int, int]:
        self.connect(left[2], right[1])
        return (
            left[0] and right[0],
            left[1] | (right[1] if left[0] else 0),
            right[2] | (left[2] if right[0] else 0),
        )

    def connect(self, last: int, first: int) -> None:
        for position in _bits(last):
            self.follow[position] |= first

    def term(self, term: _Term) -> tuple[bool, int, int]:
        if term.low is None:
            return self.choice(term, exact=False)
        low, high = term.low, term.high
        part = (True, 0, 0)
        for number in range(max(low, high or 1)):
            empty, first, last = self.choice(term, exact=term.exact)
            if high is None:
                self.connect(last, first)
            part = self.joined(part, (empty or number >= low, first, last))
        return part

    def choice(self, term: _Term, *, exact: bool) -> tuple[bool, int, int]:
        empty, first, last = False, 0, 0
        for branch in term.branches:
            if isinstance(branch, int):
                mask = self.item(branch, exact=exact)
                first, last = first | mask, last | mask
            else:
                inner = self.sequence(branch)
                empty, first, last = empty or inner[0], first | inner[1], last | inner[2]
        return empty, first, last

    def item(self, number: int, *, exact: bool) -> int:
        words = self.items[number].words
        if exact:
            return self.position(number, words, again=False)
        mask = 0
        provisional = tuple(word for word in words if word[0] == "1")
        if provisional:
            mask |= self.position(number, provisional, again=True)
        if final := tuple(word for word in words if word not in provisional):
            mask |= self.position(number, final, again=False)
        return mask

    def position(self, item: int, words: tuple[str, ...], *, again: bool) -> int:
        mask = 1 << len(self.positions)
        self.positions.append(_Position(item=item, words=words, again=again))
        self.follow.append(mask if again else 0)
        return mask
