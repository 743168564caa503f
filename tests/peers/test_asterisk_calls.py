"""`sipprobe run` against Asterisk: registrations, the answers of its dialplan, TLS and SRTP."""

import re
import secrets
from typing import Any

import pytest
from asterisk import SECURE_USER, Asterisk
from ports import LOOPBACK
from userfolder import UserFolder


def causes(finding: dict[str, Any]) -> list[str]:
    """Return the ids of the causes that a finding names."""
    return [cause["id"] for cause in finding["explanation"]["causes"]]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_registers_and_speaks_with_the_echo(
    asterisk: Asterisk, folder: UserFolder, transport: str
) -> None:
    """Challenged, registered, answered, and after the run no device is left at the PBX."""
    folder.trunk(**asterisk.account("100", transport))
    folder.scenario("""
- register:
  expect: {challenge: required, responses: 200}
- call: "+12025550123"
  play: tone 1004Hz
  hangup_after: 200ms
  expect: {responses: 100? 180? 200 ACK BYE, challenge: required}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()
    assert {m["transport"] for m in run.messages()} == {transport.upper()}
    assert any("\r\nServer: Asterisk\r\n" in m["text"] for m in run.messages("MessageReceived"))
    assert "No objects found" in asterisk.cli("pjsip list contacts like ^100")


@pytest.mark.parametrize(
    ("user", "password"), [("100", "wrong"), ("nobody", "unknown")], ids=["password", "user"]
)
def test_a_refused_login_says_so_and_cannot_say_more(
    asterisk: Asterisk, folder: UserFolder, user: str, password: str
) -> None:
    """Asterisk challenges an unknown user like a known one: password likely, nothing certain."""
    secret = f"{password}-{secrets.token_urlsafe(9)}"
    keys = asterisk.account("100", password=secret)
    folder.trunk(**keys | {"uri": str(keys["uri"]).replace("100@", f"{user}@")})
    folder.scenario("- register:")
    run = folder.run("check")
    assert run.exit_code == 1
    (finding,) = run.findings
    assert (finding["outcome"], finding["responses"]) == ("NOT_MET", [401])
    assert causes(finding)[0] == "F047"
    assert "F056" in causes(finding)
    assert finding["explanation"]["certainty"] != "certain"
    assert sum(line.startswith("> REGISTER") for line in run.first_lines()) == 2
    assert secret not in run.finished.stdout


REFUSALS = {
    "9486": (486, 17),  # busy
    "9403": (403, 21),  # rejected
    "9503": (503, 34),  # congested
    "9480": (480, 20),  # absent
    "9404": (404, 1),  # unallocated
    "101": (480, 20),  # known, and without a phone at the moment
}
"""What is dialled, and the code and the cause of Q.850 that the dialplan answers with."""


def test_a_refusal_and_its_cause_are_what_the_dialplan_says(
    asterisk: Asterisk, folder: UserFolder
) -> None:
    """Each cause of Q.850 has its code in Asterisk, and the Reason header carries it."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario(
        "".join(
            f'- call: "{number}"\n'
            f'  expect: {{responses: {code} ACK, headers: {{Reason: "Q.850;cause={cause}"}}}}\n'
            for number, (code, cause) in REFUSALS.items()
        )
    )
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()
    assert len(run.findings) == len(REFUSALS)


def test_a_number_that_the_dialplan_lacks_does_not_exist(
    asterisk: Asterisk, folder: UserFolder
) -> None:
    """404 without a Reason where no extension fits: the number is the likely cause."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario('- call: "4711"')
    run = folder.run("check")
    assert run.exit_code == 1
    assert run.findings[0]["responses"] == [404]
    assert causes(run.findings[0]) == ["F072"]


def test_early_media_and_a_hang_up_by_the_pbx(asterisk: Asterisk, folder: UserFolder) -> None:
    """183 with a session before the answer; and a call that the PBX ends is told as such."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario("""
