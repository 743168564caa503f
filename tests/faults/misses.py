"""Faults that the explanations do not get right yet, each with the reason.

A test fails where one of them is right after all: then its line goes.
"""

MISSES: dict[str, str] = {
    "F002-silent-resolver": "waiting for a name over UDP is told as waiting for a TCP connection",
    "F002-blocked-resolver": "waiting for a name over UDP is told as waiting for a TCP connection",
    "F005-SRV-target-without-name": "the name alone proves F004 before SRV is asked",
    "none-circular-alias": "the system's resolver calls a circle of aliases an unknown name",
    "F029-BYE-to-a-private-Contact": "481 to our BYE is not held against our private Contact",
    "none-routers-in-a-circle": "an expired TTL is read as no route",
    "F032-address-instead-of-the-domain": "a REGISTER that is overlooked is read as no registrar",
    "F022-plain-SIP-to-TLS": "closed at plain SIP: that TLS answers there is not used",
    "F023-TLS-to-plain-SIP": "a connection closed in the handshake is not read as no TLS",
    "F041-no-common-cipher": "the alert alone is read as a missing client certificate",
    "F042-client-certificate-wanted": "end of file: what the TLS control saw is not used",
    "F043-client-certificate-refused": "end of file: what the TLS control saw is not used",
    "F045-wrong-clock": "a date of the far end is not held against our clock",
    "F149-private-address-in-their-answer": "asked with media figures alone",
    "F151-answered-on-hold": "asked with media figures alone",
}
"""By the name of the fault."""
