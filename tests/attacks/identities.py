"""Attacks on who speaks, and to whom: the signature is good, and not that of whoever the reader believes."""

from dataclasses import replace
from email.utils import formatdate

from gateway.domain.parties import Role, Suite
from gateway.wire.fields import Mailbox
from tests.attacks.scene import CNAS, CNSE, EVE, HOSPITAL, OUTER, Scene, headed, letter, wrapped

# --- A4


async def a4_strangers_key(acted: Scene) -> bytes:
    """The partner's address, a stranger's key whose user id is the partner's."""
    return await acted.sealed(letter(), None)


async def a4_another_partners_key(acted: Scene) -> bytes:
    """The CNSE signs under the name of the CNAS."""
    return await acted.sealed(letter(), Role.CNSE)


async def a4_another_partners_key_smime(acted: Scene) -> bytes:
    """The same in S/MIME."""
    return await acted.sealed(letter(), Role.CNSE, Suite.SMIME)


async def a4_display_name(acted: Scene) -> bytes:
    """The address is in the display name; the real one is a stranger's."""
    said = letter(sender=EVE).swap(b"From: " + EVE.encode(), f'From: "{CNAS}" <{EVE}>'.encode())
    return await acted.sealed(said, Role.CNSE)


async def a4_two_from(acted: Scene) -> bytes:
    """Two From lines under the signature."""
    return await acted.sealed(letter().swap(b"From: ", b"From: " + EVE.encode() + b"\r\nFrom: "))


async def a4_two_addresses(acted: Scene) -> bytes:
    """One From line with two addresses."""
    return await acted.sealed(letter().swap(b"From: ", b"From: " + EVE.encode() + b", "))


async def a4_sender_field(acted: Scene) -> bytes:
    """From a stranger, with the partner in Sender."""
    said = letter(sender=EVE).swap(b"To: ", b"Sender: " + CNAS.encode() + b"\r\nTo: ")
    return await acted.sealed(said)


async def a4_group(acted: Scene) -> bytes:
    """The partner's address as the name of a group."""
    said = letter().swap(b"From: " + CNAS.encode(), f"From: CNAS: {EVE}, {CNAS};".encode())
    return await acted.sealed(said)


async def a4_comment(acted: Scene) -> bytes:
    """The partner's address in a comment."""
    said = letter().swap(b"From: " + CNAS.encode(), f"From: {EVE} ({CNAS})".encode())
    return await acted.sealed(said)


async def a4_quoted_local_part(acted: Scene) -> bytes:
    """An address that programs cut in different places."""
    said = letter().swap(b"From: " + CNAS.encode(), f'From: "{CNAS}"@ailleurs.test'.encode())
    return await acted.sealed(said)


async def a4_nul_in_the_address(acted: Scene) -> bytes:
    """Encoded words are no address (RFC 2047 §5)."""
    said = letter().swap(b"From: " + CNAS.encode(), b"From: =?utf-8?q?conv=40cnas.test=00?=@ailleurs.test")
    return await acted.sealed(said)


async def a4_nobody(acted: Scene) -> bytes:
    """No From at all."""
    return await acted.sealed(letter().swap(b"From: " + CNAS.encode() + b"\r\n", b""))


async def a4_unsigned(acted: Scene) -> bytes:  # noqa: ARG001  every maker has the scene
    """A plain mail under the partner's name."""
    return headed(b"Content-Type: text/plain\r\n\r\nAccord.\r\n")


# --- A10: keys that come by mail


async def a10_autocrypt(acted: Scene) -> list[bytes]:
    """A stranger's key in an Autocrypt header and as an attachment, then a letter that it signed."""
    key = acted.stranger.openpgp.material
    brought = "".join(line for line in key.splitlines() if line and not line.startswith(("-", "=")))
    head = f"Autocrypt: addr={CNAS}; prefer-encrypt=mutual; keydata=\r\n " + "\r\n ".join(
        brought[at : at + 70] for at in range(0, len(brought), 70)
    )
    body = b"Content-Type: application/pgp-keys\r\n\r\n" + key.encode()
    return [headed(body, CNAS, head), await acted.sealed(letter(), None)]


