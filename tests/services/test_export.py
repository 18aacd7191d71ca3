"""A dossier of a case in both suites, with real keys: it proves itself anywhere, and no change of it goes unseen."""

import asyncio
import json
import random
import re
import subprocess
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from gateway import exhibits
from gateway.adapters.document.pdf import TypstPrinter
from gateway.adapters.log_key import LogKey, generate_log_key, verify_attested, verify_note
from gateway.adapters.tsa import TimestampAuthority
from gateway.domain import audit, exhibit, sums
from gateway.domain.checkpoint import notes_in
from gateway.domain.errors import DossierBroken, NotAllowed, Unknown
from gateway.domain.kinds import KINDS
from gateway.domain.parties import Function, Role
from gateway.domain.readers import Reader, Readership, Way
from gateway.ports import Stamp
from gateway.services.anchor_mail import AnchorPost
from gateway.services.export.case import Exporter, Vouched
from gateway.services.export.examine import Examined, Tools, examine
from gateway.services.export.text import README
from gateway.services.fiche import Fiche
from gateway.services.purge import Purge, Terms
from gateway.services.witness import Witness
from gateway.storage import AuditEntry, Case, Mail, VaultKey
from gateway.wire.container import pack, unpack
from tests.adapters.test_tsa import Authority, make_authority
from tests.services.certifying import POLICY, RULE, certifier, log_key, text_of
from tests.services.fakes import FakeNoise
from tests.services.suites import Keys
from tests.services.test_two_suites import Three, keys, three  # noqa: F401  fixtures
from tests.services.world import ANCHORS, World

SECRETS = ("BENALI", "Amine", "1980-05-01", "rééducation", "complication", "Dr Martin", "démuni", "12500")


@dataclass(frozen=True)
class Clockwork:
    """A time-stamping authority at hand: it needs no network."""

    authority: Authority

    async def stamp(self, data: bytes) -> Stamp:
        """Its verified answer."""
        request = TimestampRequestBuilder().hash_algorithm(HashAlgorithm.SHA256).data(data).build()
        answer = await asyncio.to_thread(self.authority.answer, request.as_bytes())
        return Stamp(at=self.check(answer, data), response=answer)

    def check(self, answer: bytes, data: bytes) -> datetime:
        """As an examiner does."""
        return TimestampAuthority(url="", roots=self.authority.root).check(answer, data)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A hospital with a case that was answered and another patient's, and what exports."""

    world: World
    ref: str
    other: str
    key: LogKey
    exporter: Exporter
    authority: Authority
    log: tuple[AuditEntry, ...]

    async def exported(self, *, with_content: bool = False) -> bytes:
        """The file of the case."""
        return await self.exporter.export(self.ref, actor="alice", with_content=with_content)

    def examined(self, data: bytes) -> Examined:
        """By somebody who knows the log's key and the authority."""
        return examine(data, exhibits.tools(self.authority.root), key=self.key.verifier)

    def refuses(self, data: bytes, match: str | None = None) -> None:
        """Already without looking at the signatures of partners, which cost a process each."""
        tools = Tools(note=verify_note, attested=verify_attested, signature=lambda _keys, _parts: None)
        with pytest.raises(DossierBroken, match=match):
            examine(data, tools, key=self.key.verifier)


@pytest.fixture
async def desk(three: Three, keys: dict[Role, Keys], tmp_path: Path) -> Desk:  # noqa: F811
    """Request, receipts in both suites, acceptance; and a second patient, whose request was sent too."""
    submitted = await three.hospital.submit()
    other = await three.hospital.submit(patient_name="HADDAD", patient_first_name="Nour", insurance_number="99")
    await three.exchange()
    three.go_on(timedelta(days=1))
    answer = Fiche(path="", kind=KINDS["EXTENSION_ACCEPTANCE"], ref=submitted.case.ref, values={})
    await three.cnas.desk.submit(answer, actor="bob")
    await three.exchange()
    return opened_desk(
        three.hospital,
        keys[Role.HOSPITAL],
        tmp_path,
        refs=(submitted.case.ref, other.case.ref),
        log=await three.hospital.events(),
    )


