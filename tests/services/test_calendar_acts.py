"""Persons amend the calendar of a gateway at work: open periods follow both ways, and what hastens takes two."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters import database
from gateway.domain.amendments import CalendarAct, CalendarStatement, Change, Verb
from gateway.domain.calendar_plans import moving, setting, withdrawing
from gateway.domain.challenge import Ground
from gateway.domain.errors import CalendarInvalid, NotAllowed, Unknown
from gateway.domain.feasts import RowStatus
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.workdays import Calendar, CalendarRow, calendar_from_rows
from gateway.services.almanac import Almanac
from gateway.services.calendar_acts import CalendarActs, Effect, Plan, Standing
from gateway.services.requests import Requests
from gateway.storage import Acceptance, Challenge, Request
from tests.services.conftest import Build
from tests.services.mails import START, request_mail
from tests.services.world import END, GRACE, MINUTE, RIPE, SHIPPED, World

DAY = timedelta(days=1)
WEDNESDAY = date(2026, 1, 28)
"""The fourth day of a request received at START, Sunday 25 January 2026."""

UNCERTAIN = calendar_from_rows(
    [{"date": "2026-01-28", "name": "Fête", "feast": "fete-1447", "status": "forecast", "source": "calcul"}],
    "2026-12-31",
)
"""A feast of one day, expected on the Wednesday: the end is the Thursday, or the Wednesday if it comes a day later."""


def day_off(day: date = WEDNESDAY, **told: Any) -> Plan:
    """A day of national mourning."""
    values = {"name": "Deuil national", "feast": f"deuil-{day}", "status": RowStatus.OFFICIAL, "source": "JO", **told}
    return partial(setting, first=day, **values)


def announced(first: date, **told: Any) -> Plan:
    """The feast is announced for this day."""
    values = {"feast": "fete-1447", "status": RowStatus.OFFICIAL, "source": "communiqué", **told}
    return partial(setting, first=first, **values)


def taken_back(*days: date) -> Plan:
    """These days are taken back."""
    return partial(withdrawing, days=days, source="erreur")


HORIZON = "alarm.calendar_horizon"


async def amend(world: World, plan: Plan, actor: str = "alice") -> Effect:
    """One act, a minute after the one before."""
    world.clock.advance(MINUTE)
    return await world.calendar_acts.amend(plan, actor=actor)


async def rows_of(world: World) -> list[str]:
    """Everything that the database holds, as text."""
    async with world.store.view() as view:
        tables = [await view.all(kind) for kind in (Request, Acceptance, CalendarAct, CalendarStatement)]
        return [repr(table) for table in tables] + [repr(await view.entries())]


def bytes_of(folder: Path) -> list[bytes]:
    """The database file and its log of writes."""
    return [(folder / f"hospital.sqlite3{end}").read_bytes() for end in ("", "-wal")]


# --- one person: periods follow


async def test_a_day_off_inside_the_window_delays_the_end_and_its_withdrawal_brings_it_back(hospital: World) -> None:
    """Both ways, with what was and what is in the log; the table of acts only grows."""
    await hospital.to_running()

    off = await amend(hospital, day_off())
    later = await hospital.request()
    back = await amend(hospital, taken_back(WEDNESDAY))
    again = await hospital.request()

    assert (later.nominal_at, later.latest_at) == (END + DAY, END + DAY)
    assert (again.nominal_at, again.latest_at, again.calendar_version) == (END, END, SHIPPED.version)
    assert [(one.periods[0].before.nominal, one.periods[0].after.nominal) for one in (off, back)] == [
        (END, END + DAY),
        (END + DAY, END),
    ]
    assert [one.standing for one in (off, back)] == [Standing.IN_FORCE, Standing.IN_FORCE]
    moved = await hospital.events("request.period_moved")
    assert len(moved) == 2
    assert b'"former_tacit_at":"2026-01-28T23:00:00Z"' in moved[0].canonical
    assert [row.verb for row in await hospital.all(CalendarAct)] == [Verb.SET, Verb.REMOVE]
    assert [row.withdrawn for row in await hospital.all(CalendarStatement)] == [False, True]


async def test_an_act_is_in_the_log_with_author_source_and_versions(hospital: World) -> None:
    """What was stated is named, an address in the source is not kept there."""
    effect = await amend(hospital, day_off(source="courriel de a@b.test"))

    (entry,) = await hospital.events("calendar.set")
    assert (entry.actor, entry.outcome) == ("alice", "in_force")
    text = entry.canonical.decode()
    for part in (effect.before.version, effect.after.version, '"2026-01-28 off official deuil-2026-01-28"', '"act":1'):
        assert part in text
    assert "a@b.test" not in text
    assert effect.before.version == SHIPPED.version != effect.after.version


@pytest.mark.parametrize(("day", "end"), [(25, 29), (27, 29), (28, 29), (29, 28), (30, 28)])
async def test_an_announced_feast_moves_the_open_period_both_ways(build: Build, day: int, end: int) -> None:
    """Received on Sunday the 25th, fourth day expected on Thursday the 29th: it stays, or comes a day sooner."""
    world = await build(calendar=UNCERTAIN)
    await world.to_running()
    before = await world.request()
    assert (before.earliest_at, before.nominal_at, before.latest_at) == (END, END + DAY, END + DAY)

    effect = await amend(world, announced(date(2026, 1, day)))

    request = await world.request()
    expected = END + (end - 28) * DAY
    assert (request.earliest_at, request.nominal_at, request.latest_at) == (expected, expected, expected)
    assert effect.periods[0].after.nominal == expected
    moved = len(await world.events("request.period_moved"))
    assert moved == (0 if expected == before.nominal_at else 1)


async def test_what_if_tells_the_same_as_the_act_and_changes_nothing(build: Build, tmp_path: Path) -> None:
    """Not a row, not a byte of the database; a feast moved by a day, and any other change."""
    world = await build(calendar=UNCERTAIN)
    await world.to_running()
    rows, content = await rows_of(world), bytes_of(tmp_path)
    plans: list[Callable[[Calendar], Change]] = [
        partial(moving, feast="fete-1447", by=1),
        announced(date(2026, 1, 29)),
        day_off(date(2026, 1, 26)),
    ]

    seen = [await world.calendar_acts.preview(plan) for plan in plans]

    assert await rows_of(world) == rows
    assert bytes_of(tmp_path) == content
    assert {(effect.standing, effect.number) for effect in seen} == {(Standing.PREVIEWED, None)}
    done = await amend(world, plans[1])
    assert [(item.before, item.after) for item in done.periods] == [
        (item.before, item.after) for item in seen[1].periods
    ]
    assert [item.after for item in seen[0].periods] == [item.after for item in seen[1].periods]


async def test_an_act_that_contradicts_the_calendar_changes_nothing(build: Build) -> None:
    """One of three days of a feast: refused with the reason."""
    world = await build()
    rows = await rows_of(world)

    with pytest.raises(NotAllowed, match="donnez-les tous"):
        await amend(world, announced(date(2026, 5, 27), feast="adha-1447"))

    assert await rows_of(world) == rows


async def test_the_cnas_follows_its_own_acts(cnas: World) -> None:
    """It computes the period itself from its own reception."""
    await cnas.take(request_mail())
    before = await cnas.request()

    effect = await amend(cnas, day_off())

    assert before.nominal_at is not None
    assert (await cnas.request()).nominal_at == before.nominal_at + DAY
    assert effect.periods[0].after.nominal == before.nominal_at + DAY


async def test_a_settled_request_is_explained_by_the_calendar_under_which_it_was_settled(hospital: World) -> None:
    """An act of afterwards changes no explanation of what is over; an open one follows."""
    await hospital.to_running()
    await amend(hospital, day_off(WEDNESDAY))
    await hospital.at_ripe(RIPE + DAY)
    await hospital.deadlines.tick()
    request = await hospital.request()
    assert request.state is State.TACITLY_ACCEPTED
    await amend(hospital, taken_back(WEDNESDAY))

    almanac = hospital.requests.almanac
    async with hospital.store.view() as view:
        as_settled = await almanac.explained(view, START, request.calendar_version)
        now = await almanac.explained(view, START, None)
        lost = await almanac.explained(view, START, "0" * 64)

    assert (as_settled.tacit_at, now.tacit_at, lost.tacit_at) == (END + DAY, END, END)


# --- the daemon follows another process


@pytest.fixture
async def other_process(hospital: World) -> AsyncIterator[CalendarActs]:
    """The command line beside the daemon: a store, a calendar and services of its own on the same file."""
    store = database.DatabaseStore(
        hospital.url,
        clock=hospital.clock,
        site=hospital.party.site,
        party=hospital.party.id,
    )
    requests = Requests(
        party=hospital.party,
        directory=hospital.directory,
        almanac=Almanac(base=SHIPPED, site=hospital.party.site),
        clock=hospital.clock,
        grace=GRACE,
    )
    yield CalendarActs(store=store, requests=requests, clock=hospital.clock, party=hospital.party, persons_needed=1)
    await store.close()


async def test_a_daemon_computes_with_what_another_process_recorded(
    hospital: World, other_process: CalendarActs
) -> None:
    """A request that is acknowledged after the act has its end from it, without a restart."""
    await hospital.deadlines.tick()
    await other_process.amend(day_off(), actor="claire")

    await hospital.to_running()

    assert (await hospital.request()).nominal_at == END + DAY


async def test_a_daemon_computes_again_what_the_other_process_could_not(
    hospital: World, other_process: CalendarActs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its commit and the periods: the next tick finishes, and the one after has nothing to do."""
    await hospital.to_running()
    await hospital.deadlines.tick()

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.services.calendar_acts.refresh_open", killed)
    with pytest.raises(KeyboardInterrupt):
        await other_process.amend(day_off(), actor="claire")
    assert (await hospital.request()).nominal_at == END

    await hospital.deadlines.tick()
    size = len(await hospital.events())
    await hospital.deadlines.tick()

    assert (await hospital.request()).nominal_at == END + DAY
    assert len(await hospital.events()) == size


