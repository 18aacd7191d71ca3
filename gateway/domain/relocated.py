"""What keeps a database from being moved, shared or put back, and a console from serving.

Part of :mod:`gateway.domain.errors`.
"""

from gateway.domain.fault import Fault, GatewayError


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


class AlreadyAsked(GatewayError):
    """The same act was asked for before, under the same key."""

    fault = Fault.OPERATOR
    exit_code = 4
    what = "C'est déjà fait : le même envoi a été reçu une première fois."
    mend = "Rien n'a été fait deux fois ; regardez le dossier."


class Overtaken(GatewayError):
    """Somebody or something changed the case after the page was shown on which this act was asked for."""

    fault = Fault.OPERATOR
    exit_code = 4
    what = "Rien n'a été fait : le dossier a changé depuis que cette page s'est affichée."
    why = "{changes}."
    mend = "Relisez la page, puis recommencez si c'est encore nécessaire."


class CannotListen(GatewayError):
    """The console's place is taken, or not this machine's."""

    fault = Fault.OPERATOR
    exit_code = 5
    what = "La console ne peut pas écouter sur {place}."
    why = "{reason}"
    mend = "Donnez un autre [web] port, ou arrêtez le programme qui tient celui-ci."


class ExtraMissing(GatewayError):
    """The console was asked for where its libraries are not installed."""

    fault = Fault.OPERATOR
    exit_code = 3
    what = "La console demande encore : {packages}."
    mend = "Installez-les dans l'environnement de la passerelle : pip install 'soins-gateway[web]'."
