"""« Qu'est-ce que ce courrier ? »: the mails that wait for a person, one of them, and the word that is said of it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from gateway.domain.errors import GatewayError, IllegalTransition
from gateway.services.sorting import Asked, SortView, typed
from gateway.services.terms import worded
from gateway.storage import Mail
from gateway.web.downloads import attached
from gateway.web.forms import fields_of, text_of, texts_of
from gateway.web.numbers import Number
from gateway.web.visit import Absent, Visit, signed_in

router = APIRouter()
Here = Annotated[Visit, Depends(signed_in)]


@router.get("/courrier")
async def queue(visit: Here, apres: Annotated[str, Query(pattern=r"^([01]-[0-9]{1,9})?$")] = "") -> Response:
    """What waits to be sorted; what was refused, for who watches over it."""
    held, _, number = apres.partition("-")
    async with visit.hall.once.look():
        found = await visit.hall.sorting.queue(visit.actor, after=(held == "1", int(number)) if number else None)
        following = f"{int(found.after[0])}-{found.after[1]}" if found.after else None
        return await visit.page("mails.html", queue=found, following=following)


@router.get("/courrier/{mail}")
async def show(mail: Number, visit: Here, choix: str = "", dossier: str | None = None) -> Response:
    """A mail by its envelope, and what it may be; with a choice, what that choice asks for."""
    view = await visit.hall.sorting.show(mail, actor=visit.actor)
    choice = view.choice(choix)
    asked = await visit.hall.sorting.asked(view, choice, ref=dossier) if choice and view.open else None
    return await _page(visit, view, asked)


@router.post("/courrier/{mail}")
async def classify(mail: Number, visit: Here) -> Response:
    """Say what it is."""
    form = await texts_of(visit.request)
    what, ref, request = (text_of(form, name).strip() for name in ("choix", "dossier", "demande"))
    values, has_form = fields_of(form), bool(text_of(form, "formulaire"))

    async def again(error: GatewayError) -> Response:
        view = await visit.hall.sorting.show(mail, actor=visit.actor)
        if not view.sorts:
            raise Absent
        choice = view.choice(what)
        asked = await visit.hall.sorting.asked(view, choice, ref=ref) if choice and view.open else None
        known = None if asked is None else typed(asked, values, request=request, has_form=has_form)
        return await _page(visit, view, known, error=error, kept=what)

    return await visit.act(
        lambda: visit.hall.sorting.classify(
            mail,
            what,
            actor=visit.actor,
            ref=ref or None,
            request=request or None,
            values=values,
            has_form=has_form,
            proved=visit.proved,
        ),
        then=_next,
        again=again,
        otherwise=f"/courrier/{mail}",
    )


@router.post("/courrier/{mail}/passer")
async def hand_on(mail: Number, visit: Here) -> Response:
    """Leave it to a physician."""
    await texts_of(visit.request)

    async def again(error: GatewayError) -> Response:
        return await _page(visit, await visit.hall.sorting.show(mail, actor=visit.actor), None, error=error)

    return await visit.act(
        lambda: visit.hall.sorting.hand_on(mail, actor=visit.actor),
        then=lambda _done: f"/courrier/{mail}",
        again=again,
        otherwise=f"/courrier/{mail}",
    )


@router.get("/courrier/{mail}/lecture")
async def read(mail: Number, visit: Here) -> Response:
    """Its text, for a physician of the case."""
    found = await visit.hall.sorting.read(mail, actor=visit.actor)
    return await visit.page("mail_read.html", view=found.view, payload=found.payload)


@router.get("/courrier/{mail}/pieces/{number}")
async def piece(mail: Number, number: Number, visit: Here) -> Response:
    """One of its pieces, to be taken away."""
    return attached(await visit.hall.sorting.piece(mail, number, actor=visit.actor))


@router.get("/courrier/{mail}/fichier")
async def file(mail: Number, visit: Here) -> Response:
    """The mail or the scan as it came, to be taken away."""
    return attached(await visit.hall.sorting.file(mail, actor=visit.actor))


def _next(mail: Mail) -> str:
    """A mail that awaits a second person stays; one that is sorted leads back to those that are not."""
    return f"/courrier/{mail.id}" if mail.settled_at is None else "/courrier"


async def _page(
    visit: Visit, view: SortView, asked: Asked | None, *, error: GatewayError | None = None, kept: str = ""
) -> Response:
    shown = worded(error) if isinstance(error, IllegalTransition) else error
    if asked is not None and asked.wrong:
        shown = None
    status = HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY
    if error is not None and view.mail.settled_at is not None:
        status = HTTPStatus.CONFLICT
    return await visit.page("mail.html", status=status, view=view, asked=asked, error=shown, kept=kept)
