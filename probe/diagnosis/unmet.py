"""Expectations that were not met although nothing failed: bounds, header fields, SDP, order.

No catalogue cause is behind these: the call went through, or was refused as wanted, and one thing
about it differs from the file. The explanation says what was measured, and between which messages.
"""

from collections.abc import Callable

from msgspec import Struct

from probe.diagnosis.case import Case, kind_of, seconds
from probe.diagnosis.explanation import Evidence
from probe.diagnosis.quote import plain
from probe.trace.trace import MessageEvent
from probe.verdict.verdict import Mismatch


class Telling(Struct, frozen=True, kw_only=True):
    """What there is to say about one mismatch."""

    summary: str
    "One sentence."

    inferred: tuple[str, ...] = ()
    "What follows from it."

    evidence: tuple[Evidence, ...] = ()
    "Facts with their events."

    steps: tuple[str, ...] = ()
    "What to do."


_DELAYS = {
    "rrd": "seconds between the first REGISTER and its 200 (RFC 6076 §4.1)",
    "srd": "seconds between the INVITE and the first 18x or final response (RFC 6076 §4.3)",
    "pdd": "seconds between the INVITE and the first 18x",
    "setup": "seconds between the INVITE and its 200",
    "total": "seconds from the beginning of the attempt to its end",
}
"""What each delay spans."""


def tell(case: Case, mismatch: Mismatch) -> Telling:
    """Return what there is to say about a mismatch."""
    return _BY_KIND.get(kind_of(mismatch.path), _sequence)(case, mismatch)


def _timing(case: Case, mismatch: Mismatch) -> Telling:
    name = mismatch.path.rpartition(".")[2]
    span = _DELAYS.get(name, "seconds of this delay")
    legs = _legs(case)
    return Telling(
        summary=f"{name} was {plain(mismatch.observed)}, and the scenario allows "
        f"{plain(mismatch.expected)}: {span}.",
        inferred=(f"The time went by like this: {legs}.",) if legs else (),
        evidence=_cited(case, mismatch),
        steps=(
            (
                "Compare the times between the messages: before 100 it is the network or the "
                "server itself, after 100 it is what lies behind it."
            ),
            f"If this delay is normal for the trunk, raise `timing: {{{name}: …}}` in the step.",
        ),
    )


def _legs(case: Case) -> str:
    """Say how the time of the attempt was spent, message by message."""
    parts = []
    last = case.began
    for response in case.trace.responses(challenges=True):
        parts.append(f"{response.status} after {seconds(max(0.0, response.at - last))} more")
        last = response.at
    return ", ".join(parts[:8])


def _header(case: Case, mismatch: Mismatch) -> Telling:
    name = plain(mismatch.path.partition(".")[2].partition(".")[2])
    ours = "request_headers" in mismatch.path
    whose = "our own request" if ours else "their answer"
    wanted, got = plain(mismatch.expected), plain(mismatch.observed)
    if wanted == "absent":
        text = f"The header field {name} is present in {whose} ({got}), and it should be absent."
    elif got == "absent":
        text = f"The header field {name} is absent from {whose}; the scenario wants it {wanted}."
    else:
        text = f"The header field {name} in {whose} is {got}, and the scenario wants it {wanted}."
    step = (
        "Set it with `headers:` of the step or of the trunk profile."
        if ours
        else f"Ask the other side why it sends {name} like this, or correct `headers:` in the step."
    )
    where = mismatch.evidence[0] if mismatch.evidence else None
    lines = case.cite(name, index=where) if where is not None else ()
    return Telling(summary=text, evidence=(*_cited(case, mismatch), *lines), steps=(step,))


def _sdp(case: Case, mismatch: Mismatch) -> Telling:
    name = plain(mismatch.path.rpartition(".")[2])
    return Telling(
        summary=f"In the audio answer, {name} is {plain(mismatch.observed)}, and the scenario "
        f"wants {plain(mismatch.expected)}.",
        evidence=_cited(case, mismatch),
        steps=(
            (
                "The answering side picks from what we offer: set `codecs:` to offer only what may "
                "be picked, or correct `sdp:` in the step."
            ),
        ),
    )


_HEARD = {"heard": "What was heard is", "dtmf": "The keys that came are", "like": "It has"}
"""How what was heard is told: it is no figure with a bound."""


def _media(case: Case, mismatch: Mismatch) -> Telling:
    name = plain(mismatch.path.rpartition(".")[2])
    if name in _HEARD:
        return Telling(
            summary=f"{_HEARD[name]} {plain(mismatch.observed)}, and the scenario wants "
            f"{plain(mismatch.expected)}.",
            evidence=_cited(case, mismatch),
            steps=(
                "Call by hand and listen, or set `record: yes` on the call and open the recording.",
            ),
        )
    return Telling(
        summary=f"The audio figure {name} was {plain(mismatch.observed)}, and the scenario allows "
        f"{plain(mismatch.expected)}.",
        evidence=_cited(case, mismatch),
        steps=("Run the call again at another time, and from another network.",),
    )


