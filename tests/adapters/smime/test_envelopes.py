"""Envelopes: what is sealed for us opens, and nothing of an envelope is used before the signature inside holds."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from gateway.adapters.openpgp.open import OpenLimits
from gateway.adapters.smime import open as opening
from gateway.adapters.smime.certificates import fingerprint, pem
from gateway.adapters.smime.seal import Agreed, Cipher, SmimeSealer
from gateway.domain.errors import MailRefused, OwnKeyUnusable
from gateway.domain.parties import Suite
from gateway.ports import PublicKey
from gateway.wire import sealed
from gateway.wire.incoming import Incoming
from gateway.worker import Bench, read
from tests.adapters.smime.forge import ENTITY, HEAD, OPENED_AT, OUTER, PARTNER, STRANGER, cms_signature, opaque, signer
from tests.adapters.smime.people import Person, curve_key, person, rsa_key
from tests.adapters.smime.test_attacks import US, bench
from tests.services.fakes import FakeClock

BY_CURVE = person("hopital-ec", key=curve_key("hopital-ec"))
SIGNED = sealed.signed(ENTITY, cms_signature(signer()), "sha-256", "bord-signe", Suite.SMIME)
BLOCK = 16


def openssl(folder: Path, *arguments: str, data: bytes) -> bytes:
    """``openssl`` as a person runs it, in a folder with the certificates."""
    return subprocess.run(["openssl", *arguments], input=data, cwd=folder, capture_output=True, check=True).stdout


def envelope(content: bytes, recipient: Person = US) -> bytes:
    """An EnvelopedData in AES-CBC."""
    builder = PKCS7EnvelopeBuilder().set_data(content).add_recipient(recipient.certificate)
    return builder.encrypt(Encoding.DER, [PKCS7Options.Binary])


def outer(ciphertext: bytes) -> bytes:
    """The mail around it."""
    return sealed.outer(OUTER, ciphertext, "", Suite.SMIME)


def opened(ciphertext: bytes, with_bench: Bench | None = None) -> Incoming:
    """What the worker says of the mail around this."""
    return read(outer(ciphertext), with_bench or bench())


def refusal(ciphertext: bytes, with_bench: Bench | None = None) -> tuple[str | None, str | None]:
    """Step and reason; of the mail nothing else is told."""
    seen = opened(ciphertext, with_bench)
    assert (seen.shape, seen.entity, seen.inner, seen.fingerprint) == (None, None, None, None)
    return seen.failed_step, seen.failed_reason


def assert_ours(seen: Incoming) -> None:
    """It is the partner's entity, byte for byte."""
    assert (seen.failed_reason, seen.shape, seen.entity) == (None, "ENCRYPTED", ENTITY)
    assert seen.fingerprint == fingerprint(PARTNER.certificate)


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("us", [US, BY_CURVE], ids=["rsa", "ec"])
async def test_what_the_sealer_encrypts_opens(cipher: Cipher, us: Person) -> None:
    """Each cipher to each kind of key; the outer type says which of the two structures it is."""
    sealer = SmimeSealer(PARTNER.identity(), agreed={"hopital": Agreed(cipher=cipher)}, clock=FakeClock(OPENED_AT))
    key = PublicKey(suite=Suite.SMIME, fingerprint=fingerprint(us.certificate), material=pem(us.certificate))
    raw = outer(await sealer.encrypt(SIGNED, key, partner="hopital"))
    assert_ours(read(raw, bench(us=us)))
    kind = b"authEnveloped-data" if cipher is Cipher.AES256_GCM else b"enveloped-data"
    assert b"smime-type=" + kind in raw


def test_an_envelope_without_a_signature_is_refused() -> None:
    """Anybody can encrypt to us."""
    assert refusal(envelope(ENTITY)) == ("signature", "not-signed")


def test_an_opaque_signature_inside_is_refused() -> None:
    """Its content cannot be read again from the bytes by which a receipt attests it."""
    assert refusal(envelope(opaque(cms_signature(signer(), content=ENTITY)))) == ("signature", "not-signed")


def test_a_signature_of_the_other_suite_inside_is_refused() -> None:
    """One mail, one suite: nobody ever agreed on a mixture."""
    armour = b"-----BEGIN PGP SIGNATURE-----\r\n\r\nabcd\r\n-----END PGP SIGNATURE-----\r\n"
    mixed = sealed.signed(ENTITY, armour, "pgp-sha256", "bord-autre")
    assert refusal(envelope(mixed)) == ("signature", "mixed-suites")


def test_a_strangers_signature_inside_is_refused() -> None:
    """The envelope hides nothing from the verifier."""
    theirs = cms_signature(signer(STRANGER), who=STRANGER)
    signed = sealed.signed(ENTITY, theirs, "sha-256", "bord-autre", Suite.SMIME)
    assert refusal(envelope(signed)) == ("signature", "unknown-key")


