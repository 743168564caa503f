"""`sipprobe run` against Kamailio: digest on each transport, a call through it, bad passwords."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificates
from kamailio import Kamailio
from ports import LOOPBACK
from sipp import SippUas
from userfolder import Run, UserFolder

REGISTER_AND_CALL = """
- register:
  expect: {responses: 200, challenge: required}
- call: "%s"
  hangup_after: 0.2s
  expect: {responses: 100 180 200 ACK BYE}
"""


def account(peer: Kamailio, transport: str, ca: Path, **keys: object) -> dict[str, Any]:
    """Return the profile of Kamailio's first user over a transport."""
    port = {"udp": peer.udp_port, "tcp": peer.tcp_port, "tls": peer.tls_port}[transport]
    known: dict[str, Any] = {
        "uri": f"sip:{peer.user}@{LOOPBACK}:{port};transport={transport}",
        "password": peer.password,
    }
    if transport == "tls":
        known["ca_file"] = str(ca)
    return known | keys


def causes(finding: dict[str, Any]) -> list[str]:
    """Return the ids of the causes that a finding names."""
    return [cause["id"] for cause in finding["explanation"]["causes"]]


def holders(needle: str, run: Run, place: UserFolder) -> list[str]:
    """Return where a secret stands: in the outputs, or in a file that the run left."""
    assert run.folder is not None
    found = [n for n in ("stdout", "stderr") if needle in getattr(run.finished, n)]
    files = [f for f in (place.path / "results").rglob("*") if f.is_file()]
    assert {f.name for f in files} >= {"report.json", "trace.json", "call.pcap"}
    return found + [str(file) for file in files if needle.encode() in file.read_bytes()]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_registers_and_calls_through_a_registrar_with_digest(  # noqa: PLR0913, PLR0917 - fixtures
    kamailio_with: Callable[..., Kamailio],
    certificates: Certificates,
    sipp_uas: Callable[..., SippUas],
    folder: UserFolder,
    transport: str,
    algorithm: str,
) -> None:
    """Registered, called, answered: 100 180 200 ACK, then BYE 200, on each transport."""
    peer = kamailio_with(algorithm=algorithm)
    uas = sipp_uas("answer")
    folder.trunk(**account(peer, transport, certificates.ca))
    folder.scenario(REGISTER_AND_CALL % peer.number_to(uas.port))
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert [f["outcome"] for f in run.findings] == ["MET", "MET"]
    assert [f["responses"] for f in run.findings] == [[200], [100, 180, 200]]
    assert uas.wait() == 0
    lines = run.first_lines()
    uri = f"sip:{LOOPBACK}"
    assert [line[: len(f"> REGISTER {uri}")] for line in lines[:4]] == [
        f"> REGISTER {uri}",
        "< SIP/2.0 401 Unauthorized"[: len(f"> REGISTER {uri}")],
        f"> REGISTER {uri}",
        "< SIP/2.0 200 OK",
    ]
    assert lines[-6].startswith("> BYE")
    assert lines[-5] == "< SIP/2.0 200 OK"
    # The cleaning up: what we registered is removed again, with a login of its own.
    assert [line.partition(" sip:")[0] for line in lines[-4:]] == [
        "> REGISTER",
        "< SIP/2.0 401 Unauthorized",
        "> REGISTER",
        "< SIP/2.0 200 OK",
    ]
    assert "\r\nExpires: 0\r\n" in run.messages("MessageSent")[-1]["text"]
    assert {m["transport"] for m in run.messages()} == {transport.upper()}
    challenges = [m["text"] for m in run.messages() if " 401 " in m["text"][:20]]
    assert all(f"algorithm={algorithm}" in text for text in challenges)
    assert holders(peer.password, run, folder) == []


