"""The closed vocabulary of ways in which a transaction ends without a final response.

pjsip reports a timer that ran out as 408, any transport or TLS fault as 503 and an unknown name as
502. Nobody sent those codes, so they never reach a report as the trunk's: they are kept apart as
``stack_status``, and the fault itself is named here.
"""

from enum import Enum


class Failure(Enum):
    """Why no final response arrived, or why the one that did could not be used."""

    NO_RESPONSE = "NO_RESPONSE"
    "Requests left, nothing came back within the deadline."

    NO_FINAL_RESPONSE = "NO_FINAL_RESPONSE"
    "A provisional response arrived, a final one did not within the deadline."

    PORT_UNREACHABLE = "PORT_UNREACHABLE"
    "ICMP: no program listens on that UDP port (RFC 792 type 3 code 3, RFC 4443 type 1 code 4)."

    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    "ICMP: a router cannot reach the host or its network."

    PROHIBITED = "PROHIBITED"
    "ICMP: a filter refuses the packet by policy (type 3 code 9, 10 or 13)."

    NAME_RESOLUTION = "NAME_RESOLUTION"
    "The host name gave no address: unknown, empty, or the resolver failed."

    NO_ROUTE = "NO_ROUTE"
    "This machine has no route to the address: nothing left it."

    LOCAL_PORT = "LOCAL_PORT"
    "The local address or port could not be bound: nothing left this machine."

    TCP_REFUSED = "TCP_REFUSED"
    "The connection was refused (RST to our SYN)."

    TCP_TIMEOUT = "TCP_TIMEOUT"
    "The connection was not answered within the deadline."

    CONNECTION_LOST = "CONNECTION_LOST"
    "The peer closed or reset the connection before a final response."

    TLS_CERTIFICATE = "TLS_CERTIFICATE"
    "The peer's certificate failed verification (name, date, issuer)."

    TLS_HANDSHAKE = "TLS_HANDSHAKE"
    "The TLS handshake failed otherwise: version, cipher, client certificate, or no TLS there."

    MESSAGE_TOO_LONG = "MESSAGE_TOO_LONG"
    "Our request exceeds what this engine can send: nothing left this machine."

    UNUSABLE_ANSWER = "UNUSABLE_ANSWER"
    "The session description of a 2xx or 18x could not be used, and our side ended the call."

    RESPONSE_DISCARDED = "RESPONSE_DISCARDED"
    "Bytes of a response arrived, but the stack could not use them."

    NO_CALL = "NO_CALL"
    "No INVITE reached our called side within the time that the step allows."

    NO_REQUEST = "NO_REQUEST"
    "The request that a step awaits did not reach us within its time."

    AGENT_CRASHED = "AGENT_CRASHED"
    "Our own worker process died; the trace holds everything up to that point."

    AGENT_HUNG = "AGENT_HUNG"
    "Our own worker process stopped answering and was ended."

    AGENT_REFUSED = "AGENT_REFUSED"
    "Our own user agent would not carry out the step: nothing was sent."

    SCENARIO_DEADLINE = "SCENARIO_DEADLINE"
    "The scenario's own timeout ended the attempt."

    INTERRUPTED = "INTERRUPTED"
    "The run was interrupted by the user before the attempt was decided."

    NOT_ATTEMPTED = "NOT_ATTEMPTED"
    "The step was not reached, because a step that it depends on did not succeed."


OURS = frozenset(
    {
        Failure.NO_ROUTE,
        Failure.LOCAL_PORT,
        Failure.MESSAGE_TOO_LONG,
        Failure.AGENT_CRASHED,
        Failure.AGENT_HUNG,
        Failure.AGENT_REFUSED,
        Failure.INTERRUPTED,
        Failure.NOT_ATTEMPTED,
    }
)
"""Failures that speak of the probe, not of the trunk: the verdict is INCONCLUSIVE."""