- call: "7003"
  hangup_after: 100ms
  expect:
    responses: 183 200 ACK BYE
    timing: {setup: min 350ms}
    sdp: {codec: PCMU}
- call: "7021"
  hangup_after: 5s
  expect: {responses: 200 ACK BYE}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()
    assert "the peer hung up first" in run.finished.stdout
    (by_peer,) = [m for m in run.messages("MessageReceived") if m["text"].startswith("BYE ")]
    assert "\r\nReason: Q.850;cause=16\r\n" in by_peer["text"]


def test_ringing_can_be_cancelled(asterisk: Asterisk, folder: UserFolder) -> None:
    """CANCEL gets its 200 and the INVITE 487; no channel is left at the PBX."""
    folder.trunk(**asterisk.account("100"))
    folder.scenario("""
- call: "7011"
  ring_for: 100ms
  expect: {responses: 180 CANCEL 487 ACK}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()
    assert "0 active calls" in asterisk.cli("core show channels")


# TLS and SRTP


def test_a_certificate_that_proves_nothing_is_refused_with_the_reason(
    asterisk: Asterisk, folder: UserFolder
) -> None:
    """Another name, a validity that is over, an unknown authority: nothing is sent to any."""

    def at(port: int) -> str:
        return f"sip:100@{LOOPBACK}:{port};transport=tls"

    folder.trunks(
        another_name=asterisk.account("100", "tls", uri=at(asterisk.wrong_name_port)),
        expired=asterisk.account("100", "tls", uri=at(asterisk.expired_port)),
        # The system's authorities do not know the test's.
        stranger={k: v for k, v in asterisk.account("100", "tls").items() if k != "ca_file"},
    )
    trunks = ("another_name", "expired", "stranger")
    agents = "\n".join(f"  {name}: {{trunk: {name}}}" for name in trunks)
    folder.scenario(
        "\n".join(f"- register: {name}" for name in trunks),
        trunk="stranger",
        top=f"agents:\n{agents}\n",
    )
    run = folder.run("check")
    assert run.exit_code == 1
    assert [f["failure"] for f in run.findings] == ["TLS_CERTIFICATE"] * 3
    assert [causes(f) for f in run.findings] == [["F038"], ["F037"], ["F039"]]
    assert {f["explanation"]["certainty"] for f in run.findings} == {"certain"}
    said = run.finished.stdout
    assert re.search(r"certificate .* is for another name than 127\.0\.0\.1", said), said
    assert re.search(r"certificate .* (has expired|expired|ran out)", said), said
    assert run.messages() == []


def test_a_call_over_tls_with_srtp(asterisk: Asterisk, folder: UserFolder) -> None:
    """An endpoint that takes encrypted sound only takes ours: keys in the SDP of both sides."""
    folder.trunk(**asterisk.account(SECURE_USER, "tls", srtp="required"))
    folder.scenario("""
- register:
- call: "+12025550123"
  hangup_after: 200ms
  expect: {responses: 200 ACK BYE}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()
    sessions = [m["text"] for m in run.messages() if "\r\nm=audio" in m["text"]]
    assert sessions
    assert all("RTP/SAVP" in text for text in sessions)


def test_plain_sound_is_refused_where_srtp_is_demanded(
    asterisk: Asterisk, folder: UserFolder
) -> None:
    """488, and the explanation names the missing encryption."""
    folder.trunk(**asterisk.account(SECURE_USER, "tls", srtp="off"))
    folder.scenario('- call: "+12025550123"')
    run = folder.run("check")
    assert run.exit_code == 1
    assert run.findings[0]["responses"][-1] == 488
    assert "F115" in causes(run.findings[0]), run.finished.stdout


# The world outside


def test_the_world_outside_reaches_our_number_and_no_extension(
    asterisk: Asterisk, folder: UserFolder
) -> None:
    """An outside number is mapped to its place; what only users may dial does not exist outside."""
    folder.trunk(**asterisk.account("199"))
    folder.scenario("""
- call: "+12025550100"
  hangup_after: 50ms
- call: "9486"
  expect: {responses: 404}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()
