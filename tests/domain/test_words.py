"""A sentence stays whole until someone reads it, in French or in another language."""

from gateway.domain.errors import NotAllowed
from gateway.domain.words import listed, said

ENGLISH = {
    "classer le courrier {mail}": "file mail {mail}",
    "Déjà classé par {who}.": "Already filed by {who}.",
    "Acte refusé : {act}.": "Refused: {act}.",
    "manque": "missing",
}


def english(template: str) -> str:
    """A reader's catalogue; what it lacks stays French."""
    return ENGLISH.get(template, template)


def test_a_sentence_is_french_when_nobody_translates() -> None:
    """Logs and tests read French."""
    assert str(said("Déjà classé par {who}.", who="Mme Petit")) == "Déjà classé par Mme Petit."


def test_values_that_are_sentences_are_translated_too() -> None:
    """An error carries its act and its reason as sentences."""
    error = NotAllowed(act=said("classer le courrier {mail}", mail=7), reason=said("Déjà classé par {who}.", who="A"))

    assert error.lines(english) == ("Refused: file mail 7.", "Already filed by A.")
    assert error.lines() == ("Acte refusé : classer le courrier 7.", "Déjà classé par A.")


def test_faults_are_listed_in_one_language() -> None:
    """Every fault at once, each translated; a plain text stays as it is."""
    assert listed([said("manque"), "patient.nom"]).told(english) == "missing ; patient.nom"
