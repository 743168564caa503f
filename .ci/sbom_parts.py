"""Completes a list of parts (CycloneDX) by what pip says that it installed; used by .ci/sbom.

python3 .ci/sbom_parts.py PARTS INSTALLED LOCKED

PARTS is the output of cyclonedx-py, INSTALLED that of `pip install --report`, LOCKED is
tests/locked.txt. Prints the list: the release as what it is about, and each part with its purl and
the SHA-256 of its file.
"""  # noqa: INP001 - a script beside others, no package

import json
import re
import sys
from pathlib import Path
from typing import Any

RELEASE = "sipprobe"


def purl(name: str, version: str) -> str:
    """Return the package URL of a part (purl-spec, type pypi: small letters, no underscores)."""
    return f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"


def installed(report: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of the file that each part was installed from, by package URL."""
    return {
        purl(one["metadata"]["name"], one["metadata"]["version"]): one["download_info"][
            "archive_info"
        ]["hashes"]["sha256"]
        for one in report["install"]
    }


def locked(text: str) -> dict[str, set[str]]:
    """Return the hashes that may be installed, by package URL."""
    found: dict[str, set[str]] = {}
    of = ""
    for line in text.splitlines():
        named = re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line)
        if named:
            of = purl(named[1], named[2])
        found.setdefault(of, set()).update(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


def complete(parts: dict[str, Any], files: dict[str, str], known: dict[str, set[str]]) -> None:
    """Give each part its package URL and hash; raise ValueError for a file that was not locked."""
    components = parts["components"]
    for part in components:
        url = purl(part["name"], part["version"])
        digest = files[url]
        if part["name"] != RELEASE and digest not in known.get(url, ()):
            raise ValueError(f"{url} was installed from a file that tests/locked.txt does not list")
        part["purl"] = url
        part["hashes"] = [{"alg": "SHA-256", "content": digest}]
        others = [one for one in part.get("externalReferences", ()) if "://" in one["url"]]
        others = [one for one in others if not one["url"].startswith("file:")]
        part.pop("externalReferences", None)
        if others:
            part["externalReferences"] = others
    (release,) = (part for part in components if part["name"] == RELEASE)
    parts["metadata"]["component"] = release | {"type": "application"}
    components.remove(release)


def main(parts: str, report: str, lock: str) -> None:
    """Read, complete, print."""
    document = json.loads(Path(parts).read_text(encoding="utf-8"))
    files = installed(json.loads(Path(report).read_text(encoding="utf-8")))
    complete(document, files, locked(Path(lock).read_text(encoding="utf-8")))
    json.dump(document, sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
