"""Keys: ours must sign and last, each partner's must be pinned, confirmed, usable and last."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.adapters.openpgp.keyfiles import export_public, generate, own_key
from gateway.adapters.smime import identity as smime
from gateway.adapters.smime.certificates import fingerprint, pem
from gateway.doctor import files, keys
from gateway.doctor.finding import Level
from gateway.domain.errors import OwnKeyUnusable, SecretUnreadable
from gateway.domain.parties import Suite
from gateway.storage import Pin
from tests.adapters.smime.people import Person, person, rsa_key
from tests.doctor.place import NOW, PASSPHRASE, Place, complete, heard, only, pin

DAY = timedelta(days=1)
OPERATE = Path(__file__).parents[2] / "docs" / "operate.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A partner's key."""

    fingerprint: str
    material: str


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Theirs:
    """A key of three years."""
    folder = tmp_path_factory.mktemp("theirs")
    return Theirs(
        fingerprint=generate(folder, "CNAS", "a@b.test", PASSPHRASE), material=export_public(folder / "openpgp")
    )


@pytest.fixture(scope="module")
def revoked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theirs]:
    """A key that its owner revoked."""
    folder = tmp_path_factory.mktemp("revoked")
    fingerprint = generate(folder, "CNAS", "a@b.test", PASSPHRASE)
    home = folder / "openpgp"
    certificate = (home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_bytes().replace(b":-----BEGIN", b"-----BEGIN")
    subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--import"], input=certificate, check=True, capture_output=True
    )
    yield Theirs(fingerprint=fingerprint, material=export_public(home))
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=True)


# --- Ours.


async def test_our_own_key_is_fine(keyed: Place) -> None:
    """It signs, and its end is told."""
    finding = only(await heard(keys.own(keyed.installation())), "keys.own")

    assert finding.level is Level.OK
    assert finding.facts["fingerprint"] == own_key(keyed.keys / "openpgp").fingerprint


@pytest.mark.parametrize(("left", "level"), [(91 * DAY, Level.OK), (89 * DAY, Level.TO_MEND), (-DAY, Level.BLOCKING)])
async def test_the_end_of_our_key_is_told_ninety_days_before(keyed: Place, left: timedelta, level: Level) -> None:
    """An exchange of keys takes time."""
    end = own_key(keyed.keys / "openpgp").usable_until
    assert end is not None
    keyed.clock.at = end - left

    finding = only(await heard(keys.own(keyed.installation())), "keys.own")

    assert finding.level is level
    assert complete(finding) is (level is not Level.OK)


async def test_an_expired_key_of_ours_is_blocking(place: Place) -> None:
    """As GnuPG itself sees it now."""
    generate(place.keys, "CHU", "soins@hopital.test", PASSPHRASE, expires="seconds=1")
    fingerprint = own_key(place.keys / "openpgp").fingerprint
    # The key's second ends while GnuPG starts again and again.
    while own_key(place.keys / "openpgp").can_sign:
        continue

    finding = only(await heard(keys.own(place.installation())), "keys.own")

    assert (finding.level, finding.facts["fingerprint"]) == (Level.BLOCKING, fingerprint)
    assert "expiré" in str(finding.why)
    assert complete(finding)


async def test_a_wrong_passphrase_is_an_error(keyed: Place) -> None:
    """The key is only as good as what opens it."""
    (keyed.keys / "passphrase").write_text("sesame\n")

    with pytest.raises(OwnKeyUnusable, match="phrase secrète"):
        await heard(keys.own(keyed.installation()))


async def test_a_key_is_prolonged_as_the_document_says(in_memory: Path, openpgp: Path) -> None:
    """The commands of docs/operate.md, word for word: the same key, for longer; the folder stays private."""
    # GnuPG's socket lies in the folder, its path has 107 characters at most: pytest's own folder is too deep.
    keyed = Place(in_memory, openpgp)
    section = OPERATE.read_text(encoding="utf-8").partition("## Prolonger votre clé")[2]
    before = own_key(keyed.keys / "openpgp")
    commands = section.split("```")[1].replace("EMPREINTE", before.fingerprint).replace(" 3y", " 5y")

    shell = await asyncio.create_subprocess_exec("sh", "-ec", commands, cwd=keyed.folder)
    assert await shell.wait() == 0

    after = own_key(keyed.keys / "openpgp")
    assert before.usable_until is not None
    assert after.usable_until is not None
    assert after.usable_until - before.usable_until > timedelta(days=700)
    assert (after.fingerprint, after.keygrips) == (before.fingerprint, before.keygrips)
    assert only(await heard(keys.own(keyed.installation())), "keys.own").level is Level.OK
    assert only(files.secrets(keyed.installation()), "files.secrets").level is Level.OK


