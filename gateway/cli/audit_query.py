"""``gateway audit query``: questions about the audit log, in one page, page by page, or as it grows."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.moments import bound
from gateway.cli.output import echo_json
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, keeper, storable, with_base
from gateway.services.shapes.log import records_csv, records_json
from gateway.storage import AuditEntry, Question

LOOK_SECONDS = 1.0


def query(
    config: ConfigOption = DEFAULT_CONFIG,
    case: Annotated[str | None, typer.Option(help="Dossier.")] = None,
    request: Annotated[str | None, typer.Option(help="Empreinte de la demande.")] = None,
    message: Annotated[str | None, typer.Option(help="Numéro du message, ou mail-N pour un courrier.")] = None,
    event: Annotated[
        str | None, typer.Option(help="Événement, par exemple request.submitted ; « alarm.* » pour une famille.")
    ] = None,
    partner: Annotated[str | None, typer.Option(help="Partenaire.")] = None,
    actor: Annotated[str | None, typer.Option(help="Auteur.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Résultat.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Depuis ce jour (AAAA-MM-JJ, à Paris) ou cet instant, compris.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Jusqu'à ce jour compris, ou cet instant exclu.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Les plus récents d'abord.")] = False,
    after: Annotated[int, typer.Option(help="Page suivante : après cet enregistrement.", callback=storable)] = -1,
    before: Annotated[
        int | None, typer.Option(help="Page suivante avec --newest : avant cet enregistrement.", callback=storable)
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Nombre d'enregistrements.", min=1, callback=storable)] = None,
    count: Annotated[bool, typer.Option("--count", help="Seulement les compter.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Continuer à montrer ceux qui s'ajoutent.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Écrire du CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Chercher dans le journal. Cette lecture y est elle-même inscrite."""
    told = {
        "case": case,
        "request": request,
        "message": message,
        "partner": partner,
        "actor": actor,
        "outcome": outcome,
    }
    begins = event[:-1] if event is not None and event.endswith("*") else None
    if event is not None and begins is None:
        told["event"] = event
    question = Question(
        equal={name: value for name, value in told.items() if value is not None},
        begins=begins,
        since=bound(since),
        until=bound(until, whole_day=True),
        after=after,
        before=before,
        newest=newest,
        limit=limit,
    )
    if follow and (newest or count):
        raise typer.BadParameter(_("ne va ni avec --newest ni avec --count"), param_hint="--follow")
    show = _csv if as_csv else _json_lines if as_json and follow else _json if as_json else _lines
    with_base(config, lambda base: _answer(base, question, show, counted=count, follow=follow))


async def _answer(base: Any, question: Question, show: Any, *, counted: bool, follow: bool) -> None:
    from gateway.services.questions import Questions

    conf = base.settings
    questions = Questions(store=base.store, party=conf.party, readership=conf.readership, recorded=not base.rehearsal)
    who = keeper(conf)
    if counted:
        typer.echo(str(await questions.count(question, actor=who)))
        return
    found = await questions.ask(question, actor=who)
    show(found, first=True, more=follow)
    while follow:
        question = replace(question, after=found[-1].index if found else question.after, limit=None)
        await asyncio.sleep(LOOK_SECONDS)
        found = await questions.since(question, actor=who)
        if found:
            show(found, first=False, more=True)


def _lines(found: Sequence[AuditEntry], *, first: bool, more: bool) -> None:
    if first and not more and not found:
        typer.echo(_("Aucun enregistrement."))
    for record in records_json(found):
        if record.get("purged_by") is not None:
            erased = _("(effacé après son temps ; voir l'enregistrement {index})").format(index=record["purged_by"])
            typer.echo(f"{record['index']:>6}  {record['at']}  {erased}")
            continue
        known = [str(record[name]) for name in ("case", "partner", "message", "outcome") if record[name]]
        line = f"{record['index']:>6}  {record['at']}  {record['event']:<32} {record['actor']:<12} {' '.join(known)}"
        typer.echo(f"{line.rstrip()}{_told(record['event'])}")


def _told(event: str) -> str:
    """The words of its code, at the end of the line."""
    from gateway.services.log_words import what

    told = what(event)
    return "" if told is None else f"  ({told.told(_)})"


def _json(found: Sequence[AuditEntry], *, first: bool, more: bool) -> None:
    del first, more
    echo_json(records_json(found))


def _json_lines(found: Sequence[AuditEntry], *, first: bool, more: bool) -> None:
    del first, more
    for record in records_json(found):
        typer.echo(json.dumps(record, ensure_ascii=False))


def _csv(found: Sequence[AuditEntry], *, first: bool, more: bool) -> None:
    del more
    typer.echo(records_csv(found, headed=first), nl=False)
