"""Attacks on the exchange itself: old mail, forged receipts and reports, loops, and what a partner may not send."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.domain.parties import Role
from gateway.wire import manifest
from gateway.wire.payload import Attachment, Payload, build_entity
from tests.attacks.scene import CNAS, EVE, HOSPITAL, LETTER, OUTER, SECRET, Bytes, Scene, headed, html, letter, mixed
from tests.services.mails import REF

REQUEST = "0" * 64


def _message(
    kind: str = "EXTENSION_ACCEPTANCE",
    values: Mapping[str, str] | None = None,
    request: str | None = REQUEST,
    raw: bytes | None = None,
    *pieces: Attachment,
) -> Bytes:
    told = manifest.Manifest(
        kind=kind,
        case=REF,
        party_from="cnas",
        request_hash=request,
        fields=dict(values or {}),
        attachments=tuple(manifest.describe(piece) for piece in pieces),
        software="test/1",
    )
    changed: Payload = replace(LETTER, manifest=raw or manifest.encode(told), attachments=pieces)
    return Bytes(build_entity(changed, "charge"))


# --- A9: what a reply could give away


async def a9_markup_only(acted: Scene) -> bytes:
    """A signed letter of markup with styles that show another text to each reader: it is never a text of ours."""
    text = "<style>@media print{.a{display:none}}</style><p class=a>Accord</p>"
    entity = letter().partition(b"\r\n--charge")[0]
    return await acted.sealed(entity + b"\r\n--charge\r\n" + html(text) + b"\r\n--charge--\r\n")


async def a9_quoted_ciphertext(acted: Scene) -> bytes:
    """A ciphertext of ours inside a text, hoping for an answer that quotes it in clear."""
    caught = await acted.encrypted(SECRET.encode())
    return headed(mixed(b"Content-Type: text/plain\r\n\r\nQue dit ceci ?", b"\r\n" + caught), EVE)


# --- A15: old mail


async def a15_same_bytes(acted: Scene) -> list[bytes]:
    """The same mail, delivered twice."""
    mail = await acted.sealed(letter())
    return [mail, b"Received: by ailleurs.test; Sun, 25 Jan 2026 09:00:00 +0000\r\n" + mail]


async def a15_sealed_again(acted: Scene) -> list[bytes]:
    """What was signed once, in a new ciphertext, weeks later."""
    return [await acted.sealed(letter()), await acted.sealed(letter())]


async def a15_same_id(acted: Scene) -> list[bytes]:
    """The identifier of a mail that was taken, with another text."""
    return [await acted.sealed(letter()), await acted.sealed(letter(text="Refus.\n"))]


async def a15_no_id(acted: Scene) -> bytes:
    """A message of a gateway without its identifier."""
    return await acted.sealed(_message().swap(b"Message-ID: <1@cnas.test>\r\n", b""))


async def a15_letter_without_id(acted: Scene) -> list[bytes]:
    """A letter whose program signs no identifier, twice under two outer ones: its content stands for it."""
    said = letter().swap(b"Message-ID: <1@cnas.test>\r\n", b"")
    again = replace(OUTER, message_id="<2@cnas.test>")
    return [await acted.sealed(said), await acted.sealed(said, outer=again)]


async def a15_unknown_request(acted: Scene) -> bytes:
    """An agreement to a request that was never made."""
    return await acted.sealed(_message())


# --- A17: receipts


def _receipt(
    acted: Scene, original: str | None = None, mic: str | None = None, disposition: str = "displayed"
) -> bytes:
    import base64

    digest = base64.b64encode(bytes.fromhex(mic)).decode() if mic else ""
    told = f"Received-Content-MIC: {digest}, sha-256\r\n" if mic else ""
    return (
        f'Content-Type: multipart/report; report-type=disposition-notification; boundary="r"\r\nFrom: {CNAS}\r\n'
        f"To: {HOSPITAL}\r\nMessage-ID: <lu@cnas.test>\r\nDate: Sun, 25 Jan 2026 09:01:00 +0000\r\n\r\n"
        "--r\r\nContent-Type: text/plain\r\n\r\nLu.\r\n--r\r\nContent-Type: message/disposition-notification\r\n\r\n"
        f"Final-Recipient: rfc822; {CNAS}\r\nOriginal-Message-ID: {original or acted.sent}\r\n{told}"
        f"Disposition: manual-action/MDN-sent-manually; {disposition}\r\n\r\n--r--\r\n"
    ).encode()


def _bare(receipt: bytes) -> bytes:
    """The report without any header of a mail."""
    head, _, body = receipt.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0] + b"\r\n\r\n" + body


async def a17_unsigned(acted: Scene) -> bytes:
    """By nobody, about our mail, under the partner's name: a hint in the log."""
    return headed(_bare(_receipt(acted, mic=acted.mic)))


