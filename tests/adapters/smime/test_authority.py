"""A partner's authority and its list: what leads there is taken, what was taken back is not; no network is asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.adapters.smime.authority import Authority, bundle
from gateway.adapters.smime.bench import decode, encode
from gateway.adapters.smime.certificates import CertificateFault, Purpose, fault_of, fingerprint, pem
from gateway.adapters.smime.verify import verify_detached
from gateway.domain.errors import AuthorityUnusable, MailRefused
from gateway.domain.parties import Suite
from gateway.ports import PublicKey
from tests.adapters.smime.forge import ENTITY, OPENED_AT, SIGNED_AT, cms_signature, signer
from tests.adapters.smime.people import END, START, Person, person, usage

AT = datetime(2026, 6, 1, tzinfo=UTC)
ROOT = person("racine", authority=True, purpose=None, bits=usage("key_cert_sign", "crl_sign"))
MIDDLE = person("autorite", issuer=ROOT, authority=True, purpose=None, bits=usage("key_cert_sign", "crl_sign"))
LEAF = person("cnas", issuer=MIDDLE)
OTHER = person("autre-racine", authority=True, purpose=None)


def revocations(
    issuer: Person, *taken: Person, last_update: datetime = START, next_update: datetime = END
) -> x509.CertificateRevocationList:
    """A list of an authority."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(last_update).next_update(next_update)
    for each in taken:
        revoked = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(START)
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(issuer.key, SHA256())


def authority(folder: Path, certificates: tuple[Person, ...], *lists: x509.CertificateRevocationList) -> Authority:
    """Files of an authority."""
    (folder / "ca.pem").write_text(bundle(tuple(each.certificate for each in certificates)))
    if not lists:
        return Authority(ca=folder / "ca.pem")
    (folder / "crl.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in lists))
    return Authority(ca=folder / "ca.pem", crl=folder / "crl.pem")


def judged(found: Authority, who: Person = LEAF, at: datetime = AT) -> CertificateFault | None:
    """What speaks against this person's signature."""
    return fault_of(found.correspondent(who.certificate), Purpose.SIGN, at=(at,))


def test_without_an_authority_the_pin_decides() -> None:
    """Most partners have a certificate that no authority of ours signed."""
    assert judged(Authority()) is None


@pytest.mark.parametrize("chain", [(ROOT, MIDDLE), (MIDDLE,)], ids=["root", "middle-alone"])
def test_a_certificate_of_the_authority_passes(tmp_path: Path, chain: tuple[Person, ...]) -> None:
    """Through an authority between, or from the one that was named."""
    assert judged(authority(tmp_path, chain)) is None


@pytest.mark.parametrize(
    ("chain", "who"),
    [
        ((OTHER,), LEAF),
        ((ROOT,), LEAF),
        ((ROOT, MIDDLE), person("solitaire")),
        ((ROOT, person("autorite", key=OTHER.key, issuer=ROOT, authority=True)), LEAF),
        ((person("simple"),), person("dessous", issuer=person("simple"))),
        (
            (person("sans-droit", authority=True, bits=usage("crl_sign")),),
            person("dessous", issuer=person("sans-droit")),
        ),
    ],
    ids=["another", "gap", "alone", "namesake", "no-authority", "may-not-issue"],
)
def test_a_certificate_that_does_not_lead_there_is_refused(
    tmp_path: Path, chain: tuple[Person, ...], who: Person
) -> None:
    """The pin alone is then not enough."""
    assert judged(authority(tmp_path, chain), who) is CertificateFault.CHAIN


def test_an_expired_authority_vouches_for_nobody(tmp_path: Path) -> None:
    """At the instant that is judged, not at another."""
    old = person("vieille", authority=True, end=AT - timedelta(days=1))
    found = authority(tmp_path, (old,))
    who = person("cnas", issuer=old)
    assert judged(found, who) is CertificateFault.CHAIN
    assert judged(found, who, AT - timedelta(days=2)) is None


def test_what_the_list_takes_back_is_refused(tmp_path: Path) -> None:
    """The certificate itself, or an authority on its way."""
    assert judged(authority(tmp_path, (ROOT, MIDDLE), revocations(MIDDLE, LEAF))) is CertificateFault.REVOKED
    assert judged(authority(tmp_path, (ROOT, MIDDLE), revocations(ROOT, MIDDLE))) is CertificateFault.CHAIN
    assert judged(authority(tmp_path, (MIDDLE,), revocations(MIDDLE), revocations(MIDDLE, LEAF))) is not None


def test_a_list_out_of_date_does_not_stop_the_mail(tmp_path: Path) -> None:
    """Nobody fetched a new one; what it takes back stays taken back."""
    stale = AT - timedelta(days=30)
    assert judged(authority(tmp_path, (ROOT, MIDDLE), revocations(MIDDLE, next_update=stale))) is None
    assert judged(authority(tmp_path, (ROOT, MIDDLE), revocations(MIDDLE, LEAF, next_update=stale))) is not None


def test_a_list_in_der_is_read_too(tmp_path: Path) -> None:
    """As authorities publish it."""
    found = authority(tmp_path, (ROOT, MIDDLE), revocations(MIDDLE))
    (tmp_path / "crl.pem").write_bytes(revocations(MIDDLE, LEAF).public_bytes(Encoding.DER))
    assert judged(found) is CertificateFault.REVOKED


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("crl.pem", b"", "lisible"),
        ("crl.pem", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "lisible"),
        ("crl.pem", revocations(OTHER).public_bytes(Encoding.PEM), "signée"),
        ("crl.pem", None, "existe"),
        ("ca.pem", b"", "certificat"),
        ("ca.pem", None, "existe"),
    ],
    ids=["empty", "broken", "strangers", "absent", "no-certificate", "no-authority"],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, name: str, content: bytes | None, why: str) -> None:
    """Never silently done without."""
    found = authority(tmp_path, (ROOT, MIDDLE), revocations(MIDDLE))
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(AuthorityUnusable, match=why):
        judged(found)


