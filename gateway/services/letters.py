"""The French text that a person reads in a mail program: made from the catalogue, the same for every kind."""

from collections.abc import Mapping, Sequence

from gateway.domain.kinds import Field, FieldType, Kind, parse_date

_APPEAL = (
    "Le patient qui n'est pas d'accord exerce son recours en Algérie uniquement : c'est une décision administrative "
    "des autorités algériennes (instruction DSS/DACI/2019/224, III, § 3)."
)
_CLOSING = {
    "EXTENSION_REQUEST": (
        "La CNAS dispose de quatre jours ouvrables en Algérie à compter de la réception de cette demande pour faire "
        "connaître sa position ; l'accusé de réception fait foi. Sans réponse dans ce délai, l'acceptation est réputée "
        "acquise (instruction DSS/DACI/2019/224, § 5.1 b)."
    ),
    "TACIT_ACCEPTANCE_NOTICE": (
        "Aucune réponse n'étant parvenue dans le délai de quatre jours ouvrables, l'acceptation est réputée acquise "
        "dans les termes de la demande (instruction DSS/DACI/2019/224, § 5.1 b et c). Merci d'adresser le formulaire "
        "SE 352-302 dûment rempli au médecin de l'hôpital et au pôle médical du CNSE."
    ),
    "TACIT_ACCEPTANCE_WITHDRAWAL": (
        "La notification d'acceptation réputée acquise qui vous a été adressée pour cette demande ne vaut plus : elle "
        "est retirée. L'hôpital tient la demande pour ce qui en est connu aujourd'hui, et vous dira ce qui suit."
    ),
    "EXTENSION_REFUSAL": _APPEAL,
    "EXTENSION_PARTIAL_ACCEPTANCE": _APPEAL,
    "REPAIRED_COPY": (
        "Les textes font de vous un destinataire du message joint, que son auteur ne vous a pas adressé ou qui ne vous "
        "est pas parvenu. Il est joint tel que reçu : la signature de son auteur s'y vérifie. Ce n'est qu'une copie : "
        "une personne dit ce qu'elle est."
    ),
}


def subject(kind: Kind, ref: str) -> str:
    """The subject inside the sealed mail."""
    return f"{kind.title} – dossier {ref}"


def outer_subject(ref: str) -> str:
    """The neutral subject that everyone may see, with the opaque token by which a clerk finds the mail."""
    return f"Soins programmés – dossier {ref}"


def letter(kind: Kind, ref: str, values: Mapping[str, str], pieces: Sequence[str], sender: str) -> str:
    """The whole text."""
    lines = [f"{kind.title}{f' ({kind.form})' if kind.form else ''}", f"Dossier : {ref}", ""]
    told = ((field, values.get(field.id, "")) for field in kind.fields)
    lines += [f"{_capital(field.title)} : {_shown(field, value)}" for field, value in told if value]
    if pieces:
        lines += ["", "Pièces jointes :", *(f"- {piece}" for piece in pieces)]
    if kind.id in _CLOSING:
        lines += ["", _CLOSING[kind.id]]
    return "\n".join([*lines, "", sender, ""])


def closing(kind: Kind) -> str:
    """What the texts make of a message of this kind, for its reader; empty where they add nothing."""
    return _CLOSING.get(kind.id, "")


def _shown(field: Field, value: str) -> str:
    """Days and euros as a French reader writes them; the manifest has them as programs do."""
    if field.type is FieldType.DATE and (day := parse_date(value)):
        return f"{day:%d/%m/%Y}"
    if field.type is FieldType.AMOUNT:
        return f"{value.replace('.', ',')} €"
    return value


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
