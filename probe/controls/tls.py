"""TLS as a control: which versions, which certificate, what is missing on our side."""

import ipaddress
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from probe.controls.handshake import ALERTS, Hello, Shake, shake_hands
from probe.controls.names import Walk
from probe.controls.places import used_places
from probe.controls.told import printable
from probe.naming.questions import PORTS
from probe.plan.action import Account
from probe.sip.sdp import address_class
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

WAIT_S = 0.8
"""How long the handshakes may take; they run side by side."""

_RANGES = (("TLSv1.2", "TLSv1.2"), ("TLSv1.3", "TLSv1.3"), ("TLSv1", "TLSv1.1"))
"""Versions that are offered alone; the first one that passes is told about in full."""

_ANSWERED = frozenset({"done", "alert", "closed"})
"""Ends of a handshake that the server caused; silence may be our own haste."""


def ask_tls(account: Account, trace: Trace, walk: Walk, wait_s: float) -> ControlRan | None:
    """Shake hands with the place that the attempt used; None where there is no address."""
    places = used_places(account, trace, walk)
    if not places:
        return None
    import OpenSSL  # noqa: F401, PLC0415 - start-up time; and here, before the handshakes' clock

    _, address, port = places[0]
    if account.transport.upper() != "TLS" and port != PORTS["TLS"]:
        port = PORTS["TLS"]
    name = account.host if address_class(account.host) == "name" else None
    hellos = [_hello(account, address, port, name, *versions) for versions in _RANGES]
    if name is not None:
        hellos.append(_hello(account, address, port, None, "TLSv1", "TLSv1.3"))
    with ThreadPoolExecutor(max_workers=len(hellos)) as pool:
        shakes = list(pool.map(lambda hello: shake_hands(hello, min(WAIT_S, wait_s)), hellos))
    tries, bare = shakes[: len(_RANGES)], shakes[-1] if name is not None else None
    main = max(tries, key=lambda shake: (shake.result == "done", shake.asked_for_ours))
    facts = tuple(_facts(account, tries, main, bare))
    result = _result(main, facts)
    shown = f"[{address}]" if ":" in address else address
    return ControlRan(
        at=trace.ended,
        control=Control.TLS,
        target=f"{shown}:{port}",
        result=result,
        detail=_detail(main, result, facts),
        facts=facts,
    )


def _hello(  # noqa: PLR0913, PLR0917 - the parts of one handshake
    account: Account, address: str, port: int, name: str | None, lowest: str, highest: str
) -> Hello:
    return Hello(
        address=address,
        port=port,
        server_name=name,
        lowest=lowest,
        highest=highest,
        ca_file=account.ca_file,
        client_cert=account.client_cert,
        client_key=account.client_key,
        source=account.bound_host,
    )


def _result(main: Shake, facts: tuple[str, ...]) -> str:
    if main.result != "done":
        return main.result
    if main.alert is not None:
        return "alert"
    bad = any(fact.startswith("fault=") or fact == "name=differs" for fact in facts)
    return "certificate" if bad else "ok"


def _detail(main: Shake, result: str, facts: tuple[str, ...]) -> str:
    words = {
        "mute": "the connection was taken, and our TLS hello was not answered",
        "closed": "the connection was closed at our TLS hello",
        "not-tls": "what came back to our TLS hello is no TLS",
        "refused": "the connection was refused",
        "silent": "nothing came back to our connection",
    }.get(result)
    if words is None and main.alert is not None:
        words = f"the handshake ended with their alert {main.alert} ({ALERTS.get(main.alert, '')})"
    if words is None and main.result == "done":
        words = f"{main.version} with {main.cipher}"
    parts = [words or f"the handshake failed: {main.words}"]
    if main.asked_for_ours:
        parts.append("it asks for a certificate of ours")
    parts += [f"certificate: {fact[6:]}" for fact in facts if fact.startswith("fault=")]
    if "name=differs" in facts:
        names = ", ".join(fact[4:] for fact in facts if fact.startswith("san=")) or "nothing"
        parts.append(f"the certificate is for {names}")
    return printable("; ".join(parts), 400)


# Facts ------------------------------------------------------------------------------------------


def _facts(account: Account, tries: list[Shake], main: Shake, bare: Shake | None) -> Iterator[str]:
    for (lowest, highest), shake in zip(_RANGES, tries, strict=True):
        offered = highest if lowest == highest else f"{lowest}..{highest}"
        if shake.result == "done" and shake.alert is None:
            yield f"accepts={shake.version}"
        else:
            alert = f" alert {shake.alert}" if shake.alert is not None else ""
            yield f"refuses={offered} {shake.result}{alert}"
    if main.alert is not None:
        yield f"alert={main.alert}"
    if main.words:
        yield f"words={printable(main.words)}"
    if any(shake.asked_for_ours for shake in tries):
        yield "client_certificate=requested"
    if main.result == "done":
        yield f"version={main.version}"
        yield f"cipher={main.cipher}"
        yield f"chain={len(main.chain)}"
        yield from _certificate(account.host, main)
    if bare is not None and main.result in _ANSWERED and bare.result in _ANSWERED:
        yield f"sni={_name_matters(main, bare)}"


def _certificate(host: str, main: Shake) -> Iterator[str]:
    for number, depth, words in dict.fromkeys(main.faults):
        yield f"fault={number} at depth {depth}: {words}"
    if not main.chain:
        return
    own = main.chain[0]
    yield f"subject={printable(own.subject.rfc4514_string())}"
    yield f"issuer={printable(own.issuer.rfc4514_string())}"
    yield f"not_before={own.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}"
    yield f"not_after={own.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    names = _names(own)
    yield from (f"san={printable(name)}" for name in names[:8])
    yield f"name={'matches' if any(_fits(host, name) for name in names) else 'differs'}"


def _names(certificate: "Certificate") -> list[str]:
    """Return the names of a certificate: its subjectAltName, else its common name (RFC 5922)."""
    from cryptography import x509  # noqa: PLC0415 - start-up time

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return [str(attribute.value) for attribute in found]
    names = extension.value.get_values_for_type(x509.DNSName)
    uris = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    hosts = [uri.partition(":")[2] for uri in uris if uri.lower().startswith(("sip:", "sips:"))]
    return [*names, *hosts, *map(str, addresses)]


def _fits(host: str, name: str) -> bool:
    """Whether a name of a certificate is that of a host; ``*`` is one label (RFC 6125 §6.4.3)."""
    host, name = host.rstrip(".").lower(), name.rstrip(".").lower()
    if address_class(host) != "name" or address_class(name) != "name":
        return _address(host) is not None and _address(host) == _address(name)
    if name.startswith("*."):
        return host.partition(".")[2] == name[2:]
    return host == name


def _address(text: str) -> object:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _name_matters(main: Shake, bare: Shake) -> str:
    """Compare the handshake with the name that we ask for, and without one."""
    if (main.result == "done") != (bare.result == "done"):
        return "needed" if main.result == "done" else "refused"
    same = main.chain[:1] == bare.chain[:1]
    return "no matter" if same else "chooses the certificate"
