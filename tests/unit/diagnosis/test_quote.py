"""What is quoted from the wire is visible, bounded and without secrets."""

from hypothesis import given
from hypothesis import strategies as st

from probe.diagnosis.quote import header_lines, plain, quoted, start_line, visible


@given(st.text())
def test_everything_is_printable(text: str) -> None:
    """No control character, no bidirectional override, no newline comes through."""
    assert visible(text).isprintable()
    assert '"' not in visible(text)


@given(st.text(), st.text(), st.text())
def test_a_piece_stays_a_piece(before: str, piece: str, after: str) -> None:
    """What is quoted can be found in the message made visible."""
    assert visible(piece) in visible(before + piece + after)


def test_escapes_say_which_byte() -> None:
    """An escape sequence, a byte that is no UTF-8 and a wide character are written out."""
    assert visible("\x1b[31m\udcff\u202e") == "\\x1b[31m\\xff\\u202e"


def test_long_text_is_cut() -> None:
    """The mark of a cut stands outside the quotation."""
    assert quoted("x" * 300, 10) == '"xxxxxxxxxx"…'
    assert plain("x" * 300, 10) == "xxxxxxxxxx…"
    assert quoted(" short ") == '"short"'


def test_secrets_are_withheld() -> None:
    """Digest parts are taken out of free text."""
    said = plain('x response="abc", nonce=def; password: hunter2 inline:AAAA')
    assert "abc" not in said
    assert "def" not in said
    assert "hunter2" not in said
    assert "AAAA" not in said


def test_header_lines_are_found_in_either_form() -> None:
    """Long and compact names find the same field; the body is not searched."""
    text = "SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n\r\nVia: no"
    assert header_lines(text, "Via") == ("v: SIP/2.0/UDP a", "Via: SIP/2.0/UDP b")
    assert header_lines(text, "Reason") == ()


def test_header_fields_with_secrets_are_never_quoted() -> None:
    """Challenges, credentials and identities stay in the trace."""
    text = 'SIP/2.0 401 No\r\nWWW-Authenticate: Digest nonce="n"\r\nX-A: nonce=1\r\n\r\n'
    assert header_lines(text, "WWW-Authenticate") == ()
    assert header_lines(text, "X-A") == ()


def test_first_line() -> None:
    """Leading empty lines are passed over."""
    assert start_line("\r\nSIP/2.0 200 OK\r\nVia: x\r\n") == "SIP/2.0 200 OK"
