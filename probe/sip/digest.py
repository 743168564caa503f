"""Answers to digest challenges (RFC 7616, RFC 3261 §22.4, RFC 8760)."""

from collections.abc import Callable
from functools import partial

from probe.sip import chance
from probe.sip.challenge import AuthField, parse_auth_field
from probe.sip.message import SipMessage


def _hashed(name: str, data: bytes) -> str:
    """Return a hash in hexadecimal."""
    import hashlib  # noqa: PLC0415 - 3 ms, and few workers answer a challenge themselves

    return hashlib.new(name, data).hexdigest()


HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": partial(_hashed, "md5"),  # what SIP uses (RFC 3261 §22.4)
    "SHA-256": partial(_hashed, "sha256"),
    "SHA-512-256": partial(_hashed, "sha512_256"),
}
"""Hash functions by the name of their algorithm, without ``-SESS``."""

ANSWERED_BY = {401: "Authorization", 407: "Proxy-Authorization"}
"""The header field that answers a challenge, by its status."""

_ASKED_IN = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}


def digest(  # noqa: PLR0913 - the values that RFC 7616 §3.4.1 hashes
    *,
    algorithm: str,
    user: str,
    realm: str,
    password: str,
    nonce: str,
    cnonce: str,
    count: str,
    qop: str,
    method: str,
    uri: str,
    body: str = "",
) -> str | None:
    """Return the response of a digest, or None for an algorithm that is not known."""
    hashed = HASHES.get(algorithm.upper().removesuffix("-SESS"))
    if hashed is None:
        return None

    def joined(*parts: str) -> str:
        return hashed(":".join(parts).encode("utf-8", "surrogateescape"))

    first = joined(user, realm, password)
    if algorithm.upper().endswith("-SESS"):
        first = joined(first, nonce, cnonce)
    second = joined(method, uri)
    if qop == "auth-int":
        second = joined(method, uri, hashed(body.encode("utf-8", "surrogateescape")))
    middle = (nonce, count, cnonce, qop) if qop else (nonce,)
    return joined(first, *middle, second)


def credentials(  # noqa: PLR0913 - who answers, and for which request
    answer: SipMessage,
    *,
    user: str,
    password: str,
    realm: str = "*",
    method: str,
    uri: str,
) -> dict[str, str]:
    """Return the values of Authorization that answer a 401 or 407, by realm.

    The header field is ``ANSWERED_BY`` of its status; none where we cannot answer. Of several
    challenges for one realm the first that we can answer counts (RFC 8760 §2.4). ``realm`` is the
    only one that the password is for; ``*`` for any.
    """
    asked_in = _ASKED_IN.get(answer.status or 0)
    if asked_in is None:
        return {}
    found: dict[str, str] = {}
    for challenge in map(parse_auth_field, answer.all(asked_in)):
        known = challenge.scheme == "digest" and realm in {"*", challenge.realm}
        if known and challenge.realm not in found:
            value = _answer(challenge, user=user, password=password, method=method, uri=uri)
            if value is not None:
                found[challenge.realm] = value
    return found


def _answer(challenge: AuthField, *, user: str, password: str, method: str, uri: str) -> str | None:
    """Return the value of Authorization for one challenge, or None."""
    offered = [word.strip().lower() for word in (challenge.get("qop") or "").split(",") if word]
    if offered and "auth" not in offered:
        return None
    qop, cnonce, count = ("auth" if offered else ""), chance.token(8), "00000001"
    nonce, opaque = challenge.get("nonce") or "", challenge.get("opaque")
    response = digest(
        algorithm=challenge.algorithm,
        user=user,
        realm=challenge.realm,
        password=password,
        nonce=nonce,
        cnonce=cnonce,
        count=count,
        qop=qop,
        method=method,
        uri=uri,
    )
    if response is None:
        return None
    parts = [
        ("username", _quoted(user)),
        ("realm", _quoted(challenge.realm)),
        ("nonce", _quoted(nonce)),
        ("uri", _quoted(uri)),
        ("response", _quoted(response)),
        ("algorithm", challenge.get("algorithm")),
        ("cnonce", _quoted(cnonce) if qop or challenge.algorithm.endswith("-SESS") else None),
        ("qop", qop or None),
        ("nc", count if qop else None),
        ("opaque", None if opaque is None else _quoted(opaque)),
    ]
    return "Digest " + ", ".join(f"{name}={value}" for name, value in parts if value is not None)


def _quoted(text: str) -> str:
    """Return a quoted-string (RFC 3261 §25.1)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
