"""What a file is, by its first bytes."""

import pytest

from gateway.domain.media import media_of


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%PDF-1.7\n", ("application/pdf", "pdf", False)),
        (b"\xff\xd8\xff\xe0", ("image/jpeg", "jpg", True)),
        (b"\x89PNG\r\n\x1a\n", ("image/png", "png", True)),
        (b"%PDF", None),
        (b" %PDF-1.7", None),
        (b"<svg onload=alert(1)>", None),
        (b"MZ", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_first_bytes_say(data: bytes, told: tuple[str, str, bool] | None) -> None:
    """What a browser might run, what is cut short, and what begins with anything else is not taken."""
    found = media_of(data)

    assert (None if found is None else (found.type, found.extension, found.image)) == told