async def test_silence_is_not_recorded_under_a_calendar_that_was_amended_a_moment_ago(
    hospital: World, other_process: CalendarActs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act comes after the tick looked at the calendar, before it looks at the request."""
    await hospital.to_running()
    await hospital.at_ripe()
    followed = hospital.deadlines._calendar.tick

    async def then_amended() -> None:
        await followed()

        async def nothing(*_: object) -> None:
            pass

        monkeypatch.setattr("gateway.services.calendar_acts.refresh_open", nothing)
        await other_process.amend(day_off(), actor="claire")

    monkeypatch.setattr(hospital.deadlines._calendar, "tick", then_amended)
    await hospital.deadlines.tick()

    assert await hospital.all(Acceptance) == ()
    assert (await hospital.request()).nominal_at == END + DAY


async def test_a_defect_on_one_request_keeps_no_other_from_its_new_end(
    hospital: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told in the technical log; the others follow."""
    await hospital.to_running()
    await hospital.to_running(requested_until="2026-04-01")
    first, second = await hospital.all(Request)
    refresh = hospital.requests.refresh

    async def broken(act: Any, request: Request) -> Request:
        if request.id == first.id:
            raise ValueError
        return await refresh(act, request)

    monkeypatch.setattr(hospital.requests, "refresh", broken)
    await amend(hospital, day_off())

    ends = {row.id: row.nominal_at for row in await hospital.all(Request)}
    assert ends == {first.id: END, second.id: END + DAY}


async def test_a_new_file_that_contradicts_the_acts_is_refused_by_name(hospital: World) -> None:
    """The gateway does not choose between a file and a person."""
    await amend(hospital, day_off(feast="deuil"))
    far = CalendarRow(
        date=date(2026, 3, 1), name="Deuil", feast="deuil", status=RowStatus.OFFICIAL, source="autre fichier"
    )
    almanac = Almanac(base=replace(SHIPPED, rows=(*SHIPPED.rows, far)), site=hospital.party.site)

    async with hospital.store.view() as view:
        with pytest.raises(CalendarInvalid, match="deuil"):
            await almanac.calendar(view)


# --- two persons


@pytest.fixture
async def careful(build: Build) -> World:
    """A hospital with four eyes, one period open."""
    world = await build(persons=2)
    await world.to_running()
    return world


async def test_what_only_delays_takes_one_person_and_what_hastens_takes_two(careful: World) -> None:
    """The day off is in force at once; taking it back waits for somebody else."""
    delayed = await amend(careful, day_off())
    hastened = await amend(careful, taken_back(WEDNESDAY))

    assert (delayed.standing, hastened.standing) == (Standing.IN_FORCE, Standing.PROPOSED)
    assert hastened.number is not None
    assert (await careful.request()).nominal_at == END + DAY
    for act in (
        careful.calendar_acts.confirm(hastened.number, actor="alice"),
        careful.calendar_acts.amend(taken_back(WEDNESDAY), actor="alice"),
    ):
        with pytest.raises(NotAllowed, match="seconde personne"):
            await act

    confirmed = await careful.calendar_acts.confirm(hastened.number, actor="bob")

    assert confirmed.standing is Standing.IN_FORCE
    assert (await careful.request()).nominal_at == END
    names = [name for name in await careful.names() if name.startswith("calendar.")]
    assert names == ["calendar.set", "calendar.remove", "calendar.confirmed"]
    with pytest.raises(Unknown):
        await careful.calendar_acts.confirm(hastened.number, actor="carol")


async def test_a_second_person_who_does_the_same_confirms(careful: World) -> None:
    """In their own words and with their own source; both answer for it."""
    await amend(careful, day_off())
    first = await amend(careful, taken_back(WEDNESDAY))

    second = await amend(careful, partial(withdrawing, days=[WEDNESDAY], source="vérifié au JO"), actor="bob")

    assert (second.number, second.standing) == (first.number, Standing.IN_FORCE)
    assert (await careful.request()).nominal_at == END
    assert (await careful.calendar_acts.standing())[1] == ()


async def test_a_proposal_put_aside_changes_nothing_and_cannot_be_confirmed(careful: World) -> None:
    """By anybody, its author too."""
    await amend(careful, day_off())
    proposal = await amend(careful, taken_back(WEDNESDAY))
    assert proposal.number is not None

    put_aside = await careful.calendar_acts.decline(proposal.number, actor="alice", source="lu trop vite")

    assert put_aside.standing is Standing.DECLINED
    assert (await careful.request()).nominal_at == END + DAY
    with pytest.raises(Unknown):
        await careful.calendar_acts.confirm(proposal.number, actor="bob")
    assert (await careful.events("calendar.declined"))[0].actor == "alice"


@pytest.mark.parametrize("number", [0, 1, 99])
async def test_only_a_proposal_that_waits_can_be_confirmed_or_put_aside(careful: World, number: int) -> None:
    """An act in force is none, nor is a number that nobody was given."""
    await amend(careful, day_off())

    for act in (
        careful.calendar_acts.confirm(number, actor="bob"),
        careful.calendar_acts.decline(number, actor="bob", source="non"),
        careful.calendar_acts.preview_proposal(number),
    ):
        with pytest.raises(Unknown):
            await act


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(partial(withdrawing, days=[date(2026, 11, 1)], source="e"), id="a day off in ten months"),
        pytest.param(
            partial(setting, first=date(2026, 5, 27), days=3, feast="adha-1447", status=RowStatus.OFFICIAL, source="c"),
            id="an announcement that confirms the forecast",
        ),
        pytest.param(
            lambda _: Change(verb=Verb.IMPORT, source="f", covers_until=date(2028, 12, 31)), id="a longer calendar"
        ),
    ],
)
async def test_what_would_hasten_a_period_still_to_come_takes_two_as_well(build: Build, plan: Plan) -> None:
    """No request is open: otherwise one person could prepare the ground in time."""
    world = await build(persons=2)

    assert (await amend(world, plan)).standing is Standing.PROPOSED


