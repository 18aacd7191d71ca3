"""Until when keys and certificates last, read from real ones: ours, partners', those that log in, and broken ones."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.openpgp.keyfiles import export_public, generate, own_key
from gateway.adapters.smime.certificates import fingerprint, pem
from gateway.domain.lifetimes import Lifetime
from gateway.domain.parties import Suite
from gateway.lookout import Keys, MetServers, alarm_watch
from gateway.ports import PeerTls, PublicKey
from tests.adapters.smime.people import person, rsa_key
from tests.doctor.place import NOW, PASSPHRASE, Place

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def openpgp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key of ninety days."""
    folder = tmp_path_factory.mktemp("key")
    generate(folder, "CHU", "soins@hopital.test", PASSPHRASE, expires="90d")
    return folder / "openpgp"


@pytest.fixture
def place(tmp_path: Path, openpgp: Path) -> Place:
    """A hospital with that key."""
    return Place(tmp_path, openpgp)


async def lifetimes(place: Place, *partners: tuple[str, PublicKey]) -> dict[tuple[str, str], Lifetime]:
    """By owner and suite."""
    settings = place.installation().settings
    found = await Keys(settings, place.clock, MetServers(settings)).lifetimes(partners)
    return {(item.owner, item.suite): item for item in found}


async def test_our_own_key_and_partners_have_their_ends(place: Place, openpgp: Path) -> None:
    """As GnuPG and the certificate say."""
    end = own_key(openpgp).usable_until
    theirs = PublicKey(suite=Suite.OPENPGP, fingerprint="x", material=export_public(openpgp))
    cert = person("cnse", key=rsa_key(), start=NOW - DAY, end=NOW + 30 * DAY)
    certificate = PublicKey(
        suite=Suite.SMIME, fingerprint=fingerprint(cert.certificate), material=pem(cert.certificate)
    )

    found = await lifetimes(place, ("cnas", theirs), ("cnse", certificate))

    assert found[("us", "openpgp")] == Lifetime(owner="us", suite="openpgp", usable=True, ends_at=end)
    assert found[("cnas", "openpgp")].ends_at == end
    assert (found[("cnse", "smime")].usable, found[("cnse", "smime")].ends_at) == (True, NOW + 30 * DAY)


async def test_a_certificate_that_is_over_or_of_no_use_cannot_be_used(place: Place) -> None:
    """Expired at the gateway's own time."""
    cert = person("cnse", key=rsa_key(), start=NOW - 3 * DAY, end=NOW - DAY)
    key = PublicKey(suite=Suite.SMIME, fingerprint=fingerprint(cert.certificate), material=pem(cert.certificate))

    assert not (await lifetimes(place, ("cnse", key)))[("cnse", "smime")].usable


async def test_our_own_certificate_is_looked_at_where_there_is_one(place: Place) -> None:
    """Beside our OpenPGP key."""
    assert ("us", "smime") not in await lifetimes(place)
    place.add_certificate()
    found = (await lifetimes(place))[("us", "smime")]
    assert found.usable
    assert found.ends_at is not None
    place.clock.at = found.ends_at + DAY
    assert not (await lifetimes(place))[("us", "smime")].usable


async def test_certificates_that_log_in_are_looked_at(place: Place) -> None:
    """By the section that uses them."""
    cert = person("client", key=rsa_key(), start=NOW - DAY, end=NOW + 5 * DAY)
    (place.folder / "client.pem").write_text(pem(cert.certificate))
    place.change("[imap]\n", '[imap]\nauth = "certificate"\nclient_certificate = "client.pem"\n')

    found = await lifetimes(place)

    assert found[("imap", "x509")].ends_at == NOW + 5 * DAY
    assert ("smtp", "x509") not in found


@pytest.mark.parametrize("broken", ["absent", "garbage"])
async def test_what_cannot_be_read_cannot_be_used_and_hides_nothing_else(place: Place, broken: str) -> None:
    """A file that somebody moved or overwrote is an alarm, not a crash of the watch."""
    place.change("[imap]\n", '[imap]\nauth = "certificate"\nclient_certificate = "client.pem"\n')
    if broken == "garbage":
        (place.folder / "client.pem").write_text("rien")
    wrong = PublicKey(suite=Suite.OPENPGP, fingerprint="x", material="rien")

    found = await lifetimes(place, ("cnas", wrong))

    assert {key: item.usable for key, item in found.items()} == {
        ("us", "openpgp"): True,
        ("cnas", "openpgp"): False,
        ("imap", "x509"): False,
    }


async def test_the_watch_of_a_gateway_stands_on_its_configuration(place: Place) -> None:
    """Staff, limits and command are those of the file; without a command there is no other path."""
    from gateway.records import open_base

    place.create()
    place.write(
        place.config.read_text()
        + '\n[alarms]\nauthorisation_days = 3\nbackup_days = 2\ncommand = ["/bin/true"]\n'
        + '\n[staff.un]\naddress = "un@hopital.test"\n'
    )
    async with open_base(place.installation().settings) as base:
        watch = alarm_watch(base, MetServers(base.settings), None)
        assert [member.id for member in watch._staff.members] == ["un"]
        assert watch._calls.possible
        assert (watch._facts._limits.authorisation_days, watch._facts._limits.backup_days) == (3, 2)
        assert await watch.round() >= 0


async def test_servers_are_known_by_the_certificate_that_they_showed(place: Place) -> None:
    """None before a connection; then the last one seen; a physician's by the reader's name."""
    place.write(
        place.config.read_text()
        + '\n[readers.fabre]\nfunctions = ["hospital.treating_physician"]\nfolder = "remises"\n'
        + '\n[mailboxes.fabre]\naddress = "fabre@hopital.test"\nhost = "imap.test"\nuser = "fabre"\n'
        + 'password = { file = "keys/mail-password" }\n'
    )
    settings = place.installation().settings
    met = MetServers(settings)
    keys = Keys(settings, place.clock, met)
    assert [(one.server, one.ends_at) for one in keys.servers()] == [
        ("imap", None),
        ("smtp", None),
        ("imap.fabre", None),
    ]
    for days in (3, 90):
        met.note("smtp", PeerTls(version="TLSv1.3", certificate_ends=NOW + days * DAY))
    assert keys.servers()[1].ends_at == NOW + 90 * DAY
