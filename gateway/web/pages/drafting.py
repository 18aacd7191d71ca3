"""« Que manque-t-il pour envoyer ? »: a form is begun, kept, completed by several persons, re-read and sent."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from gateway.domain.errors import ChangedMeanwhile, FicheInvalid, GatewayError
from gateway.services.draft_content import REFUSED
from gateway.services.draft_rows import Aim
from gateway.services.drafts import Kept, Typed
from gateway.services.form_view import FormView, overlaid
from gateway.web.downloads import attached
from gateway.web.forms import form_of, number_of, texts_of, typed_in
from gateway.web.visit import SignInNeeded, Visit, lately_signed_in, signed_in

router = APIRouter()
Here = Annotated[Visit, Depends(signed_in)]
Late = Annotated[Visit, Depends(lately_signed_in)]
"""Who keeps a form may have typed longer than a sign-in lasts."""


@router.get("/demandes/nouvelle")
async def start(visit: Here, dossier: str = "", type: str = "") -> Response:  # noqa: A002  the form's own word
    """Which message, for which case; and the forms that are under way."""
    found = await visit.hall.forms.start(visit.actor)
    kind = next((kind for kind in found.kinds if kind.id == type), None)
    fault = ""
    if kind is not None and dossier.strip():
        try:
            case = await visit.hall.archive.case(dossier)
        except GatewayError:
            fault = "dossier"
        else:
            return _led(f"/dossiers/{case.case.ref}/envoyer/{kind.id}")
    elif kind is not None and kind in found.opening:
        return _led(f"/demandes/nouvelle/{kind.id}")
    elif kind is not None:
        fault = "dossier"
    elif dossier.strip():
        fault = "type"
    return await visit.page("start.html", start=found, fault=fault, dossier=dossier, chosen=type)


@router.get("/demandes/nouvelle/{kind}")
async def opening(kind: str, visit: Here) -> Response:
    """A form that opens a case."""
    return await _blank(visit, Aim(kind=kind))


@router.post("/demandes/nouvelle/{kind}")
async def open_kept(kind: str, visit: Late) -> Response:
    """Keep it."""
    return await _begun(visit, Aim(kind=kind))


@router.get("/dossiers/{ref}/envoyer/{kind}")
async def about(ref: str, kind: str, visit: Here, demande: str = "") -> Response:
    """A form for a case; where one is under way, that one."""
    aim = Aim(kind=kind, ref=ref, request=demande or None)
    code = await visit.hall.forms.begun(aim)
    return _led(f"/demandes/{code}") if code else await _blank(visit, aim)


@router.post("/dossiers/{ref}/envoyer/{kind}")
async def about_kept(ref: str, kind: str, visit: Late, demande: str = "") -> Response:
    """Keep it."""
    form = await form_of(visit.request)
    named = str(form.get("demande", "")) or demande
    return await _begun(visit, Aim(kind=kind, ref=ref, request=named or None))


@router.get("/demandes/{code}")
async def form(code: str, visit: Here, manque: int = 0, refus: str = "") -> Response:
    """A form under way; ``manque`` shows what is missing, ``refus`` which files were not kept and why."""
    view = await visit.hall.forms.show(code, actor=visit.actor)
    return await _page(visit, view, faults=bool(manque), refused=_refused(refus))


@router.post("/demandes/{code}")
async def keep(code: str, visit: Late) -> Response:
    """Keep what was typed and uploaded, then stay, or go on to the re-reading."""
    form = await form_of(visit.request)
    typed = await typed_in(form)

    async def again(error: GatewayError) -> Response:
        _require_present(visit)
        return await _conflict(visit, await visit.hall.forms.show(code, actor=visit.actor), typed, error)

    return await visit.act(
        lambda: visit.hall.drafts.keep(code, typed, actor=visit.actor),
        then=lambda kept: _next(kept, form),
        again=again,
        otherwise=f"/demandes/{code}",
    )


@router.get("/demandes/{code}/relire")
async def reread(code: str, visit: Here) -> Response:
    """Everything as it will leave; nothing is sent from any other page."""
    view = await visit.hall.forms.show(code, actor=visit.actor)
    if not view.complete:
        return _led(f"/demandes/{code}?manque=1")
    return await visit.page("reread.html", view=view, error=None)


@router.post("/demandes/{code}/valider")
async def validate(code: str, visit: Here) -> Response:
    """A physician's word on the medical part."""
    version = number_of(await texts_of(visit.request), "version")
    return await visit.act(
        lambda: visit.hall.drafts.validate(code, version, actor=visit.actor),
        then=lambda _done: f"/demandes/{code}/relire",
        again=lambda error: _reread_again(visit, code, error),
        otherwise=f"/demandes/{code}/relire",
        engages=True,
    )


