"""``gateway forget``: the closed cases and until when they are kept, and the act that makes one unreadable for ever."""

from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import day, echo_json, table
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, with_base


def forget(
    ref: Annotated[
        str | None, typer.Argument(help="Le dossier à oublier ; sans lui, la liste des dossiers clos qui se gardent.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    yes: Annotated[bool, typer.Option("--yes", help="Ne pas redemander le numéro du dossier.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Oublier un dossier clos depuis assez longtemps : rien de son contenu ne se rouvre plus, les preuves restent."""
    if ref is None:
        _list(config, as_json=as_json)
        return
    if not yes:
        typed = typer.prompt(_("C'est définitif. Retapez le numéro du dossier"), prompt_suffix=_(" : "), err=True)
        if typed.strip().upper() != ref.upper():
            raise typer.Abort
    files, clean = with_base(config, lambda base: _forget(base, ref), rehearsals_too=False)
    if as_json:
        echo_json({"case": ref, "files": files, "scrubbed": clean})
        return
    done = _("Dossier {ref} oublié ; fichiers qui ne se rouvrent plus : {files}.")
    typer.echo(done.format(ref=ref.upper(), files=files))
    typer.echo(_("Restent : empreintes, accusés, dates, états et journal. Les sauvegardes d'avant l'ouvrent encore."))
    if not clean:
        typer.echo(_("La base garde encore d'anciennes pages ; elles partent quand le service s'arrête ou redémarre."))


async def _forget(base: Any, ref: str) -> tuple[int, bool]:
    import asyncio

    from gateway.adapters.database import scrub
    from gateway.records import forgetting

    files = await forgetting(base).forget(ref, actor=person(base.settings))
    return files, await asyncio.to_thread(scrub, base.settings.database_url)


def _list(config: Any, *, as_json: bool) -> None:
    async def kept(base: Any) -> Any:
        from gateway.records import forgetting

        return await forgetting(base).kept()

    found = with_base(config, kept)
    if as_json:
        echo_json(
            [
                {
                    "case": each.ref,
                    "closed_on": each.closed_on,
                    "due_on": each.due_on,
                    "obstacles": [obstacle.told(_) for obstacle in each.obstacles],
                }
                for each in found
            ]
        )
        return
    rows = [
        (each.ref, day(each.closed_on), day(each.due_on), " ".join(told.told(_) for told in each.obstacles) or _("non"))
        for each in found
    ]
    table((_("Dossier"), _("Clos le"), _("Se garde jusqu'au"), _("Empêchement")), rows, empty=_("Aucun dossier clos."))
