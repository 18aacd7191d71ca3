"""What disks and databases refuse, and what keeps one from being copied, shared or put back.

Part of :mod:`gateway.domain.errors`.
"""

from gateway.domain.fault import Fault, GatewayError


class StorageFailed(GatewayError):
    """A write, fsync or commit failed: full disk, read-only disk, damaged file. Nothing was acknowledged."""

    fault = Fault.WORLD
    retry = True
    exit_code = 6
    what = "Écriture impossible dans {place}."
    why = "{reason}"
    mend = "Libérez de la place ou rendez le disque inscriptible ; rien n'a été accusé ni perdu."


class DatabaseUnreachable(StorageFailed):
    """The PostgreSQL server is not there, or did not do what was asked. Nothing was acknowledged."""

    what = "Le serveur de {place} n'a pas fait ce qui lui était demandé."
    mend = "Vérifiez le serveur PostgreSQL et [database] ; rien n'a été accusé ni perdu."


class DatabaseDamaged(GatewayError):
    """The database fails its integrity check or is of an unknown version."""

    fault = Fault.WORLD
    exit_code = 6
    what = "La base de données est refusée."
    why = "{reason}"
    mend = "Restaurez une sauvegarde ; la passerelle ne démarre pas sur une base douteuse."


class AlreadyThere(GatewayError):
    """A constraint says that this row exists: the same mail, request or act was recorded before."""

    what = "Déjà enregistré ({table})."


class DatabaseNotCopied(GatewayError):
    """The copy to another server was refused, or did not come out equal; the target is as it was."""

    fault = Fault.OPERATOR
    exit_code = 6
    what = "La base n'a pas été copiée."
    why = "{reason}"
    mend = "La base d'origine est intacte et reste en service ; la base d'arrivée est telle qu'avant."


class LeaseLost(GatewayError):
    """Another gateway of the same database does this work now."""

    fault = Fault.WORLD
    retry = True
    exit_code = 6
    what = "Une autre passerelle a repris ce travail ({work})."
    why = "Celle-ci n'a pas donné signe de vie à temps ; rien de ce qu'elle faisait n'a été inscrit."
    mend = "Rien à faire : elle attend son tour, et envoie de nouveau dès qu'elle est revenue."


class BackupUnusable(GatewayError):
    """The file is no backup of ours, or does not open to its end."""

    fault = Fault.OPERATOR
    exit_code = 6
    what = "Cette sauvegarde est inutilisable."
    why = "{reason}"
    mend = "Vérifiez [vault] master_key, ou prenez une autre sauvegarde ; rien n'a été changé."


class NotRestored(GatewayError):
    """A backup was not put back, because that would overwrite or lose something."""

    fault = Fault.OPERATOR
    exit_code = 6
    what = "La sauvegarde n'a pas été remise en place."
    why = "{reason}"
    mend = "{act}"
