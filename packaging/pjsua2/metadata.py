"""Writes what stands beside the bindings in the wheel: metadata, licences, list of parts.

python3 metadata.py TREE TAG WORK RECIPE: called by build. Only the standard library, from 3.9 on.
"""

import json
import platform
import re
import shutil
import sys
from pathlib import Path

NAME = "pjsua2-python"
"""The name of the PyPI wheel that provides the same module: pip replaces the one by the other."""

REVISION = 1
"""Count up when the recipe makes another wheel of the same pjproject: pip compares versions."""

OWN_LICENCE = "GPL-2.0-or-later"
WHOLE = "GPL-3.0-or-later"

LIBRARIES = {
    "libssl3": ("openssl", "Apache-2.0"),
    "libopus0": ("opus", "BSD-3-Clause"),
    "libgsm1": ("gsm", "TU-Berlin-2.0"),
    "libspeex1": ("speex", "BSD-3-Clause"),
    "libspeexdsp1": ("speexdsp", "BSD-3-Clause"),
}
"""Debian's packages whose libraries lie in the wheel: what they are, and their licence."""

README = """\
# pjsua2, built for probing

The pjsua2 bindings of pjproject {version}, as sipprobe builds them: hundreds of calls in one
process, IPv6, TLS 1.0 to 1.3 on OpenSSL 3, SDES and DTLS-SRTP, Opus, messages up to 64,000 bytes,
no sound card, no video; assertions are logged instead of ending the process.

It carries the name of the PyPI wheel pjsua2-python, because both provide the module `pjsua2`:
installing the one replaces the other. The licences of all parts lie in `licenses/`, their versions
in `sboms/engine.cdx.json`. The wheel as a whole is under {whole}: pjproject is {own}, and the
Apache-2.0 of OpenSSL 3 goes together with version 3 of the GPL.
"""


def rows(path: Path) -> "list[list[str]]":
    """Return the words of each row of a table that is no comment."""
    text = path.read_text() if path.exists() else ""
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def quoted(version: str) -> str:
    """Return a version as a purl writes it."""
    return version.replace("+", "%2B").replace(":", "%3A")


def pjproject_version(work: Path) -> str:
    """Return the version that the source calls itself."""
    text = (work / "pjproject/version.mak").read_text()
    found = {
        name: re.search(rf"PJ_VERSION_{name}[ \t]*:=[ \t]*(\S*)", text)
        for name in ("MAJOR", "MINOR", "REV")
    }
    return ".".join(match[1] for match in found.values() if match and match[1])


def parts(work: Path, recipe: Path, version: str) -> "list[dict[str, object]]":
    """Return what the wheel is made of, as CycloneDX components."""
    pinned = {row[0]: row for row in rows(recipe / "sources.txt")}
    sources = (
        ("pjproject", version, OWN_LICENCE),
        ("libsrtp2", pinned["libsrtp2"][3], "BSD-3-Clause"),
    )
    made: list[dict[str, object]] = [
        {
            "type": "library",
            "bom-ref": name,
            "name": name,
            "version": number,
            "description": f"compiled from {pinned[name][4]} of Debian's {pinned[name][2]}",
            "licenses": [{"license": {"id": licence}}],
            "hashes": [{"alg": "SHA-256", "content": pinned[name][5]}],
            "purl": f"pkg:deb/debian/{pinned[name][2]}@{quoted(pinned[name][3])}?arch=source",
        }
        for name, number, licence in sources
    ]
    installed = {row[0]: row[1] for row in rows(work / "libraries.txt")}
    for package, (name, licence) in LIBRARIES.items():
        part = {
            "type": "library",
            "bom-ref": name,
            "name": name,
            "licenses": [{"license": {"id": licence}}],
        }
        if package in installed:
            number = installed[package]
            part["version"] = number
            part["purl"] = f"pkg:deb/debian/{package}@{quoted(number)}?distro=bookworm"
        else:
            part["description"] = "as it was installed on the machine that built the wheel"
        made.append(part)
    return made


def licences(folder: Path, work: Path) -> None:
    """Copy the licence texts of all parts."""
    folder.mkdir(parents=True)
    shutil.copy(work / "pjproject/COPYING", folder / "pjproject.COPYING")
    shutil.copy(work / "srtp/LICENSE", folder / "libsrtp2.LICENSE")
    for package, (name, _) in LIBRARIES.items():
        text = work / "root/usr/share/doc" / package / "copyright"
        if text.exists():
            shutil.copy(text, folder / f"{name}.copyright")
    lines = [
        f"{'pjproject':10} {OWN_LICENCE}  pjproject.COPYING",
        f"{'libsrtp2':10} BSD-3-Clause  libsrtp2.LICENSE",
    ]
    lines += [f"{name:10} {licence}  {name}.copyright" for name, licence in LIBRARIES.values()]
    lines += ["", f"The whole: {WHOLE}. pjproject's licence lets it be taken under version 3,"]
    lines.append("which goes together with the Apache-2.0 of OpenSSL 3.")
    (folder / "LICENCES").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Write the dist-info folder of a wheel."""
    tree, tag, work, recipe = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    pjproject = pjproject_version(work)
    version = f"{pjproject}+sipprobe.{REVISION}"
    info = tree / f"{NAME.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    head = {
        "Metadata-Version": "2.1",
        "Name": NAME,
        "Version": version,
        "Summary": f"pjsua2 bindings of pjproject {pjproject}, built for probing SIP trunks",
        "License": f"{WHOLE} as a whole; parts: licenses/LICENCES",
        "Requires-Python": ">=3.10,<3.11" if tag.startswith("cp310") else ">=3.11",
        "Description-Content-Type": "text/markdown",
    }
    text = README.format(version=pjproject, whole=WHOLE, own=OWN_LICENCE)
    lines = [f"{name}: {value}" for name, value in head.items()]
    (info / "METADATA").write_text("\n".join(lines) + "\n\n" + text)
    kind = f"{tag}-linux_{platform.machine()}"
    wheel = ("Wheel-Version: 1.0", "Generator: sipprobe", "Root-Is-Purelib: false", f"Tag: {kind}")
    (info / "WHEEL").write_text("\n".join(wheel) + "\n")
    licences(info / "licenses", work)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": NAME,
                "name": NAME,
                "version": version,
                "licenses": [{"license": {"id": WHOLE}}],
            }
        },
        "components": parts(work, recipe, pjproject),
    }
    (info / "sboms").mkdir()
    (info / "sboms/engine.cdx.json").write_text(json.dumps(bom, indent=1) + "\n")


if __name__ == "__main__":
    main()
