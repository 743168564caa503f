"""The frozen values of the code reference: one kind of value for each kind of file in data/."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from probe.reference.mark import Mark
from probe.reference.meaning import Meaning

FIRST_CODE = 100
LAST_CODE = 699
_CODES_A_CLASS = 100


class Retry(Enum):
    """What repeating the same request is worth."""

    NO = "no"
    """The same request will fail again."""
    AUTO = "auto"
    """Once more, after the mechanical change that the response asks for."""
    LATER = "later"
    """The same request, after waiting."""
    ALTERNATIVE = "alternative"
    """Another target or route may work."""
    NOT_APPLICABLE = "not-applicable"
    """Nothing failed, or it was we who ended it."""


def class_of(code: int) -> str | None:
    """Return the class of a status code, such as `4xx`; None outside 100 to 699."""
    if not FIRST_CODE <= code <= LAST_CODE:
        return None
    return f"{code // _CODES_A_CLASS}xx"


def treated_as(code: int) -> int | None:
    """Return the code to act on instead (RFC 3261 §8.1.3.2); None outside 100 to 699."""
    kind = class_of(code)
    if kind is None:
        return None
    return 183 if kind == "1xx" else code // _CODES_A_CLASS * _CODES_A_CLASS


class ResponseCode(Struct, frozen=True, kw_only=True):
    """A response code, registered or not."""

    code: int
    "The status code."
    name: str
    "The registered reason phrase, or what an unregistered code is called here."
    registered: bool
    "Whether IANA lists it (sip-parameters, Response Codes)."
    treated_as: int | None
    "The code that a client must act on instead (RFC 3261 §8.1.3.2); None if it is its own."
    defined_in: str
    "RFC and section; for an unregistered code, where it was seen."
    meaning: str
    "What it says, in plain words."
    retry: Retry
    "What repeating the request is worth."
    next_act: str
    "What the caller does next."
    meanings: tuple[Meaning, ...]
    "Meanings by direction, where they differ."
    causes: tuple[str, ...]
    "Root causes behind it, as ids of causes.yaml, likelier first."

    @property
    def response_class(self) -> str | None:
        """Its class, such as `4xx`; None outside 100 to 699."""
        return class_of(self.code)


class ResponseClass(Struct, frozen=True, kw_only=True):
    """One of the six classes of responses (RFC 3261 §21)."""

    name: str
    "Such as `4xx`."
    title: str
    "The RFC's title of the class."
    defined_in: str
    "RFC and section."
    final: bool
    "Whether such a response ends its transaction."
    meaning: str
    "What the class says, in plain words."
    examples: tuple[int, ...]
    "Codes of the class that a caller meets often."
    correction: str | None
    "Where a popular short wording of the class misleads."


class Method(Struct, frozen=True, kw_only=True):
    """A SIP method."""

    name: str
    "The method, in capitals."
    defined_in: str
    "RFC and section."
    does: str
    "What it is for, in plain words."
    meanings: tuple[Meaning, ...]
    "What it says by direction, where that differs."
    charge: str
    "Whether sending it can cost money."
    disturbance: str
    "Whom sending it disturbs."
    usual: tuple[int, ...]
    "Responses that usually follow."
    use: str
    "How a test uses it, or why it does not."


class Q850Cause(Struct, frozen=True, kw_only=True):
    """A Q.850 cause of the telephone network, as `Reason: Q.850;cause=` carries it (RFC 6432)."""

    cause: int
    "The cause value."
    name: str
    "ITU-T Q.850's name of it."
    named: bool
    "Whether the reference knows a name for it."
    meaning: str | None
    "What it says, in plain words, where the name does not say it."
    sip: int | None
    "The response code that RFC 3398 §7.2.4.1 maps it to; None if it becomes no response."
    mapping: str
    "How the mapping is founded: in the table, by the default, or why there is none."
    from_sip: tuple[int, ...]
    "Response codes that RFC 3398 §8.2.6.1 maps to it."
    stacks: tuple[tuple[str, str], ...]
    "Product and response code, where a product maps it differently from the RFC."
    read_by: tuple[tuple[str, tuple[int, ...]], ...]
    "Product and response codes that it turns into this cause, beside the RFC's."
    causes: tuple[str, ...]
    "Root causes that it points to."


class WarningCode(Struct, frozen=True, kw_only=True):
    """A warn-code of the Warning header (RFC 3261 §20.43)."""

    code: int
    "The three-digit code."
    name: str
    "The recommended text, or what an unregistered code is called here."
    registered: bool
    "Whether an RFC defines it."
    defined_in: str
    "RFC and section."
    meaning: str
    "What it says, in plain words."
    causes: tuple[str, ...]
    "Root causes that it points to."


class HeaderHint(Struct, frozen=True, kw_only=True):
    """A header field that carries the real reason behind a code."""

    name: str
    "The header field."
    defined_in: str
    "RFC and section, or the product that sends it."
    tells: str
    "What it gives away, in plain words."
    read_with: tuple[int, ...]
    "Response codes with which it is worth reading; empty for any."
    causes: tuple[str, ...]
    "Root causes that it helps to tell apart."


class Wanted(Enum):
    """A configured value that a provider's list speaks of."""

    TRANSPORT = "transport"
    """UDP, TCP or TLS: one of them."""
    PORT = "port"
    """Port of the next hop, where one is written: one of them."""
    SRTP = "srtp"
    """off, optional or required: one of them."""
    CODEC = "codec"
    """Encoding names, at least one of which the offer must hold."""
    NUMBER = "number"
    """Pattern of the whole dialled number."""
    CALLER = "caller"
    """Pattern of the whole calling number."""
    HOST = "host"
    """Domains, within one of which the request line must name its host (`*` for one label)."""
    REALM = "realm"
    """Realms, one of which a configured realm must be."""
    LOGIN = "login"
    """How it knows us: `digest`, `address`, `name`; digest alone needs a password."""
    NEVER = "never"
    """Methods that it does not take."""
    PRACK = "prack"
    """off, optional or required: one of them."""
    CLIENT_CERT = "client_cert"
    """`needed` where the TLS client must show a certificate."""


