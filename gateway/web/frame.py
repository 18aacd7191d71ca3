"""Templates: one environment, everything escaped, an unknown name refused; each language has its own words."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.catalogues import Language, translator
from gateway.domain.rights import Right
from gateway.web.wording import Wording, bound, paris_day


@cache
def environment(language: Language) -> Environment:
    """The templates in this language."""

    def translate(text: str) -> str:
        return bound(translator(language)(text))

    words = Wording(translate)
    made = Environment(
        loader=PackageLoader("gateway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(_=translate, words=words, Right=Right, paris_day=paris_day, language=language.value)
    return made
