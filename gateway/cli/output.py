"""How things are printed: words and dates in the reader's language, listings as text or JSON.

JSON is the same in every language.
"""

import json
from collections.abc import Sequence
from gettext import gettext as _
from typing import Any

import typer

from gateway.cli.dates import day, end, instant
from gateway.domain.alarms.shape import PREFIX as STAFF
from gateway.domain.alarms.staff import ALARM
from gateway.domain.checkpoint import LOG_ANCHOR, MAILBOX
from gateway.domain.kinds import KINDS
from gateway.domain.plain import plain
from gateway.domain.readers import HANDOVER, PREFIX

__all__ = ["day", "echo_json", "end", "instant", "message_row", "partners", "table", "title"]
"""Days and instants are told elsewhere, and taken from here with the rest."""


def title(kind: str) -> str:
    """A message kind as a person calls it."""
    if kind == HANDOVER:
        return _("Remise à un lecteur")
    if kind == ALARM:
        return _("Alarme")
    if kind == LOG_ANCHOR:
        return _("Ancre du journal")
    return _(KINDS[kind].title) if kind in KINDS else _("Accusé de réception")


def message_row(row: Any) -> tuple[str, str, str, str, str]:
    """A stored message in a listing."""
    from gateway.storage import Direction

    way = _("reçu") if row.direction is Direction.IN else _("envoyé")
    return str(row.id), way, title(row.kind), partners(row.partner), instant(row.at)


def partners(joined: str) -> str:
    """To whom or from whom a message went, or the reader or person of ours to whom it was handed."""
    if joined == MAILBOX:
        return _("boîte des ancres")
    return joined.removeprefix(PREFIX).removeprefix(STAFF).replace("+", ", ")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Aligned columns, or one sentence when there is nothing."""
    if not rows:
        typer.echo(empty)
        return
    widths = [max(len(row[index]) for row in (headings, *rows)) for index in range(len(headings))]
    for row in (headings, *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def echo_json(value: object) -> None:
    """One JSON document: instants in RFC 3339 UTC, enumerations by name or value."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))
