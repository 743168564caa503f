"""The digest that we sent, computed again from the configured password (RFC 7616, RFC 2617).

Nothing is sent. Where it matches, our side did its part: the values are wrong, or somebody changed
the request on its way. No digest, nonce or password is ever told.
"""

from collections.abc import Iterator

from probe.controls.told import printable
from probe.plan.action import Account
from probe.sip.challenge import AuthField
from probe.sip.digest import digest
from probe.sip.message import SipMessage
from probe.trace.control import Control, ControlRan
from probe.trace.trace import CHALLENGES, Trace


def check_digests(account: Account, trace: Trace) -> ControlRan:
    """Compute again each digest that we sent in this attempt."""
    facts: list[str] = []
    verdicts: list[bool | None] = []
    for _, transaction in trace.client_transactions():
        message = trace.message(transaction.request)
        for credentials in message.credentials:
            if credentials.scheme == "digest":
                verdict = _matches(account, message, credentials)
                verdicts.append(verdict)
                facts += _facts(account, trace, transaction.request, message, credentials, verdict)
    result, detail = _told(verdicts, facts)
    return ControlRan(
        at=trace.ended,
        control=Control.DIGEST,
        target="our own digest",
        result=result,
        detail=detail,
        facts=tuple(dict.fromkeys(facts)),
    )


def _told(verdicts: list[bool | None], facts: list[str]) -> tuple[str, str]:
    known = [verdict for verdict in verdicts if verdict is not None]
    if not known:
        return "not-run", "not computed: the trace holds no digest of ours that can be computed"
    if not all(known):
        return "wrong", "what we sent is not what the configured password gives"
    if "uri=differs" in facts:
        return "right", "our digest is right, and its uri is not the request line that we sent"
    return "right", "our digest is right: it follows from the configured name and password"


def _matches(account: Account, message: SipMessage, credentials: AuthField) -> bool | None:
    """Whether a response is what the password gives; None where that cannot be said."""
    sent = credentials.get("response") or ""
    if account.password is None or len(sent) < 32 or not _is_hex(sent):
        return None
    expected = digest(
        algorithm=credentials.algorithm,
        user=credentials.get("username") or "",
        realm=credentials.realm,
        password=account.password,
        nonce=credentials.get("nonce") or "",
        cnonce=credentials.get("cnonce") or "",
        count=credentials.get("nc") or "",
        qop=(credentials.get("qop") or "").lower(),
        method=message.method or "",
        uri=credentials.get("uri") or "",
        body=message.body,
    )
    return None if expected is None else expected == sent.lower()


def _is_hex(text: str) -> bool:
    return all(char in "0123456789abcdefABCDEF" for char in text)


def _facts(  # noqa: PLR0913, PLR0917 - what one digest is compared with
    account: Account,
    trace: Trace,
    request: int,
    message: SipMessage,
    credentials: AuthField,
    verdict: bool | None,
) -> Iterator[str]:
    words = {True: "right", False: "wrong", None: "cannot be computed"}
    yield f"digest={words[verdict]}"
    yield f"algorithm={printable(credentials.algorithm)}"
    yield f"qop={printable(credentials.get('qop') or 'none')}"
    yield f"uri={'same' if credentials.get('uri') == message.request_uri else 'differs'}"
    name = credentials.get("username") or ""
    same = name == account.auth_user
    yield f"username={'configured' if same else 'another than configured'}"
    yield f"login_name={'the user of the address' if name == account.user else 'of its own'}"
    asked = [
        challenge.realm
        for _, transaction in trace.client_transactions()
        for index in transaction.responses
        if index < request and (trace.message(index).status or 0) in CHALLENGES
        for challenge in trace.message(index).challenges
    ]
    if asked:
        yield f"realm={'asked for' if credentials.realm in asked else 'another than asked for'}"
