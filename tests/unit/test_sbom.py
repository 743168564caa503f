"""The list of parts of a release names each part by its package URL and the file it came from."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILE = "8" * 64
WHEEL = "5" * 64
LOCKED = f"""# made by
click==8.5.1 \\
    --hash=sha256:{FILE} \\
    --hash=sha256:{"9" * 64}
pylibsrtp==1.0.0 ; python_full_version < '3.11' \\
    --hash=sha256:{FILE}
"""


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    """Return the script: its folder is no place to import from."""
    spec = importlib.util.spec_from_file_location("sbom_parts", ROOT / ".ci" / "sbom_parts.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parts(*names: str) -> dict[str, Any]:
    """Return a list of parts as cyclonedx-py writes it."""
    references = [
        {"type": "distribution", "url": "file:///home/ann/wheels/one.whl"},
        {"type": "website", "url": "https://one.example/"},
    ]
    versions = {"click": "8.5.1", "pylibsrtp": "1.0.0", "sipprobe": "0.1.0"}
    made = [
        {"name": n, "version": versions[n], "type": "library", "externalReferences": references}
        for n in names
    ]
    return {"metadata": {}, "components": made}


def report(**hashes: str) -> dict[str, Any]:
    """Return what pip says that it installed."""
    versions = {"click": "8.5.1", "pylibsrtp": "1.0.0", "sipprobe": "0.1.0"}
    return {
        "install": [
            {
                "metadata": {"name": name, "version": versions[name]},
                "download_info": {"archive_info": {"hashes": {"sha256": digest}}},
            }
            for name, digest in hashes.items()
        ]
    }


def test_each_part_has_its_package_url_and_its_hash(sbom: ModuleType) -> None:
    """Names are normalized, no path of a machine is left, the release is what the list is about."""
    document = parts("click", "pylibsrtp", "sipprobe")
    files = sbom.installed(report(click=FILE, pylibsrtp=FILE, sipprobe=WHEEL))
    sbom.complete(document, files, sbom.locked(LOCKED))
    assert [part["purl"] for part in document["components"]] == [
        "pkg:pypi/click@8.5.1",
        "pkg:pypi/pylibsrtp@1.0.0",
    ]
    assert document["components"][0]["hashes"] == [{"alg": "SHA-256", "content": FILE}]
    assert "file:" not in str(document)
    assert "https://one.example/" in str(document)
    release = document["metadata"]["component"]
    assert (release["purl"], release["type"]) == ("pkg:pypi/sipprobe@0.1.0", "application")
    assert release["hashes"] == [{"alg": "SHA-256", "content": WHEEL}]


def test_a_file_that_nobody_locked_is_refused(sbom: ModuleType) -> None:
    """Its hash must stand under that name and version."""
    files = sbom.installed(report(click="7" * 64, sipprobe=WHEEL))
    with pytest.raises(ValueError, match=r"pkg:pypi/click@8\.5\.1 was installed from a file"):
        sbom.complete(parts("click", "sipprobe"), files, sbom.locked(LOCKED))


def test_what_is_locked_is_read_whole(sbom: ModuleType) -> None:
    """Every pin of the real file has at least one hash."""
    found = sbom.locked((ROOT / "tests" / "locked.txt").read_text(encoding="utf-8"))
    found.pop("", None)
    assert len(found) > 40
    assert all(found.values())
    assert "pkg:pypi/pjsua2-python@2.15.1.post1" in found