def opened_desk(
    world: World, own: Keys, folder: Path, *, refs: tuple[str, str], log: tuple[AuditEntry, ...] = ()
) -> Desk:
    """What exports the cases of a hospital: the one that the tests look at, and another patient's."""
    key = log_key(folder)
    authority = make_authority(folder / "tsa")
    witness = Witness(store=world.store, signer=key, clock=world.clock, rule=RULE, stamper=Clockwork(authority))
    exporter = Exporter(
        store=world.store,
        cabinet=world.cabinet,
        clock=world.clock,
        party=world.party,
        directory=world.directory,
        almanac=world.requests.almanac,
        readership=Readership(role=Role.HOSPITAL, readers=()),
        policy=POLICY,
        own_keys=lambda: (own.openpgp, own.smime),
        vouched=Vouched(key=key.verifier, witness=witness),
        certifier=certifier(world, key, witness=witness),
        printer=TypstPrinter(),
    )
    return Desk(world=world, ref=refs[0], other=refs[1], key=key, exporter=exporter, authority=authority, log=log)


def resealed(entries: dict[str, bytes]) -> bytes:
    """By somebody who can make every list anew, and the file too."""
    entries = {**entries}
    entries[sums.PIECES] = sums.sums(sums.pieces(entries))
    entries[sums.MANIFEST] = sums.sums(sums.listed(entries))
    return pack(entries)


async def test_it_is_whole_and_the_signed_log_vouches_for_it(desk: Desk) -> None:
    """Sealed mail in and out, receipts, keys, periods, polls, policy, records, proofs, checkpoint, stamp."""
    data = await desk.exported()
    found = desk.examined(data)
    assert (found.vouched, found.unproved, len(found.stamps), found.with_content) == (True, (), 1, False)
    # The authority of the tests dates by the real clock, the story plays earlier.
    assert ["n'a daté ce point de contrôle que" in str(remark) for remark in found.remarks] == [True]
    assert found.signatures == 3
    entries = unpack(data)
    facts = json.loads(entries["dossier.json"])
    mails = await desk.world.all(Mail, case_id=(await desk.world.all(Case, ref=desk.ref))[0].id)
    assert mails
    for mail in mails:
        async with desk.world.store.view() as view:
            assert entries[f"courriers/recus/{mail.id:06}.eml"] == await desk.world.cabinet.get(view, mail.file or "")
    assert {key["owner"] for key in facts["keys"]} == {"nous", "cnas", "cnse"}
    assert all(key["pinned_by"] == "alice" and key["pinned_at"] for key in facts["keys"] if key["owner"] != "nous")
    (period,) = json.loads(entries["calendrier/delais.json"])
    assert [day["counted"] for day in period["days"]].count(True) == 4
    policy = json.loads(entries["politique.json"])
    assert (policy["grace_hours"], policy["partners"][0]["starts_from"]) == (12.0, "signed_receipt")
    told = text_of(entries["RESUME.pdf"])
    for expected in (f"Résumé du dossier {desk.ref}", "acceptée", "accusé de réception signé de cnas", "envoyé à"):
        assert expected in told


async def test_the_same_content_gives_the_same_bytes(desk: Desk) -> None:
    """An export that nothing records and after which nothing is left to sign: two of one instant are the same file."""
    desk.exporter._recorded = False
    await desk.exported()
    assert await desk.exported() == await desk.exported()


async def test_it_says_what_was_anchored_and_holds_the_last_mail_that_left(desk: Desk) -> None:
    """What waits is told as waiting; the mail is that of the outbox, and proves its checkpoint by itself."""
    world = desk.world
    post = AnchorPost(
        store=world.store,
        cabinet=world.cabinet,
        clock=world.clock,
        party=world.party,
        noise=FakeNoise(),
        address=ANCHORS,
    )
    witness = Witness(store=world.store, signer=desk.key, clock=world.clock, rule=RULE, post=post)
    desk.exporter._vouched = Vouched(key=desk.key.verifier, witness=witness)
    first = unpack(await desk.exported())
    assert "ancres/ancres.json" not in first
    waiting = unpack(await desk.exported())
    assert json.loads(waiting["ancres/ancres.json"]) == {"done": {}, "owed": {"mail": 1}}
    assert "ancres/courrier.eml" not in waiting
    await world.send_all()
    await witness.round()
    data = await desk.exported()
    entries = unpack(data)
    stated = json.loads(entries["ancres/ancres.json"])["done"]["mail"]
    assert stated["message_id"].encode() in entries["ancres/courrier.eml"]
    (note,), _ = notes_in(entries["ancres/courrier.eml"].decode())
    assert verify_note(note, desk.key.verifier).checkpoint.head.size == stated["records"]
    assert desk.examined(data).vouched
    desk.refuses(pack({**entries, "ancres/courrier.eml": entries["ancres/courrier.eml"] + b" "}), match="courrier.eml")


