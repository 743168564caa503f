"""The TLS handshake of a control, against servers of many kinds."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from asking import account, answer, attempt, empty_trace, streams
from certificates import Certificates, make_certificates
from nameserver import name_server

from probe.controls.inquiry import LIMIT_S, Inquiry
from probe.plan.action import Account
from probe.trace.control import Control, ControlRan


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for this file."""
    return make_certificates(tmp_path_factory.mktemp("papers"))


def server(papers: Certificates, **options: object) -> ssl.SSLContext:
    """Return the context of a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.server.certificate, papers.server.key)
    for name, value in options.items():
        setattr(context, name, value)
    return context


@contextmanager
def shaking(context: ssl.SSLContext | None) -> Iterator[int]:
    """Serve TLS, or text without it, on a port."""
    with streams(answer, context) as (port, _):
        yield port


def ask(of: Account) -> ControlRan:
    """Run the control."""
    (found,) = Inquiry().ask(Control.TLS, attempt(of), empty_trace())
    return found


def secure(papers: Certificates, port: int, **changes: object) -> Account:
    """Return an account over TLS that trusts the papers' authority."""
    return account(**{"port": port, "transport": "TLS", "ca_file": str(papers.ca), **changes})


def test_a_good_server(papers: Certificates) -> None:
    """Versions, certificate and its dates are facts."""
    with shaking(server(papers)) as port:
        found = ask(secure(papers, port))
    assert found.result == "ok", found
    assert {"TLSv1.2", "TLSv1.3"} <= set(found.all("accepts"))
    assert found.fact("name") == "matches"
    assert found.fact("not_after") is not None
    assert found.fact("client_certificate") is None
    assert found.all("fault") == ()
    assert found.took_s < LIMIT_S


def test_an_issuer_that_nobody_knows(papers: Certificates) -> None:
    """Verification says so, and the handshake is told about all the same."""
    with shaking(server(papers)) as port:
        found = ask(secure(papers, port, ca_file=None))
    assert found.result == "certificate"
    assert any("issuer" in words or "root" in words for words in found.all("fault"))
    assert found.fact("version") is not None


def test_a_certificate_for_another_name(papers: Certificates) -> None:
    """The names that it has are told."""
    host = "sip.elsewhere.example"
    with (
        shaking(server(papers)) as port,
        name_server({(host, "A"): ["127.0.0.1"]}) as resolver,
    ):
        found = ask(secure(papers, port, host=host, nameserver=resolver))
    assert found.result == "certificate"
    assert found.fact("name") == "differs"
    assert found.all("san")
    assert found.fact("sni") == "no matter"


def test_a_server_of_the_newest_version_alone(papers: Certificates) -> None:
    """What it refuses is told with its alert."""
    with shaking(server(papers, minimum_version=ssl.TLSVersion.TLSv1_3)) as port:
        found = ask(secure(papers, port))
    assert found.all("accepts") == ("TLSv1.3",)
    assert "TLSv1.2 alert alert 70" in found.all("refuses")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_server_that_asks_for_our_certificate(papers: Certificates, version: str) -> None:
    """Its request is seen, whatever becomes of the handshake."""
    context = server(papers, maximum_version=ssl.TLSVersion[version])
    context.minimum_version = ssl.TLSVersion[version]
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(papers.ca)
    with shaking(context) as port:
        found = ask(secure(papers, port))
    assert found.fact("client_certificate") == "requested"
    assert found.result == "alert"
    assert found.fact("alert") in {"40", "116"}


def test_a_port_without_tls() -> None:
    """Text comes back to our hello."""
    with streams(lambda _: "SIP/2.0 400 Bad Request\r\n\r\n") as (port, _):
        found = ask(account(port=port, transport="TLS"))
    assert found.result == "not-tls"


def test_a_port_that_says_nothing() -> None:
    """It takes the connection and our hello, and answers neither."""
    with streams(lambda _: "") as (port, _):
        found = ask(account(port=port, transport="TLS"))
    assert found.result == "mute"


def test_files_of_ours_that_cannot_be_read(papers: Certificates, tmp_path: Path) -> None:
    """They are no fault of the server's, and end nothing."""
    broken = tmp_path / "ca.pem"
    broken.write_text("nothing")
    with shaking(server(papers)) as port:
        found = ask(secure(papers, port, ca_file=str(broken)))
    assert found.result == "failed"
    assert "our own files" in found.detail