def test_an_envelope_for_somebody_else_is_refused() -> None:
    """Ours is not among the recipients."""
    other = person("cnse", key=rsa_key())
    assert refusal(envelope(SIGNED, other)) == ("decrypt", "not-for-us")
    assert refusal(envelope(SIGNED), bench(us=other)) == ("decrypt", "not-for-us")


def test_without_a_certificate_of_our_own_an_envelope_waits_for_a_person() -> None:
    """It is refused, never taken for plain mail."""
    assert refusal(envelope(SIGNED), bench(us=None)) == ("decrypt", "no-key")


def test_an_envelope_over_the_limit_is_refused() -> None:
    """Before anything is decrypted."""
    small = replace(bench(), limits=OpenLimits(max_plain=100))
    assert refusal(envelope(SIGNED), small) == ("decrypt", "too-large")


@pytest.mark.parametrize(
    "data", [b"\x30\x80" * 50, b"\x30\x03\x02\x01\x05", envelope(SIGNED)[:-9], envelope(SIGNED) + b"\0"]
)
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    """Nested without end, not CMS, cut, followed by more."""
    assert refusal(data) == ("decrypt", "unreadable")


def test_an_envelope_of_nothing_is_not_one() -> None:
    """A signature alone, where an envelope should be."""
    seen = read(HEAD + opaque(cms_signature(signer(), content=ENTITY)), bench())
    assert (seen.failed_step, seen.failed_reason) == ("decrypt", "opaque-signed")


def test_triple_des_is_refused(tmp_path: Path) -> None:
    """What older programs choose when nobody tells them: blocks of 64 bits."""
    (tmp_path / "us.pem").write_text(pem(US.certificate))
    weak = openssl(tmp_path, "cms", "-encrypt", "-binary", "-des3", "-outform", "DER", "us.pem", data=SIGNED)
    assert refusal(weak) == ("decrypt", "weak-cipher")


def test_a_password_instead_of_a_key_is_refused(tmp_path: Path) -> None:
    """It opens, and says nothing of whom it is for."""
    arguments = ["-encrypt", "-binary", "-aes256", "-outform", "DER", "-pwri_password", "secret"]
    assert refusal(openssl(tmp_path, "cms", *arguments, data=SIGNED)) == ("decrypt", "symmetric")


# --- EFAIL: ciphertext without integrity


def flipped(ciphertext: bytes, block: int) -> bytes:
    """One bit of this block of the encrypted content is another: garbles the block, and flips that bit in the next."""
    content = cms.ContentInfo.load(ciphertext)["content"]["encrypted_content_info"]["encrypted_content"].native
    start = ciphertext.index(content) + block * BLOCK
    return ciphertext[:start] + bytes([ciphertext[start] ^ 1]) + ciphertext[start + 1 :]


BLOCKS = len(SIGNED) // BLOCK