async def test_an_absent_key_of_ours_is_an_error(place: Place) -> None:
    """The folder is not there."""
    with pytest.raises(OwnKeyUnusable):
        await heard(keys.own(place.installation()))


# --- The partners'.


async def test_partners_keys_are_looked_at_one_by_one(place: Place, theirs: Theirs, revoked: Theirs) -> None:
    """One is fine, the other is revoked."""
    place.create()
    await place.store(
        pin("cnas", theirs.fingerprint, theirs.material), pin("cnse", revoked.fingerprint, revoked.material)
    )

    found = await heard(keys.partners(place.installation()))

    assert {finding.facts["partner"]: finding.level for finding in found} == {
        "cnas": Level.OK,
        "cnse": Level.BLOCKING,
    }
    assert complete(found[1])
    assert "révoquée" in str(found[1].why)


async def test_a_partner_without_a_key_is_blocking(place: Place, theirs: Theirs) -> None:
    """Absent, or proposed and not confirmed by a second person: each has its own mend."""
    place.create()
    await place.store(pin("cnse", theirs.fingerprint, theirs.material, confirmed=False))

    found = await heard(keys.partners(place.installation()))

    assert [(finding.level, finding.facts["proposed"]) for finding in found] == [
        (Level.BLOCKING, False),
        (Level.BLOCKING, True),
    ]
    assert all(complete(finding) for finding in found)
    assert "seconde personne" in str(found[1].mend)


async def test_a_partners_key_that_ends_soon_is_told(place: Place, theirs: Theirs) -> None:
    """Before mails to it are held."""
    place.create()
    await place.store(*(pin(name, theirs.fingerprint, theirs.material) for name in ("cnas", "cnse")))
    place.clock.advance(3 * 365 * DAY - 30 * DAY)

    found = await heard(keys.partners(place.installation()))

    assert [finding.level for finding in found] == [Level.TO_MEND] * 2
    assert all(complete(finding) for finding in found)


async def test_a_pin_that_is_no_key_is_blocking(place: Place, theirs: Theirs) -> None:
    """The others are still looked at."""
    place.create()
    await place.store(pin("cnas", "A" * 40, "nonsense"), pin("cnse", theirs.fingerprint, theirs.material))

    found = await heard(keys.partners(place.installation()))

    assert [(finding.level, finding.facts.get("error")) for finding in found] == [
        (Level.BLOCKING, "KeyFileInvalid"),
        (Level.OK, None),
    ]


# --- S/MIME.


async def test_our_own_certificate_is_looked_at_where_there_is_one(keyed: Place) -> None:
    """Its end is told ninety days before; without S/MIME nothing is said; its secrets are counted."""
    assert await heard(keys.own_certificate(keyed.installation())) == []
    before = only(files.secrets(keyed.installation()), "files.secrets").what
    keyed.add_certificate()

    finding = only(await heard(keys.own_certificate(keyed.installation())), "keys.own_certificate")

    assert finding.level is Level.OK
    end = finding.facts["usable_until"]
    assert isinstance(end, datetime)
    assert only(files.secrets(keyed.installation()), "files.secrets").what != before
    keyed.clock.at = end - 30 * DAY
    finding = only(await heard(keys.own_certificate(keyed.installation())), "keys.own_certificate")
    assert finding.level is Level.TO_MEND
    assert complete(finding)
    keyed.clock.at = end + DAY
    with pytest.raises(OwnKeyUnusable, match="expiré"):
        await heard(keys.own_certificate(keyed.installation()))


async def test_what_came_before_is_looked_at_where_it_is_named(keyed: Place) -> None:
    """A former key and a former certificate still open; one that could not is told before a mail is lost on it."""
    assert await heard(keys.former(keyed.installation())) == []
    keyed.add_certificate()
    former = keyed.folder / "former"
    generate(former, "CHU", "soins@hopital.test", PASSPHRASE)
    smime.generate(former, "CHU", "soins@hopital.test", PASSPHRASE, at=NOW - 900 * DAY, days=800)
    keyed.change('folder = "keys/openpgp"\n', 'folder = "keys/openpgp"\nformer_folder = "former/openpgp"\n')
    named = '[smime]\nformer_certificate = "former/smime.pem"\nformer_key = { file = "former/smime.key" }\n'
    keyed.change("[smime]\n", f'{named}former_passphrase = {{ file = "keys/passphrase" }}\n')

    found = await heard(keys.former(keyed.installation()))

    assert [(finding.level, finding.facts["suite"]) for finding in found] == [
        (Level.OK, Suite.OPENPGP),
        (Level.OK, Suite.SMIME),
    ]
    assert found[0].facts["fingerprint"] == own_key(former / "openpgp").fingerprint
    (former / "smime.key").chmod(0o644)
    told = [finding.facts.get("place") for finding in files.secrets(keyed.installation())]
    assert "[smime] former_key" in told
    (keyed.keys / "passphrase").write_text("sesame\n")
    with pytest.raises(OwnKeyUnusable, match="phrase secrète"):
        await heard(keys.former(keyed.installation()))


