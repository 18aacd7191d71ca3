"""Every error of the gateway: one root, and leaves that carry fields instead of prose.

A leaf says whose fault it is, whether trying again can help, which exit code the command line returns, and holds three
templates (what happened, why, the mend) that are filled from its fields. No field ever holds mail content, a subject,
a person's name or an address.
"""

from gateway.domain.disproved import AuditBroken, CheckpointInvalid, DossierBroken
from gateway.domain.fault import Fault, GatewayError
from gateway.domain.refused import (
    ChangedMeanwhile,
    DeskError,
    FicheInvalid,
    FileUnreadable,
    FileUnwritten,
    IllegalTransition,
    MailTooLarge,
    NoCorrespondent,
    NotAllowed,
    PreconditionMissing,
    RequestTooLate,
    Stale,
    Unknown,
)
from gateway.domain.relocated import (
    AlreadyAsked,
    BackupUnusable,
    CannotListen,
    DatabaseNotCopied,
    ExtraMissing,
    LeaseLost,
    NotRestored,
    Overtaken,
)
from gateway.domain.unproven import (
    AccessInvalid,
    InvitationOver,
    ProofOwed,
    ProviderRefused,
    SignInRefused,
    TooManyTries,
)

__all__ = [
    "AccessInvalid",
    "AlreadyAsked",
    "AuditBroken",
    "BackupUnusable",
    "CannotListen",
    "ChangedMeanwhile",
    "CheckpointInvalid",
    "DatabaseNotCopied",
    "DeskError",
    "DossierBroken",
    "ExtraMissing",
    "Fault",
    "FicheInvalid",
    "FileUnreadable",
    "FileUnwritten",
    "GatewayError",
    "IllegalTransition",
    "InvitationOver",
    "LeaseLost",
    "MailTooLarge",
    "NoCorrespondent",
    "NotAllowed",
    "NotRestored",
    "Overtaken",
    "PreconditionMissing",
    "ProofOwed",
    "ProviderRefused",
    "RequestTooLate",
    "SignInRefused",
    "Stale",
    "TooManyTries",
    "Unknown",
]
"""Defined elsewhere, and taken from here with the leaves."""


# --- configuration and secrets (the operator mends them)


class ConfigError(GatewayError):
    """Root of what is wrong in the configuration."""

    fault = Fault.OPERATOR
    exit_code = 3


class ConfigUnreadable(ConfigError):
    """The configuration file cannot be read or is not TOML."""

    what = "Le fichier de configuration {path} est illisible."
    why = "{reason}"
    mend = "Indiquez un fichier existant avec --config, ou créez-le avec « gateway init »."


class ConfigClosed(ConfigError):
    """The configuration belongs to the gateway's account, and another account runs the command."""

    what = "Ce compte ne peut pas lire la configuration {path}."
    mend = "Lancez la commande avec le compte de la passerelle : sudo -u {owner} gateway …"


class ConfigInvalid(ConfigError):
    """One or more keys are unknown, missing or wrong; all of them are listed at once."""

    what = "La configuration {path} contient des erreurs :"
    why = "{faults}"
    mend = "Corrigez ces clés ; config/gateway.example.toml explique chacune."


class SecretUnreadable(ConfigError):
    """A password, token or key file named by the configuration cannot be read, or is too open."""

    what = "Le secret {source} est inutilisable."
    why = "{reason}"
    mend = "Vérifiez le chemin, le propriétaire et les droits (0600)."


class CalendarInvalid(ConfigError):
    """The calendar file does not say what a calendar must say."""

    what = "Le calendrier {path} est invalide."
    why = "{reason}"
    mend = "Vérifiez ses lignes (date, name, status, source) et covers_until, ou remettez le fichier précédent."


class DatabaseMissing(ConfigError):
    """The database named by the configuration does not exist; creating one by mistake would hide the real one."""

    what = "La base de données {path} n'existe pas."
    why = "La passerelle n'en crée jamais en cours de route : ce pourrait être une erreur de chemin."
    mend = "Corrigez [gateway] data. Base perdue : « gateway restore ». Première installation : « gateway init »."


