"""What is answered when something is wrong: problem details (RFC 9457), never with a value that was sent.

Each kind has a name, under which the documentation that this server gives explains it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import JSONResponse, Response

from gateway.domain.errors import (
    AlreadyThere,
    FicheInvalid,
    GatewayError,
    IllegalTransition,
    MailTooLarge,
    NoCorrespondent,
    NotAllowed,
    PreconditionMissing,
    RequestTooLate,
    Stale,
    Unknown,
)
from gateway.domain.fault import Fault as Whose
from gateway.domain.words import Listed, Said, Translator, french, said
from gateway.web.api.faults import Fault, by_place

DOCS = "/api/v1/docs"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of problem; ``mend`` is for the documentation, which is French."""

    status: int
    title: str
    mend: str


KINDS: Mapping[str, Kind] = {
    "malformed": Kind(
        status=400,
        title=french("Le corps de la demande n'est pas lisible."),
        mend="Envoyez du JSON en UTF-8, sans clé double, ou un formulaire multipart bien formé.",
    ),
    "key-missing": Kind(
        status=400,
        title=french("L'en-tête Idempotency-Key manque ou ne convient pas."),
        mend="Donnez à chaque POST une clé nouvelle, de 8 à 200 caractères ASCII visibles (un UUID).",
    ),
    "no-token": Kind(
        status=401,
        title=french("Le jeton manque, n'existe pas ou ne vaut plus."),
        mend="Envoyez « Authorization: Bearer … » ; un administrateur crée le jeton (gateway tokens).",
    ),
    "scope": Kind(
        status=403,
        title=french("Ce jeton n'a pas la portée qu'il faut."),
        mend="La portée de chaque opération est écrite ci-dessous ; un administrateur la donne.",
    ),
    "absent": Kind(
        status=404,
        title=french("Rien n'a cette référence, ou elle n'est pas à vous."),
        mend="Relisez la liste dont vient la référence.",
    ),
    "method": Kind(
        status=405,
        title=french("Cette adresse ne connaît pas cette méthode."),
        mend="Rien ne s'efface ici : une correction nomme ce qu'elle corrige.",
    ),
    "refused": Kind(
        status=409,
        title=french("L'acte est refusé dans l'état présent."),
        mend="« detail » dit pourquoi. Relisez le dossier.",
    ),
    "illegal-event": Kind(
        status=409,
        title=french("Cela ne peut pas arriver maintenant."),
        mend="L'état du dossier ou de la demande ne le permet pas ; relisez-le.",
    ),
    "warned": Kind(
        status=409,
        title=french("Une règle des textes déconseille cet acte maintenant."),
        mend="S'il doit avoir lieu, dites pourquoi dans « because » : la raison est gardée.",
    ),
    "being-done": Kind(
        status=409,
        title=french("Cet acte est en cours ou déjà enregistré sous cette clé ; sa réponse n'est pas connue."),
        mend="Redemandez après Retry-After. Si cela dure, l'acte est fait : relisez le dossier.",
    ),
    "stale": Kind(
        status=412,
        title=french("Ce que vous avez lu a changé depuis."),
        mend="Relisez la ressource, puis recommencez avec son nouvel ETag.",
    ),
    "too-large": Kind(
        status=413,
        title=french("La demande est trop grande."),
        mend="1 Mo de JSON au plus ; avec les pièces, 88 Mo et ce que le partenaire accepte.",
    ),
    "content-type": Kind(
        status=415,
        title=french("Le type de contenu n'est pas celui qu'il faut."),
        mend="L'opération dit lequel : application/json ou multipart/form-data.",
    ),
    "host": Kind(
        status=421,
        title=french("Ce serveur n'a pas ce nom."),
        mend="Utilisez l'adresse de la console ([web] address).",
    ),
    "invalid": Kind(
        status=422,
        title=french("La demande a des défauts ; les voici tous."),
        mend="« errors » donne l'endroit (RFC 6901) et ce qui est attendu.",
    ),
    "key-reused": Kind(
        status=422,
        title=french("Cette clé a servi pour une autre demande."),
        mend="Prenez une clé nouvelle pour chaque acte nouveau.",
    ),
    "too-many": Kind(
        status=429,
        title=french("Trop de demandes de ce jeton."),
        mend="Attendez le nombre de secondes de Retry-After.",
    ),
    "failed": Kind(
        status=500,
        title=french("La passerelle s'est trompée ; rien n'est fait à moitié."),
        mend="Donnez le numéro « request » à l'administrateur : il est dans ses journaux techniques.",
    ),
    "unavailable": Kind(
        status=503,
        title=french("La passerelle ne peut pas le faire en ce moment ; rien n'est fait."),
        mend="Redemandez plus tard, avec la même clé.",
    ),
}

