"""Why a database refused, in our words: a driver's own may quote bound values, rows or the account's name."""

import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from gateway.domain.errors import DatabaseBusy, DatabaseUnreachable, DiskUnreliable, StorageFailed
from gateway.domain.words import Said, said

_SQLITE = {
    "SQLITE_NOTADB": said("Ce n'est pas une base SQLite."),
    "SQLITE_CORRUPT": said("Le fichier est abîmé."),
    "SQLITE_CANTOPEN": said("Le fichier ne s'ouvre pas."),
    "SQLITE_READONLY": said("Le fichier est en lecture seule."),
    "SQLITE_PERM": said("L'accès est refusé à ce compte."),
    "SQLITE_FULL": said("Le disque est plein."),
    "SQLITE_IOERR": said("Le disque signale une erreur."),
    "SQLITE_BUSY": said("Un autre processus écrit depuis trop longtemps."),
    "SQLITE_LOCKED": said("Un autre processus écrit depuis trop longtemps."),
}
_NO_ROOM = frozenset({"SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_SHMMAP"})
"""Beside the file SQLite needs a little room even to read it."""

_UNCONFIRMED = frozenset({"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"})
_DAMAGED = frozenset({"SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_FORMAT", "SQLITE_ERROR", "SQLITE_IOERR"})
_POSTGRESQL = {
    "28": said("Le serveur PostgreSQL refuse ce compte ou son mot de passe."),
    "3D": said("Cette base n'existe pas sur le serveur PostgreSQL."),
    "08": said("Le serveur PostgreSQL ne répond pas."),
    "57": said("Le serveur PostgreSQL s'arrête ou a rompu la liaison."),
    "25P03": said("Le serveur PostgreSQL a rompu un acte resté trop longtemps sans suite."),
    "25006": said("Ce serveur PostgreSQL est en lecture seule."),
    "42501": said("L'accès est refusé à ce compte."),
    "53100": said("Le disque est plein."),
    "53300": said("Le serveur PostgreSQL n'accepte plus de connexion."),
    "58": said("Le disque signale une erreur."),
    "55P03": said("Un autre processus écrit depuis trop longtemps."),
    "XX001": said("La base est abîmée."),
    "XX002": said("La base est abîmée."),
}
"""By SQLSTATE, or by its class: the first two signs."""

_UNREACHABLE = said("Le serveur PostgreSQL ne répond pas, ou refuse ce compte, son mot de passe ou cette base.")
_VALUES = ("22", "23", "54")
"""Classes of SQLSTATE about the values of a row: what they are, what they refer to, how long they are."""


def driver_reason(error: DBAPIError) -> Said | str:
    """Why, as a person can use it; the name of the error where we have no words for it."""
    if getattr(error.orig, "sqlite_errorname", ""):
        return sqlite_reason(error.orig)
    kind = type(error.orig).__name__
    if not _is_postgresql(error):
        return f"{kind}."
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if not state:
        # Before there is a session there is no code, only words in the server's language.
        return _UNREACHABLE
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2]) or f"{kind} {state}."


def sqlite_reason(error: BaseException | None) -> Said | str:
    """The same of an error of SQLite itself."""
    name = str(getattr(error, "sqlite_errorname", ""))
    if name in _NO_ROOM:
        return said("Le disque est plein, ou signale une erreur.")
    return _SQLITE.get(_primary(name)) or f"{type(error).__name__} {name}.".replace(" .", ".")


def speaks_of_damage(error: DBAPIError) -> bool:
    """Whether SQLite refuses what the file is; otherwise the file may be whole: no room, no right, no turn."""
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    return name not in _NO_ROOM and _primary(name) in _DAMAGED


def _primary(name: str) -> str:
    """Extended names add to the primary ones: SQLITE_IOERR_FSYNC."""
    return "_".join(name.split("_")[:2])


def failure(error: DBAPIError) -> StorageFailed:
    """The error of ours that says it."""
    if getattr(error.orig, "sqlite_errorname", "") in _UNCONFIRMED:
        return DiskUnreliable(place=said("la base de données"), reason=driver_reason(error))
    if _is_busy(error):
        return DatabaseBusy(reason=driver_reason(error))
    # A PostgreSQL server that meets the same stops by itself.
    kind = DatabaseUnreachable if _is_postgresql(error) else StorageFailed
    return kind(place=said("la base de données"), reason=driver_reason(error))


def _is_busy(error: DBAPIError) -> bool:
    primary = _primary(str(getattr(error.orig, "sqlite_errorname", "")))
    return primary in {"SQLITE_BUSY", "SQLITE_LOCKED"} or getattr(error.orig, "sqlstate", None) == "55P03"


def is_defect(error: DBAPIError) -> bool:
    """A value that the row cannot hold. It is not the server's fault, and trying again changes nothing."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return isinstance(error, IntegrityError | DataError) or state.startswith(_VALUES)


def _is_postgresql(error: DBAPIError) -> bool:
    return hasattr(error.orig, "sqlstate")


class translated:  # noqa: N801  reads as a word in a with statement
    """Errors of the database leave as StorageFailed, broken constraints as LookupError; errors of ours pass.

    The driver's own words may hold bound values: only the kind of the error leaves.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            # From the driver itself; SQLAlchemy's error has the same words without the statement's values.
            error = DBAPIError.instance("", None, error, sqlite3.Error)
        if isinstance(error, DBAPIError) and is_defect(error):
            reason = f"a constraint refuses the row: {driver_reason(error)}"
            raise LookupError(reason) from None
        if isinstance(error, DBAPIError):
            raise failure(error) from None