class RehearsalOnly(ConfigError):
    """The database belongs to a demonstration, whose time is not the world's."""

    what = "Cette base est celle d'une démonstration."
    why = "Son horloge est virtuelle : rien de réel ne doit y être envoyé ni enregistré."
    mend = "Pour un vrai service, lancez « gateway init » dans un autre dossier."


class AlreadyRunning(ConfigError):
    """Another daemon already works on this data folder."""

    what = "Une autre passerelle travaille déjà sur {path}."
    why = "Deux processus sur une même base SQLite se gêneraient."
    mend = "Arrêtez l'autre processus, ou donnez à celui-ci sa propre configuration."


# --- keys


class KeyFault(GatewayError):
    """Root of what is wrong with a key of ours or of a partner."""

    fault = Fault.OPERATOR
    exit_code = 4


class KeyMissing(KeyFault):
    """No key is pinned for a partner that must receive a sealed mail; nothing leaves."""

    what = "Aucune clé de {partner} n'est enregistrée : rien n'est parti."
    why = "Le courrier ne part jamais en clair."
    mend = "Importez sa clé : gateway keys import FICHIER --partner {partner} --fingerprint EMPREINTE."


class KeyUnusable(KeyFault):
    """A pinned key is expired, revoked or cannot encrypt; nothing leaves."""

    what = "La clé {fingerprint} de {partner} est inutilisable : rien n'est parti."
    why = "{reason}"
    mend = "Demandez au partenaire sa clé à jour et importez-la avec « gateway keys import »."


class OwnKeyUnusable(KeyFault):
    """Our own key is missing, expired, revoked, or the signature was not made by it."""

    what = "La clé de signature de la passerelle est inutilisable."
    why = "{reason}"
    mend = "Vérifiez le dossier des clés et la phrase secrète ; « gateway keys list » montre l'état des clés."


class FingerprintMismatch(KeyFault):
    """The file's key is not the one whose fingerprint the person typed."""

    what = "L'empreinte ne correspond pas : la clé n'est pas importée."
    why = "Attendue {expected}, trouvée {found}."
    mend = "Vérifiez l'empreinte avec le partenaire par un autre canal (téléphone), puis recommencez."


class KeyFileInvalid(KeyFault):
    """The file holds no public key, several keys, or a private key."""

    what = "Le fichier de clé {path} est refusé."
    why = "{reason}"
    mend = "Demandez au partenaire l'export de sa seule clé publique."


class AuthorityUnusable(KeyFault):
    """A certification authority's file cannot be read, or its revocation list is not its own."""

    what = "Le fichier {path} d'une autorité de certification est inutilisable."
    why = "{reason}"
    mend = "Remettez le certificat de l'autorité (ca) ou sa liste de révocation à jour (crl)."


# --- the outside world


class ServerError(GatewayError):
    """Root of what goes wrong with a mail, token or time server."""

    fault = Fault.WORLD
    retry = True
    exit_code = 5


class ServerUnreachable(ServerError):
    """No connection, connection lost, or no answer in time."""

    what = "Le serveur {server} ne répond pas."
    why = "{reason}"
    mend = "Vérifiez le réseau, l'adresse et le port ; la passerelle réessaie seule."


class TlsRefused(ServerError):
    """The server's certificate is not valid for us, or TLS is not offered; nothing is sent in clear."""

    what = "Connexion chiffrée refusée avec {server}."
    why = "{reason}"
    mend = "Vérifiez le certificat du serveur et la clé « ca » ; la passerelle ne se connecte jamais en clair."


class LoginRefused(ServerError):
    """The server refuses our credentials."""

    what = "Le serveur {server} refuse l'identification."
    why = "{reason}"
    mend = "Vérifiez le compte et le mot de passe, le certificat ou le jeton OAuth."


class ProtocolBroken(ServerError):
    """The server answered something that the protocol does not allow, or more than our limits."""

    what = "Réponse inattendue du serveur {server}."
    why = "{reason}"
    mend = "Si cela dure, montrez cette ligne à l'administrateur du serveur."


class TokenRefused(ServerError):
    """The OAuth token could not be obtained."""

    what = "Le jeton OAuth n'a pas pu être obtenu de {server}."
    why = "{reason}"
    mend = "Vérifiez [oauth] : adresse, identifiant, secret ou commande."


