"""A reader's mail through a real GnuPG: it opens with that function's key and with no other, ours included."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.adapters.openpgp.open import OpenLimits, decrypt, verify_detached
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.domain.errors import MailRefused
from gateway.domain.parties import Function, Role, Suite
from gateway.domain.readers import Reader, State, Way
from gateway.ports import Envelope, PublicKey
from gateway.storage import ReaderHandover
from gateway.wire.mime import parse
from gateway.wire.payload import read_payload
from gateway.wire.sealed import read_encrypted, read_signed
from tests.services.opened import MARKER, care_request
from tests.services.world import World, open_world

PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
LIMITS = OpenLimits(max_plain=1024 * 1024)
DOCTOR = Reader(
    id="medecin", functions=frozenset({Function.TREATING_PHYSICIAN}), way=Way.MAIL, place="fabre@hopital.test"
)
OFFICE = Reader(id="bureau", functions=frozenset({Function.ADMINISTRATION}), way=Way.MAIL, place="bureau@hopital.test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A key with its home."""

    home: Home
    fingerprint: str
    public: str

    def open(self, envelope: Envelope) -> bytes:
        """The multipart/signed inside, or a refusal."""
        return decrypt(self.home.path, read_encrypted(parse(envelope.data)), PASSPHRASE, self.home.own, LIMITS).data


@pytest.fixture(scope="module")
def owners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Owner]]:
    """The gateway, the physician and the administration."""
    found = {}
    for name in ("gateway", "medecin", "bureau"):
        folder = tmp_path_factory.mktemp(name)
        fingerprint = generate(folder, name, f"{name}@hopital.test", PASSPHRASE)
        home = open_home(folder / "openpgp", [])
        found[name] = Owner(home=home, fingerprint=fingerprint, public=export_public(folder / "openpgp"))
    yield found
    for owner in found.values():
        owner.home.close()


async def handed_over(world: World, owners: dict[str, Owner]) -> dict[str, Envelope]:
    """A request of care reaches both readers by mail, sealed by GnuPG."""
    us = owners["gateway"]
    sealer = OpenPgpSealer(us.home, fingerprint=us.fingerprint, passphrase=PASSPHRASE)
    await world.take(care_request())
    await world.send_all()
    world.courier.taken.clear()
    world.composer._sealer = world.sender._sealer = sealer
    for name in ("medecin", "bureau"):
        owner = owners[name]
        await world.pins.pin(f"reader:{name}", "openpgp", owner.fingerprint, owner.public, actor="alice")
    await world.handovers.round()
    await world.send_all()
    await world.handovers.round()
    assert {row.state for row in await world.all(ReaderHandover)} == {State.DONE}
    return {envelope.recipient: envelope for envelope in world.courier.taken}


async def test_only_the_functions_own_key_opens_a_readers_mail(tmp_path: Path, owners: dict[str, Owner]) -> None:
    """Signed by us, encrypted to one reader; neither the other reader nor we can open it again."""
    async with open_world(tmp_path, Role.HOSPITAL, readers=(DOCTOR, OFFICE)) as world:
        mails = await handed_over(world, owners)
    mine, other = mails["fabre@hopital.test"], mails["bureau@hopital.test"]
    signed = read_signed(parse(owners["medecin"].open(mine)))
    inside = read_payload(signed.entity)
    assert MARKER in inside.text
    assert MARKER.encode() in inside.attachments[0].data
    for name in ("gateway", "bureau"):
        with pytest.raises(MailRefused):
            owners[name].open(mine)
    rest = read_payload(read_signed(parse(owners["bureau"].open(other))).entity)
    assert "BENALI" in rest.text
    assert MARKER not in repr(rest)
    with pytest.raises(MailRefused):
        owners["medecin"].open(other)
    facts = verify_with(owners["gateway"], owners["medecin"], signed.entity, signed.signature)
    assert facts == owners["gateway"].fingerprint


def verify_with(us: Owner, reader: Owner, entity: bytes, signature: bytes) -> str:
    """Who signed, as the reader's program sees it with our public key."""
    reader.home.admit(PublicKey(suite=Suite.OPENPGP, fingerprint=us.fingerprint, material=us.public))
    return verify_detached(reader.home.path, entity, signature).fingerprint
