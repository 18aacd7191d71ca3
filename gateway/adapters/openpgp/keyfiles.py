"""OpenPGP key files (RFC 9580): our own key's folder, and public keys that people hand in.

Our own folder is ``<keys>/openpgp/`` and holds exactly one secret key, protected by a passphrase kept elsewhere. No
key is ever fetched from a network or taken from a mail.
"""

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import gnupg

from gateway.adapters.openpgp.command import environment
from gateway.domain.errors import KeyFileInvalid, OwnKeyUnusable
from gateway.domain.words import said

FOLDER = "openpgp"

# The agent's sockets must fit into sun_path (108 bytes on Linux); beyond about 100 gpg says "No agent running".
MAX_BASE_PATH = 60

# A key with many certifications and a photograph stays below; larger is a flooded key or no key.
MAX_KEY_FILE = 512 * 1024

# Older ones mix status lines with attacker's text (CVE-2018-12020).
OLDEST_GNUPG = (2, 2, 8)

GPG_CONF = """\
no-greeting
no-comments
no-emit-version
no-auto-key-retrieve
no-auto-key-locate
disable-dirmngr
no-auto-check-trustdb
no-symkey-cache
"""

# The passphrase is long and random, so stretching it would cost 0.36 s a use and protect nothing.
# No cache: otherwise a wrong passphrase succeeds after a right one.
AGENT_CONF = """\
s2k-count 65536
default-cache-ttl 0
max-cache-ttl 0
no-allow-external-cache
disable-scdaemon
"""

# How much goes to gpg, and comes from it, at a time.
_PIECE = 1024 * 1024

_PUBLIC_BLOCK = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


PREFIX = "gw-"
"""How the folders of homes are named, so that those of a killed process are found again."""


class KeyState(Enum):
    """What GnuPG says of a whole key, now."""

    USABLE = "usable"
    EXPIRED = "expired"
    REVOKED = "revoked"
    INVALID = "invalid"


_STATES = {"e": KeyState.EXPIRED, "r": KeyState.REVOKED, "i": KeyState.INVALID, "d": KeyState.INVALID}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """A key as GnuPG lists it now: upper-case primary fingerprint, expiry (aware UTC, None when it never ends).

    ``usable_until`` is when the key as a whole, or the last of its parts that sign or that encrypt, ends.
    ``can_encrypt`` and ``can_sign`` count expired and revoked parts as absent. ``signing`` is the fingerprint of the
    part that signs, ``encryption_ids`` the long ids of all parts that ever decrypt.
    """

    fingerprint: str
    expires_at: datetime | None
    usable_until: datetime | None
    state: KeyState
    can_encrypt: bool
    can_sign: bool
    signing: str | None
    encryption_ids: frozenset[str]
    keygrips: frozenset[str]


def base_folder() -> str:
    """A folder whose path is short enough for the agent's sockets, in memory where there is one."""
    for candidate in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()):
        if candidate and len(candidate) <= MAX_BASE_PATH and os.access(candidate, os.W_OK):
            return candidate
    return "/tmp"  # noqa: S108 - mkdtemp makes a private folder inside; the sockets need the short path


@contextmanager
def short_home() -> Iterator[Path]:
    """An empty private home that is gone afterwards, with the agent that gpg may have started for it."""
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base_folder()))
    try:
        write_options(path)
        yield path
    finally:
        stop_agent(path)
        shutil.rmtree(path, ignore_errors=True)


def write_options(home: Path) -> None:
    """Our own options, whatever lay there."""
    (home / "gpg.conf").write_text(GPG_CONF, encoding="ascii")
    (home / "gpg-agent.conf").write_text(AGENT_CONF, encoding="ascii")


def stop_agent(home: Path) -> None:
    """Ask the agent of exactly this home to end, and forget its socket folder."""
    for command in (["--kill", "gpg-agent"], ["--remove-socketdir"]):
        subprocess.run(  # noqa: S603 - constant command, path of ours
            ["gpgconf", "--homedir", str(home), *command],  # noqa: S607 - found by PATH like gpg itself
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            check=False,
        )


def client(home: Path) -> Any:
    """python-gnupg's object for a home.

    Raises:
        OwnKeyUnusable: GnuPG is missing or too old.
    """
    # At DEBUG it logs data, at WARNING status lines with user ids.
    logging.getLogger("gnupg").setLevel(logging.CRITICAL)
    try:
        gpg = gnupg.GPG(gnupghome=str(home), env=environment())
    except (OSError, ValueError) as error:
        raise OwnKeyUnusable(reason=said("GnuPG ne se lance pas sur cette machine.")) from error
    gpg.buffer_size = _PIECE
    if gpg.version is None or gpg.version < OLDEST_GNUPG:
        raise OwnKeyUnusable(reason=said("GnuPG 2.2.8 ou plus récent est nécessaire."))
    return gpg


def gnupg_version() -> tuple[int, ...]:
    """The version of GnuPG on this machine.

    Raises:
        OwnKeyUnusable: GnuPG is missing or too old.
    """
    with short_home() as home:
        return tuple(client(home).version)


