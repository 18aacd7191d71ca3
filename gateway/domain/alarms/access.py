"""Alarms about who comes in and who reads: the log starts them, a person who takes them ends them."""

from gateway.domain.alarms.shape import Desk, Kind, Severity
from gateway.domain.words import french

KINDS = (
    Kind(
        name="sign_ins_refused",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french("Vingt connexions à la console sont refusées en un quart d'heure."),
        sentence=french("Vingt connexions à la console ont été refusées en un quart d'heure : quelqu'un devine."),
        mend=french(
            "Voyez qui : gateway audit query --event console.refused ; désactivez un compte visé, et cherchez d'où "
            "cela vient dans le journal de votre serveur web."
        ),
        signals=("alarm.sign_ins_refused",),
    ),
    Kind(
        name="exceptional_read",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french("Un médecin lit le contenu médical d'un dossier qu'il ne suit pas, et dit pourquoi."),
        sentence=french(
            "Dossier {case} : un médecin qui ne le suit pas a lu le contenu médical du message {message} ; le motif "
            "est au journal."
        ),
        mend=french("Prévenez le médecin du dossier ({partner}) : gateway audit query --event alarm.exceptional_read"),
        signals=("alarm.exceptional_read",),
    ),
    Kind(
        name="searches_refused",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french("Une personne cherche plus de trente dossiers en une minute : la suite lui est refusée."),
        sentence=french("Une personne a cherché plus de trente dossiers en une minute ; la suite lui a été refusée."),
        mend=french("Voyez qui, et demandez-lui pourquoi : gateway audit query --event alarm.searches_refused"),
        signals=("alarm.searches_refused",),
    ),
)
