"""Stories of calls that came up and did not sound right, and of those that look like them."""

from msgspec.structs import replace
from stories import CERTAIN, LIKELY, PUBLIC, UNDECIDED, Story, talked, tell, with_text
from wirebuilder import ANSWER, OFFER, Wire, sdp

from probe.diagnosis.earlier import Earlier
from probe.trace.media import Agreed, Digit, Heard, PayloadType, SourceChange
from probe.trace.trace import Trace

ANSWERED = 1.5
"""When the calls of `talked` are answered, in seconds."""

Unmet = tuple[tuple[str, str, str], ...]


def bound(name: str, wanted: str = "as agreed", got: str = "otherwise") -> Unmet:
    """Return an expectation of sound that was not met."""
    return ((f"expect.media.{name}", wanted, got),)


NOT_HEARD = bound("heard", "tone 1004Hz", "silence")


def agreed(**changes: object) -> Agreed:
    """Return what the offer and answer of these stories agree on."""
    facts: dict[str, object] = {
        "at": ANSWERED,
        "local": "192.0.2.10:4000",
        "remote": "198.51.100.1:40000",
        "direction": "sendrecv",
        "codec": "PCMU",
        "payload_type": 0,
        "clock_rate": 8000,
        "ptime_s": 0.02,
        "events": 101,
    }
    return Agreed(**{**facts, **changes})  # type: ignore[arg-type]


def sound(what: str, *, level: float | None = -15.0, at: float = ANSWERED) -> Heard:
    """Return two seconds of a sound."""
    return Heard(what=what, at=at, length_s=2.0, level_dbov=level)


def behind_nat(wire: Wire) -> Trace:
    """Return the trace with a private address in our offer, seen by them as a public one."""
    return with_text(
        wire,
        ("IN IP4 192.0.2.10", "IN IP4 192.168.1.7"),
        ("rport=5060;", "rport=5060;received=9.9.9.10;"),
        *PUBLIC,
    )


def pressed(*digits: tuple[str, str, float, float]) -> tuple[Digit, ...]:
    """Return key presses: digit, way, time, length."""
    return tuple(Digit(digit=d, how=how, at=at, length_s=length) for d, how, at, length in digits)


def other_calls(up: int) -> tuple[Earlier, ...]:
    """Return other calls of the account that are up."""
    return tuple(
        Earlier(
            label=f"call {number}",
            method="INVITE",
            number=f"+1202555{number:04d}",
            caller="100",
            began=-10.0 - number,
            status=200,
            provisional=True,
            refused_login=False,
            up=True,
            size=900,
        )
        for number in range(up)
    )


def _with_ptime(description: str, ms: int) -> str:
    return description.replace("a=sendrecv", f"a=ptime:{ms}\r\na=sendrecv")


