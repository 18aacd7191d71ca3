"""The gateway at a glance, as data."""

from typing import Any

from gateway.services.dossier import Status


def status_json(now: Status) -> dict[str, Any]:
    """Counts and instants, and whether all is well."""
    return {name: getattr(now, name) for name in now.__dataclass_fields__} | {"healthy": now.healthy}
