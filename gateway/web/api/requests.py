"""Requests: sent, sent again, answered; and the period of one, explained."""

from functools import partial
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import Response

from gateway.domain.kinds import Subject
from gateway.domain.scopes import Scope
from gateway.services.seen import of_case
from gateway.services.shapes.rulings import explained_json
from gateway.web.api import models
from gateway.web.api.bodies import Answered, HashInPath, Sent
from gateway.web.api.described import ACTS, BODY, multipart, operation
from gateway.web.api.door import Calling, Door, shown
from gateway.web.api.keys import Done, once
from gateway.web.api.parts import fiche, kind_of, parts, same
from gateway.web.api.sending import openings, sendable, submitted

router = APIRouter(route_class=Door, tags=["requests"])

_PIECES = "Chaque pièce sous son nom dans la fiche (« gateway fiche TYPE » les donne)."


@router.post(
    "/requests",
    **operation(
        "Envoyer une demande, ou ce qui ouvre un dossier ; c'est scellé et part aussitôt.",
        scope=Scope.REQUESTS,
        shows=models.Submitted,
        status=HTTPStatus.CREATED,
        meets=(404, *ACTS, *BODY),
        body=multipart(Sent, "request", _PIECES),
    ),
)
async def send(call: Calling) -> Response:
    """Send a request."""
    body, files = await parts(call, Sent, "request")
    kind = kind_of(body.kind, [*sendable(call.hall.party.role, Subject.REQUEST), *openings(call.hall.party.role)])
    form = fiche(kind, fields=body.fields, files=files, ref=body.case, hospital=body.hospital, because=body.because)

    async def work() -> Done:
        return submitted(await call.hall.desk.submit(form, actor=call.actor))

    about = partial(of_case, site=call.hall.party.site, ref=body.case) if body.case else None
    return await once(call, work, body=same(body, files), about=about)


@router.get(
    "/requests/{request}/period",
    **operation(
        "Jusqu'à quand la CNAS peut répondre, expliqué jour par jour.",
        scope=Scope.CASES,
        shows=models.Explained | models.NoPeriod,
        meets=(404,),
    ),
)
async def period(request: HashInPath, call: Calling) -> Response:
    """Its period."""
    _ref, found = await call.hall.archive.request(request)
    return shown(explained_json(found))


@router.post(
    "/requests/{request}/resend",
    **operation(
        "Renvoyer la demande, mêmes octets, à qui ne l'a pas confirmée.",
        scope=Scope.REQUESTS,
        shows=models.Resent,
        meets=(404, *ACTS),
    ),
)
async def resend(request: HashInPath, call: Calling) -> Response:
    """Send it again."""
    ref, _found = await call.hall.archive.request(request)

    async def work() -> Done:
        done = await call.hall.resend.request(request, actor=call.actor)
        return Done(value={"message": done.message.id, "partners": done.partners})

    return await once(call, work, body=b"", about=partial(of_case, site=call.hall.party.site, ref=ref))


@router.post(
    "/requests/{request}/answer",
    **operation(
        "Répondre à une demande (à la CNAS).",
        scope=Scope.REQUESTS,
        shows=models.Submitted,
        status=HTTPStatus.CREATED,
        meets=(404, *ACTS, *BODY),
        body=multipart(Answered, "answer", _PIECES),
    ),
)
async def answer(request: HashInPath, call: Calling) -> Response:
    """Answer it."""
    body, files = await parts(call, Answered, "answer")
    kind = kind_of(body.kind, sendable(call.hall.party.role, Subject.ANSWER))
    ref, _found = await call.hall.archive.request(request)
    form = fiche(kind, fields=body.fields, files=files, ref=ref, request=request, because=body.because)

    async def work() -> Done:
        return submitted(await call.hall.desk.submit(form, actor=call.actor))

    return await once(call, work, body=same(body, files), about=partial(of_case, site=call.hall.party.site, ref=ref))
