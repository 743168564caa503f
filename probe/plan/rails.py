"""Numbers that are never dialled, and those that a trunk profile does not let through.

A call that rings a rescue desk cannot be taken back, so a number is judged by everything that a PBX
or a trunk might make of it: escapes and separators undone, digits of any script, the digits of an
outside line and of international dialling stripped. Why which form counts is in
docs/decisions/0009-dialling-rails.md; the numbers and their sources are in
reference/data/emergency.yaml.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from urllib.parse import unquote, unquote_to_bytes

from msgspec import Struct

from probe.reference.load import raw
from probe.sip.message import uri_host, uri_user

SATELLITE = {
    "870": "Inmarsat",
    "881": "satellite phones",
    "882": "international networks",
    "883": "international networks",
    "979": "international premium rate",
}
"""Country codes of no country (ITU-T E.164, list of assigned codes) whose calls cost most."""

OUTSIDE = ("0", "8", "9")
"""Digits that give an outside line."""

_BLOCKS = ("8", "9")
"""Outside digits with which blocks of extensions also begin."""

_ABROAD = ("+", "00", "011", "0011", "810")
"""How international dialling begins: written, and dialled in most countries."""

_ROUNDS = 4
"""How often escapes are undone: more than one gateway undoes a ``%2531``."""

_SCHEME = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_USER_ENDS = re.compile(r"[@;?<>&]")
_HOST_ALONE = re.compile(
    r"(sips?:)"
    r"(?:\[[0-9a-f:.]+\]|([0-9]{1,3}(?:\.[0-9]{1,3}){3}|localhost|(?:[\w-]+\.)+[a-z][a-z0-9-]*\.?))"
    r"(?::[0-9]{1,5})?(?=[;?<>&\s]|$)",
    re.IGNORECASE | re.ASCII,
)
"""A URI without user: an address or a name with a dot, and its port (RFC 3261 §25.1, hostport)."""

_CONTEXT = re.compile(r";\s*phone-context\s*=\s*([^;?&>@]*)", re.IGNORECASE)
_PAUSES = frozenset("pPwWtTxX")
_LONGEST_EXTENSION = 6
_NOT_ABROAD = 11
"""Digits from which a number without prefix is read as country code and number."""


class _Emergency(Struct, frozen=True, kw_only=True):
    """What the data file holds."""

    regions: dict[str, frozenset[str]]
    "Numbers by ISO 3166 code."

    codes: dict[str, frozenset[str]]
    "Numbers by country calling code, of all its regions."

    every: frozenset[str]
    "Numbers of all regions."

    extensions: frozenset[str]
    "Those that are customary extensions."

    bare: frozenset[str]
    "All others: emergency numbers wherever they are dialled."

    blocks: frozenset[str]
    "Those that are customary extensions with 8 or 9 before them."


@cache
def _emergency() -> _Emergency:
    data = raw("emergency.yaml")
    regions: dict[str, frozenset[str]] = {}
    codes: dict[str, frozenset[str]] = {}
    for line in data["regions"].splitlines():
        region, code, *words = line.split()
        more = data["more"].get(region, {"numbers": ""})["numbers"]
        regions[region] = _numbers(" ".join((*words, more)))
        codes[code[1:]] = codes.get(code[1:], frozenset()) | regions[region]
    others = (_numbers(row["numbers"]) for row in data["more"].values())
    extensions = _numbers(data["extensions"])
    every = extensions.union(*regions.values(), *others)
    return _Emergency(
        regions=regions,
        codes=codes,
        every=every,
        extensions=extensions,
        bare=every - extensions,
        blocks=_numbers(data["blocks"]),
    )


def _numbers(text: str) -> frozenset[str]:
    """Read numbers between blanks; ``13xx`` stands for a hundred of them."""
    return frozenset(
        number
        for word in text.split()
        for number in (
            [word.replace("xx", f"{i:02}") for i in range(100)] if "xx" in word else [word]
        )
    )


def known_country(code: str) -> bool:
    """Whether the emergency numbers of a country (ISO 3166, two letters) are known."""
    return code in _emergency().regions


def emergency_number(
    target: str, *, countries: tuple[str, ...] = (), public: bool = False
) -> str | None:
    """Return the emergency number that a number or URI could reach, or None.

    ``countries`` are those in which the trunk ends; ``public`` says that it leads to the public
    network for certain. Without either, what is a customary extension is taken for one.
    """
    known = _emergency()
    there = frozenset().union(*(known.regions.get(country, frozenset()) for country in countries))
    if public:
        there = known.every
    for number in _readings(target):
        found = _reached(number, known, there)
        if found is None and number.startswith("+"):  # a gateway may drop the plus
            found = _reached(number[1:], known, there)
        if found is not None:
            return found
    return None


def _reached(number: str, known: _Emergency, there: frozenset[str]) -> str | None:
    """Return the emergency number that digits, with or without a plus, would reach."""
    if number in known.bare or number in there:
        return number
    for digit in OUTSIDE:
        if not number.startswith(digit):
            continue
        rest = number[1:]
        blocks = known.blocks if digit in _BLOCKS else frozenset()
        if rest in there or (rest in known.every and rest not in blocks):
            return rest
        twice = rest.removeprefix("0")  # 9 for the PBX's line, 0 for that of the next
        if twice in there or (len(twice) > 2 and twice in known.every and twice not in blocks):
            return twice
        found = _reached_abroad(rest, known)
        if found is not None:
            return found
    return _reached_abroad(number, known)


def _reached_abroad(number: str, known: _Emergency) -> str | None:
    """Return the emergency number behind an international prefix or a bare country code."""
    for prefix in _ABROAD:
        if number.startswith(prefix):
            rest = number.removeprefix(prefix)
            if rest in known.every:
                return rest
            found = _behind_code(rest, known.codes)
            if found is not None:
                return found
    found = _behind_code(number, known.codes)
    if found is not None and len(found) > 2 and found not in known.extensions:
        return found
    return None


def _behind_code(digits: str, codes: dict[str, frozenset[str]]) -> str | None:
    """Return the emergency number behind the calling code of a country that has it."""
    for length in (1, 2, 3):
        numbers = codes.get(digits[:length], frozenset())
        rest = digits[length:]
        for number in (rest, rest.removeprefix("0")):  # +49 (0) 112
            if number in numbers:
                return number
    return None


@lru_cache(maxsize=64)
def _readings(target: str) -> tuple[str, ...]:
    """Return the digits, with a leading plus where there is one, that a target may stand for.

    Each rail asks for those of a target in its turn.
    """
    return tuple(dict.fromkeys(_read(target)))


def _read(target: str) -> Iterator[str]:
    octets = target.encode("utf-8", "replace")
    for _ in range(_ROUNDS):
        # A character may be escaped in pieces, so what is no UTF-8 yet is kept for the next round.
        text = unicodedata.normalize("NFKC", octets.decode("utf-8", "surrogateescape"))
        for part in _parts(text):
            yield from _dialled(part)
        written = text.encode("utf-8", "surrogateescape")
        octets = unquote_to_bytes(written)
        if octets == written:
            return


def _parts(text: str) -> Iterator[str]:
    """Yield what may be a number in a target: users of its URIs, and what is no URI.

    Digits of a port or of an IPv6 address are none: port 34112 is no call to 112 in Spain.
    """
    text = _HOST_ALONE.sub(lambda found: found[1] + (found[2] or ""), text)
    pieces = _SCHEME.split(text)
    contexts = [found.strip() for found in _CONTEXT.findall(text)]
    for place, piece in enumerate(pieces):
        user = _USER_ENDS.split(piece, maxsplit=1)[0]
        # Before the first scheme stands a display name or, without any scheme, the number itself.
        yield user
        if place:
            yield from user.split(":")  # a password, or a scheme of which we know nothing
        for context in contexts:
            if context.startswith("+"):
                yield context + user  # RFC 3966 §5.1.5
    for value in re.split(r"[?&]", text)[1:]:  # headers of a URI (RFC 3261 §19.1.1)
        yield value.partition("=")[2].split("@")[0]


def _dialled(part: str) -> Iterator[str]:
    """Yield the digits of a number as written, without those of a service code before it."""
    if part.isascii() and part.isdigit():
        yield part
        return
    kept = []
    for char in part:
        if char.isdecimal():
            kept.append(str(unicodedata.decimal(char)))
        elif char in "*#" or (char == "+" and not kept):
            kept.append(char)
        elif char.isalpha() and char not in _PAUSES:
            return  # a name
    written = "".join(kept)
    runs = [run for run in re.split(r"[*#]+", written) if run]
    if not runs:
        return
    if len(runs) == 1 and written == runs[0]:
        yield written
        return
    # *67 and #31# hide the caller; what follows them is dialled.
    for digits in ("".join(runs), runs[-1], runs[-1][2:], runs[-1][3:]):
        if len(digits) > 2:
            yield digits


def dear_number(target: str, countries: tuple[str, ...] = ()) -> str | None:
    """Say what makes a number dear: a satellite network or a premium rate; None for all others.

    Numbers in national form are read as those of ``countries``; without any, only 0900 and 1-900
    are known.
    """
    for number in _readings(target):
        digits = number.removeprefix("+")
        if len(digits) <= _LONGEST_EXTENSION:
            continue
        forms = [number, *(number[1:] for digit in OUTSIDE if number.startswith(digit))]
        for form in forms:
            why = _dear(form, countries)
            if why is not None:
                return why
    return None


def _dear(number: str, countries: tuple[str, ...]) -> str | None:
    """Return why one form of a number is dear, or None."""
    abroad = next((number.removeprefix(p) for p in _ABROAD if number.startswith(p)), None)
    if abroad is None and len(number) >= _NOT_ABROAD:
        abroad = number
    if abroad is not None:
        network = SATELLITE.get(abroad[:3])
        if network is not None:
            return f"+{abroad[:3]} ({network})"
        if _is_premium(f"+{abroad}", None):
            return "premium rate"
    if re.fullmatch(r"0900\d{5,9}|1?900[2-9]\d{6}", number):
        return "premium rate"
    if any(_is_premium(number, country) for country in countries):
        return "premium rate"
    return None


def _is_premium(number: str, country: str | None) -> bool:
    """Ask libphonenumber's metadata."""
    import phonenumbers  # noqa: PLC0415 - 17 ms that an extension never needs

    if country is None and not _may_be_premium(number):
        return False
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.PREMIUM_RATE)


