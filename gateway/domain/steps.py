"""The numbered list of what a mail must prove, as data: what a refusal names, in the order in which it is asked.

docs/trust.md tells it in prose, and why each step is where it is. ``worker`` may end a mail at any of steps 2 to 9, and
``state`` is asked last, under the lock of the case.
"""

from dataclasses import dataclass
from types import MappingProxyType

from gateway.domain.words import french


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to prove. ``name`` is stable: refusals, the audit log and JSON carry it."""

    number: int
    name: str
    title: str


_LISTED = (
    ("worker", french("la lecture reste dans ses limites de temps et de mémoire")),
    ("structure", french("le courrier n'a qu'une lecture possible, dans les limites")),
    ("encrypted", french("ce qui est chiffré est le courrier tout entier")),
    ("decrypt", french("il est chiffré pour nous, et intact")),
    ("signed", french("la signature couvre tout ce qui est lu")),
    ("signature", french("une seule signature, juste, d'une clé en vigueur")),
    ("payload", french("les en-têtes signés n'ont qu'un sens")),
    ("manifest", french("le manifeste se lit et décrit ses pièces")),
    ("receipt", french("l'accusé se lit")),
    ("sealed", french("c'est un courrier scellé, ou un accusé signé")),
    ("sender", french("un seul expéditeur, et c'est un partenaire")),
    ("pin", french("la clé est celle de ce partenaire")),
    ("recipients", french("le courrier signé nous est adressé")),
    ("replay", french("ce n'est pas un ancien courrier rejoué")),
    ("catalogue", french("ce partenaire peut envoyer ce message, et il est complet")),
    ("match", french("l'accusé décrit exactement notre courrier")),
    ("state", french("le message est possible dans l'état du dossier")),
)

STEPS = tuple(Step(number=number, name=name, title=title) for number, (name, title) in enumerate(_LISTED, 1))
BY_NAME = MappingProxyType({step.name: step for step in STEPS})
