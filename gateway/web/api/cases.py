"""Cases: a page of them, one, its timeline, who pays for a day; facts, messages and the dossier of one."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from gateway.domain.kinds import KINDS, Subject
from gateway.domain.scopes import Scope
from gateway.services.chronicle import chronicle
from gateway.services.seen import of_case, version_shown
from gateway.services.shapes.cases import case_json
from gateway.services.shapes.coverage import coverage_json
from gateway.services.shapes.timeline import entry_json
from gateway.web.api import models
from gateway.web.api.bodies import Day, Noted, RefInPath, Sent
from gateway.web.api.cursors import Cursor, Limit, cursor, number_of
from gateway.web.api.described import ACTS, BODY, multipart, operation
from gateway.web.api.door import Calling, Door, shown
from gateway.web.api.keys import Done, once
from gateway.web.api.parts import fiche, kind_of, parts, same
from gateway.web.api.sending import sendable, submitted

router = APIRouter(route_class=Door, tags=["cases"])

_LISTED = {"list": "cases"}
ZIP = "application/zip"


@router.get(
    "/cases", **operation("Les dossiers, le plus récent d'abord.", scope=Scope.CASES, shows=models.Page[models.Case])
)
async def cases(call: Calling, limit: Limit = 50, cursor_: Annotated[Cursor, Query(alias="cursor")] = None) -> Response:
    """A page of cases."""
    found = await call.hall.archive.page(number_of(cursor_, _LISTED), limit=limit + 1)
    page = found[:limit]
    more = cursor(page[-1].case.id, _LISTED) if len(found) > limit else None
    return shown({"items": [case_json(view) for view in page], "next": more})


@router.get(
    "/cases/{ref}",
    **operation("Un dossier : demandes, faits, messages.", scope=Scope.CASES, shows=models.Case, meets=(404,)),
)
async def case(ref: RefInPath, call: Calling) -> Response:
    """One case."""
    view = await call.hall.archive.case(ref)
    return shown(case_json(view), version=version_shown(view))


@router.get(
    "/cases/{ref}/timeline",
    **operation(
        "Ce qui est arrivé dans un dossier, le plus récent d'abord.",
        scope=Scope.CASES,
        shows=models.Listed[models.Event],
        meets=(404,),
    ),
)
async def timeline(ref: RefInPath, call: Calling) -> Response:
    """What happened."""
    return shown({"items": [entry_json(entry) for entry in chronicle(await call.hall.archive.case(ref))]})


@router.get(
    "/cases/{ref}/coverage",
    **operation("Qui paie un jour du séjour, et pourquoi.", scope=Scope.CASES, shows=models.Coverage, meets=(404,)),
)
async def coverage(
    ref: RefInPath,
    call: Calling,
    at: Annotated[Day | None, Query(description="Le jour ; aujourd'hui si absent.")] = None,
) -> Response:
    """Who pays."""
    return shown(coverage_json(await call.hall.archive.coverage(ref, at.isoformat() if at else "")))


@router.get(
    "/cases/{ref}/export",
    **operation(
        "Le dossier de preuve, sans contenu médical ; sa remise est inscrite au journal.",
        scope=Scope.CASES,
        content=ZIP,
        meets=(404, 409),
    ),
)
async def export(ref: RefInPath, call: Calling) -> Response:
    """The dossier."""
    data = await call.hall.dossier(ref, actor=call.actor, with_content=False)
    name = f'attachment; filename="{(await call.hall.archive.case(ref)).case.ref}.zip"'
    return Response(data, media_type=ZIP, headers={"Content-Disposition": name})


# --- acts


@router.post(
    "/cases/{ref}/facts",
    **operation(
        "Noter un fait : entrée, sortie, facture…",
        scope=Scope.REQUESTS,
        shows=models.Moved,
        status=HTTPStatus.CREATED,
        meets=(404, *ACTS, *BODY),
    ),
)
async def note(ref: RefInPath, body: Noted, call: Calling) -> Response:
    """Note a fact."""
    role = call.hall.party.role
    kind = kind_of(body.kind, [row for row in KINDS.values() if role in row.noted_by])
    form = fiche(kind, fields=body.fields, ref=ref, request=body.request, because=body.because)

    async def work() -> Done:
        done = await call.hall.desk.note(form, actor=call.actor)
        told = {"case": done.ref, "state": done.state, "kind": kind.id}
        return Done(value=told, status=HTTPStatus.CREATED, place=f"/api/v1/cases/{done.ref}")

    return await once(call, work, body=same(body), about=partial(of_case, site=call.hall.party.site, ref=ref))


@router.post(
    "/cases/{ref}/messages",
    **operation(
        "Envoyer un message du dossier qui n'est ni une demande ni une réponse.",
        scope=Scope.REQUESTS,
        shows=models.Submitted,
        status=HTTPStatus.CREATED,
        meets=(404, *ACTS, *BODY),
        body=multipart(Sent, "message", "Chaque pièce sous son nom dans la fiche."),
    ),
)
async def message(ref: RefInPath, call: Calling) -> Response:
    """Send a message."""
    role = call.hall.party.role
    body, files = await parts(call, Sent, "message")
    kind = kind_of(body.kind, sendable(role, Subject.CASE, Subject.EXCHANGE))
    form = fiche(
        kind,
        fields=body.fields,
        files=files,
        ref=ref,
        request=body.request,
        hospital=body.hospital,
        because=body.because,
    )

    async def work() -> Done:
        return submitted(await call.hall.desk.submit(form, actor=call.actor))

    return await once(call, work, body=same(body, files), about=partial(of_case, site=call.hall.party.site, ref=ref))