async def test_a_request_that_left_and_is_not_acknowledged_counts_as_open_since_it_left(build: Build) -> None:
    """Its reception may turn out to be days ago: a day of those must not become shorter by one person."""
    world = await build(persons=2)
    await world.submit()
    await world.send_all()
    world.clock.advance(3 * DAY)
    off = await amend(world, day_off(date(2026, 1, 26)))
    back = await amend(world, taken_back(date(2026, 1, 26)))

    assert (off.standing, back.standing) == (Standing.IN_FORCE, Standing.PROPOSED)


async def test_one_person_alone_does_what_two_would(hospital: World) -> None:
    """Four eyes are off: everything is in force at once."""
    assert (await amend(hospital, taken_back(date(2026, 11, 1)))).standing is Standing.IN_FORCE


def mixed(day: date = WEDNESDAY, **told: Any) -> Plan:
    """One act that delays the open period by a day off, and hastens others by taking the first of November away."""

    def both(calendar: Calendar) -> Change:
        off, back = day_off(day, **told)(calendar), taken_back(date(2026, 11, 1))(calendar)
        return replace(off, withdrawn=back.withdrawn)

    return both


async def test_nothing_is_recorded_while_a_longer_end_is_proposed(careful: World) -> None:
    """One person's word is enough to wait. Put aside, the silence is recorded at the end that stood."""
    proposal = await amend(careful, mixed())
    assert proposal.standing is Standing.PROPOSED
    assert proposal.number is not None
    await careful.at_ripe()
    await careful.deadlines.tick()
    assert await careful.lacking() == ("calendar_settled",)
    assert await careful.all(Acceptance) == ()

    await careful.calendar_acts.decline(proposal.number, actor="bob", source="démenti")
    await careful.deadlines.tick()

    assert (await careful.only(Acceptance)).effective_at == END