def facts_of(entry: Mapping[str, Any]) -> KeyFacts:
    """Turn one entry of python-gnupg's listing into facts."""
    parts = [(entry["keyid"], entry["fingerprint"], entry)]
    parts += [(sub[0], sub[2], entry["subkey_info"][sub[0]]) for sub in entry["subkeys"]]
    live = [(fingerprint, info) for _, fingerprint, info in parts if info["trust"] not in _STATES]
    signers = [fingerprint for fingerprint, info in live if "s" in info["cap"]]
    grips = {entry.get("keygrip")} | {sub[3] for sub in entry["subkeys"]}
    state = _STATES.get(entry["trust"], KeyState.USABLE)
    usable = state is KeyState.USABLE
    return KeyFacts(
        fingerprint=entry["fingerprint"].upper(),
        expires_at=_end(entry),
        usable_until=_usable_until(entry, [info for _, info in live]),
        state=state,
        can_encrypt=usable and "E" in entry["cap"],
        can_sign=usable and "S" in entry["cap"],
        signing=signers[0].upper() if signers else None,
        encryption_ids=frozenset(keyid for keyid, _, info in parts if "e" in info["cap"]),
        keygrips=frozenset(grip for grip in grips if grip),
    )


def _end(entry: Mapping[str, Any]) -> datetime | None:
    return datetime.fromtimestamp(int(entry["expires"]), tz=UTC) if entry["expires"] else None


def _usable_until(entry: Mapping[str, Any], live: Sequence[Mapping[str, Any]]) -> datetime | None:
    ends = [_end(entry)]
    for ability in "se":
        parts = [_end(info) for info in live if ability in info["cap"]]
        known = [end for end in parts if end is not None]
        # A part that never ends outlives the others.
        ends.append(max(known) if known and len(known) == len(parts) else None)
    return min((end for end in ends if end is not None), default=None)


def read_public_key(armoured: bytes, *, path: str = "fourni") -> KeyFacts:
    """The facts of the one public key in an armoured file. ``path`` is only named in the error.

    Raises:
        KeyFileInvalid: private key, several keys, not armoured, too large, or no key at all.
    """
    with short_home() as home:
        return scan(client(home), armoured, path=path)


def scan(gpg: Any, armoured: bytes, *, path: str) -> KeyFacts:
    """As ``read_public_key``, with a client that exists already; nothing is imported."""
    if len(armoured) > MAX_KEY_FILE:
        raise KeyFileInvalid(path=path, reason=said("Le fichier est trop grand pour une clé publique."))
    if b"PRIVATE KEY" in armoured:
        raise KeyFileInvalid(path=path, reason=said("Le fichier contient une clé privée, qui ne doit jamais circuler."))
    if armoured.count(_PUBLIC_BLOCK) != 1 or armoured.count(b"-----BEGIN ") != 1:
        raise KeyFileInvalid(
            path=path, reason=said("Le fichier ne contient pas exactement un bloc de clé publique armoré.")
        )
    entries = list(gpg.scan_keys_mem(armoured))
    if any(entry["type"] != "pub" for entry in entries):
        raise KeyFileInvalid(path=path, reason=said("Le fichier contient une clé privée, qui ne doit jamais circuler."))
    if len(entries) > 1:
        raise KeyFileInvalid(path=path, reason=said("Le fichier contient plusieurs clés."))
    if not entries or not entries[0].get("fingerprint"):
        raise KeyFileInvalid(path=path, reason=said("Le fichier ne contient pas de clé publique lisible."))
    return facts_of(entries[0])


def generate(keys_dir: Path, name: str, address: str, passphrase: str, *, expires: str = "3y") -> str:
    """Make our own key (ed25519 to sign, cv25519 to decrypt) in ``<keys_dir>/openpgp`` and return its fingerprint.

    ``expires`` is GnuPG's notation (``3y``, ``90d``, ``seconds=1`` or ``0`` for never). The folder appears whole or not
    at all.

    Raises:
        OwnKeyUnusable: a key is there already, a field holds a control character, or GnuPG failed.
    """
    target = keys_dir / FOLDER
    if target.exists():
        raise OwnKeyUnusable(reason=said("Une clé existe déjà dans ce dossier ; elle n'est jamais remplacée."))
    fields = (name, address, passphrase, expires)
    if not all(field.strip() == field and field and field.isprintable() for field in fields):
        raise OwnKeyUnusable(reason=said("Un champ de la clé est vide ou contient un caractère interdit."))
    with short_home() as home:
        # Without a cache the passphrase is forgotten when the second ends, and signing the new key asks for it again.
        (home / "gpg-agent.conf").write_text(AGENT_CONF.replace("-ttl 0", "-ttl 60"), encoding="ascii")
        result = client(home).gen_key(_parameters(name, address, passphrase, expires).encode())
        if result.returncode != 0 or not result.fingerprint:
            raise OwnKeyUnusable(reason=said("GnuPG n'a pas pu créer la clé."))
        _install(home, target)
    return str(result.fingerprint).upper()