ONE_WAY: tuple[Story, ...] = (
    tell(
        "our system has no way to their audio address",
        with_text(
            talked(sdp(address="10.1.2.3"), rx_packets=0, tx_packets=0, tx_errors=100), *PUBLIC
        ),
        "F149",
        CERTAIN,
        unmet=NOT_HEARD,
        never=("F147", "F177"),
        says=("10.1.2.3",),
    ),
    tell(
        "a private address in a call of a moment",
        with_text(talked(sdp(address="10.1.2.3"), until=1.8, rx_packets=0), *PUBLIC),
        "F149",
        LIKELY,
        unmet=NOT_HEARD,
    ),
    tell(
        "nobody listens at their audio port",
        talked(rx_packets=0, tx_unreachable=12, remote="198.51.100.1:9"),
        "F149",
        LIKELY,
        unmet=NOT_HEARD,
        never=("F147", "F150"),
        says=("198.51.100.1:9",),
    ),
    tell(
        "no audio, and no time for any",
        talked(until=1.9, rx_packets=0, tx_packets=18),
        "F147",
        UNDECIDED,
        unmet=NOT_HEARD,
    ),
    tell(
        "their RTCP comes and their audio does not",
        talked(rx_packets=0, rtcp_received=2),
        "F150",
        LIKELY,
        unmet=NOT_HEARD,
        never=("F147", "F148"),
        says=("theirs does not reach us",),
    ),
    tell(
        "their RTCP says nothing of our audio",
        talked(rx_packets=100, rtcp_received=3),
        "F150",
        LIKELY,
        unmet=bound("tx_lost"),
        never=("F147", "F148"),
        says=("ours does not reach them",),
    ),
    tell(
        "their reports stand still from a moment on",
        talked(until=6.0, rx_packets=220, tx_packets=220, tx_lost=124, tx_unheard=124),
        "F150",
        LIKELY,
        unmet=bound("tx_loss", "max 5%", "56%"),
        never=("F160", "F147"),
        says=("ours does not reach them",),
    ),
    tell(
        "one report of theirs is too early to tell",
        talked(rx_packets=100, rtcp_received=1),
        None,
        UNDECIDED,
        unmet=bound("mos"),
    ),
    tell(
        "our private address, and they hear nothing",
        behind_nat(talked(rx_packets=100, rtcp_received=3)),
        "F148",
        CERTAIN,
        unmet=NOT_HEARD,
        never=("F150",),
        says=("192.168.1.7",),
    ),
    tell(
        "our private address, and nothing comes",
        behind_nat(talked(rx_packets=0)),
        "F148",
        LIKELY,
        also=("F147",),
        unmet=NOT_HEARD,
        never=("F149", "F150"),
        says=("192.168.1.7",),
    ),
    tell(
        "our private address, and they hear us all the same",
        behind_nat(talked(rx_packets=100, rtcp_received=3, tx_lost=0)),
        None,
        UNDECIDED,
        unmet=bound("mos"),
        never=("F148", "F150"),
    ),
    tell(
        "held by the address of zeros",
        talked(sdp(address="0.0.0.0"), rx_packets=0),
        "F151",
        CERTAIN,
        unmet=NOT_HEARD,
        never=("F149", "F147"),
        says=("0.0.0.0",),
    ),
    tell(
        "they only send, and take nothing",
        talked(sdp(direction="sendonly"), rx_packets=100, rtcp_received=3),
        "F151",
        CERTAIN,
        unmet=bound("heard", "tone 1004Hz", "tone 440Hz"),
        never=("F150", "F164"),
        says=("sendonly",),
    ),
    tell(
        "they say that they send, and nothing comes",
        talked(sdp(direction="sendonly"), rx_packets=0),
        "F151",
        LIKELY,
        unmet=NOT_HEARD,
    ),
    tell(
        "audio ends in mid-call, and RTCP goes on",
        talked(
            until=6.0, rx_packets=50, tx_packets=220, rx_last_at=2.5, rtcp_received=4, tx_lost=0
        ),
        "F150",
        LIKELY,
        unmet=bound("gaps", "none", "3.5 s"),
        never=("F147", "F160"),
        says=("Audio came for 1 s",),
    ),
    tell(
        "audio and RTCP end in mid-call",
        talked(until=6.0, rx_packets=50, tx_packets=220, rx_last_at=2.5),
        "F150",
        UNDECIDED,
        also=("F146",),
        unmet=bound("gaps", "none", "3.5 s"),
    ),
    tell(
        "a silence that was announced is no end",
        talked(until=6.0, rx_packets=50, tx_packets=220, rx_last_at=2.5, rx_comfort_noise=4),
        None,
        UNDECIDED,
        unmet=bound("mos"),
        never=("F150", "F146", "F160"),
    ),
    tell(
        "quiet since the call is on hold",
        talked(
            until=6.0,
            rx_packets=50,
            tx_packets=50,
            rx_last_at=2.5,
            agreed=(agreed(), agreed(at=2.5, direction="inactive")),
        ),
        None,
        UNDECIDED,
        unmet=bound("mos"),
        never=("F150", "F146", "F177"),
    ),
    tell(
        "early media promised, and sound from the answer on",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(183, body=ANSWER, at=0.1)
        .receive(200, body=ANSWER, at=2.0)
        .send("ACK")
        .send("BYE", at=4.0)
        .receive(200)
        .media(rx_first_at=2.02, rx_packets=98),
        "F152",
        CERTAIN,
        unmet=bound("early_heard", "ringback", "nothing"),
        never=("F153",),
    ),
    tell(
        "early media that sounds",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(183, body=ANSWER, at=0.1)
        .receive(200, body=ANSWER, at=2.0)
        .send("ACK")
        .send("BYE", at=4.0)
        .receive(200)
        .media(rx_first_at=0.2, rx_packets=190),
        None,
        UNDECIDED,
        unmet=bound("early_heard", "ringback", "tone 440Hz"),
        never=("F152",),
    ),
)

