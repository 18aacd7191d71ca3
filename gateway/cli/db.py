"""Commands on the database as a whole."""

from gettext import gettext as _

import typer

from gateway.cli.output import echo_json
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings
from gateway.domain.words import said

app = typer.Typer(help="La base de données : la porter sur un serveur.", no_args_is_help=True, cls=Contents)


@app.callback()
def _group() -> None:
    """A group, however many commands it has."""


@app.command("copy")
def copy(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Copier la base SQLite sur le serveur PostgreSQL de [database], service arrêté. L'original est fermé et gardé."""
    from gateway import records
    from gateway.adapters import daemon_lock, database
    from gateway.databank import SQLITE_FILE
    from gateway.domain.errors import NotAllowed

    conf = settings(config)
    person(conf)
    if not conf.database.shared:
        reason = said("La section [database] ne nomme pas de serveur : écrivez-y url.")
        raise NotAllowed(act=said("copier la base"), reason=reason)
    data = conf.gateway.data
    records.require_owner(data)
    path = data / SQLITE_FILE
    closed = path.with_name(path.name + database.CLOSED)
    if closed.exists() and not path.exists():
        reason = said("Elle est déjà copiée ; l'original est fermé : {path}. Démarrez : gateway run.", path=closed)
        raise NotAllowed(act=said("copier la base"), reason=reason)
    with daemon_lock.held(data):
        counts = database.copy(path, conf.database_url, records.identity(conf))
    if as_json:
        echo_json({"copied": counts, "original": str(path) + database.CLOSED})
        return
    told = _("Base copiée et comparée : {rows} lignes, dont {records} enregistrements du journal, qui se vérifie.")
    typer.echo(told.format(rows=sum(counts.values()), records=counts["audit"]))
    typer.echo(_("L'original est fermé : {path}").format(path=str(path) + database.CLOSED))
    typer.echo(_("Démarrez : gateway run. Le dossier des données, lui, reste où il est."))
