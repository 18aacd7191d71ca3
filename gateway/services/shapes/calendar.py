"""The calendar as data: its days with who says so, and what a change does to days and to open periods."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from gateway.domain.amendments import Change, Ends
from gateway.domain.feasts import ONE_DAY, CalendarRow
from gateway.domain.workdays import Calendar
from gateway.services.almanac import Proposal
from gateway.services.calendar_acts import Effect


def calendar_json(calendar: Calendar, proposals: Sequence[Proposal], first: date, last: date) -> dict[str, Any]:
    """What it says of these days, how far it goes, and what awaits a second person."""
    return {
        "from": first,
        "until": last,
        "covers_from": calendar.covers_from,
        "covers_until": calendar.covers_until,
        "version": calendar.version,
        "days": [
            row_json(row) | {"counted": calendar.is_working(row.date), "uncertain": calendar.is_uncertain(row.date)}
            for row in statements(calendar, first, last)
        ],
        "uncertain_feasts": [
            {
                "feast": feast.id,
                "name": feast.rows[0].name,
                "first": feast.rows[0].date,
                "last": feast.rows[-1].date,
                "moves": feast.shifts,
            }
            for feast in calendar.open_feasts(first, last)
        ],
        "proposals": [
            {
                "number": proposal.act.id,
                "recorded_at": proposal.act.recorded_at,
                "recorded_by": proposal.act.recorded_by,
                **change_json(proposal.change),
            }
            for proposal in proposals
        ],
    }


def effect_json(effect: Effect) -> dict[str, Any]:
    """What a change did or would do."""
    return {
        "act": effect.number,
        "standing": effect.standing,
        "needs_second_person": effect.second,
        "before": effect.before.version,
        "after": effect.after.version,
        **change_json(effect.change),
        "days": [
            {
                "date": item.before.date,
                "before": {
                    "counted": item.before.working,
                    "reason": item.before.reason,
                    "uncertain": item.was_uncertain,
                },
                "after": {"counted": item.after.working, "reason": item.after.reason, "uncertain": item.is_uncertain},
            }
            for item in effect.days
        ],
        "periods": [
            {
                "case": period.case,
                "request": period.request,
                "received": period.received,
                "before": _ends_json(period.before),
                "after": _ends_json(period.after),
                "moved": period.before != period.after,
            }
            for period in effect.periods
        ],
        "acceptances_before_end": [each.request for each in effect.shaken],
    }


def change_json(change: Change) -> dict[str, Any]:
    """What a change states and withdraws."""
    return {
        "verb": change.verb,
        "source": change.source,
        "stated": [row_json(row) for row in change.stated],
        "withdrawn": [row_json(row) for row in change.withdrawn],
        "covers_until": change.covers_until,
    }


def row_json(row: CalendarRow) -> dict[str, Any]:
    """A row of the calendar."""
    names = ("date", "name", "feast", "status", "off", "source", "recorded_at", "recorded_by")
    return {name: getattr(row, name) for name in names}


def _ends_json(ends: Ends) -> dict[str, Any]:
    return {"tacit_at": ends.nominal, "earliest_tacit_at": ends.earliest, "latest_tacit_at": ends.latest}


def statements(calendar: Calendar, first: date, last: date) -> list[CalendarRow]:
    """What the calendar says of these days, a row each."""
    days = (first + offset * ONE_DAY for offset in range((last - first).days + 1))
    return [row for each in days if (row := calendar.statement(each)) is not None]
