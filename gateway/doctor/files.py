"""Files: secrets that only their owner reads, data that only the gateway's account reads, room on the disk."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway import records
from gateway.adapters.master_key import master_key_of
from gateway.adapters.openpgp.keyfiles import base_folder
from gateway.config import Settings
from gateway.doctor.finding import Finding, Words, blocking, fine, of_error, to_mend
from gateway.doctor.installation import Installation
from gateway.domain.errors import DatabaseMissing, GatewayError
from gateway.domain.words import said
from gateway.setting import Secret

MIB = 1024 * 1024
LITTLE_ROOM, NO_ROOM = 1024 * MIB, 200 * MIB
"""Free bytes below which somebody should make room, and below which a few large mails fill the disk."""
LITTLE_TEMPORARY = 50 * MIB
"""A GnuPG home takes far less than one; each worker has its own."""
FEW_INODES = 10_000
"""Each mail is a file of its own."""

OTHERS = 0o077
OTHERS_WRITE = 0o022


# --- Secrets.


def secrets(installation: Installation) -> Iterator[Finding]:
    """Every secret that the configuration names can be read by us and by nobody else."""
    settings = installation.settings
    named = list(_named(settings))
    faulty = [finding for place, secret in named for finding in _secret(place, secret)]
    if hasattr(settings, "vault"):
        for place in ("master_key", "former_master_key"):
            secret = getattr(settings.vault, place)
            if secret is not None:
                named.append((f"[vault] {place}", secret))
                faulty += _master_key(f"[vault] {place}", secret)
    faulty += [finding for path in _private_files(settings) for finding in _private(path)]
    faulty += _configuration(installation.config)
    yield from faulty
    if named and not faulty:
        yield fine("files.secrets", said("{count} secrets, que ce compte seul peut lire.", count=len(named)))


def _named(settings: Settings) -> Iterator[tuple[str, Secret]]:
    for section, key in (
        ("imap", "password"),
        ("smtp", "password"),
        ("openpgp", "passphrase"),
        ("smime", "key"),
        ("smime", "passphrase"),
        ("smime", "former_key"),
        ("smime", "former_passphrase"),
        ("oauth", "client_secret"),
        ("audit", "key"),
    ):
        secret = getattr(getattr(settings, section, None), key, None)
        if secret is not None:
            yield f"[{section}] {key}", secret


def _secret(place: str, secret: Secret) -> Iterator[Finding]:
    try:
        secret.read()
    except GatewayError as error:
        yield of_error("files.secrets", error, place=place)
        return
    if secret.file is not None:
        yield from _owned(secret.file)


def _master_key(place: str, source: Secret) -> Iterator[Finding]:
    try:
        master_key_of(source)
    except GatewayError as error:
        yield of_error("files.secrets", error, place=place)


def _private_files(settings: Settings) -> Iterator[Path]:
    """Files that are secrets without being named as one: private keys of certificates and of OpenPGP, a token."""
    for section in ("imap", "smtp"):
        key = getattr(getattr(settings, section, None), "client_key", None)
        if key is not None:
            yield key
    if settings.oauth is not None and settings.oauth.file is not None:
        yield settings.oauth.file
    openpgp = settings.openpgp if hasattr(settings, "openpgp") else None
    for folder in (openpgp.folder, openpgp.former_folder) if openpgp is not None else ():
        if folder is not None and folder.is_dir():
            yield folder
            yield from sorted(path for path in (folder / "private-keys-v1.d").glob("*") if path.is_file())


def _private(path: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        yield blocking(
            "files.secrets",
            said("{path} n'existe pas.", path=path),
            said("La configuration le nomme."),
            said("Corrigez le chemin, ou restaurez ce fichier."),
            path=str(path),
        )
        return
    if mode & OTHERS:
        yield _too_open("files.secrets", path, mode)
    yield from _owned(path)


def _too_open(check: str, path: Path, mode: int) -> Finding:
    right = "0700" if path.is_dir() else "0600"
    return to_mend(
        check,
        said("D'autres comptes ont accès à {path} ({mode}).", path=path, mode=f"{mode:04o}"),
        said("Les secrets et les données ne doivent être lisibles que par le compte de la passerelle."),
        said("chmod {right} {path}", right=right, path=path),
        path=str(path),
        mode=f"{mode:04o}",
    )


def _owned(path: Path) -> Iterator[Finding]:
    owner = path.stat().st_uid
    if owner not in {os.geteuid(), 0}:
        yield to_mend(
            "files.secrets",
            said("{path} appartient à un autre compte (uid {uid}).", path=path, uid=owner),
            said("Cet autre compte peut le changer."),
            said("chown {uid} {path}", uid=os.geteuid(), path=path),
            path=str(path),
            owner=owner,
        )


def _configuration(config: Path) -> Iterator[Finding]:
    """It holds no secret, but decides who is believed."""
    if not config.exists():
        return
    mode = stat.S_IMODE(config.stat().st_mode)
    if mode & OTHERS_WRITE:
        yield to_mend(
            "files.secrets",
            said("D'autres comptes peuvent changer {path} ({mode}).", path=config, mode=f"{mode:04o}"),
            said("La configuration décide de qui est cru, et dès quelle preuve."),
            said("chmod go-w {path}", path=config),
            path=str(config),
            mode=f"{mode:04o}",
        )


# --- Data.


def data(installation: Installation) -> Iterator[Finding]:
    """The data folder is there, ours, and closed to others.

    Raises:
        DatabaseMissing: there is no such folder.
        NotAllowed: it is another account's.
    """
    folder = installation.settings.gateway.data
    if not folder.is_dir():
        raise DatabaseMissing(path=folder)
    records.require_owner(folder)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & OTHERS:
        yield _too_open("files.data", folder, mode)
        return
    foreign = [path for path in (folder, *folder.iterdir()) if path.stat().st_uid != os.geteuid()]
    if foreign:
        yield blocking(
            "files.data",
            said(
                "Dans {folder}, des fichiers appartiennent à un autre compte : {names}.",
                folder=folder,
                names=_names(foreign),
            ),
            said("Une commande a été lancée avec un autre compte ; le service ne pourra plus les écrire."),
            said("chown -R {uid} {folder}", uid=os.geteuid(), folder=folder),
            files=[path.name for path in foreign],
        )
        return
    yield fine("files.data", said("Données : {folder}, à ce compte seul.", folder=folder), path=str(folder))


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)


# --- Room.


def disk(installation: Installation) -> Iterator[Finding]:
    """Free space and inodes where data and GnuPG's passing homes lie, and whether that can be written."""
    data = installation.settings.gateway.data
    yield _room("files.disk", said("Données ({path})", path=data), data, little=LITTLE_ROOM, none=NO_ROOM)
    passing = Path(base_folder())
    title = said("Fichiers de passage ({path})", path=passing)
    yield _room("files.temporary", title, passing, little=LITTLE_TEMPORARY, none=LITTLE_TEMPORARY // 5)


def _room(check: str, title: Words, place: Path, *, little: int, none: int) -> Finding:
    while not place.exists():
        place = place.parent
    facts = os.statvfs(place)
    free, inodes = facts.f_bavail * facts.f_frsize, facts.f_favail
    told = {"path": str(place), "free_bytes": free, "free_inodes": inodes}
    if facts.f_flag & os.ST_RDONLY or not os.access(place, os.W_OK):
        return blocking(
            check,
            said("{title} : rien ne peut y être écrit.", title=title),
            said("Le disque est en lecture seule, ou ce compte n'y a pas droit : rien ne peut être enregistré."),
            said("Remontez le disque en écriture, ou corrigez les droits ; une erreur du disque se lit dans dmesg."),
            **told,
        )
    if free < little or (facts.f_files and inodes < FEW_INODES):
        make = blocking if free < none else to_mend
        return make(
            check,
            said(
                "{title} : il ne reste que {free} Mio, {inodes} fichiers.", title=title, free=free // MIB, inodes=inodes
            ),
            said("Un disque plein arrête la passerelle ; rien n'est perdu, mais rien n'est plus reçu ni envoyé."),
            said("Libérez de la place."),
            **told,
        )
    return fine(check, said("{title} : {free} Mio libres.", title=title, free=free // MIB), **told)