@router.post("/demandes/{code}/envoyer")
async def send(code: str, visit: Here) -> Response:
    """Send it, once."""
    version = number_of(await texts_of(visit.request), "version")
    return await visit.act(
        lambda: visit.hall.drafts.send(code, version, actor=visit.actor),
        then=lambda sent: f"/dossiers/{sent.case.ref}",
        again=lambda error: _reread_again(visit, code, error),
        otherwise="/",
    )


@router.post("/demandes/{code}/abandonner")
async def drop(code: str, visit: Here) -> Response:
    """Give it up."""
    version = number_of(await texts_of(visit.request), "version")
    return await visit.act(
        lambda: visit.hall.drafts.drop(code, version, actor=visit.actor),
        then=lambda _done: "/demandes/nouvelle",
        again=lambda error: _reread_again(visit, code, error),
        otherwise="/demandes/nouvelle",
    )


@router.get("/demandes/{code}/pieces/{role}")
async def piece(code: str, role: str, visit: Here) -> Response:
    """A file of a form, to be taken away."""
    return attached(await visit.hall.drafts.piece(code, role, actor=visit.actor))


# --- shapes of these pages


def _require_present(visit: Visit) -> None:
    """A page with what is in a form is for who is signed in now."""
    if visit.lapsed:
        raise SignInNeeded


async def _blank(visit: Visit, aim: Aim) -> Response:
    return await _page(visit, await visit.hall.forms.blank(aim, actor=visit.actor))


async def _begun(visit: Visit, aim: Aim) -> Response:
    form = await form_of(visit.request)
    typed = await typed_in(form)

    async def again(error: GatewayError) -> Response:
        _require_present(visit)
        code = await visit.hall.forms.begun(aim)
        forms, actor = visit.hall.forms, visit.actor
        view = await (forms.show(code, actor=actor) if code else forms.blank(aim, actor=actor))
        return await _conflict(visit, view, typed, error)

    return await visit.act(
        lambda: visit.hall.drafts.begin(aim, typed, actor=visit.actor),
        then=lambda kept: _next(kept, form),
        again=again,
        otherwise="/demandes/nouvelle",
    )


async def _conflict(visit: Visit, view: FormView, typed: Typed, error: GatewayError) -> Response:
    """The same form with what was typed, what a colleague kept beside it, and why nothing was kept."""
    status = HTTPStatus.CONFLICT if isinstance(error, ChangedMeanwhile) else HTTPStatus.UNPROCESSABLE_ENTITY
    return await _page(visit, overlaid(view, typed.values, typed.because), error=error, status=status)


async def _reread_again(visit: Visit, code: str, error: GatewayError) -> Response:
    view = await visit.hall.forms.show(code, actor=visit.actor)
    status = HTTPStatus.CONFLICT if isinstance(error, ChangedMeanwhile) else HTTPStatus.UNPROCESSABLE_ENTITY
    if isinstance(error, FicheInvalid) or not view.complete:
        return await _page(visit, view, faults=True, error=error, status=status)
    return await visit.page("reread.html", status=status, view=view, error=error)


async def _page(
    visit: Visit,
    view: FormView,
    *,
    faults: bool = False,
    refused: dict[str, str] | None = None,
    error: GatewayError | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    place = f"/demandes/{view.code}" if view.code else visit.request.url.path
    shown = {"place": place, "faults": faults, "refused": refused or {}, "error": error}
    return await visit.page("form.html", status=status, view=view, **shown)


def _next(kept: Kept, form: FormData) -> str:
    """Where a kept form leads: to itself, to what is wrong with a file, or to the re-reading."""
    refused = "~".join(f"{role}.{code}" for role, code in kept.refused.items())
    if refused:
        return f"/demandes/{kept.code}?" + urlencode({"refus": refused})
    return f"/demandes/{kept.code}" + ("/relire" if form.get("suite") == "relire" else "")


def _refused(told: str) -> dict[str, str]:
    """Which files were not kept, by their place; only words of ours are shown."""
    pairs = [item.rpartition(".") for item in told.split("~") if item]
    return {role: REFUSED[code] for role, _, code in pairs if code in REFUSED}


def _led(place: str) -> Response:
    return RedirectResponse(place, status_code=HTTPStatus.SEE_OTHER)
