"""What was heard, where packets came: silence, faint or distorted sound, a machine, key presses."""

from collections.abc import Iterator

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.diagnosis.streams import (
    about,
    answered_at,
    cite_sdp,
    counted,
    fact,
    offer_index,
    streams,
    too_short,
)
from probe.plan.action import Call
from probe.trace.media import Digit, Heard, MediaReport

FAINT_DBOV = -45.0
"""Level below which speech is hardly understood: about 25 dB under what telephones send (G.711)."""

SHORT_KEY_S = 0.04
"""Shortest key press that receivers must take (ITU-T Q.24)."""

_SAME_KEY_S = 0.25
_NETWORK = frozenset({"ringback", "busy", "congestion", "sit", "dial"})
_NOTHING = frozenset({"silence", "missing"})
_REFUSED = frozenset({405, 415, 488, 501, 603})


def quiet(case: Case) -> Iterator[Hypothesis]:
    """Recognise: packets flow, and there is silence or hardly a sound in them."""
    if case.answer is None or not about(case, r"heard|level|like|echo"):
        return
    for report in streams(case):
        sounds = [one for one in report.heard if one.what not in _NOTHING]
        loudest = max(
            (one.level_dbov for one in sounds if one.level_dbov is not None), default=None
        )
        silent = bool(report.heard) and not sounds
        faint = loudest is not None and loudest < FAINT_DBOV
        if not report.rx_packets or not (silent or faint):
            continue
        if silent and _we_were_silent(case, report):
            continue
        what = (
            "silence alone" if silent else f"no sound above {loudest:.0f} dBov, which is very faint"
        )
        yield Hypothesis(
            cause="F164",
            likelihood=Certainty.UNDECIDED if too_short(case) else Certainty.LIKELY,
            because=f"{report.rx_packets} packets came, and they carry {what}",
            says=f"Audio packets arrive ({report.rx_packets}), and they carry {what}.",
            evidence=(counted(report), *heard(report)),
            unknown=("Whose microphone, line or gateway is silent.", *too_short(case)),
            rules_out=("F147",),
            weight=20,
        )


def _we_were_silent(case: Case, report: MediaReport) -> bool:
    """Whether our own side sent silence: then an echo of it says nothing."""
    action = case.attempt.action
    return isinstance(action, Call) and action.play in {None, "silence"} and report.tx_packets > 0


def heard(report: MediaReport) -> tuple[Evidence, ...]:
    """Cite what was heard, at most three stretches."""
    return tuple(fact(f"heard: {_told(one)}") for one in report.heard[:3])


def _told(one: Heard) -> str:
    level = "" if one.level_dbov is None else f" at {one.level_dbov:.0f} dBov"
    return f"{plain(one.what)} for {seconds(one.length_s)}{level}"


def machine(case: Case) -> Iterator[Hypothesis]:
    """Recognise: answered, and what is heard is a signal of the network, or speech for an echo."""
    begun = answered_at(case)
    if begun is None or not about(case, r"heard|like|echo"):
        return
    for report in streams(case):
        after = [one for one in report.heard if one.at + one.length_s > begun]
        signal = next((one for one in after if one.what.split()[0] in _NETWORK), None)
        speech = next((one for one in after if one.what == "speech"), None)
        found = signal or speech
        if found is None:
            continue
        network = signal is not None
        yield Hypothesis(
            cause="F170",
            likelihood=Certainty.LIKELY if network else Certainty.UNDECIDED,
            because=f"the call was answered, and then {plain(found.what)} was heard"
            + (", a signal of the network" if network else ""),
            says=f"The call was answered, and what is heard is {plain(found.what)}: a network or a "
            "machine answered, not the called line.",
            evidence=(
                *((case.cite_start(case.answer),) if case.answer is not None else ()),
                *heard(report),
            ),
            unknown=("Who answered: only the other side can know.",),
            weight=15,
        )


def other_law(case: Case) -> Iterator[Hypothesis]:
    """Recognise: G.711 that is clean by the law that was not agreed (ITU-T G.711)."""
    if case.answer is None or not about(case, r"heard|level|like|echo|mos"):
        return
    for report in streams(case):
        if not report.rx_other_law:
            continue
        law, other = report.codec or "", {"PCMU": "PCMA", "PCMA": "PCMU"}.get(report.codec or "")
        yield Hypothesis(
            cause="F169",
            likelihood=Certainty.LIKELY,
            because=f"the packets are marked as {plain(law)}, and their bytes are smooth sound "
            f"only as {other}",
            says=f"They send {other} bytes in packets that are marked as {plain(law)}: what is "
            "heard is distorted.",
            evidence=(
                *cite_sdp(case, case.answer, "m=audio", "a=rtpmap"),
                *heard(report),
                fact(f"as {other} the same bytes are smooth sound"),
            ),
            rules_out=("F164",),
            weight=40,
        )


# Key presses ------------------------------------------------------------------------------------


def keys_not_agreed(case: Case) -> Iterator[Hypothesis]:
    """Recognise: key presses were wanted, and telephone-event was not agreed (RFC 4733)."""
    offered = case.offer.audio if case.offer else None
    answered = case.answer_sdp.audio if case.answer_sdp else None
    if not _about_keys(case) or offered is None or answered is None or case.answer is None:
        return
    if "telephone-event" in offered.codecs and "telephone-event" not in answered.codecs:
        yield Hypothesis(
            cause="F157",
            likelihood=Certainty.CERTAIN,
            because="we offered telephone-event and their answer leaves it out",
            says="Key presses cannot arrive: their answer does not take telephone-event.",
            evidence=(
                *cite_events(case, offer_index(case)),
                case.cite_start(case.answer),
                *case.cite_audio(case.answer),
            ),
            steps=("Have them enable RFC 4733 (RFC 2833) DTMF, or send it another way.",),
        )


