"""A profile becomes an account: its URI taken apart, every default filled in."""

import re
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from probe.plan.action import Account
from probe.scenario.schema import Profile
from probe.sip.sdp import address_class

DEFAULT_EXPIRES_S = 300
"""Registration interval where nothing is written; RFC 3261 §10.2.1.1 leaves it to us."""

FILE_KEYS = ("ca_file", "client_cert", "client_key", "password_file")
"""Keys of a profile that name a file."""

_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@]*)@)?(?P<host>\[[^\]]+\]|[^:;?>]+)(?::(?P<port>\d+))?"
    r"(?P<parameters>;[^?>]*)?",
    re.IGNORECASE,
)


class Address(Struct, frozen=True, kw_only=True):
    """The parts of an address of record."""

    scheme: str
    "sip or sips."

    user: str
    "User part, empty where there is none."

    host: str
    "Name or address, IPv6 without brackets."

    port: int | None
    "Port as written, or None."

    transport: str
    "UDP, TCP or TLS: the transport parameter, else the scheme's default."

    any_transport: bool = False
    "Whether the URI leaves the transport to DNS (RFC 3263 §4.1)."

    @property
    def shown_host(self) -> str:
        """The host as it stands in a URI: IPv6 in brackets (RFC 3261 §25.1)."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def hostport(self) -> str:
        """Host and port as they stand in a URI."""
        return self.shown_host if self.port is None else f"{self.shown_host}:{self.port}"

    @property
    def suffix(self) -> str:
        """The transport parameter where it is not the default."""
        return "" if self.transport == "UDP" else f";transport={self.transport.lower()}"


@lru_cache(maxsize=256)
def address_of(uri: str) -> Address | None:
    """Take an address of record apart, or return None."""
    found = _URI.fullmatch(uri.strip().strip("<>"))
    if found is None:
        return None
    scheme = found["scheme"].lower()
    parameters = dict(
        part.partition("=")[::2] for part in (found["parameters"] or "").lower().split(";") if part
    )
    default = "tls" if scheme == "sips" else "udp"
    host = found["host"].strip("[]")
    open_ = scheme == "sip" and found["port"] is None and "transport" not in parameters
    return Address(
        scheme=scheme,
        user=found["user"] or "",
        host=host,
        port=int(found["port"]) if found["port"] else None,
        transport=parameters.get("transport", default).upper(),
        any_transport=open_ and address_class(host) == "name",
    )


def make_account(  # noqa: PLR0913 - what a profile does not say itself
    name: str,
    profile: Profile,
    address: Address,
    *,
    password: str | None,
    user_agent: str,
    embedded: bool,
    site: str = "",
) -> Account:
    """Build an account from its profile; ``address`` is the profile's URI taken apart."""
    hop = (address_of(profile.proxy) if profile.proxy else None) or address
    proxy = profile.proxy
    if proxy is not None and ";lr" not in proxy.lower():
        proxy = f"{proxy};lr"  # a loose route (RFC 3261 §16.12.1)
    return Account(
        name=name,
        aor=f"{address.scheme}:{address.user}@{address.shown_host}",
        registrar=f"{address.scheme}:{address.hostport}{address.suffix}",
        host=hop.host,
        port=hop.port,
        transport=hop.transport,
        any_transport=hop.any_transport,
        user=address.user,
        auth_user=profile.auth_user or address.user,
        password=password,
        realm=profile.realm or "*",
        proxy=proxy,
        nameserver=profile.nameserver,
        local_address=profile.local_address,
        ca_file=file_of(profile, "ca_file"),
        verify=profile.verify is not False,
        client_cert=file_of(profile, "client_cert"),
        client_key=file_of(profile, "client_key"),
        tls_min=profile.tls_min,
        codecs=profile.codecs or ("PCMU", "PCMA"),
        srtp=profile.srtp or "off",
        ptime=profile.ptime,
        caller_id=profile.caller_id,
        numbers=profile.numbers or (),
        headers=tuple(profile.headers.items()),
        user_agent=profile.user_agent or user_agent,
        expires=profile.expires or DEFAULT_EXPIRES_S,
        session_timer=profile.session_timer,
        prack=profile.prack,
        embedded=embedded,
        site=site,
    )


def file_of(profile: Profile, key: str) -> str | None:
    """Return the path of a file that a profile names, relative ones from the naming file."""
    written: str | None = getattr(profile, key)
    if written is None:
        return None
    path = Path(written).expanduser() if written.startswith("~/") else Path(written)
    if not path.is_absolute() and key in profile.sources:
        path = Path(profile.sources[key].file).parent / path
    return str(path)


def missing_files(profile: Profile) -> dict[str, str]:
    """Return the keys of a profile whose file does not exist, with the path that was tried."""
    tried = {key: file_of(profile, key) for key in FILE_KEYS}
    return {key: path for key, path in tried.items() if path and not Path(path).is_file()}
