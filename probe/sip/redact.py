"""Takes secrets out of messages and log lines, and leaves what a diagnosis needs.

A trace is stored, mailed and pasted into tickets. With the nonce, the cnonce and the response of
one digest anybody can try passwords offline (RFC 7616 §5.3), and an SRTP master key in a session
description (RFC 4568 §6.1) opens the call. So those values go, and everything around them stays:
algorithm, realm, qop, stale, user name and URI explain most refusals.

Two rules carry the module. *What is kept in credentials is a list*: an unknown parameter and
anything that cannot be read is replaced, because a hole in a list of secrets would show one. *Equal
values stay equal*: nonces become ``redacted-1``, ``redacted-2`` … inside one Redactor, since
whether a server repeated its nonce separates a stale one from a wrong password.
"""

import base64
import re
from collections.abc import Callable, Collection
from functools import lru_cache

from probe.sip.message import COMPACT_FORMS

SHORTEST_SECRET = 4
"""A shorter secret is not searched for: it would also be found inside numbers and tags."""

MOST_KNOWN_LINES = 4096
LONGEST_KNOWN_LINE = 300
"""Lines whose clean form a Redactor remembers: those of a call come again in each of its messages,
and a peer may send thousands."""

MARK = "redacted"
"""What stands in place of a secret."""

_CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
_AUTHENTICATION = _CREDENTIALS | {
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
    "proxy-authentication-info",
}
_SCHEMES = frozenset({"digest", "basic", "bearer", "ntlm", "negotiate"})
_KEPT = frozenset(
    {
        *("algorithm", "authz_server", "charset", "domain", "error", "nc", "qop", "realm"),
        *("scope", "stale", "uri", "userhash", "username"),
    }
)
_NUMBERED = {"nonce": "nonce", "nextnonce": "nonce", "opaque": "opaque"}
_QOP_VALUES = frozenset({"auth", "auth-int"})

_ITEM = re.compile(
    r"[\s,]*(?P<scheme>(?:digest|basic|bearer)\s+(?=[\w-]+\s*=))?"
    r"(?P<name>[A-Za-z][\w-]*)"
    r'(?P<equals>\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s",]*))?(?=[\s,]|\Z)',
    re.IGNORECASE | re.DOTALL,
)
_NO_MORE = re.compile(r"[\s,]*\Z")
_SECRET_NAME = re.compile(r"(response|nonce|opaque|rspauth)\s*=", re.IGNORECASE)
_ANYWHERE = re.compile(
    r"(?P<name>response|[cC]nonce|nextnonce|nonce|opaque|rspauth)(?P<equals>\s*=\s*)"
    r'(?P<value>"(?:[^"\\\r\n]|\\[^\r\n])*"|"[^\r\n]*|[^\s,;]+)',
    re.IGNORECASE,
)
_CREDENTIALS_ANYWHERE = re.compile(
    r"(authorization\s*:\s*(?:basic|bearer|ntlm|negotiate)\s+)[^\r\n]+", re.IGNORECASE
)
_URI_PASSWORD = re.compile(r'(\bsips?:[^\s@:;?<>"]{1,256}:)[^\s@;?<>"]{1,256}@', re.IGNORECASE)
_CRYPTO = re.compile(r"(?P<head>\s*a\s*=\s*crypto\s*:)(?P<rest>[^\r\n]*)", re.IGNORECASE)
_CRYPTO_REST = re.compile(
    r"(?P<suite>\s*\d+\s+[\w-]+\s+)(?P<keys>inline:[^\s;|]+(?:\|[^\s;]*)?"
    r"(?:;inline:[^\s;|]+(?:\|[^\s;]*)?)*)(?P<session>(?:\s+[\w-]+(?:=[\w\"/.-]*)?)*\s*)\Z",
    re.IGNORECASE,
)
_INLINE = re.compile(r"(inline\s*:\s*)[A-Za-z0-9+/=_-]+", re.IGNORECASE)
_OTHER_KEYS = re.compile(
    r"(?P<head>\s*(?:a\s*=\s*key-mgmt\s*:\s*(?:[\w-]+(?=\s))?|a\s*=\s*ice-pwd\s*:"
    r"|k\s*=\s*(?!prompt\s*\Z)(?:(?:clear|base64|uri):)?))(?P<rest>[^\r\n]*)",
    re.IGNORECASE,
)
_CONTENT_LENGTH = re.compile(
    r"^((?:content-length|l)[ \t]*:[ \t]*)(\d{1,9})(?=[ \t]*\r?$)", re.IGNORECASE | re.MULTILINE
)


