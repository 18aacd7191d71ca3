"""Commands on the audit log."""

import json
from gettext import gettext as _
from typing import Annotated

import typer

from gateway.cli.output import echo_json
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, storable, with_archive, with_base

app = typer.Typer(help="Le journal d'audit : chercher, vérifier.", no_args_is_help=True, cls=Contents)


@app.command("query")
def query(
    config: ConfigOption = DEFAULT_CONFIG,
    case: Annotated[str | None, typer.Option(help="Dossier.")] = None,
    request: Annotated[str | None, typer.Option(help="Empreinte de la demande.")] = None,
    event: Annotated[str | None, typer.Option(help="Événement, par exemple request.submitted.")] = None,
    partner: Annotated[str | None, typer.Option(help="Partenaire.")] = None,
    actor: Annotated[str | None, typer.Option(help="Auteur.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Résultat.")] = None,
    after: Annotated[int, typer.Option(help="À partir de l'enregistrement suivant.", callback=storable)] = -1,
    limit: Annotated[int | None, typer.Option(help="Nombre d'enregistrements.", callback=storable)] = None,
    as_json: JsonOption = False,
) -> None:
    """Chercher dans le journal."""
    told = {"case": case, "request": request, "event": event, "partner": partner, "actor": actor, "outcome": outcome}
    equal = {name: value for name, value in told.items() if value is not None}

    async def find(base: object) -> tuple[object, ...]:
        async with base.store.view() as view:  # type: ignore[attr-defined]  # the base of gateway.app
            return tuple(await view.entries(after=after, limit=limit, **equal))

    records = [json.loads(entry.canonical) for entry in with_base(config, find)]  # type: ignore[attr-defined]
    if as_json:
        echo_json(records)
        return
    if not records:
        typer.echo(_("Aucun enregistrement."))
    for record in records:
        known = [str(record[name]) for name in ("case", "partner", "message", "outcome") if record[name]]
        typer.echo(
            f"{record['index']:>6}  {record['at']}  {record['event']:<32} {record['actor']:<12} {' '.join(known)}"
        )


@app.command("verify")
def verify(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Vérifier tout le journal. Code de sortie 7 s'il est altéré."""
    found = with_archive(config, lambda archive: archive.verify_audit())
    size, root = found.frontier.size, found.frontier.root().hex()
    if as_json:
        echo_json({"verified": True, "size": size, "root": root})
        return
    typer.echo(_("Journal intact : {size} enregistrements, racine {root}.").format(size=size, root=root))
