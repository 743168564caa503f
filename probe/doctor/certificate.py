"""The certificate that a TLS trunk shows: whose it is, how long it holds, which TLS it takes."""

from collections.abc import Iterator
from datetime import datetime, timezone

from probe.doctor.check import Check, fault, ok, unchecked, warning
from probe.trace.control import ControlRan

SOON_DAYS = 21
"""Days before its end at which a certificate is worth a word; authorities renew at about 30."""

_RENEW = "Ask the operator of the trunk to renew it; do not switch `verify` off instead."


def certificate(ran: ControlRan, *, now: datetime, verify: bool, tls13: bool) -> Iterator[Check]:
    """Check what a handshake showed; ``tls13``: whether our user agent could do TLS 1.3."""
    if not ran.all("chain"):
        yield fault("certificate", f"{ran.target}: {ran.detail}", "Check port and transport.")
        return
    yield _dates(ran, now)
    yield _trust(ran, verify=verify)
    yield _versions(ran, tls13=tls13)


def _dates(ran: ControlRan, now: datetime) -> Check:
    end, begin = _time(ran.fact("not_after")), _time(ran.fact("not_before"))
    if end is None or begin is None:
        return unchecked("expiry", "the certificate's dates cannot be read")
    days = (end - now).days
    if begin > now:
        return fault("expiry", f"it is valid only from {begin:%Y-%m-%d}", _RENEW)
    if end <= now:
        return fault("expiry", f"the certificate ended on {end:%Y-%m-%d}", _RENEW)
    said = f"the certificate holds until {end:%Y-%m-%d}, {days} {'day' if days == 1 else 'days'}"
    return warning("expiry", said, _RENEW) if days <= SOON_DAYS else ok("expiry", said)


def _trust(ran: ControlRan, *, verify: bool) -> Check:
    names = ", ".join(ran.all("san")) or "no name"
    issuer = ran.fact("issuer") or "an unnamed issuer"
    said = f"for {names}, signed by {issuer}"
    # Dates have a line of their own.
    faults = [
        f.partition(": ")[2] for f in ran.all("fault") if "expired" not in f and "yet" not in f
    ]
    wrong = [f"it is for {names}"] if ran.fact("name") == "differs" else []
    wrong += dict.fromkeys(faults)
    if not wrong:
        if verify:
            return ok("certificate", said)
        return warning("certificate", f"{said}; `verify:` is off", "Remove `verify: off`.")
    remedy = (
        "Use a host name of that certificate in `uri:`."
        if ran.fact("name") == "differs"
        else "Give the signer's certificate as `ca_file:` of the trunk profile."
    )
    shown = "; ".join(wrong)
    if verify:
        return fault("certificate", shown, remedy)
    return warning(
        "certificate", f"{shown}; `verify:` is off, so calls go out all the same", remedy
    )


def _versions(ran: ControlRan, *, tls13: bool) -> Check:
    taken = ran.all("accepts")
    if not taken:
        return unchecked("TLS versions", ran.detail)
    shown = ", ".join(version.replace("TLSv", "") for version in dict.fromkeys(taken))
    if set(taken) == {"TLSv1.3"} and not tls13:
        return fault(
            "TLS versions",
            "they take TLS 1.3 alone, and our user agent ends at 1.2",
            "Ask whether they have a host that takes TLS 1.2, or install a newer pjsua2.",
        )
    if ran.fact("client_certificate"):
        shown += "; they ask for a certificate of ours (`client_cert:`)"
    return ok("TLS versions", f"they take {shown}")


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
