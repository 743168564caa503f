"""Addresses of this machine (Linux: the kernel's own table of local routes)."""

import ipaddress
import re
from pathlib import Path

_TABLE = Path("/proc/net/fib_trie")
_LOCAL = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL")


def other_addresses(used: str) -> tuple[str, ...]:
    """Return the IPv4 addresses of this machine beside one, without loopback; empty if unknown."""
    try:
        ours = ipaddress.ip_address(used)
        text = _TABLE.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ()
    if ours.version != 4 or ours.is_loopback:
        return ()
    found = (ipaddress.ip_address(text) for text in _LOCAL.findall(text))
    usable = {a for a in found if a != ours and not a.is_loopback and not a.is_link_local}
    return tuple(str(address) for address in sorted(usable, key=int))
