"""Everything that a run writes, byte by byte: no password, and nothing to guess one from.

The embedded trunk runs in this process, so the test knows what it asked and what it was answered.
From that and the password it makes every value that would let a reader log in or try passwords:
the password in several encodings, H(A1) of RFC 7616, each response to each nonce, the nonces.
"""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from processes import poll

from probe.simulator.digest import Authenticator, Judgement
from probe.simulator.trunk import EmbeddedTrunk
from probe.sip.challenge import AuthField, parse_auth_field

pytestmark = [pytest.mark.peer, pytest.mark.pjsua2]

ROOT = Path(__file__).parents[2]
PASSWORD = 'k7/"pbx+hunter 22~ä'
"""Long enough to be searched for, with characters that encodings change."""

SCENARIO = """\
name: Logs in and calls
trunk: carrier
timeout: 30s
steps:
  - register:
  - call: "+12025550123"
    hangup_after: 0.3s
"""

SOURCES = {
    "written": "password: {password}",
    "environment": "password: ${{PBX_PASSWORD}}",
    "file": "password_file: pw",
    "program": "password_cmd: cat pw",
}
"""Where a profile may have its password from."""


@dataclass(slots=True)
class Heard:
    """What the trunk asked and what it was told."""

    credentials: list[tuple[str, AuthField]] = field(default_factory=list)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Write down the credentials that reach any trunk of this process."""
    found = Heard()
    judge = Authenticator.judge

    def listening(self: Authenticator, method: str, values: Iterable[str]) -> Judgement:
        given = tuple(values)
        found.credentials += [(method, parse_auth_field(value)) for value in given]
        return judge(self, method, given)

    monkeypatch.setattr(Authenticator, "judge", listening)
    return found


@pytest.fixture
def trunk(heard: Heard) -> Iterator[EmbeddedTrunk]:
    """Run a trunk that knows the password."""
    with EmbeddedTrunk(password=PASSWORD) as running:
        yield running


def run(folder: Path, trunk: EmbeddedTrunk, source: str, *flags: str) -> tuple[int, bytes]:
    """Run the scenario; return the exit status and every byte that it wrote anywhere."""
    (folder / "pw").write_text(PASSWORD + "\n", encoding="utf-8")
    (folder / "pw").chmod(0o600)
    uri = f"sip:{trunk.user}@{trunk.host}:{trunk.udp_port}"
    said = source.format(password=json.dumps(PASSWORD, ensure_ascii=False))
    settings = f"trunks:\n  carrier:\n    uri: {uri}\n    {said}\n"
    (folder / "sipprobe.yaml").write_text(settings, encoding="utf-8")
    (folder / "login.sip.yaml").write_text(SCENARIO, encoding="utf-8")
    own = folder / "out"
    own.mkdir()
    command = [
        *(sys.executable, "-m", "probe.cli", "run", "login.sip.yaml", "-vv", "--results", "out/r"),
        *("--report", "json=out/a.json", "--report", "junit=out/a.xml", *flags),
    ]
    environment = {
        "PYTHONPATH": str(ROOT),
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PBX_PASSWORD": PASSWORD,
        "LANG": "C.UTF-8",
    }
    with (own / "stdout").open("wb") as out, (own / "stderr").open("wb") as err:
        running = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)
        lines = command_lines(running)
        status = running.wait(30)
    (own / "command-lines").write_bytes(lines)
    written = [path for path in own.rglob("*") if path.is_file()]
    assert {"report.json", "trace.json", "call.pcap"} <= {path.name for path in written}
    return status, b"\n".join(path.read_bytes() for path in written)


def command_lines(running: "subprocess.Popen[bytes]") -> bytes:
    """Return the command lines of what a command starts, read until it ends."""
    seen: set[bytes] = set()

    def ended() -> bool:
        for children in Path("/proc", str(running.pid), "task").glob("*/children"):
            for child in children.read_text().split():
                try:
                    seen.add(Path("/proc", child, "cmdline").read_bytes())
                except OSError:
                    continue
        return running.poll() is not None

    assert poll(ended, 30.0)
    assert seen
    return b"\n".join(seen)


def forms(secret: str) -> Iterator[bytes]:
    """Yield a secret as it is and as encodings write it."""
    raw = secret.encode()
    yield raw
    yield json.dumps(secret)[1:-1].encode()
    yield quote(secret).encode()
    yield quote_plus(secret, safe="").encode()
    yield quote(secret, safe="").lower().encode()
    yield raw.hex().encode()
    for before in range(3):
        # The characters that hold bits of a neighbour are left out.
        text = base64.b64encode(b"\0" * before + raw)
        core = text[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def digests(heard: Heard, passwords: Iterable[str]) -> Iterator[str]:
    """Yield H(A1) of each password, and the right response to each challenge that was answered."""
    for password in passwords:
        for method, given in heard.credentials:
            a1 = md5(f"{given.get('username')}:{given.realm}:{password}")
            a2 = md5(f"{method}:{given.get('uri')}")
            counted = f"{given.get('nc')}:{given.get('cnonce')}:{given.get('qop')}"
            yield a1
            yield md5(f"{a1}:{given.get('nonce')}:{counted}:{a2}")
            yield md5(f"{a1}:{given.get('nonce')}:{a2}")


def md5(text: str) -> str:
    """Return a digest in hexadecimal."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def leaked(written: bytes, heard: Heard, *passwords: str) -> list[bytes]:
    """Return every secret that stands in what was written."""
    secret = [form for password in passwords for form in forms(password)]
    derived = {
        *digests(heard, passwords),
        *(
            given.get(name) or ""
            for _, given in heard.credentials
            for name in ("response", "nonce")
        ),
        *(given.get("cnonce") or "" for _, given in heard.credentials),
    }
    assert "" not in derived
    found = {*secret, *(form for one in derived for form in forms(one))}
    return [form for form in found if form in written or form.upper() in written.upper()]


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_that_a_run_writes_lets_anybody_log_in(
    tmp_path: Path, trunk: EmbeddedTrunk, heard: Heard, source: str
) -> None:
    """Screen, reports, traces, capture and command lines, wherever the password came from."""
    status, written = run(tmp_path, trunk, SOURCES[source])
    assert status == 0, written.decode("utf-8", "replace")
    assert {method for method, _ in heard.credentials} >= {"REGISTER", "INVITE"}
    assert {given.get("response") for _, given in heard.credentials} <= set(
        digests(heard, [PASSWORD])
    )  # what is searched for is what was sent
    assert b"Authorization: Digest username=" in written
    assert leaked(written, heard, PASSWORD) == []


def test_refused_login_gives_the_wrong_password_away_no_more(
    tmp_path: Path, trunk: EmbeddedTrunk, heard: Heard
) -> None:
    """A failed run is the one that is mailed around: a typing error is nearly the password."""
    wrong = PASSWORD + "x"
    status, written = run(tmp_path, trunk, f"password: {json.dumps(wrong, ensure_ascii=False)}")
    assert status == 1
    assert b"FAIL" in written
    assert leaked(written, heard, wrong, PASSWORD) == []


def test_search_finds_what_it_is_to_find(
    tmp_path: Path, trunk: EmbeddedTrunk, heard: Heard
) -> None:
    """Each form of each secret is found where it stands: an empty search would prove nothing."""
    run(tmp_path, trunk, SOURCES["file"], "--redact", "strict")
    one = next(digests(heard, [PASSWORD]))
    for planted in (*forms(PASSWORD), one.encode(), one.upper().encode(), *forms(one)):
        assert leaked(b"before " + planted + b" after", heard, PASSWORD)
    assert not leaked(b"before and after", heard, PASSWORD)
