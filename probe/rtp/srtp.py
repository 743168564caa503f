"""SRTP and SRTCP (RFC 3711) with keys from SDES (RFC 4568), by libsrtp."""

import base64
import binascii
from typing import Any

from probe.rtp.negotiation import Keys


class UnusableKeyError(ValueError):
    """A key of the other side that is none."""


WINDOW = 1024
"""How far back a packet may come out of order and still be told from a copy (RFC 3711 §3.3.2)."""


class Guard:
    """Encrypts what leaves, decrypts what comes; None says that a packet is not authentic."""

    def __init__(self, keys: Keys) -> None:
        """Raise UnusableKeyError where a key is no key."""
        import pylibsrtp  # noqa: PLC0415 - 30 ms that only a secured call pays

        self._error: type[Exception] = pylibsrtp.Error
        profile = {
            "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
            "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
        }[keys.suite]
        policy = pylibsrtp.Policy
        try:
            self._out: Any = pylibsrtp.Session(
                policy(
                    key=base64.b64decode(keys.ours, validate=True),
                    ssrc_type=policy.SSRC_ANY_OUTBOUND,
                    srtp_profile=profile,
                )
            )
            inbound = policy(
                key=base64.b64decode(keys.theirs, validate=True),
                ssrc_type=policy.SSRC_ANY_INBOUND,
                srtp_profile=profile,
            )
            inbound.window_size = WINDOW
            self._in: Any = pylibsrtp.Session(inbound)
        except (binascii.Error, pylibsrtp.Error, TypeError, ValueError) as error:
            raise UnusableKeyError(type(error).__name__) from None  # its words could hold the key

    def protect(self, packet: bytes, *, control: bool = False) -> bytes | None:
        """Encrypt a packet; None where libsrtp would not."""
        act = self._out.protect_rtcp if control else self._out.protect
        try:
            done: bytes = act(packet)
        except self._error:
            return None
        return done

    def unprotect(self, packet: bytes, *, control: bool = False) -> bytes | None:
        """Decrypt a packet; None where it is not authentic."""
        act = self._in.unprotect_rtcp if control else self._in.unprotect
        try:
            done: bytes = act(packet)
        except (self._error, TypeError):
            return None
        return done
