"""The gateway at a glance, as data."""

from typing import Any

from gateway.domain.plain import plain
from gateway.services.health import Health


def status_json(now: Health) -> dict[str, Any]:
    """Counts and instants, what is wrong, and whether all is well."""
    told = {name: getattr(now, name) for name in now.__dataclass_fields__}
    return told | {"faults": now.faults, "healthy": now.healthy}


def glance(now: Health, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """The same as JSON has it, and the folders that were not polled lately: what ``gateway status`` shows.

    ``also`` are faults that only the process knows that is asked.
    """
    unread = [folder for folder, at in now.polled_at.items() if not now.fresh(at)]
    faults = now.faults + also
    return dict(plain(status_json(now) | {"unread": unread, "faults": faults, "healthy": not faults}))
