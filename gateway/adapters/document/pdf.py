"""Sets a sheet in type by Typst: what it holds is given as data, never as text of the template.

No font of the machine and no package of the network is looked at, and the instant is an argument: the same sheet gives
the same bytes wherever it is made with the same version.
"""

import gettext
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from gateway.adapters.document.letters import known, settled
from gateway.domain.errors import DocumentFailed
from gateway.domain.sheet import Sheet, in_json
from gateway.domain.words import Translator, french
from gateway.ports import Enclosure

STANDARD: Final = "a-3b"
"""ISO 19005-3, level B: kept for decades, with files inside."""

_HERE = Path(str(files("gateway.adapters.document")))
_LOCALES = _HERE.parents[1] / "locales"


class TypstPrinter:
    """Implements ``gateway.ports.Printer``."""

    def pdf(self, sheet: Sheet, *, language: str, at: datetime, enclosed: Sequence[Enclosure] = ()) -> bytes:
        """The file.

        Raises:
            DocumentFailed.
        """
        import typst

        made = at.astimezone(UTC).replace(microsecond=0)
        translate = _translator(language)
        told = in_json(sheet, translate) | {
            "language": language,
            "made": [made.year, made.month, made.day, made.hour, made.minute, made.second],
            "enclosed": [
                {
                    "name": one.name,
                    "data": list(one.data),
                    "type": one.media_type,
                    "describes": in_json(one.describes, translate),
                }
                for one in enclosed
            ],
        }
        try:
            found = typst.compile(
                _HERE / "sheet.typ",
                format="pdf",
                pdf_standards=[STANDARD],
                timestamp=made,
                sys_inputs={"sheet": json.dumps(_set(told, language), ensure_ascii=False)},
                font_paths=[_HERE / "fonts"],
                ignore_system_fonts=True,
            )
        except typst.TypstError as error:
            raise DocumentFailed(reason=str(error)) from error
        return bytes(found)


def _translator(language: str) -> Translator:
    if language == "fr":
        return french
    catalogue = gettext.translation("messages", str(_LOCALES), languages=[language])
    # An empty text would be the key of the catalogue's own header.
    return lambda text: catalogue.gettext(text) if text else ""


def _set(value: Any, language: str) -> Any:
    """Every text in letters that can be set; exact ones keep their spaces."""
    match value:
        case {"text": str() as text, "exact": bool() as exact}:
            return {"text": known(text) if exact else settled(text, language), "exact": exact}
        case dict():
            return {name: _set(item, language) for name, item in value.items()}
        case list():
            return [_set(item, language) for item in value]
        case _:
            return value
