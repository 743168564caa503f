"""The two requests that controls send: OPTIONS, and REGISTER without Contact or credentials.

A REGISTER without Contact asks for the bindings and changes none (RFC 3261 §10.2.3).
"""

import re
import secrets

from msgspec import Struct

from probe.plan.action import Account

_BODY_FIELDS = "Content-Type: text/plain\r\nContent-Length: 0000\r\n\r\n"
_LINE = 100
"""Characters of a line of padding."""


class Form(Struct, frozen=True, kw_only=True):
    """How a request differs from the plain one."""

    size: int = 0
    "Bytes that it should have at least; 0 for no padding. The padding is a body of plain text."

    user_agent: bool = True
    "Whether it says who we are; False leaves the field out."

    headers: tuple[tuple[str, str], ...] = ()
    "Further header fields."


PLAIN = Form()
"""A request without extras."""


def build(
    method: str, account: Account, *, transport: str, local: tuple[str, int], form: Form = PLAIN
) -> str:
    """Return a request of an account, ready to send from a local address."""
    host, port = local
    here = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    token = secrets.token_hex(8)
    uri = _without_user(account.registrar)
    contact = f"sip:{account.user}@{here}" if account.user else f"sip:{here}"
    if transport != "UDP":
        contact += f";transport={transport.lower()}"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{transport} {here};rport;branch=z9hG4bK{token}",
        "Max-Forwards: 70",
        f"From: <{account.aor}>;tag={token[:8]}",
        f"To: <{account.aor if method == 'REGISTER' else uri}>",
        f"Call-ID: {token}@{host}",
        f"CSeq: 1 {method}",
    ]
    if account.proxy:
        lines.append(f"Route: <{account.proxy}>")
    if method != "REGISTER":
        lines += [f"Contact: <{contact}>", "Accept: application/sdp"]
    if form.user_agent:
        lines.append(f"User-Agent: {account.user_agent}")
    lines += [f"{name}: {value}" for name, value in form.headers]
    text = "\r\n".join(_one_line(line) for line in lines) + "\r\n"
    body = _padding(form.size - len(text.encode()) - len(_BODY_FIELDS)) if form.size else ""
    if body:
        return text + _BODY_FIELDS.replace("0000", f"{len(body):04d}") + body
    return f"{text}Content-Length: 0\r\n\r\n"


def _without_user(uri: str) -> str:
    """Return a URI of a domain (RFC 3261 §10.2): what stands before ``@`` goes."""
    return re.sub(r"^(sips?:)[^@]*@", r"\1", uri)


def _one_line(line: str) -> str:
    """Keep a configured value from beginning a header field of its own."""
    return re.sub(r"[\r\n\x00]+", " ", line)


def _padding(size: int) -> str:
    """Return so many bytes of text in short lines."""
    whole, rest = divmod(max(0, size), _LINE)
    return ("." * (_LINE - 2) + "\r\n") * whole + "." * rest
