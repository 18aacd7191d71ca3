"""The looks at watched places that were recorded."""

from gateway.domain.watching import Place
from gateway.storage import Poll, View


async def last_poll(view: View, site: str, place: Place) -> Poll | None:
    """The newest series of looks at a place; None when it was never looked at."""
    found = await view.all(Poll, site=site, mailbox=place.mailbox, folder=place.folder, newest=True, limit=1)
    return found[0] if found else None
