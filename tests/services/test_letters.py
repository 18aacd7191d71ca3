"""The letter that a person reads in a mail program."""

from gateway.domain.kinds import EXTENSION_REQUEST, as_kept
from gateway.services.letters import letter


def test_a_letter_writes_days_and_euros_as_its_reader_does() -> None:
    """A clerk of the CNAS copies them by hand; what is no date of ours is shown as it came."""
    values = {
        "requested_from": "2026-12-21",
        "requested_until": "un jour",
        "quote_eur": "12500.50",
        "care": "2026-01-02",
    }

    lines = letter(EXTENSION_REQUEST, "7F3K-Q2", values, (), "CHU").splitlines()

    assert "Début demandé : 21/12/2026" in lines
    assert "Fin demandée : un jour" in lines
    assert "Devis complémentaire : 12500,50 €" in lines
    assert "Soins demandés : 2026-01-02" in lines


def test_what_a_letter_shows_can_be_typed_again() -> None:
    """Whoever enters a mail without manifest copies its letter into a fiche."""
    assert as_kept(EXTENSION_REQUEST, {"requested_from": "21/12/2026", "quote_eur": "12500,50 €"}) == {
        "requested_from": "2026-12-21",
        "quote_eur": "12500.50",
    }
