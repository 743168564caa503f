"""The sequence language, held against a slow and obvious reading of it, and its error columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, product
from random import Random
from typing import TypeAlias

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from probe.scenario.sequence import END, METHODS, Observed, SequencePattern, parse_sequence
from probe.scenario.source import NOWHERE, Located, ScenarioError, Source

LINE = Source(file="x.sip.yaml", line=3, column=7, length=20, text="      responses: 180 200")
CODES = ("100", "180", "183", "200", "401", "486", "503")
TOKENS = (*CODES, "ACK", "BYE")
WORDS = (*TOKENS, "18x", "1xx", "4xx", "50x")


def pattern(text: str) -> SequencePattern:
    """Return the sequence of a text that begins in column 7."""
    return parse_sequence(text, LINE)


def observed(text: str) -> list[Observed]:
    """Return what a trace shows; `401!` is a challenge that our agent answered."""
    return [
        Observed(token=word.rstrip("!"), index=index, answered=word.endswith("!"))
        for index, word in enumerate(text.split())
    ]


def matches(text: str, events: str) -> bool:
    """Say whether the events are what the sequence asks for."""
    return pattern(text).match(observed(events)).matched


# -- an oracle: where may each piece of a sequence end? ----------------------------------------


Memo: TypeAlias = dict[tuple[int, int], set[int]]


@dataclass(frozen=True, kw_only=True)
class Node:
    """What is asked for: one token of `words`, all of `parts` in order, or one of `either`."""

    words: tuple[str, ...] = ()
    parts: tuple["Node", ...] = ()
    either: tuple["Node", ...] = ()
    low: int = 1
    high: int | None = 1

    def once(self, tokens: Sequence[str], start: int, memo: Memo) -> set[int]:
        """Return the places where it may end when it comes once."""
        if self.words:
            fits = any(means(word, token) for word in self.words for token in tokens[start:][:1])
            return {start + 1} if fits else set()
        if self.either:
            return set().union(*(node.ends(tokens, start, memo) for node in self.either))
        reached = {start}
        for node in self.parts:
            reached = set().union(*(node.ends(tokens, place, memo) for place in reached))
        return reached

    def ends(self, tokens: Sequence[str], start: int, memo: Memo) -> set[int]:
        """Return the places where it may end; `memo` keeps them, by node and start."""
        key = (id(self), start)
        if key in memo:
            return memo[key]
        reached, found = {start}, set[int]()
        for number in count():
            if number >= self.low:
                if reached <= found:
                    break  # more rounds find nothing that fewer did not
                found |= reached
            if number == self.high:
                break
            reached = set().union(*(self.once(tokens, place, memo) for place in reached))
        memo[key] = found
        return found

    def example(self, chance: Random) -> list[str]:
        """Draw tokens that it takes."""
        most = self.low + 2 if self.high is None else self.high
        return [
            token
            for _ in range(chance.randint(self.low, most))
            for token in self.example_once(chance)
        ]

    def example_once(self, chance: Random) -> list[str]:
        """Draw tokens that it takes when it comes once."""
        if self.words:
            known = [token for token in TOKENS if any(means(word, token) for word in self.words)]
            return [chance.choice(known)]
        if self.either:
            return chance.choice(self.either).example(chance)
        return [token for node in self.parts for token in node.example(chance)]


def means(word: str, token: str) -> bool:
    """Say whether a word of a sequence stands for a token."""
    return re.fullmatch(word.replace("x", "[0-9]"), token) is not None


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of a sequence as written, and what it asks for."""

    text: str
    node: Node
    counted: Node
    "What it asks for where braces follow."
    named: frozenset[str]


def words_part(words: list[str]) -> Part:
    """Alternatives of codes: provisional ones stand for one or more, unless counted."""
    early = tuple(word for word in words if word.startswith("1"))
    late = tuple(word for word in words if not word.startswith("1"))
    either = [Node(words=early, high=None)] if early else []
    either += [Node(words=late)] if late else []
    return Part(
        text="|".join(words),
        node=Node(either=tuple(either)),
        counted=Node(words=tuple(words)),
        named=frozenset(words),
    )


def group_part(terms: list[Part]) -> Part:
    """Parentheses; what they hold keeps its own reading when it is counted."""
    node = Node(parts=tuple(term.node for term in terms))
    text = "(" + " ".join(term.text for term in terms) + ")"
    return Part(text=text, node=node, counted=node, named=all_named(terms))


