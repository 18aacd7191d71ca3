"""Makes docs/receipts.md: each form of receipt, what it is worth, what it moves and never moves."""  # noqa: INP001

from collections import Counter
from collections.abc import Sequence
from csv import DictReader

from pages import DOCS, page, table

from gateway.domain.attestation import FORMS
from gateway.domain.labels import GRADES
from gateway.domain.parties import Grade, PartnerKind, ReceptionPolicy, default_policy
from gateway.services.terms import MAIL_REASONS

DISAGREEMENTS = DOCS.parent / "tests" / "receipts" / "disagreements.tsv"

TEMPLATE = DOCS / "receipts.in"

REPORTS = ("mdn-", "dsn-", "bounce-")
OTHERS = {"matches-nothing", "not-positive", "auto-reply"}
"""Reasons of mails that report something."""

COMPARED = 318
"""Reports that were compared; the test that compares them says when this is no longer true."""

KNOWN_BY = {
    "auto_reply": (
        (
            "se dit `auto-replied`, ou automatique et partie d'un expéditeur vide ; du texte seul ; de l'adresse du "
            "partenaire ; cite notre courrier"
        ),
        "sa date",
    ),
    "dsn_delivered": (
        (
            "`Action: delivered`, d'un serveur qui n'est pas dans `[reception] own_mta` ; sous notre identifiant "
            "d'enveloppe, ou sous notre Message-ID et l'adresse du partenaire"
        ),
        "`Last-Attempt-Date`, sinon sa date",
    ),
    "mdn": (
        (
            "`processed`, `dispatched` ou `displayed`, sans erreur ni avertissement ; de l'adresse du partenaire ; "
            "nomme notre Message-ID"
        ),
        "sa date",
    ),
    "signed_reply": (
        (
            "signé par la clé épinglée du partenaire, adressé à nous, cite notre Message-ID sous la signature : lettre "
            "d'une personne, message d'une passerelle, même signé sans être chiffré ; ou lettre classée dans la demande"
        ),
        "la plus tardive de sa date signée et de l'heure de la signature",
    ),
    "signed_receipt": (
        (
            "accusé sous la signature du partenaire, PGP/MIME ou S/MIME, scellé ou non ; d'un partenaire `gateway`, "
            "l'empreinte exacte de notre courrier ; d'un partenaire `mail`, aucune ou la bonne"
        ),
        "la réception qu'il déclare (`X-Soins-Reception`), sinon comme une réponse signée",
    ),
    "entered": (
        "un scan, ou un courrier gardé, apporté par une personne et confirmé par une seconde (`gateway proof`)",
        "la réception déclarée ; une date seule vaut le dernier instant de ce jour à Alger",
    ),
}
"""How each form is known, and which instant it gives."""

WHY = {
    "filtered": (
        "le serveur écrit « utilisateur inconnu », que nous croyons ; le corpus, qui connaît ce fournisseur, y voit un "
        "filtrage"
    ),
    "mutilated": "en-têtes recopiés sans leur retrait : le courrier est refusé et reste en quarantaine",
    "language": "texte japonais, que nous ne lisons pas",
    "policy": (
        "« Recipient address rejected: Access denied » : adresse inconnue pour les uns, règle du serveur pour les "
        "autres"
    ),
    "contradiction": "le code et les mots du même avis se contredisent ; nous suivons le code, sinon les mots",
    "only-delayed": "l'avis dit seulement un retard ; le corpus conclut de la cause",
    "not-a-failure": "réponse d'une liste de diffusion, ou avis transféré par une personne : pas l'avis d'un serveur",
    "several-causes": "l'avis propose trois causes sans choisir",
    "no-cause": "l'avis ne dit que « Rejected »",
}
"""Why a report is not read as the corpus says."""


def receipts() -> str:
    """docs/receipts.md: the prose of ``receipts.in``, with what the code says where it leaves room."""
    rows = _rows()
    graves = sum(_grave(row["corpus"]) != _grave(row["read"]) for row in rows)
    faults = sum(_fault(row["corpus"]) != _fault(row["read"]) for row in rows)
    words = [(f"`{code}`", MAIL_REASONS[code]) for code in MAIL_REASONS if code.startswith(REPORTS) or code in OTHERS]
    filled = TEMPLATE.read_text(encoding="utf-8").format(
        forms="\n".join(
            table(("Forme", "Comment elle se reconnaît", "Degré", "Instant retenu", "Départ", "Seule"), _forms())
        ),
        words="\n".join(table(("Raison (JSON, journal)", "Ce qui est affiché"), words)),
        compared=COMPARED,
        graves=_share(graves),
        faults=_share(faults),
        disagreements="\n".join(table(("Pourquoi", "Avis du corpus"), _disagreements(rows))),
    )
    return page("Les accusés et les preuves de réception", [filled.strip()])


def _forms() -> list[tuple[str, ...]]:
    policies = {kind: default_policy(kind) for kind in PartnerKind}
    return [
        (
            form.title,
            KNOWN_BY[form.id][0],
            f"{GRADES[form.grade]} (`{form.grade.name.lower()}`)",
            KNOWN_BY[form.id][1],
            _by(policies, form.grade, "starts_from"),
            _by(policies, form.grade, "records_alone_from"),
        )
        for form in FORMS.values()
    ]


def _by(policies: dict[PartnerKind, ReceptionPolicy], grade: Grade, name: str) -> str:
    """For which partners the grade is enough."""
    enough = [kind.value for kind, policy in policies.items() if grade >= getattr(policy, name)]
    return "oui" if len(enough) == len(policies) else f"`{enough[0]}` seulement" if enough else "non"


def _rows() -> list[dict[str, str]]:
    """The reports that are not read as the corpus says."""
    return list(DictReader(DISAGREEMENTS.read_text(encoding="utf-8").splitlines(), delimiter="\t"))


def _disagreements(rows: Sequence[dict[str, str]]) -> list[tuple[str, str]]:
    by_reason = Counter(row["why"] for row in rows)
    named = {why: [_name(row) for row in rows if row["why"] == why] for why in by_reason}
    return [(WHY[why], ", ".join(named[why])) for why, _ in by_reason.most_common()]


def _name(row: dict[str, str]) -> str:
    return row["mail"].rpartition("/")[2].removesuffix(".eml")


def _share(wrong: int) -> str:
    percent = f"{100 * (COMPARED - wrong) / COMPARED:.1f}".replace(".", ",")
    return f"{percent} % des cas ({COMPARED - wrong})"


def _grave(told: str) -> str:
    return "final" if told == "address" else told.partition("+")[0]


def _fault(told: str) -> str:
    return told if told in {"refused", "none"} else "address" if told.endswith("address") else "something else"
