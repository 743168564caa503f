"""Who blocked a call on its way, and where to object: 603+ (ATIS-1000099) and 608 (RFC 8688).

All of it is text from outside. Nothing is fetched and no signature is checked; a contact is passed
on only where it has the form of a web page, a telephone number or an e-mail address.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import NAMED_BY_THEM, Gate, Hypothesis, Rule

ANALYTICS = "v=analytics1"
"""How the text of a 603+ Reason begins."""

LOCATIONS = {
    "U": "the user",
    "LPN": "the private network that serves the local user",
    "LN": "the public network that serves the local user",
    "TN": "a transit network",
    "RLN": "the public network that serves the remote user",
    "RPN": "the private network that serves the remote user",
    "INTL": "the international network",
    "BI": "a network beyond an interworking point",
}
"""Values of the Reason parameter ``location`` (RFC 8606 §4)."""

_LONGEST_CARD = 8000
"Characters of a card that are read."
_MOST_LINES = 100
"Properties of a card that are looked at."
_MOST_OF_A_KIND = 3
"Pages, numbers and addresses that are passed on, of each."
_FORMS = {
    "page": re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:\d{1,5})?([/?][!#-;=?-\[\]_a-z~]{0,300})?"),
    "telephone": re.compile(r"\+?\d[\d().\- ]{2,30}"),
    "e-mail": re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}"),
}
_KINDS = {"url": "page", "tel": "telephone", "email": "e-mail"}
_PART = re.compile(r"(?:^|;)\s*(url|tel|email|id)\s*=\s*([^;]{0,400})", re.IGNORECASE)
_LOCATION = re.compile(r";\s*location\s*=\s*\"?([A-Za-z]{1,4})\b")
_CARD = re.compile(r"<([^<>]{1,9000})>([^,<]{0,200})")
_PURPOSE = re.compile(r";\s*purpose\s*=\s*\"?(jws|j)card\b", re.IGNORECASE)
_UNCHECKED = "This contact came with the answer; nobody has checked it."


class Redress(Struct, frozen=True, kw_only=True):
    """Who blocked a call and where to object, as they say it themselves."""

    who: str = ""
    "The name they give, made safe to print; empty where there is none."

    contacts: tuple[tuple[str, str], ...] = ()
    "(page, telephone or e-mail; the value), in their order."

    card: str = ""
    "Where the card with the contact can be fetched; empty where it came with the answer."

    reference: str = ""
    "Their reference of this call, made safe to print."

    @property
    def step(self) -> str:
        """What to do with it, in words; empty where there is no contact."""
        where = ", ".join(f"{kind} {value}" for kind, value in self.contacts)
        if not where and not self.card:
            return ""
        where = where or f"the card at {self.card}, which was not fetched"
        quote = f", and quote {self.reference}" if self.reference else ""
        return f"Object where the answer says: {where}{quote}. {_UNCHECKED}"


def of_analytics(text: str) -> Redress:
    """Read the text of a 603+ Reason: url, tel, email and id."""
    parts = [(key.lower(), value.strip()) for key, value in _PART.findall(text)]
    return Redress(
        contacts=_contacts((_KINDS[key], value) for key, value in parts if key in _KINDS),
        reference=next((plain(value, 60) for key, value in parts if key == "id"), ""),
    )


def of_call_info(values: Iterable[str]) -> Redress:
    """Read the card that Call-Info of a 608 names, where it came along as a data: URI."""
    for value in values:
        for uri, parameters in _CARD.findall(value[: _LONGEST_CARD + 1000]):
            if not _PURPOSE.search(parameters):
                continue
            if uri[:5].lower() == "data:":
                return _card(_data(uri))
            if _FORMS["page"].fullmatch(uri):
                return Redress(card=uri)
    return Redress()


def analytics(case: Case) -> Iterator[Hypothesis]:
    """603+ of ATIS-1000099 (47 CFR 64.1200(k)): phrase and Reason text, both marks."""
    reply = case.reply
    if reply is None or case.status != 603:
        return
    phrase = re.search("network blocked", reply.phrase, re.IGNORECASE) is not None
    texts = [r.text.strip() for r in case.reasons(reply.index) if ANALYTICS in r.text]
    if not phrase and not texts:
        return
    both = phrase and any(text.startswith(ANALYTICS) for text in texts)
    redress = of_analytics(texts[0]) if texts else Redress()
    where = _location(reply.message.all("Reason")) if texts else ""
    no_contact = "The answer gives no contact, although 603+ requires one."
    yield Hypothesis(
        cause="F096",
        likelihood=Certainty.CERTAIN if both else Certainty.LIKELY,
        because=f"the answer carries {'both marks' if both else 'one of the two marks'}"
        f" of a block by call analytics (603+){where}",
        says="A network on the way blocked the call because it labelled the calling number.",
        evidence=(case.cite_start(reply.index), *case.cite("Reason")),
        steps=(
            redress.step or f"{no_contact} Ask the provider which network blocked the call.",
            "Have the calling number checked where networks take their labels from.",
        ),
        rules_out=("F093", "F095", "F061"),
        weight=NAMED_BY_THEM,
    )


def rejected(case: Case) -> Iterator[Hypothesis]:
    """608: somebody between the two sides, and their card (RFC 8688)."""
    if case.reply is None or case.status != 608 or case.method != "INVITE":
        return
    redress = of_call_info(case.reply.message.all("Call-Info"))
    who = f" They call themselves: {redress.who}." if redress.who else ""
    yield Hypothesis(
        cause="F097",
        likelihood=Certainty.CERTAIN,
        because="608 says that somebody between rejected the call (RFC 8688)",
        says=f"Somebody between the two sides rejected the call.{who}",
        evidence=(case.cite_start(case.reply.index), *case.cite("Call-Info")),
        steps=(
            redress.step
            or "The answer holds no contact that can be read; ask the provider who rejected it.",
        ),
        unknown=("Whether the card is genuine: its signature was not checked.",)
        if redress.contacts or redress.who
        else (),
        by_code=True,
    )


def _location(values: Iterable[str]) -> str:
    """Say which network a Reason names as its origin."""
    for value in values:
        found = _LOCATION.search(value[:_LONGEST_CARD])
        place = LOCATIONS.get(found.group(1).upper()) if found else None
        if place is not None:
            return f", sent by {place} (RFC 8606)"
    return ""


def _contacts(found: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Keep what has the form of its kind, each once and few of a kind."""
    kept: list[tuple[str, str]] = []
    for kind, value in found:
        bare = re.sub(r"^(tel|mailto):", "", value.strip(), flags=re.IGNORECASE)
        fits = _FORMS[kind].fullmatch(bare)
        if fits and (kind, bare) not in kept and [k for k, _ in kept].count(kind) < _MOST_OF_A_KIND:
            kept.append((kind, bare))
    return tuple(kept)