def _parameters(name: str, address: str, passphrase: str, expires: str) -> str:
    lines = ["Key-Type: EDDSA", "Key-Curve: ed25519", "Key-Usage: sign", "Subkey-Type: ECDH"]
    lines += ["Subkey-Curve: cv25519", "Subkey-Usage: encrypt", f"Name-Real: {name}", f"Name-Email: {address}"]
    lines += [f"Expire-Date: {expires}", f"Passphrase: {passphrase}", "%commit", ""]
    return "\n".join(lines)


def _install(home: Path, target: Path) -> None:
    """Copy beside the target, flush, then rename: a power cut leaves no half key under the real name."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".openpgp-", dir=target.parent))
    try:
        copy_own_files(home, fresh)
        shutil.copytree(home / "openpgp-revocs.d", fresh / "openpgp-revocs.d")
        write_options(fresh)
        for path in (*fresh.rglob("*"), fresh):
            path.chmod(0o700 if path.is_dir() else 0o600)
            _flush(path)
        fresh.rename(target)
        _flush(target.parent)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_own_files(source: Path, target: Path) -> None:
    """Public ring and protected private keys, nothing else.

    Raises:
        OwnKeyUnusable: they are missing or unreadable.
    """
    try:
        shutil.copyfile(source / "pubring.kbx", target / "pubring.kbx")
        shutil.copytree(source / "private-keys-v1.d", target / "private-keys-v1.d")
    except OSError as error:
        raise OwnKeyUnusable(reason=said("Le dossier de la clé est absent, incomplet ou illisible.")) from error


def own_key(own_dir: Path) -> KeyFacts:
    """Facts of the one key in our own folder.

    Raises:
        OwnKeyUnusable: no key, several keys, or a private part is missing.
    """
    with short_home() as home:
        copy_own_files(own_dir, home)
        return sole_key(client(home), home)


def sole_key(gpg: Any, home: Path) -> KeyFacts:
    """As ``own_key``, for a home that holds nothing but our own files yet."""
    if len(list(gpg.list_keys())) != 1:
        raise OwnKeyUnusable(reason=said("Le dossier de la clé doit contenir exactement une clé."))
    return own_facts(gpg, home)


def own_facts(gpg: Any, home: Path) -> KeyFacts:
    """Facts of the one key whose private parts lie in this home, beside any number of public keys. Needs no agent.

    Raises:
        OwnKeyUnusable: the private parts are not those of exactly one key.
    """
    owned = all_own_facts(gpg, home)
    if len(owned) != 1:
        raise OwnKeyUnusable(reason=said("Les parties privées du dossier ne sont pas celles d'exactement une clé."))
    return owned[0]


def all_own_facts(gpg: Any, home: Path) -> tuple[KeyFacts, ...]:
    """The same of every key whose private parts lie in this home: ours, and for a while our former one.

    Raises:
        OwnKeyUnusable: a private part lacks, or is nobody's.
    """
    stored = {path.stem for path in (home / "private-keys-v1.d").iterdir()}
    owned = tuple(facts for facts in map(facts_of, gpg.list_keys()) if facts.keygrips & stored)
    if not owned or frozenset().union(*(facts.keygrips for facts in owned)) != stored:
        raise OwnKeyUnusable(reason=said("Les parties privées du dossier ne sont pas celles d'exactement une clé."))
    return owned


def own_fingerprint(own_dir: Path) -> str:
    """Upper-case primary fingerprint of our own key.

    Raises:
        OwnKeyUnusable: no key, several keys, or a private part is missing.
    """
    return own_key(own_dir).fingerprint


def export_public(own_dir: Path) -> str:
    """Our own public key, armoured, without anybody else's certifications.

    Raises:
        OwnKeyUnusable: no key, several keys, or a private part is missing.
    """
    with short_home() as home:
        copy_own_files(own_dir, home)
        gpg = client(home)
        return str(gpg.export_keys(sole_key(gpg, home).fingerprint, minimal=True))


def revoked_public(own_dir: Path) -> str:
    """Our own public key with the revocation that GnuPG prepared when it was made; our own folder stays as it is.

    Raises:
        OwnKeyUnusable: no key, several keys, no prepared revocation, or GnuPG does not take it.
    """
    with short_home() as home:
        copy_own_files(own_dir, home)
        gpg = client(home)
        fingerprint = sole_key(gpg, home).fingerprint
        try:
            prepared = (own_dir / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise OwnKeyUnusable(reason=said("La révocation préparée n'est pas dans le dossier de la clé.")) from error
        # GnuPG puts a colon before the armour, so that nobody imports it by mistake.
        _, armour, block = prepared.partition("-----BEGIN PGP PUBLIC KEY BLOCK-----")
        gpg.import_keys(armour + block)
        if facts_of(gpg.list_keys(keys=fingerprint)[0]).state is not KeyState.REVOKED:
            raise OwnKeyUnusable(reason=said("GnuPG n'a pas pris la révocation préparée."))
        return str(gpg.export_keys(fingerprint, minimal=True))
