"""A tolerant reading of challenges and credentials (RFC 3261 §20.7, §20.44; RFC 7616).

``sipmessage`` 0.7.1 refuses ``qop="auth,auth-int"`` (a comma inside a quoted string), which
registrars really send, so the parameters are read here.
"""

import re

from msgspec import Struct

# A name begins where a word begins: each letter of a long word would be tried as a beginning else.
_PARAMETER = re.compile(r'(?<![\w-])([A-Za-z][\w-]*)\s*=\s*("(?:[^"\\]|\\.)*"|[^,\s"]*)')


class AuthField(Struct, frozen=True, kw_only=True):
    """One challenge, or one set of credentials without its secrets."""

    scheme: str
    "The scheme in lower case: digest, basic …"

    parameters: tuple[tuple[str, str], ...]
    "Parameters in wire order: lower-case names, unquoted values."

    def get(self, name: str) -> str | None:
        """Return a parameter's value, or None where it is absent."""
        return next((value for key, value in self.parameters if key == name), None)

    @property
    def realm(self) -> str:
        """The protection domain, empty where it is absent."""
        return self.get("realm") or ""

    @property
    def algorithm(self) -> str:
        """The digest algorithm in upper case; MD5 where it is absent (RFC 3261 §22.4)."""
        return (self.get("algorithm") or "MD5").upper()

    @property
    def stale(self) -> bool:
        """Whether the server says that only the nonce was too old (RFC 7616 §3.3)."""
        return (self.get("stale") or "").lower() == "true"


def parse_auth_field(value: str) -> AuthField:
    """Read the value of an authentication header field; unreadable parameters are left out."""
    scheme, rest = ([*value.split(maxsplit=1), "", ""])[:2]
    return AuthField(
        scheme=scheme.lower(),
        parameters=tuple(
            (found.group(1).lower(), _unquote(found.group(2)))
            for found in _PARAMETER.finditer(rest)
        ),
    )


def _unquote(value: str) -> str:
    """Remove quotes and escapes of a quoted-string."""
    if value[:1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value
