"""The server's half of digest authentication (RFC 7616, RFC 8760, RFC 3261 §22)."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from typing import Literal

from msgspec import Struct

from probe.sip.challenge import AuthField, parse_auth_field

Algorithm = Literal["MD5", "SHA-256"]
"""The digest algorithms on offer: RFC 3261's own and the one that RFC 8760 §2.4 puts first."""

NONCE_LIFETIME = 300.0
"""Seconds that a nonce serves before the answer is ``stale=true``."""

MAX_NONCES = 1024
"""Nonces remembered; the oldest are forgotten first, and then count as stale."""

_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


class Judgement(Enum):
    """What the credentials of a request are worth."""

    ABSENT = "no digest for our realm and algorithm"
    STALE = "right, but for a nonce that is too old, unknown or used before"
    WRONG = "another user or another password"
    RIGHT = "right"


class _Nonce(Struct):
    """What is remembered of one nonce."""

    issued: float
    count: int = 0


class Authenticator:
    """Issues challenges and judges answers for accounts that share a password.

    An unknown user is challenged like a known one and then judged WRONG, so the answers do not
    tell which users exist.
    """

    def __init__(  # noqa: PLR0913 - each has a name
        self,
        *,
        realm: str,
        user: str,
        password: str,
        algorithm: Algorithm,
        now: Callable[[], float],
        others: Collection[str] = (),
    ) -> None:
        """``now`` returns monotonic seconds; ``others`` are users beside ``user``."""
        if algorithm not in _HASHES:
            raise ValueError(f"digest algorithm {algorithm!r}: expected MD5 or SHA-256")
        self._realm = realm
        self._algorithm = algorithm
        self._users = frozenset((user, *others))
        self._password = password
        self._now = now
        self._nonces: OrderedDict[str, _Nonce] = OrderedDict()

    def challenge(self, *, stale: bool = False) -> str:
        """Return the value of a WWW-Authenticate or Proxy-Authenticate with a fresh nonce."""
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = _Nonce(issued=self._now())
        while len(self._nonces) > MAX_NONCES:
            self._nonces.popitem(last=False)
        mark = ", stale=true" if stale else ""
        return (
            f'Digest realm="{self._realm}", nonce="{nonce}", algorithm={self._algorithm}, '
            f'qop="auth"{mark}'
        )

    def judge(self, method: str, values: Iterable[str]) -> Judgement:
        """Judge the values of Authorization or Proxy-Authorization of a request of ``method``."""
        for value in values:
            given = parse_auth_field(value)
            if (
                given.scheme == "digest"
                and given.realm == self._realm
                and given.algorithm == self._algorithm
            ):
                return self._judge(method, given)
        return Judgement.ABSENT

    def who(self, values: Iterable[str]) -> str:
        """Return the user whose credentials the values are, judged or not; empty for nobody."""
        found = (parse_auth_field(value) for value in values)
        return next((f.get("username") or "" for f in found if f.realm == self._realm), "")

    def _judge(self, method: str, given: AuthField) -> Judgement:
        expected = self._expected(method, given)
        response = (given.get("response") or "").encode()
        if not hmac.compare_digest(expected.encode(), response):
            return Judgement.WRONG
        if given.get("username") not in self._users:
            return Judgement.WRONG
        nonce = self._nonces.get(given.get("nonce") or "")
        if nonce is None or self._now() - nonce.issued > NONCE_LIFETIME:
            return Judgement.STALE
        if (
            given.get("qop") is None
        ):  # RFC 2069 clients count nothing; RFC 7616 §3.3 still allows them
            return Judgement.RIGHT
        count = _hexadecimal(given.get("nc"))
        if count <= nonce.count:
            return Judgement.STALE
        nonce.count = count
        return Judgement.RIGHT

    def _expected(self, method: str, given: AuthField) -> str:
        """Compute the right response (RFC 7616 §3.4.1; without qop as RFC 3261 §22.4 keeps it)."""
        digest = _HASHES[self._algorithm]
        secret = digest(f"{given.get('username')}:{self._realm}:{self._password}".encode())
        what = digest(f"{method}:{given.get('uri')}".encode())
        nonce = given.get("nonce") or ""
        qop = given.get("qop")
        if qop is None:
            return digest(f"{secret}:{nonce}:{what}".encode())
        return digest(
            f"{secret}:{nonce}:{given.get('nc')}:{given.get('cnonce')}:{qop}:{what}".encode()
        )


def _hexadecimal(text: str | None) -> int:
    """Read a nonce count; 0 where it is none."""
    if text is None or len(text) > 8:
        return 0
    try:
        return int(text, 16)
    except ValueError:
        return 0
