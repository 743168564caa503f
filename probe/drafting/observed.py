"""A scenario from what happened: one registration, one call, and what came of them.

What is written would have been met by the very messages that it was made from; the caller holds
it against them before anything is put on disk.
"""

import re
from datetime import datetime
from urllib.parse import unquote

from msgspec import Struct

from probe.drafting.bounds import max_bound
from probe.drafting.draft import with_comment
from probe.drafting.quoting import always_quoted, scalar
from probe.plan.plan import Attempt
from probe.scenario.source import printable
from probe.scenario.values import CODECS
from probe.sip.message import SipMessage, uri_user
from probe.sip.sdp import MediaDescription
from probe.trace.failure import Failure
from probe.trace.trace import CHALLENGES, Trace
from probe.verdict.observation import Observation, observe
from probe.verdict.sdp import answer_index
from probe.verdict.timing import measure
from probe.verdict.verdict import Timing, Verdict

TALK_S = 2
"""Seconds that an answered call is held: long enough to see a far end that hangs up at once."""

_RING_S = 3
"""Seconds of ringing before CANCEL, in a scenario for a number that nobody answers."""

_LONGEST_PHRASE = 60
_LONGEST_NAME = 40


class NothingToExpectError(Exception):
    """What happened is nothing that a scenario could ask for again; the text says why."""


class Seen(Struct, frozen=True, kw_only=True):
    """One attempt as carried out and judged without any expectation."""

    attempt: Attempt
    "What was tried."

    trace: Trace
    "What happened, without secrets."

    verdict: Verdict
    "What a step without ``expect:`` would have made of it."


class Occasion(Struct, frozen=True, kw_only=True):
    """When and how it was seen."""

    command: str
    "The command that placed the call, as somebody would type it again."

    version: str
    "Ours."

    at: datetime
    "Aware UTC."

    trunk: str
    "The profile that was used."

    folder: str | None
    "The run's folder, or None where nothing was stored."


class ObservedScenario(Struct, frozen=True, kw_only=True):
    """What was written, and what to say of it."""

    text: str
    "The scenario file."

    told: str
    "What the call came to, in a few words: ``answers``, ``is refused with 486 Busy Here``."

    as_seen: bool
    "Whether the very messages that were seen meet it; not so where we rang and gave up."


def scenario_name(target: str) -> str:
    """Return the name of a scenario for a number or URI: ``call-12025550123``."""
    user = unquote(uri_user(target)) or re.sub(r"^(sips?|tel):", "", target, flags=re.IGNORECASE)
    word = re.sub(r"[^A-Za-z0-9_]+", "-", user).strip("-").lower()[:_LONGEST_NAME].strip("-")
    return f"call-{word or 'target'}"


def asking(target: str, *, trunk: str, registers: bool, within: str | None) -> str:
    """Return the scenario that places the one call, and expects nothing of it.

    ``within`` says how long it may ring, as ``answer_within:`` has it; None leaves it there.
    """
    lines = [
        f"trunk: {scalar(trunk)}",
        "steps:",
        *(["  - register:"] if registers else []),
        f"  - call: {always_quoted(target)}",
        f"    hangup_after: {TALK_S}s",
        *([f"    answer_within: {always_quoted(within)}"] if within else []),
    ]
    return "\n".join(lines) + "\n"


def observed_scenario(
    registration: Seen | None, call: Seen, target: str, occasion: Occasion
) -> ObservedScenario:
    """Return a scenario that asks for what was seen again; raise NothingToExpectError."""
    steps: list[str] = []
    if registration is not None:
        steps += [*_registration(registration), ""]
    body, told, as_seen = _call(call, target)
    lines = [
        *_head(registration, call, occasion),
        f"name: {scalar(printable(f'{target} {told}'))}",
        f"tags: [{'call' if _good(call) else 'call, negative'}]",
        f"trunk: {scalar(occasion.trunk)}",
        "",
        "steps:",
        *steps,
        *body,
    ]
    return ObservedScenario(text="\n".join(lines) + "\n", told=told, as_seen=as_seen)


def _good(call: Seen) -> bool:
    """Whether the call was answered."""
    final = observe(call.trace).final
    return final is not None and 200 <= final.status < 300


