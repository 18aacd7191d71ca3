"""What the log tells of backups: when the latest was made, and for how long everything has been on this disk alone."""

import json
from datetime import datetime, timedelta

from gateway.services.restoring import RESTORED
from gateway.storage import View


async def last_backup(view: View) -> datetime | None:
    """When the latest backup was made; None when none ever was.

    One that was put back is not on record in what it holds: the record of putting it back tells when it was made.
    """
    made = await view.entries(event="backup.made", newest=True, limit=1)
    restored = await view.entries(event=RESTORED, newest=True, limit=1)
    if not restored or (made and made[0].index > restored[0].index):
        return made[0].at if made else None
    return datetime.fromisoformat(json.loads(restored[0].canonical)["details"]["made_at"])


async def unsaved_for(view: View, now: datetime) -> timedelta:
    """Since the latest backup, or since the first record where none ever was made."""
    since = await last_backup(view)
    if since is None:
        first = await view.entries(limit=1)
        since = first[0].at if first else now
    return now - since
