"""Identifiers that nobody can guess."""

from probe.sip import chance


def test_tokens_have_their_length_and_no_two_are_alike() -> None:
    """In hexadecimal, which every header field may hold."""
    found = {chance.token(8) for _ in range(1000)}
    assert len(found) == 1000
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in found)


def test_numbers_fill_their_bits_and_no_more() -> None:
    """A CSeq begins below 2**15, whatever bytes that takes."""
    found = [chance.bits(15) for _ in range(4000)]
    assert max(found) < 2**15
    assert max(found) > 2**15 - 2**10
    assert min(found) < 2**10
    assert chance.bits(32) != chance.bits(32)