def _head(registration: Seen | None, call: Seen, occasion: Occasion) -> list[str]:
    """Return the comment that says what was seen, when, and how."""
    when = f"{occasion.at:%Y-%m-%d %H:%M} UTC"
    lines = [
        f"# Written from one call on {when} by sipprobe {printable(occasion.version)}:",
        f"#     {printable(occasion.command)}",
        "# What was seen then:",
    ]
    lines += [
        f"#     {printable(seen.attempt.label)}   {_story(seen)}"
        for seen in (registration, call)
        if seen is not None
    ]
    if occasion.folder:
        lines.append(f"# All messages: {printable(occasion.folder)}/")
    lines += [
        "# Times may be three times as long as they were, and a second at least. Tighten what",
        "# matters to you, and take out what does not.",
    ]
    return lines


def _story(seen: Seen) -> str:
    """Return what happened in one line: responses, times, who answered."""
    seen_now = observe(seen.trace)
    times = measure(seen_now)
    words = [_came(seen_now)]
    for name in ("rrd", "pdd", "setup"):
        value = getattr(times, f"{name}_s")
        if value is not None:
            words.append(f"{name} {value:.3f} s")
    final = seen_now.final
    if final is not None:
        agent = _agent(seen.trace.message(final.index))
        if agent:
            words.append(agent)
    return ", ".join(words)


def _came(observation: Observation) -> str:
    """Return responses and requests in order, as a report shows them: ``407 → 100 180 200``."""
    words = []
    for token in observation.tokens:
        if not token.answered:
            words.append(token.token)
        elif token.token.isdigit():
            words += [token.token, "→"]
    return " ".join(words)


def _agent(message: SipMessage) -> str:
    """Return what a peer calls itself, short and without control characters; or nothing."""
    named = (*message.all("Server"), *message.all("User-Agent"))
    return printable(named[0])[:_LONGEST_PHRASE] if named else ""


def _registration(seen: Seen) -> list[str]:
    """Return the lines of the step that registers."""
    observation = observe(seen.trace)
    final = observation.final
    if final is None or not 200 <= final.status < 300:
        raise NothingToExpectError("the registration was not accepted, so the call says little")
    lines = ["  - register:", "    expect:"]
    if _challenged(observation):
        lines.append("      challenge: required")
    lines.append(f"      responses: {final.status}")
    rrd = measure(observation).rrd_s
    if rrd is not None:
        lines.append(
            with_comment(f"      timing: {{rrd: {max_bound(rrd)}}}", f"it was {_shown(rrd)}")
        )
    return lines


def _call(seen: Seen, target: str) -> tuple[list[str], str, bool]:
    """Return the lines of the call, what it came to in words, and whether that was seen."""
    observation = observe(seen.trace)
    final = observation.final
    if observation.ours:
        raise NothingToExpectError(f"the fault was ours: {observation.failure_words}")
    head = [f"  - call: {always_quoted(target)}"]
    if final is None:
        return _unanswered(head, observation)
    if 200 <= final.status < 300:
        return _answered(head, observation, seen)
    if observation.failure is not None and observation.failure.failure is Failure.UNUSABLE_ANSWER:
        raise NothingToExpectError(observation.failure_words)
    return _refused(head, observation)


def _answered(head: list[str], observation: Observation, seen: Seen) -> tuple[list[str], str, bool]:
    """Return the step for a call that was answered."""
    times = measure(observation)
    comment = "they hung up by themselves" if observation.trace.received("BYE") else ""
    lines = [
        *head,
        f"    hangup_after: {TALK_S}s",
        "    expect:",
        *_challenge(observation),
        with_comment(f"      responses: {_sequence(observation)}", comment),
        *_timing(times, ("pdd", "setup")),
        *_sdp(observation),
    ]
    lines += [
        f"    # Not asked for, but not clean either: {printable(mismatch.message)}."
        for mismatch in seen.verdict.mismatches
    ]
    return lines, "answers", True


