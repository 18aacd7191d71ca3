"""How things are printed: words of the protocol in French, dates absolute, listings as text or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, IntEnum
from typing import Any
from zoneinfo import ZoneInfo

import typer

from gateway.domain.kinds import KINDS
from gateway.domain.parties import Grade
from gateway.domain.request import State

_ALGIERS = ZoneInfo("Africa/Algiers")
_PARIS = ZoneInfo("Europe/Paris")
_DAYS = ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim.")

STATES = {
    State.SUBMITTED: "prête à partir",
    State.SENT: "partie, sans accusé de réception",
    State.DELIVERY_FAILED: "non remise",
    State.RUNNING: "délai en cours",
    State.ELAPSED: "délai écoulé, silence à confirmer",
    State.ANSWER_DISPUTED: "réponse à départager",
    State.ACCEPTED: "acceptée",
    State.REFUSED: "refusée",
    State.TACITLY_ACCEPTED: "réputée acceptée",
    State.SUPERSEDED: "remplacée par une autre",
    State.PARTLY_ACCEPTED: "acceptée en partie",
    State.REGULARISED: "réputée acceptée, formulaire reçu",
    State.VITAL_DISPUTED: "urgence vitale contestée",
    State.MEDIATION: "conciliation entre médecins",
    State.MEDIATION_SETTLED: "conciliation réussie",
    State.MEDIATION_FAILED: "conciliation échouée",
    State.EXPERTISE: "expertise demandée",
    State.VITAL_CONFIRMED: "urgence vitale confirmée par l'expert",
    State.VITAL_DENIED: "urgence vitale niée par l'expert",
}

GRADES = {
    Grade.NONE: "aucune",
    Grade.AUTO_REPLY: "réponse automatique",
    Grade.DSN_DELIVERED: "avis de remise",
    Grade.MDN: "accusé de lecture non signé",
    Grade.SIGNED_REPLY: "réponse signée",
    Grade.SIGNED_RECEIPT: "accusé de réception signé",
}

CONDITIONS = {
    "period_and_grace_over": "le délai et la marge de sécurité sont passés",
    "clock_not_stepped": "l'horloge du serveur est sûre",
    "second_time_source_agrees": "une seconde horloge confirme l'heure",
    "every_folder_polled_since": "le courrier a été relevé depuis",
    "no_unsettled_mail": "aucun courrier du partenaire n'attend d'être trié",
    "no_answer_by_another_way": "aucune réponse par une autre voie",
    "no_mail_vanished_unread": "aucun courrier n'a disparu sans être lu",
    "mailbox_not_rebuilt": "la boîte aux lettres n'a pas été reconstruite",
    "calendar_settled": "aucune proposition de calendrier n'allongerait ce délai",
    "no_answer": "aucune réponse n'est arrivée",
    "confirmed_grade_below_policy": "la preuve de réception est confirmée par une personne",
    "confirmed_bounds_violated": "la date de réception annoncée est confirmée par une personne",
    "confirmed_short_notice": "la preuve arrivée tard est confirmée par une personne",
    "handed_over_in_time": "la demande est partie avant la fin de l'autorisation",
    "acknowledged_in_time": "la demande a été reçue avant la fin de l'autorisation",
    "complete": "la demande est complète",
}


REASONS = {
    "working_day": "jour ouvrable",
    "reception_day": "jour de réception, compté",
    "declared_worked": "déclaré travaillé",
    "observed_worked": "constaté travaillé",
    "beyond_calendar": "au-delà du calendrier",
    "weekend": "vendredi ou samedi, non compté",
    "fixed_holiday": "jour férié, non compté :",
    "official_holiday": "jour férié officiel, non compté :",
    "forecast_holiday": "fête prévue, incertaine :",
    "observed_off": "constaté chômé, non compté :",
}


def day(value: date) -> str:
    """A date as a person reads it."""
    return f"{_DAYS[value.weekday()]} {value:%d/%m/%Y}"


def instant(at: datetime | None) -> str:
    """An instant, in Paris."""
    if at is None:
        return "–"
    local = at.astimezone(_PARIS)
    return f"{day(local.date())} à {local:%H h %M}"


def end(at: datetime | None) -> str:
    """The end of a period: its last minute in Algiers, never « midnight »."""
    if at is None:
        return "–"
    last = (at - timedelta(minutes=1)).astimezone(_ALGIERS)
    return f"{day(last.date())} à {last:%H h %M}, heure d'Alger"


def title(kind: str) -> str:
    """A message kind as a person calls it."""
    return KINDS[kind].title if kind in KINDS else "Accusé de réception"


def message_row(row: Any) -> tuple[str, str, str, str, str]:
    """A stored message in a listing."""
    from gateway.storage import Direction

    way = "reçu" if row.direction is Direction.IN else "envoyé"
    return str(row.id), way, title(row.kind), row.partner.replace("+", ", "), instant(row.at)


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


def plain(value: Any) -> Any:  # noqa: C901, PLR0911  one line a type
    """A value as JSON has it."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case IntEnum():
            return value.name.lower()
        case Enum():
            return value.value
        case bytes():
            return value.hex()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return plain(asdict(value))
        case _:
            return value
