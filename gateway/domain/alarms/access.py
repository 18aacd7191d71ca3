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
)
