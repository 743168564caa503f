"""G.711 by table: what the tables hold, sample by sample."""

from array import array

import pytest

from probe.playing.g711 import G711

EVERY = array("h", range(-32768, 32768))


@pytest.mark.parametrize(
    ("name", "code", "first", "last"),
    [
        # Decision values of ITU-T G.711, tables 1a and 2a; theirs have 13 and 14 bits.
        *(("PCMU", 0xFF, 0, 3), ("PCMU", 0xEF, 124, 139), ("PCMU", 0x8F, 16252, 17275)),
        *(("PCMU", 0x80, 31612, 32767), ("PCMU", 0x7E, -8, -1), ("PCMU", 0x00, -32768, -31609)),
        *(("PCMA", 0xD5, 0, 15), ("PCMA", 0xF5, 512, 543), ("PCMA", 0xAA, 31744, 32767)),
        *(("PCMA", 0x55, -16, -1), ("PCMA", 0x2A, -32768, -31745)),
    ],
)
def test_code_stands_for_the_samples_of_the_standard(
    name: str, code: int, first: int, last: int
) -> None:
    """From the first to the last and no other; two bits of a sample are cut off, downwards."""
    codes = G711(name).encode(EVERY.tobytes())
    assert codes.index(code) - 32768 == first
    assert codes.rindex(code) - 32768 == last
    assert codes.count(code) == last - first + 1


@pytest.mark.parametrize("name", ["PCMU", "PCMA"])
def test_what_a_code_means_gets_that_code(name: str) -> None:
    """All but the second zero of the mu-law, and loudness rises with the sample."""
    coder = G711(name)
    meant = coder.decode(bytes(range(256)))
    again = bytearray(coder.encode(meant))
    if name == "PCMU":
        assert again[0x7F] == 0xFF
        again[0x7F] = 0x7F
    assert bytes(again) == bytes(range(256))
    heard = array("h", coder.decode(coder.encode(EVERY.tobytes())))
    assert list(heard) == sorted(heard)