_WORDS = (
    *("response", "nonce", "opaque", "rspauth", "authorization", "sip:", "sips:", "inline"),
    *("crypto", "key-mgmt", "ice-pwd"),
)
"""One of them, in small letters, stands in each ordinary line of which something is taken out, but
for the key of a session description, whose line begins with ``k``."""


_SIGNS = (
    *("nonce", "auth", "response", "opaque", "inline", "crypto", "key-mgmt", "ice-pwd"),
    "identity",
)
"""One of them, in small letters, stands in each text of which something is taken out, but for
passwords in URIs, fields and keys of one letter, and the secrets that were given."""

_ODD_BLANKS = ("\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f")
_ODD_LINE = re.compile(r"\n(?:[ky \t]|\r[^\n])")
"""Where no odd blank is, a field or a key of one letter stands only in the first line or here."""

_SMALL_URI_PASSWORD = re.compile(r'sips?:[^\s@:;?<>"]{1,256}:[^\s@;?<>"]{1,256}@')


class Redactor:
    """Redacts texts one after another and numbers nonces across all of them."""

    def __init__(self, secrets: Collection[str] = (), *, public: Collection[str] = ()) -> None:
        """Take secrets to search for, also in URL-encoded and base64 form.

        ``public`` names values that are no secret wherever they stand (user names, numbers): a
        secret equal to one of them is not searched for, or a password that repeats the extension
        would take the extension out of every header field.
        """
        wanted = sorted(
            {s for s in secrets if len(s) >= SHORTEST_SECRET and s not in set(public)},
            key=lambda secret: (-len(secret), secret),
        )
        self._secrets, self._signs = _search(tuple(wanted))
        self._numbers: dict[str, dict[str, int]] = {"nonce": {}, "opaque": {}}
        self._known: dict[str, str] = {}

    def message(self, text: str) -> str:
        """Return a message without secrets: same header fields, same order, still readable.

        Content-Length moves with the length of the body, so that one that was right stays right
        and one that was wrong stays wrong by as much. Folded fields that carry credentials are
        unfolded.
        """
        return text if self.harmless(text) else rewritten_message(text, self._rewritten)

    def text(self, text: str) -> str:
        """Return any text without secrets: a log line, a detail, a piece of a message."""
        return text if self.harmless(text) else self._rewritten(text)

    def harmless(self, text: str) -> bool:
        """Whether nothing that is taken out can stand in a text: then it stays the same object.

        Most messages carry neither credentials nor keys, and to look for words in the whole of one
        takes a hundredth of the time that its lines take one by one. Texts that are joined by line
        ends are harmless only if each of them is.
        """
        if not text.isascii() or (self._signs and self._may_hold(text)):
            return False
        small = text.lower()
        for sign in _SIGNS:
            if sign in small:
                return False
        for blank in _ODD_BLANKS:
            if blank in small:
                return False
        return (
            small.lstrip()[:1] not in {"k", "y"}
            and _ODD_LINE.search(small) is None
            and _SMALL_URI_PASSWORD.search(small) is None
        )

    def _rewritten(self, text: str) -> str:
        """Return a text without secrets, read line by line."""
        parts = re.split(r"(\r?\n)", text)
        lines = list(zip(parts[::2], [*parts[1::2], ""], strict=True))
        out: list[str] = []
        position = 0
        while position < len(lines):
            line, end = lines[position]
            position += 1
            name, colon, value = line.partition(":")
            key = COMPACT_FORMS.get(name.strip().lower(), name.strip()).lower()
            if colon and (key in _AUTHENTICATION or key == "identity"):
                while position < len(lines) and lines[position][0][:1] in {" ", "\t"}:
                    folded, end = lines[position]
                    value = f"{value} {folded.strip()}"
                    position += 1
                line = f"{name}: {self._field(key, value.strip())}"
                out.append(_URI_PASSWORD.sub(rf"\g<1>{MARK}@", line) + end)
            else:
                out.append(self._ordinary(line) + end)
        done = "".join(out)
        return self._secrets.sub(MARK, done) if self._secrets and self._may_hold(done) else done

    def _may_hold(self, text: str) -> bool:
        """Whether a search for secrets is worth its time: it may be escaped, or a sign is there."""
        return "%" in text or "\\" in text or any(sign in text for sign in self._signs)

    def _field(self, key: str, value: str) -> str:
        """Redact the value of an authentication field or of Identity (RFC 8224)."""
        if key == "identity":
            return MARK + "".join(re.findall(r";\s*(?:info|alg|ppt)\s*=\s*[^;,]*", value))
        if key.endswith("authentication-info"):
            return self._parameters(value)
        scheme = value.split(maxsplit=1)[0] if value else ""
        rest = value[len(scheme) :].strip()
        if scheme.lower() not in _SCHEMES:
            return MARK
        if key in _CREDENTIALS and scheme.lower() != "digest":
            return f"{scheme} {MARK}" if rest else scheme
        return f"{scheme} {self._parameters(rest)}".strip()

    def _parameters(self, text: str) -> str:
        """Redact a list of parameters; from the first unreadable place on, nothing is kept."""
        found: list[str] = []
        position = 0
        while not _NO_MORE.match(text, position):
            item = _ITEM.match(text, position)
            if not item:
                found.append(MARK)
                break
            position = item.end()
            scheme, name = item.group("scheme") or "", item.group("name")
            if item.group("equals") is None:
                found.append(name if name.lower() in _QOP_VALUES else MARK)
            else:
                found.append(f"{scheme}{name}={self._value(name.lower(), item.group('value'))}")
        return ", ".join(found)

    def _value(self, name: str, value: str) -> str:
        """Return what a parameter may show of its value."""
        quoted = value.startswith('"')
        bare = value.strip('"') if quoted else value
        if not bare or (name in _KEPT and not _SECRET_NAME.search(bare)):
            return value
        shown = self._number(_NUMBERED[name], bare) if name in _NUMBERED else MARK
        return f'"{shown}"' if quoted else shown

    def _number(self, kind: str, value: str) -> str:
        """Return the mark of a value whose equality matters."""
        if re.fullmatch(rf"{MARK}(-\d+)?", value):
            return value
        numbers = self._numbers[kind]
        return f"{MARK}-{numbers.setdefault(value, len(numbers) + 1)}"

    def _ordinary(self, line: str) -> str:
        """Redact a line that is no authentication field, or remember its clean form."""
        clean = self._known.get(line)
        if clean is None:
            clean = self._line(line) if _worth_reading(line) else line
            if len(line) <= LONGEST_KNOWN_LINE and len(self._known) < MOST_KNOWN_LINES:
                self._known[line] = clean
        return clean

    def _line(self, line: str) -> str:
        """Redact a line that is no authentication field."""
        return _URI_PASSWORD.sub(rf"\g<1>{MARK}@", self._without_keys(line))

    def _without_keys(self, line: str) -> str:
        """Return a line without keys and credentials."""
        crypto = _CRYPTO.match(line)
        if crypto:
            rest = _CRYPTO_REST.match(crypto.group("rest"))
            if not rest:
                return f"{crypto.group('head')}{MARK}"
            keys = _INLINE.sub(rf"\g<1>{MARK}", rest.group("keys"))
            return f"{crypto.group('head')}{rest.group('suite')}{keys}{rest.group('session')}"
        other = _OTHER_KEYS.match(line)
        if other and other.group("rest").strip():
            gap = " " if other.group("rest")[:1] in {" ", "\t"} else ""
            return f"{other.group('head')}{gap}{MARK}"
        line = _CREDENTIALS_ANYWHERE.sub(rf"\g<1>{MARK}", line)
        line = _ANYWHERE.sub(self._anywhere, line)
        return _INLINE.sub(rf"\g<1>{MARK}", line)

    def _anywhere(self, match: re.Match[str]) -> str:
        """Redact a digest parameter outside an authentication field."""
        value = self._value(match.group("name").lower(), match.group("value"))
        return f"{match.group('name')}{match.group('equals')}{value}"


