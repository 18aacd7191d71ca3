"""OpenPGP through a real GnuPG: what is sealed opens, and every hostile variant is refused without its content."""

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from gateway.adapters.openpgp import command, keyfiles
from gateway.adapters.openpgp import open as opening
from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate, own_fingerprint, read_public_key
from gateway.adapters.openpgp.open import Decrypted, OpenLimits, decrypt, verify_detached
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.domain.errors import KeyFileInvalid, KeyUnusable, MailRefused, OwnKeyUnusable
from gateway.domain.parties import Suite
from gateway.ports import PublicKey

PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nDossier canari-7f3a : accord demand\xc3\xa9.\r\n"
LIMITS = OpenLimits(max_plain=1024 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Ourselves with one pinned partner, and the partner's own home with our key in it."""

    ours: Home
    theirs: Home
    our_key: PublicKey
    their_key: PublicKey
    our_folder: Path

    def our_sealer(self) -> OpenPgpSealer:
        """Seals as ourselves."""
        return OpenPgpSealer(self.ours, fingerprint=self.our_key.fingerprint, passphrase=PASSPHRASE)

    def their_sealer(self) -> OpenPgpSealer:
        """Seals as the partner."""
        return OpenPgpSealer(self.theirs, fingerprint=self.their_key.fingerprint, passphrase=PASSPHRASE)

    def decrypt(self, ciphertext: bytes, passphrase: str = PASSPHRASE) -> Decrypted:
        """Decrypt as ourselves."""
        return decrypt(self.ours.path, ciphertext, passphrase, self.ours.own, LIMITS)

    def refusal(self, ciphertext: bytes) -> tuple[str, str]:
        """Step and reason with which our side refuses this message."""
        with pytest.raises(MailRefused) as caught:
            self.decrypt(ciphertext)
        return caught.value.step, caught.value.reason

    def verify_refusal(self, signature: bytes, entity: bytes = ENTITY) -> str:
        """Reason with which our side refuses this signature."""
        with pytest.raises(MailRefused) as caught:
            verify_detached(self.ours.path, entity, signature)
        assert caught.value.step == "signature"
        return caught.value.reason


def pinned(fingerprint: str, material: str) -> PublicKey:
    """A key as the gateway pins it."""
    return PublicKey(suite=Suite.OPENPGP, fingerprint=fingerprint, material=material)


def gpg(home: Path, *arguments: str, data: bytes = b"") -> bytes:
    """Any gpg command of a person with this home."""
    head = [
        "gpg",
        "--homedir",
        str(home),
        "--batch",
        "--yes",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        PASSPHRASE,
    ]
    return subprocess.run([*head, *arguments], input=data, capture_output=True, check=True).stdout


def first_fingerprint(home: Path) -> str:
    """The first primary fingerprint of a home."""
    listing = gpg(home, "--with-colons", "--list-keys").decode()
    return next(line for line in listing.splitlines() if line.startswith("fpr:")).split(":")[9]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two parties that have exchanged keys."""
    folders = [tmp_path_factory.mktemp(name) for name in ("ours", "theirs")]
    prints = [generate(folder, "Etablissement d'essai", "a@hopital.test", PASSPHRASE) for folder in folders]
    own = [folder / "openpgp" for folder in folders]
    keys = [pinned(fingerprint, export_public(folder)) for fingerprint, folder in zip(prints, own, strict=True)]
    ours, theirs = open_home(own[0], [keys[1]]), open_home(own[1], [keys[0]])
    yield World(ours=ours, theirs=theirs, our_key=keys[0], their_key=keys[1], our_folder=own[0])
    ours.close()
    theirs.close()


@pytest.fixture
def stranger() -> Iterator[Path]:
    """An empty home in which a test makes any key it wants."""
    with keyfiles.short_home() as home:
        yield home


def odd_key(
    home: Path, *options: str, kind: str = "future-default", usage: str = "default", expire: str = "0"
) -> PublicKey:
    """Make a key with unusual properties and return it as a pinned key."""
    gpg(home, *options, "--quick-generate-key", "x@odd.test", kind, usage, expire)
    fingerprint = first_fingerprint(home)
    return pinned(fingerprint, gpg(home, "--armor", "--export", fingerprint).decode())


# --- what must work


async def test_a_signature_is_verified_with_its_facts(world: World) -> None:
    """The facts name the primary key, the digest and an aware instant near now."""
    before = datetime.fromtimestamp((world.ours.path / "gpg.conf").stat().st_mtime, tz=UTC) - timedelta(seconds=2)
    signature = await world.their_sealer().sign(ENTITY)
    facts = verify_detached(world.ours.path, ENTITY, signature.data)
    assert facts.fingerprint == world.their_key.fingerprint == signature.fingerprint
    assert (facts.digest, signature.micalg) == ("SHA512", "pgp-sha512")
    assert before <= facts.made_at <= before + timedelta(minutes=10)


async def test_what_is_encrypted_to_us_opens_and_is_not_signed(world: World) -> None:
    """The plaintext comes back byte for byte, and no signature is invented."""
    ciphertext = await world.their_sealer().encrypt(ENTITY, world.our_key, partner="hopital")
    assert world.decrypt(ciphertext) == Decrypted(data=ENTITY, signature=None)


async def test_a_sealed_message_is_uncompressed_aes256_with_integrity(world: World) -> None:
    """Packet by packet, as another program sees it."""
    ciphertext = await world.our_sealer().encrypt(ENTITY, world.their_key, partner="cnas")
    packets = gpg(world.theirs.path, "--list-packets", data=ciphertext).decode()
    assert packets.count(":pubkey enc packet:") == 1
    assert "mdc_method: 2" in packets
    assert "compressed packet" not in packets


async def test_a_megabyte_passes_both_ways(world: World) -> None:
    """Larger than any pipe, so reading and writing must interleave."""
    entity = os.urandom(1024 * 1024 - 64)
    ciphertext = await world.their_sealer().encrypt(entity, world.our_key, partner="hopital")
    assert world.decrypt(ciphertext).data == entity
    signature = await world.their_sealer().sign(entity)
    assert verify_detached(world.ours.path, entity, signature.data).fingerprint == world.their_key.fingerprint


def test_signed_and_encrypted_in_one_go_yields_the_signature(world: World) -> None:
    """RFC 3156 §6.2; the line ends of a text literal are the canonical ones again."""
    to_us = ["--trust-model", "always", "--recipient", world.our_key.fingerprint, "--armor", "--textmode"]
    ciphertext = gpg(world.theirs.path, *to_us, "--sign", "--encrypt", data=ENTITY)
    opened = world.decrypt(ciphertext)
    assert opened.data == ENTITY
    assert opened.signature is not None
    assert opened.signature.fingerprint == world.their_key.fingerprint


async def test_a_compressed_message_of_an_ordinary_program_opens(world: World) -> None:
    """We never compress, others do."""
    to_us = ["--trust-model", "always", "--recipient", world.our_key.fingerprint, "--armor"]
    assert world.decrypt(gpg(world.theirs.path, *to_us, "--encrypt", data=ENTITY * 50)).data == ENTITY * 50


# --- our own key


async def test_signing_by_another_key_than_asked_is_refused(world: World) -> None:
    """A sealer that was configured for another fingerprint never signs."""
    sealer = OpenPgpSealer(world.ours, fingerprint=world.their_key.fingerprint, passphrase=PASSPHRASE)
    with pytest.raises(OwnKeyUnusable):
        await sealer.sign(ENTITY)


async def test_a_second_secret_key_in_the_ring_never_signs(world: World, stranger: Path) -> None:
    """With both keys present ours signs; with ours gone nothing is signed at all."""
    home = open_home(world.our_folder, [])
    try:
        odd_key(stranger)
        gpg(home.path, "--import", data=gpg(stranger, "--armor", "--export-secret-keys"))
        sealer = OpenPgpSealer(home, fingerprint=world.our_key.fingerprint, passphrase=PASSPHRASE)
        signature = await sealer.sign(ENTITY)
        assert verify_detached(home.path, ENTITY, signature.data).fingerprint == world.our_key.fingerprint
        for grip in home.own.keygrips:
            (home.path / "private-keys-v1.d" / f"{grip}.key").unlink()
        with pytest.raises(OwnKeyUnusable):
            await sealer.sign(ENTITY)
    finally:
        home.close()


async def test_a_wrong_passphrase_fails_even_after_a_right_one(world: World) -> None:
    """The agent must not remember: a wrong secret in the configuration has to be noticed."""
    ciphertext = await world.their_sealer().encrypt(ENTITY, world.our_key, partner="hopital")
    assert world.decrypt(ciphertext).data == ENTITY
    with pytest.raises(OwnKeyUnusable):
        world.decrypt(ciphertext, passphrase="autre")
    with pytest.raises(OwnKeyUnusable):
        await OpenPgpSealer(world.ours, fingerprint=world.our_key.fingerprint, passphrase="autre").sign(ENTITY)


async def test_a_missing_agent_is_our_fault_not_the_mails(world: World) -> None:
    """GnuPG says "no secret key"; the caller must not blame the sender."""
    ciphertext = await world.their_sealer().encrypt(ENTITY, world.our_key, partner="hopital")
    home = open_home(world.our_folder, [])
    try:
        keyfiles.stop_agent(home.path)
        with pytest.raises(OwnKeyUnusable):
            decrypt(home.path, ciphertext, PASSPHRASE, home.own, LIMITS)
    finally:
        home.close()


@pytest.mark.parametrize("passphrase", ["autre", "deux\nlignes"])
async def test_a_long_entity_is_not_signed_with_a_wrong_passphrase(world: World, passphrase: str) -> None:
    """GnuPG stops reading in the middle, which must not surface as a broken pipe."""
    sealer = OpenPgpSealer(world.ours, fingerprint=world.our_key.fingerprint, passphrase=passphrase)
    with pytest.raises(OwnKeyUnusable):
        await sealer.sign(bytes(3_000_000))


# --- the partner's key


def expired(home: Path) -> PublicKey:
    """A key of 2020 that ended in 2021."""
    return odd_key(home, "--faked-system-time", "20200101T000000", expire="1y")


def revoked(home: Path) -> PublicKey:
    """A key with its revocation certificate applied."""
    key = odd_key(home)
    certificate = (home / "openpgp-revocs.d" / f"{key.fingerprint}.rev").read_bytes().replace(b":-----", b"-----")
    gpg(home, "--import", data=certificate)
    return pinned(key.fingerprint, gpg(home, "--armor", "--export").decode())


def signs_only(home: Path) -> PublicKey:
    """A key without encryption part."""
    return odd_key(home, kind="ed25519", usage="sign")


@pytest.mark.parametrize(("make", "word"), [(expired, "expiré"), (revoked, "révoquée"), (signs_only, "ne permet pas")])
async def test_nothing_is_encrypted_with_an_unusable_key(
    world: World, stranger: Path, make: Callable[[Path], PublicKey], word: str
) -> None:
    """The error names partner, fingerprint and a French reason."""
    key = make(stranger)
    with pytest.raises(KeyUnusable) as checked:
        await world.our_sealer().check(key, partner="cnse")
    with pytest.raises(KeyUnusable) as encrypted:
        await world.our_sealer().encrypt(ENTITY, key, partner="cnse")
    assert checked.value.fields == encrypted.value.fields
    assert checked.value.fields["fingerprint"] == key.fingerprint
    assert word in str(checked.value.fields["reason"])


async def test_a_key_that_ends_between_check_and_use_is_refused_by_gnupg(
    world: World, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when GnuPG stops reading a long entity."""
    key = expired(stranger)
    monkeypatch.setattr(OpenPgpSealer, "_check", lambda *_: None)
    world.ours.admit(key)
    for entity in (ENTITY, bytes(3_000_000)):
        with pytest.raises(KeyUnusable):
            await world.our_sealer().encrypt(entity, key, partner="cnse")


@pytest.mark.parametrize("fingerprint", ["", "--version", "-r --foo", "x@odd.test", "0x12345678", "A" * 39])
async def test_only_a_full_fingerprint_names_a_recipient(world: World, fingerprint: str) -> None:
    """Nothing that gpg could take for an option or a search pattern reaches its command line."""
    with pytest.raises(KeyUnusable):
        await world.our_sealer().encrypt(ENTITY, pinned(fingerprint, world.their_key.material), partner="cnas")


async def test_a_pinned_key_whose_file_is_another_key_is_refused(world: World) -> None:
    """Both by the sealer and when a home is made."""
    false = pinned(world.our_key.fingerprint, world.their_key.material)
    with pytest.raises(KeyUnusable):
        await world.our_sealer().check(false, partner="cnas")
    with pytest.raises(KeyFileInvalid):
        open_home(world.our_folder, [false])


# --- signatures


def test_a_signature_over_canonical_text_is_accepted(world: World) -> None:
    """Many mail programs sign in text mode (class 01)."""
    signature = gpg(world.theirs.path, "--textmode", "--armor", "--detach-sign", data=ENTITY)
    assert verify_detached(world.ours.path, ENTITY, signature).fingerprint == world.their_key.fingerprint


async def test_one_changed_byte_breaks_the_signature(world: World) -> None:
    """Including a byte at the end."""
    signature = await world.their_sealer().sign(ENTITY)
    assert world.verify_refusal(signature.data, ENTITY.replace(b"accord", b"accorD")) == "bad-signature"
    assert world.verify_refusal(signature.data, ENTITY + b"\r\n") == "bad-signature"


def test_a_signature_by_a_key_that_we_do_not_hold_is_refused(world: World, stranger: Path) -> None:
    """Unknown is refused with its own reason."""
    odd_key(stranger)
    assert world.verify_refusal(gpg(stranger, "--armor", "--detach-sign", data=ENTITY)) == "unknown-key"


def test_two_signatures_are_refused_in_either_order(world: World, stranger: Path) -> None:
    """Even when one of them is the partner's own good one."""
    other = odd_key(stranger)
    world.theirs.admit(other)
    gpg(world.theirs.path, "--import", data=gpg(stranger, "--armor", "--export-secret-keys"))
    for pair in ([other, world.their_key], [world.their_key, other], [world.their_key, world.their_key]):
        parts = [gpg(world.theirs.path, "--local-user", f"{key.fingerprint}!", "-b", data=ENTITY) for key in pair]
        both = gpg(world.theirs.path, "--enarmor", data=b"".join(parts))
        assert world.verify_refusal(both.replace(b"ARMORED FILE", b"SIGNATURE")) == "several"


@pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160"])
def test_a_weak_digest_is_refused(world: World, stranger: Path, digest: str) -> None:
    """Although gpg itself still calls it good."""
    key = odd_key(stranger, kind="rsa2048", usage="sign")
    home = open_home(world.our_folder, [key])
    try:
        signature = gpg(stranger, "--digest-algo", digest, "--armor", "--detach-sign", data=ENTITY)
        with pytest.raises(MailRefused, match="weak-digest"):
            verify_detached(home.path, ENTITY, signature)
    finally:
        home.close()


def test_a_signature_past_its_own_end_is_refused(world: World) -> None:
    """Its maker gave it an hour, and a year has passed."""
    old = gpg(world.theirs.path, "--default-sig-expire", "seconds=3600", "--armor", "--detach-sign", data=ENTITY)
    outcome = command.run(
        world.ours.path,
        ["--faked-system-time", "20280101T000000", "--enable-special-filenames", "--verify", "--", "-&{s}", "-"],
        data=ENTITY,
        side={"s": old},
        max_output=0,
    )
    with pytest.raises(MailRefused, match="signature-expired"):
        opening._judge_signature(outcome)


@pytest.mark.parametrize(("make", "reason"), [(expired, "key-expired"), (revoked, "key-revoked")])
def test_a_signature_by_a_dead_key_is_refused(
    world: World, stranger: Path, make: Callable[[Path], PublicKey], reason: str
) -> None:
    """Also when it claims a time at which the key lived."""
    key = make(stranger)
    then = ["--faked-system-time", "20200601T000000"] if make is expired else []
    home = open_home(world.our_folder, [key])
    try:
        unrevoked = stranger if make is expired else _without_revocation(stranger)
        signature = gpg(unrevoked, *then, "--armor", "--detach-sign", data=ENTITY)
        with pytest.raises(MailRefused, match=reason):
            verify_detached(home.path, ENTITY, signature)
    finally:
        home.close()


def _without_revocation(home: Path) -> Path:
    """The thief's ring: the older public ring that gpg left as a backup, so that gpg signs with the revoked key."""
    (home / "pubring.kbx").unlink()
    (home / "pubring.kbx~").rename(home / "pubring.kbx")
    return home


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (b"", "not-one-signature"),
        (b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n", "no-signature"),
        (b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n", "no-signature"),
        (b"-----BEGIN PGP SIGNATURE-----\n" * 2, "not-one-signature"),
        (b"-----BEGIN PGP SIGNATURE-----\n" + b"A" * opening.MAX_SIGNATURE, "too-large"),
    ],
)
def test_garbage_is_no_signature(world: World, signature: bytes, reason: str) -> None:
    """Each with a stable reason."""
    assert world.verify_refusal(signature) == reason


def test_a_signed_message_in_the_place_of_a_signature_is_refused(world: World) -> None:
    """It would attest its own text, not the entity."""
    message = gpg(world.theirs.path, "--armor", "--sign", data=b"autre texte")
    assert world.verify_refusal(message) == "not-one-signature"
    assert world.verify_refusal(message.replace(b"PGP MESSAGE", b"PGP SIGNATURE")) in {"not-detached", "no-signature"}


# --- ciphertexts


def _encrypted(world: World, *options: str, data: bytes = ENTITY) -> bytes:
    to_us = ["--trust-model", "always", "--recipient", world.our_key.fingerprint, "--armor", *options]
    return gpg(world.theirs.path, *to_us, "--encrypt", data=data)


def _armoured(packets: bytes) -> bytes:
    text = base64.encodebytes(packets)
    return b"-----BEGIN PGP MESSAGE-----\n\n" + text + b"-----END PGP MESSAGE-----\n"


def _bytes_of(armoured: bytes) -> bytes:
    lines = armoured.split(b"\n\n", 1)[1].splitlines()
    return base64.b64decode(b"".join(line for line in lines if not line.startswith((b"=", b"-"))))


def _without_mdc(world: World, cipher_key: bytes, message: bytes) -> bytes:
    """The message's own key packet, followed by an old encrypted packet (tag 9) without integrity."""
    key_packet = message[: 2 + message[1]]
    literal = bytes([0xCB, len(ENTITY) + 6]) + b"b\x00" + b"\x00" * 4 + ENTITY
    prefix = os.urandom(16)
    head = Cipher(AES(cipher_key), CFB(bytes(16))).encryptor().update(prefix + prefix[-2:])
    rest = Cipher(AES(cipher_key), CFB(head[2:18])).encryptor().update(literal)
    assert world.ours.own.encryption_ids
    return key_packet + bytes([0xC9, len(head + rest)]) + head + rest


def test_a_message_without_integrity_is_refused(world: World) -> None:
    """Gpg would hand out its whole plaintext (EFAIL)."""
    armoured = _encrypted(world, "--cipher-algo", "AES256", "--compress-algo", "none")
    told = gpg(
        world.ours.path,
        *("--show-session-key", "--status-fd", "1", "--output", os.devnull, "--decrypt"),
        data=armoured,
    ).decode()
    session = next(line for line in told.splitlines() if " SESSION_KEY " in line).split()[2].partition(":")[2]
    assert world.refusal(_armoured(_without_mdc(world, bytes.fromhex(session), _bytes_of(armoured)))) == (
        "decrypt",
        "no-integrity",
    )


def test_a_symmetric_message_is_refused_even_with_our_passphrase(world: World) -> None:
    """It says nothing about a key."""
    assert world.refusal(gpg(world.theirs.path, "--armor", "--symmetric", data=ENTITY)) == ("decrypt", "symmetric")


def test_a_literal_alone_is_not_encrypted(world: World) -> None:
    """Gpg "decrypts" it without a word."""
    assert world.refusal(gpg(world.theirs.path, "--armor", "--store", data=ENTITY)) == ("decrypt", "not-encrypted")


def test_a_merely_signed_message_is_not_encrypted(world: World) -> None:
    """The same for a signed one."""
    assert world.refusal(gpg(world.theirs.path, "--armor", "--sign", data=ENTITY)) == ("decrypt", "not-encrypted")


def test_a_cipher_with_small_blocks_is_refused(world: World) -> None:
    """Sweet32 and older."""
    ciphertext = _encrypted(world, "--cipher-algo", "3DES")
    assert world.refusal(ciphertext) == ("decrypt", "weak-cipher")


def test_a_bomb_is_stopped_at_the_limit(world: World) -> None:
    """Sixty megabytes of zeros in some kilobytes."""
    bomb = _encrypted(world, "--compress-algo", "bzip2", data=bytes(60 * 1024 * 1024))
    assert len(bomb) < 64 * 1024
    assert world.refusal(bomb) == ("decrypt", "too-large")


def test_one_byte_over_the_limit_is_too_large(world: World) -> None:
    """The bound is exact."""
    exact = os.urandom(LIMITS.max_plain)
    assert world.decrypt(_encrypted(world, data=exact)).data == exact
    assert world.refusal(_encrypted(world, data=exact + b"x")) == ("decrypt", "too-large")


@pytest.mark.parametrize("cut", [1, 22, 40, 200])
def test_a_truncated_message_is_refused(world: World, cut: int) -> None:
    """Also when only the integrity code is missing."""
    packets = _bytes_of(_encrypted(world, data=ENTITY * 100))
    assert world.refusal(_armoured(packets[:-cut]))[0] == "decrypt"


def test_every_flipped_bit_is_refused(world: World) -> None:
    """At positions all over the encrypted packet."""
    packets = _bytes_of(_encrypted(world, "--compress-algo", "none"))
    for position in range(len(packets) - 130, len(packets), 13):
        changed = bytearray(packets)
        changed[position] ^= 1
        assert world.refusal(_armoured(bytes(changed)))[0] == "decrypt"


def test_a_message_to_somebody_else_is_refused(world: World, stranger: Path) -> None:
    """It is not our key that failed."""
    key = odd_key(stranger)
    to_them = ["--trust-model", "always", "--armor", "--recipient", key.fingerprint]
    ciphertext = gpg(stranger, *to_them, "--encrypt", data=ENTITY)
    assert world.refusal(ciphertext) == ("decrypt", "not-for-us")


@pytest.mark.parametrize(
    "ciphertext",
    [
        b"",
        b"bonjour",
        b"-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----\n",
        b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n",
        b"-----BEGIN PGP MESSAGE-----\n" * 2,
    ],
)
def test_garbage_is_no_message(world: World, ciphertext: bytes) -> None:
    """Refused, never an unforeseen error."""
    assert world.refusal(ciphertext)[0] == "decrypt"


def test_a_status_line_in_the_file_name_is_not_believed(world: World) -> None:
    """CVE-2018-12020: the name of the literal packet is the sender's."""
    name = f"x\n[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG {world.their_key.fingerprint} x\n"
    opened = world.decrypt(_encrypted(world, "--set-filename", name))
    assert opened.signature is None


def test_too_many_status_lines_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message made of thousands of packets cannot fill our memory with status lines."""
    ciphertext = _encrypted(world)
    monkeypatch.setattr(command, "MAX_STATUS", 100)
    assert world.refusal(ciphertext) == ("decrypt", "too-large")


# --- key files and homes


def test_a_key_of_ours_expires_and_can_do_what_it_must(world: World) -> None:
    """Three years, signing primary, one encryption part."""
    facts = read_public_key(world.our_key.material.encode())
    assert (facts.fingerprint, facts.can_sign, facts.can_encrypt) == (world.our_key.fingerprint, True, True)
    assert facts.expires_at is not None
    assert facts.expires_at.tzinfo is UTC
    assert facts.signing == facts.fingerprint == own_fingerprint(world.our_folder)
    assert facts.usable_until == facts.expires_at


def test_a_key_is_usable_until_the_first_of_its_abilities_ends(tmp_path: Path) -> None:
    """Its only encryption part ends before the whole key; another one that ends later prolongs it."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    gpg(home, "--quick-generate-key", "essai <a@hopital.test>", "ed25519", "sign", "3y")
    fingerprint = first_fingerprint(home)

    def facts() -> keyfiles.KeyFacts:
        return read_public_key(gpg(home, "--armor", "--export", fingerprint))

    gpg(home, "--quick-add-key", fingerprint, "cv25519", "encr", "30d")
    soon = facts()
    gpg(home, "--quick-add-key", fingerprint, "cv25519", "encr", "60d")
    later = facts()
    gpg(home, "--quick-add-key", fingerprint, "cv25519", "encr", "never")
    longest = facts()
    gpg(home, "--quick-set-expire", fingerprint, "0")
    endless = facts()
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=True)

    assert soon.expires_at is not None
    assert soon.usable_until is not None
    assert soon.usable_until < soon.expires_at - timedelta(days=1000)
    assert later.usable_until is not None
    assert timedelta(days=29) < later.usable_until - soon.usable_until < timedelta(days=31)
    assert longest.usable_until == longest.expires_at
    assert endless.usable_until is None


