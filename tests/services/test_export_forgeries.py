"""What the keeper of the machine, or whoever hands a dossier on, may try: each is seen, by us and by the read-me."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import exhibits
from gateway.adapters.log_key import LogKey, generate_log_key
from gateway.domain import exhibit, sums
from gateway.domain.checkpoint import read_note
from gateway.domain.errors import DossierBroken
from gateway.services.export.case import Vouched
from gateway.services.export.examine import examine
from gateway.services.export.facts import SIGNERS, signers
from gateway.services.witness import Witness
from gateway.storage import LogPoint, Mail, Pin, StoredEvidence
from gateway.wire.container import pack, unpack
from tests.services.certifying import RULE
from tests.services.test_export import Desk, commands, desk, resealed, shell  # noqa: F401  fixtures
from tests.services.test_two_suites import keys, three  # noqa: F401  fixtures

YEARS = timedelta(days=3 * 365)

# --- a database that was changed before an honest export


async def test_what_the_log_never_saw_is_told(desk: Desk) -> None:  # noqa: F811
    """An export vouches for what it was made of: rows that were written by another hand contradict older records."""
    world = desk.world
    evidence = (await world.all(StoredEvidence))[0]
    assert evidence.stated_at is not None
    # A mail that was exchanged, also a receipt, of which the log speaks again later.
    mails = {mail.id: mail for mail in await world.all(Mail) if mail.file is not None}
    receipt = mails[evidence.mail or 0]
    other = next(mail for mail in mails.values() if mail.sha256 != receipt.sha256)
    with pytest.raises(DossierBroken, match=r"000\d+.eml n'est pas le courrier que le journal a vu"):
        await told(desk, receipt, file=other.file)
    # An evidence of an hour earlier, and an invented one.
    with pytest.raises(DossierBroken, match="preuve de réception de"):
        await told(desk, evidence, stated_at=evidence.stated_at - timedelta(hours=1))
    # A key that was only proposed signs for nobody.
    (pin,) = [row for row in await world.all(Pin, partner="cnas") if row.confirmed_by is not None]
    with pytest.raises(DossierBroken, match="La signature de"):
        await told(desk, pin, confirmed_by=None)
    # A key that somebody else is said to have confirmed.
    with pytest.raises(DossierBroken, match=f"La clé {pin.fingerprint} de cnas"):
        await told(desk, pin, confirmed_by="bob")
    assert desk.examined(await desk.exported()).vouched
    async with world.store.act() as act:
        await act.add(replace(evidence, id=0, partner="cnse", kind="mdn_invented"))
    with pytest.raises(DossierBroken, match="preuve de réception de cnse"):
        desk.examined(await desk.exported())


async def told(desk: Desk, row: Any, **changed: object) -> None:  # noqa: F811
    """A dossier of a database with this row changed; afterwards it is as it was."""
    await desk.world.change(replace(row, **changed))
    try:
        desk.examined(await desk.exported())
    finally:
        await desk.world.change(row)


# --- what proves that it was there long ago


@pytest.fixture
async def old(desk: Desk) -> Desk:  # noqa: F811
    """Its records were signed and dated at their time, before anybody asked for a dossier."""
    assert desk.exporter._vouched.witness is not None
    await desk.exporter._vouched.witness.round(at_once=True)
    desk.world.clock.advance(timedelta(minutes=1))
    return desk


async def test_records_are_proved_under_the_checkpoint_of_their_time(old: Desk) -> None:
    """That of the export is of the day of the export: it cannot tell what stood in the log before."""
    first = read_note((await old.world.all(LogPoint))[0].note).checkpoint
    old.world.clock.advance(YEARS)
    data = await old.exported()
    found = examine(data, exhibits.tools(), key=old.key.verifier)
    assert found.milestones == ((first.at, found.records - 1),)
    assert found.checkpoint is not None
    assert found.checkpoint.at - first.at > YEARS
    entries = unpack(data)
    folder = f"{exhibit.MILESTONES}{first.head.size:012}/"
    assert {f"{folder}{name}" for name in ("point-de-controle.txt", "horodatage-1.tsr")} <= entries.keys()
    assert f"Jalon du {first.at:%d/%m/%Y}" in entries[exhibit.STATE].decode()
    # The authority's clock is the real one, in between: the first was dated late, the last before it was signed.
    with pytest.raises(DossierBroken, match=r"horodatage-1\.tsr : l'autorité a daté ce point de contrôle d'avant"):
        old.examined(data)


async def test_a_milestone_that_was_changed_is_named(old: Desk, tmp_path: Path) -> None:
    """Every file of it, removed, changed or of another; and one that another key signed."""
    entries = unpack(await old.exported())
    found = old.examined(pack(entries))
    assert (len(found.milestones), len(found.stamps)) == (1, 2)
    inside = sorted(name for name in entries if name.startswith(exhibit.MILESTONES) and not name.endswith(".tsr"))
    assert len(inside) > 5
    for name in inside:
        changed = bytearray(entries[name])
        changed[len(changed) // 2] ^= 1
        old.refuses(resealed({**entries, name: bytes(changed)}))
        old.refuses(resealed({key: data for key, data in entries.items() if key != name}))
        old.refuses(resealed({**entries, name + "x": entries[name]}))
    (stamp,) = [name for name in entries if name.startswith(exhibit.MILESTONES) and name.endswith(".tsr")]
    with pytest.raises(DossierBroken, match="horodatage-1"):
        old.examined(resealed({**entries, stamp: entries[exhibit.STAMPS.format(number=1)]}))
    forger, shown = forged_key(tmp_path), of_the_log(entries)
    (honest,) = shown.milestones
    earlier = replace(read_note(honest.note).checkpoint, at=read_note(honest.note).checkpoint.at - YEARS)
    forged = replace(shown, milestones=(replace(honest, note=forger.sign(earlier), stamps=()),))
    rest = {name: data for name, data in entries.items() if not name.startswith(exhibit.FOLDER)}
    old.refuses(resealed(rest | exhibit.written(forged)), match="autre clé")


def forged_key(folder: Path) -> LogKey:
    """A key under the log's name."""
    generate_log_key(folder / "forged.key")
    return LogKey.load("chu/s", (folder / "forged.key").read_text(), source="forged.key")


