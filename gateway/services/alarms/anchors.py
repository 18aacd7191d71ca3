"""From the anchors of the log to the facts of the alarms."""

from collections.abc import Collection

from gateway.domain.alarms.facts import Unanchored
from gateway.storage import Anchor, LogPoint, View, Way

SETTINGS = {Way.FILE: "anchor_file", Way.TIMESTAMP: "timestamps", Way.MAIL: "anchor_mail"}


async def unanchored(view: View, ways: Collection[Way]) -> tuple[Unanchored, ...]:
    """What is owed, by way; one that is not configured any more is nobody's trouble."""
    owed = [anchor for anchor in await view.all(Anchor, done_at=None) if anchor.way in ways]
    if not owed:
        return ()
    signed = {point.id: point.at for point in await view.all(LogPoint, id=tuple(row.point for row in owed))}
    found = []
    for way in Way:
        rows = [row for row in owed if row.way is way]
        if rows:
            failing = (row.failing_since for row in rows if row.failing_since is not None)
            found.append(
                Unanchored(
                    setting=SETTINGS[way],
                    count=len(rows),
                    since=min(signed[row.point] for row in rows),
                    failing_since=min(failing, default=None),
                )
            )
    return tuple(found)
