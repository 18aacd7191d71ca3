"""The kept worklist never says anything else than the cases do, whatever happened since, whatever the day."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from gateway.domain.duties import Duty, Urgency
from gateway.domain.errors import GatewayError
from gateway.domain.kinds import KINDS
from gateway.domain.parties import Role
from gateway.services import kept_worklist
from gateway.services.fiche import Fiche
from gateway.services.kept_worklist import KeptWorklist
from gateway.services.worklist import Item, Worklist
from gateway.storage import Case, CaseTask, Message, Request, View, WorklistMark
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, answer_mail, plain_mail, plain_mdn, receipt
from tests.services.world import END, Where, World, open_world

DAY = timedelta(days=1)
STEPS = 14


def keeper(world: World) -> KeptWorklist:
    """Who keeps it."""
    return KeptWorklist(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party)


def reader(world: World) -> Worklist:
    """Who reads it."""
    return Worklist(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party)


async def as_cases_say(world: World) -> list[tuple[str, Duty]]:
    """Every duty of every open case, read one by one from the database itself."""
    async with world.store.view() as view:
        return [
            (case.ref, duty)
            for case in await view.all(Case, closed_at=None)
            for duty in await reader(world).owed.of(view, case)
        ]


async def require_equal(world: World) -> list[Item]:
    """What the list says is what each case says now; pages of any size are the same list, and the counts are right."""
    every = await reader(world).todo()
    cases = [(item.ref, item.duty) for item in every if not item.key.mail]
    expected = await as_cases_say(world)
    assert sorted(map(repr, cases)) == sorted(map(repr, expected))
    assert [item.key for item in every] == sorted(item.key for item in every)
    by_twos: list[Item] = []
    page = await reader(world).page(limit=2)
    assert sum(page.counts.values()) == len(every)
    assert all(page.counts[each] == sum(item.duty.urgency is each for item in every) for each in Urgency)
    by_twos += page.items
    while page.after is not None:
        page = await reader(world).page(page.after, limit=2)
        by_twos += page.items
    assert [(item.key, item.duty) for item in by_twos] == [(item.key, item.duty) for item in every]
    return list(every)


async def kept(world: World) -> bool:
    """Whether it is used at all, and not every case read."""
    async with world.store.view() as view:
        return await reader(world)._fresh(view) is not None


class Story:
    """What may happen in a hospital, by chance; what is not possible just now does not happen."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random

    async def step(self) -> None:
        """Something."""
        act = self.random.choice(
            (self.submit, self.submit, self.send, self.receipt, self.answer, self.note, self.time, self.time, self.mail)
        )
        # What is not possible in this state leaves nothing.
        with suppress(GatewayError):
            await act()

    async def _request(self) -> Request | None:
        rows = await self.world.all(Request)
        return self.random.choice(rows) if rows else None

    async def _case(self) -> Case | None:
        rows = await self.world.all(Case)
        return self.random.choice(rows) if rows else None

    async def submit(self) -> None:
        """A request more."""
        await self.world.submit(care=f"soin {self.random.random()}")

    async def send(self) -> None:
        """What is ready leaves."""
        await self.world.send_all()

    async def receipt(self) -> None:
        """A receipt comes, by a gateway or by a mail program."""
        request = await self._request()
        if request is None:
            return
        message = await self.world.only(Message, mic=request.hash)
        by_hand = plain_mdn(message.message_id, at=self.world.clock.now())
        given = receipt(message, received_at=self.world.clock.now())
        await self.world.take(by_hand if self.random.random() < 0.3 else given)

    async def answer(self) -> None:
        """The CNAS answers some request."""
        request = await self._request()
        if request is None:
            return
        mine = await self.world.only(Case, id=request.case_id)
        motive = {"motive": "soins possibles"} if self.random.random() < 0.5 else {}
        accepts = self.random.random() < 0.5
        await self.world.take(
            answer_mail(request.hash, ref=mine.ref, accepts=accepts, values={} if accepts else motive)
        )

    async def note(self) -> None:
        """A person notes a fact."""
        case = await self._case()
        if case is None:
            return
        kind = self.random.choice(
            ("DISCHARGE", "ENTITLEMENT_PRESENTED", "PROVISIONAL_ID", "INTERRUPTION", "READMISSION")
        )
        values = {} if kind == "PROVISIONAL_ID" else {"on": self.world.clock.now().date().isoformat()}
        if kind == "ENTITLEMENT_PRESENTED":
            values["signed"] = self.random.choice(("oui", "non"))
        fiche = Fiche(path="", kind=KINDS[kind], ref=case.ref, values=values)
        await self.world.desk.note(fiche, actor="alice")

    async def time(self) -> None:
        """Hours or days go by."""
        self.world.clock.advance(self.random.choice((timedelta(hours=7), DAY, 3 * DAY)))
        await self.world.deadlines.tick()

    async def mail(self) -> None:
        """A mail comes that somebody must sort."""
        rows = await self.world.all(Message)
        cited = (self.random.choice(rows).message_id,) if rows else ()
        await self.world.take(plain_mail(ADDRESSES[Role.CNAS], cited=cited))


