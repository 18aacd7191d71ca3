"""What a mail must prove, step by step: one refusal for each, and what passes."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import MailRefused
from gateway.domain.kinds import PROBE
from gateway.domain.parties import Directory, Partner, PartnerKind, Role, Suite, default_policy
from gateway.domain.trust import ACCEPTED_SHAPES, RECEIPT_SHAPES, Claim, VerifiedMail, own_probe, verify

US = "soins@hopital.test"
AT = datetime(2026, 1, 25, 9, 0, tzinfo=UTC)


def _partner(name: str, role: Role) -> Partner:
    return Partner(
        id=name,
        role=role,
        kind=PartnerKind.GATEWAY,
        suite=Suite.OPENPGP,
        addresses=(f"conv@{name}.test", f"autre@{name}.test"),
        policy=default_policy(PartnerKind.GATEWAY),
        max_bytes=25_000_000,
    )


CNAS, CNSE = _partner("cnas", Role.CNAS), _partner("cnse", Role.CNSE)
DIRECTORY = Directory((CNAS, CNSE))
PINS = {"cnas": frozenset({"B" * 40}), "cnse": frozenset({"C" * 40})}
GOOD = Claim(
    shape="ENCRYPTED",
    fingerprint="B" * 40,
    signed_at=AT,
    senders=("conv@cnas.test",),
    recipients=("medical@cnse.test", US),
    message_id="<a@cnas.test>",
    mic="0" * 64,
)


def check(claim: Claim, *, seen: dict[tuple[str, str], str] | None = None) -> VerifiedMail:
    """The verification with our directory and pins."""
    return verify(claim, directory=DIRECTORY, pins=PINS, our_address=US, seen=seen or {})


def test_a_mail_that_proves_everything_passes() -> None:
    """The positive control: who, by which key, when, what."""
    found = check(GOOD)
    assert (found.partner, found.fingerprint, found.signed_at) == (CNAS, "B" * 40, AT)
    assert (found.message_id, found.mic, found.duplicate, found.receipt) == ("<a@cnas.test>", "0" * 64, False, False)


@pytest.mark.parametrize("shape", sorted(ACCEPTED_SHAPES | RECEIPT_SHAPES))
def test_only_a_signed_report_counts_as_a_receipt(shape: str) -> None:
    """Every accepted shape passes, and only the shape says whether it is a receipt."""
    assert check(replace(GOOD, shape=shape)).receipt is (shape == "SIGNED_REPORT")


REFUSALS = [
    ("sealed", "not-sealed", {"shape": "PLAIN"}),
    ("sealed", "not-sealed", {"shape": "REPORT"}),
    ("sealed", "not-sealed", {"shape": "SIGNED"}),
    ("sealed", "not-sealed", {"shape": ""}),
    ("signature", "not-signed", {"fingerprint": None}),
    ("signature", "not-signed", {"signed_at": None}),
    ("signature", "not-signed", {"mic": None}),
    ("sender", "not-one-from", {"senders": ()}),
    ("sender", "not-one-from", {"senders": ("conv@cnas.test", "conv@cnas.test")}),
    ("sender", "unknown-partner", {"senders": ("conv@cnas.test.evil.test",)}),
    ("pin", "key-not-pinned", {"fingerprint": "D" * 40}),
    ("pin", "key-not-pinned", {"fingerprint": "C" * 40}),
    ("pin", "key-not-pinned", {"fingerprint": "b" * 40}),
    ("recipients", "not-for-us", {"recipients": ("medical@cnse.test",)}),
    ("recipients", "not-for-us", {"recipients": ()}),
    ("replay", "no-message-id", {"message_id": None}),
    ("replay", "no-message-id", {"message_id": ""}),
]


@pytest.mark.parametrize(("name", "reason", "change"), REFUSALS)
def test_each_step_alone_refuses(name: str, reason: str, change: dict[str, object]) -> None:
    """One thing wrong is enough, and the error names the step."""
    with pytest.raises(MailRefused) as caught:
        check(replace(GOOD, **change))  # type: ignore[arg-type]  # each row changes one field
    assert (caught.value.step, caught.value.reason) == (name, reason)


def test_a_partner_without_any_pinned_key_is_refused() -> None:
    """No key is ever taken from a mail."""
    with pytest.raises(MailRefused, match="pin"):
        verify(GOOD, directory=DIRECTORY, pins={}, our_address=US, seen={})


def test_another_address_of_the_same_partner_passes() -> None:
    """A partner may write from any of its addresses, in any case of letters."""
    assert check(replace(GOOD, senders=("Autre@CNAS.test",))).partner is CNAS


def test_the_same_id_with_another_content_is_refused() -> None:
    """A replay under a known id never replaces what was accepted."""
    with pytest.raises(MailRefused) as caught:
        check(GOOD, seen={("cnas", "<a@cnas.test>"): "1" * 64})
    assert (caught.value.step, caught.value.reason) == ("replay", "same-id-other-content")


def test_the_same_id_with_the_same_content_is_a_duplicate() -> None:
    """Said, not raised: its receipt is repeated."""
    assert check(GOOD, seen={("cnas", "<a@cnas.test>"): "0" * 64}).duplicate


def test_the_same_id_of_another_partner_is_not_a_replay() -> None:
    """Message-IDs are compared within one partner: nobody blocks the ids of another."""
    assert not check(GOOD, seen={("cnse", "<a@cnas.test>"): "1" * 64}).duplicate


def test_the_earliest_failing_step_is_named() -> None:
    """With everything wrong the shape is named: nothing is looked at before it."""
    wrong = Claim(shape="PLAIN", fingerprint=None, signed_at=None, senders=(), recipients=(), message_id=None, mic=None)
    with pytest.raises(MailRefused, match="sealed"):
        check(wrong)


def test_a_verified_mail_cannot_be_built_by_hand() -> None:
    """Neither from nothing nor from another proof."""
    values = {each.name: getattr(check(GOOD), each.name) for each in fields(VerifiedMail)}
    for proof in (None, object(), True):
        with pytest.raises(TypeError):
            VerifiedMail(**(values | {"proof": proof}))


@given(
    st.builds(
        Claim,
        shape=st.sampled_from(["ENCRYPTED", "SIGNED_REPORT", "PLAIN", "x"]),
        fingerprint=st.sampled_from([None, "B" * 40, "C" * 40, ""]),
        signed_at=st.sampled_from([None, AT]),
        senders=st.lists(st.sampled_from(["conv@cnas.test", "conv@cnse.test", "x@y.test", ""]), max_size=2).map(tuple),
        recipients=st.lists(st.sampled_from([US, "x@y.test"]), max_size=2).map(tuple),
        message_id=st.sampled_from([None, "", "<a@b>"]),
        mic=st.sampled_from([None, "0" * 64]),
    )
)
def test_what_passes_has_the_pinned_key_of_its_own_sender(claim: Claim) -> None:
    """Whatever is claimed: refused, or signed by the key that is pinned to its one sender, and meant for us."""
    try:
        found = check(claim)
    except MailRefused:
        return
    assert found.fingerprint in PINS[found.partner.id]
    assert len(claim.senders) == 1
    assert claim.senders[0] in found.partner.addresses
    assert US in claim.recipients
    assert claim.shape in ACCEPTED_SHAPES | RECEIPT_SHAPES


# --- The probe by which we try our own servers.

OURS = "A" * 40
PROBE_CLAIM = replace(GOOD, fingerprint=OURS, senders=(US,), recipients=(US,))


def is_probe(claim: Claim, kind: str | None = PROBE) -> bool:
    """Whether it is left alone."""
    return own_probe(claim, kind=kind, our_address=US, our_fingerprints=frozenset({OURS, "E" * 64}))


def test_our_own_mail_to_ourselves_is_a_probe() -> None:
    """Sealed and named so, or in the shape of a receipt, which has no name."""
    assert is_probe(PROBE_CLAIM)
    assert is_probe(replace(PROBE_CLAIM, fingerprint="E" * 64))
    assert is_probe(replace(PROBE_CLAIM, shape="SIGNED_REPORT"), None)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, None),
        ({}, "EXTENSION_ACCEPTANCE"),
        ({"fingerprint": "B" * 40}, PROBE),
        ({"fingerprint": None}, PROBE),
        ({"senders": ("conv@cnas.test",)}, PROBE),
        ({"senders": (US, "conv@cnas.test")}, PROBE),
        ({"senders": ()}, PROBE),
        ({"recipients": (US, "conv@cnas.test")}, PROBE),
        ({"recipients": ("conv@cnas.test",)}, PROBE),
        ({"shape": "PLAIN"}, PROBE),
        ({"shape": "REPORT"}, PROBE),
        ({"shape": "SIGNED"}, PROBE),
        ({"shape": "ENCRYPTED_ONE_PASS"}, PROBE),
    ],
)
def test_whatever_differs_from_our_probe_is_none(changes: dict[str, object], kind: str | None) -> None:
    """Another kind, key, sender, recipient or shape: it is looked at like any mail."""
    assert not is_probe(replace(PROBE_CLAIM, **changes), kind)  # type: ignore[arg-type]
