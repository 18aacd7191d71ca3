"""Commands on keys: ours and those pinned to partners. Fingerprints are always shown and asked in full."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json, instant, table
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings, with_base, with_core

app = typer.Typer(help="Les clés : la nôtre et celles des partenaires.", no_args_is_help=True)


@app.command("list")
def keys_list(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Lister les clés avec leur empreinte complète."""
    from gateway.adapters.openpgp.keyfiles import own_key, read_public_key
    from gateway.storage import Pin

    conf = settings(config)
    own = own_key(conf.openpgp.folder)

    async def pins(base: Any) -> tuple[Pin, ...]:
        async with base.store.view() as view:
            return tuple(await view.all(Pin, site=conf.gateway.site))

    rows = [{"owner": "nous", "fingerprint": own.fingerprint, "state": own.state, "expires_at": own.expires_at}]
    for pin in with_base(config, pins):
        facts = read_public_key(pin.material.encode())
        state = "retired" if pin.retired_at else facts.state
        rows.append(
            {"owner": pin.partner, "fingerprint": pin.fingerprint, "state": state, "expires_at": facts.expires_at}
        )
    if as_json:
        echo_json(rows)
        return
    shown = [
        (
            str(row["owner"]),
            grouped(str(row["fingerprint"])),
            _STATES.get(getattr(row["state"], "value", str(row["state"])), ""),
            instant(row["expires_at"]) if row["expires_at"] else "jamais",  # type: ignore[arg-type]
        )
        for row in rows
    ]
    table(("De", "Empreinte", "État", "Expire"), shown, empty="Aucune clé.")


_STATES = {
    "usable": "utilisable",
    "expired": "EXPIRÉE",
    "revoked": "RÉVOQUÉE",
    "invalid": "INVALIDE",
    "retired": "retirée",
}


@app.command("import")
def keys_import(
    file: Annotated[Path, typer.Argument(help="La clé publique du partenaire.")],
    partner: Annotated[str | None, typer.Option(help="À qui est cette clé, par exemple cnas.")] = None,
    reader: Annotated[str | None, typer.Option(help="Ou à quel lecteur de [readers], par exemple medecin.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    fingerprint: Annotated[
        str | None, typer.Option(help="L'empreinte complète, vérifiée avec le partenaire par un autre canal.")
    ] = None,
) -> None:
    """Enregistrer la clé d'un partenaire ou d'un lecteur, si son empreinte est bien celle attendue."""
    from gateway.adapters.openpgp.keyfiles import read_public_key
    from gateway.domain.errors import FileUnreadable, FingerprintMismatch
    from gateway.domain.reasons import system_reason

    owner = _owner(partner, reader)
    try:
        material = file.read_bytes()
    except OSError as error:
        raise FileUnreadable(path=file, reason=system_reason(error)) from error
    facts = read_public_key(material, path=str(file))
    typed = fingerprint or typer.prompt("Empreinte complète, lue par le partenaire au téléphone")
    expected = "".join(typed.split()).upper().removeprefix("0X")
    if expected != facts.fingerprint:
        raise FingerprintMismatch(expected=expected, found=facts.fingerprint)
    pin = with_core(
        config,
        lambda core: core.pins.pin(
            owner, "openpgp", facts.fingerprint, material.decode("ascii"), actor=person(core.base.settings)
        ),
    )
    if pin.confirmed_by is None:
        typer.echo(f"Clé de {pin.partner} proposée : une seconde personne doit faire le même import.")
        return
    typer.echo(f"Clé de {pin.partner} enregistrée : {grouped(pin.fingerprint)}")


def _owner(partner: str | None, reader: str | None) -> str:
    from gateway.domain.readers import PREFIX

    if (partner is None) == (reader is None):
        raise typer.BadParameter(_("donnez --partner ou --reader"))
    return partner or f"{PREFIX}{reader}"


@app.command("export")
def keys_export(
    config: ConfigOption = DEFAULT_CONFIG,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Fichier à écrire.")] = None,
) -> None:
    """Écrire notre clé publique, à remettre aux partenaires ; l'empreinte se lit au téléphone."""
    from gateway.adapters.openpgp.keyfiles import export_public, own_fingerprint
    from gateway.domain.errors import FileUnreadable
    from gateway.domain.reasons import system_reason

    folder = settings(config).openpgp.folder
    armoured = export_public(folder)
    if output is None:
        typer.echo(armoured, nl=False)
    else:
        try:
            output.write_text(armoured, encoding="ascii")
        except OSError as error:
            raise FileUnreadable(path=output, reason=system_reason(error)) from error
    typer.echo(f"Empreinte : {grouped(own_fingerprint(folder))}", err=True)


def grouped(fingerprint: str) -> str:
    """Four by four, as it is read aloud."""
    return " ".join(fingerprint[index : index + 4] for index in range(0, len(fingerprint), 4))