@pytest.fixture(params=range(6))
async def told(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Story]:
    """A hospital at the beginning of a story."""
    async with open_world(tmp_path, persons=2) as world:
        yield Story(world, Random(request.param))  # noqa: S311  the same story each time


async def test_whatever_happens_the_list_says_what_the_cases_say(told: Story) -> None:
    """After each step of a random story, kept long ago, lately or just now; on that day and on days to come."""
    world, random = told.world, told.random
    await keeper(world).round()
    for _ in range(STEPS):
        await told.step()
        if random.random() < 0.4:
            await keeper(world).round()
        await require_equal(world)
    assert await kept(world)
    await keeper(world).round()
    now = world.clock.at
    for days in (1, 2, 5, 30, 90):
        world.clock.at = now + days * DAY
        await require_equal(world)
        assert await kept(world)


async def test_the_stories_have_duties_of_many_kinds(tmp_path: Path) -> None:
    """They prove something: things happen in them, and there is much to do."""
    async with open_world(tmp_path) as world:
        story = Story(world, Random(1))  # noqa: S311  the same story each time
        for _ in range(60):
            await story.step()
        found = await require_equal(world)
        codes = {item.duty.code for item in found}
        assert len(codes) >= 5
        assert {item.duty.urgency for item in found} == set(Urgency)
        assert "mail_to_sort" in codes


async def test_midnight_costs_nothing_and_a_duty_of_that_day_is_there(hospital: World) -> None:
    """A request without receipt is no duty on its own day, and the first one on the next, without a round between."""
    await hospital.submit()
    await keeper(hospital).round()
    assert await require_equal(hospital) == []
    hospital.clock.advance(DAY)
    (item,) = await require_equal(hospital)
    assert item.duty.code == "receipt_missing"
    assert (await hospital.only(CaseTask, code="receipt_missing")).since > hospital.clock.at.date() - 2 * DAY
    assert await kept(hospital)


