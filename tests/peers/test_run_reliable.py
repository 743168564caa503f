"""Reliable provisional responses (RFC 3262): SIPp rings to us so, and we ring to Asterisk."""

import json
from collections.abc import Callable

import pytest
from asterisk import Asterisk
from ports import LOOPBACK
from sipp import SippUas
from userfolder import UserFolder


@pytest.mark.parametrize("prack", ["optional", "required"])
def test_our_caller_acknowledges_a_reliable_180(
    sipp_uas: Callable[..., SippUas], folder: UserFolder, prack: str
) -> None:
    """The 180 carries RSeq; PRACK names it in RAck, and stands in the sequence."""
    uas = sipp_uas("reliable")
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{uas.port}", prack=prack)
    folder.scenario("""
- call: "+12025550123"
  hangup_after: 100ms
  expect:
    responses: 100 180 PRACK 200 ACK BYE
    request_headers: {Supported: /100rel/}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    (prack_sent,) = [m for m in run.messages("MessageSent") if m["text"].startswith("PRACK ")]
    assert "\r\nRAck: 4711 " in prack_sent["text"]


def test_our_called_side_rings_reliably(asterisk: Asterisk, folder: UserFolder) -> None:
    """With `prack: required` our 180 wants a PRACK, and Asterisk sends it."""
    folder.trunk(**asterisk.account("100"))
    agents = {
        "alice": asterisk.account("100", local_address=LOOPBACK),
        "bob": asterisk.account("101", local_address=LOOPBACK, prack="required"),
    }
    lines = "".join(f"  {name}: {json.dumps(keys)}\n" for name, keys in agents.items())
    folder.scenario(
        """
- register: [alice, bob]
- call: "101"
  from: alice
  at: bob
- answer: bob
  expect: {responses: 180 PRACK 200 ACK}
- hangup: alice
""",
        top=f"agents:\n{lines}",
    )
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()[-2000:]
    ringing = [m for m in run.messages("MessageSent") if m["text"].startswith("SIP/2.0 180 ")]
    assert ringing
    assert "\r\nRSeq: " in ringing[0]["text"]
