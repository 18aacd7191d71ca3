"""Templates: one environment, everything escaped, an unknown name refused; each language has its own words."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.catalogues import Language, translator
from gateway.domain.days import paris_day
from gateway.domain.rights import Right
from gateway.domain.words import bound, french
from gateway.web.wording import Wording

FRENCH_ALONE = frozenset({"api.html", "proof.html", "proof_entry.html", "proof_macros.html", "proofs.html"})
"""The pages that have no Arabic, for no person of the CNAS sees them: what a hospital alone does, and programs' own.

Of every other page each text has Arabic (docs/words.py).
"""


def in_arabic(name: str) -> bool:
    """Whether this page can be read in Arabic."""
    return name not in FRENCH_ALONE


def language_for(name: str, wanted: Language) -> Language:
    """The language in which this page is shown to who wants this one."""
    return Language.FRENCH if wanted is Language.ARABIC and not in_arabic(name) else wanted


@cache
def environment(language: Language) -> Environment:
    """The templates in this language."""

    def translate(text: str) -> str:
        return bound(translator(language)(text))

    words = Wording(translate, language)
    made = Environment(
        loader=PackageLoader("gateway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["capital"] = lambda text: text[:1].upper() + text[1:]
    made.globals.update(
        _=translate, words=words, Right=Right, paris_day=paris_day, french=french, language=language.value
    )
    return made
