"""`sipprobe run` against a presence server and SIPp: subscriptions, messages, other requests."""

from collections.abc import Callable
from typing import Any

import pytest
from ports import LOOPBACK
from presence import SECRET_USER, Presence
from sipp import SippUas
from userfolder import Run, UserFolder

DIALOG = (
    '<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0"'
    ' state="full" entity="sip:101@127.0.0.1"><dialog id="a" direction="recipient"><state>%s'
    "</state></dialog></dialog-info>"
)
MAILBOX = """
- subscribe: message-summary
  name: mailbox
  expect: {responses: 200 NOTIFY, notify: {state: active}}
- request: PUBLISH
  to: "100"
  headers: {Event: message-summary, Expires: "60"}
  content_type: application/simple-message-summary
  body: 'Messages-Waiting: yes\\nVoice-Message: 2/8 (0/2)\\n'
  expect: {headers: {SIP-ETag: present}}
- await: notify
  of: mailbox
  expect: {notify: {messages_waiting: yes, voice_new: 2, voice_old: min 5, voice_urgent_old: 2}}
- unsubscribe: mailbox
  expect: {responses: 200, notify: {state: terminated}}
- subscribe: presence
  expires: 0
"""
LAMP = f"""
- register: bob
- subscribe: dialog
  to: "101"
  name: lamp
- request: PUBLISH
  to: "101"
  headers: {{Event: dialog, Expires: "60"}}
  content_type: application/dialog-info+xml
  body: '{DIALOG % "early"}'
- await: notify
  of: lamp
  expect: {{notify: {{dialog_state: early, direction: recipient}}}}
- request: PUBLISH
  to: "101"
  headers: {{Event: dialog, Expires: "60"}}
  content_type: application/dialog-info+xml
  body: '{DIALOG % "confirmed"}'
- await: notify
  of: lamp
  within: 500ms
  expect: {{notify: {{dialog_state: terminated}}}}
- await: notify
  of: lamp
  within: 200ms
"""
REFUSED = f"""
- subscribe: weather
- subscribe: dialog
  to: {SECRET_USER}
"""
MESSAGES = """
- register: bob
- message: 'hello bob\\nhow are you?'
  to: "101"
  at: bob
  expect: {callee: {body: contains how are you, from_user: "100"}}
- message: hello again
  to: "101"
  at: bob
  expect: {callee: {body: goodbye}}
- message: anybody there?
  to: "102"
- request: NOTIFY
  to: "101"
  headers: {Event: check-sync, Subscription-State: terminated}
- await: notify
  at: bob
  event: check-sync
- request: NOTIFY
  to: "101"
  headers: {Event: weather, Subscription-State: active}
  expect: {responses: 481}
- request: INFO
  to: "101"
  expect: {responses: 481}
- request: FROBNICATE
  to: "101"
  expect: {responses: 501, headers: {Allow: /NOTIFY/}}
- request: OPTIONS
"""
INFO = """
- call: far
  name: talk
- request: INFO
  in: talk
  content_type: application/dtmf-relay
  body: 'Signal=5\\nDuration=160'
- hangup: talk
"""


def run(folder: UserFolder, peer: Presence, steps: str, transport: str = "udp") -> Run:
    """Run steps as the server's first user; `bob` is the second."""
    at = f"{LOOPBACK}:{peer.port};transport={transport}"
    folder.trunk(uri=f"sip:{peer.user}@{at}", password=peer.password)
    uri, password = f"sip:{peer.second_user}@{at}", peer.second_password
    folder.scenario(steps, top=f'agents:\n  bob: {{uri: "{uri}", password: "{password}"}}\n')
    return folder.run("check")


def outcomes(run: Run) -> list[str]:
    """Return the outcome of every finding."""
    return [finding["outcome"] for finding in run.findings]


