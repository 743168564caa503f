"""How the trunk can treat a call, as data: the responses it gives and what it leaves out."""

from enum import Enum

from msgspec import Struct, field

from probe.simulator.sound import Sound


class Sdp(Enum):
    """What kind of session description a response carries."""

    NONE = "none"
    ANSWER = "a good one"
    PORT_ZERO = "one that refuses the audio stream by port 0"
    UNOFFERED = "one that names only a codec that was not offered"
    INACTIVE = "one that takes the stream but sends and wants no sound"
    SENDONLY = "one that sends sound and wants none, as to a call on hold"
    RECVONLY = "one that wants sound and sends none"
    NOWHERE = "one with the address 0.0.0.0: the hold of RFC 2543"
    PRIVATE = "one that names an address of another network"
    CLOSED = "one that names a port where nobody listens"
    NO_EVENTS = "one without telephone-event"


class Reply(Struct, frozen=True, kw_only=True):
    """One response of a script."""

    code: int
    "The status code."

    after: float = 0.0
    "Seconds since the reply before, or since the INVITE."

    phrase: str = ""
    "The reason phrase where it is not the standard one."

    sdp: Sdp = Sdp.NONE
    "The session description it carries."

    headers: tuple[tuple[str, str], ...] = ()
    "Header fields beside the standard ones of the code."

    fork: str = ""
    "Which early dialog it belongs to, where there are several."


class Behaviour(Struct, frozen=True, kw_only=True):
    """How the trunk treats a call."""

    replies: tuple[Reply, ...]
    "The responses in order; none at all means silence to every request."

    challenged: bool = True
    "Whether the caller has to authenticate first, where the trunk asks for that at all."

    sound: Sound = field(default_factory=Sound)
    "What happens to sound."

    hears_ack: bool = True
    "False: the ACK is ignored, so the 200 is repeated until 64 x T1 is over and BYE is sent."

    answers_bye: bool = True
    "False: no response to BYE, ever."

    info: int = 200
    "The code that INFO gets in the call."

    hangs_up_after: float | None = None
    "Seconds from the ACK to the trunk's own BYE; None where the caller has to hang up."

    bye_headers: tuple[tuple[str, str], ...] = ()
    "Header fields of that BYE."

    contact: str = ""
    "The Contact of the responses where it is not the trunk's own."
