"""Our own S/MIME: what we sign and encrypt is right for strangers' programs, and a bad certificate seals nothing."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import keys
from asn1crypto.pem import armor
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.adapters.clock import SystemClock
from gateway.adapters.smime.certificates import Correspondent, fingerprint, pem, read_certificate
from gateway.adapters.smime.cms import Scheme, read_signer
from gateway.adapters.smime.identity import Identity, generate, load, load_files
from gateway.adapters.smime.seal import Agreed, Cipher, SmimeSealer
from gateway.adapters.smime.verify import verify_detached
from gateway.domain.errors import KeyFileInvalid, KeyUnusable, OwnKeyUnusable, StorageFailed
from gateway.domain.parties import Suite
from gateway.ports import PublicKey
from gateway.wire import sealed
from tests.adapters.smime.forge import ENTITY, OUTER
from tests.adapters.smime.people import Person, curve_key, person, rsa_key, usage

NOW = SystemClock().now()
"""cryptography dates a signature by the system's clock, as GnuPG does."""
RSA = person("hopital", key=rsa_key(), start=NOW - timedelta(days=1), end=NOW + timedelta(days=30))
CURVE = person("hopital-ec", key=curve_key("hopital-ec"), start=NOW - timedelta(days=1), end=NOW + timedelta(days=30))
OWN = {"rsa": (RSA, False, Scheme.RSA_PKCS1), "pss": (RSA, True, Scheme.RSA_PSS), "ec": (CURVE, False, Scheme.ECDSA)}


def sealer(who: Person, *, pss: bool = False, cipher: Cipher = Cipher.AES256_CBC) -> SmimeSealer:
    """Seals as this person."""
    return SmimeSealer(who.identity(), agreed={"cnas": Agreed(cipher=cipher)}, clock=SystemClock(), pss=pss)


def key_of(who: Person) -> PublicKey:
    """A certificate as the gateway pins it."""
    return PublicKey(suite=Suite.SMIME, fingerprint=fingerprint(who.certificate), material=pem(who.certificate))


