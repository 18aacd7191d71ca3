"""Why something outside refused, in words: the reasons that errors carry."""

import errno
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.domain.words import Said, french, said

_SYSTEM_REASONS = {
    errno.ENOENT: french("Ce chemin n'existe pas."),
    errno.EACCES: french("L'accès est refusé à ce compte."),
    errno.EPERM: french("L'opération est interdite à ce compte."),
    errno.EEXIST: french("Il existe déjà."),
    errno.EISDIR: french("C'est un dossier."),
    errno.ENOTDIR: french("Un élément du chemin n'est pas un dossier."),
    errno.ENOSPC: french("Le disque est plein."),
    errno.EROFS: french("Le disque est en lecture seule."),
    errno.EIO: french("Le disque signale une erreur."),
    errno.EDQUOT: french("Le quota de ce compte est atteint."),
    errno.EFBIG: french("Le contenu est trop grand."),
    errno.ELOOP: french("Un lien symbolique a pris la place du fichier."),
    errno.ENAMETOOLONG: french("Ce nom est trop long."),
    errno.EMFILE: french("Trop de fichiers sont ouverts."),
}


_SETTING_REASONS = {
    "extra_forbidden": french("{place} : clé inconnue"),
    "missing": french("{place} : clé manquante"),
    "literal_error": french("{place} : {expected} attendu"),
    "value_error": french("{place} : {error}"),
    "greater_than": french("{place} : plus de {gt} attendu"),
    "greater_than_equal": french("{place} : {ge} au moins attendu"),
    "less_than_equal": french("{place} : {le} au plus attendu"),
    "string_too_short": french("{place} : {min_length} caractères au moins"),
    "string_too_long": french("{place} : {max_length} caractères au plus"),
    "too_short": french("{place} : liste de {min_length} éléments au moins"),
    "string_type": french("{place} : texte attendu"),
    "int_type": french("{place} : nombre entier attendu"),
    "int_parsing": french("{place} : nombre entier attendu"),
    "int_from_float": french("{place} : nombre entier attendu"),
    "bool_type": french("{place} : true ou false attendu"),
    "bool_parsing": french("{place} : true ou false attendu"),
    "float_type": french("{place} : nombre attendu"),
    "float_parsing": french("{place} : nombre attendu"),
    "tuple_type": french("{place} : liste attendue"),
    "path_type": french("{place} : chemin attendu"),
    "model_type": french("{place} : section attendue"),
    "dict_type": french("{place} : section attendue"),
}
"""By the name that the settings library gives to what it finds."""


def system_reason(error: OSError) -> Said | str:
    """Why the operating system refused; its own words where we have none."""
    known = _SYSTEM_REASONS.get(error.errno or 0)
    return Said(known) if known else error.strerror or type(error).__name__


def toml_reason(error: Exception) -> Said:
    """Why a text is no TOML; the parser tells the place in its message only."""
    place = re.search(r"at line (\d+), column (\d+)", str(error))
    if place is None:
        return said("Ce n'est pas du TOML.")
    return said(
        'Ce n\'est pas du TOML : ligne {line}, colonne {column} (on écrit clé = "valeur", la clé sans accent).',
        line=place[1],
        column=place[2],
    )


def setting_reason(path: Sequence[object], found: str, facts: Mapping[str, Any], words: str) -> Said:
    """Why a setting is refused: where it stands, what the settings library found, with its facts and its own words."""
    place = ".".join(map(str, path)) or said("fichier")
    template = _SETTING_REASONS.get(found)
    if template is None:
        return said("{place} : {reason}", place=place, reason=words)
    told = dict(facts)
    if "expected" in told:
        told["expected"] = told["expected"].replace(" or ", ", ")
    if isinstance(error := told.get("error"), ValueError):
        told["error"] = error.args[0]
    return said(template, place=place, **told)