def _refused(head: list[str], observation: Observation) -> tuple[list[str], str, bool]:
    """Return the step for a call that was refused."""
    final = observation.final
    assert final is not None  # noqa: S101 - the caller looked
    phrase = printable(final.reason)[:_LONGEST_PHRASE].strip()
    told = f"{final.status} {phrase}".strip()
    times = measure(observation)
    name = "pdd" if times.pdd_s is not None else "srd"
    lines = [
        *head,
        "    expect:",
        *_challenge(observation, forbidden=final.status == 403),
        with_comment(f"      responses: {_sequence(observation)}", told),
        *_timing(times, (name,)),
    ]
    if final.status in CHALLENGES and not observation.answered:
        lines.append("    # No credentials were sent: the trunk profile has no password for it.")
    how = "redirected" if final.status < 400 else "refused"
    return lines, f"is {how} with {told}", True


def _unanswered(head: list[str], observation: Observation) -> tuple[list[str], str, bool]:
    """Return the step for a number that rang until we gave up, and whose CANCEL went well."""
    rang = [r for r in observation.responses if 100 < r.status < 200]
    cancelled = any(r.status == 487 for r in observation.late)
    if not rang or not cancelled or observation.failure is None:
        raise NothingToExpectError(f"no answer came: {observation.failure_words or 'nothing'}")
    lines = [
        *head,
        with_comment(f"    ring_for: {_RING_S}s", "then CANCEL; counted from the first ringing"),
        "    expect:",
        *_challenge(observation),
        f"      responses: {_sequence(observation)} CANCEL 487 ACK",
        *_timing(measure(observation), ("pdd",)),
        f"    # Nobody answered: {observation.failure_words}.",
    ]
    return lines, "rings and is not answered", False


def _sequence(observation: Observation) -> str:
    """Return what came as a sequence: 100 perhaps, repeated provisional responses once."""
    words: list[str] = []
    for seen in observation.tokens:
        if seen.answered or not (seen.token.isdigit() or seen.token in {"ACK", "BYE"}):
            continue
        word = "100?" if seen.token == "100" else seen.token  # noqa: S105 - a status code
        if words and word == words[-1]:
            continue
        words.append(word)
    if words[:1] != ["100?"]:
        words.insert(0, "100?")
    return " ".join(words)


def _challenged(observation: Observation) -> bool:
    """Whether the first final response to the first request was a Digest challenge."""
    first = next((r for r in observation.responses if r.status >= 200), None)
    if first is None or first.status not in CHALLENGES:
        return False
    challenges = observation.trace.message(first.index).challenges
    return any(challenge.scheme == "digest" for challenge in challenges)


def _challenge(observation: Observation, *, forbidden: bool = False) -> list[str]:
    """Return the line about credentials; a 403 without any challenge is an access list."""
    if _challenged(observation):
        return ["      challenge: required"]
    if forbidden and not any(r.status in CHALLENGES for r in observation.responses):
        return [with_comment("      challenge: absent", "refused before any password was asked")]
    return []


def _timing(times: Timing, names: tuple[str, ...]) -> list[str]:
    """Return the bounds of the times that were seen."""
    lines = []
    for name in names:
        value = getattr(times, f"{name}_s")
        if value is not None:
            bound = max_bound(value, 5.0 if name == "setup" else 1.0)
            lines.append(with_comment(f"        {name}: {bound}", f"it was {_shown(value)}"))
    return ["      timing:", *lines] if lines else []


def _sdp(observation: Observation) -> list[str]:
    """Return the line about the SDP answer; nothing where it names no codec that we know."""
    audio = _audio(observation)
    if audio is None or audio.port == 0:
        return []
    known = next((c for c in CODECS if c.lower() == (audio.codec or "").lower()), None)
    wanted = [f"codec: {known}"] if known else []
    if audio.direction:
        wanted.append(f"direction: {audio.direction}")
    return [f"      sdp: {{{', '.join(wanted)}}}"] if wanted else []


def _audio(observation: Observation) -> MediaDescription | None:
    """Return the audio section of the answer, or None."""
    index = answer_index(observation)
    answer = observation.trace.message(index).sdp if index is not None else None
    return None if answer is None else answer.audio


def _shown(seconds: float) -> str:
    """Return a time as it was seen."""
    return f"{seconds:.3f} s"
