"""One request's clock for its page and its printed explanation; how its end moved, from the log."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.adapters.document.pdf import TypstPrinter
from gateway.domain import request as life
from gateway.domain.errors import AlreadyAsked, Overtaken
from gateway.domain.parties import PartnerKind, Role
from gateway.domain.period import compute, lines_under, outcomes
from gateway.domain.rights import Post
from gateway.domain.workdays import DayReason, calendar_from_rows
from gateway.services.agenda import Agenda
from gateway.services.almanac import Almanac
from gateway.services.clock_sheet import clock_sheet
from gateway.services.clock_view import MOST_HYPOTHESES, ClockReader, ClockView
from gateway.services.desk import Submitted
from gateway.services.forms import Line
from gateway.services.once import Asking, OnceStore, asked
from gateway.services.rights import Actor
from gateway.services.seen import CHANGES, Seen, unchanged
from tests.services.certifying import text_of
from tests.services.conftest import Build
from tests.services.mails import START, receipt
from tests.services.test_answers import UNCERTAIN
from tests.services.test_calendar_acts import amend, day_off
from tests.services.test_entered import proofs, sent, shown
from tests.services.world import GRACE, World, open_world, places

CLERK = Actor(name="alice", role=Role.HOSPITAL, posts=(Post.SECRETARIAT,))
DAY = timedelta(days=1)


async def no_forms(_actor: Actor, _ref: str | None = None) -> tuple[Line, ...]:
    """Nobody has begun a form."""
    return ()


def reader(world: World) -> ClockReader:
    """What the console reads clocks with."""
    almanac = Almanac(base=world.calendar, site=world.party.site)
    agenda = Agenda(
        store=world.store,
        cabinet=world.cabinet,
        clock=world.clock,
        party=world.party,
        almanac=almanac,
        worklist=world.archive.worklist,
        watched=places(world.party),
        forms=no_forms,
    )
    return ClockReader(
        store=world.store,
        cabinet=world.cabinet,
        clock=world.clock,
        party=world.party,
        almanac=almanac,
        grace=GRACE,
        names=agenda.names,
        standing=world.deadlines.standing,
        persons_needed=world.persons,
    )


async def view_of(world: World, submitted: Submitted) -> ClockView:
    """The clock as a secretary sees it."""
    return await reader(world).of(submitted.case.ref, submitted.request.hash, CLERK)


async def test_every_hypothesis_ends_where_the_domain_says(build: Build) -> None:
    """The rows are the outcomes, the expected one first; each has its fourth day at its own end."""
    world = await build(calendar=UNCERTAIN)
    found = await view_of(world, await world.to_running())
    ends = {outcome.tacit_at for outcome in outcomes(START, UNCERTAIN)}

    assert {row.tacit_at for row in found.hypotheses} == ends
    assert next(move.days for row in found.hypotheses for move, _ in row.moves) == 0
    for row in found.hypotheses:
        cells = [cell for cell in row.cells if cell]
        assert cells[-1].rank == 4
        assert [cell.date for cell in cells] == list(found.days[: len(cells)])
        assert not any(cell.uncertain for cell in cells)


def test_under_its_hypothesis_a_feast_is_off_and_its_forecast_day_is_worked() -> None:
    """The explanation of one outcome is not that of the expected one."""
    earlier = next(each for each in outcomes(START, UNCERTAIN) if each.hypothesis.moves[0].days == -1)
    lines = lines_under(START, UNCERTAIN, earlier)

    assert [(line.counted, line.rank) for line in lines] == [(True, 1), (True, 2), (True, 3), (False, None), (True, 4)]
    assert lines[3].reason is DayReason.FORECAST_HOLIDAY
    assert lines != compute(START, UNCERTAIN).days


async def test_too_many_ways_to_fall_make_no_table(build: Build) -> None:
    """Three feasts within one period are 27 rows: the range is said, the table is not drawn."""
    rows = [
        {"date": f"2026-01-{day}", "name": f"Fête {day}", "feast": f"f{day}", "status": "forecast", "source": "t"}
        for day in (26, 28, 29)
    ]
    calendar = calendar_from_rows(rows, "2027-12-31")
    world = await build(calendar=calendar)
    found = await view_of(world, await world.to_running())

    assert len(outcomes(START, calendar)) > MOST_HYPOTHESES
    assert found.hypotheses == ()
    assert len(found.feasts) > 1


async def test_a_stronger_proof_that_moves_the_end_is_named_with_its_author(build: Build) -> None:
    """A proof that two persons brought has the second as its author; a receipt has none but the gateway."""
    world, submitted = await sent(build, persons=1, kind=PartnerKind.GATEWAY)
    await world.take(receipt(submitted.message, received_at=START + 3 * DAY))
    await proofs(world).enter(shown(submitted, START + DAY), actor="bob")
    found = await view_of(world, submitted)

    assert [(move.who, str(move.cause)) for move in found.moved] == [
        ("bob", "une preuve apportée au dossier a été confirmée")
    ]
    assert found.moved[0].after.earliest < found.moved[0].before.earliest


async def test_a_calendar_act_that_moves_the_end_is_named_with_its_source(build: Build) -> None:
    """What it was, what it became, who said so."""
    world = await build(persons=1)
    submitted = await world.to_running()
    await amend(world, day_off(date(2026, 1, 28)), "alice")
    found = await view_of(world, submitted)

    assert [(move.who, str(move.cause)) for move in found.moved] == [("alice", "calendrier algérien complété : JO")]


async def test_a_proof_that_moved_nothing_is_not_the_cause_of_a_later_move(build: Build) -> None:
    """A second receipt came between the beginning and the calendar's act: the calendar moved the end."""
    world, submitted = await sent(build, persons=1, kind=PartnerKind.GATEWAY)
    await world.take(receipt(submitted.message, received_at=START))
    await world.take(receipt(submitted.message, received_at=START + DAY))
    await amend(world, day_off(date(2026, 1, 28)), "alice")
    found = await view_of(world, submitted)

    assert len(await world.events("evidence.recorded")) == 2
    assert [(move.who, str(move.cause)) for move in found.moved] == [("alice", "calendrier algérien complété : JO")]


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_the_explanation_is_printed_and_names_no_patient(build: Build, language: str) -> None:
    """Days, hypotheses, evidence and rules, in the reader's language."""
    world = await build(calendar=UNCERTAIN)
    submitted = await world.to_running()
    sheet = clock_sheet(await view_of(world, submitted), party=world.party, actor="alice", at=world.clock.now())
    told = text_of(TypstPrinter().pdf(sheet, language=language, at=world.clock.now()))

    assert {"fr": "Lectures du texte", "en": "Readings of the text"}[language] in told
    assert "BENALI" not in told
    assert submitted.case.ref in told


