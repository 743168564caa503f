"""Keys of a telephone: their frequencies and their events."""

KEYS = "0123456789*#ABCD"
"""In the order of their events (RFC 4733 §3.2)."""

ROWS_HZ = (697, 770, 852, 941)
COLUMNS_HZ = (1209, 1336, 1477, 1633)
LAYOUT = ("123A", "456B", "789C", "*0#D")

PRESSED_S = 0.1
"""How long a key is pressed: ITU-T Q.24 wants 40 ms recognised, gateways often want 80."""

PAUSE_S = 0.1
"""Between two keys."""


def frequencies(key: str) -> tuple[int, int]:
    """Return the two tones of a key (ITU-T Q.23); raise ValueError where it is none."""
    for row, keys in zip(ROWS_HZ, LAYOUT, strict=True):
        if key in keys:
            return row, COLUMNS_HZ[keys.index(key)]
    raise ValueError(f"{key!r} is no key")
