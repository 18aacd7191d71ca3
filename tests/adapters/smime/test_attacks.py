"""Signed mails with one defect each: refused for the right reason, and nothing of them is believed."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.adapters.openpgp.open import OpenLimits
from gateway.adapters.smime.bench import SmimeBench
from gateway.adapters.smime.certificates import Correspondent
from gateway.adapters.smime.cms import read_envelope, read_signer
from gateway.domain.errors import MailRefused
from gateway.wire.incoming import Incoming
from gateway.worker import Bench, read
from tests.adapters.smime.forge import (
    ENTITY,
    FOLDER,
    OPENED_AT,
    PARTNER,
    PINNED,
    SIGNED_AT,
    STRANGER,
    attacks,
    cms_signature,
    mail,
    signer,
)
from tests.adapters.smime.people import Person, person, rsa_key
from tests.nobody import NOBODY
from tests.services.fakes import FakeClock

ATTACKS = attacks()
US = person("hopital", key=rsa_key())


def bench(known: tuple[Person, ...] = PINNED, *, us: Person | None = US) -> Bench:
    """What the worker would have; without a GnuPG home, which S/MIME never needs."""
    pinned = tuple(Correspondent(certificate=each.certificate) for each in known)
    return Bench(
        home=Path("/nonexistent"),
        passphrase="",
        own=NOBODY,
        limits=OpenLimits(max_plain=1024 * 1024),
        smime=SmimeBench(own=us.identity(), known=pinned) if us else None,
        clock=FakeClock(OPENED_AT),
    )


def test_the_script_makes_the_stored_mails() -> None:
    """Byte for byte, and no file without its maker."""
    stored = {path.stem: path.read_bytes() for path in FOLDER.glob("*.eml")}
    assert stored == {name: attack.mail for name, attack in ATTACKS.items()}


@pytest.mark.parametrize("name", sorted(name for name, attack in ATTACKS.items() if attack.refused))
def test_an_attack_is_refused_for_its_own_reason(name: str) -> None:
    """Step and reason are told to the operator; of the mail only outer facts leave the worker."""
    seen = read((FOLDER / f"{name}.eml").read_bytes(), bench())
    assert (seen.failed_step, seen.failed_reason) == ATTACKS[name].refused
    assert seen == Incoming(
        shape=None,
        outer=seen.outer,
        structure=seen.structure,
        failed_step=seen.failed_step,
        failed_reason=seen.failed_reason,
    )


@pytest.mark.parametrize("name", sorted(name for name, attack in ATTACKS.items() if not attack.refused))
def test_an_honest_mail_is_read(name: str) -> None:
    """However it names the signer, and whatever certificate lies beside."""
    seen = read((FOLDER / f"{name}.eml").read_bytes(), bench())
    assert (seen.failed_reason, seen.entity) == (None, ENTITY)
    assert seen.fingerprint == Correspondent(certificate=PARTNER.certificate).fingerprint
    assert seen.signed_at == SIGNED_AT
    assert seen.inner is not None
    assert seen.inner.senders == ("soins@cnas.test",)


def test_a_signed_part_inside_other_text_proves_nothing() -> None:
    """The signature must cover the whole mail; this one is plain mail with a curious attachment."""
    head, _, body = ATTACKS["good"].mail.partition(b"Content-Type: multipart/signed")
    wrapped = b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\n\r\nVirez 100 000 EUR.\r\n--m\r\n'
    seen = read(head + wrapped + b"Content-Type: multipart/signed" + body + b"\r\n--m--\r\n", bench())
    assert (seen.shape, seen.entity, seen.fingerprint) == ("PLAIN", None, None)


def test_without_a_certificate_of_our_own_nothing_is_believed() -> None:
    """A gateway in OpenPGP alone knows no S/MIME partner."""
    seen = read(ATTACKS["good"].mail, bench(us=None))
    assert (seen.failed_step, seen.failed_reason) == ("signature", "unknown-key")


def test_two_pinned_certificates_under_one_name_decide_nothing() -> None:
    """The same key identifier twice, as after a renewal: whose pin it is would be chance."""
    renewed = person("cnas-bis", key=PARTNER.key)
    seen = read(mail(cms_signature(signer(by_key_id=True))), bench((PARTNER, renewed)))
    assert seen.failed_reason == "ambiguous-key"


def test_a_certificate_that_two_partners_share_must_be_good_for_both() -> None:
    """Whichever of the two names an authority that it does not lead to, or one that took it back."""
    one = Correspondent(certificate=PARTNER.certificate)
    for other in (replace(one, authorities=(STRANGER.certificate,)), replace(one, revoked=True)):
        for known in ((one, other), (other, one)):
            shared = replace(bench(), smime=SmimeBench(own=US.identity(), known=known))
            assert read(ATTACKS["good"].mail, shared).failed_step == "signature"
    twice = replace(bench(), smime=SmimeBench(own=US.identity(), known=(one, one)))
    assert read(ATTACKS["good"].mail, twice).entity == ENTITY


def test_no_changed_byte_of_a_signature_makes_another_mail() -> None:
    """Each byte of the CMS in turn: refused, or the same signed bytes by the same signer, never an unforeseen error."""
    good = cms_signature(signer())
    accepted = 0
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ (1 << at % 8)]) + good[at + 1 :]
        try:
            found = read_signer(changed)
        except MailRefused:
            continue
        accepted += found == read_signer(good)
    # The embedded certificate, which nobody reads, is most of what may change unnoticed.
    assert 0 < accepted < len(good)


@pytest.mark.parametrize("reader", [read_signer, read_envelope])
def test_garbage_is_refused_and_never_surprises(reader: object) -> None:
    """Two thousand mutations of a signature and of noise."""
    assert callable(reader)
    chance = random.Random(7)  # noqa: S311 - repeatable noise
    good = cms_signature(signer(), content=ENTITY)
    for _ in range(2000):
        data = bytearray(good if chance.random() < 0.8 else chance.randbytes(200))
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with pytest.raises(MailRefused):
            # The content inside keeps even an untouched copy from being a detached signature, or an envelope.
            reader(bytes(data[: chance.randint(1, len(data))]))
