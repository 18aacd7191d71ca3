"""Makes docs/attacks.md: each attack, the mail that shows it, the step that stops it."""  # noqa: INP001

from collections import Counter
from csv import DictReader

from pages import DOCS, page, table

from gateway.domain.steps import BY_NAME

FOLDER = DOCS.parent / "tests" / "attacks"

ATTACKS = {
    "A1": "EFAIL : le chiffré est glissé dans autre chose",
    "A2": "EFAIL : le chiffré est altéré",
    "A3": "la signature ne couvre qu'un morceau",
    "A4": "le signataire n'est pas l'expéditeur",
    "A5": "signatures CMS ambiguës",
    "A6": "de fausses lignes d'état de gpg",
    "A7": "une option ou une phrase glissée dans une commande",
    "A8": "ce qui paraît chiffré ne l'est pas",
    "A9": "faire citer ou signer un contenu",
    "A10": "faire adopter une clé",
    "A11": "en-têtes protégés mensongers (RFC 9788)",
    "A12": "le courrier change autour d'un bon chiffré",
    "A13": "plusieurs signatures",
    "A14": "clé périmée, révoquée ou faible",
    "A15": "ancien courrier rejoué",
    "A16": "courrier signé pour un autre, rechiffré pour nous",
    "A17": "faux accusé",
    "A18": "faux avis de non-remise",
    "A19": "boucles et répondeurs",
    "A20": "faire écrire à un tiers",
    "A21": "contrebande SMTP",
    "A22": "STARTTLS retiré ou empoisonné",
    "A23": "structures qui coûtent",
    "A24": "chiffrés qui gonflent",
    "A25": "en-têtes injectés",
    "A26": "jeux de caractères et sosies",
    "A27": "noms de pièces dangereux",
    "A28": "commandes IMAP injectées",
    "A29": "serveurs hostiles",
    "A30": "deviner par les réponses",
    "step": "Étapes que rien d'autre ne montre",
    "honest": "Courrier honnête, qui doit passer",
}

OPINION = [
    "## Où OpenSSL dit autre chose",
    "",
    "Chaque courrier S/MIME de cette page, chaque signature à un seul défaut et dix listes de révocation passent aussi",
    "par `openssl cms -decrypt`, `openssl cms -verify` (seul le certificat épinglé compte) et `openssl verify`",
    "(`-crl_check_all`). `tests/attacks/test_openssl_opinion.py` échoue si un courrier est admis ici et refusé par",
    "openssl, et si les verdicts qui diffèrent ne sont pas exactement ceux-ci. OpenPGP est comparé de même à `sqop`",
    "(`tests/attacks/test_second_opinion.py`).",
]

OPINION_ABOUT = {"mail": "courrier", "signature": "signature", "list": "liste de révocation"}

FUZZED = [
    "## Courriers altérés au hasard",
    "",
    "`make fuzz` altère un million de fois des courriers honnêtes et hostiles, et les donne à ce qui lit",
    "ce qui vient d'ailleurs : structure, en-têtes, charge, manifeste, accusés, CMS, lignes d'état de gpg,",
    "réponse du travailleur, dossier exporté, et au juge dont la cryptographie est remplacée par une qui réussit",
    "toujours. Rien d'autre qu'un refus ne doit en sortir, en moins de deux secondes de processeur. L'intégration",
    "continue en rejoue quelques milliers, et tout ce qui fut trouvé (`tests/fuzz/found/`).",
    "",
    "Derniers passages : graine 20261126, 999 992 exécutions, aucune surprise ; graine 20261127, après une réécriture",
    "de la lecture du CMS, 999 990 exécutions, une surprise (une structure qui n'est pas une séquence était lue comme",
    "telle, et refusée par hasard), réparée ; la cible rejouée avec la même graine n'en donne plus.",
]

VERDICTS = {
    "quarantine": "quarantaine",
    "plain": "ordinaire, jamais ouvert",
    "triage": "signé : une personne le lit",
    "report": "indice, sans effet",
    "automatic": "réponse de machine, sans effet",
    "duplicate": "doublon, sans effet",
    "receipt": "accusé",
}

INTRO = [
    "Pour l'auditeur et le partenaire. `python -m tests.attacks.make DOSSIER` fait chaque courrier de cette page, avec",
    "des clés créées pour l'occasion et jetées aussitôt ; l'intégration continue les refait à chaque fois, les donne",
    "au juge de `gateway inspect` et à la réception, et vérifie verdict, étape et raison, qu'aucun courrier ne part,",
    "qu'aucun état ne bouge et qu'aucune clé n'est apprise. Les étapes sont celles de [trust.md](trust.md). Ce qui",
    "n'est pas un courrier (serveurs, commandes) cite son essai.",
]


def attacks() -> str:
    """docs/attacks.md."""
    made, elsewhere = _read("attacks.tsv"), _read("elsewhere.tsv")
    counted = Counter(row["verdict"] for row in made)
    told = f"{len(made)} courriers, dont {counted['quarantine']} refusés, {len(elsewhere)} essais ailleurs."
    parts: list[list[str]] = [INTRO, [told]]
    for name, title in ATTACKS.items():
        parts.append([f"## {name} – {title}" if name[0] == "A" else f"## {title}"])
        if rows := [row for row in made if row["row"] == name]:
            parts.append(table(("Courrier", "Ce que c'est", "Verdict", "Étape", "Raison"), map(_row, rows)))
        if rows := [row for row in elsewhere if row["row"] == name]:
            parts.append([f"- {row['title']} : `{row['test']}`" for row in rows])
    heads = ("Quoi", "Nom", "openssl", "passerelle", "Pourquoi")
    parts += [OPINION, table(heads, map(_opinion, _read("openssl.tsv"))), FUZZED]
    return page("Les attaques, et l'étape qui les arrête", *parts)


def _read(name: str) -> list[dict[str, str]]:
    return list(DictReader((FOLDER / name).read_text(encoding="utf-8").splitlines(), delimiter="\t"))


def _opinion(row: dict[str, str]) -> tuple[str, ...]:
    return (OPINION_ABOUT[row["what"]], f"`{row['name']}`", row["openssl"], row["gateway"], row["why"])


def _row(row: dict[str, str]) -> tuple[str, ...]:
    step = BY_NAME.get(row["step"])
    where = f"{step.number} `{step.name}`" if step else "–"
    return (f"`{row['name']}`", row["title"], VERDICTS[row["verdict"]], where, f"`{row['reason']}`")
