"""What a handshake of our own showed after a connection over TLS had failed."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from probe.diagnosis.asked_path import SHOWN, Asked, cite, number
from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Certainty
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, contains
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure

_ENGINE_LACKS = r"CHACHA20|CCM|ARIA|TLS_AES"
"""Ciphers that our engine has not (OpenSSL 1.0.2)."""

_OF_CERTIFICATE = frozenset({"42", "43", "44", "45", "46", "48", "49"})
"""Alerts that speak of a certificate of ours (RFC 8446 §6.2)."""

_CLOCK_S = 300
"""Seconds that a clock may be wrong before it counts."""

_A_LIFE_S = 3e9
"""Seconds beyond which a Date is no date."""


def _shaken(case: Case) -> tuple[int, ControlRan] | None:
    """Return the handshake of our own, where the attempt ended before a message over TLS."""
    ended = case.failed(
        Failure.TLS_HANDSHAKE, Failure.TLS_CERTIFICATE, Failure.CONNECTION_LOST, Failure.NO_RESPONSE
    )
    if not ended or case.received or case.account is None:
        return None
    if case.account.transport.upper() != "TLS":
        return None
    return next(((i, r) for i, r in case.asked(Control.TLS) if r.result != "not-run"), None)


def our_certificate(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the server asks for a certificate of ours, and takes none or not the one."""
    shaken = _shaken(case)
    if shaken is None or case.account is None:
        return
    index, ran = shaken
    alert = ran.fact("alert")
    if ran.fact("client_certificate") != "requested" or ran.result not in {"alert", "closed"}:
        return
    if case.account.client_cert is None:
        yield Hypothesis(
            cause="F042",
            likelihood=Certainty.CERTAIN,
            because="the server asks for a certificate of ours in the handshake, and ends it where "
            "none comes",
            says=case.fill("{target} asks for a certificate of ours, and none is configured."),
            evidence=(case.cite_control(index),),
            steps=("Set `client_cert:` and `client_key:` in the trunk profile.",),
            rules_out=("F020", "F023", "F041", "F043"),
            weight=SHOWN,
        )
    elif alert in _OF_CERTIFICATE or alert == "40":
        yield Hypothesis(
            cause="F043",
            likelihood=Certainty.LIKELY,
            because="the server asks for a certificate of ours, and refuses the one it gets",
            says=case.fill("{target} refused the certificate that we showed."),
            evidence=(case.cite_control(index),),
            steps=(
                "Check that `client_cert:` is the one the provider has on file, and its dates.",
            ),
            rules_out=("F020", "F023", "F041", "F042"),
            weight=SHOWN,
        )