async def test_a_longer_end_that_is_confirmed_after_the_old_one_passed_reopens_the_period(careful: World) -> None:
    """Elapsed, not recorded: it runs again to the new end."""
    proposal = await amend(careful, mixed())
    assert proposal.number is not None
    await careful.at_ripe()
    assert (await careful.request()).state is State.ELAPSED

    await careful.calendar_acts.confirm(proposal.number, actor="bob")

    request = await careful.request()
    assert (request.state, request.nominal_at) == (State.RUNNING, END + DAY)


async def test_a_proposal_that_delays_nothing_here_holds_nothing_back(careful: World) -> None:
    """It would only take a day off of November away."""
    assert (await amend(careful, taken_back(date(2026, 11, 1)))).standing is Standing.PROPOSED
    await careful.at_ripe()
    await careful.deadlines.tick()

    assert (await careful.only(Acceptance)).effective_at == END


async def test_a_proposal_that_contradicts_what_came_since_waits_for_a_person(careful: World) -> None:
    """It cannot be confirmed any more; until somebody puts it aside, nothing is recorded."""
    proposal = await amend(careful, mixed(date(2026, 2, 2), feast="deuil"))
    assert proposal.number is not None
    await amend(careful, day_off(date(2026, 3, 2), feast="deuil"), actor="bob")

    with pytest.raises(NotAllowed, match="10 jours"):
        await careful.calendar_acts.confirm(proposal.number, actor="bob")
    await careful.at_ripe()
    assert await careful.lacking() == ("calendar_settled",)


