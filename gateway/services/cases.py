"""Finds a case by the reference that a person types, the open request that an act is about, and what is unfinished."""

from gateway.domain import request as life
from gateway.domain.case import parse_token
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.words import Said, said
from gateway.services.challenged import is_contested
from gateway.storage import Case, Request, View


async def find_case(view: View, site: str, ref: str) -> Case:
    """The case of this reference.

    Raises:
        Unknown: there is none. NotAllowed: two hospitals use the same reference.
    """
    found = await view.all(Case, site=site, ref=parse_token(ref))
    if not found:
        raise Unknown(kind=said("dossier"), ref=ref)
    if len(found) > 1:
        raise NotAllowed(
            act=said("ouvrir {ref}", ref=ref), reason=said("Deux hôpitaux ont ce numéro ; contactez l'administrateur.")
        )
    return found[0]


async def open_request(view: View, case: Case, request_hash: str | None, *, or_settled: bool = False) -> Request:
    """The open request of a case, or the one whose hash begins so; ``or_settled``: the newest when none is open.

    Raises:
        NotAllowed: none is open, or several are and none is named.
    """
    rows = await view.all(Request, site=case.site, case_id=case.id)
    if request_hash is not None:
        rows = tuple(row for row in rows if row.hash.startswith(request_hash.lower()))
    still_open = [row for row in rows if row.state in life.OPEN] or list(rows if request_hash else ())
    if or_settled and not still_open:
        still_open = list(rows[-1:])
    if not still_open:
        raise NotAllowed(
            act=said("agir sur le dossier {ref}", ref=case.ref), reason=said("Aucune demande n'y est ouverte.")
        )
    if len(still_open) > 1:
        hashes = ", ".join(row.hash[:12] for row in still_open)
        reason = said("Précisez la demande avec --request : {hashes}.", hashes=hashes)
        raise NotAllowed(act=said("agir sur le dossier {ref}", ref=case.ref), reason=reason)
    return still_open[0]


async def unfinished(view: View, case: Case) -> Said | None:
    """Why a case cannot be closed yet, None when it can."""
    rows = await view.all(Request, site=case.site, case_id=case.id)
    if any(row.state in life.OPEN or row.state in life.DISCUSSING for row in rows):
        return said("Une demande ou un désaccord y est encore ouvert.")
    for row in rows:
        if await is_contested(view, row):
            return said("Une acceptation réputée acquise y est mise en cause : gateway challenge list.")
    return None
