"""« Qui a fait quoi, est-ce prouvé ? »: the audit log."""

import json
from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from gateway.domain.events import FAMILIES
from gateway.services.shapes.log import records_csv, records_json
from gateway.storage import Question
from gateway.web.typed import day_begins, typed_day
from gateway.web.visit import Visit, signed_in

router = APIRouter()


class Asked:
    """The question as it was typed in the fields of the page; ``faults`` names the fields that cannot be read."""

    def __init__(  # noqa: PLR0917  the fields of a query, by name
        self,
        dossier: str = "",
        evenement: str = "",
        auteur: str = "",
        du: str = "",
        au: str = "",
        avant: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
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
    return await _page(visit, asked)


@router.get("/journal.csv")
async def as_csv(visit: Signed, asked: Asking) -> Response:
    """The records for a spreadsheet; a question that cannot be read leads to its fields instead."""
    question = asked.question()
    if asked.faults:
        return await _page(visit, asked)
    found = await visit.hall.journal.records(question, actor=visit.actor.name)
    return visit.file(records_csv(found).encode(), "journal.csv", "text/csv; charset=utf-8")


@router.get("/journal.json")
async def as_json(visit: Signed, asked: Asking) -> Response:
    """The canonical records, whose hashes the log holds; as of :func:`as_csv`."""
    question = asked.question()
    if asked.faults:
        return await _page(visit, asked)
    found = await visit.hall.journal.records(question, actor=visit.actor.name)
    data = json.dumps(records_json(found), ensure_ascii=False, indent=1)
    return visit.file(data.encode(), "journal.json", "application/json")


async def _page(visit: Visit, asked: Asked) -> Response:
    found = await visit.hall.journal.page(asked.question(), actor=visit.actor.name)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if asked.faults else HTTPStatus.OK
    return await visit.page(
        "journal.html", status=status, found=found, typed=asked.typed, faults=asked.faults, FAMILIES=FAMILIES
    )
