"""Reads the calendar from a file, and writes it: TOML as shipped, or JSON (an object with its keys, or a list of rows).

What a calendar must say is decided in ``gateway.domain.workdays``; here is only the file.
"""

import json
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gateway.domain.errors import CalendarInvalid
from gateway.domain.reasons import system_reason, toml_reason
from gateway.domain.words import Said, said
from gateway.domain.workdays import Calendar, CalendarRow, calendar_from_rows

# A checkout holds the calendar beside the sources; a wheel puts it under the environment's own prefix.
_CHECKOUT = Path(__file__).parents[2] / "config" / "calendars" / "algeria.toml"
_INSTALLED = Path(sys.prefix, "share", "soins-gateway", "calendars", "algeria.toml")
SHIPPED_CALENDAR = _CHECKOUT if (_CHECKOUT.parents[2] / "pyproject.toml").is_file() else _INSTALLED

HEAD_KEYS = frozenset({"covers_until", "covers_from", "recorded_at", "recorded_by"})


def load_calendar(
    path: Path,
    *,
    covers_until: date | None = None,
    whole_years: bool = False,
    recorded_at: datetime | None = None,
) -> Calendar:
    """The calendar that a file states.

    ``covers_until`` and ``recorded_at`` are for files that do not say it, as a bare list of rows cannot. With
    ``whole_years`` such a file is taken to be complete to the end of the last year that it speaks of.

    Raises:
        CalendarInvalid: the file cannot be read, is neither format, or its rows have faults (all of them are listed).
    """
    document = _read(path)
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
    until = covers_until or (_last_year_end(rows) if whole_years else None)
    head = {"covers_until": until, "recorded_at": recorded_at} | document
    return calendar_from_rows(rows, path=str(path), **head)


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return json.loads(text)
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            # A pipe or a temporary file bears no name that tells.
            if path.suffix == ".toml":
                raise
            return json.loads(text)
    except OSError as error:
        raise CalendarInvalid(path=str(path), reason=system_reason(error)) from error
    except (ValueError, RecursionError) as error:
        raise CalendarInvalid(path=str(path), reason=_unreadable(path, error)) from error


def _unreadable(path: Path, error: Exception) -> Said:
    match path.suffix:
        case ".json":
            return said("Ce n'est pas du JSON.")
        case ".toml":
            return toml_reason(error)
        case _:
            return said("Ce n'est ni du TOML ni du JSON.")


def _last_year_end(rows: list[dict[str, Any]]) -> date | None:
    years = [str(row.get("date"))[:4] for row in rows]
    known = [int(year) for year in years if year.isascii() and year.isdecimal() and year != "0000"]
    return date(max(known), 12, 31) if known else None


# --- writing


def calendar_json(calendar: Calendar) -> dict[str, Any]:
    """The calendar as the JSON object that ``load_calendar`` reads."""
    head = {"covers_from": _iso(calendar.covers_from), "covers_until": _iso(calendar.covers_until)}
    rows = [{key: value for key, value in _row(row).items() if value is not None} for row in _by_date(calendar)]
    return {key: value for key, value in head.items() if value is not None} | {"rows": rows}


def calendar_toml(calendar: Calendar) -> str:
    """The calendar as the TOML file that ``load_calendar`` reads."""
    lines = [] if calendar.covers_from is None else [f"covers_from = {calendar.covers_from.isoformat()}"]
    lines += [f"covers_until = {calendar.covers_until.isoformat()}", "", "rows = ["]
    for row in _by_date(calendar):
        pairs = [f"{key} = {_toml(key, value)}" for key, value in _row(row).items() if value is not None]
        lines.append(f"  {{ {', '.join(pairs)} }},")
    return "\n".join([*lines, "]", ""])


def _by_date(calendar: Calendar) -> list[CalendarRow]:
    return sorted(calendar.rows, key=lambda row: (row.date, row.age))


def _row(row: CalendarRow) -> dict[str, str | bool | None]:
    return {
        "date": row.date.isoformat(),
        "name": row.name,
        "feast": row.feast,
        "status": row.status.value,
        "source": row.source,
        "off": None if row.off else False,
        "recorded_at": None if row.recorded_at is None else _utc(row.recorded_at),
        "recorded_by": row.recorded_by,
    }


def _toml(key: str, value: str | bool) -> str:  # noqa: FBT001  a value of the file
    if isinstance(value, bool):
        return "true" if value else "false"
    if key in {"date", "recorded_at"}:
        return value
    # JSON's text is TOML's, but for one character that JSON leaves bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
