"""A case is forgotten: nothing of it opens again with any key that is left, and what proves without telling stays."""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.adapters.database import scrub
from gateway.domain.errors import NotAllowed, StorageFailed, VaultClosed
from gateway.domain.parties import Role
from gateway.domain.retention import years_after
from gateway.ports import SpoolFile
from gateway.services.cabinet import QUARANTINE, wrapped
from gateway.services.forget import Forgetting
from gateway.storage import Case, EnteredProof, Mail, Message, StoredEvidence, VaultKey, Verdict
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, REF, answer_mail, outer, plain_mail, plain_mdn, receipt, sealed_message
from tests.services.test_casework import certified, fact
from tests.services.world import World

YEAR = timedelta(days=366)
PATIENT = "BENALI"


def forgetting(world: World, years: int = 3) -> Forgetting:
    """The act of a person."""
    return Forgetting(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party, years=years)


async def closed(world: World) -> None:
    """A stay that is over, its case closed; a note of a person is in it."""
    await certified(world)
    await world.desk.note(fact("ADMISSION", "2026-01-12"), actor="alice")
    await world.desk.note(fact("DISCHARGE", "2026-01-20"), actor="alice")
    await world.desk.close(REF, actor="alice")
    await world.send_all()


async def later(world: World) -> None:
    """Closed, and its time has come."""
    await closed(world)
    world.clock.advance(4 * YEAR)


async def opened(act: Callable[[], Awaitable[object]]) -> bool:
    """Whether something can be read."""
    try:
        await act()
    except VaultClosed:
        return False
    return True


async def legible(world: World) -> tuple[list[str], list[str]]:
    """Names of the files, and sealed columns of the case, that open with any key that is left; all are tried."""
    keys = [wrapped(key) for key in await world.all(VaultKey) if key.destroyed_at is None]
    files = []
    for file in await world.all(SpoolFile):
        tries = [lambda key=key, file=file: world.vault.load(replace(file, vault_key=key.id), key) for key in keys]
        if any([await opened(each) for each in tries]):
            files.append(file.name)
    return files, [key.id for key in keys]


async def test_nothing_of_a_forgotten_case_opens_with_any_key_that_is_left(hospital: World, tmp_path: Path) -> None:
    """Neither file nor column, and no file stays on the disk; another case is as it was."""
    await later(hospital)
    other = await hospital.submit(
        authorised_until="2031-01-01", requested_from="2031-01-02", requested_until="2031-02-01"
    )
    case = await hospital.only(Case, ref=REF)
    before, keys = await legible(hospital)
    theirs = [file.name for file in await hospital.all(SpoolFile, vault_key=case.vault_key)]
    assert theirs
    assert set(theirs) < set(before)
    assert case.vault_key in keys
    sealed = case.identity
    assert sealed is not None

    assert await forgetting(hospital).forget(REF, actor="alice") == len(theirs)

    after, keys = await legible(hospital)
    assert set(before) - set(after) == set(theirs)
    assert case.vault_key not in keys
    for key in await hospital.all(VaultKey, destroyed_at=None):
        with pytest.raises(VaultClosed):
            hospital.vault.open_text(sealed, wrapped(key))
    on_disk = {path.name for path in (tmp_path / "spool-hospital").rglob("*") if path.is_file()}
    assert not on_disk.intersection(theirs)
    assert (await hospital.archive.case(other.case.ref)).patient is not None


async def test_the_wrapped_key_is_in_no_page_of_the_database_any_more(hospital: World, tmp_path: Path) -> None:
    """Nor in the WAL: whoever has the master key and the disk finds nothing to unwrap."""
    await later(hospital)
    case = await hospital.only(Case, ref=REF)
    key = await hospital.only(VaultKey, id=case.vault_key)
    url, database = f"sqlite+aiosqlite:///{tmp_path / 'hospital.sqlite3'}", tmp_path / "hospital.sqlite3"
    assert scrub(url)
    assert key.wrapped in database.read_bytes()

    await forgetting(hospital).forget(REF, actor="alice")
    assert scrub(url)

    assert not [path for path in _files(tmp_path) if key.wrapped in path.read_bytes()]


def _files(folder: Path) -> list[Path]:
    return list(folder.glob("hospital.sqlite3*"))


def test_a_reader_that_keeps_former_pages_is_told(tmp_path: Path) -> None:
    """Another process reads: the WAL cannot be cut now; and what is no database is an error."""
    path = tmp_path / "base.sqlite3"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE a (b)")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM a").fetchall()
    writer.execute("INSERT INTO a VALUES (1)")
    assert not scrub(f"sqlite+aiosqlite:///{path}", patience=0)
    reader.close()
    assert scrub(f"sqlite+aiosqlite:///{path}")
    writer.close()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageFailed):
        scrub(f"sqlite+aiosqlite:///{path}")
    assert scrub("postgresql+psycopg://nowhere/base")


