"""Commands on keys: ours and those pinned to partners. Fingerprints are always shown and asked in full."""

from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.language import translate
from gateway.cli.output import echo_json, instant, table, title
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings, with_base, with_core
from gateway.domain.words import french

app = typer.Typer(help="Les clés : la nôtre et celles des partenaires.", no_args_is_help=True, cls=Contents)

_SUITES = {"openpgp": "OpenPGP", "smime": "S/MIME"}
_OPENPGP, _SMIME = _SUITES


@app.command("list")
def keys_list(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Lister les clés avec leur empreinte complète."""
    rows = with_base(config, _rows)
    if as_json:
        echo_json(rows)
        return
    shown = [
        (
            _("nous") if row["owner"] == _OURSELVES else str(row["owner"]),
            _SUITES[row["suite"]],
            grouped(str(row["fingerprint"])),
            translate(_STATES.get(str(row["state"]), "")),
            instant(row["expires_at"]) if row["expires_at"] else _("jamais"),
        )
        for row in rows
    ]
    table((_("De"), _("Suite"), _("Empreinte"), _("État"), _("Expire")), shown, empty=_("Aucune clé."))


async def _rows(base: Any) -> list[dict[str, Any]]:
    from gateway.adapters.openpgp.keyfiles import own_key, read_public_key
    from gateway.adapters.smime.certificates import Correspondent, read_certificate
    from gateway.keyring import authority, former_certificate, own_certificate
    from gateway.storage import Pin

    conf, now = base.settings, base.clock.now()
    rows = [_openpgp(_OURSELVES, own_key(conf.openpgp.folder))]
    if conf.openpgp.former_folder is not None:
        rows.append({**_openpgp(_OURSELVES, own_key(conf.openpgp.former_folder)), "state": "former"})
    identity = own_certificate(conf)
    if identity is not None:
        rows.append(_certificate(_OURSELVES, Correspondent(certificate=identity.certificate), now))
    former = former_certificate(conf)
    if former is not None:
        row = _certificate(_OURSELVES, Correspondent(certificate=former.certificate), now)
        rows.append({**row, "state": "former"})
    async with base.store.view() as view:
        pins = await view.all(Pin, site=conf.gateway.site)
    for pin in pins:
        if pin.suite == _SMIME:
            certificate = read_certificate(pin.material.encode())
            row = _certificate(pin.partner, authority(conf, pin.partner).correspondent(certificate), now)
        else:
            row = _openpgp(pin.partner, read_public_key(pin.material.encode()))
        state = "retired" if pin.retired_at else "superseded" if pin.superseded_at else row["state"]
        rows.append({**row, "state": state})
    return rows


def _openpgp(owner: str, facts: Any) -> dict[str, Any]:
    found = {"fingerprint": facts.fingerprint, "state": facts.state.value, "expires_at": facts.expires_at}
    return {"owner": owner, "suite": _OPENPGP, **found}


def _certificate(owner: str, who: Any, now: datetime) -> dict[str, Any]:
    from gateway.adapters.smime.certificates import CertificateFault, Purpose, fault_of

    fault = fault_of(who, Purpose.SIGN, at=(now,))
    states = {None: "usable", CertificateFault.EXPIRED: "expired", CertificateFault.REVOKED: "revoked"}
    expires = who.certificate.not_valid_after_utc
    state = states.get(fault, "invalid")
    return {
        "owner": owner,
        "suite": _SMIME,
        "fingerprint": who.fingerprint,
        "state": state,
        "expires_at": expires,
    }


_OURSELVES = "nous"
"""In JSON, the owner of our own key: no partner, since an identifier of the configuration is shown as it is."""

_STATES = {
    "usable": french("utilisable"),
    "expired": french("EXPIRÉE"),
    "revoked": french("RÉVOQUÉE"),
    "invalid": french("INVALIDE"),
    "former": french("d'avant, ouvre encore"),
    "superseded": french("remplacée, encore admise"),
    "retired": french("retirée"),
}


@app.command("import")
def keys_import(
    file: Annotated[Path, typer.Argument(help="La clé publique du partenaire, ou son certificat S/MIME.")],
    partner: Annotated[str | None, typer.Option(help="À qui est cette clé, par exemple cnas.")] = None,
    reader: Annotated[str | None, typer.Option(help="Ou à quel lecteur de [readers], par exemple medecin.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    fingerprint: Annotated[
        str | None, typer.Option(help="L'empreinte complète, vérifiée avec le partenaire par un autre canal.")
    ] = None,
) -> None:
    """Enregistrer la clé d'un partenaire ou d'un lecteur, si son empreinte est bien celle attendue."""
    from gateway.domain.errors import FileUnreadable, FingerprintMismatch
    from gateway.domain.reasons import system_reason

    owner = _owner(partner, reader)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise FileUnreadable(path=file, reason=system_reason(error)) from error
    suite, found, material = _read(content, str(file))
    typed = fingerprint or typer.prompt(
        _("Empreinte complète, lue par le partenaire au téléphone"), prompt_suffix=_(" : ")
    )
    expected = _plain(typed)
    if expected != found:
        raise FingerprintMismatch(expected=expected, found=found)
    pin = with_core(
        config,
        lambda core: core.pins.pin(owner, suite, found, material, actor=person(core.base.settings)),
    )
    if pin.confirmed_by is None:
        told = _("Clé de {partner} proposée : une seconde personne doit faire le même import.")
        typer.echo(told.format(partner=pin.partner))
        return
    told = _("Clé de {partner} enregistrée : {fingerprint}")
    typer.echo(told.format(partner=pin.partner, fingerprint=grouped(pin.fingerprint)))


@app.command("retire")
def keys_retire(
    partner: Annotated[str, typer.Argument(help="À qui est cette clé, par exemple cnas.")],
    fingerprint: Annotated[str, typer.Argument(help="Son empreinte complète ; gateway keys list la montre.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Ne plus admettre une clé d'un partenaire : plus rien n'est scellé pour elle, ni cru de ce qu'elle signe."""
    pin = with_core(
        config, lambda core: core.pins.retire(partner, _plain(fingerprint), actor=person(core.base.settings))
    )
    told = _("Clé de {partner} retirée : {fingerprint}")
    typer.echo(told.format(partner=partner, fingerprint=grouped(pin.fingerprint)))


@app.command("compromised")
def keys_compromised(
    partner: Annotated[str, typer.Argument(help="À qui est cette clé, par exemple cnas.")],
    fingerprint: Annotated[str, typer.Argument(help="Son empreinte complète ; gateway keys list la montre.")],
    since: Annotated[str, typer.Option(help="Depuis quand un autre l'a : un jour, ou un instant RFC 3339.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Dire qu'un autre a eu la clé d'un partenaire : elle est retirée, et ce qu'elle a pu signer depuis est nommé."""
    from gateway.cli.moments import bound

    begins = bound(since)
    found = with_core(
        config,
        lambda core: core.pins.compromised(partner, _plain(fingerprint), begins, actor=person(core.base.settings)),
    )
    if as_json:
        echo_json([{"message": row.message, "kind": row.kind, "case": row.case, "at": row.at} for row in found])
        return
    rows = [(str(row.message), row.case or "–", title(row.kind), instant(row.at)) for row in found]
    table((_("Message"), _("Dossier"), _("Type"), _("Reçu le")), rows, empty=_("Aucun message reçu depuis."))
    if rows:
        typer.echo(_("Rien n'est défait : rappelez le partenaire pour chacun. Un silence enregistré se met en cause :"))
        typer.echo("  gateway challenge raise DOSSIER --because …")


@app.command("generate")
def keys_generate(
    folder: Annotated[Path, typer.Argument(help="Dossier neuf, par exemple keys/2028.")],
    config: ConfigOption = DEFAULT_CONFIG,
    suite: Annotated[str, typer.Option(help="openpgp, ou smime : un certificat signé par lui-même.")] = _OPENPGP,
) -> None:
    """Créer votre prochaine clé, à côté de celle qui sert : rien n'en change encore."""
    if suite not in _SUITES:
        raise typer.BadParameter(_("openpgp ou smime attendu"), param_hint="--suite")
    conf, made = settings(config), folder.absolute()
    public, fingerprint, lines = (_next_key if suite == _OPENPGP else _next_certificate)(conf, made)
    typer.echo(_("Clé créée : {path}").format(path=made))
    typer.echo(_("Empreinte : {fingerprint}").format(fingerprint=grouped(fingerprint)))
    typer.echo(_("1. Remettez {path} à chaque partenaire, l'empreinte au téléphone.").format(path=public))
    told = _("2. Quand tous l'ont importée, moins de deux semaines après le premier, dans [{section}] :")
    typer.echo(told.format(section=suite))
    for name, value in lines.items():
        typer.echo(f"     {name} = {value}")
    typer.echo(_("3. Redémarrez. Deux semaines plus tard, retirez ce qui commence par former_."))


def _next_key(conf: Any, folder: Path) -> tuple[Path, str, dict[str, str]]:
    """Where its public half is, its fingerprint, and the lines of the configuration."""
    from gateway.adapters.openpgp.keyfiles import FOLDER, export_public, generate

    us = conf.gateway
    fingerprint = generate(folder, us.name, us.address, conf.openpgp.passphrase.read())
    public = folder / "notre-cle.asc"
    public.write_text(export_public(folder / FOLDER), encoding="ascii")
    lines = {"folder": folder / FOLDER, "former_folder": conf.openpgp.folder}
    return public, fingerprint, {name: f'"{path}"' for name, path in lines.items()}


def _next_certificate(conf: Any, folder: Path) -> tuple[Path, str, dict[str, str]]:
    """The same of a certificate; its key has the passphrase of the OpenPGP key, as ``gateway init`` does it."""
    from gateway.adapters.clock import SystemClock
    from gateway.adapters.smime.identity import generate
    from gateway.domain.errors import NotAllowed
    from gateway.domain.words import said

    us, section = conf.gateway, conf.smime
    if section is None:
        reason = said("La configuration n'a pas de section [smime].")
        raise NotAllowed(act=said("créer notre prochain certificat"), reason=reason)
    passphrase = conf.openpgp.passphrase
    fingerprint = generate(folder, us.name, us.address, passphrase.read(), at=SystemClock().now())
    lines = {"certificate": f'"{folder / "smime.pem"}"', "key": f'{{ file = "{folder / "smime.key"}" }}'}
    lines |= {"passphrase": passphrase.place(), "former_certificate": f'"{section.certificate}"'}
    lines["former_key"] = section.key.place()
    if section.passphrase is not None:
        lines["former_passphrase"] = section.passphrase.place()
    return folder / "smime.pem", fingerprint, lines


@app.command("new-master")
def keys_new_master(
    output: Annotated[Path, typer.Argument(help="Fichier à écrire, que cette machine seule lira.")],
) -> None:
    """Créer une nouvelle clé maîtresse du coffre, dans un fichier neuf ; rien n'en change encore."""
    from gateway.adapters.master_key import generate_master_key

    generate_master_key(output)
    typer.echo(_("Clé maîtresse écrite : {path}").format(path=output))
    typer.echo(_("Dans [vault], celle-ci devient master_key, l'ancienne former_master_key. Redémarrez, puis :"))
    typer.echo("  gateway keys rewrap")


@app.command("rewrap")
def keys_rewrap(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Mettre tout le coffre sous la nouvelle clé maîtresse, service en marche ; les fichiers ne sont pas réécrits."""

    async def work(base: Any) -> tuple[int, int]:
        import asyncio

        from gateway.adapters.database import scrub
        from gateway.services.rewrapping import Rewrapping

        _require_restarted(base.settings, config)
        acts = Rewrapping(store=base.store, vault=base.cabinet.vault)
        counted = await acts.rewrap(actor=person(base.settings))
        await asyncio.to_thread(scrub, base.settings.database_url)
        return counted

    done, total = with_base(config, work, rehearsals_too=False)
    told = _("Clés du coffre mises sous la nouvelle clé maîtresse : {done} sur {total}.")
    typer.echo(told.format(done=done, total=total))
    typer.echo(_("Retirez former_master_key et redémarrez. Les sauvegardes d'avant demandent encore l'ancienne clé."))


def _require_restarted(conf: Any, config: Path) -> None:
    """A service that does not know the new key yet would no longer open anything, and go on with the old one."""
    from gateway.adapters.daemon_lock import held_since
    from gateway.domain.errors import NotAllowed
    from gateway.domain.words import said

    since = held_since(conf.gateway.data)
    if conf.vault.former_master_key is None:
        reason = said("[vault] former_master_key manque : c'est l'ancienne clé maîtresse.")
    elif since is not None and since < config.stat().st_mtime:
        reason = said("La configuration a changé depuis que le service tourne : redémarrez-le d'abord.")
    else:
        return
    raise NotAllowed(act=said("changer de clé maîtresse"), reason=reason)


def _plain(fingerprint: str) -> str:
    return "".join(fingerprint.replace(":", "").split()).upper().removeprefix("0X")


def _read(content: bytes, path: str) -> tuple[str, str, str]:
    """Suite, fingerprint and text of the key in a file: a certificate looks like nothing else."""
    from gateway.adapters.openpgp.keyfiles import read_public_key
    from gateway.adapters.smime.certificates import fingerprint, is_certificate, pem, read_certificate

    if is_certificate(content):
        certificate = read_certificate(content, path=path)
        return _SMIME, fingerprint(certificate), pem(certificate)
    facts = read_public_key(content, path=path)
    return _OPENPGP, facts.fingerprint, content.decode("ascii")


def _owner(partner: str | None, reader: str | None) -> str:
    from gateway.domain.readers import PREFIX

    if (partner is None) == (reader is None):
        raise typer.BadParameter(_("donnez --partner ou --reader"))
    return partner or f"{PREFIX}{reader}"


@app.command("export")
def keys_export(
    config: ConfigOption = DEFAULT_CONFIG,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Fichier à écrire.")] = None,
    suite: Annotated[str, typer.Option(help="openpgp ou smime (notre certificat).")] = _OPENPGP,
    revoked: Annotated[
        bool, typer.Option("--revoked", help="La clé OpenPGP avec sa révocation : volée ou perdue, à remettre à tous.")
    ] = False,
) -> None:
    """Écrire notre clé publique, à remettre aux partenaires ; l'empreinte se lit au téléphone."""
    from gateway.domain.errors import FileUnwritten
    from gateway.domain.reasons import system_reason

    if suite not in _SUITES:
        raise typer.BadParameter(_("openpgp ou smime attendu"), param_hint="--suite")
    text, fingerprint = _revoked(settings(config)) if revoked else _ours(settings(config), suite)
    if output is None:
        typer.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="ascii")
        except OSError as error:
            raise FileUnwritten(path=output, reason=system_reason(error)) from error
    typer.echo(_("Empreinte : {fingerprint}").format(fingerprint=grouped(fingerprint)), err=True)


def _revoked(conf: Any) -> tuple[str, str]:
    from gateway.adapters.openpgp.keyfiles import own_fingerprint, revoked_public

    return revoked_public(conf.openpgp.folder), own_fingerprint(conf.openpgp.folder)


def _ours(conf: Any, suite: str) -> tuple[str, str]:
    from gateway.adapters.openpgp.keyfiles import export_public, own_fingerprint
    from gateway.adapters.smime.certificates import pem
    from gateway.domain.errors import NotAllowed
    from gateway.domain.words import said
    from gateway.keyring import own_certificate

    if suite == _OPENPGP:
        return export_public(conf.openpgp.folder), own_fingerprint(conf.openpgp.folder)
    identity = own_certificate(conf)
    if identity is None:
        reason = said("La configuration n'a pas de section [smime].")
        raise NotAllowed(act=said("exporter notre certificat"), reason=reason)
    return pem(identity.certificate), identity.fingerprint


def grouped(fingerprint: str) -> str:
    """Four by four, as it is read aloud."""
    return " ".join(fingerprint[index : index + 4] for index in range(0, len(fingerprint), 4))
