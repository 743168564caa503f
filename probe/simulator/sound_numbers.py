"""Numbers with a sound of their own, and with every fault of sound: 7200 and up."""

from probe.simulator.behaviour import Behaviour, Reply, Sdp
from probe.simulator.row import ANSWERING, PICKUP_S, RINGING, SOON_S, TRYING, Row
from probe.simulator.sound import Sound, Source, Way

EARLY_S = 1.5
"""Seconds of early media before the answer, or before the refusal that follows an announcement."""

_LOUD = 8000
_FAINT = 200


def _sounding(number: str, alias: str, does: str, sound: Sound, note: str = "") -> Row:
    """Return a number that answers and sounds in some way."""
    answered = Behaviour(replies=(TRYING, RINGING, ANSWERING), sound=sound)
    return Row(number=number, alias=alias, does=does, behaviour=answered, note=note)


def _describing(  # noqa: PLR0913, PLR0917 - the parts of a row
    number: str, alias: str, does: str, sdp: Sdp, source: Source, note: str = ""
) -> Row:
    """Return a number whose answer has another description."""
    replies = (TRYING, RINGING, Reply(code=200, after=PICKUP_S, sdp=sdp))
    behaviour = Behaviour(replies=replies, sound=Sound(source=source))
    return Row(number=number, alias=alias, does=does, behaviour=behaviour, note=note)


def _early(  # noqa: PLR0913, PLR0917 - the parts of a row
    number: str, alias: str, does: str, sound: Sound, code: int, note: str = ""
) -> Row:
    """Return a number with early media and what comes after it."""
    early = Reply(code=183, after=SOON_S, sdp=Sdp.ANSWER)
    last = Reply(code=code, after=EARLY_S, sdp=Sdp.ANSWER if code < 300 else Sdp.NONE)
    behaviour = Behaviour(replies=(TRYING, early, last), sound=sound)
    return Row(number=number, alias=alias, does=does, behaviour=behaviour, note=note)


def _tone(**more: object) -> Sound:
    return Sound(source=Source.TONE, **more)  # type: ignore[arg-type]


_SOUNDS = (
    _sounding("7200", "tone", "answers, plays 1004 Hz at -15 dBov", _tone()),
    _sounding(
        "7201",
        "silence",
        "answers, sends packets of silence",
        Sound(source=Source.SILENCE),
        "a muted microphone; packets flow",
    ),
    _sounding(
        "7202",
        "faint",
        "answers, plays 1004 Hz at -47 dBov",
        _tone(level=_FAINT),
        "hardly to be heard",
    ),
    _sounding(
        "7203",
        "late-echo",
        "answers, echoes after 300 ms",
        Sound(late_by=0.3),
        "its RTCP is in time: the network is not what is slow",
    ),
    _sounding(
        "7204",
        "pauses",
        "answers, plays 0.6 s of 1004 Hz, then comfort noise for 0.6 s, and again",
        Sound(source=Source.PAUSES),
        "payload type 13 (RFC 3389) and fewer packets; nothing is lost",
    ),
    _sounding(
        "7205",
        "busy-tone",
        "answers, plays 480 and 620 Hz, half a second on, half a second off",
        Sound(source=Source.BUSY),
        "answered, and busy all the same",
    ),
    _early(
        "7206",
        "announcement",
        f"special information tone as early media, 404 after {EARLY_S} s",
        Sound(early=Source.UNOBTAINABLE),
        404,
        "950, 1400 and 1800 Hz (ITU-T E.180)",
    ),
    _early(
        "7207",
        "busy-early",
        f"busy tone as early media, 486 after {EARLY_S} s",
        Sound(early=Source.BUSY),
        486,
    ),
)

_ONE_WAY = (
    _sounding(
        "7210",
        "no-media",
        "answers, hears nothing, sends nothing, no RTCP either",
        Sound(source=Source.NOTHING, hears_for=0, rtcp=False),
        "UDP ports shut in both directions",
    ),
    _sounding(
        "7211",
        "unheard",
        "answers, plays 1004 Hz, hears nothing",
        _tone(hears_for=0),
        "one-way audio; its RTCP says nothing of the caller's packets",
    ),
    _sounding(
        "7212",
        "unheard-later",
        "answers, plays 1004 Hz, hears nothing any more after 1.5 s",
        _tone(hears_for=1.5),
        "its RTCP stands still",
    ),
    _sounding(
        "7213",
        "falls-silent",
        "answers, plays 1004 Hz, sends nothing any more after 1 s",
        _tone(ends_after=1.0),
        "its RTCP goes on",
    ),
    _describing(
        "7214",
        "private-address",
        "answers with the address 192.168.77.10, waits there for sound",
        Sdp.PRIVATE,
        Source.ECHO,
        "no packet can reach it, so none comes back",
    ),
    _describing(
        "7215",
        "closed-port",
        "answers with a port where nobody listens",
        Sdp.CLOSED,
        Source.ECHO,
    ),
    _describing(
        "7216",
        "music-on-hold",
        "answers sendonly, plays 1004 Hz",
        Sdp.SENDONLY,
        Source.TONE,
    ),
    _describing(
        "7217", "listens-only", "answers recvonly, sends nothing", Sdp.RECVONLY, Source.TONE
    ),
    _describing(
        "7218",
        "zero-address",
        "answers with the address 0.0.0.0, sends nothing",
        Sdp.NOWHERE,
        Source.NOTHING,
        "hold as in RFC 2543",
    ),
    _early(
        "7219",
        "silent-early-media",
        f"183 with a description and no sound, answers after {EARLY_S} s",
        Sound(early=Source.NOTHING),
        200,
        "echo after the answer",
    ),
)

