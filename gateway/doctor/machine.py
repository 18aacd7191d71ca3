"""The programs that the gateway stands on: interpreter, libraries, GnuPG, SQLite, and a mail server on this machine.

The two self-tests are of header injection: this Python's own mail library may turn an encoded subject into a second
field (CVE-2024-6923); what we send is written by our own writer, which must refuse that whatever the library does.
"""

import email
import os
import platform
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from email import policy
from email.message import EmailMessage
from importlib import metadata

from gateway.adapters.openpgp.keyfiles import gnupg_version
from gateway.doctor.advisories import Version, concerning, dotted
from gateway.doctor.finding import Finding, blocking, fine, to_know
from gateway.domain.errors import MailMalformed
from gateway.domain.words import said
from gateway.wire import compose, mime

DISTRIBUTION = "soins-gateway"
PROGRAMS = ("gpg", "gpg-agent", "gpg-connect-agent", "gpgconf")

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9.]+)")
_ENCODED = b"Subject: =?utf-8?q?essai=0d=0aBcc:=20intrus?=\r\n\r\n"
_HOSTILE = ("\r\nBcc: intrus", "\nBcc: intrus", "\rBcc: intrus", "\u2028Bcc: intrus", "\x85Bcc: intrus", "\x00")


def numbers(text: str) -> Version:
    """The numbers of a version, as they compare; what follows a letter does not count."""
    plain = re.match(r"[0-9.]*", text)
    return tuple(int(number) for number in (plain[0] if plain else "").split(".") if number)


def account() -> Iterator[Finding]:
    """An account of its own: what opens hostile mail must not rule the machine."""
    if os.geteuid() == 0:
        yield to_know(
            "machine.account",
            said("La passerelle tourne avec le compte root."),
            said("Un défaut dans ce qui ouvre les courriers donnerait toute la machine."),
            said(
                "Donnez-lui un compte sans autre usage, à qui vous remettez la configuration, les clés et les données."
            ),
        )


# --- Python and its mail library.


def python() -> Iterator[Finding]:
    """The interpreter, and whether its mail library injects header fields."""
    version = platform.python_version()
    yield fine("machine.python", said("Python {version}.", version=version), version=version)
    if library_injects():
        yield to_know(
            "machine.headers",
            said("La bibliothèque de courrier de ce Python laisse injecter des en-têtes (CVE-2024-6923)."),
            said("La passerelle écrit ses courriers elle-même et n'en dépend pas ; d'autres programmes, si."),
            said("Mettez Python à jour : 3.11.10, 3.12.5 ou plus récent, ou le paquet corrigé de votre distribution."),
            version=version,
        )
    else:
        yield fine("machine.headers", said("La bibliothèque de courrier de ce Python refuse les en-têtes injectés."))


def library_injects() -> bool:
    """Whether a decoded subject becomes two fields when it is copied to another mail."""
    parsed = email.message_from_bytes(_ENCODED, policy=policy.default)
    copied = EmailMessage()
    try:
        copied["Subject"] = parsed["Subject"]
        written = copied.as_bytes()
    except ValueError:
        # Mended versions refuse it (email.errors.HeaderWriteError).
        return False
    return b"\nBcc:" in written


def writer(write: Callable[[str, str], bytes] = compose.field) -> Iterator[Finding]:
    """Our own writer, fed what an attacker would hide in a subject."""
    copied = str(email.message_from_bytes(_ENCODED, policy=policy.default)["Subject"])
    passed = [text for text in (copied, *(f"essai{end}" for end in _HOSTILE)) if _injects(write, text)]
    if passed:
        yield blocking(
            "machine.writer",
            said("La passerelle elle-même laisserait injecter un en-tête."),
            said("Un champ malveillant pourrait partir dans un courrier scellé."),
            said("N'envoyez rien avec cette version et signalez-le : c'est un défaut de notre part."),
            passed=len(passed),
        )
    else:
        yield fine("machine.writer", said("La passerelle refuse d'écrire tout en-tête injecté (essayé à l'instant)."))


