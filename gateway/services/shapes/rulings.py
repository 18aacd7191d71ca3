"""Recorded silences as data: what was found against each, and what persons said of it; and the period of a request."""

from typing import Any

from gateway.domain.plain import period_json
from gateway.services.challenged import Standing
from gateway.services.request_view import RequestView
from gateway.storage import Challenge, Ruling


def acceptances_json(item: RequestView) -> list[dict[str, Any]]:
    """Every acceptance of a request, with what was found against it."""
    return [
        {
            "effective_at": each.acceptance.effective_at,
            "recorded_at": each.acceptance.recorded_at,
            "withdrawn_at": each.acceptance.withdrawn_at,
            "contested": bool(each.open),
            "challenges": [challenge_json(row, each) for row in each.challenges],
            "rulings": [ruling_json(row) for row in each.rulings],
        }
        for each in item.acceptances
    ]


def challenge_json(row: Challenge, found: Standing) -> dict[str, Any]:
    """What was found against a recorded silence."""
    return {
        "ground": row.ground,
        "about": row.about,
        "raised_at": row.raised_at,
        "raised_by": row.raised_by,
        "open": row in found.open,
    }


def ruling_json(row: Ruling) -> dict[str, Any]:
    """What a person said of it."""
    return {"finding": row.finding, "person": row.person, "at": row.at, "decides": row.decides}


def explained_json(item: RequestView) -> dict[str, Any]:
    """Why the period of a request ends when it does, day by day; nothing but its hash while none runs."""
    period = {} if item.period is None else period_json(item.period)
    return {"request": item.request.hash, **period, "acceptances": acceptances_json(item)}