def test_the_version_of_gnupg_is_told() -> None:
    """As numbers that compare."""
    assert keyfiles.gnupg_version() >= keyfiles.OLDEST_GNUPG


def test_the_own_folder_is_private_and_never_replaced(world: World) -> None:
    """Neither readable by others nor overwritten by a second key."""
    modes = {path.stat().st_mode & 0o077 for path in (world.our_folder, *world.our_folder.rglob("*"))}
    assert modes == {0}
    with pytest.raises(OwnKeyUnusable):
        generate(world.our_folder.parent, "Autre", "b@hopital.test", PASSPHRASE)


@pytest.mark.parametrize("name", ["", " x", "x\nKey-Type: RSA", "x\0"])
def test_a_name_cannot_change_how_a_key_is_made(tmp_path: Path, name: str) -> None:
    """Gpg's parameter file is made of lines."""
    with pytest.raises(OwnKeyUnusable):
        generate(tmp_path, name, "a@hopital.test", PASSPHRASE)
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_own_folder_is_refused(world: World, tmp_path: Path) -> None:
    """No folder, and a folder whose private part was not restored."""
    with pytest.raises(OwnKeyUnusable):
        open_home(tmp_path, [])
    keyfiles.copy_own_files(world.our_folder, tmp_path)
    next((tmp_path / "private-keys-v1.d").iterdir()).unlink()
    with pytest.raises(OwnKeyUnusable):
        own_fingerprint(tmp_path)


