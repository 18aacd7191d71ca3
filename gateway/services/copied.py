"""Where a repaired copy belongs: the message itself when it reached us too, and the case that it is about."""

from gateway.domain.case import parse_token
from gateway.domain.parties import Directory, Role
from gateway.services.arrived import Arrived
from gateway.storage import Act, Case, Direction, Message, Request


async def original_of(act: Act, arrived: Arrived, site: str) -> Message | None:
    """The message that a copy holds, when it reached us too: the same id and the same bytes."""
    copied = arrived.seen.copied
    if copied is None or copied.inner is None:
        return None
    found = await act.all(
        Message, site=site, direction=Direction.IN, message_id=copied.inner.message_id, mic=copied.mic, limit=1
    )
    return found[0] if found else None


async def case_of(
    act: Act, arrived: Arrived, known: Request | Message | None, directory: Directory, site: str
) -> Case | None:
    """The case of the request that a copy names or of the message that it holds, else of the hospital that it names."""
    if known is not None:
        return await act.one(Case, id=known.case_id)
    copied = arrived.seen.copied.inner if arrived.seen.copied else None
    addresses = (*arrived.inner.senders, *((*copied.senders, *copied.recipients) if copied else ()))
    found = (directory.at_address(address) for address in addresses)
    hospitals = {partner.id for partner in found if partner is not None and partner.role is Role.HOSPITAL}
    if len(hospitals) != 1:
        return None
    return await act.one(Case, site=site, hospital=hospitals.pop(), ref=parse_token(arrived.told.case))