async def test_a_case_of_which_the_log_was_erased_says_so(desk: Desk) -> None:
    """How many records, when, and which record tells of it; the dossier verifies, and shows none of them."""
    world = desk.world
    await desk.exported()
    case = next(row for row in await world.all(Case) if row.ref == desk.ref)
    await world.change(replace(case, closed_at=world.clock.now()))
    key = await world.only(VaultKey, id=case.vault_key)
    await world.change(replace(key, wrapped=b"", destroyed_at=world.clock.now()))
    world.clock.advance(timedelta(days=3653))
    terms = Terms(security_months=12, evidence_years=10)
    purge = Purge(store=world.store, clock=world.clock, party=world.party, terms=terms)
    (gone,) = [each for each in await purge.run(actor="alice") if each.case == desk.ref]
    data = await desk.exported()
    entries = unpack(data)
    told = (await world.events("log.purged"))[-1]
    state = entries[exhibit.STATE].decode()
    assert f"conservation : {len(gone.records)} enregistrements de ce dossier" in state
    assert f"(enregistrement {told.index})" in state
    assert not {exhibit.record_name(entry.index) for entry in gone.records} & entries.keys()
    assert examine(data, exhibits.tools(), key=desk.key.verifier).vouched


async def test_the_export_is_itself_recorded(desk: Desk) -> None:
    """Who, when, with or without content; the next dossier shows the former export too."""
    await desk.exported()
    data = await desk.exported(with_content=True)
    records = [entry for entry in await desk.world.events() if entry.event == "dossier.exported"]
    assert [(entry.actor, entry.case, entry.outcome) for entry in records] == [
        ("alice", desk.ref, "without-content"),
        ("alice", desk.ref, "with-content"),
    ]
    assert {exhibit.record_name(entry.index) for entry in records} <= unpack(data).keys()
    assert desk.examined(data).vouched


def tells(text: str, secret: str) -> bool:
    """Whether the text says it; digits inside a hash or an instant are no amount."""
    if not secret.isdecimal():
        return secret in text
    return re.search(rf"(?<![0-9A-Za-z]){secret}(?![0-9A-Za-z])", text) is not None


async def test_without_content_nobody_learns_who_the_patient_is(desk: Desk) -> None:
    """No word of the request in any file; with content, what was signed is there as it was hashed."""
    closed = unpack(await desk.exported())
    for name, data in closed.items():
        text = text_of(data) if name.endswith(".pdf") else data.decode("utf-8", errors="replace")
        assert [secret for secret in SECRETS if tells(text, secret)] == [], name
    assert not any(name.startswith("contenu/") for name in closed)
    opened = await desk.exported(with_content=True)
    entries = unpack(opened)
    contents = b"".join(data for name, data in entries.items() if name.startswith("contenu/"))
    assert b"BENALI" in contents
    assert desk.examined(opened).with_content


async def test_nothing_of_another_case_comes_along(desk: Desk) -> None:
    """Not its number, its hashes, its mails, its records: sibling hashes only."""
    data = await desk.exported(with_content=True)
    entries = unpack(data)
    theirs = []
    case = next(row for row in await desk.world.all(Case) if row.ref == desk.other)
    for entry in desk.log:
        record = json.loads(entry.canonical)
        if record["case"] == desk.other or desk.other in entry.canonical.decode():
            theirs.append(entry)
    assert theirs
    for entry in theirs:
        assert exhibit.record_name(entry.index) not in entries
        assert json.loads(entry.canonical)["salt"].encode() not in data
    for mail in await desk.world.all(Mail, case_id=case.id):
        assert f"courriers/recus/{mail.id:06}.eml" not in entries
        assert (mail.sha256 or "").encode() not in data
    assert desk.other.encode() not in data
    assert b"HADDAD" not in data


async def test_a_physicians_content_is_for_physicians(desk: Desk) -> None:
    """Where a person is named for medical content, another one exports without it only, and nothing is recorded."""
    follows = frozenset({Function.TREATING_PHYSICIAN})
    doctor = Reader(id="medecin", functions=follows, way=Way.FOLDER, place="/", people=frozenset({"bob"}))
    desk.exporter._readership = Readership(role=Role.HOSPITAL, readers=(doctor,))
    before = len(await desk.world.events())
    with pytest.raises(NotAllowed, match="médecin"):
        await desk.exported(with_content=True)
    with pytest.raises(Unknown):
        await desk.exporter.export("9999-99", actor="alice")
    assert len(await desk.world.events()) == before
    assert desk.examined(await desk.exported()).vouched


