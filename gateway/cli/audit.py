"""Commands on the audit log."""

from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.audit_purge import purge
from gateway.cli.audit_query import query
from gateway.cli.output import echo_json, instant
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, with_base
from gateway.domain.words import french
from gateway.storage import Way

WAYS = {Way.FILE: french("fichier"), Way.TIMESTAMP: french("horodatage"), Way.MAIL: french("courrier")}

app = typer.Typer(
    help="Le journal d'audit : chercher, vérifier, effacer après le temps de conservation.",
    no_args_is_help=True,
    cls=Contents,
)


app.command("query")(query)
app.command("purge")(purge)


@app.command("verify")
def verify(
    config: ConfigOption = DEFAULT_CONFIG,
    anchors: Annotated[
        Path | None,
        typer.Option(
            help="Ancres gardées au-dehors : copie du fichier, ou courriers ; par défaut, le fichier configuré."
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="Clé de vérification notée au-dehors (gateway audit key) ; par défaut, la nôtre. Après un changement "
            "de clé, donnez l'option pour chacune."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Vérifier tout le journal, ses points de contrôle et ses ancres. Code de sortie 7 s'il est altéré."""
    from gateway import vouching
    from gateway.domain.checkpoint import VerifierKey

    keys = [VerifierKey.parse(each) for each in key or ()]

    async def check(base: Any) -> Any:
        outside, torn = vouching.written(base.settings, anchors)
        found = await vouching.auditor(base.settings, base.store, keys).verify(outside)
        return found, len(outside.notes), torn

    found, written, torn = with_base(config, check)
    if as_json:
        echo_json({"verified": True, **_facts(found), "written": written, "torn_lines": torn})
        return
    for line in _lines(found, written, torn):
        typer.echo(line)


def _lines(found: Any, written: int, torn: int) -> Iterator[str]:
    size, root = found.head.size, found.head.root.hex()
    yield _("Journal intact : {size} enregistrements, racine {root}.").format(size=size, root=root)
    if found.purged:
        yield _("Effacés après leur temps : {count} ; il en reste l'empreinte.").format(count=found.purged)
    if found.unread:
        unread = _("Points de contrôle : {count}, que personne n'a vérifiés, faute de clé (--key).")
        yield unread.format(count=found.unread)
        return
    if found.signed is None:
        yield _("Aucun point de contrôle signé.")
        return
    signed = _("Points de contrôle signés : {points}, le dernier à {size} enregistrements, {at}.")
    yield signed.format(points=found.points, size=found.signed.size, at=instant(found.signed.at))
    yield from _outside(found)
    if written:
        yield _("Ancres relues : {count}, toutes confirmées.").format(count=written)
    if torn:
        yield _("Fichier d'ancres : {count} lignes ne sont d'aucun point de contrôle.").format(count=torn)
    if found.owed:
        owed = _("En attente d'ancrage, depuis {at} : {ways}.")
        ways = ", ".join(f"{_(WAYS[way])} {count}" for way, count in found.owed.items())
        yield owed.format(ways=ways, at=instant(found.owed_since))
    if found.exposed:
        exposed = _("Exposés : {count} enregistrements depuis {at}, que cette machine est seule à garantir.")
        yield exposed.format(count=found.exposed, at=instant(found.exposed_since))


def _outside(found: Any) -> Iterator[str]:
    for way, point in found.outside.items():
        yield _("Au-dehors, {way} : jusqu'à {size} enregistrements.").format(way=_(WAYS[way]), size=point.size)
    if Way.MAIL in found.outside:
        yield _("Ces courriers sont partis selon cette base : pour le prouver, relisez-les avec --anchors.")


def _facts(found: Any) -> dict[str, Any]:
    return {
        "size": found.head.size,
        "root": found.head.root.hex(),
        "purged": found.purged,
        "checkpoints": found.points,
        "checkpoints_unread": found.unread,
        "signed": found.signed.size if found.signed else 0,
        "outside": {way.value: point.size for way, point in found.outside.items()},
        "owed": sum(found.owed.values()),
        "owed_ways": {way.value: count for way, count in found.owed.items()},
        "exposed": found.exposed,
        "exposed_since": found.exposed_since,
    }


@app.command("key")
def key(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Montrer la clé qui vérifie les points de contrôle, à remettre à l'auditeur par une autre voie."""
    from gateway import vouching
    from gateway.cli.session import settings

    found = vouching.log_key(settings(config))
    if found is None:
        typer.echo(_("La configuration n'a pas de section [audit] : aucun point de contrôle n'est signé."), err=True)
        raise typer.Exit(2)
    typer.echo(str(found.verifier))