async def test_what_proves_without_telling_stays(hospital: World) -> None:
    """States, facts and instants, messages and their hashes, receipts, and every record of the log."""
    await later(hospital)
    messages, facts = await hospital.all(Message), (await hospital.archive.case(REF)).facts
    await forgetting(hospital).forget(REF, actor="alice")
    view = await hospital.archive.case(REF)
    assert (view.patient, view.facts, view.duties) == (None, facts, ())
    assert await hospital.all(Message) == messages
    (record,) = await hospital.events("case.forgotten")
    assert (record.actor, record.case) == ("alice", REF)
    assert PATIENT.encode() not in record.canonical
    assert REF in [each.case.ref for each in await hospital.archive.cases()]


async def test_mails_that_stayed_in_quarantine_about_it_go_too(hospital: World) -> None:
    """A mail in clear that cited the case, settled as no answer, is under the key of the quarantine: others stay."""
    await certified(hospital)
    about = await hospital.take(replace(plain_mail("amel@cnas.test"), outer=outer("amel@cnas.test", tokens=(REF,))))
    other = await hospital.take(plain_mail("amel@cnas.test"))
    await hospital.triage.classify(about.id, "not-an-answer", actor="alice")
    await hospital.desk.note(fact("ADMISSION", "2026-01-12"), actor="alice")
    await hospital.desk.note(fact("DISCHARGE", "2026-01-20"), actor="alice")
    await hospital.desk.close(REF, actor="alice")
    await hospital.send_all()
    hospital.clock.advance(4 * YEAR)
    key = await hospital.only(VaultKey, purpose=QUARANTINE)
    assert {file.name for file in await hospital.all(SpoolFile, vault_key=key.id)} >= {about.file, other.file}
    await forgetting(hospital).forget(REF, actor="alice")
    files, _ = await legible(hospital)
    assert about.file not in files
    assert other.file in files
    assert (await hospital.only(Mail, id=about.id)).sha256 == about.sha256


# --- when it is refused


async def refused(world: World, told: str) -> None:
    """The act says why, and nothing has changed."""
    before, _ = await legible(world)
    with pytest.raises(NotAllowed, match=told):
        await forgetting(world).forget(REF, actor="alice")
    assert (await legible(world))[0] == before


async def test_a_case_that_is_not_closed_stays(hospital: World) -> None:
    """However old."""
    await certified(hospital)
    hospital.clock.advance(10 * YEAR)
    await refused(hospital, "n'est pas clos")


async def test_a_closed_case_stays_for_its_years(hospital: World) -> None:
    """To the day, in the hospital; the list says until when."""
    await closed(hospital)
    (kept,) = await forgetting(hospital).kept()
    assert (kept.ref, kept.closed_on, kept.due_on) == (REF, date(2026, 1, 25), date(2029, 1, 25))
    while hospital.clock.now().date() < date(2029, 1, 24):
        hospital.clock.advance(timedelta(days=1))
    await refused(hospital, "jusqu'au 25/01/2029")
    hospital.clock.advance(timedelta(days=1))
    assert (await forgetting(hospital).kept())[0].obstacles == ()
    await forgetting(hospital).forget(REF, actor="alice")
    assert await forgetting(hospital).kept() == ()


async def test_it_is_forgotten_once(hospital: World) -> None:
    """The second act says so."""
    await later(hospital)
    await forgetting(hospital).forget(REF, actor="alice")
    await refused(hospital, "déjà oublié")


async def test_a_mail_to_sort_that_seems_to_be_about_it_holds_it(hospital: World) -> None:
    """Somebody must read it first."""
    await later(hospital)
    await hospital.take(replace(plain_mail("amel@cnas.test"), outer=outer("amel@cnas.test", tokens=(REF,))))
    await refused(hospital, "à trier")


async def test_a_proof_that_awaits_somebody_holds_it(hospital: World) -> None:
    """Two persons must have seen it, or put it aside."""
    await later(hospital)
    case, file = await hospital.only(Case, ref=REF), (await hospital.all(SpoolFile))[0]
    now = hospital.clock.now()
    async with hospital.store.act() as act:
        await act.add(
            EnteredProof(
                site="s",
                case_id=case.id,
                request_hash="0" * 64,
                partner="cnas",
                received_at=now,
                file=file.name,
                sha256="0" * 64,
                mail=None,
                entered_at=now,
                entered_by="alice",
            )
        )
    await refused(hospital, "seconde personne")


