"""What the desk and its commands refuse; nothing was changed. Part of :mod:`gateway.domain.errors`."""

from gateway.domain.fault import Fault, GatewayError


class DeskError(GatewayError):
    """Root of refusals at the desk; nothing was changed."""

    fault = Fault.OPERATOR
    exit_code = 2


class FicheInvalid(DeskError):
    """The form has faults; all of them at once."""

    what = "Rien n'est fait ; à corriger dans {path} :"
    why = "{faults}"
    mend = "Corrigez et recommencez."


class FileUnreadable(DeskError):
    """A file named on the command line cannot be read."""

    what = "Le fichier {path} est illisible."
    why = "{reason}"
    mend = "Vérifiez le chemin et les droits."


class FileUnwritten(DeskError):
    """A file that the command was to write cannot be: it exists, or its folder does not take it."""

    what = "Le fichier {path} n'est pas écrit."
    why = "{reason}"
    mend = "Donnez un autre nom, ou un dossier où ce compte peut écrire ; rien n'est remplacé."


class RequestTooLate(DeskError):
    """K2: the authorisation has ended (instruction 2019/224, line 266)."""

    what = "La demande n'est pas partie : l'autorisation s'est terminée le {end}."
    why = "Elle doit intervenir avant l'expiration de la période autorisée (instruction 2019/224, § 5.1 a)."
    mend = "Contactez la CNAS et le pôle médical du CNSE. Si elle doit partir quand même, dites pourquoi : --because."


class PreconditionMissing(DeskError):
    """A rule of the texts warns against this exchange now; a person may insist with a reason, which is kept."""

    what = "Acte retenu : {act}."
    why = "{reason}"
    mend = "Si vous passez outre, dites pourquoi : --because « raison »."


class NoCorrespondent(DeskError):
    """The configuration names nobody for a function that the texts make an addressee."""

    what = "Aucun correspondant ne remplit la fonction {function} : rien n'est parti."
    why = "Les textes font de cette fonction un destinataire de ce message."
    mend = "Ajoutez-le à [partners], ou envoyez par une autre voie sécurisée et notez-le : gateway note."


class MailTooLarge(DeskError):
    """The sealed mail is larger than the server or the partner takes."""

    what = "Le courrier est trop lourd pour {partner} : {size} octets pour {limit} admis."
    why = "Le chiffrement augmente d'environ 40 % la taille des pièces jointes."
    mend = "Réduisez les pièces jointes ; rien n'est parti."


class Unknown(DeskError):
    """Nothing of this kind has this reference."""

    what = "Référence inconnue : {kind} {ref}."
    mend = (
        "Les références : « gateway cases », « … triage list », « … message list », « … alarms », « … calendar show », "
        "« … fiche »."
    )


class NotAllowed(DeskError):
    """The role, the state or the person does not permit this act."""

    what = "Acte refusé : {act}."
    why = "{reason}"


class IllegalTransition(DeskError):
    """An event that the state table does not allow; the state is unchanged."""

    what = "Impossible maintenant : « {event} » ({table} dans l'état « {state} »)."
    mend = "« gateway case show » montre où en est le dossier ; docs/case-states.md, ce qui peut suivre."


class ChangedMeanwhile(DeskError):
    """Another person changed what this one was filling; their text is kept for them on the page."""

    what = "{who} a changé cette page pendant que vous la remplissiez ({at})."
    why = "Ce que vous avez tapé n'est pas encore gardé."
    mend = "Votre texte est ci-dessous : comparez, corrigez, puis gardez-le de nouveau."
