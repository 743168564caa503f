"""Searches everything that a run of the tests writes for what would let a reader log in.

    python tests/secrets_search.py                           the whole suite
    python tests/secrets_search.py tests/peers -k digest     a part of it: arguments of pytest
    python tests/secrets_search.py --within FOLDER           what an earlier search kept

pytest runs with a base folder, HOME and TMPDIR of its own, and nothing in them is removed. Known
are then: each password that a profile, an account or the embedded trunk had; and from every message
in any file, those of peers included, each digest response, nonce, cnonce and SRTP key. H(A1) is
made of them. Each is searched for as it is, in capitals, in hexadecimal and in base64.

What tests and peers write themselves is told apart by name (`OF_OTHERS`), and is where secrets are
learned from; everything else must hold none. A value of a message that stands in the source of a
test was made by nobody's login and does not count. Ends with 1 where something was found, and names
the file, never a secret.
"""

import argparse
import atexit
import base64
import fnmatch
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parents[1]

OF_OTHERS = {
    "sipprobe.yaml": "a user's profiles",
    "*.sip.yaml": "a user's scenarios",
    "pw*": "a user's password files",
    "*.pw": "a user's password files",
    "known-secrets.jsonl": "what this search is given",
    "heard-*.txt": "credentials that the embedded trunk was sent",
    "kamailio.*": "a peer's configuration and log",
    "*.cfg": "a peer's configuration",
    "sipp-*/*.xml": "what SIPp sends",
    "capture.pcap": "what dumpcap saw on the wire",
    "messages.log": "SIPp's own record of the wire",
    "sipp*.log": "SIPp's output",
    "*.csv": "accounts given to SIPp",
    "scenario.xml": "what SIPp sends",
    "wire.pcap": "what dumpcap saw on the wire",
    "*.pcapng": "what dumpcap saw on the wire",
    "test_damaged_*/x": "a capture that a test damaged",
    "pjsip.conf": "a peer's configuration",
    "*-sipp/script.xml": "what SIPp sends",
    "tell.py": "a user's program that tells a password",
    "*.pem": "keys of the tests' own authority",
}
"""Names of files (some with their folder) that are no output of ours, and whose they are."""

SHORTEST = 8
"""Characters from which a password is told apart from any other text."""

FILES_AT_A_TIME = 500

_QUOTED = rb'\b%s="?([^"\s,;]{8,})'
_FIELDS = {
    "response": re.compile(_QUOTED % rb"response"),
    "nonce": re.compile(_QUOTED % rb"(?<!c)nonce"),
    "cnonce": re.compile(_QUOTED % rb"cnonce"),
    "SRTP key": re.compile(rb"\binline:([A-Za-z0-9+/]{30,}={0,2})"),
}
_OURS = re.compile(rb"redacted")
_LOGIN = re.compile(rb'username="([^"]+)"[^\r\n]*?realm="([^"]+)"|realm="([^"]+)"')
_PASSWORD = re.compile(rb'["\']?password["\']?:\s*["\']?([^"\'\r\n{}$]+)')