CNAS = person("cnas", key=rsa_key(), start=NOW - DAY, end=NOW + 200 * DAY)
SERVER = person("cnas", key=rsa_key(), start=NOW - DAY, end=NOW + 200 * DAY, purpose=ExtendedKeyUsageOID.SERVER_AUTH)


def pinned(who: Person) -> Pin:
    """The CNAS's certificate."""
    return pin("cnas", fingerprint(who.certificate), pem(who.certificate), suite="smime")


@pytest.mark.parametrize(
    ("who", "later", "level", "told"),
    [
        (CNAS, 0 * DAY, Level.OK, "utilisable"),
        (CNAS, 150 * DAY, Level.TO_MEND, "nouveau certificat"),
        (CNAS, 300 * DAY, Level.BLOCKING, "expiré"),
        (SERVER, 0 * DAY, Level.BLOCKING, "pas fait pour"),
    ],
    ids=["good", "ends soon", "expired", "for a server"],
)
async def test_a_partners_certificate_is_looked_at(
    keyed: Place, who: Person, later: timedelta, level: Level, told: str
) -> None:
    """With the mend of its suite."""
    keyed.add_certificate()
    keyed.create()
    await keyed.store(pinned(who))
    keyed.clock.advance(later)

    finding = (await heard(keys.partners(keyed.installation())))[0]

    assert (finding.level, finding.facts["partner"], finding.facts["suite"]) == (level, "cnas", "smime")
    assert told in " ".join(str(text) for text in finding.words().values())
    assert complete(finding) is (level is not Level.OK)


async def test_an_authority_that_cannot_be_read_is_blocking(keyed: Place) -> None:
    """For this partner; the other one is still looked at."""
    keyed.add_certificate()
    keyed.change('suite = "smime"\n', 'suite = "smime"\nca = "absent.pem"\n')
    keyed.create()
    await keyed.store(pinned(CNAS))

    found = await heard(keys.partners(keyed.installation()))

    assert [finding.facts.get("error") for finding in found] == ["AuthorityUnusable", None]
    assert {finding.level for finding in found} == {Level.BLOCKING}


async def test_a_key_of_another_suite_than_agreed_is_blocking(keyed: Place, theirs: Theirs) -> None:
    """The configuration changed after the import."""
    keyed.add_certificate()
    keyed.create()
    await keyed.store(pin("cnas", theirs.fingerprint, theirs.material))

    finding = (await heard(keys.partners(keyed.installation())))[0]

    assert (finding.level, finding.facts["suite"]) == (Level.BLOCKING, "openpgp")
    assert complete(finding)


# --- Certificates.


@pytest.mark.parametrize(("left", "level"), [(91 * DAY, Level.OK), (89 * DAY, Level.TO_MEND), (-DAY, Level.BLOCKING)])
def test_a_client_certificate_that_ends_is_told(place: Place, left: timedelta, level: Level) -> None:
    """The one by which we log in."""
    issued = trustme.CA().issue_cert("soins@hopital.test", not_after=place.clock.now() + left)
    issued.cert_chain_pems[0].write_to_path(place.folder / "c.pem")
    place.change("[smtp]\n", '[smtp]\nclient_certificate = "c.pem"\n')

    finding = only(keys.certificates(place.installation()), "keys.certificate")

    assert finding.level is level
    assert complete(finding) is (level is not Level.OK)


def test_without_client_certificate_nothing_is_said(place: Place) -> None:
    """A password suffices; what is no certificate is an error."""
    assert list(keys.certificates(place.installation())) == []
    (place.folder / "c.pem").write_text("nonsense")
    place.change("[imap]\n", '[imap]\nclient_certificate = "c.pem"\n')
    with pytest.raises(SecretUnreadable):
        list(keys.certificates(place.installation()))


def test_a_certificate_that_is_not_there_is_the_systems_error(place: Place) -> None:
    """It becomes a finding like any other."""
    place.change("[imap]\n", '[imap]\nclient_certificate = "absent.pem"\n')
    with pytest.raises(FileNotFoundError):
        list(keys.certificates(place.installation()))
    assert not Path(place.folder / "absent.pem").exists()