_PACKETS = (
    _sounding(
        "7220",
        "wrong-payload",
        "answers, plays 1004 Hz in packets of type 96, which nobody agreed on",
        _tone(payload=96),
    ),
    _sounding(
        "7221",
        "long-packets",
        "answers, plays 1004 Hz in packets of 60 ms; its description says 20",
        _tone(packet_s=0.06),
    ),
    _sounding(
        "7222",
        "other-law",
        "answers, plays 1004 Hz in A-law where mu-law was agreed, and the other way round",
        _tone(other_law=True),
        "heard as a distorted tone",
    ),
    _sounding(
        "7223",
        "encrypted",
        "answers plain RTP, sends packets as SRTP leaves them",
        _tone(encrypted=True),
        "unreadable, and 10 bytes too long",
    ),
    _sounding(
        "7224",
        "other-port",
        "answers, plays 1004 Hz from a port that its description does not name",
        _tone(other_port=True),
    ),
    _sounding(
        "7225",
        "new-port",
        "answers, plays 1004 Hz, goes on from a new port after 1 s, and the old one is gone",
        _tone(new_port_after=1.0),
        "a NAT binding that was lost",
    ),
    _sounding(
        "7226",
        "new-source",
        "answers, plays 1004 Hz, goes on with another SSRC after 1 s",
        _tone(new_ssrc_after=1.0),
    ),
    _sounding("7227", "no-rtcp", "answers, echoes, sends no RTCP", Sound(rtcp=False)),
    _sounding(
        "7228",
        "rtp-timeout",
        "answers, plays 1004 Hz, hears nothing, hangs up after 2 s",
        _tone(hears_for=0, gives_up_after=2.0),
        "Reason: RTP Timeout",
    ),
    _sounding(
        "7229",
        "late-start",
        "answers, plays 1004 Hz from 1.2 s after the answer on",
        _tone(begins_after=1.2),
        "a greeting whose beginning is cut off",
    ),
)

_QUALITY = (
    _sounding(
        "7230",
        "loss",
        "answers, plays 1004 Hz; every tenth packet is lost",
        _tone(way=Way(loses=10)),
        "10 %",
    ),
    _sounding(
        "7231",
        "jitter",
        "answers, plays 1004 Hz; packets come five at once every 100 ms",
        _tone(way=Way(together=5)),
        "32 ms of jitter (RFC 3550), nothing lost",
    ),
    _sounding(
        "7232",
        "reordered",
        "answers, plays 1004 Hz; every tenth packet is overtaken by the next",
        _tone(way=Way(swaps=10)),
    ),
    _sounding(
        "7233",
        "duplicated",
        "answers, plays 1004 Hz; every tenth packet comes twice",
        _tone(way=Way(doubles=10)),
    ),
    _sounding(
        "7234",
        "far-away",
        "answers, echoes; every packet takes 250 ms in each direction",
        Sound(way=Way(delay_s=0.25)),
        "RTCP as well: 0.5 s there and back",
    ),
)

_KEYS = (
    _describing(
        "7240",
        "no-telephone-event",
        "answers without telephone-event, echoes",
        Sdp.NO_EVENTS,
        Source.ECHO,
    ),
    Row(
        number="7241",
        alias="info-refused",
        does="answers, echoes, refuses INFO with 501",
        behaviour=Behaviour(replies=(TRYING, RINGING, ANSWERING), info=501),
    ),
    _sounding(
        "7242",
        "sends-events",
        "answers, presses 1234# by telephone-event",
        Sound(source=Source.DIGITS),
        "100 ms each, 300 ms apart",
    ),
    _sounding(
        "7243",
        "sends-key-tones",
        "answers, presses 1234# by tones in the sound",
        Sound(source=Source.KEY_TONES),
    ),
    _sounding(
        "7244",
        "sends-both",
        "answers, presses 1234# by telephone-event and by tones at the same time",
        Sound(source=Source.BOTH_DIGITS),
        "each key is heard twice",
    ),
)

SOUND_ROWS: tuple[Row, ...] = (*_SOUNDS, *_ONE_WAY, *_PACKETS, *_QUALITY, *_KEYS)
"""Every number of sound."""
