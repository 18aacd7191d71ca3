"""Who pays for a day, as data."""

from typing import Any

from gateway.domain.coverage import Cover, Coverage


def coverage_json(found: Coverage) -> dict[str, Any]:
    """The reason that decides, and the others that hold."""
    others = [_cover(cover) for cover in found.others]
    return {"day": found.day, "covered": found.covered, "decides": _cover(found.decides), "others": others}


def _cover(cover: Cover) -> dict[str, Any]:
    return {
        "payer": cover.payer,
        "reason": cover.reason,
        "until": cover.until,
        "request": cover.request,
        "source": cover.source,
        "contested": cover.contested,
    }