BY_STATUS = {
    400: "malformed",
    401: "no-token",
    403: "scope",
    404: "absent",
    405: "method",
    413: "too-large",
    415: "content-type",
    421: "host",
    422: "invalid",
    503: "unavailable",
}
"""What a status alone means."""


@dataclass
class Problem(Exception):
    """One of them, on its way to the asker."""

    kind: str
    detail: Said | Listed | str | None = None
    errors: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def invalid(*faults: Fault) -> Problem:
    """The request has these faults."""
    return Problem("invalid", errors=faults)


def of_error(error: GatewayError) -> Problem:
    """What an error of the services is to the asker."""
    if isinstance(error, FicheInvalid):
        return Problem("invalid", errors=tuple(by_place(error.fields["faults"])))
    for leaf, kind in _LEAVES.items():
        if isinstance(error, leaf):
            reason = error.fields.get("reason")
            told = reason if isinstance(reason, Said | Listed) else said(error.why) if leaf in _TOLD else None
            return Problem(kind, detail=told)
    if error.retry or error.fault is not Whose.OURS:
        return Problem("unavailable", headers={"Retry-After": "60"})
    return Problem("failed")


_LEAVES: Mapping[type[GatewayError], str] = {
    Unknown: "absent",
    Stale: "stale",
    MailTooLarge: "too-large",
    PreconditionMissing: "warned",
    RequestTooLate: "warned",
    NotAllowed: "refused",
    IllegalTransition: "illegal-event",
    NoCorrespondent: "refused",
    AlreadyThere: "refused",
}
_TOLD = frozenset({MailTooLarge, RequestTooLate, NoCorrespondent})
"""Those whose reason is always the same sentence."""


def answer(problem: Problem, *, translate: Translator, request_id: str, sent: Iterable[str] = ()) -> Response:
    """The problem as it leaves; what was ``sent`` does not come back in it."""
    kind = KINDS[problem.kind]
    hidden = frozenset(value.strip().casefold() for value in sent if value.strip())
    body: dict[str, Any] = {
        "type": f"{DOCS}#{problem.kind}",
        "title": translate(kind.title),
        "status": kind.status,
        "request": request_id,
    }
    if problem.detail is not None:
        body["detail"] = _told(problem.detail, translate, hidden)
    if problem.errors:
        body["errors"] = [
            {"in": fault.place, "pointer": fault.pointer, "expected": _told(fault.expected, translate, hidden)}
            for fault in problem.errors
        ]
    headers = {**problem.headers, **({"WWW-Authenticate": "Bearer"} if kind.status == 401 else {})}  # noqa: PLR2004
    return JSONResponse(body, status_code=kind.status, media_type=MEDIA_TYPE, headers=headers)


def _told(words: Said | Listed | str, translate: Translator, hidden: frozenset[str]) -> str:
    """A sentence without what the asker sent: its values are ours, or left out."""
    match words:
        case Listed():
            return " ; ".join(_told(item, translate, hidden) for item in words.items)
        case Said():
            values = {name: _veiled(value, translate, hidden) for name, value in words.values}
            return Said(words.template, tuple(values.items())).told(translate)
        case _:
            return str(_veiled(words, translate, hidden))


def _veiled(value: object, translate: Translator, hidden: frozenset[str]) -> object:
    if isinstance(value, Said | Listed):
        return _told(value, translate, hidden)
    if isinstance(value, str) and any(each.startswith(value.strip().casefold()) for each in hidden):
        return "…"
    return value
