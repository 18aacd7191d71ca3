"""Our certificate before this one: for a while it opens what partners still seal for it, and it never signs."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.smime.bench import SmimeBench, decode, encode
from gateway.adapters.smime.certificates import pem
from gateway.worker import Bench
from tests.adapters.smime.forge import OPENED_AT
from tests.adapters.smime.people import Person, curve_key, person, rsa_key
from tests.adapters.smime.test_attacks import US, bench
from tests.adapters.smime.test_envelopes import SIGNED, assert_ours, envelope, opened, openssl, refusal

FORMER = person("hopital-2025", key=rsa_key(), end=OPENED_AT - timedelta(days=3))
BY_CURVE = person("hopital-2025-ec", key=curve_key("hopital-2025-ec"))


def with_former(former: Person | None) -> Bench:
    """Our own bench, as it comes out of the pipe to the worker."""
    told = encode(US.identity(), (), former=former.identity() if former else None)
    ours = decode(told)
    known = bench().smime
    assert known is not None
    return replace(bench(), smime=SmimeBench(own=ours.own, former=ours.former, known=known.known))


@pytest.mark.parametrize("former", [FORMER, BY_CURVE], ids=["rsa, expired", "ec"])
@pytest.mark.parametrize("cipher", ["-aes256", "-aes-256-gcm"])
def test_a_mail_that_openssl_seals_to_the_former_certificate_opens(tmp_path: Path, former: Person, cipher: str) -> None:
    """A partner who has not switched yet, with a mail program of his own; the new one opens beside it."""
    (tmp_path / "former.pem").write_text(pem(former.certificate))
    arguments = ["cms", "-encrypt", "-binary", cipher, "-outform", "DER", "-recip", "former.pem"]
    sealed_to_former = openssl(tmp_path, *arguments, data=SIGNED)
    assert_ours(opened(sealed_to_former, with_former(former)))
    assert_ours(opened(envelope(SIGNED), with_former(former)))
    assert refusal(sealed_to_former, with_former(None)) == ("decrypt", "not-for-us")


def test_a_mail_for_both_opens_with_the_new_one(tmp_path: Path) -> None:
    """A partner who was not sure."""
    for name, who in (("former", FORMER), ("new", US)):
        (tmp_path / f"{name}.pem").write_text(pem(who.certificate))
    arguments = [
        "cms",
        "-encrypt",
        "-binary",
        "-aes256",
        "-outform",
        "DER",
        "-recip",
        "former.pem",
        "-recip",
        "new.pem",
    ]
    both = openssl(tmp_path, *arguments, data=SIGNED)
    assert_ours(opened(both, with_former(FORMER)))
    assert_ours(opened(both))


def test_a_mail_for_neither_is_refused() -> None:
    """Two of ours are not everybody's."""
    stranger = person("cnse", key=rsa_key())
    assert refusal(envelope(SIGNED, stranger), with_former(FORMER)) == ("decrypt", "not-for-us")


def test_an_envelope_to_the_former_certificate_proves_no_more_than_another() -> None:
    """The signature inside is demanded all the same (EFAIL)."""
    assert refusal(envelope(b"Content-Type: text/plain\r\n\r\nx\r\n", FORMER), with_former(FORMER)) == (
        "signature",
        "not-signed",
    )
