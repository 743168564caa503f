"""pjsua2's form of an account's transport: UDP, TCP, or TLS with a verified server."""

import pjsua2 as pj

from probe.agent.issuers import system_issuers
from probe.agent.port import AgentError
from probe.plan.action import Account
from probe.plan.capabilities import Capabilities
from probe.trace.failure import Failure

TLS_METHOD_1_2 = 33
"""PJSIP_TLSV1_2_METHOD (pjsip/sip_transport_tls.h); the protocol bits below decide."""

TLS_BITS = {"1.0": 4, "1.1": 8, "1.2": 16, "1.3": 32}
"""PJ_SSL_SOCK_PROTO bits (pj/ssl_sock.h)."""

TLS13_SUITES = frozenset(range(0x1301, 0x1306))
"""Cipher suites that exist in TLS 1.3 alone (RFC 8446 §B.4)."""

TLS_CONNECT_S = 4.0
"""Longest TLS handshake: a peer that does not speak TLS is silent for ever otherwise."""

_KINDS = {
    ("UDP", False): "PJSIP_TRANSPORT_UDP",
    ("TCP", False): "PJSIP_TRANSPORT_TCP",
    ("TLS", False): "PJSIP_TRANSPORT_TLS",
    ("UDP", True): "PJSIP_TRANSPORT_UDP6",
    ("TCP", True): "PJSIP_TRANSPORT_TCP6",
    ("TLS", True): "PJSIP_TRANSPORT_TLS6",
}


def kind_of(account: Account, address: str, able: Capabilities) -> int:
    """Return pjsua2's transport type; raise AgentError for IPv6 where it was not compiled in."""
    six = ":" in address
    if six and not able.ipv6:
        raise AgentError(Failure.AGENT_REFUSED, None, "the installed pjsua2 was built without IPv6")
    return int(getattr(pj, _KINDS[account.transport, six]))


def configuration_of(
    account: Account, address: str, port: int, able: Capabilities
) -> pj.TransportConfig:
    """Return what to bind, and how TLS is to be done; raise AgentError for what cannot be done."""
    config = pj.TransportConfig()
    config.port = port
    config.boundAddress = address
    if account.transport == "TLS":
        _secure(config.tlsConfig, account, able)
    return config


def _secure(tls: pj.TlsConfig, account: Account, able: Capabilities) -> None:
    """Set TLS up: the server is verified unless the account says otherwise."""
    lowest = account.tls_min or "1.2"
    usable = [v for v in TLS_BITS if v >= lowest and (v != "1.3" or able.tls13)]
    if not usable:
        raise AgentError(
            Failure.AGENT_REFUSED, None, f"the installed pjsua2 cannot do TLS {lowest}"
        )
    tls.proto = sum(TLS_BITS[version] for version in usable)
    tls.method = TLS_METHOD_1_2
    tls.msecTimeout = round(TLS_CONNECT_S * 1000)
    tls.verifyServer = account.verify
    issuers = account.ca_file or system_issuers()
    if issuers is not None:
        tls.CaListFile = issuers
    if account.client_cert is not None:
        tls.certFile = account.client_cert
        tls.privKeyFile = account.client_key or account.client_cert