@pytest.mark.parametrize("tenth", range(10))
def test_a_flipped_block_never_changes_what_we_read(tenth: int) -> None:
    """Ten places over the whole content: what is under the signature is the partner's own, or nothing is read."""
    ciphertext = envelope(SIGNED)
    for block in range(tenth * BLOCKS // 10, (tenth + 1) * BLOCKS // 10):
        seen = opened(flipped(ciphertext, block))
        if seen.failed_reason is None:
            assert_ours(seen)


@pytest.mark.parametrize("tenth", range(10))
def test_a_flipped_block_of_the_signed_text_is_refused(tenth: int) -> None:
    """Ten places in the signed entity."""
    first, last = SIGNED.index(ENTITY) // BLOCK + 1, (SIGNED.index(ENTITY) + len(ENTITY)) // BLOCK - 1
    block = first + tenth * (last - first) // 10
    assert refusal(flipped(envelope(SIGNED), block))[0] in {"signature", "signed", "structure"}


def test_a_cut_or_lengthened_ciphertext_is_refused() -> None:
    """Padding alone is no integrity, but a wrong one is told by nobody else."""
    ciphertext = envelope(SIGNED)
    assert refusal(flipped(ciphertext, BLOCKS - 1))[0] is not None
    last = flipped(ciphertext, len(SIGNED) // BLOCK)
    seen = opened(last)
    assert seen.failed_reason is not None or seen.entity == ENTITY


@pytest.mark.parametrize("where", ["tag", "content"])
def test_a_changed_authenticated_envelope_is_refused_whole(tmp_path: Path, where: str) -> None:
    """AES-GCM tells; what openssl wrote before it knew is thrown away."""
    (tmp_path / "us.pem").write_text(pem(US.certificate))
    good = openssl(tmp_path, "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER", "us.pem", data=SIGNED)
    assert_ours(opened(good))
    at = len(good) - 3 if where == "tag" else len(good) - 500
    assert refusal(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]) == ("decrypt", "damaged")


def test_a_wrong_key_inside_gives_the_same_answer_as_a_wrong_padding() -> None:
    """One reason for both: nothing to guess from."""
    ciphertext = envelope(SIGNED)
    key = cms.ContentInfo.load(ciphertext)["content"]["recipient_infos"][0].chosen["encrypted_key"].native
    at = ciphertext.index(key) + 40
    assert refusal(ciphertext[:at] + bytes([ciphertext[at] ^ 1]) + ciphertext[at + 1 :]) in {
        ("decrypt", "damaged"),
        # A random key of the right length, and a padding that is right by chance (one in 256).
        ("signed", "header-line"),
        ("signature", "not-signed"),
    }
    assert isinstance(US.key, rsa.RSAPrivateKey)


def test_a_machine_without_openssl_blames_no_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent keeps the mail for the next poll; what needs no openssl goes on."""
    (tmp_path / "us.pem").write_text(pem(US.certificate))
    good = openssl(tmp_path, "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER", "us.pem", data=SIGNED)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OwnKeyUnusable, match="OpenSSL"):
        opened(good)
    assert_ours(opened(envelope(SIGNED)))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 47, 48, 49, 1000])
def test_a_content_goes_through_piece_by_piece(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever length, with its padding in a piece of its own or not; a ciphertext that was cut is refused."""
    monkeypatch.setattr(opening, "_PIECE", 32)
    content = b"x" * size
    whole = envelope(content)
    assert opening.decrypt(whole, US.identity(), max_plain=2000).data == content
    bare = cms.ContentInfo.load(whole)
    inside = bare["content"]["encrypted_content_info"]
    for cut in (inside["encrypted_content"].native[:-1], inside["encrypted_content"].native[:-16], b""):
        inside["encrypted_content"] = cut
        if len(cut) % 16 == 0 and cut:
            # Cut at a block, the padding is that of a random block: almost always wrong, never more text.
            continue
        with pytest.raises(MailRefused) as caught:
            opening.decrypt(bare.dump(force=True), US.identity(), max_plain=2000)
        assert (caught.value.step, caught.value.reason) == ("decrypt", "damaged")


def test_our_expired_certificate_still_opens_old_mail() -> None:
    """What was sealed in time may be read late; it is the signature that must be good."""
    late = replace(bench(), clock=FakeClock(OPENED_AT + timedelta(days=400)))
    assert_ours(opened(envelope(SIGNED), late))


# --- other programs


@pytest.mark.parametrize("cipher", ["-aes128", "-aes256", "-aes-256-gcm"])
@pytest.mark.parametrize("options", [(), ("-stream",), ("-keyid",), ("-keyopt", "rsa_padding_mode:oaep")], ids=str)
def test_envelopes_by_openssl_cms_open(tmp_path: Path, cipher: str, options: tuple[str, ...]) -> None:
    """Streamed or not, by serial number or key identifier, in both paddings of RSA."""
    (tmp_path / "us.pem").write_text(pem(US.certificate))
    arguments = ["cms", "-encrypt", "-binary", cipher, "-outform", "DER", "-recip", "us.pem", *options]
    assert_ours(opened(openssl(tmp_path, *arguments, data=SIGNED)))


def test_envelopes_by_openssl_smime_open(tmp_path: Path) -> None:
    """The older command, as documented."""
    (tmp_path / "us.pem").write_text(pem(US.certificate))
    arguments = ["smime", "-encrypt", "-binary", "-aes256", "-outform", "DER", "us.pem"]
    assert_ours(opened(openssl(tmp_path, *arguments, data=SIGNED)))


def test_a_whole_mail_by_openssl_is_read(tmp_path: Path) -> None:
    """Signed and encrypted by the commands of docs/wire-format.md, as a partner without a gateway does."""
    (tmp_path / "us.pem").write_text(pem(US.certificate))
    (tmp_path / "cnas.pem").write_text(pem(PARTNER.certificate))
    (tmp_path / "cnas.key").write_text(PARTNER.identity().key_pem())
    signed = openssl(tmp_path, "cms", "-sign", "-signer", "cnas.pem", "-inkey", "cnas.key", data=ENTITY)
    arguments = ["cms", "-encrypt", "-aes256", "-from", "soins@cnas.test", "-to", "soins@hopital.test"]
    raw = openssl(tmp_path, *arguments, "-subject", "Soins", "us.pem", data=signed)
    now = FakeClock(OPENED_AT.replace(year=2027))
    seen = read(raw, replace(bench(), clock=now))
    assert (seen.failed_step, seen.failed_reason) == (None, None)
    assert seen.inner is not None
    assert "canari-7f3a" in seen.inner.text
