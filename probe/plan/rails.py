"""Numbers that are never dialled, and those that a trunk profile does not let through.

The numbers are those that ITU-T E.161.1 and national plans reserve for emergency calls; the state
is that of 2026-11. They are matched on the digits that would leave, also behind the outside-line
and international prefixes that a PBX strips, because a call that rings a rescue desk cannot be
taken back.
"""

import re
from urllib.parse import unquote

from probe.sip.message import uri_host, uri_user

EMERGENCY = frozenset(
    {
        "000",  # Australia
        "08",  # Mexico, older plans
        "061",  # Spain, medical
        "062",  # Spain, Guardia Civil
        "066",  # Mexico, older plans
        "080",  # Spain, fire; Angola
        "085",  # Spain, fire
        "091",  # Spain, police
        "092",  # Spain, local police
        "106",  # Australia, text relay
        "110",  # Germany, China, Japan and others
        "111",  # New Zealand
        "112",  # worldwide
        "113",  # Italy, Norway, Vietnam and others
        "114",  # Vietnam, Mauritius
        "115",  # Italy, Iran, Vietnam
        "117",  # Switzerland, Cambodia
        "118",  # Italy, Switzerland, Indonesia
        "119",  # Japan, Korea, China, Taiwan
        "120",  # China
        "122",  # China, Egypt
        "144",  # Switzerland, Austria
        "190",  # Brazil, Tunisia
        "191",  # Thailand
        "192",  # Brazil
        "193",  # Brazil
        "911",  # North America and others
        "933",  # North America, address test desk
        "991",  # several
        "993",  # several
        "995",  # Singapore, Georgia
        "997",  # Poland, Saudi Arabia
        "998",  # Poland, Saudi Arabia
        "999",  # United Kingdom, Hong Kong and others
    }
)
"""Emergency numbers as dialled."""

_PREFIXES = ("", "0", "9", "8", "00", "011", "1", "001", "0111")
"""Outside-line and international prefixes that a PBX or trunk may strip."""


def emergency_number(target: str) -> str | None:
    """Return the emergency number that a Request-URI or number would reach, or None.

    Escapes, visual separators, ``tel:`` and URI parameters are undone first (RFC 3966 §5.1.1).
    """
    user = uri_user(target) or re.split(r"[@;]", target.removeprefix("sip:"), maxsplit=1)[0]
    digits = re.sub(r"[^0-9*#]", "", re.split(r"[;?]", unquote(user), maxsplit=1)[0])
    for prefix in _PREFIXES:
        rest = digits.removeprefix(prefix) if digits.startswith(prefix) else ""
        if rest in EMERGENCY:
            return rest
    return None


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
