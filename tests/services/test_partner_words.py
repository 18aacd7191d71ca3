"""Partners inside a sentence: French where the id is that of a party, the administrator's own name elsewhere."""

from gateway.services.partner_words import from_partner, partner_named, to_partners


def test_a_partner_named_after_its_party_is_called_in_french() -> None:
    """With the article that the sentence asks for."""
    assert str(partner_named("cnas")) == "CNAS"
    assert str(from_partner("cnse")) == "du CNSE"
    assert str(to_partners("cnas+cnse")) == "à la CNAS, au CNSE"


def test_any_other_id_stands_as_it_is() -> None:
    """Braces in it are no place to fill in."""
    assert str(partner_named("cnas-alger")) == "cnas-alger"
    assert str(from_partner("{0}")) == "de {0}"
    assert str(to_partners("cnas-alger+cpam")) == "à cnas-alger, à la CPAM"
