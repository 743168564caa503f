"""The search for secrets finds what is planted, and nothing in what real runs write."""

import base64
import hashlib
import json
from pathlib import Path
from secrets import token_bytes, token_hex

import pytest
import secrets_search

PASSWORD = "correct-horse-7/battery"
# Made anew in each run: what stands in the source of a test is taken for made up.
NONCE, CNONCE, RESPONSE = token_hex(8), token_hex(6), token_hex(16)
KEY = base64.b64encode(token_bytes(30)).decode()
MESSAGE = (
    "REGISTER sip:pbx.example SIP/2.0\r\n"
    f'Authorization: Digest username="100", realm="pbx.example", nonce="{NONCE}",\r\n'
    f' cnonce="{CNONCE}", response="{RESPONSE}"\r\n'
    f"\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
)
A1 = hashlib.md5(f"100:pbx.example:{PASSWORD}".encode(), usedforsecurity=False).hexdigest()
SECRETS = {
    "password": PASSWORD,
    "nonce": NONCE,
    "cnonce": CNONCE,
    "response": RESPONSE,
    "SRTP key": KEY,
    "H(A1)": A1,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with what a user and a peer wrote."""
    (tmp_path / "sipprobe.yaml").write_text(json.dumps({"trunks": {"a": {"password": PASSWORD}}}))
    (tmp_path / "messages.log").write_text(MESSAGE)
    (tmp_path / "report.json").write_text('{"nonce": "redacted-1"}')
    return tmp_path


def test_what_users_and_peers_write_is_no_leak(folder: Path) -> None:
    """Secrets are learned there, and searched elsewhere."""
    found = secrets_search.search(folder)
    assert found.hits == []
    assert set(found.secrets) == set(SECRETS)
    assert found.files == 1


@pytest.mark.parametrize("kind", SECRETS)
def test_each_secret_is_found_in_each_form(folder: Path, kind: str) -> None:
    """Wherever it stands in a file of any kind; the telling does not repeat it."""
    for number, form in enumerate(secrets_search.forms(SECRETS[kind])):
        place = folder / f"state-{number}"
        place.write_bytes(b"\0before" + form + b"behind\xff")
        found = secrets_search.search(folder)
        assert (place.name, kind) in found.hits
        assert SECRETS[kind] not in found.text()
        place.unlink()


def test_secret_of_a_message_that_we_wrote_is_found_there(folder: Path) -> None:
    """Nobody else need have written it: a nonce in a report is a leak by itself."""
    (folder / "trace.json").write_text(MESSAGE)
    kinds = {kind for file, kind in secrets_search.search(folder).hits if file == "trace.json"}
    assert kinds == {"nonce", "cnonce", "response", "SRTP key"}


def test_words_that_stand_everywhere_prove_nothing(tmp_path: Path) -> None:
    """A password that is a word of the product, or short, is told as left out."""
    (tmp_path / "sipprobe.yaml").write_text('{"trunks": {"a": {"password": "password"}}}')
    (tmp_path / "out").write_text("password")
    found = secrets_search.search(tmp_path)
    assert (found.hits, found.common) == ([], 1)


@pytest.mark.pjsua2
def test_tests_that_log_in_leave_nothing(tmp_path: Path) -> None:
    """A part of the suite, searched as `python tests/secrets_search.py` searches all of it."""
    chosen = ["tests/unit/executor/test_local.py", "-k", "up_until"]
    status = secrets_search.collected(tmp_path, chosen)
    assert status == 0, (tmp_path / "pytest.log").read_text()
    found = secrets_search.search(tmp_path)
    assert found.hits == []
    assert {"password", "nonce", "cnonce", "response", "H(A1)"} <= set(found.secrets)
    assert found.learned_from["heard-*.txt"] == 1