async def a10_certificate_in_the_signature(acted: Scene) -> list[bytes]:
    """A stranger's certificate in a signature, twice."""
    return [headed(await acted.signed(letter(), None, Suite.SMIME)), await acted.sealed(letter(), None, Suite.SMIME)]


async def a10_mailto(acted: Scene) -> bytes:  # noqa: ARG001
    """Header fields that ask a program to attach files or to answer elsewhere."""
    more = (f"Reply-To: {EVE}", f"Disposition-Notification-To: {EVE}", f"List-Unsubscribe: <mailto:{EVE}?attach=/etc>")
    return headed(b"Content-Type: text/html\r\n\r\n<a href='mailto:x?attach=/etc/passwd'>", CNAS, *more)


# --- A12: the context of a good ciphertext changes


async def a12_other_outside(acted: Scene) -> bytes:
    """Somebody else's From, subject, date and recipients around an honest letter: nobody else speaks by that."""
    outer = replace(OUTER, sender=Mailbox(display="CNAS", address=EVE), subject="Refus", message_id="<autre@eve.test>")
    return await acted.sealed(letter(), outer=outer)


async def a12_receipt_elsewhere(acted: Scene) -> bytes:
    """The outer header asks for a receipt to a stranger."""
    return await acted.sealed(letter(), outer=replace(OUTER, receipt_to=EVE))


async def a12_other_media_type(acted: Scene) -> bytes:
    """The same parts as a plain multipart/mixed, which is decrypted by nobody."""
    mail = await acted.sealed(letter())
    return mail.swap(b"multipart/encrypted", b"multipart/mixed")


async def a12_other_protocol(acted: Scene) -> bytes:
    """The outer type names another protocol."""
    mail = await acted.sealed(letter())
    return mail.swap(b'protocol="application/pgp-encrypted"', b'protocol="application/x"')


async def a12_type_of_the_data(acted: Scene) -> bytes:
    """The ciphertext calls itself markup."""
    mail = await acted.sealed(letter())
    return mail.swap(b"application/octet-stream", b"text/html")


# --- A16


async def a16_forwarded(acted: Scene) -> bytes:
    """The CNAS wrote to the CNSE; whoever got it encrypts it to us."""
    return await acted.sealed(letter(to=CNSE))


async def a16_forwarded_smime(acted: Scene) -> bytes:
    """The same in S/MIME."""
    return await acted.sealed(letter(to=CNSE), suite=Suite.SMIME)


async def a16_one_pass(acted: Scene) -> bytes:
    """The same in one go, as gpg itself signs and encrypts."""
    return wrapped(acted.gpg_to_us("--sign", data=letter(to=CNSE)))


async def a16_bcc(acted: Scene) -> bytes:
    """We stand in the outer header alone."""
    said = letter(to=CNSE).swap(b"Date:", b"Bcc: " + HOSPITAL.encode() + b"\r\nDate:")
    return await acted.sealed(said)


# --- honest mail, so that nobody believes that everything is refused


async def honest_openpgp(acted: Scene) -> bytes:
    """As we send it."""
    return await acted.sealed(letter())


async def honest_smime(acted: Scene) -> bytes:
    """AES-CBC under a signature."""
    return await acted.sealed(letter(), suite=Suite.SMIME)


async def honest_smime_gcm(acted: Scene) -> bytes:
    """AES-GCM."""
    return await acted.sealed(letter(), suite=Suite.SMIME, partner="cnas")


async def honest_one_pass(acted: Scene) -> bytes:
    """As gpg signs and encrypts in one go."""
    return wrapped(acted.gpg_to_us("--sign", data=letter()))


async def honest_compressed(acted: Scene) -> bytes:
    """As gpg does by default."""
    return wrapped(acted.gpg_to_us(data=await acted.signed(letter())))


async def honest_plain(acted: Scene) -> bytes:  # noqa: ARG001
    """A mail of nobody in particular."""
    return headed(f"Date: {formatdate(0)}\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n".encode(), EVE)