async def a17_unsigned_for_nothing(acted: Scene) -> bytes:
    """About a mail that we never sent."""
    return headed(_bare(_receipt(acted, "<rien@hopital.test>")))


async def a17_by_a_stranger(acted: Scene) -> bytes:
    """Signed by a stranger."""
    return headed(await acted.signed(_receipt(acted, mic=acted.mic), None))


async def a17_by_another_partner(acted: Scene) -> bytes:
    """Signed by the CNSE, in the name of the CNAS."""
    return headed(await acted.signed(_receipt(acted, mic=acted.mic), Role.CNSE))


async def a17_bare_by_another_partner(acted: Scene) -> bytes:
    """The same without a header under the signature: the mail's own From must fit the signer."""
    return headed(await acted.signed(_bare(_receipt(acted, mic=acted.mic)), Role.CNSE))


async def a17_wrong_digest(acted: Scene) -> bytes:
    """By the partner's own key, about other bytes than ours."""
    return headed(await acted.signed(_receipt(acted, mic="f" * 64)))


async def a17_no_digest(acted: Scene) -> bytes:
    """By the partner's own key, without saying what was received."""
    return headed(await acted.signed(_receipt(acted)))


async def a17_unknown_mail(acted: Scene) -> bytes:
    """By the partner's own key, about a mail that we never sent."""
    return headed(await acted.signed(_receipt(acted, "<rien@hopital.test>", acted.mic)))


async def a17_negative(acted: Scene) -> bytes:
    """By the partner's own key: deleted unread."""
    return headed(await acted.signed(_receipt(acted, mic=acted.mic, disposition="deleted")))


async def a17_unreadable(acted: Scene) -> bytes:
    """By the partner's own key, with two originals."""
    twice = _receipt(acted, mic=acted.mic).replace(
        b"Original-Message-ID", b"Original-Message-ID: <a@b>\r\nOriginal-Message-ID"
    )
    return headed(await acted.signed(twice))


async def a17_honest(acted: Scene) -> bytes:
    """By the partner's own key, about exactly our bytes."""
    return headed(await acted.signed(_receipt(acted, mic=acted.mic)))


# --- A18: delivery reports


def _bounce(message_id: str, envelope: str = "") -> bytes:
    told = f"Original-Envelope-Id: {envelope}\r\n" if envelope else ""
    return headed(
        (
            "Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\nReturn-Path: <>\r\n\r\n"
            "--r\r\n\r\nUser unknown\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\n"
            f"Reporting-MTA: dns; mx.cnas.test\r\n{told}\r\nFinal-Recipient: rfc822; {CNAS}\r\nAction: failed\r\n"
            f"Status: 5.1.1\r\n--r\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n--r--\r\n"
        ).encode(),
        "mailer-daemon@cnas.test",
    )


async def a18_guessed_ids(acted: Scene) -> bytes:  # noqa: ARG001  every maker has the scene
    """By somebody who knows neither our Message-ID nor our envelope id."""
    return _bounce(f"<{'a' * 32}@hopital.test>", "b" * 32)


async def a18_in_words(acted: Scene) -> bytes:
    """A text that quotes our Message-ID: shown, and nothing moves."""
    text = f"Delivery failed: user unknown 5.1.1\r\n\r\nMessage-ID: {acted.sent}\r\n".encode()
    return headed(b"Return-Path: <>\r\nSubject: Undelivered\r\n\r\n" + text, "mailer-daemon@cnas.test")


