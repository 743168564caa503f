"""Other numbers, addresses and names in the place of the real ones, the same ones throughout a run.

A report that is shown to strangers need not say who called whom from where. What explains a failure
is kept: whether an address is private, public or loopback, how long a number is and how it begins
(``+``, country, area), and which of two values are equal. So every value is replaced by one of its
kind: addresses by documentation addresses (RFC 5737, RFC 3849) or others of the same private range,
host names by names below ``example`` (RFC 2606), the last seven digits of numbers by other digits.

*First learn, then rewrite.* In a URI or a Via a user or host is known by its place; in a sentence
it is known only because it was met in such a place before. Therefore everything is learned before
anything is rewritten. *All digits of a number that matter are the last seven*, so that
``+12025550123``, ``0012025550123`` and ``2025550123`` stay the same subscriber.

Nothing here can be turned round: the key is random and forgotten with the object.
"""

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Callable
from urllib.parse import unquote

from probe.sip.message import COMPACT_FORMS
from probe.sip.redact import rewritten_message

TAIL = 7
"""Digits of a number that are replaced, from its end; a shorter number is replaced as a whole."""

SHORTEST_WORD = 3
"""A shorter name is replaced in URIs and quotes only: elsewhere it would hit half of every line."""

MOST_WORDS = 500
"""Names that are looked for in sentences; a peer that sends thousands would make each one slow."""

_FEW = 64
_TRIES = 4000
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_KEPT_USERS = frozenset({"anonymous", "unavailable", "unknown", "restricted", "invalid", "-"})
_KEPT_HOSTS = frozenset({"localhost", "anonymous.invalid", "invalid", "0"})

_VOCABULARY = frozenset(
    """
    ack allow answer answered audio auth authorization bye call called caller calls cancel
    contact content cseq date digest echo early event expires from host inactive info inline
    invite ipv4 ipv6 length lr max message method min name nonce notify number ok opaque
    options optional out outbound pcma pcmu ports prack private proxy public publish qop
    rate realm reason recvonly refer register registrar registration reply required response
    ringing route rport rtp rtpmap savp sdp sender sendonly sendrecv server session sip
    sipprobe sips stale subscribe supported tag tcp tel telephone test the timeout timer tls
    transport trunk trying udp unregister unsupported update uri user via video wait warning
    with yes not and for our are was met failed true false none null aor avp fmtp branch
    received maddr ttl application multipart text plain uac uas refresher emergency
    voicemail md5 sha algorithm username cnonce crypto candidate ptime maxptime mid group
    setup active passive type content-type id embedded
    """.split()  # noqa: SIM905 - a paragraph of words is easier to read than a list
)
"""Words of SIP and of our own sentences: a user or host of such a name is replaced in its place
(a URI, a Via, quotes), and left alone elsewhere."""

_NAMED = frozenset(
    {
        *("from", "to", "contact", "reply-to", "refer-to", "referred-by", "diversion"),
        *("p-asserted-identity", "p-preferred-identity", "remote-party-id", "history-info"),
        *("p-called-party-id", "route", "record-route", "p-charging-vector"),
    }
)
"""Fields whose addresses may carry a display name (RFC 3261 §20.10)."""

_COUNTS = frozenset(
    {
        *("cseq", "content-length", "max-forwards", "expires", "session-expires", "min-expires"),
        *("min-se", "retry-after", "rseq", "rack", "date", "timestamp", "content-type"),
    }
)
"""Fields whose numbers count or time something; a number without ``+`` is left there."""