PACKETS: tuple[Story, ...] = (
    tell(
        "packets of a type that nobody agreed on",
        talked(rx_payload_types=(PayloadType(number=96, packets=100),)),
        "F154",
        CERTAIN,
        unmet=bound("heard", "tone 1004Hz", "missing"),
        never=("F164", "F156"),
        says=("96",),
    ),
    tell(
        "comfort noise is no strange type, and no loss",
        talked(
            rx_packets=60,
            rx_comfort_noise=40,
            rx_pauses=8,
            rx_payload_types=(
                PayloadType(number=13, packets=40),
                PayloadType(number=0, packets=20, codec="PCMU"),
            ),
        ),
        None,
        UNDECIDED,
        unmet=bound("mos"),
        never=("F154", "F160", "F150"),
    ),
    tell(
        "packets of another length",
        talked(_with_ptime(ANSWER, 20), rx_ptime_s=0.06, rx_packets=33),
        "F155",
        CERTAIN,
        unmet=bound("ptime", "20 ms", "60 ms"),
        says=("60 ms",),
        never=("F160",),
    ),
    tell(
        "packets of the length that we asked for",
        replace(
            with_text(
                talked(rx_ptime_s=0.03, rx_packets=66), ("a=sendrecv", "a=ptime:30\r\na=sendrecv")
            )
        ),
        None,
        UNDECIDED,
        unmet=bound("mos"),
        never=("F155",),
    ),
    tell(
        "a key that opens nothing",
        talked(rx_packets=0, rx_undecodable=100, srtp="AES_CM_128_HMAC_SHA1_80"),
        "F156",
        CERTAIN,
        unmet=NOT_HEARD,
        never=("F147", "F164"),
    ),
    tell(
        "encrypted where nothing was agreed",
        talked(
            rx_bytes=17000,
            rx_ptime_s=0.02,
            rx_payload_types=(PayloadType(number=0, packets=100, codec="PCMU"),),
            heard=(sound("noise"),),
        ),
        "F156",
        LIKELY,
        unmet=bound("heard", "tone 1004Hz", "noise"),
        never=("F169", "F164"),
        says=("encrypted",),
    ),
    tell(
        "noise in packets of the right length",
        talked(
            rx_bytes=16000,
            rx_ptime_s=0.02,
            rx_payload_types=(PayloadType(number=0, packets=100, codec="PCMU"),),
            heard=(sound("noise"),),
        ),
        None,
        UNDECIDED,
        unmet=bound("heard", "tone 1004Hz", "noise"),
        never=("F156", "F164"),
    ),
    tell(
        "their port changes in mid-call",
        talked(
            rx_changes=(
                SourceChange(
                    at=2.5,
                    what="address",
                    before="198.51.100.1:40000",
                    after="198.51.100.1:40022",
                ),
            ),
            agreed=(agreed(),),
        ),
        "F165",
        CERTAIN,
        unmet=bound("source_changes", "0", "1"),
        says=("198.51.100.1:40022",),
        never=("F166",),
    ),
    tell(
        "their port changes, and nobody hears us at the old one",
        talked(
            until=6.0,
            rx_packets=220,
            tx_packets=220,
            tx_lost=120,
            tx_unheard=120,
            rx_changes=(
                SourceChange(
                    at=2.5,
                    what="address",
                    before="198.51.100.1:40000",
                    after="198.51.100.1:40022",
                ),
            ),
            agreed=(agreed(),),
        ),
        "F165",
        LIKELY,
        also=("F146",),
        unmet=bound("tx_loss", "max 5%", "54%"),
        never=("F150", "F160"),
    ),
    tell(
        "their stream changes, and something else is asked",
        talked(
            rx_changes=(
                SourceChange(at=2.5, what="ssrc", before="0x00000001", after="0x00000002"),
            ),
            agreed=(agreed(),),
        ),
        "F165",
        LIKELY,
        unmet=bound("mos"),
    ),
    tell(
        "their port changes as they said",
        talked(
            rx_changes=(
                SourceChange(
                    at=2.5,
                    what="address",
                    before="198.51.100.1:40000",
                    after="198.51.100.1:40022",
                ),
            ),
            agreed=(agreed(), agreed(at=2.4, remote="198.51.100.1:40022")),
        ),
        None,
        UNDECIDED,
        unmet=bound("mos"),
        never=("F165", "F146"),
    ),
    tell(
        "audio from a port that they did not name",
        talked(remote="198.51.100.1:40000", rx_source="198.51.100.1:41000"),
        "F166",
        LIKELY,
        unmet=bound("source", "as in SDP", "198.51.100.1:41000"),
        never=("F165",),
    ),
    tell(
        "no RTCP in a call that is long enough",
        talked(until=12.0, rx_packets=500, tx_packets=500, rtcp_sent=3),
        "F172",
        CERTAIN,
        unmet=bound("rtt", "max 300 ms", "unknown"),
        never=("F150", "F147"),
    ),
    tell(
        "no RTCP yet",
        talked(until=4.0, rx_packets=120, tx_packets=120, rtcp_sent=1),
        "F172",
        LIKELY,
        unmet=bound("rtt", "max 300 ms", "unknown"),
    ),
)