def _worth_reading(line: str) -> bool:
    """Whether an ordinary line may hold anything secret: a word for it stands in each that does.

    To look for words is fifty times as fast as to look for what is around them, and a peer may send
    a header field of 64 kB. Without ASCII a capital may be another sign than we think.
    """
    if not line.isascii():
        return True
    small = line.lower()
    return any(word in small for word in _WORDS) or small.lstrip().startswith("k")


def rewritten_message(text: str, rewrite: Callable[[str], str]) -> str:
    """Return a message whose head and body were rewritten, with Content-Length moved along."""
    found = re.search(r"\r?\n\r?\n", text.lstrip("\r\n"))
    if not found:
        return rewrite(text)
    split = len(text) - len(text.lstrip("\r\n")) + found.end()
    head, body = rewrite(text[:split]), rewrite(text[split:])
    grown = _size(body) - _size(text[split:])
    if grown:
        head = _CONTENT_LENGTH.sub(
            lambda match: f"{match.group(1)}{max(0, int(match.group(2)) + grown)}", head
        )
    return head + body


def redact_message(text: str, secrets: Collection[str] = ()) -> str:
    """Return one message without secrets; use a Redactor where several belong together."""
    return Redactor(secrets).message(text)


def _size(text: str) -> int:
    """Return the length in bytes of a text that was decoded with surrogateescape."""
    return len(text.encode("utf-8", "surrogateescape"))