class Requirement(Struct, frozen=True, kw_only=True):
    """What a provider's trunk wants before the first call."""

    topic: str
    "Such as `transport`, `number format`, `caller id`."
    value: str
    "What it wants, in plain words."
    documented: bool
    "True if the provider's page says so; False for common practice that its portal must confirm."
    source: str | None
    "The page that says so; None for common practice."
    date: str
    "State of the provider's pages, year and month."
    wants: tuple[tuple[Wanted, tuple[str, ...]], ...]
    "The same, as values that a configuration can be compared with; empty where it cannot."


class Provider(Struct, frozen=True, kw_only=True):
    """A trunk provider: what its codes mean, by its own pages."""

    key: str
    "The shortest name that finds it: its file's."
    name: str
    "Its name as it writes it."
    aliases: tuple[str, ...]
    "Other names that find it."
    sources: tuple[str, ...]
    "Its pages that were read."
    date: str
    "State of those pages, year and month."
    marks: tuple[Mark, ...]
    "What gives it away on the wire, and is nobody else's."
    requirements: tuple[Requirement, ...]
    "What its trunk wants."
    meanings: tuple[Meaning, ...]
    "Its own meanings of codes, methods and symptoms."
    note: str | None
    "What to know about it as a whole; also that nothing was found."


class LookAlike(Struct, frozen=True, kw_only=True):
    """Something that looks like a root cause and is not it."""

    cause: str | None
    "Its own id; None if the list of root causes does not hold it."
    tell: str
    "What tells the two apart."


class RootCause(Struct, frozen=True, kw_only=True):
    """Something that is wrong, as against the code that shows it."""

    id: str
    "Stable id, F001 to F180."
    name: str
    "Its name, in a few words."
    layer: str
    "DNS, transport, TLS, config, signalling or media."
    identifiability: str
    "I: one trace names it; C: one more controlled attempt names it; N: only the other side knows."
    summary: str
    "What it is, in plain words."
    signature: str
    "What it looks like in a trace."
    look_alikes: tuple[LookAlike, ...]
    "What looks the same, each with what tells it apart."
    fix: str
    "What to do about it."
    family: str
    "The group it is listed in."
    control: str | None
    "The one more attempt that names it; None where none is needed or would help."
    ask: str | None
    "The question for whoever knows; None where nobody need be asked."
