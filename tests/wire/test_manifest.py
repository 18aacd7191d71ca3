"""The versioned manifest: canonical bytes, strict reading, files that match it exactly."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire import manifest as manifests
from gateway.wire.manifest import Manifest, check_attachments, decode, describe, encode
from gateway.wire.mime import Mailbox
from gateway.wire.payload import MAX_ATTACHMENTS, Attachment, Payload

FILE = Attachment(name="devis.pdf", media_type="application/pdf", data=b"abc", role="quote")
MANIFEST = Manifest(
    kind="EXTENSION_REQUEST",
    case="7F3K-Q2",
    party_from="chu-exemple",
    request_hash="0" * 64,
    authorisation_end=date(2024, 6, 30),
    fields={"until": "2024-09-30", "days": 12, "urgent": False, "acts": ("A", "B"), "note": None},
    attachments=(describe(FILE),),
    software="soins-gateway 0.1.0",
)
PAYLOAD = Payload(
    sender=Mailbox(display="", address="a@b.c"),
    to=(Mailbox(display="", address="d@e.f"),),
    date=datetime(2024, 6, 3, tzinfo=UTC),
    message_id="<1@b.c>",
    subject="s",
    text="t",
    attachments=(FILE,),
)
GOLDEN = (
    b'{"attachments":[{"media_type":"application/pdf","name":"devis.pdf","role":"quote","sha256":'
    b'"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3}],"authorisation_end":"2024-06-30",'
    b'"case":"7F3K-Q2","fields":{"acts":["A","B"],"days":12,"note":null,"until":"2024-09-30","urgent":false},'
    b'"kind":"EXTENSION_REQUEST","party_from":"chu-exemple","request_hash":"' + b"0" * 64 + b'",'
    b'"software":"soins-gateway 0.1.0","version":1}'
)


def _with(**changes: object) -> bytes:
    document = json.loads(GOLDEN)
    document.update(changes)
    return json.dumps({key: value for key, value in document.items() if value != "absent"}).encode()


def test_the_manifest_is_these_bytes_and_comes_back() -> None:
    """Golden: sorted keys, no blanks, UTF-8."""
    assert encode(MANIFEST) == GOLDEN
    assert decode(GOLDEN) == MANIFEST


_SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), _SCALARS | st.lists(_SCALARS).map(tuple)))
def test_any_fields_round_trip(fields: dict[str, manifests.Value]) -> None:
    """Unknown keys are kept; lone surrogates are refused."""
    manifest = replace(MANIFEST, fields=fields)

    assert decode(encode(manifest)) == manifest


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 2}, "manifest-version"),
        ({"version": True}, "manifest-version"),
        ({"version": "absent"}, "manifest-version"),
        ({"kind": 3}, "manifest-kind"),
        ({"kind": "a\nb"}, "manifest-kind"),
        ({"case": ""}, "manifest-case"),
        ({"party_from": None}, "manifest-party-from"),
        ({"software": "x" * 200}, "manifest-software"),
        ({"request_hash": "0" * 63}, "manifest-request-hash"),
        ({"request_hash": "A" * 64}, "manifest-request-hash"),
        ({"authorisation_end": "2024-02-30"}, "manifest-authorisation-end"),
        ({"authorisation_end": "20240203"}, "manifest-authorisation-end"),
        ({"extra": 1}, "manifest-keys"),
        ({"software": "absent"}, "manifest-keys"),
        ({"fields": []}, "manifest-fields"),
        ({"fields": {"a\n": 1}}, "manifest-fields"),
        ({"fields": {"a": {"b": 1}}}, "manifest-value"),
        ({"fields": {"a": "\ud800"}}, "manifest-value"),
        ({"fields": {"a": 1.5}}, "manifest-fraction"),
        ({"fields": {"a": float("nan")}}, "manifest-fraction"),
        ({"fields": {"a": [[1]]}}, "manifest-depth"),
        ({"attachments": {}}, "manifest-attachments"),
        ({"attachments": [{}]}, "manifest-attachment"),
        ({"attachments": [{**json.loads(GOLDEN)["attachments"][0], "size": -1}]}, "manifest-attachment"),
        ({"attachments": [{**json.loads(GOLDEN)["attachments"][0], "size": True}]}, "manifest-attachment"),
        ({"attachments": [{**json.loads(GOLDEN)["attachments"][0], "role": 7}]}, "manifest-attachment"),
        ({"attachments": [{**json.loads(GOLDEN)["attachments"][0], "media_type": "\n"}]}, "manifest-attachment"),
        # The limits, each overrun by one.
        ({"fields": {"a": 2**53}}, "manifest-integer"),
        ({"fields": {"a": "x" * (manifests.MAX_TEXT + 1)}}, "manifest-value"),
        ({"fields": {"a": [1] * (manifests.MAX_LIST + 1)}}, "manifest-list"),
        ({"fields": {f"k{i}": 1 for i in range(manifests.MAX_FIELDS + 1)}}, "manifest-fields"),
        ({"attachments": json.loads(GOLDEN)["attachments"] * (MAX_ATTACHMENTS + 1)}, "manifest-attachments"),
    ],
)
def test_anything_else_is_refused(changes: dict[str, object], reason: str) -> None:
    """Each by its own code, at the step ``manifest``."""
    with pytest.raises(MailMalformed) as caught:
        decode(_with(**changes))

    assert (caught.value.step, caught.value.reason) == ("manifest", reason)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "manifest-json"),
        (b"[]", "manifest-json"),
        (b"\xff", "manifest-json"),
        (b'{"version":1', "manifest-json"),
        (b'{"version":1,"version":1}', "manifest-duplicate-key"),
        (b"[" * 100_000, "manifest-depth"),
        (b'"\\' * 60_000, "manifest-json"),
        (b"9" * 100_000, "manifest-integer"),
        (b" " * (manifests.MAX_MANIFEST + 1), "manifest-size"),
    ],
)
def test_hostile_bytes_are_refused(data: bytes, reason: str) -> None:
    """Before any recursion or long arithmetic."""
    with pytest.raises(MailMalformed, match=reason):
        decode(data)


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_arbitrary_bytes_raise_nothing_but_mail_malformed(data: bytes) -> None:
    """No other exception leaks."""
    with pytest.raises(MailMalformed):
        decode(data)


@pytest.mark.parametrize(
    "fields", [{"a": ("x" * 5000,)}, {"a\n": 1}, {"a": "\ud800"}], ids=["too long", "bad key", "surrogate"]
)
def test_what_could_not_be_read_is_not_written(fields: dict[str, manifests.Value]) -> None:
    """Encoding reads its own result."""
    with pytest.raises(MailMalformed):
        encode(replace(MANIFEST, fields=fields))


@pytest.mark.parametrize(
    "attachments",
    [
        (),
        (FILE, FILE),
        (replace(FILE, data=b"abd"),),
        (replace(FILE, name="Devis.pdf"),),
        (replace(FILE, role=None),),
        (replace(FILE, media_type="image/png"),),
    ],
)
def test_files_that_differ_from_the_manifest_are_refused(attachments: tuple[Attachment, ...]) -> None:
    """A file more, less, renamed, changed or in another role."""
    check_attachments(MANIFEST, PAYLOAD)

    with pytest.raises(MailMalformed, match="manifest-mismatch"):
        check_attachments(MANIFEST, replace(PAYLOAD, attachments=attachments))
