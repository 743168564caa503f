"""What DNS says about the trunk's name, in the words of the control of that kind."""

from probe.doctor.check import Check, fault, ok, unchecked, warning

_REMEDY = {
    "no-such-name": "Correct the host in `uri:`; copy it from the provider's own page.",
    "no-address": "Use the provider's host name, or leave the port out so that SRV is asked.",
    "target-missing": "Tell the owner of the domain that its SRV record leads nowhere.",
    "silent": "Check /etc/resolv.conf, the VPN and port 53, or set `nameserver:` in the profile.",
    "failed": "Ask another name server; if it fails too, the owner of the domain must repair it.",
}


def names(result: str, words: str, servers: tuple[str, ...]) -> Check:
    """Check the walk NAPTR, SRV, A, AAAA (RFC 3263)."""
    if result == "literal":
        return ok("DNS", "the trunk is at an address: no name is asked")
    if not servers:
        return fault(
            "DNS",
            "this machine knows no name server",
            "Name one in /etc/resolv.conf, or set `nameserver:` in the trunk profile.",
        )
    if result == "resolves":
        if "names nobody" in words:
            return warning("DNS", words, "A service that SRV denies is offered by no address.")
        return ok("DNS", words)
    if result in _REMEDY:
        return fault("DNS", words, _REMEDY[result])
    return unchecked("DNS", words)