def _injects(write: Callable[[str, str], bytes], text: str) -> bool:
    try:
        written = write("Subject", text)
        return mime.parse_headers(written).names() != ("subject",)
    except MailMalformed:
        # Refused, by the writer itself or as what no reader would take for one field.
        return False


# --- Libraries and programs.


def libraries() -> Iterator[Finding]:
    """Each library against the oldest version that we demand."""
    try:
        demanded = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield to_know("machine.libraries", said("Versions non vérifiées : la passerelle n'est pas installée par pip."))
        return
    wanted = [match for text in demanded if (match := _REQUIREMENT.fullmatch(text))]
    faulty = [finding for name, least in (match.groups() for match in wanted) for finding in _library(name, least)]
    yield from faulty
    if not faulty:
        yield fine(
            "machine.libraries",
            said("{count} bibliothèques, toutes assez récentes.", count=len(wanted)),
            **_installed(wanted),
        )


def _installed(wanted: list[re.Match[str]]) -> dict[str, object]:
    return {"versions": {match[1]: metadata.version(match[1]) for match in wanted}}


def _library(name: str, least: str) -> Iterator[Finding]:
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        found = ""
    if numbers(found) < numbers(least):
        yield blocking(
            "machine.libraries",
            said(
                "Bibliothèque {name} : {found} ; il faut {least} au moins.", name=name, found=found or "–", least=least
            ),
            said("Les versions plus anciennes ont des défauts connus, ou ne font pas ce qu'il faut."),
            said("Réinstallez la passerelle avec les versions verrouillées de requirements.lock."),
            library=name,
            version=found,
            least=least,
        )


def gnupg() -> Iterator[Finding]:
    """GnuPG and the programs that it comes with.

    Raises:
        OwnKeyUnusable: missing or too old.
    """
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        yield blocking(
            "machine.gnupg",
            said("Programmes absents : {names}.", names=", ".join(absent)),
            said("Rien ne peut être signé, chiffré ni ouvert."),
            said("Installez GnuPG (sur Debian : apt install gnupg)."),
            absent=absent,
        )
        return
    yield from _versioned("machine.gnupg", "GnuPG", "gnupg", gnupg_version())


def sqlite() -> Iterator[Finding]:
    """The database library of this Python."""
    yield from _versioned("machine.sqlite", "SQLite", "sqlite", sqlite3.sqlite_version_info)


def _versioned(check: str, title: str, product: str, version: Version) -> Iterator[Finding]:
    number = dotted(version)
    known = concerning(product, version)
    if not known:
        yield fine(check, said("{title} {version}.", title=title, version=number), version=number)
    for advisory in known:
        yield to_know(
            check,
            said("{title} {version} : défaut connu {id}.", title=title, version=number, id=advisory.id),
            said(
                "Dans cette version, {effect} ; votre distribution l'a peut-être corrigé sans changer de numéro.",
                effect=advisory.effect,
            ),
            said(
                "Tenez ce paquet à jour ; son auteur l'a corrigé dans {versions}.",
                versions=", ".join(map(dotted, advisory.mended)),
            ),
            version=number,
            advisory=advisory.id,
        )


def postfix() -> Iterator[Finding]:
    """A Postfix on this machine must not take bare line ends, which smuggle a second mail in (CVE-2023-51764)."""
    program = shutil.which("postconf") or shutil.which("postconf", path="/usr/sbin")
    if program is None:
        return
    asked = subprocess.run(  # noqa: S603  a constant question to a program of the system
        [program, "-h", "smtpd_forbid_bare_newline"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if asked.returncode == 0 and asked.stdout.strip() in {b"", b"no"}:
        yield to_know(
            "machine.postfix",
            said("Le Postfix de cette machine accepte des fins de ligne isolées (CVE-2023-51764)."),
            said("Un courrier peut en cacher un second, qui paraît venir d'un de vos serveurs."),
            said("S'il reçoit votre courrier : postconf -e smtpd_forbid_bare_newline=normalize, puis rechargez-le."),
        )
