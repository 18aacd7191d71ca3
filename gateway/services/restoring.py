"""What a database that was put back from a backup must know before anything works on it again.

What happened after the backup is forgotten here and remembered elsewhere. Whatever waited to leave may have left: it is
in doubt, so that the mailbox, which is read again first, can tell. The record of the restoration itself keeps every
silence of that time for a person (:mod:`gateway.domain.tacit`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.domain import transmission as sending
from gateway.domain.transmission import Event, State
from gateway.storage import Act, Detail, Lease, Message, Request, Store, Transmission, View

RESTORED = "database.restored"

_TO_DOUBT = {
    State.READY: (Event.CLAIMED, Event.DOUBT),
    State.HELD: (Event.RELEASED, Event.CLAIMED, Event.DOUBT),
    State.SENDING: (Event.DOUBT,),
    State.UNKNOWN: (),
}
"""By which events each gets there: the table of transmissions knows no other way."""


async def settle(store: Store, *, site: str, actor: str, at: datetime, details: Mapping[str, Detail]) -> int:
    """Record who put it back, and put in doubt what waited to leave; in one act. Returns how much that was."""
    async with store.act() as act:
        await act.record(RESTORED, actor=actor, outcome="restored", details=details)
        for lease in await act.all(Lease):
            await act.save(replace(lease, holder=None, fence=lease.fence + 1))
        waiting = await act.all(Transmission, site=site, state=tuple(_TO_DOUBT))
        for mail in waiting:
            await _doubt(act, mail, at)
    return len(waiting)


async def _doubt(act: Act, mail: Transmission, at: datetime) -> None:
    state = mail.state
    for event in _TO_DOUBT[state]:
        state = sending.step(state, event)
    message = await act.one(Message, id=mail.message)
    doubts = mail.doubts + (mail.state is not State.UNKNOWN)
    await act.save(replace(mail, state=state, doubts=doubts, next_at=at + sending.UNKNOWN_RETRY))
    await act.record(
        "transmission.doubt",
        actor="gateway",
        request=message.request_hash if message else None,
        message=str(mail.message),
        partner=mail.partner,
        outcome="restored",
        details={"attempt": mail.attempts, "doubts": doubts, "code": mail.code, "envid": mail.envid},
    )


async def restored_since(view: View, request: Request) -> int | None:
    """The number of the newest restoration after this request was made: its silence may be on record elsewhere."""
    found = await view.entries(event=RESTORED, newest=True, limit=1)
    return found[0].index if found and found[0].at >= request.submitted_at else None