QUALITY: tuple[Story, ...] = (
    tell(
        "our audio is lost in part on the way to them",
        talked(tx_lost=12, rtcp_received=2),
        "F160",
        CERTAIN,
        unmet=bound("tx_loss", "max 1%", "12%"),
        never=("F150", "F148"),
        says=("to them",),
    ),
    tell(
        "loss while many calls are up",
        talked(rx_lost=9),
        "F160",
        LIKELY,
        also=("F171",),
        unmet=bound("mos", "min 4", "3.1"),
        earlier=other_calls(6),
    ),
    tell(
        "our kernel dropped what is missing",
        talked(rx_lost=9, rx_overflow=9, late_by_us=True),
        "F178",
        CERTAIN,
        unmet=bound("loss", "max 1%", "9%"),
        never=("F160",),
    ),
    tell(
        "our own frames were late",
        talked(
            rx_jitter_s=0.04, tx_late=31, tx_worst_late_s=0.19, late_by_us=True, rx_discarded=12
        ),
        "F178",
        CERTAIN,
        unmet=bound("jitter", "max 30 ms", "40 ms"),
        never=("F161",),
        says=("31 of our 100",),
    ),
    tell(
        "our frames were late, and what is missing is missing all the same",
        talked(rx_lost=9, tx_late=31, tx_worst_late_s=0.19, late_by_us=True),
        "F160",
        CERTAIN,
        unmet=bound("loss", "max 1%", "9%"),
        never=("F178",),
    ),
    tell(
        "packets too late for a jitter buffer",
        talked(rx_jitter_s=0.035, rx_jitter_max_s=0.05, rx_discarded=12),
        "F161",
        LIKELY,
        unmet=bound("discarded", "max 0", "12"),
        never=("F160", "F178"),
    ),
    tell(
        "the greeting is clipped",
        talked(rx_first_at=ANSWERED + 1.2, tx_first_at=ANSWERED + 0.02, rx_packets=40),
        "F153",
        LIKELY,
        unmet=bound("first", "max 300 ms", "1.2 s"),
        says=("1.2 s",),
        never=("F152", "F160"),
    ),
)

