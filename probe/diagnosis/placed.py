"""What a call placed once more, changed in one thing, shows (controls that the user allowed)."""

from collections.abc import Iterator

from msgspec import Struct

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.rule import NAMED_BY_THEM, Gate, Hypothesis, Rule
from probe.trace.control import Control


class _Shows(Struct, frozen=True, kw_only=True):
    """What it means that the changed call went through."""

    control: Control
    "What was changed."

    results: tuple[str, ...]
    "Results of the control that show it."

    cause: str
    "Catalogue id."

    because: str
    "Why."

    step: str
    "What to do."

    rules_out: tuple[str, ...] = ()
    "Look-alikes that it excludes."


_TABLE = (
    _Shows(
        control=Control.SLIM,
        results=("rang", "refused", "provisional"),
        cause="F025",
        because="the same call with a small INVITE was answered, the large one was not",
        step="Send fewer codecs and header fields, or use TCP: large UDP requests are lost.",
        rules_out=("F015", "F030", "F131", "F013", "F032"),
    ),
    _Shows(
        control=Control.OTHER_TRANSPORT,
        results=("rang", "refused", "provisional"),
        cause="F021",
        because="the same call over the other transport was answered",
        step="Set the other transport in `uri:` of the trunk profile.",
        rules_out=("F030", "F131", "F013", "F032"),
    ),
    _Shows(
        control=Control.E164,
        results=("rang",),
        cause="F073",
        because="the same call went through with the number in the other form",
        step="Write numbers in the form that went through.",
        rules_out=("F072", "F076", "F077", "F074", "F088", "F089"),
    ),
    _Shows(
        control=Control.G711,
        results=("rang",),
        cause="F114",
        because="the same call went through with G.711 alone",
        step="Offer PCMU and PCMA first, or alone, on this trunk.",
        rules_out=("F115", "F116", "F117", "F119"),
    ),
    _Shows(
        control=Control.WITHOUT_SRTP,
        results=("rang",),
        cause="F116",
        because="the same call went through with plain RTP",
        step="Set `srtp: off` for this trunk, or have the provider enable SRTP.",
        rules_out=("F114", "F115", "F117", "F119"),
    ),
)


def changed_call(case: Case) -> Iterator[Hypothesis]:
    """Recognise: with one thing changed, the call went through."""
    for row in _TABLE:
        for index, ran in case.asked(row.control):
            if ran.result in row.results:
                yield Hypothesis(
                    cause=row.cause,
                    likelihood=Certainty.LIKELY,
                    because=row.because,
                    says=f"{case.facts['label']} failed, but {row.because}.",
                    evidence=(case.cite_control(index),),
                    steps=(row.step,),
                    rules_out=row.rules_out,
                    weight=NAMED_BY_THEM + 50,
                )


RULES = (
    Rule(
        name="the call changed in one thing",
        gate=Gate.POLICY,
        causes=tuple(dict.fromkeys(row.cause for row in _TABLE)),
        find=changed_call,
    ),
)
