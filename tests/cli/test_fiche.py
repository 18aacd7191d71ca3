"""Blank fiches: what is forgotten in one is missed, whatever its type; and each can be filled as its lines say."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.cli.blank import blank_fiche, cited
from gateway.cli.fiche import read_fiche
from gateway.domain.errors import FicheInvalid
from gateway.domain.kinds import EXTENSION_REQUEST, KINDS, FieldType, Kind, Subject, faults
from tests.cli.conftest import Gateway

FILLED = [
    kind
    for kind in KINDS.values()
    if kind.fields and (kind.routes or kind.noted_by) and kind.subject is not Subject.NOTICE
]
GOOD = {
    FieldType.TEXT: "texte",
    FieldType.DATE: "13/03/2027",
    FieldType.DAYS: "21",
    FieldType.AMOUNT: "12 500,00 €",
    FieldType.INSTANT: "2027-03-13T10:00:00+01:00",
}

each_kind = pytest.mark.parametrize("kind", FILLED, ids=[kind.id for kind in FILLED])


def written(folder: Path, text: str) -> Path:
    """A fiche without its pieces, which are files."""
    path = folder / "fiche.toml"
    path.write_text(text.partition("\n[pieces]\n")[0], encoding="utf-8")
    return path


@each_kind
def test_a_fiche_left_blank_lacks_every_field_that_it_must_have(kind: Kind, tmp_path: Path) -> None:
    """No date, amount or choice stands there by itself: what nobody typed never leaves as a patient's own."""
    fiche = read_fiche(written(tmp_path, blank_fiche(kind)))

    assert fiche.kind is kind
    assert {name for name, value in fiche.values.items() if value} == set()
    assert len(faults(kind, fiche.values)) == sum(field.required for field in kind.fields)


@each_kind
def test_a_fiche_filled_as_its_lines_say_has_no_fault(kind: Kind, tmp_path: Path) -> None:
    """Its optional lines too, once uncommented."""
    text = re.sub(r"(?m)^#(?=[a-z_]+ = \"\"$)", "", blank_fiche(kind))
    for field in kind.fields:
        section, _, key = field.fiche.partition(".")
        head, name, tail = text.partition(f"[{section}]")
        value = field.choices[0] if field.choices else GOOD[field.type]
        text = head + name + re.sub(rf'(?m)^{key} = ""$', f'{key} = "{value}"', tail, count=1)

    fiche = read_fiche(written(tmp_path, text))

    assert set(fiche.values) == {field.id for field in kind.fields}
    assert faults(kind, fiche.values) == ()


def test_a_date_may_be_typed_as_toml_writes_it(tmp_path: Path) -> None:
    """Without quotes it is a date of the format itself."""
    text = blank_fiche(EXTENSION_REQUEST).replace('naissance = ""', "naissance = 1961-03-04")

    assert tomllib.loads(text)["patient"]["naissance"]
    assert "1961-03-04" in read_fiche(written(tmp_path, text)).values.values()


def test_a_key_with_an_accent_is_told_where_it_stands(tmp_path: Path) -> None:
    """The format has no such keys, and a secretary does not know the format."""
    text = blank_fiche(EXTENSION_REQUEST).replace('prenom = ""', 'prénom = "Karim"')

    with pytest.raises(FicheInvalid, match=r'ligne 17, .* \(on écrit clé = "valeur", la clé sans accent\)'):
        read_fiche(written(tmp_path, text))


def test_fields_and_files_that_lack_are_told_together(tmp_path: Path) -> None:
    """A file that nobody has put there yet is a fault like another."""
    path = tmp_path / "fiche.toml"
    path.write_text(
        blank_fiche(EXTENSION_REQUEST).replace('devis = ""', 'devis = "pieces/devis.pdf"'), encoding="utf-8"
    )

    with pytest.raises(FicheInvalid) as refused:
        read_fiche(path)

    told = str(refused.value.fields["faults"])
    assert "patient.nom : manque (nom du patient)" in told
    assert f"pieces.devis : {tmp_path / 'pieces' / 'devis.pdf'} : Ce chemin n'existe pas." in told


@pytest.mark.parametrize(
    ("short", "named"),
    [
        (
            "003:L202, L258-266 ; 002:L128-139",
            "instruction 2019/224, l. 202, l. 258-266 ; circulaire 31/2021, l. 128-139",
        ),
        ("non prévue par les textes ; 003:L280", "non prévue par les textes ; instruction 2019/224, l. 280"),
        ("001:L34", "page de l'assurance maladie, l. 34"),
        ("usage du bureau", "usage du bureau"),
    ],
)
def test_a_source_names_its_text(short: str, named: str) -> None:
    """Three figures say nothing to who reads a fiche."""
    assert cited(short) == named


def test_a_fiche_that_was_written_says_what_comes_next(gateway: Gateway, tmp_path: Path) -> None:
    """A mail is submitted, a fact is noted."""
    mail, fact = tmp_path / "m12.toml", tmp_path / "sortie.toml"

    assert gateway("fiche", "M12", "-o", str(mail)).out == (
        f"Fiche écrite : {mail}. Remplissez-la, puis : gateway submit {mail}\n"
    )
    assert gateway("fiche", "DISCHARGE", "-o", str(fact), "--lang", "en").out.endswith(f"then: gateway note {fact}\n")
    assert mail.read_text(encoding="utf-8") == blank_fiche(EXTENSION_REQUEST)
