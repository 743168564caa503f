"""Who we are to them: digest login, address lists, registration (RFC 3261 §10, §22; RFC 7616)."""

import re
from collections.abc import Iterator

from probe.diagnosis.case import Case
from probe.diagnosis.explanation import Certainty, Evidence
from probe.diagnosis.quote import plain
from probe.diagnosis.rule import Gate, Hypothesis, Rule, Sign, rows
from probe.plan.action import ODD_CHARACTER
from probe.sip.challenge import AuthField
from probe.trace.trace import CHALLENGES

DIGEST_ALGORITHMS = frozenset({"MD5", "SHA-256"})
"""Digest algorithms that our engine answers (measured with pjsua2 2.15.1)."""

_HIDES = (
    "A server that challenges unknown users too cannot be told apart from one that refuses a "
    "wrong password: user name and password may each be the wrong one."
)
_TRY_ONCE = "Try once only: repeated failures make many servers block the address."


def refused_login(case: Case) -> Iterator[Hypothesis]:
    """Our credentials were sent, understood and refused."""
    if not _login_refused(case) or case.login.stale_again:
        return
    evidence = _login_evidence(case)
    odd = _odd_values(case)
    if odd:
        yield Hypothesis(
            cause="F048",
            likelihood=Certainty.LIKELY,
            because=f"{odd} begins or ends with a blank, or holds a character that is not typed "
            "by hand",
            says=f"The login was refused, and {odd} in the trunk profile holds a character that "
            "was probably not meant.",
            evidence=(
                Evidence(event=None, says=f"{odd} of our configuration holds such a character"),
                *evidence,
            ),
            steps=(f"Type {odd} again by hand and run once more.", _TRY_ONCE),
            unknown=(_HIDES,),
            weight=60,
        )
    yield Hypothesis(
        cause="F047",
        likelihood=Certainty.LIKELY,
        because=case.fill("they asked for a login, got ours for user {login}, and refused it"),
        says=case.fill(
            "{host} understood our login as {login} and refused it: most likely the "
            "password is wrong."
        ),
        evidence=evidence,
        steps=(
            case.fill("Enter the password of {login} again, or reset it in the portal."),
            _TRY_ONCE,
        ),
        unknown=(_HIDES,),
        weight=50,
    )
    yield Hypothesis(
        cause="F056",
        likelihood=Certainty.UNDECIDED,
        because=case.fill("the user {login} may not exist there: some servers challenge everyone"),
        evidence=evidence,
        weight=40 + (5 if _hides_users(case) else 0),
    )
    if case.account is not None and case.account.auth_user == case.account.user:
        yield Hypothesis(
            cause="F049",
            likelihood=Certainty.UNDECIDED,
            because=case.fill(
                "we log in with the user of the address, {login}; some providers give a separate "
                "login name"
            ),
            weight=42 if _is_number(case.account.user) else 20,
        )


def no_password(case: Case) -> Iterator[Hypothesis]:
    """They ask for a login and we have none."""
    if _unanswered_challenge(case) and case.account is not None and not case.account.password:
        register = case.method == "REGISTER"
        yield Hypothesis(
            cause="F047",
            likelihood=Certainty.LIKELY if register else Certainty.UNDECIDED,
            because="they ask for a login and no password is configured",
            says=case.fill("{host} asks for a login, and the trunk profile has no password."),
            evidence=_login_evidence(case),
            steps=("Set `password:` (and `auth_user:` where it differs) in the trunk profile.",),
            weight=50,
        )
        if not register:
            yield Hypothesis(
                cause="F060",
                likelihood=Certainty.UNDECIDED,
                because=case.fill(
                    "a trunk that works by address may ask for a login where it does not know "
                    "the address {seen}"
                ),
                weight=40,
            )


