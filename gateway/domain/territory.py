"""Where the protocol applies: metropolitan France and the overseas departments (003, lines 126-132).

A postal code says it. Saint-Barthélemy and Saint-Martin left Guadeloupe for article 74 of the Constitution and kept two
of its codes; the other collectivities, New Caledonia among them, have their own.
"""

import re

from gateway.domain.words import Said, said

_INSIDE = re.compile(r"(0[1-9]|[1-8][0-9]|9[0-5])[0-9]{3}|97[12346][0-9]{2}")
_ARTICLE_74 = frozenset({"97133", "97150"})


def outside(postcode: str) -> Said | None:
    """Why a hospital of this postal code has no part in the protocol, or None."""
    if not re.fullmatch(r"[0-9]{5}", postcode) or postcode.startswith("970"):
        return said("code postal attendu : cinq chiffres, sans CEDEX")
    if _INSIDE.fullmatch(postcode) and postcode not in _ARTICLE_74:
        return None
    return said("hors du protocole : il vaut en métropole et dans les départements d'outre-mer (003:L126-132)")