def choice_part(parts: list[Part]) -> Part:
    """Alternatives of which some are groups."""
    return Part(
        text="|".join(part.text for part in parts),
        node=Node(either=tuple(part.node for part in parts)),
        counted=Node(either=tuple(part.counted for part in parts)),
        named=all_named(parts),
    )


def all_named(parts: Sequence[Part]) -> frozenset[str]:
    """Return the words of all parts."""
    return frozenset().union(*(part.named for part in parts))


LIMITS = {
    "?": (0, 1),
    "*": (0, None),
    "+": (1, None),
    "{1}": (1, 1),
    "{2}": (2, 2),
    "{0,2}": (0, 2),
}


def repeated(part: Part, repeat: str) -> Part:
    """Add ?, *, + or a count."""
    if not repeat:
        return part
    low, high = LIMITS[repeat]
    inner = part.counted if repeat.startswith("{") else part.node
    node = Node(either=(inner,), low=low, high=high)
    return Part(text=part.text + repeat, node=node, counted=node, named=part.named)


REPEATS = st.sampled_from(["", "", "", *LIMITS])
PLAIN = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True).map(words_part)


def terms_of(parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    """Return parts that may be repeated."""
    return st.builds(repeated, parts, REPEATS)


def groups_of(parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    """Return groups, and choices between a word and a group."""
    groups = st.lists(terms_of(parts), min_size=1, max_size=3).map(group_part)
    return groups | st.tuples(PLAIN, groups).map(list).map(choice_part)


PARTS = st.recursive(PLAIN, groups_of, max_leaves=6)
SEQUENCES = st.lists(terms_of(PARTS), min_size=1, max_size=4)
EVENTS = st.lists(st.sampled_from([*TOKENS, "401!"]), max_size=7)


def oracle(terms: list[Part], events: list[Observed]) -> bool:
    """Try every way of passing over answered challenges."""
    whole = Node(parts=tuple(term.node for term in terms))
    named = all_named(terms)
    ways: list[tuple[tuple[str, ...], ...]] = []
    for event in events:
        taken: tuple[str, ...] = (event.token,)
        if event.token not in named and (event.token == "100" or not event.token.isdigit()):
            continue
        if event.answered:
            ways.append((taken, ()) if event.token in named else ((),))
        else:
            ways.append((taken,))
    for way in product(*ways):
        tokens = [token for taken in way for token in taken]
        if len(tokens) in whole.ends(tokens, 0, {}):
            return True
    return False


@given(SEQUENCES, EVENTS)
def test_matches_what_a_plain_reading_matches(terms: list[Part], events: list[str]) -> None:
    """The automaton and a reading that tries everything agree on every sequence and trace."""
    text = " ".join(term.text for term in terms)
    seen = observed(" ".join(events))
    assert pattern(text).match(seen).matched == oracle(terms, seen)


@given(st.integers(0, 2**32), SEQUENCES)
def test_matches_a_trace_made_from_it(seed: int, terms: list[Part]) -> None:
    """What a sequence can produce, it accepts: random traces seldom match by chance."""
    made = Node(parts=tuple(term.node for term in terms)).example(Random(seed))
    named = all_named(terms)
    assume(
        "100" in named or "100" not in made
    )  # 1xx means a 100 that nobody named, and that is left out
    assert pattern(" ".join(term.text for term in terms)).match(observed(" ".join(made))).matched


@given(SEQUENCES, EVENTS)
def test_what_is_expected_next_would_be_taken(terms: list[Part], events: list[str]) -> None:
    """Each item that a failed match names would have carried the match one event further."""
    sequence = pattern(" ".join(term.text for term in terms))
    seen = [event for event in observed(" ".join(events)) if not event.answered]
    match = sequence.match(seen)
    begin = list(sequence.relevant(seen))[: match.matched_count]
    for item in match.expected:
        if item == END:
            assert sequence.match(begin).matched
            continue
        for word in item.split("|"):
            token = word.replace("x", "1") if "x" in word else word
            further = sequence.match([*begin, Observed(token=token, index=99)])
            assert further.matched_count == len(begin) + 1


@given(st.text(alphabet="0123456789x?*+|(){},ACKBYE \t\n.é", max_size=30))
def test_any_text_is_read_or_refused_at_a_place_inside_it(text: str) -> None:
    """No text makes the reader fail in another way, and no caret stands outside."""
    try:
        pattern(text)
    except ScenarioError as error:
        for problem in error.problems:
            assert LINE.column <= problem.source.column <= LINE.column + len(text)
            assert problem.source.length >= 1


# -- what the words mean ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("200", "200"),
        ("200", "100 200"),
        ("100 200", "100 200"),
        ("100? 200", "200"),
        ("180 200", "180 180 180 200"),
        ("180{1} 200", "180 200"),
        ("180{2} 200", "180 180 200"),
        ("180{1,3} 200", "180 180 180 200"),
        ("18x 200", "180 183 180 200"),
        ("180|183 200", "183 180 200"),
        ("(180 183)+ 200", "180 183 180 183 200"),
        ("180? 183* 200+", "200 200"),
        ("1xx* 2xx", "180 181 200"),
        ("180 200 ACK", "180 200 ACK"),
        ("180 200", "180 200 ACK BYE"),
        ("180 CANCEL 487 ACK", "180 CANCEL 487 ACK"),
        ("202 NOTIFY+", "202 NOTIFY NOTIFY"),
        ("401 200", "401! 200"),
        ("200", "401! 200"),
        ("401|403", "401! 401"),
        ("401|403", "401! 403"),
        ("401 401", "401! 401"),
        ("180?", ""),
        ("180?", "401! 407!"),
        ("  180\t200 ", "180 200"),
        ("180 | 183 200", "183 200"),
    ],
)
def test_trace_is_what_the_sequence_asks_for(text: str, events: str) -> None:
    """Each row is one rule of the language that says yes."""
    assert matches(text, events)


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("200", ""),
        ("200", "180 200"),
        ("200", "200 200"),
        ("100 200", "200"),
        ("180{1} 200", "180 180 200"),
        ("180 200", "180 183 200"),
        ("180|183{1}", "180 183"),
        ("18x", "1810"),
        ("18x", "ACK"),
        ("4xx", "503"),
        ("180 200 ACK", "180 200"),
        ("100? 180 200", "180 200 503"),
        ("401 403", "403"),
        ("200", "401 200"),
        ("(180 183){2}", "180 183"),
    ],
)
def test_trace_is_not_what_the_sequence_asks_for(text: str, events: str) -> None:
    """Each row is one rule of the language that says no."""
    assert not matches(text, events)