def _may_be_premium(number: str) -> bool:
    """Whether the end of an international number looks like a premium rate of its country.

    Only then it is taken apart: that costs as much as all the rest that is done for a call.
    """
    known = next((found for n in (2, 3, 4) if (found := _premium_ends(number[1:n]))), None)
    return known is not None and known.search(number) is not None


@cache
def _premium_ends(code: str) -> re.Pattern[str] | None:
    """Return what numbers of a country code end with that have a premium rate; None for no code."""
    import phonenumbers  # noqa: PLC0415 - as above

    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code) if code.isdecimal() else 0)
    if regions is None:
        return None
    known = [
        phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
        for region in regions
    ]
    if known[0] is None or known[0].national_prefix_transform_rule:
        return re.compile("")  # what is dialled and the number differ by more than a prefix
    ends = {
        one.premium_rate.national_number_pattern
        for one in known
        if one is not None and one.premium_rate is not None
    }
    return re.compile("|".join(f"(?:{end})$" for end in sorted(filter(None, ends))) or "(?!)")


def listed(target: str, patterns: tuple[str, ...]) -> bool:
    """Whether a number stands in ``allow_to`` by itself, not through a pattern with ``*``."""
    wanted = set(_readings(target))
    return any(set(_readings(pattern)) & wanted for pattern in patterns if "*" not in pattern)