def of_the_log(entries: dict[str, bytes]) -> exhibit.Exhibit:
    """What a dossier shows of it."""
    return exhibit.read({name: data for name, data in entries.items() if name.startswith(exhibit.FOLDER)})


async def test_without_stamps_the_checkpoints_that_left_otherwise_serve(desk: Desk) -> None:  # noqa: F811
    """An anchor file that somebody kept holds that very note; one that left in no way serves nobody."""

    class Book:
        def append(self, text: str) -> None:
            lines.append(text)

    lines: list[str] = []
    world = desk.world
    await Witness(store=world.store, signer=desk.key, clock=world.clock, rule=RULE).round(at_once=True)
    async with world.store.act() as act:
        await act.record("test.event", actor="gateway")
    witness = Witness(store=world.store, signer=desk.key, clock=world.clock, rule=RULE, book=Book())
    desk.exporter._vouched = Vouched(key=desk.key.verifier, witness=witness)
    await witness.round(at_once=True)
    shown = of_the_log(unpack(await desk.exported()))
    assert [each.note for each in shown.milestones] == lines[:1]
    assert shown.note == lines[1]


# --- what the commands of the read-me find, who has nothing else


Forge = Callable[[dict[str, bytes], LogKey], dict[str, bytes]]


def another_key(entries: dict[str, bytes], forger: LogKey) -> dict[str, bytes]:
    """The text shows the true key, which a person compares; what openssl reads is the forger's."""
    shown = of_the_log(entries)
    noted = read_note(shown.note or "").checkpoint
    forged = exhibit.written(replace(shown, note=forger.sign(noted), key=forger.verifier, milestones=()))
    kept = {name: data for name, data in entries.items() if not name.startswith(exhibit.MILESTONES)}
    return {**kept, **forged, exhibit.KEY: entries[exhibit.KEY]}