async def test_a_thousand_flipped_bits_are_each_seen(desk: Desk) -> None:
    """Anywhere in the file, drawn by lot."""
    data = await desk.exported()
    lot = random.Random(2026)  # noqa: S311  a lot, no secret
    for _ in range(1500):
        at, bit = lot.randrange(len(data)), lot.randrange(8)
        changed = bytearray(data)
        changed[at] ^= 1 << bit
        desk.refuses(bytes(changed))


async def test_a_flipped_bit_of_any_piece_is_seen_also_when_every_list_is_made_anew(desk: Desk) -> None:
    """By someone who can write the file and all its lists, and has not the log's key."""
    entries = unpack(await desk.exported())
    lot = random.Random(7)  # noqa: S311  a lot, no secret
    for name in sorted(entries.keys() - {sums.MANIFEST, sums.PIECES, exhibit.STAMPS.format(number=1)}):
        changed = bytearray(entries[name])
        changed[lot.randrange(len(changed))] ^= 1 << lot.randrange(7)
        desk.refuses(resealed({**entries, name: bytes(changed)}))


async def test_what_is_removed_added_or_renamed_is_named(desk: Desk) -> None:
    """With and without new lists."""
    entries = unpack(await desk.exported())
    for name in sorted(entries):
        rest = {key: data for key, data in entries.items() if key != name}
        desk.refuses(pack(rest), re.escape(name.removesuffix(".preuve").removesuffix(".json")))
        renamed = {**rest, name + "x": entries[name]}
        desk.refuses(pack(renamed))
        if name not in {sums.MANIFEST, sums.PIECES}:
            desk.refuses(resealed(rest))
            desk.refuses(resealed(renamed))
    for added in ("note.txt", "journal/note.txt", exhibit.record_name(999)):
        desk.refuses(resealed({**entries, added: b"x"}))


async def test_a_stamp_of_something_else_dates_nothing(desk: Desk) -> None:
    """It comes after the record that vouches for the rest: the authority's signature alone tells."""
    entries = unpack(await desk.exported())
    other = await Clockwork(desk.authority).stamp(b"another checkpoint")
    with pytest.raises(DossierBroken, match="horodatage-1"):
        desk.examined(resealed({**entries, exhibit.STAMPS.format(number=1): other.response}))


async def test_a_record_left_out_with_its_proof_is_missed(desk: Desk) -> None:
    """The record of the export counts all those before it."""
    entries = unpack(await desk.exported())
    indices = sorted(exhibit.read(entries).records)
    for index in indices[:-1]:
        rest = {
            name: data
            for name, data in entries.items()
            if name not in {exhibit.record_name(index), exhibit.proof_name(index)}
        }
        shown = exhibit.read({name: data for name, data in rest.items() if name.startswith(exhibit.FOLDER)})
        desk.refuses(resealed({**rest, **exhibit.written(shown)}), "manquent, ou sont de trop")


async def test_a_log_that_another_key_signed_convinces_nobody_who_knows_the_key(desk: Desk, tmp_path: Path) -> None:
    """A whole forgery, whose lists, records and proofs are all right: only what was kept outside tells."""
    generate_log_key(tmp_path / "forged.key")
    forger = LogKey.load("chu/s", (tmp_path / "forged.key").read_text(), source="forged.key")
    entries = unpack(await desk.exported())
    shown = exhibit.read({name: data for name, data in entries.items() if name.startswith(exhibit.FOLDER)})
    noted = verify_note(shown.note or "", desk.key.verifier).checkpoint
    forged = replace(shown, note=forger.sign(noted), key=forger.verifier, stamps=())
    data = resealed(
        {name: data for name, data in entries.items() if name not in exhibit.written(shown)} | exhibit.written(forged)
    )
    assert examine(data, exhibits.tools()).vouched
    with pytest.raises(DossierBroken, match="autre clé"):
        desk.examined(data)


async def test_a_receipt_that_the_partner_did_not_sign_is_named(desk: Desk) -> None:
    """Though everything around it is made anew by the gateway's own hand: the log cannot sign for the CNAS."""
    entries = unpack(await desk.exported())
    facts = json.loads(entries["dossier.json"])
    receipt = next(row["piece"] for row in facts["mails"] if row["piece"]["suite"] == "smime")
    for ending in (".eml", ".signe"):
        name = receipt["signed"] + ending
        entries[name] = entries[name].replace(b"X-Soins-Reception: 2026-01-25", b"X-Soins-Reception: 2026-01-23")
    with pytest.raises(DossierBroken, match=f"La signature de {receipt['name']}"):
        desk.examined(resealed(entries))