def owned(caller_id: str, numbers: tuple[str, ...]) -> bool:
    """Whether a caller ID is among ``numbers``; ``*`` at the end of one is any characters.

    Separators and the form (number or URI) make no difference; a name must be equal.
    """
    user = unquote(uri_user(caller_id)) or caller_id
    if user.casefold() == "anonymous":
        return True  # shows no number at all (RFC 3323 §4.1.1.1)
    wanted = _plain(user)
    for number in numbers:
        mine = _plain(unquote(uri_user(number)) or number)
        if wanted == mine or (mine.endswith("*") and wanted.startswith(mine[:-1])):
            return True
    return False


def _plain(user: str) -> str:
    """Return a number or name without visual separators (RFC 3966 §5.1.1)."""
    return re.sub(r"[-.() ]", "", user).casefold()


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").casefold() == "localhost"


def allowed(target: str, patterns: tuple[str, ...], host: str) -> bool:
    """Whether a number or URI is among the patterns of ``allow_to``; ``*`` is any characters.

    A pattern is held against the number. A URI at another host than the trunk's is another
    destination, whatever its number: there the pattern must match the whole URI.
    """
    written = target
    if uri_host(target)[0].casefold() == host.casefold():
        written = unquote(uri_user(target))
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), written, re.DOTALL)
        for pattern in patterns
    )
