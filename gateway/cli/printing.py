"""``gateway message print``: a message as a page, for a reader who has no mail program at hand."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, person, storable, with_base


def message_print(
    message: Annotated[int, typer.Argument(help="Le numéro du message.", callback=storable)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Fichier PDF à écrire.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Imprimer un message en PDF, sans ses éléments médicaux pour qui n'est pas médecin ; inscrit au journal."""
    from gateway.cli.files import write_new
    from gateway.domain.errors import FileUnwritten
    from gateway.domain.words import said

    if output.exists():
        raise FileUnwritten(path=output, reason=said("Il existe déjà."))

    async def make(base: Any) -> Any:
        from gateway import exhibits
        from gateway.cli.language import spoken

        return await exhibits.printed_message(base, message, actor=person(base.settings), language=spoken())

    opened, pdf = with_base(config, make)
    write_new(output, pdf)
    typer.echo(_("Message {id} imprimé : {path}.").format(id=message, path=output))
    if opened.content.medical and opened.whole:
        typer.echo(_("Il contient des données médicales : remettez-le au médecin, à lui seul."))
    elif opened.content.medical:
        typer.echo(_("Ses éléments médicaux n'y sont pas : seul un médecin qui suit ce dossier peut les lire."))
