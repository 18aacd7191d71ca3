"""The menu: what each person finds in it, by their rights. What is not theirs is not there."""

from dataclasses import dataclass

from gateway.domain.parties import Role
from gateway.domain.rights import Right
from gateway.domain.words import french
from gateway.services.agenda import Glance
from gateway.services.rights import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry; ``count`` is how much awaits a person there."""

    words: str
    place: str
    count: int = 0
    urgent: bool = False
    main: bool = False


def menu(actor: Actor, glance: Glance) -> tuple[Item, ...]:
    """The entries for this person, in the order in which they are needed."""
    found: list[Item] = []
    if actor.role is Role.HOSPITAL and actor.may(Right.SEND):
        found.append(Item(words=french("Nouvelle demande"), place="/demandes/nouvelle", main=True))
    elif actor.may(Right.VALIDATE):
        found.append(Item(words=french("Formulaires à valider"), place="/demandes/nouvelle"))
    found += [Item(words=french("À faire"), place="/"), Item(words=french("Dossiers"), place="/dossiers")]
    if actor.may(Right.SORT):
        found.append(
            Item(words=french("Courrier à trier"), place="/courrier", count=glance.to_sort, urgent=glance.to_sort > 0)
        )
    elif actor.may(Right.QUARANTINE):
        found.append(Item(words=french("Courrier mis de côté"), place="/courrier"))
    if actor.role is Role.HOSPITAL and actor.may(Right.PROVE, Right.CONFIRM):
        found.append(Item(words=french("Preuves à confirmer"), place="/preuves", count=glance.to_confirm))
    found.append(Item(words=french("Calendrier algérien"), place="/calendrier"))
    found.append(Item(words=french("Journal"), place="/journal"))
    if actor.may(Right.ALARMS):
        found.append(
            Item(
                words=french("État et alarmes"),
                place="/etat",
                count=glance.alarms.untaken,
                urgent=glance.alarms.urgent > 0,
            )
        )
    if actor.may(Right.USERS):
        found.append(Item(words=french("Comptes"), place="/comptes"))
    return tuple(found)
