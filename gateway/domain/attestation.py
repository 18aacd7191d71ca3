"""The forms in which a reception is attested: how each is known, what it is worth, which instant it gives.

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
    """One form. ``id`` is what the evidence bears; ``states`` says that it can state the reception itself.

    ``title``, ``known_by`` and ``instant`` are French.
    """

    id: str
    grade: Grade
    title: str
    known_by: str
    instant: str
    states: bool = False


AUTO_REPLY = Form(
    id="auto_reply",
    grade=Grade.AUTO_REPLY,
    title=french("réponse automatique"),
    known_by=french(
        "se dit « auto-replied », ou automatique et parti d'un expéditeur vide ; du texte seul ; de l'adresse du "
        "partenaire ; cite notre courrier"
    ),
    instant=french("sa date"),
)
DSN_DELIVERED = Form(
    id="dsn_delivered",
    grade=Grade.DSN_DELIVERED,
    title=french("avis de remise"),
    known_by=french(
        "Action: delivered, d'un serveur qui n'est pas le nôtre, sous notre identifiant d'enveloppe, ou sous notre "
        "Message-ID et l'adresse du partenaire"
    ),
    instant=french("Last-Attempt-Date, sinon sa date"),
)
MDN = Form(
    id="mdn",
    grade=Grade.MDN,
    title=french("accusé de lecture non signé"),
    known_by=french(
        "processed, dispatched ou displayed, sans erreur ni avertissement ; de l'adresse du partenaire ; nomme notre "
        "Message-ID"
    ),
    instant=french("sa date"),
)
SIGNED_REPLY = Form(
    id="signed_reply",
    grade=Grade.SIGNED_REPLY,
    title=french("courrier signé qui cite la demande"),
    known_by=french(
        "signé par la clé du partenaire, adressé à nous ; cite notre Message-ID sous la signature ; écrit par une "
        "personne ou par une passerelle, scellé ou seulement signé"
    ),
    instant=french("la plus tardive de sa date signée et de l'heure de la signature"),
)
SIGNED_RECEIPT = Form(
    id="signed_receipt",
    grade=Grade.SIGNED_RECEIPT,
    title=french("accusé de réception signé"),
    known_by=french(
        "un accusé sous la signature du partenaire (PGP/MIME ou S/MIME), scellé ou non ; d'un partenaire qui a une "
        "passerelle, l'empreinte exacte de notre courrier ; d'un autre, aucune ou la bonne"
    ),
    instant=french("la réception qu'il déclare ; sinon la plus tardive de sa date et de l'heure de la signature"),
    states=True,
)
ENTERED = Form(
    id="entered",
    grade=Grade.SIGNED_RECEIPT,
    title=french("preuve apportée par une personne"),
    known_by=french("un scan ou un courrier gardé, présenté par une personne et confirmé par une seconde"),
    instant=french("la réception qu'elle déclare ; une date seule vaut la fin de ce jour à Alger"),
    states=True,
)

FORMS: Mapping[str, Form] = MappingProxyType(
    {form.id: form for form in (AUTO_REPLY, DSN_DELIVERED, MDN, SIGNED_REPLY, SIGNED_RECEIPT, ENTERED)}
)
"""By what the evidence bears, the weakest first."""
