"""Where a duty is done: for each code of a duty, the page that does it and the words on its button.

A duty that this person may not do has no button: what is forbidden is absent. The first button is the main one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.duties import Duty
from gateway.domain.rights import Right
from gateway.domain.words import french
from gateway.services.rights import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A way to do something."""

    words: str
    place: str


Place = Callable[[Duty, str | None], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    words: str
    right: Right | None
    place: Place


def _case(duty: Duty, ref: str | None) -> str:  # noqa: ARG001  one shape for all
    return f"/dossiers/{ref}"


def _clock(duty: Duty, ref: str | None) -> str:
    return f"/dossiers/{ref}/delai/{duty.request}" if duty.request else f"/dossiers/{ref}"


def _mail(duty: Duty, ref: str | None) -> str:  # noqa: ARG001  one shape for all
    return f"/courrier/{duty.commands[0].rpartition(' ')[2]}"


def _send(kind: str) -> Place:
    return lambda duty, ref: f"/dossiers/{ref}/envoyer/{kind}" + (f"?demande={duty.request}" if duty.request else "")


def _note(kind: str) -> Place:
    return lambda duty, ref: f"/dossiers/{ref}/noter/{kind}" + (f"?demande={duty.request}" if duty.request else "")


def _proof(duty: Duty, ref: str | None) -> str:
    return f"/dossiers/{ref}/preuves?demande={duty.request}"


_SEE = _Way(words=french("Voir le dossier"), right=None, place=_case)
_WAYS: dict[str, tuple[_Way, ...]] = {
    "receipt_missing": (
        _Way(words=french("Renvoyer le même message"), right=Right.SEND, place=_case),
        _Way(words=french("J'ai une preuve"), right=Right.PROVE, place=_proof),
    ),
    "mail_to_sort": (_Way(words=french("Trier ce courrier"), right=Right.SORT, place=_mail),),
    "acceptance_contested": (_Way(words=french("Trancher"), right=Right.PROVE, place=_clock),),
    "answer_disputed": (_Way(words=french("Départager"), right=Right.PROVE, place=_clock),),
    "silence_to_confirm": (_Way(words=french("Voir ce qui manque"), right=None, place=_clock),),
    "request_to_answer": (_Way(words=french("Répondre"), right=Right.SEND, place=_clock),),
    "question_to_answer": (
        _Way(words=french("Répondre"), right=Right.SEND, place=_send("INFO_RESPONSE")),
        _Way(words=french("Voir le délai"), right=None, place=_clock),
    ),
    "repatriation_to_ask": (
        _Way(words=french("Demander le rapatriement"), right=Right.SEND, place=_send("REPATRIATION_REQUEST")),
    ),
    "authorisation_ends": (
        _Way(words=french("Préparer la demande"), right=Right.SEND, place=_send("EXTENSION_REQUEST")),
        _Way(words=french("Noter la sortie"), right=Right.SEND, place=_note("DISCHARGE")),
    ),
    "form_to_cpam": (_Way(words=french("Relire et envoyer"), right=Right.SEND, place=_send("EXTENSION_TO_CPAM")),),
    "rights_to_note": (_Way(words=french("Le noter"), right=Right.SEND, place=_note("RIGHTS_EXTENDED")),),
    "rights_to_check": (_Way(words=french("Le noter"), right=Right.SEND, place=_note("RIGHTS_EXTENDED")),),
    "certificate_to_cpam": (
        _Way(words=french("Envoyer à la CPAM"), right=Right.SEND, place=_send("ENTITLEMENT_TO_CPAM")),
    ),
    "care_to_answer": (_Way(words=french("Répondre"), right=Right.SEND, place=_send("CARE_ACCEPTANCE_WITH_QUOTE")),),
    "reports_to_send": (
        _Way(words=french("Envoyer un compte rendu"), right=Right.SEND, place=_send("MEDICAL_REPORT")),
    ),
}


def buttons(duty: Duty, ref: str | None, actor: Actor) -> tuple[Button, ...]:
    """What this person can press."""
    ways = _WAYS.get(duty.code, (_SEE,) if ref is not None else ())
    allowed = [way for way in ways if way.right is None or actor.may(way.right)]
    if not allowed and ref is not None:
        allowed = [_SEE]
    return tuple(Button(words=way.words, place=way.place(duty, ref)) for way in allowed)
