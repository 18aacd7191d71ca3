"""Media types, parameters, and names of files that must be harmless on a screen and never a path."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire import params
from gateway.wire.compose import name_parameter
from gateway.wire.params import content_type, filename, safe_filename


@pytest.mark.parametrize(
    ("value", "media", "expected"),
    [
        (None, "text/plain", {}),
        ("garbage", "text/plain", {}),
        (
            'Multipart/Signed; Boundary="a;\\"b"; micalg = pgp-sha256',
            "multipart/signed",
            {"boundary": 'a;"b', "micalg": "pgp-sha256"},
        ),
        ("text/plain; charset=us-ascii (comment); x", "text/plain", {"charset": "us-ascii"}),
        ("a/b; name*0*=utf-8''%C3%A9; name*1=t; name*2*=%C3%A9; name=plain", "a/b", {"name": "été"}),
        ("a/b; name*=iso-8859-1'fr'%E9; name*x=1", "a/b", {"name": "é"}),
    ],
)
def test_content_types_are_read(value: str | None, media: str, expected: dict[str, str]) -> None:
    """Unreadable types are plain text; continued and encoded parameters are joined."""
    kind = content_type(value)

    assert kind.media == media
    assert {key: kind.params.get(key) for key in expected} == expected


@pytest.mark.parametrize("value", ["a/b; boundary=x; Boundary=y", "a/b; n*0=x; n*00=y"])
def test_a_parameter_given_twice_is_refused(value: str) -> None:
    """Two readers would choose differently."""
    with pytest.raises(MailMalformed, match="duplicate-parameter"):
        content_type(value)


def test_too_many_parameters_are_refused() -> None:
    """One more than the limit."""
    with pytest.raises(MailMalformed, match="too-many-parameters"):
        content_type("a/b" + "".join(f";p{i}=1" for i in range(params.MAX_PARAMETERS + 1)))


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ('attachment; filename="../../etc/cron.d/x"', "x"),
        ("attachment; filename*=utf-8''..%2f..%2fetc%2fpasswd", "passwd"),
        ("attachment; filename*=utf-8''a%E2%80%AEfdp.exe", "afdp.exe"),
        ("attachment; filename*=utf-8''a%00b.pdf", "a b.pdf"),
        ("attachment; filename*=utf-8''a%0D%0AX-Inj", "a X-Inj"),
        ('attachment; filename="=?utf-8?q?=2E=2E=5Cdevis.pdf?="', "devis.pdf"),
        ('attachment; filename="C:\\\\Temp\\\\NUL.txt"', "_NUL.txt"),
        ('attachment; filename="..."', ""),
        ("attachment", "repli.pdf"),
    ],
)
def test_hostile_file_names_become_harmless(disposition: str, expected: str) -> None:
    """No folder, control, bidirectional or device name is left."""
    assert filename(disposition, "application/pdf; name=repli.pdf" if disposition == "attachment" else None) == expected


@given(st.text())
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    """Cleaning twice is cleaning once, and the result is short and without separators."""
    once = safe_filename(name)

    assert safe_filename(once) == once
    assert len(once) <= params.MAX_NAME
    assert not set(once) & set('/\\<>:"|?*\r\n\0\u202e')


def test_a_long_name_keeps_its_extension() -> None:
    """The cut falls before the extension."""
    assert safe_filename("é" * 300 + ".pdf") == "é" * (params.MAX_NAME - 4) + ".pdf"


@given(st.text(min_size=1))
def test_names_round_trip_through_a_parameter(text: str) -> None:
    """What is written is what is read."""
    name = safe_filename(text) or "x"

    assert filename(f"attachment; {name_parameter('filename', name)}", None) == name


@given(st.text())
def test_arbitrary_parameters_raise_nothing_but_mail_malformed(value: str) -> None:
    """No other exception leaks."""
    with contextlib.suppress(MailMalformed):
        content_type(f"a/b;{value}")
    with contextlib.suppress(MailMalformed):
        filename(f"attachment;{value}", f"a/b;{value}")