@dataclass(slots=True, kw_only=True)
class Found:
    """What a search came to."""

    files: int = 0
    "Files that were searched."

    size: int = 0
    "Their bytes."

    learned_from: Counter[str] = field(default_factory=Counter)
    "Files of others, by pattern."

    secrets: Counter[str] = field(default_factory=Counter)
    "Secrets that were searched for, by kind."

    common: int = 0
    "Passwords left out: too short, or words of the product itself."

    hits: list[tuple[str, str]] = field(default_factory=list)
    "File and kind of each secret that was found."

    def text(self) -> str:
        """Return it for people."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.secrets.items()))
        lines = [
            f"searched {self.files} files, {self.size / 2**20:.1f} MiB, for {kinds or 'nothing'}",
            f"left out: {self.common} passwords that are short or ordinary words",
            *(
                f"not ours: {count} × {pattern} ({OF_OTHERS[pattern]})"
                for pattern, count in sorted(self.learned_from.items())
            ),
            *(f"FOUND {kind} in {file}" for file, kind in self.hits),
            f"{len(self.hits)} found",
        ]
        return "\n".join(lines)


def whose(path: Path) -> str | None:
    """Return the pattern by which a file is not ours, or None."""
    names = (path.name, f"{path.parent.name}/{path.name}")
    return next((k for k in OF_OTHERS if any(fnmatch.fnmatch(name, k) for name in names)), None)


def files_in(folder: Path) -> Iterator[Path]:
    """Yield every ordinary file, each once."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def search(folder: Path) -> Found:
    """Learn the secrets of what was written in a folder, and look where they stand."""
    found = Found()
    kinds: dict[str, str] = {}
    passwords, logins = set[str](), set[tuple[str, str]]()
    ours = []
    for path in files_in(folder):
        pattern = whose(path)
        content = path.read_bytes()
        _learn(content, kinds, logins)
        if pattern is None:
            ours.append(path)
            found.files += 1
            found.size += len(content)
            continue
        found.learned_from[pattern] += 1
        passwords |= _passwords(path, content)
    kept = {one for one in passwords if len(one) >= SHORTEST and one.encode() not in _own_words()}
    found.common = len(passwords) - len(kept)
    kinds |= dict.fromkeys(kept, "password")
    for password in passwords:
        for user, realm in logins:
            login = f"{user}:{realm}:{password}".encode()
            for made in (hashlib.md5, hashlib.sha256):
                kinds[made(login, usedforsecurity=False).hexdigest()] = "H(A1)"
    kinds = {secret: kind for secret, kind in kinds.items() if not _is_made_up(secret, kind)}
    found.secrets.update(kinds.values())
    needles = {form: kind for secret, kind in kinds.items() for form in forms(secret)}
    hits = set(_standing(needles, ours)) if needles else set()
    found.hits = sorted((str(path.relative_to(folder)), kind) for path, kind in hits)
    return found


def forms(secret: str) -> Iterator[bytes]:
    """Yield a secret as it is and as encodings write it."""
    raw = secret.encode()
    yield raw
    yield raw.upper()
    yield raw.hex().encode()
    yield json.dumps(secret)[1:-1].encode()
    yield quote(secret, safe="").encode()
    for before in range(3):
        # The characters that hold bits of a neighbour are left out.
        text = base64.b64encode(b"\0" * before + raw)
        yield text[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]


