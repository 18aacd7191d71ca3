"""Back up, and put a backup back."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import echo_json, instant
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings, with_base


def backup(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Dossier où écrire la sauvegarde, sur un autre disque.",
            exists=True,
            file_okay=False,
            writable=True,
        ),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Sauvegarder base et coffre en un fichier scellé, service en marche. La clé maîtresse n'y est pas."""
    from gateway import backups

    made = with_base(config, lambda base: backups.make(base, folder))
    if as_json:
        facts = {"bytes": made.bytes, "audit_size": made.records, "files": made.files, "absent": made.absent}
        echo_json({"backup": str(made.path), **facts})
        return
    typer.echo(_("Sauvegarde écrite : {path} ({size} octets).").format(path=made.path, size=made.bytes))
    told = _("{records} enregistrements du journal, qui se vérifie ; {files} fichiers du coffre.")
    typer.echo(told.format(records=made.records, files=made.files))
    if made.absent:
        typer.echo(
            _("Attention, fichiers du coffre qui manquent sur cette machine : {count}.").format(count=made.absent)
        )


def restore(
    file: Annotated[Path, typer.Argument(help="La sauvegarde.", exists=True, dir_okay=False, readable=True)],
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="Accepter la perte d'enregistrements que des ancres attestent."),
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Remettre une sauvegarde en place, service arrêté, là où il n'y a plus de base. L'acte est inscrit au journal."""
    import asyncio
    import os

    from gateway import backups
    from gateway.adapters.clock import SystemClock

    os.umask(0o077)
    conf = settings(config)
    work = backups.restore(conf, file, clock=SystemClock(), actor=person(conf), accept_loss=accept_loss)
    done = asyncio.run(work)
    if as_json:
        facts = {"audit_size": done.records, "files": done.files, "lost": done.lost, "doubtful": done.doubtful}
        echo_json({"made_at": done.made_at, **facts, "aside": [str(path) for path in done.aside]})
        return
    told = _("Sauvegarde du {at} remise en place : {records} enregistrements du journal, {files} fichiers du coffre.")
    typer.echo(told.format(at=instant(done.made_at), records=done.records, files=done.files))
    if done.lost:
        typer.echo(_("Perdus : {count} enregistrements attestés au-dehors.").format(count=done.lost))
    for path in done.aside:
        typer.echo(_("Mis de côté : {path}").format(path=path))
    if done.doubtful:
        told = _(
            "Courriers qui étaient à envoyer : {count}. Peut-être partis, ils attendent une preuve un quart d'heure."
        )
        typer.echo(told.format(count=done.doubtful))
    typer.echo(_("Démarrez : gateway run. La boîte est relue depuis la sauvegarde ; rien de ce qui y est n'est perdu."))
    typer.echo(_("Ce que des personnes ont fait depuis n'est plus connu ici : refaites-le."))
    typer.echo(_("Un silence de cette période demande la parole d'une personne : gateway confirm --what restored."))
