"""What a rule is: a small piece of knowledge that turns evidence into a named cause.

Rules stand in tables, one table an area. Most are rows (`Sign`) that need no code of their own: a
set of response codes, perhaps a pattern in the phrase or a header, and the words to say. A rule
that must compare things is a function from a `Case` to hypotheses. `diagnose` runs the tables gate
by gate; a gate that proves a cause ends the search.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum

from msgspec import Struct, field
from msgspec.structs import replace

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence

NAMED_BY_THEM = 100
"""Weight of words of theirs that name the cause: more than any circumstance."""


IN_CALL = frozenset({"BYE", "CANCEL", "ACK", "PRACK", "UPDATE", "INFO", "REFER"})
"""Methods that speak of a call that exists: what refuses a call does not refuse them."""


class Gate(IntEnum):
    """The order in which causes are looked for: what could imitate the rest comes first."""

    OWN = 1
    "Our own agent, host and settings."

    NAME = 2
    "From the name to an address."

    TRANSPORT = 3
    "From the address to a peer that speaks SIP."

    TLS = 4
    "The encrypted transport."

    AUTHENTICATION = 5
    "Who we are, to them."

    POLICY = 6
    "Whether and where they route the call."

    SESSION = 7
    "What happened after the answer."


class Hypothesis(Struct, frozen=True, kw_only=True):
    """One cause that the evidence of a case speaks for."""

    cause: str
    "Catalogue id."

    likelihood: Certainty
    "How strongly the evidence speaks for it; capped by the catalogue's class afterwards."

    because: str
    "Why it is a candidate here, in one sentence."

    says: str = ""
    "The summary where this cause comes out first; empty for one made of the name."

    evidence: tuple[Evidence, ...] = ()
    "Facts with their events."

    steps: tuple[str, ...] = ()
    "What to do, with our configured values; empty for the catalogue's advice."

    unknown: tuple[str, ...] = ()
    "What this side cannot know about it."

    rules_out: tuple[str, ...] = ()
    "Causes that the same evidence excludes."

    weight: int = 0
    "Order among hypotheses of the same likelihood, the heavier first."

    by_code: bool = False
    "Whether only the code speaks for it: a provider's own meaning of the code comes before."


class Rule(Struct, frozen=True, kw_only=True):
    """One rule."""

    name: str
    "What it recognises, in a few words; unique."

    gate: Gate
    "When it is asked."

    causes: tuple[str, ...]
    "Catalogue ids that it can name."

    find: Callable[[Case], Iterable[Hypothesis]]
    "Yields hypotheses; nothing where the case is another one."


class Sign(Struct, frozen=True, kw_only=True):
    """A rule as a row: a response of these codes, with these marks, speaks for this cause."""

    cause: str
    "Catalogue id."

    codes: tuple[int, ...]
    "Response codes; empty for any final response that is no 2xx."

    because: str
    "Why, with {facts} of the case."

    says: str = ""
    "The summary, with {facts}."

    pattern: str = ""
    "Searched, case ignored, in the phrase and the telling header fields; empty if none is needed."

    methods: tuple[str, ...] = ()
    "Methods of the request; empty for any that stands outside a call."

    directions: tuple[str, ...] = ()
    "Directions of the attempt; empty for any."

    when: Callable[[Case], bool] | None = None
    "A further condition, or None."

    likelihood: Certainty = Certainty.LIKELY
    "How strongly it speaks."

    steps: tuple[str, ...] = ()
    "What to do, with {facts}."

    fields: tuple[str, ...] = ()
    "Header fields of the response to cite beside its first line."

    unknown: tuple[str, ...] = ()
    "What this side cannot know."

    rules_out: tuple[str, ...] = ()
    "Causes that it excludes."

    weight: int = 0
    "Order among equals."

    gate: Gate = Gate.POLICY
    "When it is asked."

    name: str = field(default="")
    "What it recognises; made of the cause and its reason where it is empty."

    def rule(self) -> Rule:
        """Return the row as a rule."""
        return Rule(
            name=self.name or f"{self.cause}: {self.because}",
            gate=self.gate,
            causes=(self.cause,),
            find=self.find,
        )

    def find(self, case: Case) -> Iterator[Hypothesis]:
        """Yield the hypothesis where the response bears the marks."""
        reply = case.reply
        if reply is None or not self._fits(case, reply.status):
            return
        marks = case.matching(self.pattern) if self.pattern else ()
        if self.pattern and not marks:
            return
        yield Hypothesis(
            cause=self.cause,
            likelihood=self.likelihood,
            because=case.fill(self.because),
            says=case.fill(self.says),
            evidence=tuple(
                dict.fromkeys((case.cite_start(reply.index), *marks, *case.cite(*self.fields)))
            ),
            steps=tuple(case.fill(step) for step in self.steps),
            unknown=tuple(case.fill(text) for text in self.unknown),
            rules_out=self.rules_out,
            weight=self.weight + (NAMED_BY_THEM if marks else 0),
            by_code=not marks,
        )

    def _fits(self, case: Case, status: int) -> bool:
        return (
            (status in self.codes if self.codes else status >= 300)
            and (case.method in self.methods if self.methods else case.method not in IN_CALL)
            and (not self.directions or case.direction in self.directions)
            and (self.when is None or self.when(case))
        )


def rows(*signs: Sign, methods: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """Return rows as rules; ``methods`` holds for rows that name none."""
    return tuple(replace(sign, methods=sign.methods or methods).rule() for sign in signs)


def contains(pattern: str, text: str) -> bool:
    """Whether a pattern occurs in a text, case ignored."""
    return re.search(pattern, text, re.IGNORECASE) is not None
