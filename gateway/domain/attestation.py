"""The forms in which a reception is attested, and what each is worth; docs/receipts.md says how each is known.

Sources: RFC 3464 (delivery reports), RFC 8098 (receipts), RFC 3834 (automatic answers), instruction DSS/DACI/2019/224
section 5.1 b.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.domain.parties import Grade
from gateway.domain.words import french


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form. ``id`` is what the evidence bears, ``title`` French; ``states``: it can state the reception itself."""

    id: str
    grade: Grade
    title: str
    states: bool = False


AUTO_REPLY = Form(
    id="auto_reply",
    grade=Grade.AUTO_REPLY,
    title=french("réponse automatique"),
)
DSN_DELIVERED = Form(
    id="dsn_delivered",
    grade=Grade.DSN_DELIVERED,
    title=french("avis de remise"),
)
MDN = Form(
    id="mdn",
    grade=Grade.MDN,
    title=french("accusé de lecture non signé"),
)
SIGNED_REPLY = Form(
    id="signed_reply",
    grade=Grade.SIGNED_REPLY,
    title=french("courrier signé qui cite la demande"),
)
SIGNED_RECEIPT = Form(
    id="signed_receipt",
    grade=Grade.SIGNED_RECEIPT,
    title=french("accusé de réception signé"),
    states=True,
)
ENTERED = Form(
    id="entered",
    grade=Grade.SIGNED_RECEIPT,
    title=french("preuve apportée par une personne"),
    states=True,
)

FORMS: Mapping[str, Form] = MappingProxyType(
    {form.id: form for form in (AUTO_REPLY, DSN_DELIVERED, MDN, SIGNED_REPLY, SIGNED_RECEIPT, ENTERED)}
)
"""By what the evidence bears, the weakest first."""
