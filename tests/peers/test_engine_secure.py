"""TLS 1.3, keys of media by DTLS, and Opus: what an engine that has them does at real peers."""

import re
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from asterisk import Asterisk
from certificates import Certificates
from kamailio import Kamailio
from ports import LOOPBACK
from userfolder import Run, UserFolder

ECHO = "+12025550123"


def media_line(run: Run, start: str) -> str:
    """Return the audio line of the first message that begins like this and has one."""
    texts = (m["text"] for m in run.messages() if m["text"].startswith(start))
    lines = [line for text in texts for line in text.splitlines() if line.startswith("m=audio")]
    return lines[0]


def media(run: Run) -> list[dict[str, Any]]:
    """Return what was counted of each stream."""
    tries = [t for finding in run.traces["findings"] for t in finding["tries"]]
    return [report for one in tries for report in one["media"]]


@pytest.mark.engine(tls13=True)
def test_a_server_that_speaks_tls_1_3_alone(folder: UserFolder, asterisk: Asterisk) -> None:
    """It registers us and takes a call, and the trace says which version it was."""
    with pytest.raises(ssl.SSLError):  # as the peer promises: nothing older
        older(asterisk.tls13_port)
    uri = f"sip:100@{LOOPBACK}:{asterisk.tls13_port};transport=tls"
    folder.trunk(**asterisk.account("100", "tls", uri=uri))
    folder.scenario(f'- register:\n- call: "{ECHO}"\n  hangup_after: 0.2s')
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert {e["tls"][:7] for e in run.events() if e.get("state") == "connected"} == {"TLS 1.3"}


@pytest.mark.engine(tls13=True)
def test_tls_min_1_3_refuses_an_older_server(
    folder: UserFolder, kamailio_with: Callable[..., Kamailio], certificates: Certificates
) -> None:
    """The profile's lowest version is kept."""
    server = kamailio_with(tls_method="TLSv1.2")
    folder.trunk(
        uri=f"sip:{server.user}@{LOOPBACK}:{server.tls_port};transport=tls",
        password=server.password,
        ca_file=str(certificates.ca),
        tls_min="1.3",
    )
    folder.scenario("- register:\n  timeout: 3s")
    run = folder.run("check", flags=["--no-controls"])
    assert run.findings[0]["failure"] in {"TLS_HANDSHAKE", "CONNECTION_LOST"}
    assert not run.messages()


def older(port: int) -> None:
    """Shake hands with a server as a client that ends at TLS 1.2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection((LOOPBACK, port), timeout=5) as plain,
        context.wrap_socket(plain),
    ):
        pass


@pytest.mark.engine(dtls_srtp=True)
def test_keys_by_dtls(folder: UserFolder, asterisk: Asterisk) -> None:
    """The PBX takes nothing else, and its echo comes back: keys were agreed both ways."""
    folder.trunk(**asterisk.account("105", srtp="dtls"))
    folder.scenario(f'- register:\n- call: "{ECHO}"\n  hangup_after: 1.5s')
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert " UDP/TLS/RTP/SAVP" in media_line(run, "INVITE ")
    offer = next(m["text"] for m in run.messages() if m["text"].startswith("INVITE "))
    assert re.search(r"(?m)^a=fingerprint:(?i:sha-256) ", offer)
    assert "a=crypto" not in offer
    assert " UDP/TLS/RTP/SAVP" in media_line(run, "SIP/2.0 200")
    assert "silence is sent" in str(run.report)
    (counted,) = media(run)
    assert counted["rx_packets"] > 20
    assert counted["tx_packets"] > 20


@pytest.mark.engine(dtls_srtp=True)
def test_a_pbx_that_wants_dtls_refuses_other_keys(folder: UserFolder, asterisk: Asterisk) -> None:
    """Keys in the SDP are no answer there: 488, and the explanation speaks of encryption."""
    folder.trunk(**asterisk.account("105", srtp="required"))
    folder.scenario(f'- call: "{ECHO}"\n  hangup_after: 0.2s')
    run = folder.run("check", flags=["--no-controls"])
    assert run.findings[0]["outcome"] == "NOT_MET"
    assert "488" in str(run.findings[0]["observed"])


@pytest.mark.engine(codecs="opus")
def test_opus_is_offered_and_agreed(folder: UserFolder, asterisk: Asterisk) -> None:
    """Opus stands first in the offer and is what the PBX takes (RFC 7587 §7)."""
    folder.trunk(**asterisk.account("105", srtp="dtls", codecs=["opus", "PCMU"]))
    folder.scenario(f'- call: "{ECHO}"\n  hangup_after: 0.5s\n  expect: {{sdp: {{codec: opus}}}}')
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    offer = next(m["text"] for m in run.messages() if m["text"].startswith("INVITE "))
    assert re.search(r"(?m)^a=rtpmap:\d+ opus/48000/2", offer)
