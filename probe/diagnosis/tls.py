"""The encrypted transport: certificates and handshakes (RFC 5246, RFC 8446, RFC 5922)."""

from collections.abc import Iterator

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, contains
from probe.trace.failure import Failure

_FAULTS = (
    (
        "F037",
        r"expired|not yet valid|validity period",
        "the verifier says that its date is past or yet to come",
        "The certificate of {target} has expired or is not valid yet, so we did not speak to it.",
        (
            (
                "Ask the operator of {host} to renew its certificate; do not switch `verify` off "
                "instead."
            ),
            (
                "Check this machine's clock (`timedatectl`): a wrong one makes good certificates "
                "look expired."
            ),
        ),
    ),
    (
        "F038",
        r"identity|host ?name|name mismatch|subject alt",
        "the verifier says that it names another host",
        "The certificate of {target} is for another name than {host}, so we did not speak to it.",
        (
            (
                "Use the host name that the certificate carries in `uri:` (it says {host}); an "
                "address instead of a name is the usual reason."
            ),
        ),
    ),
    (
        "F039",
        r"trust|issuer|self.?signed|unknown ca|chain|root|authority|verif",
        "the verifier does not know who signed it",
        "The certificate of {target} is signed by nobody we trust, so we did not speak to it.",
        (
            (
                "Give the signer's certificate as `ca_file:` of the trunk profile, or have the "
                "server send its whole chain."
            ),
        ),
    ),
)
"""Faults of a certificate: cause, words of the verifier, why, summary, steps; first match wins."""

_HANDSHAKES = (
    (
        "F023",
        r"wrong.version.number|unknown.protocol|http.request|record.too.long|packet.length.too",
        Certainty.CERTAIN,
        "what came back to our TLS hello is no TLS",
        "{target} does not speak TLS on that port.",
        ("Use the TLS port, usually 5061, or another transport in `uri:` (it says {target}).",),
    ),
    (
        "F040",
        r"unsupported.protocol|legacy.sigalg|version.too.low|wrong.ssl.version",
        Certainty.CERTAIN,
        "the server offers only TLS versions that we refuse",
        "{target} offers only old TLS versions that our side refuses.",
        ("Have the server enable TLS 1.2; lowering `tls_min` is a stopgap at best.",),
    ),
    (
        "F040",
        r"alert.{0,20}protocol.version",
        Certainty.UNDECIDED,
        "the server refused the versions that we offered",
        "",
        (),
    ),
    (
        "F044",
        r"unrecogni[sz]ed.name",
        Certainty.LIKELY,
        "the server does not know the name that we asked for",
        "{target} has no certificate for the name {host}.",
        ("Use the provider's documented host name in `uri:` (it says {host}).",),
    ),
    (
        "F041",
        r"no.shared.cipher|no.ciphers|insufficient.security",
        Certainty.CERTAIN,
        "the two sides share no cipher",
        "We and {target} share no encryption method.",
        ("Have the server enable an ECDHE-GCM cipher for TLS 1.2.",),
    ),
)
"""Other ends of a handshake: cause, words, likelihood, why, summary, steps."""

_CLIENT_ALERTS = (
    r"alert.{0,20}(bad.certificate|unknown.ca|certificate.(unknown|expired|revoked)"
    r"|unsupported.certificate|access.denied)"
)
_NEEDS_CERTIFICATE = r"certificate.required|peer.did.not.return.a.certificate"
_GENERAL_ALERT = r"alert.{0,20}handshake.failure"
_SILENCE = r"time|timed.?out|etimedout"