def versions(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the server takes only versions that our engine or our settings have not."""
    shaken = _shaken(case)
    if shaken is None or case.failed(Failure.TLS_CERTIFICATE):
        return
    index, ran = shaken
    accepted = set(ran.all("accepts"))
    if not accepted or "TLSv1.2" in accepted:
        return
    newest = accepted == {"TLSv1.3"}
    yield Hypothesis(
        cause="F173" if newest else "F040",
        likelihood=Certainty.CERTAIN,
        because=f"the server takes {' and '.join(sorted(accepted))} alone",
        says=case.fill(
            "{target} takes TLS 1.3 alone, and our engine ends at TLS 1.2."
            if newest
            else "{target} offers only old TLS versions that our side refuses."
        ),
        evidence=(case.cite_control(index),),
        steps=("Have the server enable TLS 1.2 as well.",),
        rules_out=("F020", "F023", "F041", "F042", "F040" if newest else "F173"),
        weight=SHOWN,
    )


def ciphers(case: Case) -> Iterator[Hypothesis]:
    """Recognise: our control could agree on a cipher, and it is one that the engine has not."""
    shaken = _shaken(case)
    if shaken is None or not case.failed(Failure.TLS_HANDSHAKE, Failure.CONNECTION_LOST):
        return
    index, ran = shaken
    if ran.fact("version") == "TLSv1.2" and contains(_ENGINE_LACKS, ran.fact("cipher") or ""):
        yield Hypothesis(
            cause="F041",
            likelihood=Certainty.CERTAIN,
            because=f"the server takes {plain(ran.fact('cipher') or '')}, which our engine has not",
            says=case.fill("We and {target} share no encryption method."),
            evidence=(*case.cite_failure(), case.cite_control(index)),
            steps=("Have the server enable an ECDHE-GCM cipher for TLS 1.2.",),
            rules_out=("F020", "F023", "F040", "F042", "F043"),
            weight=SHOWN,
        )


def no_tls(case: Case) -> Iterator[Hypothesis]:
    """Recognise: what comes back to a TLS hello is no TLS, or nothing, whatever it offers."""
    shaken = _shaken(case)
    if shaken is None or shaken[1].result not in {"not-tls", "closed", "mute"}:
        return
    index, ran = shaken
    if ran.fact("accepts") or ran.fact("client_certificate") or _spoke_tls(case):
        return
    proved = ran.result == "not-tls"
    yield Hypothesis(
        cause="F023",
        likelihood=Certainty.CERTAIN if proved else Certainty.LIKELY,
        because="what came back to our TLS hello is no TLS"
        if proved
        else "every TLS hello, of any version, is left without an answer",
        says=case.fill("{target} does not speak TLS on that port."),
        evidence=(case.cite_control(index),),
        steps=(
            case.fill(
                "Use the TLS port, usually 5061, or another transport (`uri:` says {target})."
            ),
        ),
        rules_out=("F019", "F020", "F042"),
        weight=SHOWN,
    )


def _spoke_tls(case: Case) -> bool:
    """Whether the attempt itself met TLS: a certificate, or an alert of theirs."""
    return case.failed(Failure.TLS_CERTIFICATE) or (
        case.failure is not None and contains(r"\balert\b", case.failure.detail)
    )


def server_name(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the handshake depends on the name that is asked for (SNI, RFC 6066 §3)."""
    shaken = _shaken(case)
    if shaken is None:
        return
    index, ran = shaken
    if ran.fact("sni") == "refused" or ran.fact("alert") == "112":
        yield Hypothesis(
            cause="F044",
            likelihood=Certainty.LIKELY,
            because=case.fill("the handshake passes without a name, and fails with {host}")
            if ran.fact("sni") == "refused"
            else case.fill("the server does not know the name {host} (alert 112)"),
            says=case.fill("{target} has no certificate for the name {host}."),
            evidence=(case.cite_control(index),),
            steps=(case.fill("Use the provider's documented host name in `uri:`, not {host}."),),
            rules_out=("F020", "F023", "F042"),
            weight=SHOWN,
        )


def our_clock(case: Case) -> Iterator[Hypothesis]:
    """Recognise: their Date and our clock differ, and at their time the certificate is valid."""
    if not case.failed(Failure.TLS_CERTIFICATE):
        return
    dated = next(
        (s for s in Asked(case).all if _CLOCK_S < abs(number(s.ran, "clock")) < _A_LIFE_S), None
    )
    if dated is None:
        return
    ahead = number(dated.ran, "clock")
    shaken = _shaken(case)
    then = case.trace.started_at + timedelta(seconds=dated.ran.at - ahead)
    if shaken is not None and not _valid(shaken[1], then):
        return
    behind = f"{seconds(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"
    yield Hypothesis(
        cause="F045",
        likelihood=Certainty.LIKELY,
        because=f"by their Date our clock is {behind}, and by that date the certificate is valid",
        says=f"This machine's clock is {behind}, so good certificates look expired.",
        evidence=(*cite(case, dated), *(() if shaken is None else (case.cite_control(shaken[0]),))),
        steps=("Set this machine's clock (`timedatectl`), then run again.",),
        rules_out=("F037",),
        weight=SHOWN,
    )


def _valid(ran: ControlRan, then: datetime) -> bool:
    """Whether the certificate is valid at a time; also where its dates are not known."""
    try:
        first, last = (
            datetime.strptime(ran.fact(name) or "", "%Y-%m-%dT%H:%M:%SZ").replace(
                tzinfo=timezone.utc
            )
            for name in ("not_before", "not_after")
        )
    except ValueError:
        return True
    return first <= then <= last


RULES = (
    Rule(
        name="asked: our certificate", gate=Gate.TLS, causes=("F042", "F043"), find=our_certificate
    ),
    Rule(name="asked: TLS versions", gate=Gate.TLS, causes=("F040", "F173"), find=versions),
    Rule(name="asked: TLS ciphers", gate=Gate.TLS, causes=("F041",), find=ciphers),
    Rule(name="asked: no TLS there", gate=Gate.TLS, causes=("F023",), find=no_tls),
    Rule(name="asked: server name", gate=Gate.TLS, causes=("F044",), find=server_name),
    Rule(name="asked: our clock", gate=Gate.TLS, causes=("F045",), find=our_clock),
)
