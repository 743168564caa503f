"""Asterisk is what its fixture promises, and its installer does as little as is needed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from asterisk import INSTALL, Asterisk
from byhand import SDP, Phone
from ports import BLOCK, LOOPBACK, free_block


def install(peers: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the installer with a folder of its own for what it makes."""
    env = {**os.environ, "SIPPROBE_PEERS": str(peers), **({"PATH": path} if path else {})}
    return subprocess.run(
        ["/bin/bash", INSTALL], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_asterisk_that_is_whole_is_left_alone(asterisk: Asterisk) -> None:
    """One line, no download, and the program that the fixture runs."""
    done = subprocess.run([INSTALL], capture_output=True, text=True, timeout=60, check=True)
    assert re.fullmatch(r"install-asterisk: Asterisk 22\.\S+ is in place\n", done.stdout)
    assert "Asterisk 22." in asterisk.cli("core show version")


def test_broken_folder_is_not_taken_for_asterisk(tmp_path: Path) -> None:
    """A folder without its stamp is made again, here by somebody who has no apt-get to do it."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("cat", "find", "sort", "sha256sum"):
        (tools / name).symlink_to(str(shutil.which(name)))
    broken = tmp_path / "peers" / "asterisk"
    broken.mkdir(parents=True)
    (broken / "asterisk").write_text("#!/bin/sh\nexit 1\n")
    done = install(tmp_path / "peers", path=str(tools))
    assert done.returncode == 1
    assert "there is no apt-get here" in done.stderr
    (broken / "stamp").write_text("what another recipe left\n")
    assert install(tmp_path / "peers", path=str(tools)).returncode == 1


def test_asterisk_says_nothing_bad_while_it_starts(asterisk: Asterisk) -> None:
    """No file is missing, no option unknown: an error in its log is one of a test."""
    start = asterisk.log().partition("Asterisk Ready")[0]
    assert "ERROR" not in start, start


def test_asterisk_listens_on_loopback_only(asterisk: Asterisk) -> None:
    """What accepts connections stands on 127.0.0.1, and so does its sound."""
    shown = asterisk.cli("pjsip show transports")
    bound = re.findall(r"(\S+):\d+\s*$", shown, re.MULTILINE)
    assert set(bound) == {LOOPBACK}
    with Phone("udp", asterisk.port) as phone:
        uri = f"sip:+12025550123@{LOOPBACK}:{asterisk.port}"
        number, branch = phone.send("INVITE", uri, body=SDP)
        challenge = phone.receive()
        phone.ack(uri, challenge, cseq=number, branch=branch)
        login = phone.credentials(challenge, "INVITE", uri, asterisk.passwords["100"])
        number, _ = phone.send("INVITE", uri, login, body=SDP)
        answer = phone.receive_until(200)[-1]
        phone.ack(uri, answer, cseq=number)
        assert f"\r\nc=IN IP4 {LOOPBACK}\r\n" in answer.body
        assert phone.hang_up(answer).status == 200


def test_blocks_of_ports_do_not_overlap() -> None:
    """Each is claimed as a whole, and begins with an even number, as RTP wants (RFC 3550 §11)."""
    first, second = free_block(), free_block()
    assert abs(first - second) >= BLOCK
    assert (first % 2, second % 2) == (0, 0)
