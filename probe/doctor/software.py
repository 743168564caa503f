"""Python and the user agent: which versions, and what they lack."""

from collections.abc import Iterator

from probe.doctor.check import Check, fault, ok, unchecked, warning
from probe.plan.action import Account
from probe.plan.capabilities import Capabilities
from probe.sip.sdp import address_class

LOWEST, BEYOND = (3, 10), (3, 13)
"""Python versions for which there is a pjsua2 wheel on PyPI (docs/decisions/0004)."""

_INSTALL = "Install it: pip install pjsua2-python (Python 3.10 to 3.12)."
_BUILD = (
    "Where a trunk needs that: build the engine made for probing and install it in place of this "
    "one, as docs/engine.md says."
)
MANY_CALLS, LONG_MESSAGE = 200, 20_000
"""What an engine made for probing carries at least: calls at a time, bytes of a message."""

_EVERYWHERE = ("PCMU", "PCMA")
"""Encodings that every trunk takes."""


def python(version: tuple[int, int, int], *, loads: bool) -> Check:
    """Check the version of Python; ``loads``: whether a user agent loads in it."""
    shown = ".".join(map(str, version))
    if loads or LOWEST <= version[:2] < BEYOND:
        return ok("Python", shown)
    return fault(
        "Python",
        f"{shown}; there is a user agent for 3.10 to 3.12 only",
        "Make a virtual environment with Python 3.10 to 3.12 and install sipprobe there.",
    )


def engine(able: Capabilities | None, account: Account | None) -> Iterator[Check]:
    """Check what the installed pjsua2 can do, with an account for what that account needs."""
    if able is None:
        yield fault("user agent", "pjsua2 does not load", _INSTALL)
        for topic in ("engine", "codecs", "TLS", "SRTP", "IPv6"):
            yield unchecked(topic, "there is no user agent")
        return
    yield ok(
        "user agent",
        f"pjsua2 {able.version}: {able.max_calls} calls and {able.max_accounts} accounts a "
        f"process, messages up to {able.max_message} bytes",
    )
    yield _build(able)
    yield _codecs(able, account)
    yield _tls(able, account)
    yield _srtp(able, account)
    yield _ipv6(able, account)


def _build(able: Capabilities) -> Check:
    """Say what this build of pjsua2 lacks of what sipprobe can use, in one line."""
    lacks = [
        word
        for word, there in (
            ("TLS 1.3", able.tls13),
            ("IPv6", able.ipv6),
            ("DTLS-SRTP", able.dtls_srtp),
            ("Opus", "opus" in {codec.lower() for codec in able.codecs}),
            (f"more than {able.max_calls} calls at a time", able.max_calls >= MANY_CALLS),
            (f"messages of more than {able.max_message} bytes", able.max_message >= LONG_MESSAGE),
        )
        if not there
    ]
    asserts = "some answers of a broken peer end its process, and with it the attempt"
    if not lacks and not able.live_asserts:
        return ok("engine", "made for probing: it lacks nothing that sipprobe can use")
    said = f"it lacks {', '.join(lacks)}" if lacks else "it lacks nothing that sipprobe can use"
    return warning("engine", f"{said}; {asserts}" if able.live_asserts else said, _BUILD)


def _codecs(able: Capabilities, account: Account | None) -> Check:
    has = {codec.upper() for codec in able.codecs}
    wanted = account.codecs if account else _EVERYWHERE
    missing = [codec for codec in wanted if codec.upper() not in has]
    found = ", ".join(able.codecs)
    if not missing:
        return ok("codecs", found)
    return fault(
        "codecs",
        f"{', '.join(missing)} is not among those of the user agent: {found}",
        "Take codecs of that list into `codecs:` of the trunk profile."
        if account
        else "Install a pjsua2 with G.711.",
    )


def _tls(able: Capabilities, account: Account | None) -> Check:
    wanted = account is not None and account.transport.upper() == "TLS"
    library = able.tls_library or "an unknown library"
    if not able.tls:
        said = "the user agent was built without it"
        remedy = "Use UDP or TCP, or install a pjsua2 with TLS."
        return fault("TLS", said, remedy) if wanted else warning("TLS", said, remedy)
    if able.tls13:
        return ok("TLS", f"up to 1.3 ({library})")
    said = f"up to 1.2, no 1.3 ({library})"
    if wanted and account is not None and account.tls_min == "1.3":
        return fault("TLS", said, f"Set `tls_min: 1.2` in the trunk profile. {_BUILD}")
    return ok("TLS", said)


def _srtp(able: Capabilities, account: Account | None) -> Check:
    said = (
        "keys in SDP (SDES) and by DTLS" if able.dtls_srtp else "keys in SDP (SDES), no DTLS-SRTP"
    )
    if account is not None and account.srtp == "dtls":
        if able.dtls_srtp:
            return ok("SRTP", said)
        return fault("SRTP", f"{said}; the profile wants DTLS-SRTP", _BUILD)
    if account is None or account.srtp == "off" or account.transport.upper() == "TLS":
        return ok("SRTP", said)
    return warning(
        "SRTP",
        f"{said}; the profile wants it over {account.transport}, where its keys are readable",
        "Use `;transport=tls` in `uri:` together with `srtp:`.",
    )


def _ipv6(able: Capabilities, account: Account | None) -> Check:
    if able.ipv6:
        return ok("IPv6", "compiled in")
    if account is not None and address_class(account.host) != "name" and ":" in account.host:
        return fault(
            "IPv6",
            f"the user agent was built without it, and the trunk is at {account.host}",
            f"Use the name or the IPv4 address of the trunk. {_BUILD}",
        )
    return ok("IPv6", "the user agent was built without it: trunks are reached by IPv4 only")
