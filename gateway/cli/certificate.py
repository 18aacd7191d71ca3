"""``gateway certificate``: a recorded tacit acceptance as a page that is handed to the CPAM."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json, end
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, with_base


def certificate(
    ref: Annotated[str, typer.Argument(help="Le dossier, par exemple 7F3K-Q2.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Fichier PDF à écrire.")],
    config: ConfigOption = DEFAULT_CONFIG,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
    without_identity: Annotated[
        bool, typer.Option("--without-identity", help="Ne nommer ni le patient ni le montant du devis.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Certifier une acceptation réputée acquise, en PDF (PDF/A-3). Son édition est inscrite au journal, à votre nom."""
    from gateway.adapters import log
    from gateway.cli.files import write_new
    from gateway.domain.errors import FileUnwritten
    from gateway.domain.words import said

    if output.exists():
        raise FileUnwritten(path=output, reason=said("Il existe déjà."))

    async def make(base: Any) -> Any:
        from gateway import exhibits
        from gateway.cli.language import spoken

        return await exhibits.certifier(base).issue(
            ref,
            actor=person(base.settings),
            language=spoken(),
            identity=not without_identity,
            request_hash=request,
        )

    with log.told_apart():
        issued = with_base(config, make)
    write_new(output, issued.pdf)
    stated = issued.certificate
    if as_json:
        told = {"file": str(output), "size": len(issued.pdf), "request": stated.terms.hash}
        echo_json({**told, "effective_at": stated.effective_at, "contested": stated.contested})
        return
    typer.echo(_("Certificat du dossier {ref} : {path}.").format(ref=stated.terms.case, path=output))
    typer.echo(_("Acceptation réputée acquise, effet au {end}.").format(end=end(stated.effective_at)))
    if stated.contested:
        typer.echo(_("ATTENTION : elle est mise en cause, et le certificat le dit ; gateway challenge list."))
    if not without_identity:
        typer.echo(_("Il nomme le patient : remettez-le en main propre ou chiffré."))
