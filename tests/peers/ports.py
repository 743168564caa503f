"""Port numbers on loopback for peers that must be told theirs."""

import errno
import os
import random
import socket
from functools import cache

LOOPBACK = "127.0.0.1"

FIRST, LAST = 20000, 31999
"""Below the kernel's range for port 0 (Linux: from 32768), so that nobody is given one of ours."""

BLOCKS_FROM = 12000
"""Where the blocks of ports begin, below the single ones."""

BLOCK = 64
"""Ports in a block: two for each leg of a call with sound, so 16 calls between two phones."""

WORKERS = 12
"""Into how many shares the range is cut: parallel pytest workers never offer the same port."""


@cache
def _untried() -> list[int]:
    """Return this worker's share of the range, in an order of its own for each process."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = (LAST - FIRST + 1) // WORKERS
    start = FIRST + size * (worker % WORKERS)
    # Not the common generator: pytest-randomly seeds that with the same value again and again.
    return random.SystemRandom().sample(range(start, start + size), size)


def free_port(count: int = 1) -> int:
    """Return a port free for UDP and TCP, as are the `count` - 1 after it; never one again."""
    untried = _untried()
    while untried:
        first = untried.pop()
        if all(_is_ours(port) and _is_free(port) for port in range(first, first + count)):
            return first
    message = "no free port is left for the peers"
    raise AssertionError(message)


def free_block() -> int:
    """Return the first of `BLOCK` UDP ports that are free, for a peer that wants a range."""
    firsts = range(BLOCKS_FROM, FIRST - BLOCK + 1, BLOCK)
    for first in random.SystemRandom().sample(firsts, len(firsts)):
        ports = range(first, first + BLOCK)
        # The claim comes last: it stays for as long as this process lives.
        if all(_is_free(port, socket.SOCK_DGRAM) for port in ports) and _is_claimed("block", first):
            return first
    message = "no free block of ports is left for the peers"
    raise AssertionError(message)


@cache
def _is_ours(port: int) -> bool:
    """Claim a port until this process ends; False where another test run on this machine has it."""
    return _is_claimed("port", port)


def _is_claimed(kind: str, number: int) -> bool:
    """Take a name that only one process on this machine can have, until it ends."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0sipprobe-test-{kind}-{number}")  # Linux: abstract, gone with its holder
    except OSError:
        claim.close()
        return False
    claim.detach()  # stays open: nobody is to close it before the end
    return True


def _is_free(port: int, *kinds: socket.SocketKind) -> bool:
    for kind in kinds or (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as candidate:
            try:
                candidate.bind((LOOPBACK, port))
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE:
                    raise
                return False
    return True