def bad_certificate(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the server's certificate failed verification."""
    if not case.failed(Failure.TLS_CERTIFICATE):
        return
    found = dict(_certificate_faults(case))
    proof = Certainty.CERTAIN if len(found) == 1 else Certainty.LIKELY
    for place, (cause, evidence) in enumerate(found.items()):
        _, _, because, says, steps = next(row for row in _FAULTS if row[0] == cause)
        both = "" if len(found) == 1 else " It has more than one fault."
        yield Hypothesis(
            cause=cause,
            likelihood=proof,
            because=because,
            says=case.fill(says) + both,
            evidence=evidence,
            steps=tuple(case.fill(step) for step in steps),
            unknown=("Whether this machine's clock is right.",) if cause == "F037" else (),
            weight=-place,
        )


def _certificate_faults(case: Case) -> Iterator[tuple[str, tuple[Evidence, ...]]]:
    """Yield each kind of fault once, with the words that show it."""
    said = [(index, words) for index, change in case.connections for words in change.certificate]
    if not said and case.failure is not None and case.failure_index is not None:
        said = [(case.failure_index, case.failure.detail)]
    seen = set()
    for index, words in said:
        cause = next((row[0] for row in _FAULTS if contains(row[1], words)), None)
        if cause is not None and cause not in seen:
            seen.add(cause)
            yield cause, (Evidence(event=index, says=f"verification says: {plain(words)}"),)


def handshake_words(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the handshake ended with words that name the reason."""
    if case.failure is None or not _in_handshake(case):
        return
    for cause, pattern, likelihood, because, says, steps in _HANDSHAKES:
        if contains(pattern, case.failure.detail):
            yield Hypothesis(
                cause=cause,
                likelihood=likelihood,
                because=because,
                says=case.fill(says),
                evidence=case.cite_failure(),
                steps=tuple(case.fill(step) for step in steps),
            )
            return


def client_certificate(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the server wants a certificate of ours, or refuses the one it got."""
    if case.failure is None or not _in_handshake(case):
        return
    ours = case.account is not None and case.account.client_cert is not None
    detail = case.failure.detail
    if contains(_NEEDS_CERTIFICATE, detail) and not ours:
        yield _wants_certificate(case, Certainty.CERTAIN)
    elif contains(_CLIENT_ALERTS, detail) or (ours and contains(_GENERAL_ALERT, detail)):
        yield Hypothesis(
            cause="F043",
            likelihood=Certainty.LIKELY if ours else Certainty.UNDECIDED,
            because="the server's alert is about a certificate that it got from us",
            says=case.fill("{target} refused the certificate that we showed."),
            evidence=case.cite_failure(),
            steps=(
                "Check that `client_cert:` is the one the provider has on file, and its dates.",
            ),
        )
    elif contains(_GENERAL_ALERT, detail):
        yield _wants_certificate(case, Certainty.LIKELY)
        yield Hypothesis(
            cause="F041",
            likelihood=Certainty.UNDECIDED,
            because="the same alert means that no cipher is shared",
            evidence=case.cite_failure(),
        )


def _wants_certificate(case: Case, likelihood: Certainty) -> Hypothesis:
    return Hypothesis(
        cause="F042",
        likelihood=likelihood,
        because="the server ended the handshake and no client certificate is configured",
        says=case.fill("{target} asks for a certificate of ours, and none is configured."),
        evidence=case.cite_failure(),
        steps=("Set `client_cert:` and `client_key:` in the trunk profile.",),
    )


def no_tls_there(case: Case) -> Iterator[Hypothesis]:
    """Our TLS hello got no answer, or the connection closed, on a port that is not TLS's."""
    if case.failure is None or not _never_shook_hands(case):
        return
    silent = contains(_SILENCE, case.failure.detail)
    closed = contains(r"reset|end of file|eof|closed", case.failure.detail)
    if silent or closed:
        yield Hypothesis(
            cause="F023",
            likelihood=Certainty.LIKELY,
            because="the connection opened, and our TLS hello was "
            + ("never answered" if silent else "answered by closing it"),
            says=case.fill("{target} took our connection but did not speak TLS with us."),
            evidence=case.cite_failure(),
            steps=(
                case.fill(
                    "Check the port: TLS is usually 5061, `uri:` leads to {target}; port 5060 is "
                    "usually without TLS."
                ),
            ),
            unknown=("Whether another program than a SIP server listens there.",),
        )


def never_connected(case: Case) -> Iterator[Hypothesis]:
    """Recognise: nothing came back over TLS, and no connection is known to have come up."""
    up = any(change.state == "connected" for _, change in case.connections)
    if not case.failed(Failure.NO_RESPONSE) or case.received or up:
        return
    if case.account is not None and case.account.transport.upper() == "TLS":
        for cause, because, weight in (
            ("F023", "a port without TLS may take the connection and never answer our hello", 30),
            ("F019", "the connection itself may never have come up", 25),
        ):
            yield Hypothesis(
                cause=cause,
                likelihood=Certainty.UNDECIDED,
                because=because,
                evidence=case.cite_failure(),
                steps=(case.fill("Check port and transport in `uri:`: they lead to {target}."),),
                weight=weight,
            )


def _never_shook_hands(case: Case) -> bool:
    """Whether the connection ended in the handshake, by its own name or by an end of the stream."""
    states = {change.state for _, change in case.connections}
    cut = case.failed(Failure.CONNECTION_LOST) and "accepted" in states
    return case.failed(Failure.TLS_HANDSHAKE) or (cut and "connected" not in states)


def _in_handshake(case: Case) -> bool:
    return case.failed(Failure.TLS_HANDSHAKE) or (
        case.failed(Failure.CONNECTION_LOST, Failure.NO_RESPONSE)
        and case.transport == "TLS"
        and not case.received
    )


RULES = (
    Rule(
        name="certificate fails",
        gate=Gate.TLS,
        causes=("F037", "F038", "F039"),
        find=bad_certificate,
    ),
    Rule(
        name="handshake names its reason",
        gate=Gate.TLS,
        causes=("F023", "F040", "F041", "F044"),
        find=handshake_words,
    ),
    Rule(
        name="client certificate",
        gate=Gate.TLS,
        causes=("F041", "F042", "F043"),
        find=client_certificate,
    ),
    Rule(name="TLS never came up", gate=Gate.TLS, causes=("F019", "F023"), find=never_connected),
    Rule(name="no TLS on that port", gate=Gate.TLS, causes=("F023",), find=no_tls_there),
)