_BARE_V6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]*"
_HOST = r"\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_PLACE = (
    rf"(?P<scheme>\b(?:sips?|im|pres):)(?:(?P<user>[^\s@<>\"]{{1,256}})@)?(?P<host>{_HOST})"
    r"|(?P<telscheme>\btel:)(?P<tel>[+0-9A-Fa-f*#().%-]{1,64})"
    r"|(?P<before>SIP/2\.0/[A-Za-z-]{2,10}[ \t]+|\bIN[ ]IP[46][ ]"
    r"|;[ \t]*(?:received|maddr)[ \t]*=[ \t]*|\bhttps?://|@)"
    rf"(?P<place>{_BARE_V6}|{_HOST})"
    r"|(?P<login>\busername[ \t]*=[ \t]*\")(?P<loginuser>[^\"\r\n]{1,256})"
)
_IPV6 = r"(?P<v6>(?<![\w:.])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:.]*[0-9A-Fa-f:])"
_IPV4 = r"(?P<v4>(?<!\d)(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\d)(?!\.\d))"
_INTERNATIONAL = r"(?P<plus>\+\d{7,15}(?!\d))"
_RUN = r"(?P<run>(?<!\d)\d{7,}(?!\d))"
_SHORT = (
    r"(?P<said>\b(?:calls?|options|to|from|number|extension|user|login|of|for)[ ])"
    r"(?P<short>\d{1,6})"
    r"(?![\w.:]?\d|[ ]?m?s\b|\w)"
    r"|(?P<alone>(?<![\w.:=/+#-])\d{4,6}(?![\w:/-]|\.\d|[ ]m?s\b))"
    r"|(?P<mark>[\"'])(?P<quoted>\d{1,6})(?=(?P=mark))"
)
_MULTILINE_ANY_CASE = re.MULTILINE | re.IGNORECASE
_REALM = re.compile(r"\b(?:realm|domain)\s*=\s*\"([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)\"")
_WARN_AGENT = re.compile(r"^Warning[ \t]*:[ \t]*\d{3}[ ]([A-Za-z0-9.-]+)", _MULTILINE_ANY_CASE)
_ORIGIN = re.compile(r"^o=(?!-[ ])(\S+)[ ]", re.MULTILINE)
_DISPLAY = re.compile(
    r"(?:\A|,)[ \t]*(?:\"(?P<quoted>(?:[^\"\\]|\\.){1,256})\""
    r"|(?P<token>[^\s\"<>,;:=][^\"<>,;:=]{0,255}?))[ \t]{0,8}<"
)
_DESCRIPTION = re.compile(r"[abmortvz]=")
_FIELD_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+[ \t]*")
_PLACES = re.compile(f"{_PLACE}|{_IPV6}|{_IPV4}|{_INTERNATIONAL}", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[\d().*#-]*\d[\d().*#-]*")
_NAME_OF_HOST = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


class Pseudonyms:
    """Learns from texts, then rewrites them."""

    def __init__(self, key: bytes | None = None) -> None:
        """``key`` makes pseudonyms repeatable, for tests; None is a random one."""
        self._key = secrets.token_bytes(32) if key is None else key
        self._tails: dict[str, str] = {}
        self._used: set[str] = set()
        self._originals: set[str] = set()
        self._addresses: dict[_Address, _Address] = {}
        self._real: set[_Address] = set()
        self._given: set[_Address] = set()
        self._words: dict[str, str] = {}
        self._counts = {"user": 0, "host": 0, "name": 0}
        self._compiled: tuple[re.Pattern[str], re.Pattern[str]] | None = None

    def __repr__(self) -> str:
        """Show how much is known, and nothing of it."""
        return f"Pseudonyms({len(self._tails)} numbers, {len(self._real)} addresses)"

    # What there is

    def learn(self, text: str) -> None:
        """Take note of the users, numbers, hosts and addresses of a text, by their places."""
        for found in _PLACES.finditer(text):
            for host in filter(None, found.group("host", "place", "v4", "v6")):
                self.learn_host(host)
            for user in filter(None, found.group("user", "tel", "loginuser", "plus")):
                self.learn_user(user)
        for pattern in (_REALM, _WARN_AGENT):
            for host in pattern.findall(text):
                self.learn_host(host)
        for user in _ORIGIN.findall(text):
            self.learn_user(user)
        self._learn_names(text)

    def _learn_names(self, text: str) -> None:
        """Take note of the names that stand before addresses."""
        for line in re.split(r"\r?\n", text):
            name, _, value = line.partition(":")
            if _field(name) in _NAMED:
                for found in _DISPLAY.finditer(value):
                    self._learn_name((found["quoted"] or found["token"]).strip())

    def learn_user(self, user: str) -> None:
        """Take note of the user part of a URI, escaped or not, or of a login or number."""
        user = unquote(user).partition(";")[0].partition(":")[0]
        if _NUMBER.fullmatch(user):
            digits = re.sub(r"\D", "", user)
            self._originals.add(digits[-TAIL:])
            if not re.fullmatch(r"\+?\d+", user):
                self._add(user, lambda: self._digits(user))
            self._compiled = None
        elif user and user.lower() not in _KEPT_USERS:
            self._add(user, lambda: self._numbered("user"))
            for digits in re.findall(r"\d{7,}", user):
                self._originals.add(digits[-TAIL:])

    def learn_host(self, host: str) -> None:
        """Take note of a host: a name or an address."""
        host = host.strip("[]").rstrip(".")
        address = _address_of(host)
        if address is not None:
            self._real.add(address)
        elif host.isdigit():
            self.learn_user(host)  # sip:100, a number where a host should be
        elif _NAME_OF_HOST.fullmatch(host) and host.lower() not in _KEPT_HOSTS:
            self._add(host, lambda: f"{self._numbered('host')}.example")

    def _learn_name(self, name: str) -> None:
        if _NUMBER.fullmatch(name):
            self.learn_user(name)
        elif name and name.lower() not in _KEPT_USERS:
            self._add(name, lambda: self._numbered("name"))

    def _add(self, word: str, make: Callable[[], str]) -> None:
        if word.lower() not in self._words:
            self._words[word.lower()] = make()
            self._compiled = None

    def _numbered(self, kind: str) -> str:
        self._counts[kind] += 1
        return f"{kind}-{self._counts[kind]}"

    # What stands in its place

    def text(self, text: str) -> str:
        """Return a sentence, a label, a detail, an address with its port, rewritten."""
        return self._patterns()[0].sub(self._replaced, text)

    def message(self, text: str) -> str:
        """Return a SIP message rewritten: the same fields in the same order, still readable.

        Content-Length moves with the length of the body.
        """
        return rewritten_message(text, self._lines)

    def _lines(self, text: str) -> str:
        """Rewrite head or body line by line; names of fields are no words of anybody."""
        parts = re.split(r"(\r?\n)", text)
        return "".join(self._line(part) if part.strip() else part for part in parts)

    def _line(self, line: str) -> str:
        """Rewrite a line; what counts, times or enumerates media keeps its numbers."""
        everything, without_numbers = self._patterns()
        if _DESCRIPTION.match(line):
            return without_numbers.sub(self._replaced, line)
        name, colon, value = line.partition(":")
        if not colon or not _FIELD_NAME.fullmatch(name) or _field(name) in {"sip", "sips", "tel"}:
            return everything.sub(self._replaced, line)
        pattern = without_numbers if _field(name) in _COUNTS else everything
        return f"{self._words.get(name.lower(), name)}:{pattern.sub(self._replaced, value)}"

    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """Return what finds everything that is to be replaced, and the same without bare digits."""
        if self._compiled is None:
            free = [w for w in self._words if len(w) >= SHORTEST_WORD and w not in _VOCABULARY]
            known = set(free)
            bound = [w for w in self._words if w not in known][:MOST_WORDS]
            most = (
                rf"{_PLACE}|(?P<word>(?<![A-Za-z0-9])(?:{_any_of(free[:MOST_WORDS])})(?![A-Za-z0-9]))"
                rf"|\"(?P<inquotes>{_any_of(bound)})(?=\")|{_IPV6}|{_IPV4}|{_INTERNATIONAL}"
            )
            self._compiled = (
                re.compile(f"{most}|{_RUN}|{_SHORT}", re.IGNORECASE),
                re.compile(most, re.IGNORECASE),
            )
        return self._compiled

    def _replaced(self, found: "re.Match[str]") -> str:
        """Return what stands in place of one match."""
        parts = {name: part for name, part in found.groupdict().items() if part}
        match parts:
            case {"host": host}:
                at = f"{self._user(parts['user'])}@" if "user" in parts else ""
                other = f"{parts['scheme']}{at}{self._host(host)}"
            case {"tel": number}:
                other = f"{parts['telscheme']}{self._user(number)}"
            case {"place": host}:
                other = f"{parts['before']}{self._host(host)}"
            case {"loginuser": user}:
                other = f"{parts['login']}{self._user(user)}"
            case {"word": word}:
                other = self._words[word.lower()]
            case {"inquotes": word}:
                other = f'"{self._words[word.lower()]}'
            case {"v4": address} | {"v6": address}:
                other = self._address(address)
            case {"plus": number}:
                other = self._digits(number)
            case _:
                other = self._bare(found[0], parts)
        return other

    def _bare(self, text: str, parts: dict[str, str]) -> str:
        """Return digits that stand without a ``+``: other ones where they are a known number."""
        before = parts.get("said", parts.get("mark", ""))
        digits = text.removeprefix(before)
        return f"{before}{self._digits(digits)}" if digits[-TAIL:] in self._originals else text

    def _user(self, user: str) -> str:
        """Return the pseudonym of a user part; its parameters are rewritten as text."""
        plain = unquote(user)
        bare, semicolon, parameters = plain.partition(";")
        bare, colon, password = bare.partition(":")
        if _NUMBER.fullmatch(bare):
            other = self._digits(bare).replace("#", "%23")
        elif not bare or bare.lower() in _KEPT_USERS:
            other = bare
        else:
            self.learn_user(bare)
            other = self._words[bare.lower()]
        return f"{other}{colon}{password}{semicolon}{self.text(parameters) if parameters else ''}"

    def _host(self, host: str) -> str:
        bare = host.strip("[]").rstrip(".")
        if _address_of(bare) is not None:
            other = self._address(bare)
            return f"[{other}]" if host.startswith("[") else other
        if bare.isdigit():
            return self._digits(bare)
        self.learn_host(bare)
        return self._words.get(bare.lower(), host)

    def _digits(self, number: str) -> str:
        """Return a number with other digits at its end; signs between them stay where they are."""
        digits = re.sub(r"\D", "", number)
        tail = digits[-TAIL:]
        self._originals.add(tail)
        if tail not in self._tails:
            size = 10 ** len(tail)
            candidates = (f"{self._hash(tail, n) % size:0{len(tail)}}" for n in range(_TRIES))
            free = (c for c in candidates if c not in self._originals and c not in self._used)
            fit = (c for c in free if not _looks_urgent(c))
            spare = f"{(int(tail) + 1) % size:0{len(tail)}}"  # so many short numbers: all are taken
            self._tails[tail] = next(fit, spare)
            self._used.add(self._tails[tail])
        other = iter(digits[: -len(tail)] + self._tails[tail])
        return re.sub(r"\d", lambda _: next(other), number)

    def _address(self, text: str) -> str:
        address = _address_of(text)
        if address is None or _names_nobody(address):
            return text
        if address not in self._addresses:
            self._real.add(address)
            likes = _ranges_like(address)
            candidates = (
                self._candidate(address, like, number)
                for like in likes
                for number in range(_TRIES if like is likes[-1] else _FEW)
            )
            free = (c for c in candidates if c not in self._real and c not in self._given)
            self._addresses[address] = next(free)
            self._given.add(self._addresses[address])
        return str(self._addresses[address])

    def _candidate(self, address: _Address, like: tuple[str, ...], number: int) -> _Address:
        """Return one of the addresses in the networks that are like that of an address."""
        told = self._hash(str(address), number)
        network = ipaddress.ip_network(like[told % len(like)])
        return network[(told >> 8) % max(1, min(network.num_addresses - 2, 2**64)) + 1]

    def _hash(self, text: str, number: int) -> int:
        told = hashlib.blake2b(f"{number} {text}".encode(), key=self._key, digest_size=16).digest()
        return int.from_bytes(told, "big")


def _any_of(words: list[str]) -> str:
    """Return the pattern of one of several words, the longest first; of none, what never fits."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or "(?!)"


def _field(name: str) -> str:
    """Return the long name of a header field in lower case."""
    return COMPACT_FORMS.get(name.strip().lower(), name.strip()).lower()


def _address_of(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _names_nobody(address: _Address) -> bool:
    """Whether an address is the same on every machine."""
    return address.is_loopback or address.is_unspecified or address == _BROADCAST


def _looks_urgent(digits: str) -> bool:
    """Whether a short number could be read as one for emergencies."""
    return bool(re.fullmatch(r"1\d\d|9[19]\d|000|999|11\d{4}", digits))


def _ranges_like(address: _Address) -> tuple[tuple[str, ...], ...]:
    """Return the networks whose addresses may stand for one, in order of preference."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return (("::ffff:198.18.0.0/111",),)
        if address.is_multicast:
            return (("ff0e::db8:0:0/96",),)
        if address.is_link_local:
            return (("fe80::/64",),)
        return (("fd00::/8",),) if address in _LOCAL_V6 else (("2001:db8::/32",),)
    for network, like in _LIKE_V4:
        if address in network:
            return like
    return (("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"), ("198.18.0.0/15",))


_LOCAL_V6 = ipaddress.ip_network("fc00::/7")
_LIKE_V4 = tuple(
    (ipaddress.ip_network(network), ((like,),))
    for network, like in (
        *((private, "10.0.0.0/8") for private in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),
        ("100.64.0.0/10", "100.64.0.0/10"),
        ("169.254.0.0/16", "169.254.0.0/16"),
        ("224.0.0.0/4", "239.0.0.0/8"),
        ("240.0.0.0/4", "240.0.0.0/4"),
        ("0.0.0.0/8", "0.0.0.0/8"),
    )
)
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