def wrong_realm(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the configured realm is none of those asked for, so nothing was answered."""
    realm = case.account.realm if case.account else "*"
    realms = case.login.realms
    if not _unanswered_challenge(case) or realm == "*" or not realms or realm in realms:
        return
    yield Hypothesis(
        cause="F050",
        likelihood=Certainty.CERTAIN,
        because="our login is kept for another realm than the one they ask for",
        says=f"They ask for a login in the realm {plain(realms[-1])}, and the trunk profile keeps "
        f"one for {plain(realm)} only, so we did not answer.",
        evidence=_challenge_evidence(case, "realm"),
        steps=(f"Set `realm: {plain(realms[-1])}` in the trunk profile, or remove `realm:`.",),
    )


def unknown_algorithm(case: Case) -> Iterator[Hypothesis]:
    """They ask only for digest algorithms that we do not have."""
    asked = {challenge.algorithm for challenge in case.login.fields}
    if _unanswered_challenge(case) and asked and not asked & DIGEST_ALGORITHMS:
        names = ", ".join(plain(name) for name in sorted(asked))
        yield Hypothesis(
            cause="F051",
            likelihood=Certainty.CERTAIN,
            because=f"they take only {names}, and our engine answers MD5 and SHA-256",
            says=f"They ask for the digest algorithm {names}, which our side cannot answer.",
            evidence=_challenge_evidence(case, "algorithm"),
            steps=("Have the server offer SHA-256 or MD5 as well (RFC 8760).",),
        )


def stale_for_ever(case: Case) -> Iterator[Hypothesis]:
    """Every nonce is called stale, however fresh."""
    if not (case.status in CHALLENGES and case.login.stale_again):
        return
    yield Hypothesis(
        cause="F052",
        likelihood=Certainty.LIKELY,
        because="each new challenge calls the last nonce too old (stale=true)",
        says="They accept the login itself but call every nonce too old, so it never ends.",
        evidence=_challenge_evidence(case, "stale"),
        steps=("Use one server address instead of a name that leads to several, and report it.",),
        rules_out=("F047", "F048", "F049", "F056"),
        weight=50,
    )


def no_usable_challenge(case: Case) -> Iterator[Hypothesis]:
    """Recognise: a 401 or 407 without a Digest challenge where it belongs (RFC 3261 §22.1)."""
    index = case.unusable_challenge
    if index is None:
        return
    status = case.trace.message(index).status
    schemes = sorted({c.scheme for c in case.trace.message(index).challenges if c.scheme})
    found = f"only: {', '.join(plain(s) for s in schemes)}" if schemes else "none"
    yield Hypothesis(
        cause="F053",
        likelihood=Certainty.CERTAIN,
        because=f"the {status} asks for a login without a Digest challenge ({found})",
        says=case.fill("{host} asks for a login but does not say how: its ")
        + f"{status} has no Digest challenge that we could answer.",
        evidence=(case.cite_start(index),),
        steps=("Report it to whoever runs the server: RFC 3261 §22 wants a Digest challenge.",),
    )


def two_logins(case: Case) -> Iterator[Hypothesis]:
    """Two realms are asked for, and only one can be answered."""
    realms = case.login.realms
    if case.status not in CHALLENGES or len(realms) < 2 or not case.login.sent:
        return
    answered = {field.realm for i in case.login.sent for field in case.trace.message(i).credentials}
    missing = [realm for realm in realms if realm not in answered]
    if missing:
        yield Hypothesis(
            cause="F055",
            likelihood=Certainty.CERTAIN,
            because="one login was answered, then another server asked for one of its own",
            says=f"Two logins are needed, for {plain(realms[0])} and {plain(missing[-1])}, and we "
            "have one.",
            evidence=_challenge_evidence(case, "realm"),
            steps=(f"Get a login for the realm {plain(missing[-1])} as well.",),
        )


def not_on_the_list(case: Case) -> Iterator[Hypothesis]:
    """403 before any login was asked for."""
    reply = case.reply
    if reply is None or reply.ours or reply.status != 403 or case.direction == "inbound":
        return
    if case.login.challenges or case.login.decided_after:
        return
    seen = case.seen_address
    cited = case.cite("Via") if seen and seen[1] == reply.index else ()
    by_login = case.account is not None and bool(case.account.password)
    yield Hypothesis(
        cause="F060",
        likelihood=Certainty.LIKELY if by_login else Certainty.UNDECIDED,
        because="they refused the first request without asking for a login",
        says=case.fill(
            "{host} refused us before asking for a login: most likely our address {seen} is not "
            "on the list of this trunk."
        ),
        evidence=(case.cite_start(reply.index), *cited),
        steps=(
            case.fill("Add {seen} ")
            + ("(the address they saw, from Via received) " if cited else "")
            + "to the trunk's list of allowed addresses.",
        ),
        unknown=("Which list or rule refused us: the answer does not say.",),
        rules_out=("F047", "F048", "F049", "F052", "F056"),
        weight=40,
    )


def challenged_by_us(case: Case) -> Iterator[Hypothesis]:
    """On an incoming call the PBX asks the provider, who sent none, for a login."""
    if case.direction != "inbound" or case.reply is None:
        return
    if case.status in CHALLENGES and not case.trace.message(case.reply.request).has_credentials:
        yield Hypothesis(
            cause="F091",
            likelihood=Certainty.CERTAIN,
            because="the PBX answered the incoming call with a demand for a login",
            says="The PBX asks the caller's side for a login on an incoming call, and a provider "
            "has none.",
            evidence=(case.cite_start(case.reply.index),),
            steps=("Let the PBX trust the provider's addresses without a login for calls in.",),
        )


def stored_nothing(case: Case) -> Iterator[Hypothesis]:
    """200 to REGISTER without our Contact (RFC 3261 §10.3 item 8)."""
    reply = case.reply
    if reply is None or case.method != "REGISTER" or reply.status != 200:
        return
    ours = (case.request.first("Contact") or "") if case.request else ""
    uri = re.search(r"<([^>;]+)", ours)
    if not uri or case.requested_expires == 0 or "expires=0" in ours:
        return
    if any(uri.group(1) in value for value in reply.message.all("Contact")):
        return
    if case.kinds - {"timing"}:
        yield Hypothesis(
            cause="F067",
            likelihood=Certainty.CERTAIN,
            because="the 200 does not list our Contact",
            says="The registrar said OK but does not list our contact: nothing was stored for us.",
            evidence=(case.cite_start(reply.index), *case.cite("Contact")),
            steps=("Ask the registrar's operator why the binding is not kept.",),
        )


def shortened(case: Case) -> Iterator[Hypothesis]:
    """Recognise: the registrar granted less time than asked for, and the file minds."""
    reply, asked = case.reply, case.requested_expires
    if reply is None or reply.status != 200 or not asked or "headers" not in case.kinds:
        return
    granted = _granted(case)
    if granted is not None and granted < asked:
        yield Hypothesis(
            cause="F064",
            likelihood=Certainty.CERTAIN,
            because=f"we asked for {asked} s and they grant {granted} s",
            says=f"The registrar grants {granted} s instead of the {asked} s that we asked for.",
            evidence=(case.cite_start(reply.index), *case.cite("Contact", "Expires")),
            steps=(f"Set `expires: {granted}`, so that we refresh in time.",),
        )


# Facts of these rules ---------------------------------------------------------------------------


def _login_refused(case: Case) -> bool:
    reply = case.reply
    if reply is None or reply.ours or not case.login.decided_after:
        return False
    codes = (401, 407, 403) if case.method == "REGISTER" else (401, 407)
    return reply.status in codes


def _unanswered_challenge(case: Case) -> bool:
    return case.status in CHALLENGES and bool(case.login.fields) and not case.login.sent


def _is_number(user: str) -> bool:
    """Whether a user is a telephone number: providers seldom log in with one."""
    digits = user.removeprefix("+")
    return digits.isascii() and digits.isdigit() and len(digits) >= 7


def _odd_values(case: Case) -> str:
    """Name the configured values with odd characters; never show them."""
    if case.account is None:
        return ""
    values = {
        "`password`": case.account.password or "",
        "`auth_user`": case.account.auth_user,
        "the user in `uri`": case.account.user,
    }
    return " and ".join(name for name, value in values.items() if ODD_CHARACTER.search(value))


def _hides_users(case: Case) -> bool:
    """Whether the server is one that challenges unknown users by design (Asterisk)."""
    server = case.header("Server") + case.header("User-Agent")
    return "asterisk" in (server + " ".join(case.login.realms)).lower()


def _login_evidence(case: Case) -> tuple[Evidence, ...]:
    """Cite the challenge, our login, and the refusal."""
    sent = tuple(
        Evidence(
            event=index,
            says=case.fill("we sent {method} with credentials for user ")
            + ", ".join(
                plain(field.get("username") or "?")
                for field in case.trace.message(index).credentials
            ),
        )
        for index in case.login.sent[:1]
    )
    refusal = (case.cite_start(case.reply.index),) if case.reply else ()
    return (*_challenge_evidence(case, "realm")[:1], *sent, *refusal)


def _challenge_evidence(case: Case, name: str) -> tuple[Evidence, ...]:
    """Cite one harmless parameter of the challenges; never the nonce."""
    return tuple(
        Evidence(event=index, says=f"{case.trace.message(index).status} asks with {shown}")
        for index in case.login.challenges[-3:]
        for shown in (_shown(case.usable_challenges(index), name),)
        if shown
    )


def _shown(challenges: tuple[AuthField, ...], name: str) -> str:
    return ", ".join(f"{name}={plain(c.get(name) or 'none')}" for c in challenges[:3])


def _granted(case: Case) -> int | None:
    for value in case.reply.message.all("Contact") if case.reply else ():
        found = re.search(r";\s*expires\s*=\s*([0-9]{1,9})\b", value)
        if found:
            return int(found.group(1))
    whole = re.fullmatch(r"\s*([0-9]{1,9})\s*", case.header("Expires"))
    return int(whole.group(1)) if whole else None


_AUTH = Gate.AUTHENTICATION

RULES = (
    Rule(name="incoming call challenged", gate=_AUTH, causes=("F091",), find=challenged_by_us),
    Rule(name="no usable challenge", gate=_AUTH, causes=("F053",), find=no_usable_challenge),
    Rule(name="realm differs", gate=_AUTH, causes=("F050",), find=wrong_realm),
    Rule(name="algorithm unknown", gate=_AUTH, causes=("F051",), find=unknown_algorithm),
    Rule(name="two logins", gate=_AUTH, causes=("F055",), find=two_logins),
    Rule(name="stale for ever", gate=_AUTH, causes=("F052",), find=stale_for_ever),
    Rule(
        name="login refused",
        gate=_AUTH,
        causes=("F047", "F048", "F049", "F056"),
        find=refused_login,
    ),
    Rule(name="no password", gate=_AUTH, causes=("F047", "F060"), find=no_password),
    Rule(name="refused before login", gate=_AUTH, causes=("F060",), find=not_on_the_list),
    Rule(name="OK without contact", gate=_AUTH, causes=("F067",), find=stored_nothing),
    Rule(name="time shortened", gate=_AUTH, causes=("F064",), find=shortened),
    *rows(
        Sign(
            cause="F063",
            codes=(423,),
            because="423 says that the registration time we ask for is too short",
            says="The registrar refuses the short registration time that we ask for.",
            likelihood=Certainty.CERTAIN,
            fields=("Min-Expires",),
            steps=("Set `expires:` in the trunk profile to at least what Min-Expires says.",),
            gate=_AUTH,
        ),
        Sign(
            cause="F065",
            codes=(403, 406, 480, 500, 503),
            methods=("REGISTER",),
            pattern=r"(too many|max(imum)?).{0,20}(contacts|bindings|registrations|devices)",
            because="the answer itself says that too many devices are registered",
            says="The account has too many devices registered already.",
            likelihood=Certainty.CERTAIN,
            steps=("Remove old devices in the portal, or wait until their registrations end.",),
            rules_out=("F047", "F048", "F049", "F056", "F060", "F070"),
            gate=_AUTH,
        ),
        Sign(
            cause="F068",
            codes=(400, 500),
            methods=("REGISTER",),
            pattern=r"(invalid|out of order|lower|old|bad) cseq"
            r"|cseq.{0,12}(invalid|out of order|lower|too low)",
            because="the answer itself says that our sequence number went back",
            says="The registrar remembers a higher sequence number than the one we sent.",
            likelihood=Certainty.CERTAIN,
            gate=_AUTH,
        ),
        Sign(
            cause="F062",
            codes=(401, 403),
            pattern=r"\block(ed|out)|too many (failed|attempts|failures)"
            r"|(change|expired).{0,12}passw|passw.{0,12}(change|expired)",
            because="the answer itself says that the login is locked or its password has expired",
            says="The login seems to be locked, or its password must be changed.",
            steps=("Log in to the portal, change the password if asked, and wait before trying.",),
            gate=_AUTH,
            weight=60,
        ),
        Sign(
            cause="F070",
            codes=(429, 503),
            methods=("REGISTER",),
            because="the registrar asks us to register less often",
            says="The registrar finds that we register too often.",
            fields=("Retry-After",),
            when=lambda case: case.status == 429 or bool(case.header("Retry-After")),
            steps=("Raise `expires:`, run fewer attempts, and wait the time of Retry-After.",),
            gate=_AUTH,
        ),
        Sign(
            cause="F070",
            codes=(403, 500, 503),
            methods=("REGISTER",),
            pattern=r"rate|too (many requests|frequent)|slow down",
            because="the answer itself says that we register too often",
            says="The registrar finds that we register too often.",
            steps=("Raise `expires:` and run fewer attempts.",),
            gate=_AUTH,
        ),
        Sign(
            cause="F059",
            codes=(405, 501),
            methods=("REGISTER",),
            because="the server does not take REGISTER at all",
            says="{host} does not take REGISTER: this trunk probably works by address, without "
            "registering.",
            fields=("Allow",),
            steps=("Leave the `register:` step out and call directly.",),
            gate=_AUTH,
            weight=30,
        ),
        Sign(
            cause="F059",
            codes=(403, 404),
            methods=("REGISTER",),
            because="a trunk that works by address refuses REGISTER like this",
            when=lambda case: not case.login.challenges,
            likelihood=Certainty.UNDECIDED,
            gate=_AUTH,
            weight=20,
        ),
        Sign(
            cause="F057",
            codes=(403, 404, 604),
            pattern=r"not (relaying|here|local)|relay(ing)? (denied|forbidden)|wrong domain"
            r"|unknown domain",
            because="the answer says that this server does not serve the domain in our request",
            says="{host} says that it does not serve the domain of our request.",
            steps=("Compare the domain in `uri:` with the provider's page.",),
            gate=_AUTH,
            weight=30,
        ),
        Sign(
            cause="F057",
            codes=(404, 604),
            methods=("REGISTER",),
            because="the registrar does not know this user under this domain",
            says="{host} does not know {user}: the account may live on another server or domain.",
            steps=("Compare user and domain in `uri:` with the provider's page.",),
            gate=_AUTH,
            weight=10,
        ),
        Sign(
            cause="F058",
            codes=(403,),
            pattern=r"(from|to|user ?name).{0,20}(mismatch|does not match|differs)|\bR18\b"
            r"|forbidden auth id|\bfrom ?= ?id\b",  # the words of Kamailio's own examples
            because="the answer says that From and the login do not fit together",
            says="They want From to be the user that we log in as.",
            steps=("Set `caller_id: {login}`, or remove `caller_id:` to use the account's own.",),
            gate=_AUTH,
            weight=30,
        ),
        Sign(
            cause="F061",
            codes=(403,),
            methods=("REGISTER",),
            because="a suspended account or a negative balance is refused like this too",
            likelihood=Certainty.UNDECIDED,
            gate=_AUTH,
            weight=10,
        ),
        Sign(
            cause="F030",
            codes=(403,),
            methods=("REGISTER",),
            because="a block of our address is answered like this too",
            when=lambda case: not case.login.challenges,
            likelihood=Certainty.UNDECIDED,
            gate=_AUTH,
            weight=5,
        ),
        Sign(
            cause="F071",
            codes=(430, 439),
            because="the two sides disagree about SIP Outbound (RFC 5626)",
            says="The registrar and our side disagree about SIP Outbound.",
            likelihood=Certainty.CERTAIN,
            gate=_AUTH,
        ),
    ),
)