def _challenge(case: Case, mismatch: Mismatch) -> Telling:
    asked = mismatch.expected != "absent"
    return Telling(
        summary=case.fill("{host} did not ask for a login, and the scenario wants it to.")
        if asked
        else case.fill("{host} asked for a login, and the scenario wants none."),
        inferred=("They let us in by our address, or let anybody in.",) if asked else (),
        evidence=_cited(case, mismatch),
        steps=("Check how the trunk lets us in: by login, by address, or not at all.",),
    )


def _notify(case: Case, mismatch: Mismatch) -> Telling:
    if case.method == "REFER":
        return _transfer(case, mismatch)
    wanted, got = plain(mismatch.expected), plain(mismatch.observed)
    return Telling(
        summary=f"The scenario expects {wanted}, and what came is: {got}.",
        evidence=_cited(case, mismatch),
        steps=(
            (
                "Compare the body of the NOTIFY with the state that the server should tell of; if "
                "it is right, correct `notify:` in the step."
            ),
        ),
    )


def _arrived(case: Case, mismatch: Mismatch) -> Telling:
    name = plain(mismatch.path.partition(".")[2].partition(".")[2])
    wanted, got = plain(mismatch.expected), plain(mismatch.observed)
    return Telling(
        summary=f"In what reached us, {name} is {got}, and the scenario expects {wanted}.",
        evidence=_cited(case, mismatch),
        steps=("Look where it changes on its way, or correct `callee:` in the step.",),
    )


def _sequence(case: Case, mismatch: Mismatch) -> Telling:
    wanted, got = plain(mismatch.expected), plain(mismatch.observed)
    success = 200 <= case.status < 300
    evidence = _cited(case, mismatch)
    if success and not case.final_as_wanted:
        return Telling(
            summary=case.fill("The {method} succeeded with {answer}, and the scenario expects ")
            + f"{wanted}: the refusal that it waits for did not come.",
            evidence=evidence,
            steps=("If success is right, correct `responses:` in the step.",),
        )
    if success and "18" in wanted and case.rang is None:
        return Telling(
            summary="The call was answered without any ringing response (18x) before it.",
            inferred=("A machine that answers at once, or a proxy that keeps 18x to itself.",),
            evidence=evidence,
            steps=("Write `180?` in `responses:` if ringing need not be seen.",),
        )
    return Telling(
        summary=f"The end is as expected, the way to it is not: expected {wanted}, got {got}."
        if case.final_as_wanted
        else f"Expected {wanted}, got {got}.",
        evidence=evidence,
        steps=("If that order is fine, write it in `responses:`; `?` marks what may be missing.",),
    )


def _at(case: Case, mismatch: Mismatch) -> Telling:
    """Tell of a call that went through and did not reach its agent, or was not confirmed there."""
    missed = [leg for leg in case.trace.legs if not leg.reached]
    evidence = _cited(case, mismatch)
    if not missed:
        return Telling(
            summary=f"{plain(mismatch.observed)}.",
            inferred=("The ACK was lost between the phone system and the called side.",),
            evidence=evidence,
            steps=("Compare the Contact of the called side's 200 with where its ACK was sent.",),
        )
    name = plain(missed[0].agent)
    if not 200 <= case.status < 300:
        return Telling(summary=f"No INVITE reached {name}.", evidence=evidence)
    there = "was registered" if missed[0].registered else "was not registered"
    return Telling(
        summary=f"The call was answered, but not by {name}: no INVITE reached it.",
        inferred=(
            "Somebody else answered: a mailbox, an announcement, a forward, or another device.",
        ),
        evidence=(*evidence, Evidence(event=None, says=f"{name} {there} at that time")),
        steps=(
            f"See the dial plan and the forwards of the number: who answers where {name} should?",
            "The `Server`, `Contact` and session description of the 200 say what answered.",
        ),
    )


def _transfer(case: Case, mismatch: Mismatch) -> Telling:
    """Tell of a NOTIFY that says something else, or that never came."""
    wanted, got = plain(mismatch.expected), plain(mismatch.observed)
    last = got.rpartition(" ")[2]
    failed = last.isdigit() and int(last) >= 300
    return Telling(
        summary=f"The transfer was accepted with {case.status}, and then its target answered "
        f"{last}."
        if failed
        else f"The transfer was accepted with {case.status}; its NOTIFYs should tell {wanted}, and "
        f"what came is {got}.",
        inferred=("The REFER was taken: the number, or whoever is called, is the cause.",)
        if failed
        else (),
        evidence=_cited(case, mismatch),
        steps=(
            f"Call the target directly: it should answer {last} as well; `sipprobe explain {last}`."
            if failed
            else "See whether the phone system reports transfers at all (RFC 3515 §2.4.4); some "
            "end the subscription at once (RFC 4488).",
        ),
    )


def _cited(case: Case, mismatch: Mismatch) -> tuple[Evidence, ...]:
    return tuple(
        case.cite_start(index)
        for index in mismatch.evidence[:4]
        if 0 <= index < len(case.events) and isinstance(case.events[index], MessageEvent)
    )


_BY_KIND: dict[str, Callable[[Case, Mismatch], Telling]] = {
    "timing": _timing,
    "headers": _header,
    "request_headers": _header,
    "sdp": _sdp,
    "media": _media,
    "challenge": _challenge,
    "at": _at,
    "callee": _arrived,
    "notify": _notify,
}
"""How each kind of mismatch is told; every other is one of order."""