async def test_without_a_signed_log_it_says_that_nothing_vouches_for_it(desk: Desk) -> None:
    """It verifies as far as it goes; who knows a key is told that it does not."""
    desk.exporter._vouched = Vouched()
    data = await desk.exported()
    found = examine(data, exhibits.tools())
    assert not found.vouched
    assert "rien n'atteste" in str(found.remarks[0])
    with pytest.raises(DossierBroken, match="n'atteste les pièces"):
        desk.examined(data)


async def test_what_is_newer_than_the_checkpoint_is_told(desk: Desk) -> None:
    """Where nobody may sign now, as in a rehearsal that is over."""
    await desk.exported()
    desk.exporter._vouched = Vouched(key=desk.key.verifier)
    found = examine(await desk.exported(), exhibits.tools())
    assert not found.vouched
    assert len(found.unproved) == 1
    assert str(found.unproved[0]) in " ".join(map(str, found.remarks))


async def test_what_was_forgotten_is_listed_with_its_hash(desk: Desk) -> None:
    """The case's key is destroyed: its sealed mails are gone, the receipts and the records stay."""
    (case,) = await desk.world.all(Case, ref=desk.ref)
    (key,) = await desk.world.all(VaultKey, id=case.vault_key)
    await desk.world.change(replace(key, destroyed_at=desk.world.clock.now()))
    data = await desk.exported()
    assert desk.examined(data).vouched
    entries = unpack(data)
    assert "oublié" in text_of(entries["RESUME.pdf"])
    gone = [row["piece"] for row in json.loads(entries["dossier.json"])["mails"] if row["piece"]["name"] is None]
    assert gone
    assert all(re.fullmatch("[0-9a-f]{64}", piece["sha256"]) for piece in gone)


def commands() -> dict[str, str]:
    """The blocks of the read-me, by name."""
    found = re.findall(r"^# --- commande : (\w+)\n(.*?)^# --- fin$", README, re.DOTALL | re.MULTILINE)
    return {name: f"set -eu -o pipefail\n{text}" for name, text in found}


def shell(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """Run as a person pastes it, with nothing of ours at hand."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    return subprocess.run(
        ["bash", "-c", text], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )


async def test_the_commands_of_the_read_me_verify_it(desk: Desk, tmp_path: Path) -> None:
    """All of them, on what ``unzip`` wrote; and each one fails on what it is there to find."""
    folder = tmp_path / "ailleurs"
    folder.mkdir()
    data = await desk.exported(with_content=True)
    (folder / "d.zip").write_bytes(data)
    assert shell(folder, "unzip -q d.zip").returncode == 0
    (folder / "autorite.pem").write_bytes(desk.authority.root.read_bytes())
    blocks = commands()
    assert set(blocks) == {
        "empreintes",
        "signature",
        "preuves",
        "export",
        "horodatage",
        "openpgp",
        "smime",
        "certificats",
    }
    for name, text in blocks.items():
        done = shell(folder, text)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
    good = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    last = max(path for path in good if path.suffix == ".preuve")
    receipts = {ending: next(path for path in sorted(good) if path.suffix == ending) for ending in (".asc", ".p7s")}
    openpgp = next(path for path in sorted(good) if path.suffix == ".asc" and "courriers" in path.parts)
    broken = {
        "empreintes": folder / "dossier.json",
        "signature": folder / exhibit.SIGNED_TEXT,
        "preuves": last.with_suffix(".json"),
        "export": folder / sums.PIECES,
        "horodatage": folder / exhibit.NOTE,
        "openpgp": openpgp.with_suffix(".signe"),
        "smime": receipts[".p7s"].with_suffix(".signe"),
    }
    for name, path in broken.items():
        path.write_bytes(good[path].replace(b"a", b"b", 1) if b"a" in good[path] else good[path] + b"a")
        assert shell(folder, blocks[name]).returncode != 0, name
        path.write_bytes(good[path])


async def test_each_enclosed_record_is_one_of_the_log(desk: Desk) -> None:
    """Canonical bytes as they stand there, those of its mails and keys included."""
    shown = exhibit.read(
        {name: data for name, data in unpack(await desk.exported()).items() if name.startswith(exhibit.FOLDER)}
    )
    log = {entry.index: entry.canonical for entry in await desk.world.events()}
    assert shown.records.items() <= log.items()
    events = {audit.parse(data).event for data in shown.records.values()}
    assert {"request.submitted", "mail.receipt", "mail.accepted", "key.pinned", "dossier.exported"} <= events
