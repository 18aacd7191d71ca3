"""How cases are listed: a hospital sees what is to be done, the CNAS its nearest ends, the CNSE what it follows."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from gettext import gettext as _
from typing import Any

import typer

from gateway.cli.output import day, end, table
from gateway.cli.todo import brief
from gateway.domain.labels import STATES
from gateway.domain.parties import Role
from gateway.domain.request import OPEN
from gateway.services.terms import CASE_STATES

_FAR = datetime.max.replace(tzinfo=UTC)


def show_cases(found: Sequence[Any], role: Role) -> None:
    """The listing that fits a role."""
    _LISTINGS[role](found, role)


def _at_hospital(found: Sequence[Any], role: Role) -> None:
    headings = (_("Dossier"), _("Demande"), _("Fin du délai"), _("Empreinte"), _("À faire"))
    rows = [
        (
            view.case.ref,
            *_request(view, item),
            _end(item),
            item.request.hash[:12] if item else "–",
            _todo(view, item, role),
        )
        for view, item in _pairs(found)
    ]
    table(headings, rows, empty=_("Aucun dossier."))


def _at_cnas(found: Sequence[Any], role: Role) -> None:
    """What is to be answered, the nearest end first; then the rest."""
    headings = (_("Dossier"), _("Hôpital"), _("Fin du délai"), _("Demandé"), _("État"), _("À faire"))
    pairs = sorted(_pairs(found), key=lambda pair: _nearest(pair[1]))
    rows = [
        (view.case.ref, view.case.hospital, _end(item), _asked(item), *_request(view, item), _todo(view, item, role))
        for view, item in pairs
    ]
    table(headings, rows, empty=_("Aucun dossier."))
    if any(item is not None and item.request.state in OPEN for _view, item in pairs):
        typer.echo("")
        typer.echo(
            _("Répondre : gateway answer DOSSIER --accept, --partial ou --refuse (commandes entières : gateway todo).")
        )
        typer.echo(_("Poser une question, qui n'arrête pas le délai : gateway fiche INFO_REQUEST."))


def _at_cnse(found: Sequence[Any], role: Role) -> None:
    """Every case that it is copied on, with the clock that the hospital tells."""
    headings = (_("Dossier"), _("Hôpital"), _("Demande"), _("Fin du délai"), _("Copies oubliées"), _("À faire"))
    rows = [
        (view.case.ref, view.case.hospital, *_request(view, item), _end(item), _copies(view), _todo(view, item, role))
        for view, item in _pairs(found)
    ]
    table(headings, rows, empty=_("Aucun dossier."))


_LISTINGS: dict[Role, Callable[[Sequence[Any], Role], None]] = {
    Role.HOSPITAL: _at_hospital,
    Role.CNAS: _at_cnas,
    Role.CNSE: _at_cnse,
}


def _pairs(found: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Each request with its case; a case without any stands alone."""
    for view in found:
        for item in view.requests or (None,):
            yield view, item


def _request(view: Any, item: Any) -> tuple[str]:
    return (_(STATES[item.request.state]) if item else _(CASE_STATES[view.case.state]),)


def _end(item: Any) -> str:
    return end(item.request.nominal_at) if item else "–"


def _nearest(item: Any) -> tuple[bool, datetime]:
    waits = item is not None and item.request.state in OPEN
    return not waits, (item.request.nominal_at if item else None) or _FAR


def _asked(item: Any) -> str:
    if item is None:
        return "–"
    request = item.request
    what = _("prolongation") if request.nature == "prolongation" else _("modification")
    dates = _("{what} du {first} au {last}")
    return dates.format(what=what, first=day(request.requested_from), last=day(request.requested_until))


def _copies(view: Any) -> str:
    if not view.owed_copies:
        return "–"
    left = sum(row.settled_at is None for row in view.owed_copies)
    return _("{count}, dont {left} à envoyer").format(count=len(view.owed_copies), left=left)


def _todo(view: Any, item: Any, role: Role) -> str:
    """What this request asks for; what the case asks for stands with its first request."""
    first = item is None or item is view.requests[0]
    hash_ = item.request.hash if item else None
    return brief([duty for duty in view.duties if duty.request == hash_ or (first and duty.request is None)], role)
