"""« Qui a fait quoi, est-ce prouvé ? »: the audit log."""

import csv
import io
import json
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from gateway.domain.audit import instant
from gateway.storage import AuditEntry, Question
from gateway.web.typed import day_begins, typed_day
from gateway.web.visit import Visit, signed_in

router = APIRouter()
COLUMNS = ("index", "at", "event", "actor", "case", "request", "message", "partner", "outcome")
_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")


class Asked:
    """The question as it was typed in the fields of the page; ``faults`` names the fields that cannot be read."""

    def __init__(  # noqa: PLR0917  the fields of a query, by name
        self,
        dossier: str = "",
        evenement: str = "",
        auteur: str = "",
        du: str = "",
        au: str = "",
        avant: int | None = None,
    ) -> None:
        self.typed = {"dossier": dossier, "evenement": evenement, "auteur": auteur, "du": du, "au": au}
        self.before = avant
        self.faults: set[str] = set()

    def question(self) -> Question:
        """What it asks for, as far as it can be read."""
        equal = {"case": self.typed["dossier"].strip().upper(), "actor": self.typed["auteur"].strip()}
        event = self.typed["evenement"].strip()
        since, until = self._day("du"), self._day("au")
        return Question(
            equal={name: value for name, value in equal.items() if value},
            begins=event or None,
            since=None if since is None else day_begins(since),
            until=None if until is None else day_begins(until, next_one=True),
            before=self.before,
        )

    def _day(self, field: str) -> date | None:
        try:
            return typed_day(self.typed[field])
        except ValueError:
            self.faults.add(field)
            return None


Signed = Annotated[Visit, Depends(signed_in)]
Asking = Annotated[Asked, Depends()]


@router.get("/journal")
async def journal(visit: Signed, asked: Asking) -> Response:
    """Integrity first, then the records."""
    found = await visit.hall.journal.page(asked.question(), actor=visit.actor.name)
    return await visit.page("journal.html", found=found, typed=asked.typed, faults=asked.faults)


@router.get("/journal.csv")
async def as_csv(visit: Signed, asked: Asking) -> Response:
    """The records as a spreadsheet takes them (RFC 4180); the details are JSON in their own column."""
    found = await visit.hall.journal.records(asked.question(), actor=visit.actor.name)
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow([*COLUMNS, "details"])
    for entry in found:
        record = _record(entry)
        details = json.dumps(record.get("details"), ensure_ascii=False, sort_keys=True)
        writer.writerow([*(_inert(record.get(name)) for name in COLUMNS), details])
    return visit.file(lines.getvalue().encode(), "journal.csv", "text/csv; charset=utf-8")


@router.get("/journal.json")
async def as_json(visit: Signed, asked: Asking) -> Response:
    """The canonical records, whose hashes the log holds."""
    found = await visit.hall.journal.records(asked.question(), actor=visit.actor.name)
    data = json.dumps([_record(entry) for entry in found], ensure_ascii=False, indent=1)
    return visit.file(data.encode(), "journal.json", "application/json")


def _record(entry: AuditEntry) -> dict[str, object]:
    if entry.canonical:
        return dict(json.loads(entry.canonical))
    return {"index": entry.index, "at": instant(entry.at), "purged_by": entry.purged_by}


def _inert(value: object) -> object:
    """A spreadsheet must not take a text for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_SPREADSHEET) else value