def openssl(folder: Path, *arguments: str) -> str:
    """A command of a person who has only openssl; it must succeed."""
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def typed(folder: Path, commands: str) -> str:
    """What a shell prints for these lines, all of which must succeed."""
    done = subprocess.run(["sh", "-euc", commands], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- signing


@pytest.mark.parametrize("kind", OWN)
async def test_a_signature_verifies_with_its_facts(kind: str) -> None:
    """By our own verifier: who, when, how."""
    who, pss, scheme = OWN[kind]
    now = SystemClock().now()
    signature = await sealer(who, pss=pss).sign(ENTITY, Suite.SMIME)
    facts = verify_detached(ENTITY, signature.data, (Correspondent(certificate=who.certificate),), at=now)
    assert (facts.fingerprint, facts.digest) == (fingerprint(who.certificate), "SHA256")
    assert abs(facts.made_at - now) < timedelta(minutes=10)
    assert (signature.micalg, signature.suite) == ("sha-256", Suite.SMIME)
    assert read_signer(signature.data).scheme is scheme


@pytest.mark.parametrize(
    ("command", "kind"), [("cms", "rsa"), ("cms", "pss"), ("cms", "ec"), ("smime", "rsa"), ("smime", "ec")]
)
async def test_openssl_verifies_our_signed_mail(tmp_path: Path, kind: str, command: str) -> None:
    """A stranger needs our certificate and nothing of ours else; the older command never learnt PSS."""
    who, pss, _ = OWN[kind]
    signature = await sealer(who, pss=pss).sign(ENTITY, Suite.SMIME)
    signed = sealed.signed(ENTITY, signature.data, signature.micalg, "bord-signe", Suite.SMIME)
    (tmp_path / "mail.eml").write_bytes(b"MIME-Version: 1.0\r\n" + signed)
    (tmp_path / "hopital.pem").write_text(pem(who.certificate))
    arguments = [command, "-verify", "-in", "mail.eml", "-certfile", "hopital.pem", "-CAfile", "hopital.pem"]
    openssl(tmp_path, *arguments, "-purpose", "any", "-out", "charge.bin")
    assert (tmp_path / "charge.bin").read_bytes() == ENTITY


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("kind", ["rsa", "ec"])
async def test_openssl_opens_our_envelope(tmp_path: Path, kind: str, cipher: Cipher) -> None:
    """The whole mail, read by ``openssl cms`` as documented."""
    who = OWN[kind][0]
    ciphertext = await sealer(RSA, cipher=cipher).encrypt(ENTITY, key_of(who), partner="cnas")
    (tmp_path / "mail.eml").write_bytes(sealed.outer(OUTER, ciphertext, "", Suite.SMIME))
    (tmp_path / "moi.pem").write_text(pem(who.certificate))
    (tmp_path / "moi.key").write_text(who.identity().key_pem())
    openssl(tmp_path, "cms", "-decrypt", "-in", "mail.eml", "-recip", "moi.pem", "-inkey", "moi.key", "-out", "clair")
    assert (tmp_path / "clair").read_bytes() == ENTITY


async def test_the_documented_commands_open_and_verify(tmp_path: Path) -> None:
    """The block of docs/wire-format.md, run as it stands by a shell: the hash of the payload comes out."""
    text = (Path(__file__).parents[3] / "docs" / "wire-format.md").read_text(encoding="utf-8")
    section = text[text.index("## Ouvrir et vérifier avec openssl seul") :]
    found = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert found is not None
    writer = sealer(RSA)
    signature = await writer.sign(ENTITY, Suite.SMIME)
    signed = sealed.signed(ENTITY, signature.data, signature.micalg, "bord-signe", Suite.SMIME)
    ciphertext = await writer.encrypt(signed, key_of(CURVE), partner="cnas")
    (tmp_path / "courrier.eml").write_bytes(sealed.outer(OUTER, ciphertext, "", Suite.SMIME))
    (tmp_path / "hopital.pem").write_text(pem(RSA.certificate))
    (tmp_path / "moi.pem").write_text(pem(CURVE.certificate))
    (tmp_path / "moi.key").write_text(CURVE.identity().key_pem())
    printed = typed(tmp_path, found[1])
    assert sealed.mic(ENTITY) in printed
    assert sealed.mic_base64(ENTITY) in printed
    assert fingerprint(RSA.certificate) in printed.replace(":", "")


async def test_a_certificate_chain_travels_with_the_signature(tmp_path: Path) -> None:
    """A reader's program needs what stands between our certificate and its root."""
    root = person("racine", authority=True)
    leaf = person("feuille", issuer=root, start=RSA.certificate.not_valid_before_utc, end=NOW + timedelta(days=3))
    identity = Identity(certificate=leaf.certificate, key=leaf.key, chain=(root.certificate,))
    signature = await SmimeSealer(identity, agreed={}, clock=SystemClock()).sign(ENTITY, Suite.SMIME)
    (tmp_path / "s.p7s").write_bytes(signature.data)
    told = openssl(tmp_path, "pkcs7", "-inform", "DER", "-in", "s.p7s", "-print_certs", "-noout")
    assert "CN = racine" in told
    assert "CN = feuille" in told


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (person("vieux", end=NOW - timedelta(seconds=1)), "expiré"),
        (person("demain", start=NOW + timedelta(hours=1)), "pas encore"),
        (person("serveur", purpose=ExtendedKeyUsageOID.SERVER_AUTH), "courrier"),
        (person("chiffre", bits=usage("key_agreement")), "courrier"),
    ],
    ids=["expired", "future", "web", "encrypts-only"],
)
async def test_a_certificate_that_readers_would_refuse_signs_nothing(who: Person, why: str) -> None:
    """Better here than at the partner's."""
    with pytest.raises(OwnKeyUnusable, match=why):
        await sealer(who).sign(ENTITY, Suite.SMIME)


async def test_it_signs_in_its_own_suite_alone() -> None:
    """The caller mixed up the suites."""
    with pytest.raises(OwnKeyUnusable):
        await sealer(RSA).sign(ENTITY, Suite.OPENPGP)