def _data(uri: str) -> str:
    """Return the content of a data: URI (RFC 2397); empty where it cannot be read."""
    head, _, body = uri.partition(",")
    content = unquote_to_bytes(body)
    if head.lower().endswith(";base64"):
        content = _decoded(content.decode("ascii", "ignore"))
    return content.decode("utf-8", "replace")


def _decoded(text: str) -> bytes:
    """Return base64 or base64url without padding as bytes; empty where it is neither."""
    plainer = re.sub(r"\s", "", text).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plainer + "=" * (-len(plainer) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _card(text: str) -> Redress:
    """Read a jCard (RFC 7095), bare or as the payload of a JWS (RFC 7515)."""
    parts = text.strip().split(".")
    if len(parts) == 3 and "{" not in text and "[" not in text:
        text = _decoded(parts[1]).decode("utf-8", "replace")
    try:
        value = json.loads(text[:_LONGEST_CARD])
    except (ValueError, RecursionError):
        return Redress()
    card = value.get("jcard") if isinstance(value, dict) else value
    rows = card[1] if isinstance(card, list) and len(card) > 1 else []
    lines = tuple(_lines(rows))
    return Redress(
        who=next(
            (plain(text, 80) for name in ("org", "fn") for key, text in lines if key == name), ""
        ),
        contacts=_contacts((_KINDS[key], text) for key, text in lines if key in _KINDS),
    )


def _lines(rows: object) -> Iterator[tuple[str, str]]:
    """Yield the properties of a jCard whose value is one text."""
    for row in rows[:_MOST_LINES] if isinstance(rows, list) else ():
        if isinstance(row, list) and len(row) >= 4:
            name, value = row[0], row[3]
            if isinstance(name, str) and isinstance(value, str):
                yield name.lower(), value


RULES = (
    Rule(name="603+", gate=Gate.POLICY, causes=("F096",), find=analytics),
    Rule(name="608 and its card", gate=Gate.POLICY, causes=("F097",), find=rejected),
)
"""Blocks on the way."""
