"""Where an exchange happens: its case and request, and what the texts say against it, before anything is written.

The desk asks it before each act, and a form that is still being filled asks the same, so that both say the same.
"""

from dataclasses import dataclass

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.case import token
from gateway.domain.errors import FicheInvalid, IllegalTransition, PreconditionMissing, RequestTooLate
from gateway.domain.guards import GUARDED, Known, guard
from gateway.domain.kinds import EXTENSION_REQUEST, EXTENSION_REQUEST_VITAL, Subject, parse_date
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.rights import Right
from gateway.domain.tacit import end_of_day_in_paris
from gateway.domain.words import Said, dated, listed, said
from gateway.ports import Clock, Noise
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, open_request
from gateway.services.casework import Casework
from gateway.services.compose import Draft
from gateway.services.fiche import Fiche
from gateway.storage import Case, Message, Request, VaultKey, View

MOTIVE = "motive"
"""The field of an answer that says why, medically."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an exchange happens: the case with its key, whether it is new, and the requests that it concerns."""

    case: Case
    key: VaultKey
    opens: bool
    request: Request | None = None
    replaced: Request | None = None
    answers_to: str | None = None


class Placing:
    """Finds it."""

    def __init__(
        self, *, cabinet: Cabinet, casework: Casework, clock: Clock, noise: Noise, party: Party, directory: Directory
    ) -> None:
        self._cabinet = cabinet
        self._casework = casework
        self._clock = clock
        self._noise = noise
        self._party = party
        self._directory = directory

    def in_time(self, fiche: Fiche) -> None:
        """K2: a request comes before the authorisation ends; a person may insist, and says why.

        Raises:
            RequestTooLate.
        """
        if fiche.kind.subject is not Subject.REQUEST or fiche.because:
            return
        end = parse_date(fiche.values.get("authorised_until", ""))
        if end is not None and self._clock.now() >= end_of_day_in_paris(end):
            raise RequestTooLate(end=dated(end))

    async def place(self, view: View, fiche: Fiche) -> Place:
        """The case of a fiche, and the request that it is about.

        Raises:
            Unknown: no such case. NotAllowed: none of its requests, or several. FicheInvalid: a case must be named.
        """
        kind = fiche.kind
        if fiche.ref is None:
            event = kind.outcome.case
            if event is None or event not in stay.OPENINGS:
                fault = said("dossier : manque (le numéro du dossier, par exemple 7F3K-Q2)")
                raise FicheInvalid(path=fiche.path, faults=listed([fault]))
            case, key = self._casework.new(
                ref=token(self._noise(6)), hospital=self.hospital(fiche), event=event, values=fiche.values
            )
            return Place(case=case, key=key, opens=True)
        case = await find_case(view, self._party.site, fiche.ref)
        key = await self._cabinet.case_key(view, case)
        if kind.subject is Subject.CASE:
            return Place(case=case, key=key, opens=False)
        if kind.subject is Subject.REQUEST:
            return Place(case=case, key=key, opens=False, replaced=await self._replaced(view, case, fiche))
        request = await open_request(view, case, fiche.request, or_settled=kind.subject is Subject.EXCHANGE)
        asked = await view.one(
            Message,
            site=self._party.site,
            request_hash=request.hash,
            kind=(EXTENSION_REQUEST.id, EXTENSION_REQUEST_VITAL.id),
        )
        answers_to = asked.message_id if asked else None
        return Place(case=case, key=key, opens=False, request=request, answers_to=answers_to)

    async def _replaced(self, view: View, case: Case, fiche: Fiche) -> Request | None:
        named = fiche.values.get("supersedes", "")
        return await open_request(view, case, named) if named else None

    def hospital(self, fiche: Fiche) -> str:
        """Whose case is opened: ours, or at the CNAS the hospital that the fiche names.

        Raises:
            FicheInvalid: it names none of several.
        """
        if self._party.role is Role.HOSPITAL:
            return self._party.id
        hospitals = [partner.id for partner in self._directory.with_role(Role.HOSPITAL)]
        if fiche.hospital in hospitals:
            return fiche.hospital
        if fiche.hospital is None and len(hospitals) == 1:
            return hospitals[0]
        fault = said("hopital : attendu {choices}", choices=", ".join(hospitals))
        raise FicheInvalid(path=fiche.path, faults=listed([fault]))

    async def warning(self, view: View, fiche: Fiche, place: Place) -> Said | None:
        """What a rule of the texts says against it now."""
        if fiche.kind.id not in GUARDED:
            return None
        known = Known(facts={}) if place.opens else await self._casework.known(view, place.case, place.request)
        return guard(fiche.kind.id, fiche.values, known)

    async def guarded(self, view: View, fiche: Fiche, place: Place) -> None:
        """The same, unless a person insists.

        Raises:
            PreconditionMissing.
        """
        reason = None if fiche.because else await self.warning(view, fiche, place)
        if reason is not None:
            raise PreconditionMissing(act=said(fiche.kind.title), reason=reason)


def needed(party: Party, fiche: Fiche) -> Right:
    """The right to send it: at the CNAS, the motive of a refusal is its medical adviser's to give."""
    return Right.MOTIVE if party.role is Role.CNAS and fiche.values.get(MOTIVE) else Right.SEND


def foreseen(fiche: Fiche, place: Place) -> None:
    """What the table forbids is refused before anything is sealed; the commit looks again.

    Raises:
        IllegalTransition.
    """
    event = fiche.kind.outcome_of(fiche.values).case
    if event is not None and not place.opens:
        stay.step(place.case.state, event)
    asked = fiche.kind.outcome_of(fiche.values).request
    if asked is not None and place.request is not None and (place.request.state, asked) not in life.TRANSITIONS:
        raise IllegalTransition(table=said("demande"), state=place.request.state, event=asked)


def draft_of(fiche: Fiche, place: Place) -> Draft:
    """What the mail shall say."""
    values = dict(fiche.values)
    if place.replaced is not None:
        values["supersedes"] = place.replaced.hash
    return Draft(
        kind=fiche.kind,
        ref=place.case.ref,
        hospital=place.case.hospital,
        values=values,
        attachments=fiche.attachments,
        request_hash=place.request.hash if place.request else None,
        in_reply_to=place.answers_to,
    )
