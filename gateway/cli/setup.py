"""``gateway init``: asks what it must know, writes the configuration, makes keys and database, says what comes next.

Nothing that exists is overwritten. Every answer can be given as an option, so that an installation can be scripted.
"""

import os
import pwd
import secrets
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.questions import ask, at_terminal, one_of, secret, several, yes
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption
from gateway.domain.words import said

_PARTNERS = {"hospital": ("cnas", "cnse"), "cnas": ("hospital", "cnse"), "cnse": ("hospital", "cnas")}
_DATA = Path("/var/lib/soins-passerelle")
"""Where data lies with the usual configuration: what the shipped systemd unit and the container can write."""
_PASSPHRASE_BYTES = 32


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
    data: Annotated[
        Path | None,
        typer.Option(
            help="Dossier des données ; /var/lib/soins-passerelle si absent, « data » pour une configuration ailleurs."
        ),
    ] = None,
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
    from gateway.domain.errors import NotAllowed
    from gateway.setting import address as mail_address
    from gateway.setting import identifier

    os.umask(0o077)
    if config.exists():
        reason = said("Ce fichier existe déjà ; rien n'est remplacé.")
        raise NotAllowed(act=said("écrire {path}", path=config), reason=reason)
    role = ask(role, "--role", _("Votre rôle (hospital, cnas, cnse)"), one_of(*_PARTNERS))
    if role not in _PARTNERS:
        raise typer.BadParameter(_("{choices} attendu").format(choices=", ".join(_PARTNERS)), param_hint="--role")
    told = {
        "party": ask(party, "--party", _("Identifiant court, par exemple chu-lille"), identifier),
        "name": ask(name, "--name", _("Nom complet de l'établissement")),
        "address": ask(address, "--address", _("Adresse de messagerie de la passerelle"), mail_address),
        "imap": ask(imap_host, "--imap-host", _("Serveur IMAP (TLS, port {port})").format(port=imap_port)),
        "smtp": ask(
            smtp_host, "--smtp-host", _("Serveur d'envoi ({tls}, port {port})").format(tls=smtp_tls, port=smtp_port)
        ),
    }
    seen = _("Vos serveurs, comme dans « Received: … by » d'un courrier reçu (« gateway doctor » les vérifie)")
    mtas = own_mta or several(ask(None, "--own-mta", seen))
    partners = _partners(
        role, {"hospital": hospital, "cnas": cnas, "cnse": cnse}, mail_partner or [], smime_partner or []
    )
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
        data=_quoted(str(data.resolve() if data else _DATA if config == DEFAULT_CONFIG else "data")),
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
        partners="\n".join(partners),
    )
    _write_private(config, text)
    try:
        _install(config, keys)
    except BaseException:
        # It is not finished: the next try must not find it written. Keys that were made are kept and taken again.
        config.unlink()
        raise


def _install(config: Path, keys: Path) -> None:
    """Keys and database of the configuration that was just written."""
    from gateway.adapters import database
    from gateway.adapters.log_key import generate_log_key
    from gateway.adapters.master_key import generate_master_key
    from gateway.adapters.openpgp.keyfiles import generate, own_fingerprint
    from gateway.cli.keys import grouped
    from gateway.config import load
    from gateway.records import identity

    _once(keys / "passphrase", lambda path: _write_private(path, secrets.token_urlsafe(_PASSPHRASE_BYTES) + "\n"))
    _once(keys / "master.key", generate_master_key)
    _once(keys / "audit.key", generate_log_key)
    settings = load(config)
    if settings.imap.password is not None:
        settings.imap.password.read()
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
    made = partial(generate, keys, us.name, us.address, passphrase, at=now)
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
    here = "" if config == DEFAULT_CONFIG else f" -c {shlex.quote(str(config))}"
    account = pwd.getpwuid(os.getuid()).pw_name
    gateway = f"sudo -u {account} gateway" if "SUDO_USER" in os.environ else "gateway"
    typer.echo(_("La suite :"))
    typer.echo(_("  1. Remettez votre clé publique aux partenaires, et lisez-leur l'empreinte au téléphone :"))
    typer.echo(f"       {gateway} keys export{here} > notre-cle.asc")
    if "smime" in prints:
        typer.echo(_("     et votre certificat aux partenaires en S/MIME :"))
        typer.echo(f"       {gateway} keys export --suite smime{here} > notre-cle.pem")
    typer.echo(_("  2. Importez la leur ; l'empreinte qu'ils vous lisent est demandée :"))
    for partner, suite in partners.items():
        typer.echo(
            f"       {gateway} keys import {partner}.{'pem' if suite == 'smime' else 'asc'} --partner {partner}{here}"
        )
    typer.echo(_("  3. Vérifiez l'installation et les serveurs :"))
    typer.echo(f"       {gateway} doctor{here}")
    typer.echo(_("  4. Démarrez :"))
    typer.echo(f"       {gateway} run{here}")


def _password(given: Path | None, keys: Path) -> str:
    if given is not None:
        return str(given.resolve())
    path = keys / "mail-password"
    if path.exists():
        typer.echo(_("Mot de passe de la messagerie : celui de {path} est gardé.").format(path=path))
    elif at_terminal():
        _write_private(path, secret(_("Mot de passe de la messagerie")) + "\n")
    else:
        raise typer.BadParameter(_("elle manque ; donnez le fichier du mot de passe"), param_hint="--password-file")
    return str(path)


def _partners(role: str, given: Mapping[str, str | None], by_mail: list[str], in_smime: list[str]) -> list[str]:
    """The section of each correspondent; whether it has a gateway is asked where its address was."""
    from gateway.setting import address

    for flag, named in (("--mail-partner", by_mail), ("--smime-partner", in_smime)):
        if not set(named) <= set(_PARTNERS[role]):
            choices = ", ".join(_PARTNERS[role])
            raise typer.BadParameter(_("{choices} attendu").format(choices=choices), param_hint=flag)
    sections = []
    for partner in _PARTNERS[role]:
        where = ask(
            given[partner], f"--{partner}", _("Adresse du partenaire « {partner} »").format(partner=partner), address
        )
        mail = partner in by_mail
        if given[partner] is None and not mail:
            question = _("« {partner} » a-t-il cette passerelle, et non un simple logiciel de messagerie ?")
            mail = not yes(question.format(partner=partner))
        sections.append(_partner(partner, where, mail=mail, smime=partner in in_smime))
    return sections


def _once(path: Path, make: Callable[[Path], object]) -> None:
    """Make it unless an earlier, interrupted run has made it already."""
    if not path.exists():
        make(path)


def _write_private(path: Path, text: str) -> None:
    from gateway import private_file
    from gateway.cli.files import make_folder

    make_folder(path.parent)
    private_file.create(path, text.encode())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _list(items: list[str]) -> str:
    return "[" + ", ".join(_quoted(item) for item in items) + "]"


def _partner(partner: str, address: str, *, mail: bool, smime: bool) -> str:
    kind, starts = ("mail", "mdn") if mail else ("gateway", "signed_receipt")
    comment = _("À partir de quelle preuve le délai court, et à partir de laquelle il s'enregistre sans confirmation.")
    suite = 'suite = "smime"\n' if smime else ""
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