def test_a_class_names_no_code() -> None:
    """`1xx` does not make 100 count, which is hop-by-hop and often absent."""
    assert not pattern("1xx 200").names("100")
    assert not matches("1xx 200", "100 200")


# -- what a failed match says -----------------------------------------------------------------


def test_failure_in_the_middle_names_the_item_and_its_column() -> None:
    """A 503 where ringing was asked for points at `180`."""
    match = pattern("100? 183? 180 200").match(observed("100 183 503"))
    assert not match.matched
    assert match.expected == ("180",)
    assert match.got == Observed(token="503", index=2)
    assert match.item_source is not None
    assert (match.item_source.column, match.item_source.length) == (17, 3)
    assert match.matched_count == 2


def test_failure_at_the_beginning_names_all_that_could_begin() -> None:
    """Items that may be absent are expected along with the one that may not."""
    match = pattern("183? 180 200").match(observed("486"))
    assert match.expected == ("183", "180")
    assert match.item_source is not None
    assert match.item_source.column == 12


def test_trace_that_ends_too_early_got_nothing() -> None:
    """The item that never came is the one after what was seen."""
    match = pattern("180 200 ACK").match(observed("180 200"))
    assert (match.expected, match.got, match.matched_count) == (("ACK",), None, 2)


def test_nothing_at_all_came() -> None:
    """Without any event the first item is missing."""
    match = pattern("180 200").match([])
    assert (match.expected, match.got, match.matched_count) == (("180",), None, 0)


def test_more_came_than_was_asked_for() -> None:
    """After the last item only the end is expected, and no item is to blame."""
    match = pattern("180 200").match(observed("180 200 503"))
    assert match.expected == (END,)
    assert match.item_source is None
    assert match.got == Observed(token="503", index=2)


def test_more_came_than_an_optional_sequence_takes() -> None:
    """A sequence that may be empty can expect its item or the end."""
    match = pattern("180?").match(observed("486"))
    assert match.expected == ("180", END)
    assert match.item_source is None


def test_an_item_is_named_as_written_without_its_repeat() -> None:
    """`180 | 183+` is the item `180|183`."""
    (item,) = pattern("180 | 183+").items
    assert (item.text, item.words) == ("180|183", ("180", "183"))
    assert (item.source.column, item.source.length) == (7, 9)


def test_a_choice_of_word_and_group_is_one_item_and_those_of_the_group() -> None:
    """The words of a choice are gathered even where a group stands between them."""
    sequence = pattern("183|(180 181)|182 200")
    assert [item.text for item in sequence.items] == ["180", "181", "183|182", "200"]
    for events in ("183 200", "182 200", "180 181 200"):
        assert sequence.match(observed(events)).matched
    assert not sequence.match(observed("180 200")).matched


