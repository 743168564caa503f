"""What two simpler judges say of the same captures: a table of codes, and sip-doctor from PyPI.

Neither knows the configuration nor asks a question of its own. sip-doctor 0.8.0 is no dependency of
the project: `python -m venv DIR && DIR/bin/pip install sip-doctor`, and its path in `--sip-doctor`.
Its findings speak in topics and sentences; which causes of the catalogue a topic amounts to is the
reading in `TOPICS`, in its favour wherever its text names a cause at all.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dpkt

BY_CODE: dict[int, str] = {
    0: "F015",
    301: "F106",
    302: "F106",
    305: "F107",
    380: "F107",
    400: "F120",
    401: "F047",
    402: "F061",
    403: "F060",
    404: "F072",
    405: "F126",
    406: "F114",
    407: "F047",
    408: "F094",
    410: "F088",
    415: "F114",
    416: "F075",
    417: "F127",
    420: "F110",
    421: "F111",
    422: "F113",
    423: "F063",
    428: "F099",
    430: "F071",
    433: "F083",
    436: "F100",
    437: "F100",
    438: "F100",
    439: "F071",
    480: "F094",
    481: "F125",
    482: "F108",
    483: "F108",
    484: "F074",
    486: "F093",
    487: "F122",
    488: "F114",
    491: "F124",
    494: "F127",
    500: "F133",
    501: "F126",
    502: "F133",
    503: "F130",
    504: "F133",
    513: "F026",
    580: "F127",
    600: "F093",
    603: "F095",
    604: "F072",
    606: "F114",
    607: "F098",
    608: "F097",
}
"""The one cause that the RFC's text for a code suggests; 0: no response at all."""

TOPICS: dict[str, tuple[str, ...]] = {
    "no-response": ("F015", "F013", "F014", "F131"),
    "auth-failed": ("F047", "F056", "F049"),
    "auth-no-credentials": ("F047", "F050"),
    "missing-ack": ("F136", "F139"),
    "bye-rejected": ("F125", "F138"),
    "session-timer": ("F140",),
    "no-final-response": ("F104", "F103"),
    "nat-contact": ("F029", "F136"),
    "nat-sdp": ("F148", "F149"),
    "large-udp": ("F025", "F174"),
    "media-rejected": ("F121",),
    "no-common-codec": ("F114", "F121"),
    "one-way-audio": ("F150", "F147"),
    "no-audio": ("F147",),
    "poor-audio": ("F160", "F161"),
    "rtp-source-mismatch": ("F166",),
    "unexpected-codec": ("F154",),
    "late-audio": ("F153",),
    "audio-stopped": ("F146",),
    "reinvite-rejected": ("F143",),
    "record-route": ("F138",),
    "max-forwards": ("F108",),
    "tcp-refused": ("F018",),
    "tcp-timeout": ("F019",),
    "tcp-reset": ("F020",),
    "plain-on-tls": ("F022",),
    "status-300": ("F106",),
    "status-301": ("F106",),
    "status-302": ("F106",),
    "status-305": ("F107",),
    "status-380": ("F107",),
    "status-400": ("F120",),
    "status-401": ("F047", "F050"),
    "status-402": ("F061",),
    "status-403": ("F060", "F079", "F082"),
    "status-404": ("F072", "F073", "F057"),
    "status-405": ("F126",),
    "status-408": ("F094", "F133"),
    "status-410": ("F072", "F088"),
    "status-415": ("F114",),
    "status-416": ("F075",),
    "status-420": ("F110",),
    "status-421": ("F111",),
    "status-422": ("F113",),
    "status-423": ("F063",),
    "status-428": ("F099",),
    "status-433": ("F083",),
    "status-436": ("F100",),
    "status-437": ("F100",),
    "status-438": ("F100",),
    "status-480": ("F090", "F095", "F094"),
    "status-481": ("F125", "F138"),
    "status-482": ("F108",),
    "status-483": ("F108",),
    "status-484": ("F074", "F073"),
    "status-486": ("F093", "F129", "F095"),
    "status-487": ("F122",),
    "status-488": ("F114", "F115", "F116"),
    "status-491": ("F124",),
    "status-494": ("F127",),
    "status-500": ("F133",),
    "status-501": ("F126",),
    "status-502": ("F133",),
    "status-503": ("F129", "F132", "F131"),
    "status-504": ("F133",),
    "status-513": ("F026",),
    "status-580": ("F127",),
    "status-600": ("F093",),
    "status-603": ("F095", "F096"),
    "status-604": ("F072",),
    "status-606": ("F114",),
    "status-607": ("F098",),
    "status-608": ("F097", "F096"),
}
"""Causes that a topic of sip-doctor amounts to, the one that its text speaks of most first."""


def by_code(capture: Path) -> tuple[str, ...]:
    """Return the cause that the last refusal in a capture suggests."""
    finals = [(status, method) for status, method in _responses(capture) if status >= 200]
    if not finals:
        return (BY_CODE[0],)
    status = finals[-1][0]
    refusals = [status for status, _ in finals if status >= 300 and status not in {401, 407}]
    if status < 300 and refusals:
        status = refusals[-1]
    return (BY_CODE[status],) if status in BY_CODE else ()


def _responses(capture: Path) -> Iterator[tuple[int, str]]:
    with capture.open("rb") as file:
        for _, packet in dpkt.pcap.Reader(file):
            text = packet.decode(errors="replace")
            for part in re.finditer(r"SIP/2\.0 (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n", text, re.DOTALL):
                found = re.search(r"(?im)^CSeq:\s*\d+ (\w+)", part[2])
                yield int(part[1]), found[1] if found else ""


def by_sip_doctor(program: str, capture: Path) -> tuple[str, ...]:
    """Return the causes that sip-doctor's findings amount to, at most four, the gravest first."""
    ran = subprocess.run(
        [program, "read", "--json", "--all", str(capture)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if not ran.stdout.startswith("{"):
        return ()
    findings = list(_findings(json.loads(ran.stdout)))
    findings.sort(key=lambda finding: ("error", "warn", "info").index(finding["severity"]))
    causes = [cause for finding in findings for cause in TOPICS.get(_topic(finding), ())]
    return tuple(dict.fromkeys(causes))[:4]


def _topic(finding: dict[str, str]) -> str:
    """Return the topic; a failed registration has that of its code."""
    code = re.search(r"\b([3-6]\d\d)\b", finding["title"])
    if finding["topic"] == "registration-failed" and code:
        return f"status-{code[1]}"
    return finding["topic"] or ""


def _findings(node: object) -> Iterator[dict[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "findings":
                yield from value
            else:
                yield from _findings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _findings(value)