def named(finding: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the certainty of a finding's explanation and the causes that it names."""
    why = finding["explanation"]
    return why["certainty"], [cause["id"] for cause in why["causes"]]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_mailbox_is_watched_and_left(
    presence: Presence, folder: UserFolder, transport: str
) -> None:
    """SUBSCRIBE with a login, NOTIFY at once, NOTIFY of new messages, the end of it, one fetch."""
    done = run(folder, presence, MAILBOX, transport)
    assert outcomes(done) == ["MET"] * 5, done.finished.stdout
    texts = [m["text"] for m in done.messages("MessageSent") if m["text"].startswith("SUBSCRIBE")]
    first, last = texts[1], texts[3]
    assert "Proxy-Authorization: Digest" in first
    assert call_id(first) == call_id(last)
    assert ";tag=" in header(last, "To")
    assert [header(text, "Expires") for text in texts[:4]] == ["300", "300", "0", "0"]
    assert presence.password not in done.finished.stdout


def header(text: str, name: str) -> str:
    """Return a header field of a message."""
    return next(
        line.partition(":")[2].strip()
        for line in text.splitlines()
        if line.lower().startswith(f"{name.lower()}:")
    )


def call_id(text: str) -> str:
    """Return the Call-ID of a message."""
    return header(text, "Call-ID")


def test_a_lamp_follows_a_dialog_and_says_what_else_came(
    presence: Presence, folder: UserFolder
) -> None:
    """A NOTIFY that says something else is quoted; one that does not come is waited for."""
    done = run(folder, presence, LAMP)
    assert outcomes(done) == ["MET"] * 5 + ["NOT_MET"] * 2, done.finished.stdout
    other, absent = done.findings[5:]
    assert other["mismatches"][0]["message"] == (
        "expected a NOTIFY with dialog_state terminated, got dialog_state confirmed"
    )
    assert other["explanation"]["causes"] == []
    assert absent["failure"] == "NO_REQUEST"
    assert named(absent) == ("undecided", ["F184"])
    # What still stood was ended when the scenario was over.
    ends = [m["text"] for m in done.messages("MessageSent") if "\r\nExpires: 0\r\n" in m["text"]]
    assert any(text.startswith("SUBSCRIBE ") for text in ends)


def test_refused_subscriptions_are_explained(presence: Presence, folder: UserFolder) -> None:
    """489 names the package as the cause, 403 after the login a state that is kept from us."""
    done = run(folder, presence, REFUSED)
    assert outcomes(done) == ["NOT_MET", "NOT_MET"]
    assert named(done.findings[0]) == ("certain", ["F181"])
    certainty, causes = named(done.findings[1])
    assert (certainty, causes[0]) == ("likely", "F182")


def test_messages_arrive_and_strangers_get_an_answer(
    presence: Presence, folder: UserFolder
) -> None:
    """A MESSAGE is found at its recipient; INFO, an odd NOTIFY, an unknown method are refused."""
    done = run(folder, presence, MESSAGES)
    met = ["MET", "MET", "MET", "MET", "NOT_MET", "NOT_MET", *["MET"] * 6]
    assert outcomes(done) == met, done.finished.stdout
    assert done.findings[4]["mismatches"][0]["message"] == (
        "expected body goodbye, got hello again"
    )
    assert done.findings[5]["responses"] == [404]


def test_a_subscription_without_notify_is_not_met(
    sipp_uas: Callable[..., SippUas], folder: UserFolder
) -> None:
    """A 200 alone is no subscription: the NOTIFY that is due at once is missed."""
    uas = sipp_uas("subscribe_silent")
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{uas.port}")
    folder.scenario("- subscribe: message-summary\n  for: 300ms\n")
    done = folder.run("check")
    assert outcomes(done) == ["NOT_MET"]
    assert named(done.findings[0]) == ("likely", ["F184"])


def test_a_request_that_was_given_up_does_not_end_the_next_one(
    silent_udp_port: int, folder: UserFolder
) -> None:
    """The stack ends the first a little after our deadline, while the second is waited for."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{silent_udp_port}")
    folder.scenario('- {message: one, to: "101", timeout: 500ms}\n' * 2)
    done = folder.run("check")
    ends = [(finding["failure"], finding["deadline"]) for finding in done.findings]
    assert ends == [("NO_RESPONSE", "timeout 0.5 s")] * 2


@pytest.mark.parametrize(("code", "outcome"), [("200", "MET"), ("488", "NOT_MET")])
def test_info_inside_a_call(
    sipp_uas: Callable[..., SippUas], folder: UserFolder, code: str, outcome: str
) -> None:
    """An INFO goes out in the dialog of the call, with its body, and its answer is judged."""
    uas = sipp_uas("info_in_call", keys={"code": code, "reason": "Whatever"})
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{uas.port}")
    folder.scenario(INFO)
    done = folder.run("check")
    assert outcomes(done) == ["MET", outcome, "MET"], done.finished.stdout
    info = next(m["text"] for m in done.messages("MessageSent") if m["text"].startswith("INFO"))
    assert "Content-Type: application/dtmf-relay" in info
    assert info.endswith("Signal=5\r\nDuration=160")
