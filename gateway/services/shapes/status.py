"""The gateway at a glance, as data."""

from typing import Any

from gateway.services.health import Health


def status_json(now: Health) -> dict[str, Any]:
    """Counts and instants, what is wrong, and whether all is well."""
    told = {name: getattr(now, name) for name in now.__dataclass_fields__}
    return told | {"faults": now.faults, "healthy": now.healthy}