# --- the partner's certificate


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (person("vieux", key=rsa_key(), end=NOW - timedelta(seconds=1)), "expiré"),
        (person("demain", key=rsa_key(), start=NOW + timedelta(hours=1)), "pas encore"),
        (person("serveur", key=rsa_key(), purpose=ExtendedKeyUsageOID.SERVER_AUTH), "chiffrer"),
        (person("signe", key=rsa_key(), bits=usage("digital_signature")), "chiffrer"),
        (person("signe-ec", bits=usage("digital_signature", "key_encipherment")), "chiffrer"),
        (person("court", key=rsa_key(1024)), "2048"),
    ],
    ids=["expired", "future", "web", "signs-only", "signs-only-ec", "short"],
)
async def test_nothing_is_encrypted_to_a_bad_certificate(who: Person, why: str) -> None:
    """Checked before anything is kept, and again when it leaves."""
    with pytest.raises(KeyUnusable, match=why):
        await sealer(RSA).check(key_of(who), partner="cnas")
    with pytest.raises(KeyUnusable, match=why):
        await sealer(RSA).encrypt(ENTITY, key_of(who), partner="cnas")


@pytest.mark.parametrize("material", ["", "-----BEGIN PGP PUBLIC KEY BLOCK-----", pem(CURVE.certificate)])
async def test_what_is_not_the_pinned_certificate_gets_nothing(material: str) -> None:
    """The fingerprint is that of another certificate, or of none."""
    key = PublicKey(suite=Suite.SMIME, fingerprint=fingerprint(RSA.certificate), material=material)
    with pytest.raises(KeyUnusable):
        await sealer(RSA).encrypt(ENTITY, key, partner="cnas")


# --- files


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "lisible"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "lisible"),
        (pem(RSA.certificate).encode() * 2, "plusieurs"),
        (pem(RSA.certificate).encode() + RSA.identity().key_pem().encode(), "privée"),
        (b"\x30" * 200_000, "grand"),
        (pem(person("court", key=rsa_key(1024)).certificate).encode(), "2048"),
    ],
    ids=["empty", "broken", "two", "private", "large", "short"],
)
def test_a_file_that_is_not_one_usable_certificate_is_refused(data: bytes, why: str) -> None:
    """With the reason."""
    with pytest.raises(KeyFileInvalid, match=why):
        read_certificate(data)


def test_a_generated_identity_loads_with_its_passphrase_alone(tmp_path: Path) -> None:
    """Private files, a usable certificate, and never a second time over the first."""
    made = generate(tmp_path, "CHU d'Exemple", "soins@chu.test", "phrase", at=NOW, days=3)
    key, certificates = (tmp_path / "smime.key").read_text(), (tmp_path / "smime.pem").read_text()
    assert load(certificates, key, "phrase").fingerprint == made
    assert (tmp_path / "smime.key").stat().st_mode & 0o077 == 0
    for wrong in ("autre", None):
        with pytest.raises(OwnKeyUnusable):
            load(certificates, key, wrong)
    with pytest.raises(StorageFailed):
        generate(tmp_path, "x", "soins@chu.test", "phrase", at=NOW, days=3)
    with pytest.raises(OwnKeyUnusable):
        load(pem(RSA.certificate), key, "phrase")
    assert (tmp_path / "smime.key").read_text() == key


def test_a_key_whose_numbers_do_not_belong_together_is_refused(tmp_path: Path) -> None:
    """It would sign wrongly, and so could give itself away; a worker, told by us, need not look again."""
    key = rsa_key()
    parsed = keys.PrivateKeyInfo.load(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    numbers = parsed["private_key"].parsed
    numbers["private_exponent"] = numbers["private_exponent"].native + 2
    parsed["private_key"] = numbers
    damaged = armor("PRIVATE KEY", parsed.dump(force=True)).decode()
    certificate = pem(person("hopital", key=key).certificate)
    (tmp_path / "smime.pem").write_text(certificate)
    with pytest.raises(OwnKeyUnusable):
        load_files(tmp_path / "smime.pem", damaged, None)
    assert load(certificate, damaged, checked=True).certificate.public_key() == key.public_key()


def test_the_clock_of_a_certificate_is_aware() -> None:
    """Instants are compared in UTC, whatever the machine's zone."""
    assert RSA.certificate.not_valid_after_utc.tzinfo is UTC
    assert isinstance(NOW, datetime)
