"""What `expect: media:` and a talk say of real calls: SRTP, hold, early media, both ends."""

from asterisk import SECURE_USER, Asterisk
from userfolder import UserFolder

USERS = """agents:
  alice: {uri: "sip:100@embedded", password: embedded}
  bob: {uri: "sip:101@embedded", password: embedded}
"""


def test_srtp_is_measured_like_any_other_call(asterisk: Asterisk, folder: UserFolder) -> None:
    """Keys in SDP: every packet is decrypted and counted, and no key stands in what was stored."""
    folder.trunk(**asterisk.account(SECURE_USER, "tls", srtp="required"))
    folder.scenario("""
- call: "+12025550123"
  play: tone 1004Hz
  hangup_after: 1s
  expect: {media: {rx_packets: min 30, loss: max 0%, mos: min 4}}
""")
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout + asterisk.log()
    report = run.media
    assert report["srtp"].startswith("AES_CM_128")
    assert (report["rx_undecodable"], report["unmeasured"]) == (0, "")


def test_both_ends_and_a_hold(folder: UserFolder) -> None:
    """Each agent's audio is judged in its own talk; who is on hold hears no gap and no jitter."""
    folder.trunks()
    folder.scenario(
        """
- register: bob
- call: "101"
  from: alice
  at: bob
  name: first
- talk: 1s
  expect:
    alice: {rx_packets: min 30, loss: max 0%}
    bob: {rx_packets: min 30, loss: max 0%}
- hold: first
- talk: 500ms
- resume: first
- talk: 1s
  expect: {alice: {rx_packets: min 20}}
- hangup: alice
  expect: {responses: 200, media: {loss: max 0%, duplicates: max 0}}
""",
        trunk="embedded",
        top=USERS,
    )
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    talks = [f for f in run.findings if f["media_bounds"] and f["method"] is None]
    assert [bound["agent"] for bound in talks[0]["media_bounds"]] == [
        "alice",
        "alice",
        "bob",
        "bob",
    ]
    call = next(f for f in run.findings if f["method"] == "INVITE")
    directions = [agreed["direction"] for agreed in call["media"][0]["agreed"]]
    assert directions == ["sendrecv", "sendonly", "sendrecv"]
    (leg,) = call["legs"]
    assert leg["media"][0]["rx_packets"] > 50


def test_audio_before_the_answer_is_heard(folder: UserFolder) -> None:
    """The first packet of early media comes before the 200, and is agreed on as early."""
    folder.trunks()
    folder.scenario(
        """
- call: "7003"
  hangup_after: 300ms
  expect: {responses: 183 200, media: {first_packet: max 0ms, rx_packets: min 40}}
""",
        trunk="embedded",
    )
    run = folder.run("check")
    assert run.exit_code == 0, run.finished.stdout
    assert run.media["agreed"][0]["early"]


def test_a_bound_that_is_not_kept_names_its_line(folder: UserFolder) -> None:
    """A number that hears and sends nothing: no packet came, at the line that wanted some."""
    folder.trunks()
    file = folder.scenario(
        """
- call: "7034"
  hangup_after: 500ms
  expect: {media: {rx_packets: min 10, tx_packets: min 10}}
""",
        trunk="embedded",
    )
    run = folder.run("check")
    assert run.exit_code == 1
    (finding,) = run.findings
    (mismatch,) = finding["mismatches"]
    assert mismatch["path"] == "expect.media.rx_packets"
    assert mismatch["source"].startswith(f"{file}:5:")
    assert [bound["state"] for bound in finding["media_bounds"]] == ["fail", "ok"]