@lru_cache(maxsize=64)
def _search(wanted: tuple[str, ...]) -> tuple[re.Pattern[str] | None, tuple[str, ...]]:
    """Return what finds some secrets in all their forms, and the signs of those."""
    forms = [form for secret in wanted for form in _forms(secret)]
    signs = tuple(sign for secret in wanted for sign in _signs(secret))
    return re.compile("|".join(forms)) if forms else None, signs


def _forms(secret: str) -> list[str]:
    """Return patterns that find a secret: plain, escaped in part or whole, and in base64."""
    plain = "".join(rf"\\?(?:{re.escape(char)}|{_percent(char)})" for char in secret)
    encoded = [
        "".join({"+": r"[+\-]", "/": "[/_]"}.get(char, re.escape(char)) for char in core)
        for core in _in_base64(secret)
    ]
    return [plain, *encoded]


def _signs(secret: str) -> list[str]:
    """Return texts of which one stands where a secret does that is not escaped.

    Of base64, which has two alphabets, it is the longest part that is the same in both.
    """
    return [secret, *(max(re.split("[+/]", core), key=len) for core in _in_base64(secret))]


def _in_base64(secret: str) -> list[str]:
    """Return what of a secret stands in any base64 that holds it, by the three ways it may fall."""
    raw = secret.encode("utf-8", "surrogateescape")
    found = []
    for offset in range(3):
        # Inside a longer text the first and the last character may also hold a neighbour's bits.
        text = base64.b64encode(b"\0" * offset + raw).decode("ascii").rstrip("=")
        found.append(text[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6])
    return found


def _percent(char: str) -> str:
    """Return a pattern of a character in percent-encoding (RFC 3986 §2.1)."""
    return "".join(
        "%" + "".join(f"[{d}{d.lower()}]" if d.isalpha() else d for d in f"{byte:02X}")
        for byte in char.encode("utf-8", "surrogateescape")
    )
