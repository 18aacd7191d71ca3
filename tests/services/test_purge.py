"""What is erased of the log and when; that every proof still holds afterwards, and that nobody else can erase so."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.log_key import LogKey, generate_log_key, verify_note
from gateway.domain.alarms.shape import PREFIX as STAFF
from gateway.domain.checkpoint import MAILBOX
from gateway.domain.errors import AuditBroken, NotAllowed
from gateway.domain.ledger import Ledger
from gateway.domain.merkle import Tree, inclusion_proof, verify_inclusion
from gateway.domain.retention import months_before
from gateway.services.auditing import Audited, Auditor
from gateway.services.purge import Purge, Terms
from gateway.services.witness import Rule, Witness
from gateway.storage import AuditEntry, Case, VaultKey
from tests.services.mails import START
from tests.services.world import World

YEAR = timedelta(days=366)
SECURITY = (
    ("log.read", None, None, None),
    ("message.read", "7F3K-Q2", None, None),
    ("alarm.outbox_stuck", None, None, None),
    ("watch.called", None, None, None),
    ("transmission.accepted", None, None, f"{STAFF}alice"),
    ("transmission.accepted", None, None, MAILBOX),
)
EVIDENCE = (
    ("case.opened", "7F3K-Q2", None, None),
    ("alarm.late_answer", "7F3K-Q2", None, None),
    ("transmission.accepted", None, "ab" * 32, "cnas"),
    ("transmission.accepted", None, None, "cnas"),
    ("key.pinned", None, None, "cnas"),
    ("calendar.confirmed", None, None, None),
    ("clock.suspended", None, None, None),
    ("some.future_event", None, None, None),
)


@dataclass
class Bench:
    """The hospital's log."""

    world: World
    key: LogKey
    witness: Witness
    purge: Purge
    database: Path

    async def add(self, *records: tuple[str, str | None, str | None, str | None]) -> None:
        """Append records."""
        for event, case, request, partner in records:
            async with self.world.store.act() as act:
                await act.record(event, actor="alice", case=case, request=request, partner=partner)

    async def leaves(self) -> tuple[bytes, ...]:
        """All leaves."""
        return tuple(entry.leaf for entry in await self.world.events())

    async def erased(self) -> tuple[AuditEntry, ...]:
        """What is blank."""
        return tuple(entry for entry in await self.world.events() if entry.purged_by is not None)

    async def verified(self) -> Audited:
        """The whole log."""
        return await Auditor(store=self.world.store, key=self.key.verifier, verify_note=verify_note).verify()

    def tampered(self, statement: str) -> None:
        """Somebody who has the file."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            assert connection.execute(statement).rowcount == 1

    async def closed_case(self) -> Case:
        """A case that is closed today and whose key is destroyed, as forgetting does."""
        submitted = await self.world.submit()
        case = await self.world.change(replace(submitted.case, closed_at=self.world.clock.now()))
        key = await self.world.only(VaultKey, id=case.vault_key)
        await self.world.change(replace(key, wrapped=b"", destroyed_at=self.world.clock.now()))
        return case


@pytest.fixture
async def bench(hospital: World, tmp_path: Path) -> Bench:
    """A year of security, ten of evidence."""
    generate_log_key(tmp_path / "audit.key")
    key = LogKey.load("chu/s", (tmp_path / "audit.key").read_text(), source="x")
    rule = Rule(records=1, age=timedelta(hours=1))
    terms = Terms(security_months=12, evidence_years=10)
    return Bench(
        world=hospital,
        key=key,
        witness=Witness(store=hospital.store, signer=key, clock=hospital.clock, rule=rule),
        purge=Purge(store=hospital.store, clock=hospital.clock, party=hospital.party, terms=terms),
        database=tmp_path / "hospital.sqlite3",
    )


async def test_traces_of_security_go_by_their_age_and_evidence_stays(bench: Bench) -> None:
    """What nobody has sorted is evidence; what is younger or not signed yet stays."""
    await bench.add(*SECURITY, *EVIDENCE)
    await bench.witness.round()
    bench.world.clock.advance(YEAR - timedelta(days=2))
    assert await bench.purge.due() == ()
    bench.world.clock.advance(timedelta(days=2))
    await bench.add(*SECURITY)
    before = await bench.leaves()
    (done,) = await bench.purge.run(actor="alice")
    assert (done.ledger, len(done.records)) == (Ledger.SECURITY, len(SECURITY))
    erased = await bench.erased()
    assert [entry.index for entry in erased] == list(range(len(SECURITY)))
    told = (await bench.world.events("log.purged"))[0]
    assert {entry.purged_by for entry in erased} == {told.index}
    assert (told.actor, told.outcome) == ("alice", "security")
    assert {(entry.event, entry.actor, entry.case, entry.canonical) for entry in erased} == {("", "", None, b"")}
    assert (await bench.leaves())[: len(before)] == before
    assert await bench.purge.run(actor="alice") == ()


async def test_every_proof_still_holds(bench: Bench) -> None:
    """The log verifies and says how many are erased; a neighbour is proved from the leaves that are left."""
    await bench.add(*SECURITY, *EVIDENCE)
    await bench.witness.round()
    bench.world.clock.advance(YEAR)
    head = (await bench.verified()).head
    await bench.purge.run(actor="alice")
    found = await bench.verified()
    assert found.purged == len(SECURITY)
    assert found.head.size == head.size + 1
    tree = Tree.of(await bench.leaves())
    assert tree.head(head.size) == head
    kept = next(entry for entry in await bench.world.events() if entry.event == "key.pinned")
    verify_inclusion(kept.leaf, inclusion_proof(tree, kept.index, head.size), head)
    await bench.witness.round()
    bench.world.clock.advance(YEAR)
    await bench.purge.run(actor="alice")
    assert (await bench.verified()).purged == len(SECURITY)


async def test_nobody_else_can_erase_so(bench: Bench) -> None:
    """Another record, a leaf, who tells of it, what is told, one that is put back, one that is half erased."""
    await bench.add(*SECURITY, *EVIDENCE)
    await bench.witness.round()
    bench.world.clock.advance(YEAR)
    first = (await bench.world.events())[0]
    await bench.purge.run(actor="alice")
    told = (await bench.world.events("log.purged"))[0].index
    with closing(sqlite3.connect(bench.database)) as base, closing(sqlite3.connect(":memory:")) as honest:
        base.backup(honest)
        blank = (
            "event = '', actor = '', \"case\" = NULL, request = NULL, message = NULL, partner = NULL, outcome = NULL, "
            f"canonical = x'', purged_by = {told}"
        )
        hexed = first.canonical.hex()
        back = f"event = 'log.read', actor = 'alice', canonical = x'{hexed}', purged_by = NULL"
        for where, change, place in (
            (8, blank, 0),
            (3, "leaf = zeroblob(32)", 0),
            (3, "leaf = x'00'", 3),
            (3, "purged_by = 7", 3),
            (3, "purged_by = 'x'", 3),
            (3, "actor = 'alice'", 3),
            (0, back, 1),
            (told, "outcome = 'evidence'", told),
        ):
            bench.tampered(f'UPDATE audit SET {change} WHERE "index" = {where}')  # noqa: S608  our own
            with pytest.raises(AuditBroken) as refusal:
                await bench.verified()
            assert refusal.value.fields["index"] == place, change
            honest.backup(base)
    assert (await bench.verified()).purged == len(SECURITY)


async def test_the_evidence_of_a_case_goes_years_after_it_was_forgotten_and_not_before(bench: Bench) -> None:
    """Closed and forgotten, ten years; a case that is not forgotten stays for ever; the record that tells stays too."""
    case = await bench.closed_case()
    other = await bench.world.submit(patient_name="HADDAD", insurance_number="99")
    await bench.world.change(replace(other.case, closed_at=bench.world.clock.now()))
    await bench.witness.round()
    bench.world.clock.advance(timedelta(days=3651))
    assert [each.ledger for each in await bench.purge.due()] in ([], [Ledger.SECURITY])
    bench.world.clock.advance(timedelta(days=1))
    due = [each for each in await bench.purge.due() if each.ledger is Ledger.EVIDENCE]
    assert [each.case for each in due] == [case.ref]
    await bench.purge.run(actor="alice")
    (left,) = [entry for entry in await bench.world.events() if entry.case == case.ref]
    assert (left.event, left.outcome) == ("log.purged", "evidence")
    assert [entry for entry in await bench.world.events() if entry.case == other.case.ref]
    await bench.witness.round()
    bench.world.clock.advance(YEAR)
    assert [each for each in await bench.purge.due() if each.ledger is Ledger.EVIDENCE] == []
    assert (await bench.verified()).purged >= len(due[0].records)


async def test_nothing_is_erased_that_no_checkpoint_covers_or_that_was_altered(bench: Bench) -> None:
    """The leaf must be worth something, and be that of the record."""
    await bench.add(*SECURITY)
    bench.world.clock.advance(YEAR)
    with pytest.raises(NotAllowed, match="point de contrôle"):
        await bench.purge.run(actor="alice")
    await bench.witness.round()
    bench.tampered("UPDATE audit SET canonical = x'7b7d' WHERE \"index\" = 2")
    with pytest.raises(AuditBroken) as refusal:
        await bench.purge.run(actor="alice")
    assert refusal.value.fields["index"] == 2
    assert await bench.erased() == ()
    assert await bench.world.events("log.purged") == ()


async def test_two_at_once_erase_once(bench: Bench) -> None:
    """Who comes second finds it done and leaves no record of an erasure that it did not make."""
    await bench.add(*SECURITY)
    await bench.witness.round()
    bench.world.clock.advance(YEAR)
    found = await bench.purge.due()
    await bench.purge.run(actor="alice")

    async def late() -> object:
        return found

    bench.purge.due = late  # type: ignore[method-assign,assignment]
    with pytest.raises(NotAllowed):
        await bench.purge.run(actor="bob")
    assert len(await bench.world.events("log.purged")) == 1
    assert (await bench.verified()).purged == len(SECURITY)


async def test_a_crash_in_the_middle_erases_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record that tells and what it tells are one act."""
    await bench.add(*SECURITY)
    await bench.witness.round()
    bench.world.clock.advance(YEAR)
    monkeypatch.setattr("gateway.adapters.database.acts.ERASED_AT_ONCE", 0)
    with pytest.raises(ValueError, match="range"):
        await bench.purge.run(actor="alice")
    assert await bench.erased() == ()
    assert await bench.world.events("log.purged") == ()
    monkeypatch.undo()
    await bench.purge.run(actor="alice")
    assert (await bench.verified()).purged == len(SECURITY)