@pytest.mark.parametrize("refusal", ["challenged again", "403"])
def test_a_wrong_password_is_likely_and_not_certain(
    kamailio_with: Callable[..., Kamailio],
    certificates: Certificates,
    folder: UserFolder,
    refusal: str,
) -> None:
    """An unknown user would be treated alike, so the password is the likely cause and no more."""
    peer = kamailio_with(algorithm="MD5", wrong_password_403=refusal == "403")
    wrong = secrets.token_urlsafe(12)
    folder.trunk(**account(peer, "udp", certificates.ca, password=wrong))
    folder.scenario("- register:")
    run = folder.run("check")
    assert run.exit_code == 1
    (finding,) = run.findings
    assert finding["outcome"] == "NOT_MET"
    assert finding["responses"] == [403 if refusal == "403" else 401]
    why = finding["explanation"]
    assert "F047" in causes(finding)
    assert why["certainty"] != "certain"
    assert "F056" in causes(finding) or "unknown user" in " ".join(why["unknown"]).lower()
    assert [line.partition(" sip:")[0] for line in run.first_lines()] == [
        "> REGISTER",
        "< SIP/2.0 401 Unauthorized",
        "> REGISTER",
        "< SIP/2.0 403 Forbidden" if refusal == "403" else "< SIP/2.0 401 Unauthorized",
    ]
    assert holders(wrong, run, folder) == []


def test_a_wrong_password_is_an_expected_refusal_where_the_scenario_says_so(
    kamailio: Kamailio, certificates: Certificates, folder: UserFolder
) -> None:
    """A check that a registrar refuses a wrong password passes when it does."""
    folder.trunk(**account(kamailio, "udp", certificates.ca, password="definitely-wrong"))
    folder.scenario("- register:\n  expect: {challenge: required, responses: 401|403}")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert holders("definitely-wrong", run, folder) == []


def test_an_unknown_user_is_not_told_apart_from_a_wrong_password(
    kamailio: Kamailio, certificates: Certificates, folder: UserFolder
) -> None:
    """Kamailio challenges a user it does not know: both causes stay open."""
    keys = account(kamailio, "udp", certificates.ca)
    folder.trunk(**keys | {"uri": keys["uri"].replace(f"{kamailio.user}@", "nobody@")})
    folder.scenario("- register:")
    run = folder.run("check")
    assert run.exit_code == 1
    why = run.findings[0]["explanation"]
    assert why["certainty"] != "certain"
    assert {"F047", "F056"} & set(causes(run.findings[0]))


def test_a_wrong_password_is_refused_in_a_call_too(
    kamailio: Kamailio, certificates: Certificates, folder: UserFolder
) -> None:
    """A 407 to our credentials is final: NOT_MET, F047, one login, and `retry:` adds none."""
    wrong = secrets.token_urlsafe(12)
    folder.trunk(**account(kamailio, "udp", certificates.ca, password=wrong))
    folder.scenario('- call: "12025550123"\n  retry: {times: 2, on: 503|timeout}')
    run = folder.run("check")
    assert run.exit_code == 1
    (finding,) = run.findings
    assert (finding["responses"], finding["tries"]) == ([407], 1)
    assert "F047" in causes(finding)
    assert finding["explanation"]["certainty"] != "certain"
    sent = [m["text"].split(" ", 1)[0] for m in run.messages("MessageSent")]
    assert sent == ["INVITE", "ACK", "INVITE", "ACK"]
    assert holders(wrong, run, folder) == []


def test_a_call_without_credentials_says_that_none_are_configured(
    kamailio: Kamailio, folder: UserFolder
) -> None:
    """Challenged without a password of ours: one 407, NOT_MET, and no second INVITE."""
    folder.trunk(uri=f"sip:{kamailio.user}@{LOOPBACK}:{kamailio.udp_port}")
    folder.scenario('- call: "12025550123"')
    run = folder.run("check")
    assert run.exit_code == 1
    assert run.findings[0]["responses"] == [407]
    sent = [m["text"].split(" ", 1)[0] for m in run.messages("MessageSent")]
    assert sent == ["INVITE", "ACK"]
