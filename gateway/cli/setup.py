"""``gateway init``: asks what it must know, writes the configuration, makes keys and database, says what comes next.

Nothing that exists is overwritten. Every answer can be given as an option, so that an installation can be scripted.
"""

import os
import secrets
import sys
from collections.abc import Callable
from functools import partial
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.session import DEFAULT_CONFIG, ConfigOption
from gateway.domain.words import said

_ROLES = ("hospital", "cnas", "cnse")
_PARTNERS = {"hospital": ("cnas", "cnse"), "cnas": ("hospital", "cnse"), "cnse": ("hospital", "cnas")}
_PASSPHRASE_BYTES = 32
_CERTIFICATE_DAYS = 3 * 365


def init(
    config: ConfigOption = DEFAULT_CONFIG,
    role: Annotated[str | None, typer.Option(help="hospital, cnas ou cnse.")] = None,
    party: Annotated[str | None, typer.Option(help="Identifiant court, par exemple chu-lille.")] = None,
    name: Annotated[str | None, typer.Option(help="Nom complet, tel qu'il signe les courriers.")] = None,
    address: Annotated[str | None, typer.Option(help="Adresse de messagerie de la passerelle.")] = None,
    imap_host: Annotated[str | None, typer.Option(help="Serveur IMAP (TLS).")] = None,
    imap_port: Annotated[int, typer.Option(help="Port IMAP.")] = 993,
    smtp_host: Annotated[str | None, typer.Option(help="Serveur d'envoi.")] = None,
    smtp_port: Annotated[int, typer.Option(help="Port d'envoi.")] = 587,
    smtp_tls: Annotated[str, typer.Option(help="starttls ou implicit.")] = "starttls",
    user: Annotated[str | None, typer.Option(help="Compte de messagerie ; l'adresse si absent.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="Fichier du mot de passe ; demandé si absent.")] = None,
    ca: Annotated[Path | None, typer.Option(help="Autorité de certification interne des serveurs.")] = None,
    own_mta: Annotated[list[str] | None, typer.Option(help="Vos serveurs, comme dans « Received: … by ».")] = None,
    watch: Annotated[list[str] | None, typer.Option(help="Dossiers relevés ; INBOX et Junk si absent.")] = None,
    data: Annotated[Path | None, typer.Option(help="Dossier des données ; « data » si absent.")] = None,
    hospital: Annotated[str | None, typer.Option(help="Adresse de l'hôpital partenaire.")] = None,
    cnas: Annotated[str | None, typer.Option(help="Adresse de la CNAS.")] = None,
    cnse: Annotated[str | None, typer.Option(help="Adresse du pôle médical du CNSE.")] = None,
    mail_partner: Annotated[
        list[str] | None, typer.Option(help="Partenaire sans passerelle (cnas, cnse ou hospital) ; répétable.")
    ] = None,
    smime_partner: Annotated[
        list[str] | None, typer.Option(help="Partenaire en S/MIME (cnas, cnse ou hospital) ; répétable.")
    ] = None,
) -> None:
    """Installer : configuration, clés, base de données, et la suite à faire."""
    from gateway.adapters import database
    from gateway.adapters.log_key import generate_log_key
    from gateway.adapters.master_key import generate_master_key
    from gateway.adapters.openpgp.keyfiles import generate, own_fingerprint
    from gateway.cli.keys import grouped
    from gateway.config import load
    from gateway.domain.errors import ConfigError, NotAllowed
    from gateway.records import identity

    os.umask(0o077)
    if config.exists():
        reason = said("Ce fichier existe déjà ; rien n'est remplacé.")
        raise NotAllowed(act=said("écrire {path}", path=config), reason=reason)
    role = _ask(role, "--role", _("Votre rôle (hospital, cnas, cnse)"))
    if role not in _ROLES:
        raise typer.BadParameter(_("{choices} attendu").format(choices=", ".join(_ROLES)), param_hint="--role")
    told = {
        "party": _ask(party, "--party", _("Identifiant court (minuscules, tirets)")),
        "name": _ask(name, "--name", _("Nom complet de l'établissement")),
        "address": _ask(address, "--address", _("Adresse de messagerie de la passerelle")),
        "imap": _ask(imap_host, "--imap-host", _("Serveur IMAP")),
        "smtp": _ask(smtp_host, "--smtp-host", _("Serveur d'envoi (SMTP)")),
    }
    mtas = own_mta or [_ask(None, "--own-mta", _("Nom de votre serveur dans « Received: … by »"))]
    given = {"hospital": hospital, "cnas": cnas, "cnse": cnse}
    partners = {
        partner: _ask(given[partner], f"--{partner}", _("Adresse du partenaire « {partner} »").format(partner=partner))
        for partner in _PARTNERS[role]
    }
    folder = config.resolve().parent
    keys = folder / "keys"
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    mail_password = _password(password_file, keys)
    text = _TEMPLATE.format(
        comment=_("Écrit par « gateway init ». Chaque clé est expliquée dans config/gateway.example.toml."),
        role=role,
        party=told["party"],
        name=_quoted(told["name"]),
        address=told["address"],
        data=_quoted(str(data.resolve() if data else "data")),
        imap=told["imap"],
        imap_port=imap_port,
        smtp=told["smtp"],
        smtp_port=smtp_port,
        tls=smtp_tls,
        user=_quoted(user or told["address"]),
        password=_quoted(mail_password),
        ca=f"ca = {_quoted(str(ca.resolve()))}\n" if ca else "",
        watch=_list(watch or ["INBOX", "Junk"]),
        mtas=_list(mtas),
        smime=_SMIME if smime_partner else "",
        partners="\n".join(
            _partner(partner, where, mail_partner or [], smime_partner or []) for partner, where in partners.items()
        ),
    )
    _write_private(config, text)
    _once(keys / "passphrase", lambda path: _write_private(path, secrets.token_urlsafe(_PASSPHRASE_BYTES) + "\n"))
    _once(keys / "master.key", generate_master_key)
    _once(keys / "audit.key", generate_log_key)
    try:
        settings = load(config)
    except ConfigError:
        # What was answered is refused: the next try must not find it written.
        config.unlink()
        raise
    passphrase = settings.openpgp.passphrase.read()
    _once(keys / "openpgp", lambda _made: generate(keys, settings.gateway.name, settings.gateway.address, passphrase))
    prints = {"openpgp": own_fingerprint(settings.openpgp.folder)}
    if settings.smime is not None:
        prints["smime"] = _certificate(settings, keys, passphrase)
    settings.gateway.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database.create(settings.database_url, identity(settings))
    shown = {suite: grouped(found) for suite, found in prints.items()}
    _next_steps(
        config, prints=shown, partners={name: part.suite for name, part in settings.partners.items()}, keys=keys
    )


def _certificate(settings: Any, keys: Path, passphrase: str) -> str:
    from gateway.adapters.clock import SystemClock
    from gateway.adapters.smime.identity import generate
    from gateway.keyring import own_certificate

    us, now = settings.gateway, SystemClock().now()
    made = partial(generate, keys, us.name, us.address, passphrase, at=now, days=_CERTIFICATE_DAYS)
    _once(keys / "smime.pem", lambda _path: made())
    identity = own_certificate(settings)
    return identity.fingerprint if identity else ""


def _next_steps(config: Path, *, prints: dict[str, str], partners: dict[str, str], keys: Path) -> None:
    typer.echo(_("Configuration écrite : {path}").format(path=config))
    kept = _("Clés : {folder} (à sauvegarder ; sans elles, rien de ce qui est gardé ne se rouvre)")
    typer.echo(kept.format(folder=keys))
    typer.echo(_("Empreinte de votre clé : {fingerprint}").format(fingerprint=prints["openpgp"]))
    if "smime" in prints:
        typer.echo(_("Empreinte de votre certificat S/MIME : {fingerprint}").format(fingerprint=prints["smime"]))
    typer.echo(_("La suite :"))
    export = _("  1. Remettez votre clé publique aux partenaires :  gateway keys export -c {path} -o notre-cle.asc")
    typer.echo(export.format(path=config))
    if "smime" in prints:
        smime = _("     et aux partenaires en S/MIME :  gateway keys export --suite smime -c {path} -o notre-cle.pem")
        typer.echo(smime.format(path=config))
    typer.echo(_("     et lisez-leur l'empreinte au téléphone."))
    importing = _("  2. Importez la leur :  gateway keys import {file} --partner {partner} -c {path}")
    for partner, suite in partners.items():
        file = f"{partner}.pem" if suite == "smime" else f"{partner}.asc"
        typer.echo(importing.format(file=file, partner=partner, path=config))
    typer.echo(_("  3. Vérifiez l'installation et les serveurs :  gateway doctor -c {path}").format(path=config))
    typer.echo(_("  4. Démarrez :  gateway run -c {path}").format(path=config))


def _ask(value: str | None, flag: str, question: str) -> str:
    if value:
        return value
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            _("elle manque ; donnez l'option, ou lancez la commande dans un terminal"), param_hint=flag
        )
    return str(typer.prompt(question, prompt_suffix=_(" : "))).strip()


def _password(given: Path | None, keys: Path) -> str:
    if given is not None:
        return str(given.resolve())
    path = keys / "mail-password"
    if not path.exists():
        if not sys.stdin.isatty():
            raise typer.BadParameter(_("elle manque ; donnez le fichier du mot de passe"), param_hint="--password-file")
        question = _("Mot de passe de la messagerie")
        _write_private(path, str(typer.prompt(question, prompt_suffix=_(" : "), hide_input=True)) + "\n")
    return str(path)


def _once(path: Path, make: Callable[[Path], object]) -> None:
    """Make it unless an earlier, interrupted run has made it already."""
    if not path.exists():
        make(path)


def _write_private(path: Path, text: str) -> None:
    from gateway.domain.errors import StorageFailed
    from gateway.domain.reasons import system_reason

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageFailed(place=str(path), reason=system_reason(error)) from error


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _list(items: list[str]) -> str:
    return "[" + ", ".join(_quoted(item) for item in items) + "]"


def _partner(partner: str, address: str, by_mail: list[str], in_smime: list[str]) -> str:
    kind, starts = ("mail", "mdn") if partner in by_mail else ("gateway", "signed_receipt")
    comment = _("À partir de quelle preuve le délai court, et à partir de laquelle il s'enregistre sans confirmation.")
    suite = 'suite = "smime"\n' if partner in in_smime else ""
    return _PARTNER.format(id=partner, address=address, kind=kind, suite=suite, starts=starts, comment=comment)


_TEMPLATE = """\
# {comment}
[gateway]
party = "{party}"
role = "{role}"
name = {name}
address = "{address}"
data = {data}

[imap]
host = "{imap}"
port = {imap_port}
user = {user}
password = {{ file = {password} }}
{ca}watch = {watch}

[smtp]
host = "{smtp}"
port = {smtp_port}
tls = "{tls}"
user = {user}
password = {{ file = {password} }}
{ca}
[vault]
master_key = {{ file = "keys/master.key" }}

[openpgp]
folder = "keys/openpgp"
passphrase = {{ file = "keys/passphrase" }}

{smime}[reception]
own_mta = {mtas}

[audit]
key = {{ file = "keys/audit.key" }}

[deadlines]
grace_hours = 12

{partners}"""

_SMIME = """\
[smime]
certificate = "keys/smime.pem"
key = { file = "keys/smime.key" }
passphrase = { file = "keys/passphrase" }

"""

_PARTNER = """\
[partners.{id}]
role = "{id}"
kind = "{kind}"
address = "{address}"
{suite}# {comment}
starts_from = "{starts}"
records_alone_from = "signed_reply"
"""