async def test_it_says_nothing_before_it_is_whole(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle of the first round, it is not used: every case is read; the next round ends it."""
    monkeypatch.setattr(kept_worklist, "AT_ONCE", 1)
    for number in range(3):
        await hospital.submit(care=f"soin {number}")
    hospital.clock.advance(DAY)
    assert not await keeper(hospital)._step()
    assert not await kept(hospital)
    assert len(await require_equal(hospital)) == 3
    await keeper(hospital).round()
    assert await kept(hospital)
    assert len(await require_equal(hospital)) == 3


async def test_a_case_that_is_closed_leaves_nothing_on_the_list(hospital: World) -> None:
    """Neither at once, nor after the next round."""
    submitted = await hospital.to_running()
    await hospital.take(answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=True))
    left = Fiche(path="", kind=KINDS["DISCHARGE"], ref=submitted.case.ref, values={"on": "2026-01-25"})
    await hospital.desk.note(left, actor="alice")
    await keeper(hospital).round()
    assert await require_equal(hospital)
    await hospital.desk.close(submitted.case.ref, actor="alice")
    assert await require_equal(hospital) == []
    await keeper(hospital).round()
    assert await hospital.all(CaseTask) == ()


async def test_what_a_case_does_not_bear_out_is_not_shown(hospital: World) -> None:
    """Somebody writes a task that no case has: the list is that of the cases all the same."""
    submitted = await hospital.to_running()
    await keeper(hospital).round()
    async with hospital.store.act() as act:
        await act.keep_tasks([submitted.case.id], [task(submitted.case)])
    assert await kept(hospital)
    assert await require_equal(hospital) == []


async def test_what_no_record_told_is_found_in_turn(hospital: World) -> None:
    """A task is lost behind its back: a round or two later it is there again, and nothing is written for the others."""
    submitted = await hospital.submit()
    hospital.clock.advance(DAY)
    await keeper(hospital).round()
    async with hospital.store.act() as act:
        await act.keep_tasks([submitted.case.id], [])
    assert await reader(hospital).todo() == ()
    await keeper(hospital).round()
    (found,) = await require_equal(hospital)
    before = await hospital.all(CaseTask)
    await keeper(hospital).round()
    assert await hospital.all(CaseTask) == before
    assert found.ref == submitted.case.ref


@pytest.mark.parametrize(
    "change",
    [
        lambda mark: replace(mark, edition="0"),
        lambda mark: replace(mark, seen=mark.seen + 1000),
        lambda mark: replace(mark, whole=False),
    ],
    ids=["other rules", "a longer log", "not whole"],
)
async def test_a_mark_that_is_not_of_this_log_and_these_rules_is_not_believed(
    hospital: World, change: Callable[[WorklistMark], WorklistMark]
) -> None:
    """The cases are read; the next round makes it anew."""
    submitted = await hospital.submit()
    hospital.clock.advance(DAY)
    await keeper(hospital).round()
    async with hospital.store.act() as act:
        await act.keep_tasks([submitted.case.id], [])
    await hospital.change(change(await hospital.only(WorklistMark)))
    assert not await kept(hospital)
    assert len(await require_equal(hospital)) == 1
    await keeper(hospital).round()
    assert await kept(hospital)
    assert len(await require_equal(hospital)) == 1


async def test_records_that_were_erased_tell_nothing_so_every_case_is_read(hospital: World) -> None:
    """A purge in between: the list does without what is kept until it is made anew."""
    await keeper(hospital).round()
    await hospital.submit()
    hospital.clock.advance(DAY)
    async with hospital.store.act() as act:
        told = await act.record("log.purged", actor="root")
        await act.erase([entry.index for entry in await act.entries() if entry.case is not None], told_by=told.index)
    assert not await kept(hospital)
    assert len(await require_equal(hospital)) == 1


async def test_two_keepers_at_once_leave_one_list(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both looked, one wrote: the other's word, of an earlier log, is not written over it."""
    first = await hospital.submit()
    await keeper(hospital).round()
    hospital.clock.advance(DAY)
    slow = keeper(hospital)
    changed = kept_worklist._changed

    async def while_another_is_quicker(view: View, tasks: dict[int, frozenset[CaseTask]]) -> tuple[int, ...]:
        monkeypatch.setattr(kept_worklist, "_changed", changed)
        await hospital.send_all()
        await hospital.take(receipt(first.message, received_at=hospital.clock.now()))
        await keeper(hospital).round()
        return await changed(view, tasks)

    monkeypatch.setattr(kept_worklist, "_changed", while_another_is_quicker)
    await slow.round()
    assert await kept(hospital)
    assert await require_equal(hospital) == []
    assert len(await hospital.all(WorklistMark)) == 1


@pytest.mark.both_databases
async def test_it_is_the_same_on_either_database(build: Build, where: Where) -> None:  # noqa: ARG001  build uses it
    """Kept, completed, in pages: the order of the database's letters does not matter."""
    world = await build()
    for number in range(3):
        await world.submit(care=f"soin {number}")
    await keeper(world).round()
    running = await world.to_running(care="autre")
    world.clock.advance(DAY)
    await world.take(plain_mail(ADDRESSES[Role.CNAS], cited=(running.message.message_id,)))
    assert await kept(world)
    assert len(await require_equal(world)) == 4
    await keeper(world).round()
    assert len(await require_equal(world)) == 4


def task(case: Case) -> CaseTask:
    """One that nothing says."""
    return CaseTask(
        site="s",
        case_id=case.id,
        code="silence_to_confirm",
        rank=3,
        request="",
        urgency=0,
        due_at=END,
        since=date.min,
        until=date.max,
    )