# --- the end of the calendar


async def test_an_alarm_comes_ninety_days_before_the_calendar_ends_once(build: Build) -> None:
    """Not on the ninetieth day, on the next; no second one, not even after a restart; over when it reaches further."""
    world = await build(calendar=replace(SHIPPED, covers_until=START.date() + 90 * DAY))
    await world.watch()
    assert await world.events(HORIZON) == ()

    for hours in (24, 1, 24):
        await world.watch(timedelta(hours=hours))
        world.alarms = world.new_watch()
    assert [entry.outcome for entry in await world.events(HORIZON)] == ["started"]

    await amend(world, lambda _: Change(verb=Verb.FORECAST, source="s", covers_until=date(2027, 12, 31)))
    await world.watch(DAY, times=3)

    assert [entry.outcome for entry in await world.events(HORIZON)] == ["started", "ended"]


# --- what was recorded before


async def test_a_recorded_silence_that_a_later_act_shakes_is_challenged_and_stays(hospital: World) -> None:
    """The day turns out to have been off: the end was a day later than what was recorded. Nothing undoes itself."""
    await hospital.to_running()
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    accepted = await hospital.only(Acceptance)
    hospital.clock.advance(DAY)

    looked_at = await hospital.calendar_acts.preview(day_off(status=RowStatus.OBSERVED))
    effect = await amend(hospital, day_off(status=RowStatus.OBSERVED))
    other = await amend(hospital, day_off(date(2026, 1, 27), status=RowStatus.OBSERVED))

    request = await hospital.request()
    (shaken,) = looked_at.shaken
    assert effect.shaken == (shaken,)
    assert (shaken.request, shaken.name.number) == (request.hash, 1)
    assert other.shaken == ()
    assert request.state is State.TACITLY_ACCEPTED
    assert await hospital.only(Acceptance) == accepted
    (alarm,) = await hospital.events("alarm.acceptance_challenged")
    assert alarm.request == request.hash
    found = await hospital.only(Challenge)
    assert (found.ground, found.acceptance) == (Ground.CALENDAR_CHANGED, accepted.id)


async def test_a_role_that_follows_has_no_periods_of_its_own(cnse: World) -> None:
    """The CNSE shows what the hospital tells; its calendar changes nothing of that."""
    assert cnse.role is Role.CNSE
    await cnse.take(request_mail())
    assert (await amend(cnse, day_off())).periods == ()
