"""What the log tells of backups: when the latest was made, and for how long everything has been on this disk alone."""

from datetime import datetime, timedelta

from gateway.storage import View


async def last_backup(view: View) -> datetime | None:
    """When the latest backup was made; None when none ever was."""
    found = await view.entries(event="backup.made", newest=True, limit=1)
    return found[0].at if found else None


async def unsaved_for(view: View, now: datetime) -> timedelta:
    """Since the latest backup, or since the first record where none ever was made."""
    since = await last_backup(view)
    if since is None:
        first = await view.entries(limit=1)
        since = first[0].at if first else now
    return now - since
