"""A dossier whose silence was recorded holds its certificate, in both languages, and no change of it goes unseen."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain import sums
from gateway.domain.challenge import Finding
from gateway.domain.errors import DossierBroken
from gateway.domain.parties import Role
from gateway.services.export.certificate_sheet import JSON
from gateway.storage import Acceptance
from gateway.wire.container import unpack
from tests.services.certifying import enclosed, text_of
from tests.services.mails import START
from tests.services.suites import Keys
from tests.services.test_export import Desk, commands, opened_desk, resealed, shell
from tests.services.test_two_suites import Three, keys, three  # noqa: F401  fixtures

SEED = 20260128
FLIPS = 1200


@pytest.fixture
async def desk(three: Three, keys: dict[Role, Keys], tmp_path: Path) -> Desk:  # noqa: F811
    """A request whose silence is recorded, told and acknowledged."""
    submitted = await three.hospital.submit()
    await three.exchange()
    for world in (three.cnas, three.cnse):
        world.clock.go_to(START + timedelta(days=5))
    await three.hospital.at_ripe(START + timedelta(days=5))
    await three.hospital.deadlines.tick()
    await three.exchange()
    return opened_desk(three.hospital, keys[Role.HOSPITAL], tmp_path, refs=(submitted.case.ref, "9999-99"))


def certificates(data: bytes) -> dict[str, bytes]:
    """Its files of certificates, by their ending."""
    found = {name: entry for name, entry in unpack(data).items() if name.startswith("certificats/")}
    return {name.removeprefix("certificats/")[12:]: entry for name, entry in found.items()}


async def test_it_holds_the_certificate_in_both_languages(desk: Desk) -> None:
    """Facts, signature, two pages of one content; the checkpoint printed there covers the silence."""
    data = await desk.exported()
    found = certificates(data)
    assert set(found) == {".json", ".signature", "-fr.pdf", "-en.pdf"}
    assert desk.examined(data).certificates == 1
    for language in ("fr", "en"):
        assert enclosed(found[f"-{language}.pdf"])[JSON] == found[".json"]
    stated = json.loads(found[".json"])
    assert stated["terms"]["hash"] == (await desk.world.request()).hash
    assert stated["logged"]["note"]
    assert "Certificate of tacit acceptance" in text_of(found["-en.pdf"])


async def test_it_names_the_patient_only_with_content(desk: Desk) -> None:
    """Pages are compressed: what they say is read, not searched for in bytes."""
    closed, opened = [certificates(await desk.exported(with_content=content)) for content in (False, True)]
    for name in ("BENALI", "Amine"):
        for language in ("fr", "en"):
            assert name not in text_of(closed[f"-{language}.pdf"])
            assert name in text_of(opened[f"-{language}.pdf"])
        assert name.encode() not in closed[".json"]


async def test_a_challenge_is_said_and_a_withdrawn_acceptance_has_none(desk: Desk) -> None:
    """As for the certificate that is asked for alone; one of another instant than the log's is none."""
    accepted = await desk.world.only(Acceptance)
    await desk.world.change(replace(accepted, effective_at=accepted.effective_at - timedelta(days=1)))
    with pytest.raises(DossierBroken, match="Une acceptation réputée acquise n'est pas au journal"):
        desk.examined(await desk.exported())
    await desk.world.change(accepted)
    await desk.world.challenges.cast(desk.ref, because="fax", actor="bob")
    assert "mise en cause" in text_of(certificates(await desk.exported())["-fr.pdf"])
    await desk.world.challenges.rule(desk.ref, Finding.WITHDRAWN, because="retrouvée", actor="bob")
    data = await desk.exported()
    assert certificates(data) == {}
    assert desk.examined(data).vouched


async def test_facts_that_the_logs_key_did_not_sign_are_named(desk: Desk) -> None:
    """Though every list, page and file is made anew: who has not the key cannot state anything in its place."""
    entries = unpack(await desk.exported())
    (name,) = [name for name in entries if name.startswith("certificats/") and name.endswith(".json")]
    entries[name] = entries[name].replace(b'"effective_at": "2026', b'"effective_at": "2025', 1)
    with pytest.raises(DossierBroken, match="La signature d'un certificat est fausse"):
        desk.examined(resealed(entries))


async def test_more_than_a_thousand_flipped_bits_are_each_seen(desk: Desk) -> None:
    """Drawn by lot over the whole file, a third of them inside its pages."""
    data = await desk.exported()
    pages = [
        range(at := data.index(page), at + len(page)) for name, page in certificates(data).items() if "pdf" in name
    ]
    lot = random.Random(SEED)  # noqa: S311  a lot, no secret
    print(f"seed {SEED}, {FLIPS} flips of {len(data)} bytes")  # noqa: T201  shown when it fails
    for number in range(FLIPS):
        at = lot.choice(lot.choice(pages)) if number % 3 == 0 else lot.randrange(len(data))
        changed = bytearray(data)
        changed[at] ^= 1 << lot.randrange(8)
        desk.refuses(bytes(changed))


async def test_the_read_me_verifies_the_certificate_with_openssl_alone(desk: Desk, tmp_path: Path) -> None:
    """Literally, in an empty folder; and it fails on what it is there to find."""
    folder = tmp_path / "ailleurs"
    folder.mkdir()
    (folder / "d.zip").write_bytes(await desk.exported())
    (folder / "autorite.pem").write_bytes(desk.authority.root.read_bytes())
    assert shell(folder, "unzip -q d.zip").returncode == 0
    blocks = commands()
    for name, text in blocks.items():
        done = shell(folder, text)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
    assert "Signature Verified Successfully" in shell(folder, blocks["certificats"]).stdout
    (stated,) = folder.glob("certificats/*.json")
    stated.write_bytes(stated.read_bytes().replace(b"2026", b"2025", 1))
    assert shell(folder, blocks["certificats"]).returncode != 0
    assert sums.MANIFEST in {path.name for path in folder.iterdir()}