def test_a_list_signed_by_a_namesake_is_refused(tmp_path: Path) -> None:
    """The name of the authority, the key of another."""
    namesake = person("autorite", key=OTHER.key, authority=True)
    with pytest.raises(AuthorityUnusable, match="signée"):
        judged(authority(tmp_path, (ROOT, MIDDLE), revocations(namesake, LEAF)))


@pytest.mark.parametrize(
    ("chain", "taken", "reason"),
    [((ROOT, MIDDLE), (), None), ((OTHER,), (), "untrusted-authority"), ((ROOT, MIDDLE), (LEAF,), "key-revoked")],
)
def test_the_worker_judges_by_what_its_parent_told(
    tmp_path: Path, chain: tuple[Person, ...], taken: tuple[Person, ...], reason: str | None
) -> None:
    """Authorities and revocation pass through the pipe, and decide on a signature."""
    lists = (revocations(MIDDLE, *taken),) if MIDDLE in chain else ()
    who = authority(tmp_path, chain, *lists).correspondent(LEAF.certificate)
    key = PublicKey(
        suite=Suite.SMIME,
        fingerprint=fingerprint(LEAF.certificate),
        material=pem(LEAF.certificate),
        authorities=bundle(who.authorities),
        revoked=who.revoked,
    )
    known = decode(encode(LEAF.identity(), [key])).known
    signature = cms_signature(signer(LEAF), who=LEAF)
    if reason is None:
        assert verify_detached(ENTITY, signature, known, at=OPENED_AT).made_at == SIGNED_AT
        return
    with pytest.raises(MailRefused) as caught:
        verify_detached(ENTITY, signature, known, at=OPENED_AT)
    assert caught.value.reason == reason
