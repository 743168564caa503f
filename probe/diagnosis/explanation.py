"""The explanation of one attempt: what was observed, inferred, unknown, and what to do next."""

from enum import Enum

from msgspec import Struct


class Certainty(Enum):
    """How far the evidence reaches."""

    CERTAIN = "certain"
    "One cause, proved by the evidence."

    LIKELY = "likely"
    "The evidence favours the first cause and does not exclude the others."

    UNDECIDED = "undecided"
    "Only the other side can know, or nothing in the catalogue fits."


class Cause(Struct, frozen=True, kw_only=True):
    """A candidate from the catalogue."""

    id: str
    "Catalogue id, F001 to F180."

    name: str
    "Its short name."

    likelihood: Certainty
    "How strongly the evidence speaks for it."

    because: str
    "Why it is a candidate here, in one sentence."


class Evidence(Struct, frozen=True, kw_only=True):
    """One fact and the event that shows it."""

    event: int | None
    "Index of the event in the trace, or None where our own configuration shows it."

    says: str
    "The fact, quoting wire text without control characters."


class CodeReference(Struct, frozen=True, kw_only=True):
    """Which entry of the code reference applies."""

    code: int
    "Status code that arrived."

    name: str
    "Registered name, or ``not a registered code``."

    defined_in: str
    "RFC and section."

    provider: str | None
    "Provider whose meaning was used, or None."


class Explanation(Struct, frozen=True, kw_only=True):
    """Why, with evidence, and with what cannot be known from here."""

    certainty: Certainty
    "Certain only of one cause that the evidence proves."

    causes: tuple[Cause, ...]
    "Most likely first, at most four; empty where nothing fits."

    summary: str
    "One or two sentences."

    observed: tuple[str, ...]
    "What the trace shows, without interpretation."

    inferred: tuple[str, ...]
    "What follows from it."

    evidence: tuple[Evidence, ...]
    "Facts with their events."

    unknown: tuple[str, ...]
    "What cannot be known from this side."

    next_steps: tuple[str, ...]
    "What to do, first thing first; a question to the provider is written as a question."

    reference: CodeReference | None
    "The code's entry, or None where no code arrived."
