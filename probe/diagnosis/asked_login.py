"""What controls showed of the login: our settings, our digest, and who may ask without one."""

import re
from collections.abc import Iterator

from probe.diagnosis.asked_path import SHOWN, Asked, cite, number
from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule
from probe.trace.control import Control, ControlRan
from probe.trace.failure import Failure

_VALUES = {"password": "`password`", "user": "the user in `uri`", "auth_user": "`auth_user`"}
_LETTER = "letter outside ASCII"


def odd_value(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a login was refused, and a value of it holds a character that nobody types."""
    if not _refused(case):
        return
    for index, ran in case.asked(Control.LINT):
        odd = [(name, words) for name in _VALUES for words in ran.all(name) if ", " in words]
        if not odd:
            continue
        name, words = min(odd, key=lambda pair: pair[1].startswith(_LETTER))
        letter = words.startswith(_LETTER)
        yield Hypothesis(
            cause="F048",
            likelihood=Certainty.LIKELY,
            because=f"{_VALUES[name]} holds: {words}",
            says=f"The login was refused, and {_VALUES[name]} in the trunk profile holds a "
            f"character that was probably not meant ({words}).",
            evidence=(case.cite_control(index), *_cited_refusal(case)),
            steps=(f"Type {_VALUES[name]} again by hand and run once more.",),
            weight=45 if letter else 70,
        )


def right_digest(case: Case) -> Iterator[Hypothesis]:
    """Recognise: our digest follows from the configured password, and was refused."""
    if not _refused(case) or case.login.stale_again:
        return
    for index, ran in case.asked(Control.DIGEST):
        if ran.result != "right":
            continue
        changed = ran.fact("uri") == "differs"
        yield Hypothesis(
            cause="F047",
            likelihood=Certainty.LIKELY,
            because="our digest was computed again and is right, so a value of it is not theirs",
            evidence=(case.cite_control(index),),
            weight=51,
        )
        if changed or case.transport != "TLS":
            yield Hypothesis(
                cause="F054",
                likelihood=Certainty.LIKELY if changed else Certainty.UNDECIDED,
                because="our digest is for another request line than the one that we sent"
                if changed
                else "somebody on the way may rewrite the request line that the digest covers",
                evidence=(case.cite_control(index),),
                steps=("Try once over TLS, where nobody on the way can rewrite it.",),
                weight=55 if changed else 21,
            )


def _refused(case: Case) -> bool:
    reply = case.reply
    return (
        reply is not None
        and not reply.ours
        and case.login.decided_after
        and reply.status in ({401, 403, 407} if case.method == "REGISTER" else {401, 407})
    )


def _cited_refusal(case: Case) -> tuple[Evidence, ...]:
    return (case.cite_start(case.reply.index),) if case.reply else ()


# Without a login --------------------------------------------------------------------------------


def registers_nobody(case: Case) -> Iterator[Hypothesis]:
    """Recognise: REGISTER is refused before any login, and OPTIONS is answered."""
    used = Asked(case).used
    if case.method != "REGISTER" or case.login.challenges or used is None or not used.answered:
        return
    if case.status not in {403, 404, 405, 501}:
        return
    allowed = used.ran.fact("allow")
    names = {name.strip().upper() for name in re.split(r"[,\s]+", allowed or "")}
    if used.ran.fact("status") in {"403", "603"}:
        yield Hypothesis(
            cause="F060",
            likelihood=Certainty.LIKELY,
            because="OPTIONS is refused like REGISTER: whatever comes from here is",
            says=case.fill(
                "{host} refuses all that we send, before any login: most likely our address {seen} "
                "is not on the list of this trunk."
            ),
            evidence=cite(case, used),
            steps=(case.fill("Add {seen} to the trunk's list of allowed addresses."),),
            rules_out=("F057", "F059"),
            weight=SHOWN,
        )
        return
    without = allowed is not None and "REGISTER" not in names
    if "REGISTER" in names:
        return
    unknown = case.status == 404 and not without  # what registrars say of an unknown account
    yield Hypothesis(
        cause="F059",
        likelihood=Certainty.UNDECIDED if unknown else Certainty.LIKELY,
        because="they answer OPTIONS and refuse REGISTER"
        + (", which their Allow does not name" if without else " before any login"),
        says=case.fill(
            "{host} does not take REGISTER: this trunk probably works by address, without "
            "registering."
        ),
        evidence=cite(case, used),
        steps=("Leave the `register:` step out and call directly.",),
        weight=5 if unknown else SHOWN,
    )


def register_asked(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a call was refused before any login; a bare REGISTER shows what else is."""
    if case.method != "INVITE" or case.login.challenges or case.status != 403:
        return
    for index, ran in case.asked(Control.CHALLENGE):
        status = ran.fact("status")
        if ran.result == "answered-otherwise" and status in {"403", "405", "501"}:
            yield Hypothesis(
                cause="F060",
                likelihood=Certainty.LIKELY,
                because=f"a REGISTER gets {plain(status or '')}, and nobody asks for a login: who "
                "may call goes by address",
                says=case.fill(
                    "{host} asks nobody for a login and refused us: most likely our address {seen} "
                    "is not on the list of this trunk."
                ),
                evidence=(case.cite_control(index),),
                steps=(case.fill("Add {seen} to the trunk's list of allowed addresses."),),
                rules_out=("F047", "F048", "F049", "F056", "F058"),
                weight=SHOWN,
            )


def no_challenge_for_us(case: Case) -> Iterator[Hypothesis]:
    """Recognise: what our stack threw away is a demand for a login that nobody can answer."""
    if not case.failed(Failure.RESPONSE_DISCARDED):
        return
    for index, ran in case.asked(Control.CHALLENGE):
        wanted = "WWW-Authenticate" if ran.fact("status") == "401" else "Proxy-Authenticate"
        usable = "digest" in ran.all("scheme") and wanted in ran.all("field")
        if ran.result == "challenged" and not usable:
            schemes = ", ".join(plain(scheme) for scheme in ran.all("scheme")) or "none"
            yield Hypothesis(
                cause="F053",
                likelihood=Certainty.CERTAIN,
                because=f"their {ran.fact('status')} asks for a login without a Digest challenge "
                f"in {wanted} (schemes: {schemes})",
                says=case.fill(
                    "{host} asks for a login, but not in a way that SIP allows, so our software "
                    "could not read its answer."
                ),
                evidence=(case.cite_control(index),),
                steps=("Report it to whoever runs the server: RFC 3261 §22 wants Digest.",),
                rules_out=("F034",),
                weight=SHOWN,
            )


# 503 --------------------------------------------------------------------------------------------


def whole_server(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a 503 that OPTIONS gets too is the server's; one that it does not is behind it."""
    used = Asked(case).used
    if case.status != 503 or used is None or not used.answered:
        return
    if used.ran.fact("status") == "503":
        yield Hypothesis(
            cause="F131",
            likelihood=Certainty.LIKELY,
            because="OPTIONS gets a 503 as well: it is not this call or number",
            says=case.fill("{host} refuses all service at the moment."),
            evidence=cite(case, used),
            rules_out=("F132",),
            weight=45,
        )
    elif _good(used.ran):
        yield Hypothesis(
            cause="F132",
            likelihood=Certainty.UNDECIDED,
            because="the server itself answers OPTIONS, so what is short stands behind it",
            evidence=cite(case, used),
            rules_out=("F131",),
            weight=12,
        )


def _good(ran: ControlRan) -> bool:
    return 200 <= number(ran, "status") < 300


_LOGIN = Gate.AUTHENTICATION

RULES = (
    Rule(name="asked: odd value", gate=_LOGIN, causes=("F048",), find=odd_value),
    Rule(name="asked: digest is right", gate=_LOGIN, causes=("F047", "F054"), find=right_digest),
    Rule(
        name="asked: REGISTER refused, OPTIONS not",
        gate=_LOGIN,
        causes=("F059", "F060"),
        find=registers_nobody,
    ),
    Rule(
        name="asked: a challenge of no use",
        gate=Gate.TRANSPORT,
        causes=("F053",),
        find=no_challenge_for_us,
    ),
    Rule(name="asked: bare REGISTER", gate=_LOGIN, causes=("F060",), find=register_asked),
    Rule(
        name="asked: 503 to OPTIONS", gate=Gate.POLICY, causes=("F131", "F132"), find=whole_server
    ),
)
