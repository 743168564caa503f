"""The account of an endpoint, and what pjsua2 calls back about it."""

from collections.abc import Callable

import pjsua2 as pj

from probe.agent.pjsua.faults import from_status, from_words
from probe.agent.port import Trigger
from probe.plan.action import Account
from probe.plan.capabilities import Capabilities
from probe.rtp.negotiation import SUITES
from probe.sip.sdp import address_class

_SRTP = {"off": 0, "optional": 1, "required": 2, "dtls": 2}
_SDES, _DTLS = 0, 1
"""pjmedia_srtp_keying_method (pjmedia/transport_srtp.h)."""

_USE = {"off": 0, "optional": 1, "required": 2}


class PjAccount(pj.Account):  # type: ignore[misc]  # the bindings carry no types
    """Turns account callbacks into triggers."""

    def __init__(self, notify: Callable[[Trigger], None], arrived: Callable[[int], None]) -> None:
        super().__init__()
        self._notify = notify
        self._arrived = arrived

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - pjsua2's name
        """Take the call up; it is answered later, from the loop."""
        self._arrived(prm.callId)

    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802 - pjsua2's name
        """Tell that a REGISTER ended; the code may be the stack's own."""
        from_wire = bool(prm.rdata.wholeMsg)
        self._notify(
            Trigger(
                kind="registration",
                handle=-1,
                status=prm.code,
                reason=prm.reason,
                fault=None if from_wire else from_status(prm.status) or from_words(prm.reason),
            )
        )

    def onSendRequest(self, prm: pj.OnSendRequestParam) -> None:  # noqa: N802 - pjsua2's name
        """Tell that a request outside a dialog ended."""
        state = prm.e.body.tsxState
        received = state.type == pj.PJSIP_EVENT_RX_MSG
        self._notify(
            Trigger(
                kind="answered",
                handle=-1,
                status=state.tsx.statusCode,
                reason=state.tsx.statusText,
                fault=None
                if received
                else from_status(state.src.status) or from_words(state.tsx.statusText),
            )
        )


def configuration(
    account: Account, transport_id: int, address: str, *, own_way: bool, able: Capabilities
) -> pj.AccountConfig:
    """Return pjsua2's form of an account: slim offers, no automatic retries.

    ``address`` is the one that we bind. ``own_way``: the stack itself would find the server that
    was chosen, and no other.
    """
    config = pj.AccountConfig()
    config.idUri = account.aor
    config.regConfig.registrarUri = account.registrar
    config.regConfig.registerOnAdd = False
    config.regConfig.timeoutSec = account.expires
    config.regConfig.retryIntervalSec = 0  # a retry of a login is the scenario's decision
    config.regConfig.firstRetryIntervalSec = 0
    config.regConfig.randomRetryIntervalSec = 0
    for name, value in account.headers:
        config.regConfig.headers.append(header(name, value))
    if account.password is not None:
        config.sipConfig.authCreds.append(
            pj.AuthCredInfo("digest", account.realm, account.auth_user, 0, account.password)
        )
    if account.proxy is not None:
        config.sipConfig.proxies.append(account.proxy)
    elif account.any_transport and account.transport != "UDP":
        # DNS chose the transport. The stack must know it for Contact, and the URIs stay as written:
        # a Route that is not printed (pjsip's `hide`, sip_msg.c).
        host, transport = account.host, account.transport.lower()
        config.sipConfig.proxies.append(f"sip:{host};transport={transport};lr;hide")
    if address_class(account.host) == "name" and not own_way:
        # For the port of the connection in Contact the stack looks the name up by itself (A record
        # alone), and would connect to whatever it finds.
        config.natConfig.contactUseSrcPort = 0
    config.sipConfig.transportId = transport_id
    config.natConfig.contactRewriteUse = 0  # we say what we are; a rewrite would hide a NAT fault
    config.natConfig.viaRewriteUse = 0
    config.natConfig.sdpNatRewriteUse = 0
    config.natConfig.sipOutboundUse = 0  # RFC 5626 is not asked for unless a scenario does
    config.natConfig.udpKaIntervalSec = 0
    config.callConfig.prackUse = _USE[account.prack or "off"]
    config.callConfig.timerUse = {0: 0, 1: 1, 2: 2}[_USE[account.session_timer or "off"]]
    config.videoConfig.autoTransmitOutgoing = False
    config.mediaConfig.srtpUse = _SRTP[account.srtp]
    config.mediaConfig.srtpSecureSignaling = 0
    if account.srtp != "dtls":
        # No socket of the stack's own: the packets are ours, and call.py names our port.
        config.mediaConfig.useLoopMedTp = True
        for suite in SUITES:  # the suites that our packets can be protected with
            crypto = pj.SrtpCrypto()
            crypto.name = suite
            config.mediaConfig.srtpOpt.cryptos.append(crypto)
    if able.dtls_srtp:  # else there is nothing to choose from
        config.mediaConfig.srtpOpt.keyings.append(_DTLS if account.srtp == "dtls" else _SDES)
    if able.ipv6:  # else both must stay as they are: a build without IPv6 aborts on them
        only = pj.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY if ":" in address else pj.PJSUA_IPV6_DISABLED
        config.sipConfig.ipv6Use = config.mediaConfig.ipv6Use = only
    config.mediaConfig.lockCodecEnabled = False  # else an UPDATE of the stack's own follows the 200
    config.mediaConfig.transportConfig.boundAddress = address
    config.mediaConfig.transportConfig.publicAddress = address
    return config


def header(name: str, value: str) -> pj.SipHeader:
    """Return pjsua2's form of a header field."""
    made = pj.SipHeader()
    made.hName = name
    made.hValue = value
    return made


def caller_uri(identity: str, aor: str) -> str:
    """Return the From URI for a caller ID: as given where it is a URI, else at the aor's host."""
    if "sip:" in identity or "sips:" in identity or "tel:" in identity:
        return identity if "<" in identity else f"<{identity}>"
    host = aor.rpartition("@")[2].rstrip(">")
    return f"<sip:{identity}@{host}>"