async def a18_relayed(acted: Scene) -> bytes:
    """Somebody passed it on: that attests no reception."""
    return _bounce(acted.sent).replace(b"Action: failed", b"Action: relayed").replace(b"5.1.1", b"2.0.0")


# --- A19: loops


async def a19_out_of_office(acted: Scene) -> bytes:
    """A machine answers."""
    more = ("Auto-Submitted: auto-replied", f"In-Reply-To: {acted.sent}")
    return headed(b"Content-Type: text/plain\r\n\r\nAbsent.\r\n", EVE, *more)


async def a19_in_a_loop(acted: Scene) -> bytes:
    """An honest letter that asks for a receipt, for the hundredth time around."""
    mail = await acted.sealed(letter(), outer=replace(OUTER, receipt_to=CNAS))
    return b"Received: by a.test; Sun, 25 Jan 2026 09:00:00 +0000\r\n" * 100 + mail


async def a19_null_return_path(acted: Scene) -> bytes:
    """An honest letter with a null return path is not answered."""
    return b"Return-Path: <>\r\n" + await acted.sealed(letter(), outer=replace(OUTER, receipt_to=CNAS))


async def a19_bulk(acted: Scene) -> bytes:
    """Nor one from a list."""
    return b"Precedence: bulk\r\n" + await acted.sealed(letter(), outer=replace(OUTER, receipt_to=CNAS))


# --- A25: line breaks where none belong


async def a25_subject(acted: Scene) -> bytes:
    """An encoded word that unpacks to a line break and a field."""
    encoded = b"Subject: =?utf-8?q?x=0d=0aBcc:=20eve=40ailleurs.test?="
    return await acted.sealed(letter().swap(b"Subject: ", encoded + b"\r\nX-Subject: "))


async def a25_outer_subject(acted: Scene) -> bytes:
    """The same outside."""
    return (await acted.sealed(letter())).swap(b"Subject: Soins", b"Subject: =?utf-8?q?x=0aBcc:=20e=40e.test?=")


async def a25_bare_return(acted: Scene) -> bytes:
    """A bare CR in a field under the signature."""
    from tests.attacks.structures import _sealed_by_anyone, _signed_as_it_is

    return _sealed_by_anyone(acted, await _signed_as_it_is(acted, letter().swap(b"Subject: ", b"Subject: x\rBcc: e\r")))


# --- steps that no attack above shows


async def step_sealed(acted: Scene) -> bytes:
    """Signed by the partner, not encrypted."""
    return headed(await acted.signed(letter()))


async def step_manifest(acted: Scene) -> bytes:
    """A manifest that is no JSON object."""
    return await acted.sealed(_message(raw=b'{"a": 1, "a": 2}'))


async def step_manifest_attachments(acted: Scene) -> bytes:
    """A manifest that describes another file than the one beside it."""
    piece = Attachment(name="a.pdf", media_type="application/pdf", data=b"%PDF un", role="form")
    entity = _message("EXTENSION_ACCEPTANCE", {}, REQUEST, None, piece)
    return await acted.sealed(entity.swap(b"JVBERiB1bg==", b"JVBERiB1bw=="))


async def step_catalogue_kind(acted: Scene) -> bytes:
    """A kind of message that nobody knows."""
    return await acted.sealed(_message("NOUVEAU"))


async def step_catalogue_role(acted: Scene) -> bytes:
    """The CNAS asks for what only a hospital may ask."""
    return await acted.sealed(_message("EXTENSION_REQUEST", request=None))


async def step_catalogue_fields(acted: Scene) -> bytes:
    """A refusal without its reason."""
    return await acted.sealed(_message("EXTENSION_PARTIAL_ACCEPTANCE"))


async def step_payload(acted: Scene) -> bytes:
    """A date that is none."""
    return await acted.sealed(letter().swap(b"Date: Sun, 25 Jan 2026", b"Date: Sun, 35 Jan 2026"))