async def test_the_latest_instant_may_be_that_of_an_erased_record(bench: Bench) -> None:
    """The clock was once years ahead; the head remembers it, and so does what is left of the record."""
    bench.world.clock.advance(3 * YEAR)
    await bench.add(*SECURITY)
    bench.world.clock.step(-3 * YEAR)
    await bench.add(*SECURITY)
    await bench.witness.round()
    bench.world.clock.step(5 * YEAR)
    await bench.purge.run(actor="alice")
    bench.world.clock.step(-5 * YEAR)
    assert (await bench.verified()).purged == 2 * len(SECURITY)


async def test_the_daemon_erases_traces_of_security_once_a_day_and_no_evidence(bench: Bench) -> None:
    """Without a checkpoint it waits for one."""
    await bench.closed_case()
    await bench.add(*SECURITY)
    await bench.purge.daily()
    await bench.witness.round()
    bench.world.clock.advance(11 * YEAR)
    await bench.purge.daily()
    assert {entry.outcome for entry in await bench.world.events("log.purged")} == {"security"}
    await bench.add(*SECURITY)
    await bench.witness.round()
    bench.world.clock.advance(timedelta(hours=23))
    await bench.purge.daily()
    assert len(await bench.world.events("log.purged")) == 1


def test_months_are_counted_back_to_a_day_that_exists() -> None:
    """Over a new year; from the 31st; from a leap day."""
    assert months_before(START.replace(month=1, day=31), 12) == START.replace(year=START.year - 1, month=1, day=31)
    assert months_before(START.replace(month=3, day=31), 1) == START.replace(month=2, day=28)
    assert months_before(START.replace(month=5, day=31), 6) == START.replace(year=START.year - 1, month=11, day=30)
    assert months_before(START.replace(year=2028, month=2, day=29), 12) == START.replace(year=2027, month=2, day=28)
