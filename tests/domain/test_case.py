"""The opaque token of a case: made from noise, read back from what a person types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.case import ALPHABET, parse_token, token
from gateway.domain.errors import Unknown


@given(st.binary(min_size=6, max_size=6))
def test_a_token_reads_back_as_itself(noise: bytes) -> None:
    """Also in lower case, with spaces around, and without its dash."""
    made = token(noise)
    assert len(made) == 7
    assert set(made) <= {*ALPHABET, "-"}
    for typed in (made, made.lower(), f"  {made} ", made.replace("-", "")):
        assert parse_token(typed) == made


def test_every_letter_is_as_likely_as_another() -> None:
    """256 divides by 32, so that a byte makes no letter more likely."""
    assert [sum(token(bytes([byte] * 6))[0] == letter for byte in range(256)) for letter in ALPHABET] == [8] * 32


def test_letters_that_look_like_digits_are_read_as_digits() -> None:
    """A token read aloud over a telephone is found."""
    assert parse_token("ol1i-O0") == "0111-00"


@pytest.mark.parametrize(
    "text", ["", "7F3K", "7F3K-Q", "7F3K-Q22", "7F3U-Q2", "7F3K/Q2", "7F-3KQ2", "７F3K-Q2", "x" * 90]
)
def test_what_cannot_be_a_token_is_unknown(text: str) -> None:
    """And the error repeats no more than twenty characters of it."""
    with pytest.raises(Unknown) as caught:
        parse_token(text)
    assert len(str(caught.value.fields["ref"])) <= 20


@given(st.text(max_size=30))
def test_any_text_is_a_token_or_unknown(text: str) -> None:
    """Nothing else can come out, and what comes out reads back as itself."""
    try:
        found = parse_token(text)
    except Unknown:
        return
    assert parse_token(found) == found
