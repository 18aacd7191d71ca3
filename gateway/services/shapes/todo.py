"""One thing to do, as data."""

from typing import Any

from gateway.services.worklist import Item


def item_json(item: Item) -> dict[str, Any]:
    """One item of the worklist."""
    duty = item.duty
    return {
        "case": item.ref,
        "hospital": item.hospital,
        "code": duty.code,
        "by": duty.by,
        "urgency": duty.urgency,
        "request": duty.request,
        "due": duty.due,
        "sentence": str(duty.sentence),
        "commands": duty.commands,
    }
