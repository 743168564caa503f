"""Answers to challenges: the examples of RFC 7616, and which challenge is answered."""

import pytest

from probe.sip.challenge import parse_auth_field
from probe.sip.digest import credentials, digest
from probe.sip.message import SipMessage, parse_message

USER, PASSWORD = "Mufasa", "Circle of Life"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_examples_of_the_rfc(algorithm: str, response: str) -> None:
    """RFC 7616 §3.9.1."""
    found = digest(
        algorithm=algorithm, user=USER, realm="http-auth@example.org", password=PASSWORD,
        nonce=NONCE, cnonce=CNONCE, count="00000001", qop="auth", method="GET",
        uri="/dir/index.html",
    )  # fmt: skip
    assert found == response


def answer(status: int, *challenges: str) -> SipMessage:
    """Return a 401 or 407."""
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    lines = "".join(f"{name}: {challenge}\r\n" for challenge in challenges)
    return parse_message(f"SIP/2.0 {status} No\r\n{lines}\r\n")


def answered(message: SipMessage, realm: str = "*") -> dict[str, str]:
    """Return what would be sent."""
    return credentials(
        message, user='a"b', password="p", realm=realm, method="SUBSCRIBE", uri="sip:x"
    )


def test_fields_of_an_answer() -> None:
    """Quoted where they must be, and the digest follows from what is said."""
    found = answered(answer(401, 'Digest realm="r", nonce="n", qop="auth,auth-int", opaque="o"'))
    field = parse_auth_field(found["r"])
    assert field.get("username") == 'a"b'
    assert (field.get("qop"), field.get("nc"), field.get("opaque")) == ("auth", "00000001", "o")
    assert field.get("algorithm") is None
    assert field.get("response") == digest(
        algorithm="MD5", user='a"b', realm="r", password="p", nonce="n",
        cnonce=field.get("cnonce") or "", count="00000001", qop="auth", method="SUBSCRIBE",
        uri="sip:x",
    )  # fmt: skip


def test_the_first_that_we_can_answer_counts() -> None:
    """Of two algorithms for one realm the upper one; an unknown one is passed over."""
    strong = 'Digest realm="r", nonce="n", algorithm=SHA-256'
    weak = 'Digest realm="r", nonce="n", algorithm=MD5'
    odd = 'Digest realm="r", nonce="n", algorithm=SHA3'
    assert "algorithm=SHA-256" in answered(answer(407, odd, strong, weak))["r"]


def test_each_realm_has_its_answer() -> None:
    """Two proxies on the way may both ask."""
    two = answer(407, 'Digest realm="a", nonce="1"', 'Digest realm="b", nonce="2"')
    assert set(answered(two)) == {"a", "b"}
    assert set(answered(two, realm="b")) == {"b"}


@pytest.mark.parametrize(
    "message",
    [
        answer(401, 'Basic realm="r"'),
        answer(401, 'Digest realm="r", nonce="n", qop="auth-int"'),
        answer(401),
        parse_message("SIP/2.0 403 No\r\n\r\n"),
    ],
)
def test_what_cannot_be_answered(message: SipMessage) -> None:
    """Nothing is sent rather than something wrong."""
    assert answered(message) == {}
