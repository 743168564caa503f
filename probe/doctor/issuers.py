"""Whom TLS would trust: the system's issuers, or the file of the profile."""

import ssl
from pathlib import Path

from probe.doctor.check import Check, fault, ok, warning

_REMEDY = "Install the issuers of the system (package ca-certificates), or set `ca_file:`."


def count_issuers(file: str) -> int | str:
    """Return how many certificates a file of issuers holds, or why it cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        return "it holds no certificate"
    except OSError as error:
        return error.strerror or type(error).__name__
    return len(context.get_ca_certs())


def issuers(file: str | None, *, own: bool, needed: bool) -> Check:
    """Check the file of trusted issuers; ``own``: the profile names it, ``needed``: for TLS."""
    whose = "`ca_file:`" if own else "the system's issuers"
    if file is None:
        said = "this system keeps no trusted issuers where they are looked for"
        return fault("issuers", said, _REMEDY) if needed else warning("issuers", said, _REMEDY)
    found = count_issuers(file)
    if isinstance(found, str):
        remedy = "Correct `ca_file:` of the trunk profile." if own else _REMEDY
        text = f"{whose}, {Path(file)}: {found}"
        return fault("issuers", text, remedy) if needed or own else warning("issuers", text, remedy)
    if not found:  # certificates are there, and none may sign others
        remedy = "Name the certificate of the authority that signed the trunk's."
        return warning("issuers", f"{whose}, {file}, hold no certificate of an authority", remedy)
    count = "1 authority" if found == 1 else f"{found} authorities"
    return ok("issuers", f"{whose}: {count} in {file}")
