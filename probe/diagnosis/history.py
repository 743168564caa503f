"""What the last good run of the same scenario looked like: a change since then is evidence."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The same step of the same scenario, in the last stored run in which it was met."""

    run_id: str
    "Id of that run."

    at: datetime
    "Aware UTC, when it began."

    remote: str
    "Address that answered as ip:port; empty where nothing was sent."

    local: str
    "Our own address as ip:port; empty where nothing was sent."

    seen: str
    "Our address as they saw it (Via received, RFC 3581); empty where they did not say."

    transport: str
    "UDP, TCP or TLS; empty where nothing was sent."

    server: str
    "Server or User-Agent of the answer; empty where there was none."

    codec: str
    "Encoding name that was in use; empty where there was no audio."

    answered_after_s: float | None
    "Seconds to the first response, or None."

    tls: str
    "Protocol version and cipher; empty for none."

    addresses: tuple[str, ...]
    "What the name led to."

    outcomes_since: tuple[str, ...] = ()
    "Outcomes of the runs of this step since then, oldest first; this run left out."

    refused_logins_since: int = 0
    "How many of those were refused at the login."
