"""Partners inside a sentence: those that bear the id of their party, as they usually do, have their French name.

Any other id is the name that the administrator gave, and stands as it is.
"""

from functools import reduce

from gateway.domain.parties import Role
from gateway.domain.words import Said, french, said

_NAMES = {
    Role.HOSPITAL.value: french("hôpital"),
    Role.CNAS.value: french("CNAS"),
    Role.CNSE.value: french("CNSE"),
    Role.CPAM.value: french("CPAM"),
}
_FROM = {
    Role.HOSPITAL.value: french("de l'hôpital"),
    Role.CNAS.value: french("de la CNAS"),
    Role.CNSE.value: french("du CNSE"),
    Role.CPAM.value: french("de la CPAM"),
}
_TO = {
    Role.HOSPITAL.value: french("à l'hôpital"),
    Role.CNAS.value: french("à la CNAS"),
    Role.CNSE.value: french("au CNSE"),
    Role.CPAM.value: french("à la CPAM"),
}


def partner_named(partner: str) -> Said:
    """One partner, alone."""
    return said(_NAMES[partner]) if partner in _NAMES else said("{partner}", partner=partner)


def from_partner(partner: str) -> Said:
    """Where something came from."""
    return said(_FROM[partner]) if partner in _FROM else said("de {partner}", partner=partner)


def to_partners(partners: str) -> Said:
    """Whom a message of ours is for; their ids are joined by a plus."""
    each = [
        said(_TO[partner]) if partner in _TO else said("à {partner}", partner=partner)
        for partner in partners.split("+")
    ]
    return reduce(lambda first, second: said("{first}, {second}", first=first, second=second), each)