LISTENING: tuple[Story, ...] = (
    tell(
        "packets of silence",
        talked(heard=(sound("silence", level=-127.0),)),
        "F164",
        LIKELY,
        unmet=NOT_HEARD,
        never=("F147", "F150"),
        play="tone 1004Hz",
    ),
    tell(
        "an echo of our own silence",
        talked(heard=(sound("silence", level=-127.0),)),
        None,
        UNDECIDED,
        unmet=NOT_HEARD,
        never=("F164",),
    ),
    tell(
        "a faint tone",
        talked(heard=(sound("tone 1004Hz", level=-53.0),)),
        "F164",
        LIKELY,
        unmet=bound("level", "min -30 dBov", "-53 dBov"),
        says=("faint",),
    ),
    tell(
        "busy after the answer",
        talked(heard=(sound("busy"),)),
        "F170",
        LIKELY,
        unmet=bound("heard", "tone 1004Hz", "busy"),
        never=("F164",),
    ),
    tell(
        "somebody speaks where an echo was due",
        talked(heard=(sound("speech"),)),
        "F170",
        UNDECIDED,
        unmet=bound("heard", "tone 1004Hz", "speech"),
    ),
    tell(
        "ringing before the answer is no false answer",
        talked(heard=(sound("ringback", at=-1.0), sound("tone 1004Hz"))),
        None,
        UNDECIDED,
        unmet=bound("heard", "tone 770Hz", "tone 1004Hz"),
        never=("F170",),
    ),
    tell(
        "the other law",
        talked(rx_other_law=True, heard=(sound("sound"),)),
        "F169",
        LIKELY,
        unmet=bound("heard", "tone 1004Hz", "sound"),
        never=("F164", "F154"),
        says=("PCMA", "PCMU"),
    ),
    tell(
        "a signal, and then a refusal",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(183, body=ANSWER, at=0.1)
        .receive(404, at=1.6)
        .send("ACK")
        .media(rx_packets=75, heard=(sound("sit", at=0.1),)),
        "F105",
        LIKELY,
        says=("sit",),
        expect={"responses": "183 200"},
    ),
)

KEYS: tuple[Story, ...] = (
    tell(
        "key presses by INFO refused",
        Wire()
        .send("INVITE", body=OFFER)
        .receive(200, body=ANSWER, at=0.1)
        .send("ACK")
        .send("INFO", headers={"Content-Type": "application/dtmf-relay"}, body="Signal=1\r\n")
        .receive(501)
        .send("BYE", at=4.0)
        .receive(200)
        .media(),
        "F158",
        LIKELY,
        unmet=bound("dtmf", "1", "none"),
        never=("F157",),
    ),
    tell(
        "tones where events were agreed",
        talked(
            agreed=(agreed(),),
            digits=pressed(("1", "inband", 2.0, 0.1), ("2", "inband", 2.3, 0.1)),
        ),
        "F158",
        LIKELY,
        unmet=bound("dtmf", "12 rfc4733", "12 inband"),
        never=("F159",),
    ),
    tell(
        "each key twice",
        talked(
            agreed=(agreed(),),
            digits=pressed(("1", "rfc4733", 2.0, 0.1), ("1", "inband", 2.02, 0.1)),
        ),
        "F159",
        LIKELY,
        unmet=bound("dtmf", "1", "11"),
        never=("F158",),
    ),
    tell(
        "one key pressed twice",
        talked(
            agreed=(agreed(),),
            digits=pressed(("1", "rfc4733", 2.0, 0.1), ("1", "rfc4733", 2.2, 0.1)),
        ),
        None,
        UNDECIDED,
        unmet=bound("dtmf", "1", "11"),
        never=("F159", "F158"),
    ),
    tell(
        "keys pressed too briefly",
        talked(agreed=(agreed(),), digits=pressed(("1", "rfc4733", 2.0, 0.02))),
        "F159",
        LIKELY,
        unmet=bound("dtmf", "12", "1"),
    ),
)

SOUND: tuple[Story, ...] = (*ONE_WAY, *PACKETS, *QUALITY, *LISTENING, *KEYS)
"""Every story of sound."""