def _standing(needles: dict[bytes, str], files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each file and kind of secret that stands in it; grep looks for thousands at once."""
    with tempfile.NamedTemporaryFile(prefix="sipprobe-needles-") as wanted:  # 0600
        wanted.write(b"".join(needle + b"\n" for needle in needles if b"\n" not in needle))
        wanted.flush()
        command = ["grep", "--text", "--fixed-strings", "--only-matching", "--with-filename"]
        command += ["--null", f"--file={wanted.name}", "--"]
        for start in range(0, len(files), FILES_AT_A_TIME):
            some = map(str, files[start : start + FILES_AT_A_TIME])
            done = subprocess.run(
                [*command, *some], capture_output=True, env={"LC_ALL": "C"}, check=False
            )
            if done.returncode not in {0, 1}:
                raise RuntimeError(done.stderr.decode(errors="replace"))
            for line in done.stdout.splitlines():
                name, _, needle = line.partition(b"\0")
                yield Path(os.fsdecode(name)), needles[needle]


def _learn(content: bytes, kinds: dict[str, str], logins: set[tuple[str, str]]) -> None:
    """Take digest values and keys out of messages, wherever they stand."""
    for kind, pattern in _FIELDS.items():
        for value in pattern.findall(content):
            if not _OURS.search(value) and value.isascii():
                kinds[value.decode().strip("\\")] = kind
    for user, realm, _ in _LOGIN.findall(content):
        if user and realm:
            logins.add((user.decode(errors="replace"), realm.decode(errors="replace")))


def _passwords(path: Path, content: bytes) -> set[str]:
    """Return the passwords that a file of others gives away."""
    text = content.decode(errors="replace")
    if path.name == "known-secrets.jsonl":
        return {json.loads(line) for line in text.splitlines()}
    if OF_OTHERS[whose(path) or ""] == OF_OTHERS["pw*"]:
        return {text.partition("\n")[0]} - {""}
    if path.name == "sipprobe.yaml":
        return {one.decode(errors="replace").strip() for one in _PASSWORD.findall(content)}
    return set()


def _is_made_up(secret: str, kind: str) -> bool:
    """Whether a value of a message stands in a test: somebody wrote it, no login made it."""
    return kind not in {"password", "H(A1)"} and secret.encode() in _words_of_tests()


@functools.cache
def _words_of_tests() -> bytes:
    """Return the text of all tests and of the traces that they judge."""
    return b"\n".join(
        path.read_bytes()
        for pattern in ("*.py", "*.json")
        for path in ROOT.glob(f"tests/**/{pattern}")
    )


@functools.cache
def _own_words() -> bytes:
    """Return the product's own text: a password that stands there proves nothing anywhere."""
    return b"\n".join(
        path.read_bytes()
        for pattern in ("probe/**/*.py", "probe/**/*.yaml", "scenarios/*", "docs/*.md")
        for path in ROOT.glob(pattern)
        if path.is_file()
    )


def collected(folder: Path, arguments: Iterable[str]) -> int:
    """Run pytest so that everything which it writes stays in a folder; return its status."""
    for name in ("home", "temporary"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "PYTEST", "COV_"))}
    places = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary")}
    path = os.pathsep.join((str(ROOT / "tests"), clean.get("PYTHONPATH", "")))
    command = [sys.executable, "-m", "pytest", "-p", "secrets_search", "-rP"]
    command += ["--basetemp", str(folder / "tests"), "-p", "no:cacheprovider"]
    with (folder / "pytest.log").open("wb") as log:
        return subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env={**clean, **places, "PYTHONPATH": path, "SECRETS_SEARCH": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def pytest_configure(config: pytest.Config) -> None:
    """Write down every password of this process, and keep what would be removed (as a plugin)."""
    del config
    folder = os.environ.get("SECRETS_SEARCH")
    if folder is None:
        return
    from probe.scenario.secret import Secret  # noqa: PLC0415 - the search itself needs neither
    from probe.simulator.digest import Authenticator  # noqa: PLC0415 - as above

    known: set[str] = set()
    made = Secret.__init__

    def secret(self: Secret, value: str) -> None:
        known.add(str(value))
        made(self, value)

    judge = Authenticator.judge

    def judged(self: Authenticator, method: str, values: Iterable[str]) -> Any:  # noqa: ANN401 - its own result
        given = tuple(values)
        with (Path(folder) / f"heard-{os.getpid()}.txt").open("a", encoding="utf-8") as file:
            file.writelines(f"{value}\n" for value in given)
        return judge(self, method, given)

    Secret.__init__ = secret  # type: ignore[method-assign]
    Authenticator.judge = judged  # type: ignore[method-assign]
    tempfile.TemporaryDirectory._rmtree = lambda *_, **__: None  # type: ignore[attr-defined]

    def write_down() -> None:
        with (Path(folder) / "known-secrets.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(one)}\n" for one in sorted(known - {""}))

    atexit.register(write_down)


def main() -> int:
    """Run what is asked for, search, tell; 0 where nothing was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--within", type=Path, help="search what is here already; run nothing")
    parser.add_argument("--keep", type=Path, help="keep what was written in this new folder")
    given, arguments = parser.parse_known_args()
    if given.within:
        found = search(given.within)
        print(found.text())  # noqa: T201 - this is what it is for
        return int(bool(found.hits))
    with tempfile.TemporaryDirectory(prefix="sipprobe-secrets-") as name:
        folder = given.keep or Path(name)
        status = collected(folder, arguments)
        found = search(folder)
        last = (folder / "pytest.log").read_text(errors="replace").splitlines()[-1:]
    print(f"pytest, status {status}: {' '.join(last)}")  # noqa: T201 - as above
    print(found.text())  # noqa: T201 - as above
    return int(bool(found.hits) or status not in {0, 1})


if __name__ == "__main__":
    sys.exit(main())