def cite_events(case: Case, index: int | None) -> tuple[Evidence, ...]:
    """Cite where a session description names telephone-event."""
    lines = cite_sdp(case, index, "m=audio", "a=rtpmap")
    return tuple(one for one in lines if "m=" in one.says or "telephone-event" in one.says)


def _about_keys(case: Case) -> bool:
    return about(case, r"dtmf|digits|keys")


def info_refused(case: Case) -> Iterator[Hypothesis]:
    """Recognise: their side refuses key presses by SIP INFO."""
    for transaction in case.trace.transactions():
        if not transaction.ours or transaction.method != "INFO":
            continue
        kind = case.trace.message(transaction.request).first("Content-Type") or ""
        if "dtmf" not in kind.lower():
            continue
        for index in transaction.responses:
            status = case.trace.message(index).status or 0
            if status in _REFUSED:
                yield Hypothesis(
                    cause="F158",
                    likelihood=Certainty.LIKELY,
                    because=f"our key press by INFO was refused with {status}",
                    says=f"They refuse key presses by SIP INFO ({status}).",
                    evidence=(case.cite_start(transaction.request), case.cite_start(index)),
                    steps=("Send the digits by RFC 4733 instead.",),
                    weight=40,
                )
                return


def other_way(case: Case) -> Iterator[Hypothesis]:
    """Recognise: digits came as tones in the sound although events were agreed."""
    if not _about_keys(case):
        return
    for report in streams(case):
        ways = {digit.how for digit in report.digits}
        agreed = any(one.events is not None for one in report.agreed)
        if ways == {"inband"} and agreed:
            yield Hypothesis(
                cause="F158",
                likelihood=Certainty.LIKELY,
                because="telephone-event was agreed, and their key presses came as tones",
                says="Their key presses come as tones in the sound, and telephone-event was "
                "agreed.",
                evidence=(
                    *cite_events(case, case.answer),
                    *_pressed(report.digits),
                ),
                weight=20,
            )


def doubled_keys(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a key press that came twice, or too briefly."""
    if not _about_keys(case):
        return
    for report in streams(case):
        twice = [
            (one, two)
            for one, two in zip(report.digits, report.digits[1:], strict=False)
            if one.digit == two.digit and one.how != two.how and two.at - one.at < _SAME_KEY_S
        ]
        brief = [d for d in report.digits if d.length_s is not None and d.length_s < SHORT_KEY_S]
        if twice:
            one, two = twice[0]
            yield Hypothesis(
                cause="F159",
                likelihood=Certainty.LIKELY,
                because=f"{len(twice)} key presses came by {one.how} and by {two.how} at once",
                says=f"Each key press comes twice: by {one.how} and by {two.how}.",
                evidence=_pressed(report.digits),
                weight=30,
            )
        elif brief:
            yield Hypothesis(
                cause="F159",
                likelihood=Certainty.LIKELY,
                because=f"{len(brief)} key presses are shorter than {SHORT_KEY_S * 1000:.0f} ms",
                says="Their key presses are too short to be recognised everywhere.",
                evidence=_pressed(tuple(brief)),
                weight=20,
            )


def _pressed(digits: tuple[Digit, ...]) -> tuple[Evidence, ...]:
    return tuple(
        fact(
            f"digit {plain(one.digit)} by {one.how}"
            + ("" if one.length_s is None else f", {seconds(one.length_s)} long")
        )
        for one in digits[:4]
    )


def announcement(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a refusal after early media in which something was heard."""
    reply = case.reply
    if case.early is None or case.answer is not None or reply is None or reply.status < 400:
        return
    for report in streams(case):
        told = next((one for one in report.heard if one.what.split()[0] in _SPOKEN), None)
        if told is None or case.our_cancel is not None:
            continue
        yield Hypothesis(
            cause="F105",
            likelihood=Certainty.LIKELY,
            because=f"before the refusal {plain(told.what)} was heard",
            says=f"Before they refused the call, {plain(told.what)} was heard: an announcement or "
            "a signal that says why.",
            evidence=(case.cite_start(case.early), *heard(report), case.cite_start(reply.index)),
            steps=(case.fill("Call {number} by hand and listen to what is said."),),
            weight=45,
        )


_SPOKEN = _NETWORK - {"ringback", "dial"} | {"speech"}
_SESSION = Gate.SESSION

RULES = (
    Rule(name="quiet", gate=_SESSION, causes=("F164",), find=quiet),
    Rule(name="machine", gate=_SESSION, causes=("F170",), find=machine),
    Rule(name="other law", gate=_SESSION, causes=("F169",), find=other_law),
    Rule(name="keys not agreed", gate=_SESSION, causes=("F157",), find=keys_not_agreed),
    Rule(name="keys by INFO refused", gate=_SESSION, causes=("F158",), find=info_refused),
    Rule(name="keys another way", gate=_SESSION, causes=("F158",), find=other_way),
    Rule(name="keys doubled", gate=_SESSION, causes=("F159",), find=doubled_keys),
    Rule(name="something heard", gate=Gate.POLICY, causes=("F105",), find=announcement),
)