def test_a_file_with_anything_but_one_public_key_is_refused(world: World, stranger: Path) -> None:
    """Private key, private key disguised, two keys in one block or in two, garbage, too large."""
    other = odd_key(stranger)
    secret = gpg(stranger, "--armor", "--export-secret-keys")
    gpg(stranger, "--import", data=world.our_key.material.encode())
    two = gpg(stranger, "--armor", "--export")
    block = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"
    files = [secret, secret.replace(b"PRIVATE", b"PUBLIC"), two, (world.our_key.material + other.material).encode()]
    files += [b"", b"bonjour", block, block + b"AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"]
    files += [block + b"A" * keyfiles.MAX_KEY_FILE]
    for content in files:
        with pytest.raises(KeyFileInvalid):
            read_public_key(content)


def test_closing_a_home_ends_its_agent_and_removes_the_folder(world: World) -> None:
    """No process and no key material stays; a second close is harmless."""
    home = open_home(world.our_folder, [world.their_key])
    assert home.path.stat().st_mode & 0o777 == 0o700
    assert len(str(home.path)) < 100
    assert Path(f"/proc/{home.agent_pid}").exists()
    home.close()
    home.close()
    assert not home.path.exists()
    stat = Path(f"/proc/{home.agent_pid}/stat")
    assert not stat.exists() or stat.read_text().rpartition(") ")[2].startswith("Z")


def test_a_home_that_cannot_be_made_leaves_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither folder nor agent."""
    monkeypatch.setattr("gateway.adapters.openpgp.home.base_folder", lambda: str(tmp_path))
    with pytest.raises(KeyFileInvalid):
        open_home(world.our_folder, [pinned("A" * 40, "bonjour")])
    assert list(tmp_path.iterdir()) == []


def test_gpg_is_told_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets may live in variables."""
    monkeypatch.setenv("GATEWAY_PASSWORD", "secret")
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    given = command.environment()
    assert "GATEWAY_PASSWORD" not in given
    assert given["FAKETIME_NO_CACHE"] == "1"
