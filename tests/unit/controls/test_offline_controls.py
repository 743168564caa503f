"""Controls that send nothing: our digest computed again, our settings read again."""

import hashlib

import pytest
from asking import account, attempt, empty_trace
from wirebuilder import Wire

from probe.controls.inquiry import Inquiry
from probe.plan.action import Account
from probe.trace.control import Control, ControlRan
from probe.trace.trace import Trace

URI = "sip:198.51.100.1"


def login(password: str, **changes: str) -> Trace:
    """Return a REGISTER with the digest that a password gives, refused twice."""
    parts = {
        "username": "100",
        "realm": "trunk.example",
        "nonce": "nonce-1",
        "uri": URI,
        "algorithm": "MD5",
        "cnonce": "c0ffee",
        "qop": "auth",
        "nc": "00000001",
        **changes,
    }
    hashed = {
        "MD5": lambda text: hashlib.md5(text.encode()).hexdigest(),  # noqa: S324 - SIP's own
        "SHA-256": lambda text: hashlib.sha256(text.encode()).hexdigest(),
        "MD5-sess": lambda text: hashlib.md5(text.encode()).hexdigest(),  # noqa: S324 - SIP's own
    }[parts["algorithm"]]
    first = hashed(f"{parts['username']}:{parts['realm']}:{password}")
    if parts["algorithm"].endswith("-sess"):
        first = hashed(f"{first}:{parts['nonce']}:{parts['cnonce']}")
    second = hashed(f"REGISTER:{parts['uri']}")
    middle = ":".join(parts[name] for name in ("nonce", "nc", "cnonce", "qop"))
    if not parts["qop"]:
        middle = parts["nonce"]
    response = hashed(f"{first}:{middle}:{second}")
    shown = ", ".join(f'{name}="{value}"' for name, value in parts.items() if value)
    value = f'Digest {shown}, response="{response}"'
    return (
        Wire("REGISTER")
        .send("REGISTER")
        .receive(401)
        .send("REGISTER", headers={"Authorization": value})
        .receive(401)
        .trace()
    )


def digest(trace: Trace, of: Account | None = None) -> ControlRan:
    """Run the control."""
    asked = of or account(auth_user="100", password="s3cret")
    (found,) = Inquiry(limit_s=0.0).ask(Control.DIGEST, attempt(asked), trace)
    return found


@pytest.mark.parametrize(
    "changes",
    [{}, {"algorithm": "SHA-256"}, {"algorithm": "MD5-sess"}, {"qop": "", "nc": "", "cnonce": ""}],
    ids=["MD5", "SHA-256", "MD5-sess", "no qop"],
)
def test_a_digest_that_follows_from_the_password(changes: dict[str, str]) -> None:
    """Every form that we send is computed again, without time or network."""
    found = digest(login("s3cret", **changes))
    assert found.result == "right"
    assert found.fact("uri") == "same"
    assert found.fact("username") == "configured"
    assert found.fact("realm") == "asked for"


def test_a_digest_of_another_password() -> None:
    """What was sent is not what the configured password gives."""
    assert digest(login("other")).result == "wrong"


def test_a_digest_for_another_request_line() -> None:
    """It is right in itself, and its uri is not that of the request."""
    found = digest(login("s3cret", uri="sip:elsewhere.example"))
    assert (found.result, found.fact("uri")) == ("right", "differs")


def test_a_digest_of_another_name() -> None:
    """The name that was sent is not the configured one."""
    assert digest(login("s3cret", username="200")).fact("username") == "another than configured"


def test_nothing_to_compute() -> None:
    """Without a login, and with a redacted one, it says so."""
    assert digest(empty_trace()).result == "not-run"
    trace = Wire("REGISTER").send("REGISTER").receive(401)
    trace.send(
        "REGISTER", headers={"Authorization": 'Digest username="100", response="[redacted]"'}
    )
    assert digest(trace.trace()).result == "not-run"


def test_no_secret_is_told() -> None:
    """Neither digest nor nonce nor password stands in the event."""
    trace = login("s3cret")
    told = repr(digest(trace))
    assert "s3cret" not in told
    assert "nonce-1" not in told
    assert "c0ffee" not in told


def look(of: Account) -> ControlRan:
    """Run the control about settings."""
    (found,) = Inquiry(limit_s=0.0).ask(Control.LINT, attempt(of), empty_trace())
    return found


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"password": "s3cret "}, "password=space, last"),
        ({"password": "\ts3cret"}, "password=tab, first"),
        ({"password": "s3\u00a0cret"}, "password=no-break space, inside"),
        ({"password": "s3\u200bcret"}, "password=invisible character, inside"),
        ({"password": "\u201cs3cret\u201d"}, "password=typographic quote, first"),
        ({"password": "s3\u2013cret"}, "password=typographic hyphen, inside"),
        ({"user": "1\u043e0"}, "user=letter outside ASCII, inside"),
        ({"auth_user": "100\n"}, "auth_user=line end, last"),
        ({"realm": "trunk.example "}, "realm=space, last"),
        ({"user": "100@pbx.example"}, "user=holds @"),
        ({"port": 5061}, "port=5061 is the port of TLS, and the transport is UDP"),
        ({"port": 5060, "transport": "TLS"}, "port=5060 is the port without TLS"),
        (
            {"local_address": "127.0.0.1", "host": "9.9.9.9"},
            "local_address=is of loopback, and the trunk is not",
        ),
    ],
)
def test_what_nobody_types_on_purpose(changes: dict[str, object], fact: str) -> None:
    """Kind and place are told; of a password never a character."""
    found = look(account(**changes))
    assert found.result == "suspicious"
    assert fact in found.facts
    assert "s3" not in found.detail


@pytest.mark.parametrize("password", ["s3cret-password", "with space inside", "ASCII!$%&/()=?"])
def test_ordinary_settings_are_clean(password: str) -> None:
    """A passphrase may hold blanks."""
    found = look(account(password=password))
    assert (found.result, found.took_s) == ("clean", 0.0)
