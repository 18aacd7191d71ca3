"""``gateway dossier``: a case as a file that proves itself, and its examination where no gateway is."""

from collections.abc import Iterator
from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.language import translate
from gateway.cli.output import echo_json, instant
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, with_base

app = typer.Typer(
    help="Un dossier dans un fichier qui se prouve lui-même : exporter, vérifier.", no_args_is_help=True, cls=Contents
)


@app.command("export")
def export(
    ref: Annotated[str, typer.Argument(help="Le dossier, par exemple 7F3K-Q2.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Fichier à écrire, par exemple dossier.zip.")],
    config: ConfigOption = DEFAULT_CONFIG,
    with_content: Annotated[
        bool, typer.Option("--with-content", help="Joindre aussi le contenu ouvert, médical compris.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Exporter un dossier avec ses preuves. L'export est inscrit au journal, avec votre nom."""
    from gateway.adapters import log
    from gateway.cli.files import write_new
    from gateway.domain.errors import FileUnwritten
    from gateway.domain.words import said

    if output.exists():
        raise FileUnwritten(path=output, reason=said("Il existe déjà."))

    async def make(base: Any) -> bytes:
        from gateway import exhibits

        found: bytes = await exhibits.exporter(base).export(ref, actor=person(base.settings), with_content=with_content)
        return found

    with log.told_apart():
        data = with_base(config, make)
    write_new(output, data)
    if as_json:
        echo_json({"file": str(output), "size": len(data), "with_content": with_content})
        return
    typer.echo(_("Dossier {ref} exporté : {path} ({size} octets).").format(ref=ref, path=output, size=len(data)))
    if with_content:
        typer.echo(_("Ce fichier contient des données médicales en clair : remettez-le en main propre ou chiffré."))
    else:
        typer.echo(_("Sans contenu médical : les courriers y restent scellés."))
    typer.echo(_("À vérifier n'importe où : gateway dossier verify {path}").format(path=output))


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="Le fichier exporté.")],
    key: Annotated[
        str | None, typer.Option(help="Clé de vérification reçue par une autre voie (gateway audit key).")
    ] = None,
    tsa_ca: Annotated[
        Path | None, typer.Option("--tsa-ca", help="Certificat (PEM) de l'autorité d'horodatage.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Vérifier un dossier exporté, sans configuration, base ni réseau. Code de sortie 7 s'il est altéré."""
    from gateway import exhibits
    from gateway.domain.checkpoint import VerifierKey
    from gateway.services.export.examine import examine

    verifier = VerifierKey.parse(key) if key is not None else None
    found = examine(_read(file), exhibits.tools(tsa_ca), key=verifier)
    if as_json:
        echo_json({"verified": True, **_facts(found, given=verifier is not None)})
        return
    for line in _lines(found, given=verifier is not None):
        typer.echo(line)


def _read(file: Path) -> bytes:
    """The file, refused before it is read when it is too large."""
    from gateway.domain.errors import FileUnreadable
    from gateway.domain.reasons import system_reason
    from gateway.domain.words import said
    from gateway.wire.container import MAX_BYTES

    try:
        with file.open("rb") as handle:
            data = handle.read(2 * MAX_BYTES + 1)
    except OSError as error:
        raise FileUnreadable(path=file, reason=system_reason(error)) from error
    if len(data) > 2 * MAX_BYTES:
        raise FileUnreadable(path=file, reason=said("Il dépasse {limit} octets.", limit=2 * MAX_BYTES))
    return data


def _facts(found: Any, *, given: bool) -> dict[str, Any]:
    head = found.checkpoint.head if found.checkpoint else None
    return {
        "case": found.case,
        "party": found.party,
        "exported_at": found.exported_at,
        "exported_by": found.exported_by,
        "with_content": found.with_content,
        "pieces": found.pieces,
        "records": found.records,
        "unproved": found.unproved,
        "checkpoint": {"size": head.size, "root": head.root, "at": found.checkpoint.at} if head else None,
        "key": str(found.key) if found.key else None,
        "key_given": given,
        "signatures": found.signatures,
        "certificates": found.certificates,
        "stamps": found.stamps,
        "milestones": [{"at": at, "records": count} for at, count in found.milestones],
        "vouched": found.vouched,
        "remarks": [str(remark) for remark in found.remarks],
    }


def _when(stated: str) -> str:
    """The instant that the file states, as a person reads it; as it stands there when it is none."""
    try:
        at = datetime.fromisoformat(stated)
    except ValueError:
        return stated
    return instant(at) if at.tzinfo else stated


def _lines(found: Any, *, given: bool) -> Iterator[str]:
    whole = _("Dossier {ref} de {party}, exporté le {at} par {who} : intact, {pieces} pièces.")
    yield whole.format(
        ref=found.case, party=found.party, at=_when(found.exported_at), who=found.exported_by, pieces=found.pieces
    )
    if found.vouched:
        proved = _("Le journal signé l'atteste : {count} enregistrements prouvés, point de contrôle du {at}.")
        yield proved.format(count=found.records - len(found.unproved), at=instant(found.checkpoint.at))
    else:
        yield _("ATTENTION : rien d'extérieur au fichier ne l'atteste.")
    if found.key and not given:
        yield _("Clé de vérification jointe, à comparer à celle que vous tenez d'ailleurs (--key) :")
        yield f"  {found.key}"
    yield _("Signatures en clair vérifiées : {count}.").format(count=found.signatures)
    if found.certificates:
        yield _("Certificats d'acceptation signés du journal : {count}.").format(count=found.certificates)
    if found.milestones:
        since = _(
            "Jalons : {count} points de contrôle d'alors, du {first} au {last}, prouvent depuis quand ils y sont."
        )
        (first, _first), (last, _last) = found.milestones[0], found.milestones[-1]
        yield since.format(count=len(found.milestones), first=instant(first), last=instant(last))
    for at in found.stamps:
        yield _("Horodaté le {at} par l'autorité.").format(at=instant(at))
    for remark in found.remarks:
        yield _("Remarque : {remark}").format(remark=remark.told(translate))
