"""What the installed pjsua2 can do, asked once; everything else reads this value."""

from msgspec import Struct


class Capabilities(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """The compile-time choices of the pjsua2 in use."""

    version: str
    "pjproject version, e.g. ``2.15.1``."

    max_calls: int
    "Simultaneous calls a process."

    max_accounts: int
    "Accounts a process; those of the default configuration where counting would be dangerous."

    ipv6: bool
    "Whether IPv6 was compiled in."

    tls: bool
    "Whether TLS was compiled in."

    tls_library: str
    "Name and version of the TLS library, e.g. ``OpenSSL 1.0.2k``; empty where unknown."

    tls13: bool
    "Whether TLS 1.3 can be used."

    dtls_srtp: bool
    "Whether DTLS-SRTP was compiled in."

    codecs: tuple[str, ...]
    "Encoding names."

    max_message: int
    "Largest message in bytes that can be sent or received, and is written down."

    live_asserts: bool
    "Whether a failed assertion aborts the process."
