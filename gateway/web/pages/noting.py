"""What happened in a case, noted by a person; a note that was wrong; the end of a case."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from gateway.domain.errors import FicheInvalid, GatewayError, IllegalTransition, PreconditionMissing
from gateway.services.notes import NoteView
from gateway.services.terms import worded
from gateway.web.forms import fields_of, text_of, texts_of
from gateway.web.numbers import Number
from gateway.web.visit import Visit, signed_in

router = APIRouter()
Here = Annotated[Visit, Depends(signed_in)]


@router.get("/dossiers/{ref}/noter")
async def choice(ref: str, visit: Here) -> Response:
    """Everything that may be noted of a case."""
    case, kinds = await visit.hall.notes.choice(ref, actor=visit.actor)
    return await visit.page("notes.html", case=case, kinds=kinds)


@router.get("/dossiers/{ref}/noter/{kind}")
async def blank(ref: str, kind: str, visit: Here, demande: str = "") -> Response:
    """A fact to be noted."""
    return await _page(visit, await visit.hall.notes.blank(ref, kind, actor=visit.actor, request=demande or None))


@router.post("/dossiers/{ref}/noter/{kind}")
async def note(ref: str, kind: str, visit: Here, demande: str = "") -> Response:
    """Note it."""
    form = await texts_of(visit.request)
    values, because = fields_of(form), text_of(form, "parce_que")
    request = text_of(form, "demande") or demande or None

    async def again(error: GatewayError) -> Response:
        view = await visit.hall.notes.blank(ref, kind, actor=visit.actor, request=request)
        return await _page(visit, view.typed(values, because, request), error=error)

    return await visit.act(
        lambda: visit.hall.notes.note(ref, kind, values, actor=visit.actor, because=because, request=request),
        then=lambda case: f"/dossiers/{case.ref}",
        again=again,
        otherwise=f"/dossiers/{ref}",
    )


@router.get("/dossiers/{ref}/corriger/{fact}")
async def wrong(ref: str, fact: Number, visit: Here) -> Response:
    """A noted fact, to be corrected."""
    return await _page(visit, await visit.hall.notes.fact(ref, fact, actor=visit.actor))


@router.post("/dossiers/{ref}/corriger/{fact}")
async def correct(ref: str, fact: Number, visit: Here) -> Response:
    """Correct it, or withdraw it."""
    form = await texts_of(visit.request)
    values = fields_of(form)

    async def again(error: GatewayError) -> Response:
        view = await visit.hall.notes.fact(ref, fact, actor=visit.actor)
        return await _page(visit, view.typed(values, "", None), error=error)

    withdraws = text_of(form, "suite") == "retirer"
    return await visit.act(
        lambda: visit.hall.notes.correct(ref, fact, None if withdraws else values, actor=visit.actor),
        then=lambda _fact: f"/dossiers/{ref}",
        again=again,
        otherwise=f"/dossiers/{ref}",
    )


@router.get("/dossiers/{ref}/clore")
async def closing(ref: str, visit: Here) -> Response:
    """Whether a case can be closed, and what keeps it open."""
    found = await visit.hall.notes.closing(ref, actor=visit.actor)
    return await visit.page("close.html", closing=found, error=None)


@router.post("/dossiers/{ref}/clore")
async def close(ref: str, visit: Here) -> Response:
    """Close it."""
    await texts_of(visit.request)

    async def again(error: GatewayError) -> Response:
        found = await visit.hall.notes.closing(ref, actor=visit.actor)
        shown = None if found.reasons or found.obstacle else error
        return await visit.page("close.html", status=HTTPStatus.UNPROCESSABLE_ENTITY, closing=found, error=shown)

    return await visit.act(
        lambda: visit.hall.notes.close(ref, actor=visit.actor),
        then=lambda case: f"/dossiers/{case.ref}",
        again=again,
        otherwise=f"/dossiers/{ref}",
    )


async def _page(visit: Visit, view: NoteView, *, error: GatewayError | None = None) -> Response:
    """The form; what is wrong with a field stands at the field, a rule that warns above the reason to be given."""
    warning = error.fields["reason"] if isinstance(error, PreconditionMissing) else None
    shown = None if warning or (isinstance(error, FicheInvalid) and view.wrong) else error
    if isinstance(shown, IllegalTransition):
        shown = worded(shown)
    status = HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY
    return await visit.page("note.html", status=status, view=view, warning=warning, error=shown)
