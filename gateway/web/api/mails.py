"""Mails that a person sorts, and proofs of reception that came another way."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from gateway.domain.scopes import Scope
from gateway.domain.words import said
from gateway.services.entered import Shown
from gateway.services.seen import of_case, of_row, version
from gateway.services.shapes.mails import mail_json
from gateway.services.shapes.proofs import entered_json
from gateway.storage import EnteredProof, Mail, View
from gateway.web.api import house_models as models
from gateway.web.api.bodies import Classified, Looked, NumberInPath, ProofShown
from gateway.web.api.described import ACTS, BODY, multipart, operation
from gateway.web.api.door import Call, Calling, Door, shown
from gateway.web.api.faults import Fault
from gateway.web.api.keys import Done, once
from gateway.web.api.models import Listed
from gateway.web.api.parts import parts, same
from gateway.web.api.problems import invalid

router = APIRouter(route_class=Door, tags=["mails"])

Settled = Annotated[bool, Query(description="Aussi ce qui est déjà réglé.")]


@router.get(
    "/triage",
    **operation("Les courriers qu'une personne doit trier.", scope=Scope.CASES, shows=Listed[models.Mail]),
)
async def triage(call: Calling, *, settled: Settled = False) -> Response:
    """Mails to sort."""
    return shown({"items": [mail_json(view) for view in await call.hall.archive.triage(settled=settled)]})


@router.get(
    "/triage/{number}",
    **operation("Un courrier : son enveloppe.", scope=Scope.CASES, shows=models.Mail, meets=(404,)),
)
async def mail(number: NumberInPath, call: Calling) -> Response:
    """One of them."""
    found = await call.hall.archive.mail(number)
    return shown(mail_json(found), version=version(found.mail))


@router.post(
    "/triage/{number}/classification",
    **operation(
        "Dire ce qu'est un courrier ; parfois une seconde personne doit dire la même chose.",
        scope=Scope.TRIAGE,
        shows=models.Mail,
        meets=(404, *ACTS, *BODY),
    ),
)
async def classify(number: NumberInPath, body: Classified, call: Calling) -> Response:
    """Sort it."""

    async def work() -> Done:
        await call.hall.triage.classify(
            number,
            body.what,
            actor=call.actor,
            ref=body.case,
            request_hash=body.request,
            places=body.fields,
            has_form=body.with_form,
        )
        return Done(value=mail_json(await call.hall.archive.mail(number)))

    return await once(call, work, body=same(body), about=partial(_row, call=call, kind=Mail, number=number))


@router.get(
    "/proofs",
    **operation("Les preuves apportées par des personnes.", scope=Scope.CASES, shows=Listed[models.Proof]),
)
async def proofs(call: Calling, *, settled: Settled = False) -> Response:
    """Proofs that wait, or all."""
    found = await call.hall.archive.proofs.entered(settled=settled)
    return shown({"items": [entered_json(proof) for proof in found]})


@router.get(
    "/proofs/{number}",
    **operation("Une preuve apportée par une personne.", scope=Scope.CASES, shows=models.Proof, meets=(404,)),
)
async def proof(number: NumberInPath, call: Calling) -> Response:
    """One of them."""
    found = await call.hall.archive.proofs.one(number)
    return shown(entered_json(found), version=version(found))


@router.post(
    "/proofs",
    **operation(
        "Apporter une preuve de réception ; une seconde personne la confirme.",
        scope=Scope.PROOFS,
        shows=models.Proof,
        status=HTTPStatus.CREATED,
        meets=(404, *ACTS, *BODY),
        body=multipart(ProofShown, "proof", "La partie « scan » : la page tamponnée, le rapport de télécopie."),
    ),
)
async def enter(call: Calling) -> Response:
    """Bring a proof."""
    body, files = await parts(call, ProofShown, "proof")
    if any(file.part != "scan" for file in files) or len(files) + (body.mail is not None) != 1:
        expected = said("la partie scan, ou le numéro d'un courrier gardé : l'un des deux")
        raise invalid(Fault(place="parts", pointer="/scan", expected=expected))
    brought = Shown(
        ref=body.case,
        received=body.received,
        scan=files[0].data if files else None,
        mail=body.mail,
        partner=body.partner,
        request_hash=body.request,
    )

    async def work() -> Done:
        entered = await call.hall.proofs.enter(brought, actor=call.actor)
        return Done(value=entered_json(entered), status=HTTPStatus.CREATED, place=f"/api/v1/proofs/{entered.id}")

    about = partial(of_case, site=call.hall.party.site, ref=body.case)
    return await once(call, work, body=same(body, files), about=about)


@router.post(
    "/proofs/{number}/confirmation",
    **operation(
        "Écarter une preuve, ou la confirmer ; un programme n'est pas la seconde personne qu'il faut pour confirmer.",
        scope=Scope.PROOFS,
        shows=models.Proof,
        meets=(404, *ACTS, *BODY),
    ),
)
async def confirm(number: NumberInPath, body: Looked, call: Calling) -> Response:
    """Confirm it, or put it aside."""

    async def work() -> Done:
        act = call.hall.proofs.confirm if body.decision == "confirmed" else call.hall.proofs.decline
        return Done(value=entered_json(await act(number, actor=call.actor)))

    return await once(call, work, body=same(body), about=partial(_row, call=call, kind=EnteredProof, number=number))


async def _row(view: View, *, call: Call, kind: type[EnteredProof | Mail], number: int) -> str:
    return await of_row(view, call.hall.party.site, kind, number)
