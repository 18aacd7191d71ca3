"""Alarms about what happened once and no fact undoes: the log starts them, a person who takes them ends them."""

from gateway.domain.alarms.shape import Desk, Kind, Severity
from gateway.domain.parties import Role
from gateway.domain.words import french


def _happening(name: str, severity: Severity, condition: str, sentence: str, mend: str) -> Kind:
    return Kind(
        name=name,
        severity=severity,
        desk=Desk.SECRETARIAT,
        condition=condition,
        sentence=sentence,
        mend=mend,
        signals=(f"alarm.{name}",),
    )


KINDS = (
    _happening(
        "late_answer",
        Severity.WARNING,
        french("Une réponse est venue après la fin du délai."),
        french("Dossier {case} : une réponse à la demande {request} est venue après la fin du délai."),
        french("L'état reste ; lisez-la et voyez la CNAS : gateway case show {case}"),
    ),
    _happening(
        "answer_contrary",
        Severity.URGENT,
        french("Une seconde réponse contredit la première."),
        french("Dossier {case} : une réponse contraire à la première est venue pour la demande {request}."),
        french("Appelez la CNAS ; la première reste."),
    ),
    _happening(
        "answer_to_superseded",
        Severity.WARNING,
        french("Une réponse porte sur une demande qu'une autre a remplacée."),
        french("Dossier {case} : une réponse porte sur la demande {request}, qu'une autre a remplacée."),
        french("Demandez à la CNAS de répondre à la demande en cours."),
    ),
    Kind(
        name="acceptance_contradicted",
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french("Une réponse à temps est connue, après un silence que l'hôpital a notifié."),
        sentence=french(
            "Dossier {case} : une réponse à temps est connue ; l'hôpital a notifié un silence sur la demande {request}."
        ),
        mend=french("L'hôpital maintient ou retire ce silence : appelez-le."),
        signals=("alarm.acceptance_challenged",),
        roles=frozenset({Role.CNAS, Role.CNSE}),
    ),
    _happening(
        "reception_disagrees",
        Severity.WARNING,
        french("Un courrier porte des dates d'arrivée que deux horloges bien tenues ne donnent pas."),
        french("Le courrier {message} porte des dates d'arrivée qui ne s'accordent pas ; toutes sont gardées."),
        french("Cherchez qui l'a déplacé ou redaté ; près de la fin d'un délai, une réponse sera à départager."),
    ),
    _happening(
        "notice_contradicts_us",
        Severity.URGENT,
        french("L'hôpital notifie un silence que notre compte ou notre réponse contredit."),
        french("{partner} notifie un silence sur la demande {request}, que notre compte ou notre réponse contredit."),
        french("Comparez les deux délais (gateway clock explain), puis appelez l'hôpital."),
    ),
    _happening(
        "expert_asked",
        Severity.WARNING,
        french("Une expertise est demandée avant l'échec de la conciliation."),
        french("Dossier {case} : une expertise est demandée avant l'échec de la conciliation (demande {request})."),
        french("Les textes en font le dernier recours : voyez la CNAS."),
    ),
    _happening(
        "refusal_not_motivated",
        Severity.WARNING,
        french("Un refus est venu sans le motif médical que les textes exigent."),
        french("Dossier {case} : le refus de la demande {request} n'a pas de motif médical."),
        french("Il vaut refus ; demandez le motif à la CNAS."),
    ),
    _happening(
        "repatriation_not_accepted",
        Severity.WARNING,
        french("Une attestation ne porte pas l'acceptation du rapatriement par le patient."),
        french("Dossier {case} : l'attestation SE 352-301 ne porte pas l'acceptation du rapatriement."),
        french("Demandez-la à la CNAS."),
    ),
    _happening(
        "certificate_not_signed",
        Severity.WARNING,
        french("L'exemplaire 1 est remis sans la signature du patient."),
        french("Dossier {case} : l'exemplaire 1 du SE 352-301 est remis sans la signature du patient (cadre 4)."),
        french("Faites-le signer ; la CNAS est engagée tout de même."),
    ),
)
