"""Composes what counts legal days, and what persons say of it: calendar, requests, answers and silences."""

from datetime import timedelta

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.config import Settings
from gateway.domain.workdays import Calendar
from gateway.ports import Clock
from gateway.services.almanac import Almanac
from gateway.services.cabinet import Cabinet
from gateway.services.calendar_acts import CalendarActs
from gateway.services.casework import Casework
from gateway.services.challenges import Challenges
from gateway.services.disputes import Disputes
from gateway.services.entered import EnteredProofs
from gateway.services.requests import Requests
from gateway.storage import Store


def calendar(settings: Settings) -> Calendar:
    """The configured calendar, over which persons' acts are laid.

    Raises:
        CalendarInvalid.
    """
    return load_calendar(settings.gateway.calendar or SHIPPED_CALENDAR)


def almanac(settings: Settings) -> Almanac:
    """What gives the calendar in force.

    Raises:
        CalendarInvalid.
    """
    return Almanac(base=calendar(settings), site=settings.gateway.site)


def requests(settings: Settings, clock: Clock) -> Requests:
    """The life of requests, under the calendar in force.

    Raises:
        CalendarInvalid.
    """
    return Requests(
        party=settings.party,
        directory=settings.directory,
        almanac=almanac(settings),
        clock=clock,
        grace=timedelta(hours=settings.deadlines.grace_hours),
    )


def calendar_acts(settings: Settings, store: Store, clock: Clock) -> CalendarActs:
    """What persons do to the calendar.

    Raises:
        CalendarInvalid.
    """
    return CalendarActs(
        store=store,
        requests=requests(settings, clock),
        clock=clock,
        party=settings.party,
        persons_needed=_persons(settings),
    )


def entered_proofs(settings: Settings, store: Store, cabinet: Cabinet, clock: Clock) -> EnteredProofs:
    """What persons do with proofs of reception.

    Raises:
        CalendarInvalid.
    """
    return EnteredProofs(
        store=store,
        cabinet=cabinet,
        requests=requests(settings, clock),
        clock=clock,
        party=settings.party,
        directory=settings.directory,
        persons_needed=_persons(settings),
        readership=settings.readership,
    )


def challenges(settings: Settings, store: Store, cabinet: Cabinet, clock: Clock) -> Challenges:
    """What persons do about recorded silences.

    Raises:
        CalendarInvalid.
    """
    return Challenges(
        store=store,
        cabinet=cabinet,
        requests=requests(settings, clock),
        casework=Casework(party=settings.party, cabinet=cabinet, clock=clock),
        clock=clock,
        party=settings.party,
        persons_needed=_persons(settings),
    )


def disputes(settings: Settings, store: Store, cabinet: Cabinet, clock: Clock) -> Disputes:
    """What persons say of answers that came near the end.

    Raises:
        CalendarInvalid.
    """
    return Disputes(
        store=store,
        cabinet=cabinet,
        requests=requests(settings, clock),
        clock=clock,
        party=settings.party,
        persons_needed=_persons(settings),
    )


def _persons(settings: Settings) -> int:
    return 2 if settings.four_eyes else 1
