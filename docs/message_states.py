"""Makes docs/message-states.md: where a mail may stand, what is on the disk then, what the next start does with it."""  # noqa: INP001

from pages import page, table

from gateway.domain.transmission import HELD_RETRY, MAX_DOUBTS, UNKNOWN_RETRY, State
from gateway.services.terms import SENDING_STATES
from gateway.storage import FOR_A_PERSON, Verdict

MINUTES = round(UNKNOWN_RETRY.total_seconds() / 60)
HELD_MINUTES = round(HELD_RETRY.total_seconds() / 60)

LEAVING = {
    State.READY: ("octets scellés au coffre ; rien n'est parti depuis la dernière décision", "il part à son heure"),
    State.SENDING: (
        "noté avant le premier octet ; nul ne sait encore ce qui est parti",
        "`unknown`, s'il n'est à aucune passerelle vivante",
    ),
    State.HANDED_OVER: ("l'instant du 250 de notre serveur", "rien ; les preuves de réception sont attendues"),
    State.UNKNOWN: (
        "le nombre de doutes, et l'heure du prochain essai",
        f"les mêmes octets repartent une fois, {MINUTES} min plus tard ; au doute n° {MAX_DOUBTS}, une personne décide",
    ),
    State.REFUSED: ("la réponse du serveur", "rien ; une alarme demande une personne"),
    State.HELD: ("la raison : clé, fichier ou partenaire", f"nouvel examen toutes les {HELD_MINUTES} min"),
    State.RETURNED: ("l'avis de non-remise", "rien ; une alarme demande une personne"),
    State.EVIDENCED: ("la preuve de réception, avec ses instants", "rien : plus rien ne le change"),
}

ARRIVED = {
    Verdict.ACCEPTED: "vérifié, son effet et son accusé dans le même enregistrement",
    Verdict.DUPLICATE: "déjà connu, par ses octets ou par son identifiant ; l'accusé d'alors est redit",
    Verdict.RECEIPT: "accusé d'un de nos courriers",
    Verdict.REPORT: "avis d'un serveur",
    Verdict.AUTOMATIC: "réponse d'une machine",
    Verdict.PLAIN: "courrier ordinaire, jamais ouvert",
    Verdict.TRIAGE: "signé par un partenaire ; une personne dit ce que c'est",
    Verdict.QUARANTINE: "a échoué à une vérification ; laissé sans réponse",
    Verdict.VANISHED: "son numéro a été vu, son contenu jamais lu",
    Verdict.PROBE: "courrier d'essai de `gateway doctor`",
    Verdict.ENTERED: "papier ou fichier apporté par une personne",
    Verdict.PRIVATE: "courrier d'un médecin qui ne nous concerne pas ; rien n'en est gardé",
}

INTRO = [
    "Pour l'auditeur et l'exploitant. Un courrier n'est jamais ailleurs que dans un de ces états ; il en change dans",
    "un seul enregistrement, avec sa ligne du journal d'audit. Les passages permis sont dans",
    "[request-states.md](request-states.md). Au démarrage, la passerelle lit l'état de chaque ligne de sa base ; elle",
    "refuse de partir si l'un d'eux n'est pas ici.",
]
BEFORE = [
    "Avant sa ligne, un courrier qui arrive n'est qu'un fichier du coffre, écrit et synchronisé, que rien ne nomme :",
    "une mort à cet instant le laisse dans la boîte, d'où il est relu ; le fichier sans nom est balayé. Une fois la",
    "ligne écrite, tout ce que le courrier change l'est aussi.",
]


def message_states() -> str:
    """docs/message-states.md."""
    leaving = ((f"{SENDING_STATES[state]} (`{state.value}`)", *LEAVING[state]) for state in State)
    arrived = (
        (f"`{verdict.value}`", ARRIVED[verdict], "une personne" if verdict in FOR_A_PERSON else "personne")
        for verdict in Verdict
    )
    return page(
        "Les états permis d'un courrier",
        INTRO,
        ["## Un courrier qui part"],
        table(("État", "Ce qui est enregistré", "Ce que fait le prochain démarrage"), leaving),
        ["## Un courrier qui arrive"],
        BEFORE,
        table(("Verdict", "Ce que c'est", "Qui a le dernier mot"), arrived),
    )