def test_a_sequence_prints_as_written() -> None:
    """Reports quote it."""
    assert str(pattern("100?  180 200")) == "100?  180 200"


# -- what cannot be read ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "length", "message"),
    [
        ("", 1, 1, "the sequence is empty"),
        ("   ", 1, 1, "the sequence is empty"),
        ("200 99", 5, 2, "'99' is not a status code"),
        ("700", 1, 3, "'700' is not a status code"),
        ("4XX", 1, 3, "'4XX' is not a status code"),
        ("180 ack", 5, 3, "'ack' is not a request"),
        ("180, 200", 4, 1, "items are separated by spaces"),
        ("180 - 200", 5, 1, "'-' means nothing"),
        ("é", 1, 1, "'é' means nothing"),
        ("180{", 4, 1, "'{' is not a count"),
        ("180{1", 4, 2, "'{1' is not a count"),
        ("180{0}", 4, 3, "'{0}' asks for none"),
        ("180{0,0}", 4, 5, "'{0,0}' asks for none"),
        ("180{2,1}", 4, 5, "'{2,1}' can never be met"),
        ("180?+", 5, 1, "'+' repeats what is repeated already"),
        ("180{1}{2}", 7, 3, "'{2}' repeats what is repeated already"),
        ("?", 1, 1, "there is nothing before '?'"),
        ("{2} 180", 1, 3, "there is nothing before '{2}'"),
        ("180 (?)", 6, 1, "there is nothing before '?'"),
        ("|180", 1, 1, "an alternative is missing before '|'"),
        ("180|", 5, 1, "an alternative is missing after '|'"),
        ("180||183", 5, 1, "an alternative is missing after '|'"),
        ("180?|183", 5, 1, "an alternative is missing before '|'"),
        ("(180", 1, 1, "this '(' is never closed"),
        ("180 ()", 5, 1, "these parentheses are empty"),
        ("180)", 4, 1, "this ')' closes nothing"),
        ("(" * 11 + "180" + ")" * 11, 11, 1, "parentheses are nested too deeply"),
        ("((200{99}){99}){99}", 1, 19, "this sequence is too large"),
        ("(180{99} 183){99}", 1, 17, "this sequence is too large"),
        ("200 " * 251, 1, 1, "a sequence may have at most 1000 characters"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(
    text: str, column: int, length: int, message: str
) -> None:
    """The caret stands under the very characters that are wrong."""
    with pytest.raises(ScenarioError) as caught:
        pattern(text)
    (problem,) = caught.value.problems
    assert problem.message.startswith(message)
    assert problem.source.column - LINE.column + 1 == column
    assert problem.source.length == length


def test_all_wrong_pieces_are_told_at_once() -> None:
    """Three slips are three problems."""
    with pytest.raises(ScenarioError) as caught:
        pattern("99 180, BEY")
    assert [problem.source.column - 6 for problem in caught.value.problems] == [1, 7, 9]


@pytest.mark.parametrize("method", METHODS)
def test_a_misspelt_method_is_recognised(method: str) -> None:
    """The nearest method is offered."""
    with pytest.raises(ScenarioError, match="not a request") as caught:
        pattern(method.lower())
    assert caught.value.problems[0].hint == f"did you mean '{method}'?"


def test_columns_after_a_variable_are_those_of_the_file() -> None:
    """What stands behind `${CODE}` is pointed at where it is written, not where it ends up."""
    # responses: ${CODE} 99
    columns = (12, 12, 12, *range(19, 23))
    text = Located.of("180 99", Source(file="f", line=1, column=12, length=10), columns)
    with pytest.raises(ScenarioError) as caught:
        parse_sequence(text, NOWHERE)
    assert caught.value.problems[0].source.column == 20


@pytest.mark.parametrize(
    "text",
    [
        "((180*)|(183*))*",
        "(((180?)*)|((180*)?))*",
        "(((180+)+)+)+",
        "(180|183|(180 183)|(183 180)|(180? 183?))* 200",
        "180?" * 240,
        "((18x*)|(180*)|(1xx*)){80}",
    ],
)
def test_no_pattern_takes_long(text: str) -> None:
    """Patterns that ruin a backtracking matcher are done long before the time limit of a test."""
    events = observed("180 183 " * 5000 + "503")
    match = pattern(text).match(events)
    assert not match.matched
    assert match.got is not None