def a_changed_record(entries: dict[str, bytes], _forger: LogKey) -> dict[str, bytes]:
    """Without its proof, as if it were newer than the checkpoint."""
    name = min(name for name in entries if name.startswith("journal/0") and name.endswith(".json"))
    changed = entries[name].replace(b'"at":"2026', b'"at":"2025')
    proof = name.replace(".json", ".preuve")
    return {key: data for key, data in entries.items() if not key.endswith(proof[7:])} | {name: changed}


def a_record_less(entries: dict[str, bytes], _forger: LogKey) -> dict[str, bytes]:
    """And no proof that it was there."""
    gone = min(name for name in entries if name.startswith("journal/0")).partition(".")[0].removeprefix("journal")
    return {name: data for name, data in entries.items() if gone not in name}


def a_mail_more(entries: dict[str, bytes], _forger: LogKey) -> dict[str, bytes]:
    """In the list that nothing vouches for."""
    return {**entries, "courriers/recus/999999.eml": b"Subject: accord\r\n\r\n"}


def unlisted(entries: dict[str, bytes], _forger: LogKey) -> dict[str, bytes]:
    """A file of which no list speaks."""
    return {**entries, "RESUME-corrige.pdf": b"%PDF"}


FORGERIES: tuple[tuple[Forge, str, bool], ...] = (
    (another_key, "signature", True),
    (a_changed_record, "preuves", True),
    (a_record_less, "export", True),
    (a_mail_more, "empreintes", True),
    (unlisted, "empreintes", False),
)
"""What is done, the block that is there for it, and whether the manifest is made anew."""


async def test_the_read_me_finds_what_a_forger_leaves_consistent(old: Desk, tmp_path: Path) -> None:
    """Each in the block that is there for it, which does not end by OK; and a receipt by us is not the partner's."""
    honest, forger = unpack(await old.exported()), forged_key(tmp_path)
    for forge, block, relist in FORGERIES:
        entries = forge(honest, forger)
        if relist:
            entries[sums.MANIFEST] = sums.sums(sums.listed(entries))
        done = run(tmp_path / forge.__name__, entries, block)
        assert done.returncode != 0, (forge.__name__, done.stdout)
        assert "OK" not in done.stdout.splitlines()
    facts = json.loads(honest["dossier.json"])
    assert signers(facts) == honest[SIGNERS]
    assert {line.split()[1] for line in honest[SIGNERS].decode().splitlines()} == {"nous", "cnas", "cnse"}
    for suite in ("smime", "openpgp"):
        (ours,) = [key["fingerprint"] for key in facts["keys"] if (key["owner"], key["suite"]) == ("nous", suite)]
        lines = [line.split() for line in honest[SIGNERS].decode().splitlines()]
        named = next(line for line in lines if line[1] != "nous" and line[2] == suite)
        named[3:] = [ours]
        forged = {**honest, SIGNERS: "".join(" ".join(line) + "\n" for line in lines).encode()}
        done = run(tmp_path / suite, forged, suite)
        assert done.returncode != 0
        assert f"joint{'e' if suite == 'openpgp' else ''} de {named[1]}" in done.stdout
        old.refuses(resealed(forged), match=SIGNERS)


def run(folder: Path, entries: dict[str, bytes], block: str) -> "subprocess.CompletedProcess[str]":
    """A block of the read-me, where these were extracted."""
    folder.mkdir()
    (folder / "d.zip").write_bytes(pack(entries))
    assert shell(folder, "unzip -q d.zip").returncode == 0
    return shell(folder, commands()[block])