class OtherPathFailed(GatewayError):
    """The command that tells of alarms when mail does not did not say that it succeeded."""

    fault = Fault.WORLD
    retry = True
    exit_code = 5
    what = "La commande d'alarme n'a pas abouti."
    why = "{reason}"
    mend = "Vérifiez [alarms] command : elle doit finir à temps, avec le code 0."


class TimeRefused(ServerError):
    """Another clock answered nothing that convinces."""

    what = "{server} ne donne pas d'heure digne de foi."
    why = "{reason}"
    mend = "Vérifiez [time] ; la passerelle redemande seule, et n'enregistre aucun silence sans une autre horloge."


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


class DatabaseBusy(StorageFailed):
    """Another process's act took longer than anybody waits. Nothing was acknowledged."""

    what = "La base de données est occupée."
    mend = "Attendez qu'il ait fini, puis relancez ; rien n'a été accusé ni perdu."


class DiskUnreliable(StorageFailed):
    """The disk did not confirm what it was given to keep. Asking it again could be answered yes, and be untrue."""

    retry = False
    what = "Le disque n'a pas confirmé une écriture dans {place} : la passerelle s'arrête."
    mend = "Vérifiez ce disque (journal du noyau, smartctl), puis relancez ; rien n'a été accusé ni perdu."


class DropRefused(GatewayError):
    """The folder of a reader is not private and ours, or holds something else under a name of ours."""

    fault = Fault.OPERATOR
    exit_code = 6
    what = "Le dossier de remise d'un lecteur ne convient pas."
    why = "{reason}"
    mend = "Il doit exister, appartenir au compte de la passerelle, avoir les droits 0700, et elle seule y écrit."


class DatabaseDamaged(GatewayError):
    """The database fails its integrity check."""

    fault = Fault.WORLD
    exit_code = 6
    what = "La base de données est refusée."
    why = "{reason}"
    mend = "Restaurez une sauvegarde ; la passerelle ne démarre pas sur une base douteuse."


class DatabaseUnfit(DatabaseDamaged):
    """The database is whole, and not one that this gateway can work on: a backup would mend nothing."""

    mend = "{act}"


class AlreadyThere(GatewayError):
    """A constraint says that this row exists: the same mail, request or act was recorded before."""

    what = "Déjà enregistré ({table})."


# --- what a mail must be (verification raises these; the mail is kept, quarantined, unanswered)


class MailRefused(GatewayError):
    """A mail fails a check. ``step`` is the trust step's name, ``reason`` a stable short code, never content."""

    fault = Fault.PARTNER
    what = "Courrier mis en quarantaine à l'étape {step}."
    why = "{reason}"
    mend = "Voyez « gateway triage show »."

    def __init__(self, *, step: str, reason: str) -> None:
        super().__init__(step=step, reason=reason)
        self.step = step
        self.reason = reason


class MailMalformed(MailRefused):
    """The bytes are not a mail that we read: limits exceeded, broken structure, wrong shape."""

    def __init__(self, *, reason: str, step: str = "structure") -> None:
        super().__init__(step=step, reason=reason)

    def within(self, step: str) -> "MailMalformed":
        """The same fault, found while this step was read; a fault that names its step keeps it."""
        return MailMalformed(reason=self.reason, step=step) if self.step == "structure" else self


class WorkerFailed(MailRefused):
    """The capped worker died, or ran over time or memory, on this mail."""

    def __init__(self, *, reason: str, step: str = "worker") -> None:
        super().__init__(step=step, reason=reason)


# --- vault


class VaultClosed(GatewayError):
    """The master key does not open what it should, or a case key was destroyed by ``forget``."""

    fault = Fault.OPERATOR
    exit_code = 4
    what = "Le coffre ne s'ouvre pas ({item})."
    why = "{reason}"
    mend = "Vérifiez la clé maîtresse ; un contenu oublié ne se rouvre pas, c'est voulu."


class DocumentFailed(GatewayError):
    """A document could not be set in type."""

    what = "Le document n'est pas produit."
    why = "{reason}"
