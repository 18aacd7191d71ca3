"""Commands on keys: ours and those pinned to partners. Fingerprints are always shown and asked in full."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.language import translate
from gateway.cli.output import echo_json, instant, table
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings, with_base, with_core
from gateway.domain.words import french

app = typer.Typer(help="Les clés : la nôtre et celles des partenaires.", no_args_is_help=True, cls=Contents)


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

    rows = [{"owner": _OURSELVES, "fingerprint": own.fingerprint, "state": own.state, "expires_at": own.expires_at}]
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
            _("nous") if row["owner"] == _OURSELVES else str(row["owner"]),
            grouped(str(row["fingerprint"])),
            translate(_STATES.get(getattr(row["state"], "value", str(row["state"])), "")),
            instant(row["expires_at"]) if row["expires_at"] else _("jamais"),  # type: ignore[arg-type]
        )
        for row in rows
    ]
    table((_("De"), _("Empreinte"), _("État"), _("Expire")), shown, empty=_("Aucune clé."))


_OURSELVES = "nous"
"""In JSON, the owner of our own key: no partner, since an identifier of the configuration is shown as it is."""

_STATES = {
    "usable": french("utilisable"),
    "expired": french("EXPIRÉE"),
    "revoked": french("RÉVOQUÉE"),
    "invalid": french("INVALIDE"),
    "retired": french("retirée"),
}


@app.command("import")
def keys_import(
    file: Annotated[Path, typer.Argument(help="La clé publique du partenaire.")],
    partner: Annotated[str, typer.Option(help="À qui est cette clé, par exemple cnas.")],
    config: ConfigOption = DEFAULT_CONFIG,
    fingerprint: Annotated[
        str | None, typer.Option(help="L'empreinte complète, vérifiée avec le partenaire par un autre canal.")
    ] = None,
) -> None:
    """Enregistrer la clé d'un partenaire, si son empreinte est bien celle attendue."""
    from gateway.adapters.openpgp.keyfiles import read_public_key
    from gateway.domain.errors import FileUnreadable, FingerprintMismatch
    from gateway.domain.reasons import system_reason

    try:
        material = file.read_bytes()
    except OSError as error:
        raise FileUnreadable(path=file, reason=system_reason(error)) from error
    facts = read_public_key(material, path=str(file))
    typed = fingerprint or typer.prompt(
        _("Empreinte complète, lue par le partenaire au téléphone"), prompt_suffix=_(" : ")
    )
    expected = "".join(typed.split()).upper().removeprefix("0X")
    if expected != facts.fingerprint:
        raise FingerprintMismatch(expected=expected, found=facts.fingerprint)
    pin = with_core(
        config,
        lambda core: core.pins.pin(
            partner, "openpgp", facts.fingerprint, material.decode("ascii"), actor=person(core.base.settings)
        ),
    )
    if pin.confirmed_by is None:
        proposed = _("Clé de {partner} proposée : une seconde personne doit faire le même import.")
        typer.echo(proposed.format(partner=pin.partner))
        return
    pinned = _("Clé de {partner} enregistrée : {fingerprint}")
    typer.echo(pinned.format(partner=pin.partner, fingerprint=grouped(pin.fingerprint)))


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
    typer.echo(_("Empreinte : {fingerprint}").format(fingerprint=grouped(own_fingerprint(folder))), err=True)


def grouped(fingerprint: str) -> str:
    """Four by four, as it is read aloud."""
    return " ".join(fingerprint[index : index + 4] for index in range(0, len(fingerprint), 4))
