"""What a dossier says of the log's anchors as they were before its export, and the last mail that carried one."""

from gateway.domain.audit import iso
from gateway.services.cabinet import Cabinet
from gateway.services.export.facts import encoded
from gateway.storage import Anchor, LogPoint, Message, Transmission, View, Way

STATED = "ancres/ancres.json"
MAIL = "ancres/courrier.eml"


async def anchor_pieces(view: View, cabinet: Cabinet) -> dict[str, bytes]:
    """For each way the newest checkpoint that went it, and how many are still owed; nothing without any anchor.

    Raises:
        VaultClosed, StorageFailed: the mail does not open.
    """
    points = {point.id: point for point in await view.all(LogPoint)}
    newest: dict[Way, Anchor] = {}
    owed: dict[str, int] = {}
    for anchor in await view.all(Anchor):
        if anchor.done_at is None:
            owed[anchor.way.value] = owed.get(anchor.way.value, 0) + 1
        else:
            newest[anchor.way] = anchor
    if not (newest or owed):
        return {}
    files = {}
    done = {way.value: _stated(anchor, points[anchor.point]) for way, anchor in newest.items()}
    mail = newest.get(Way.MAIL)
    row = None if mail is None else await view.one(Transmission, id=mail.transmission)
    message = None if row is None else await view.one(Message, id=row.message)
    if row is not None and message is not None:
        done[Way.MAIL.value] |= {"message_id": message.message_id, "piece": MAIL}
        files[MAIL] = await cabinet.get(view, row.file)
    return {STATED: encoded({"done": done, "owed": owed}), **files}


def _stated(anchor: Anchor, point: LogPoint) -> dict[str, object]:
    return {"records": point.size, "signed_at": iso(point.at), "done_at": iso(anchor.done_at)}
