"""How states, grades, roles, days and conditions are called, in French; who shows them translates."""

from gateway.domain.challenge import Finding
from gateway.domain.feasts import RowStatus
from gateway.domain.parties import Grade, Role
from gateway.domain.request import State
from gateway.domain.words import french

STATES = {
    State.SUBMITTED: french("prête à partir"),
    State.SENT: french("partie, sans accusé de réception"),
    State.DELIVERY_FAILED: french("non remise"),
    State.RUNNING: french("délai en cours"),
    State.ELAPSED: french("délai écoulé, silence à enregistrer"),
    State.ANSWER_DISPUTED: french("réponse à départager"),
    State.ACCEPTED: french("acceptée"),
    State.REFUSED: french("refusée"),
    State.TACITLY_ACCEPTED: french("réputée acceptée"),
    State.SUPERSEDED: french("remplacée par une autre"),
    State.PARTLY_ACCEPTED: french("acceptée en partie"),
    State.REGULARISED: french("réputée acceptée, formulaire reçu"),
    State.VITAL_DISPUTED: french("urgence vitale contestée"),
    State.MEDIATION: french("conciliation entre médecins"),
    State.MEDIATION_SETTLED: french("conciliation réussie"),
    State.MEDIATION_FAILED: french("conciliation échouée"),
    State.EXPERTISE: french("expertise demandée"),
    State.VITAL_CONFIRMED: french("urgence vitale confirmée par l'expert"),
    State.VITAL_DENIED: french("urgence vitale niée par l'expert"),
}

GRADES = {
    Grade.NONE: french("aucune"),
    Grade.AUTO_REPLY: french("réponse automatique"),
    Grade.DSN_DELIVERED: french("avis de remise"),
    Grade.MDN: french("accusé de lecture non signé"),
    Grade.SIGNED_REPLY: french("réponse signée"),
    Grade.SIGNED_RECEIPT: french("accusé de réception signé"),
}

CONDITIONS = {
    "period_and_grace_over": french("le délai et la marge de sécurité sont passés"),
    "clock_not_stepped": french("l'horloge du serveur est sûre"),
    "second_time_source_agrees": french("une seconde horloge confirme l'heure"),
    "every_folder_polled_since": french("le courrier a été relevé depuis"),
    "no_unsettled_mail": french("aucun courrier du partenaire n'attend d'être trié"),
    "no_answer_by_another_way": french("aucune réponse par une autre voie"),
    "no_gap_in_polls": french("le courrier a été relevé sans interruption de plus de deux heures"),
    "no_mail_vanished_unread": french("aucun courrier n'a disparu sans être lu"),
    "mailbox_not_rebuilt": french("la boîte aux lettres n'a pas été reconstruite"),
    "calendar_settled": french("aucune proposition de calendrier n'allongerait ce délai"),
    "no_proof_waiting": french("aucune preuve de réception n'attend une seconde personne"),
    "no_answer": french("aucune réponse n'est arrivée"),
    "confirmed_grade_below_policy": french("la preuve de réception est confirmée par une personne"),
    "confirmed_bounds_violated": french("la date de réception annoncée est confirmée par une personne"),
    "confirmed_short_notice": french("la preuve arrivée tard est confirmée par une personne"),
    "handed_over_in_time": french("la demande est partie avant la fin de l'autorisation"),
    "acknowledged_in_time": french("la demande a été reçue avant la fin de l'autorisation"),
    "complete": french("la demande est complète"),
    "not_withdrawn_before": french("aucune acceptation de cette demande n'a été retirée"),
    "not_recorded_before_backup": french("aucune sauvegarde n'a été remise en place depuis la demande"),
}

REASONS = {
    "working_day": french("jour ouvrable"),
    "reception_day": french("jour de réception, compté"),
    "declared_worked": french("déclaré travaillé"),
    "observed_worked": french("constaté travaillé"),
    "beyond_calendar": french("au-delà du calendrier"),
    "weekend": french("vendredi ou samedi, non compté"),
    "fixed_holiday": french("jour férié, non compté :"),
    "official_holiday": french("jour férié officiel, non compté :"),
    "forecast_holiday": french("fête prévue, incertaine :"),
    "observed_off": french("constaté chômé, non compté :"),
}

ASKED = {
    "time_source": "second_time_source_agrees",
    "other_way": "no_answer_by_another_way",
    "poll_gap": "no_gap_in_polls",
    "vanished_mail": "no_mail_vanished_unread",
    "mailbox_rebuilt": "mailbox_not_rebuilt",
    "late_request": "handed_over_in_time",
    "late_acknowledgement": "acknowledged_in_time",
    "incomplete": "complete",
    "recorded_again": "not_withdrawn_before",
    "restored": "not_recorded_before_backup",
}
"""The condition in whose place a person's word stands, by the code of that word; any other is ``confirmed_CODE``."""

ROLES = {
    Role.HOSPITAL: french("Hôpital"),
    Role.CNAS: french("CNAS"),
    Role.CNSE: french("CNSE, pôle médical"),
    Role.CPAM: french("CPAM"),
}

READINGS = {
    "A1": french("Le délai finit avec son quatrième jour, heure d'Alger : les jours sont ceux de qui reçoit."),
    "A4": french("Un jour férié n'est pas un jour ouvrable, bien que le texte ne nomme que le vendredi et le samedi."),
    "R4": french("Reçue un jour férié, la demande compte à partir du jour ouvrable suivant, comme un vendredi."),
    "R5": french("Le texte ne dit pas d'heure : une réception à 23 h 59 fait de ce jour le premier."),
    "T24": french("Une réponse reçue avant la fin est à temps ; l'instant de la fin appartient au jour suivant."),
}
"""The points that the texts leave open, as this gateway reads them (:mod:`gateway.domain.period`)."""

RULES = {
    "R1": french("Le jour de réception compte, sauf un vendredi ou un samedi."),
    "R2": french("Quatre jours ouvrables, ceux du pays qui reçoit."),
    "R3": french("Le dimanche compte."),
    "R7": french("Une demande d'informations n'arrête pas le délai."),
}
"""What the text itself says (instruction DSS/DACI/2019/224, § 5.1 b)."""

FINDINGS = {
    Finding.IN_TIME: french("à temps"),
    Finding.LATE: french("tardive"),
    Finding.UPHELD: french("maintenue"),
    Finding.WITHDRAWN: french("retirée"),
}

HOLIDAYS = (
    french("Aïd el-Fitr"),
    french("Aïd el-Adha"),
    french("Mawlid"),
    french("Achoura"),
    french("Awal Moharram"),
    french("Yennayer"),
    french("Jour de l'An"),
    french("Fête du Travail"),
    french("Indépendance"),
    french("Révolution"),
)
"""The names of the shipped calendar, so that each reader's language has them."""

STATUSES = {
    RowStatus.FORECAST: french("prévu par calcul, pas encore annoncé"),
    RowStatus.FIXED: french("fixé par la loi"),
    RowStatus.OFFICIAL: french("annoncé officiellement"),
    RowStatus.OBSERVED: french("constaté le jour passé"),
}
"""How a row of the calendar is known."""
