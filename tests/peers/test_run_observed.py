"""`init` and `init --observe` against a trunk on loopback: passes, until the trunk changes."""

from collections.abc import Iterator

import pytest
from ports import LOOPBACK
from userfolder import UserFolder

from probe.simulator import switchboard
from probe.simulator.behaviour import Behaviour
from probe.simulator.numbers import behaviour_of
from probe.simulator.trunk import EmbeddedTrunk

PASSWORD = "pbx-hunter22"
ENV = {"OFFICE_PASSWORD": PASSWORD}
CHANGES = {
    "9486": ("9503", "expected 486, got 503 Service Unavailable"),
    "2000": ("7033", "expected direction sendrecv, got inactive"),
}
"""Numbers, how the trunk treats each of them later, and what the second run says of it."""


@pytest.fixture
def trunk() -> Iterator[EmbeddedTrunk]:
    """Give a trunk that wants a login."""
    with EmbeddedTrunk(user="100", password=PASSWORD) as started:
        yield started


def test_observed_scenarios_pass_until_the_answers_change(
    folder: UserFolder, trunk: EmbeddedTrunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written on this trunk is met by it; once it answers otherwise, it is named how."""
    done = folder.command(
        "init", "--yes", "--uri", f"{LOOPBACK}:{trunk.udp_port}", "--user", "100",
        "--name", "office", "--number", "+12025550123", "--allow-to", "*",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    for number in CHANGES:
        done = folder.command("init", "--observe", number, "--no-store", env=ENV)
        assert done.exit_code == 0, done.stderr
        text = (folder.path / f"scenarios/call-{number}.sip.yaml").read_text()
        assert PASSWORD not in text
    same = folder.run(env=ENV)
    assert same.exit_code == 0, same.finished.stdout
    assert [f["scenario"] for f in same.findings[::2]] == [
        "call-2000", "call-9486", "office",
    ]  # fmt: skip

    def changed(dialled: str) -> Behaviour:
        return behaviour_of(CHANGES.get(dialled, (dialled,))[0])

    monkeypatch.setattr(switchboard, "behaviour_of", changed)
    other = folder.run(flags=("--no-controls",), env=ENV)
    assert other.exit_code == 1
    for _, says in CHANGES.values():
        assert says in other.finished.stdout
    met = [f["scenario"] for f in other.findings if f["outcome"] == "MET" and f["step"] == 2]
    assert met == ["office"]


def test_uri_without_a_profile_is_called_as_a_stranger(
    folder: UserFolder, trunk: EmbeddedTrunk
) -> None:
    """No login is tried: the challenge itself is what the scenario expects, and it passes."""
    uri = f"sip:2000@{LOOPBACK}:{trunk.udp_port}"
    done = folder.command("init", "--observe", uri, "--name", "stranger", "--no-store")
    assert done.exit_code == 0, done.stderr
    assert "is refused with 407 Proxy Authentication Required" in done.stdout
    run = folder.run("call-2000")
    assert run.exit_code == 0, run.finished.stdout
    assert [m["text"].split()[0] for m in run.messages("MessageSent")] == ["INVITE", "ACK"]