async def test_a_notice_that_is_owed_holds_it(build: Build) -> None:
    """Partners learn how it ended first."""
    world = await build()
    submitted = await world.to_running()
    await world.take(answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=False))
    await world.send_all()
    await world.desk.note(replace(fact("DISCHARGE", "2026-01-25"), ref=submitted.case.ref), actor="alice")
    await world.desk.close(submitted.case.ref, actor="alice")
    world.clock.advance(4 * YEAR)
    with pytest.raises(NotAllowed, match="est encore dû"):
        await forgetting(world).forget(submitted.case.ref, actor="alice")


# --- what comes afterwards


async def test_a_mail_about_a_forgotten_case_waits_for_a_person(hospital: World) -> None:
    """It opens nothing again, changes nothing, is not answered, and stops nobody."""
    await later(hospital)
    await forgetting(hospital).forget(REF, actor="alice")
    values = {"issued_on": "2026-01-02", "covered_from": "2026-01-10", "covered_until": "2026-02-20"}
    values |= {"patient_name": PATIENT, "patient_first_name": "Amine", "patient_born": "1980-05-01"}
    values |= {"length_days": "42", "repatriation_accepted": "oui", "quote_accepted": "oui"}
    values |= {"insurance_number": "démuni"}
    to = (ADDRESSES[Role.HOSPITAL], ADDRESSES[Role.CNSE])
    again = sealed_message(
        "ENTITLEMENT_CERTIFICATE",
        sender=Role.CNAS,
        to=to,
        values=values,
        roles=("form",),
        signed_at=hospital.clock.now(),
        date=hospital.clock.now(),
    )
    mail = await hospital.take(again)
    assert (mail.verdict, mail.step, mail.reason, mail.held_back) == (
        Verdict.QUARANTINE,
        "manifest",
        "forgotten-case",
        True,
    )


async def test_receipts_for_a_forgotten_case_are_kept_as_ever(build: Build) -> None:
    """They tell nothing of anybody; a late answer to its request waits for a person."""
    world = await build()
    submitted = await world.to_running()
    await world.take(answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=False))
    ref = submitted.case.ref
    await world.deadlines.tick()
    await world.send_all()
    await world.desk.note(replace(fact("DISCHARGE", "2026-01-25"), ref=ref), actor="alice")
    await world.desk.close(ref, actor="alice")
    world.clock.advance(4 * YEAR)
    await forgetting(world).forget(ref, actor="alice")
    evidence = len(await world.all(StoredEvidence))
    for seen, verdict in (
        (plain_mdn(submitted.message.message_id, at=world.clock.now()), Verdict.REPORT),
        (receipt(submitted.message, received_at=world.clock.now()), Verdict.RECEIPT),
    ):
        assert (await world.take(seen)).verdict is verdict
    assert len(await world.all(StoredEvidence)) >= evidence
    late = await world.take(
        answer_mail(submitted.request.hash, ref=ref, accepts=True, stated=world.clock.now() - timedelta(hours=1))
    )
    assert (late.verdict, late.reason) == (Verdict.QUARANTINE, "forgotten-case")
    async with world.store.act() as act:
        await act.save(replace(await world.request(), owes_notice=True))
    for _ in range(2):
        await world.deadlines.tick()
    await world.watch()
    assert [record.outcome for record in await world.events("notice.dropped")] == ["forgotten"]
    assert not (await world.request()).owes_notice


async def test_a_disk_that_keeps_a_file_keeps_what_nobody_can_open(
    hospital: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act stands; the sweep of the spool removes the rest later."""
    await later(hospital)

    def refuse(name: str) -> None:
        raise StorageFailed(place="spool", reason=name)

    with monkeypatch.context() as patch:
        patch.setattr(hospital.vault, "remove", refuse)
        assert await forgetting(hospital).forget(REF, actor="alice") > 0
    spool = tmp_path / "spool-hospital"
    left = {path.name for path in spool.rglob("*") if path.is_file()}
    files, _ = await legible(hospital)
    assert left - set(files)
    await hospital.cabinet.sweep()
    hospital.clock.advance(timedelta(hours=2))
    await hospital.cabinet.sweep()
    assert {path.name for path in spool.rglob("*") if path.is_file()} == set(files)


@pytest.mark.parametrize(
    ("day", "years", "expected"),
    [
        (date(2026, 1, 25), 3, date(2029, 1, 25)),
        (date(2028, 2, 29), 4, date(2032, 2, 29)),
        (date(2028, 2, 29), 3, date(2031, 3, 1)),
        (date(2026, 12, 31), 1, date(2027, 12, 31)),
    ],
)
def test_years_are_counted_by_the_calendar(day: date, years: int, expected: date) -> None:
    """Never a day too early."""
    assert years_after(day, years) == expected
