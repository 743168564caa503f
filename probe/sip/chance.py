"""Identifiers that nobody can guess: Call-ID, tags (RFC 3261 §19.3), SSRC (RFC 3550 §8).

As ``secrets`` gives them, from the same source. That module takes 5 ms of each worker to load, for
a comparison and a generator that are not wanted here.
"""

import os


def token(size: int) -> str:
    """Return so many random bytes in hexadecimal."""
    return os.urandom(size).hex()


def bits(count: int) -> int:
    """Return a random number of so many bits."""
    size = (count + 7) // 8
    return int.from_bytes(os.urandom(size), "big") >> (8 * size - count)