# --- what was seen


def test_every_change_of_a_request_that_is_told_is_one_that_the_table_knows() -> None:
    """A record whose name were misspelt would be overlooked."""
    known = {f"request.{event.value}" for event in life.Event} | {"request.confirmed"}

    assert {name for name in CHANGES if name.startswith("request.")} <= known


async def test_an_act_on_what_was_seen_fails_once_the_case_has_changed(tmp_path: Path) -> None:
    """Nothing of it is kept, not even its key: who has read the page again may ask once more."""
    async with open_world(tmp_path, once=True, persons=2) as world:
        store = world.store
        assert isinstance(store, OnceStore)
        submitted = await world.to_running()
        size = (await view_of(world, submitted)).log_size
        seen = Seen(case=submitted.case.ref, size=size)
        with asked(Asking(key="k", by="bob", body="b", provided=unchanged(seen))):
            async with store.act() as act:
                await act.record("request.confirmed", actor="bob", case=submitted.case.ref)

        with (
            asked(Asking(key="other", by="claire", body="b", provided=unchanged(seen))),
            pytest.raises(Overtaken) as caught,
        ):
            async with store.act():
                pytest.fail("an act on a page that is out of date")
        with asked(Asking(key="k", by="bob", body="b", provided=unchanged(seen))), pytest.raises(AlreadyAsked):
            async with store.act():
                pytest.fail("an act that was done")

        assert "bob : une condition est confirmée" in caught.value.sentence()
        assert await store.earlier(Asking(key="other", by="claire", body="b")) is None
