"""Loads the calendar from a file: TOML as shipped, or JSON (an object with the same keys, or a bare list of rows).

What a calendar must say is decided in ``gateway.domain.workdays``; here is only the file.
"""

import json
import sys
import tomllib
from datetime import date
from pathlib import Path

from gateway.domain.errors import CalendarInvalid
from gateway.domain.reasons import system_reason, toml_reason
from gateway.domain.words import said
from gateway.domain.workdays import Calendar, calendar_from_rows

# A checkout holds the calendar beside the sources; a wheel puts it under the environment's own prefix.
_CHECKOUT = Path(__file__).parents[2] / "config" / "calendars" / "algeria.toml"
_INSTALLED = Path(sys.prefix, "share", "soins-gateway", "calendars", "algeria.toml")
SHIPPED_CALENDAR = _CHECKOUT if (_CHECKOUT.parents[2] / "pyproject.toml").is_file() else _INSTALLED

HEAD_KEYS = frozenset({"covers_until", "covers_from", "recorded_at", "recorded_by"})


def load_calendar(path: Path, *, covers_until: date | None = None) -> Calendar:
    """The calendar that a ``.toml`` or ``.json`` file states.

    ``covers_until`` is for a bare list of rows, which cannot say it; a file that says it decides.

    Raises:
        CalendarInvalid: the file cannot be read, is neither format, or its rows have faults (all of them are listed).
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise CalendarInvalid(path=str(path), reason=system_reason(error)) from error
    except (ValueError, RecursionError) as error:
        reason = said("Ce n'est pas du JSON.") if path.suffix == ".json" else toml_reason(error)
        raise CalendarInvalid(path=str(path), reason=reason) from error
    if isinstance(document, list):
        document = {"rows": document}
    if not isinstance(document, dict):
        raise CalendarInvalid(path=str(path), reason=said("une liste de lignes est attendue"))
    rows = document.pop("rows", None)
    unknown = sorted(document.keys() - HEAD_KEYS)
    if unknown:
        raise CalendarInvalid(path=str(path), reason=said("clés inconnues : {keys}", keys=", ".join(unknown)))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CalendarInvalid(path=str(path), reason=said("rows est une liste de lignes"))
    head = {"covers_until": covers_until} | document
    return calendar_from_rows(rows, path=str(path), **head)
