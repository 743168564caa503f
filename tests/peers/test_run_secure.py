"""Client certificates, TLS versions, an outbound proxy, keys for media: what leaves, what comes."""

import re
import ssl
from collections.abc import Callable

from certificates import Certificates
from kamailio import Kamailio
from listeners import TlsServer
from ports import LOOPBACK
from sipp import SippUas
from userfolder import UserFolder

from probe.executor.engine import capabilities_of_engine


def test_mutual_tls(
    folder: UserFolder, kamailio_with: Callable[..., Kamailio], certificates: Certificates
) -> None:
    """A server that wants a certificate of ours registers us with it, and not without it."""
    server = kamailio_with(ask_client=True)
    plain = {
        "uri": f"sip:{server.user}@{LOOPBACK}:{server.tls_port};transport=tls",
        "password": server.password,
        "ca_file": str(certificates.ca),
    }
    own = {
        "client_cert": str(certificates.client.certificate),
        "client_key": str(certificates.client.key),
    }
    folder.trunks(shown={**plain, **own}, hidden=plain)
    folder.scenario("- register:", name="shown", trunk="shown")
    folder.scenario("- options:\n  timeout: 2s", name="hidden", trunk="hidden")
    run = folder.run("shown", "hidden", flags=["--no-controls"])
    shown, hidden = run.findings
    assert shown["outcome"] == "MET", run.finished.stdout
    assert hidden["failure"] in {"TLS_HANDSHAKE", "CONNECTION_LOST"}
    assert not [m for m in run.messages() if "hidden" in m["text"]]


def test_a_server_that_only_speaks_newer_tls(
    folder: UserFolder, tls_server: Callable[..., TlsServer], certificates: Certificates
) -> None:
    """Where both share no version, the handshake fails, and nobody is called untrusted.

    An engine that speaks TLS 1.3 comes through to this server, which then says nothing.
    """
    server = tls_server(certificates.server, minimum=ssl.TLSVersion.TLSv1_3)
    folder.trunk(
        uri=f"sip:100@{LOOPBACK}:{server.port};transport=tls", ca_file=str(certificates.ca)
    )
    folder.scenario("- options:\n  timeout: 2s")
    run = folder.run("check", flags=["--no-controls"])
    engine = capabilities_of_engine()
    if engine is not None and engine.tls13:
        assert run.findings[0]["failure"] == "NO_RESPONSE"
        assert [e["tls"][:7] for e in run.events() if e.get("state") == "connected"] == ["TLS 1.3"]
        return
    assert run.findings[0]["failure"] == "TLS_HANDSHAKE"
    assert [cause["id"] for cause in run.findings[0]["explanation"]["causes"]][:1] == ["F173"]


def test_an_outbound_proxy_takes_everything(folder: UserFolder, kamailio: Kamailio) -> None:
    """Requests go to the proxy with a Route; the domain stays in Request-URI, From and To."""
    folder.trunk(
        uri=f"sip:{kamailio.user}@{kamailio.realm}",
        password=kamailio.password,
        proxy=f"sip:{LOOPBACK}:{kamailio.udp_port}",
    )
    folder.scenario("- register:")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    sent = run.messages("MessageSent")[0]
    assert sent["remote"] == f"{LOOPBACK}:{kamailio.udp_port}"
    assert sent["text"].startswith(f"REGISTER sip:{kamailio.realm} SIP/2.0")
    assert f"Route: <sip:{LOOPBACK}:{kamailio.udp_port};lr>" in sent["text"]
    assert not [e for e in run.events() if e["type"] in {"DnsAnswer", "NameLookup"}]


def test_keys_for_media_are_offered_as_asked(
    folder: UserFolder, sipp_uas: Callable[..., SippUas]
) -> None:
    """off: plain; optional: plain with keys beside; required: RTP/SAVP (RFC 4568), and no less."""
    offers = {}
    wishes = ("off", "optional", "required")
    far_ends = [sipp_uas("answer") for _ in wishes]
    folder.trunks(
        **{
            wish: {"uri": f"sip:100@{LOOPBACK}:{end.port}", "srtp": wish}
            for wish, end in zip(wishes, far_ends, strict=True)
        }
    )
    for wish in wishes:
        folder.scenario('- call: "12025550123"\n  hangup_after: 0.1s', name=wish, trunk=wish)
    run = folder.run(*wishes, flags=["--no-controls"])
    for wish, end in zip(wishes, far_ends, strict=True):
        text = next(
            m["text"]
            for m in run.messages("MessageSent")
            if m["text"].startswith("INVITE ") and m["remote"].endswith(f":{end.port}")
        )
        media = next(line for line in text.splitlines() if line.startswith("m=audio"))
        offers[wish] = ("RTP/SAVP" in media, "a=crypto:" in text)
        assert set(re.findall(r"inline:(\S+)", text)) <= {"redacted"}
    assert offers == {"off": (False, False), "optional": (False, True), "required": (True, True)}
    outcomes = {f["scenario"]: (f["outcome"], f["failure"]) for f in run.findings}
    assert outcomes["off"] == outcomes["optional"] == ("MET", None)
    # The far end answers RTP/AVP whatever is asked: that is no encrypted call.
    assert outcomes["required"] == ("NOT_MET", "UNUSABLE_ANSWER")
