"""The sections [readers] and [retention]: one way for each reader, inside our own house, and nothing goes outside."""

from pathlib import Path

import pytest

from gateway.domain.parties import Function
from gateway.domain.readers import Way
from tests.test_config import faults, read

DOCTOR = 'functions = ["hospital.treating_physician"]\n'
OFFICE = 'functions = ["hospital.administration"]\n'
PEOPLE = '\n[people]\nfabre = "Dr Fabre"\nmartin = "Camille Martin"\n'


def readers(**sections: str) -> str:
    """The text of these sections."""
    return "".join(f"\n[readers.{name.replace('_', '-')}]\n{text}" for name, text in sections.items())


def test_without_readers_nobody_is_configured(tmp_path: Path) -> None:
    """The feature is off until somebody turns it on; copies stay thirty days."""
    settings = read(tmp_path)
    assert settings.readership.readers == ()
    assert settings.retention.days_after_handover == 30
    assert settings.outbox == settings.directory


def test_each_way_becomes_a_reader(tmp_path: Path) -> None:
    """A folder relative to the file, an address in lower case, a notice; only mail is in the outbox."""
    text = readers(
        dr_fabre=DOCTOR + 'address = "Fabre@Hopital.test"\npeople = ["fabre"]\n',
        dr_leroy=DOCTOR + 'folder = "remises/leroy"\n',
        bureau=OFFICE + 'notice = "bureau@admin.hopital.test"\n',
    )
    settings = read(tmp_path, more=text + PEOPLE + "\n[retention]\ndays_after_handover = 7\n")
    fabre, leroy, bureau = settings.readership.readers
    assert (fabre.id, fabre.way, fabre.place, fabre.people) == (
        "dr-fabre",
        Way.MAIL,
        "fabre@hopital.test",
        frozenset({"Dr Fabre"}),
    )
    assert (leroy.way, leroy.place) == (Way.FOLDER, str(tmp_path / "remises" / "leroy"))
    assert (bureau.way, bureau.functions, bureau.medical) == (Way.NOTICE, frozenset({Function.ADMINISTRATION}), False)
    assert [partner.id for partner in settings.outbox.partners] == ["cnas", "cnse", "reader:dr-fabre", "reader:bureau"]
    assert [partner.id for partner in settings.directory.partners] == ["cnas", "cnse"]
    assert settings.retention.days_after_handover == 7


@pytest.mark.parametrize("way", ["address", "notice"])
@pytest.mark.parametrize(
    "place",
    [
        "fabre@gmail.com",
        "fabre@cnas.test",
        "fabre@pashopital.test",
        "fabre@hopital.test.example.com",
        "fabre@test",
        "conseil@assurance-maladie.fr",
    ],
)
def test_r27_nothing_is_handed_over_outside_of_our_own_mail_domains(tmp_path: Path, way: str, place: str) -> None:
    """Information may be divulged for the protocol's purposes only (003:L406): the file itself is refused."""
    told = faults(tmp_path, more=readers(medecin=DOCTOR + f'{way} = "{place}"\n'))
    assert "readers.medecin : adresse hors de vos domaines (hopital.test)" in told


def test_another_mail_domain_of_ours_is_named_in_the_file(tmp_path: Path) -> None:
    """Then its sub-domains are ours too; a text that is no domain is refused."""
    more = readers(medecin=DOCTOR + 'address = "fabre@neuro.chu.test"\n')
    domains = ('address = "Soins@Hopital.test"', 'address = "Soins@Hopital.test"\nmail_domains = ["CHU.test"]')
    assert read(tmp_path, domains, more=more).readership.readers[0].place == "fabre@neuro.chu.test"
    wrong = ('address = "Soins@Hopital.test"', 'address = "Soins@Hopital.test"\nmail_domains = ["*"]')
    assert "domaine de messagerie attendu" in faults(tmp_path, wrong, more=more)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DOCTOR, "exactement une manière"),
        (DOCTOR + 'folder = "a"\nnotice = "a@hopital.test"\n', "exactement une manière"),
        ('functions = []\nfolder = "a"\n', "functions"),
        ('functions = ["hospital.cook"]\nfolder = "a"\n', "functions"),
        ('functions = ["cpam.international_relations"]\nfolder = "a"\n', "functions"),
        ('functions = ["cnas.medical_service"]\nfolder = "a"\n', "fonctions de votre rôle, hospital"),
        (
            'functions = ["hospital.treating_physician", "hospital.administration"]\nfolder = "a"\n',
            "médical ou administratif, jamais les deux",
        ),
        (OFFICE + 'folder = "a"\npeople = ["fabre"]\n', "qu'à un lecteur médical"),
        (DOCTOR + 'folder = "a"\npeople = ["inconnu"]\n', "absents de [people] : inconnu"),
        (DOCTOR + 'address = "soins@hopital.test"\n', "celle de la passerelle ou d'un partenaire"),
        (DOCTOR + 'folder = "a"\ndossier = "b"\n', "clé inconnue"),
        (DOCTOR + 'folder = "data/remises"\n', "même dossier que [gateway] data"),
    ],
)
def test_a_wrong_reader_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """Nothing is guessed, nothing ignored."""
    assert told in faults(tmp_path, more=readers(medecin=text) + PEOPLE)


@pytest.mark.parametrize(
    ("first", "second"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a", "./a/../a"), ("a", "c/../a/b")]
)
def test_two_readers_never_share_a_folder(tmp_path: Path, first: str, second: str) -> None:
    """One would read the other's share, however the path is written."""
    text = readers(medecin=DOCTOR + f'folder = "{first}"\n', bureau=OFFICE + f'folder = "{second}"\n')
    assert "même dossier" in faults(tmp_path, more=text)


def test_two_readers_never_share_an_address(tmp_path: Path) -> None:
    """Whatever the way."""
    text = readers(medecin=DOCTOR + 'address = "a@hopital.test"\n', bureau=OFFICE + 'notice = "A@hopital.test"\n')
    assert "même adresse" in faults(tmp_path, more=text)


def test_every_fault_of_the_readers_is_told_at_once(tmp_path: Path) -> None:
    """As everywhere in the file."""
    text = readers(a=DOCTOR + 'address = "a@dehors.test"\n', b=DOCTOR + 'folder = "x"\npeople = ["inconnu"]\n')
    told = faults(tmp_path, more=text)
    assert "readers.a : adresse hors" in told
    assert "readers.b.people" in told


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_the_time_that_copies_stay_has_bounds(tmp_path: Path, days: int) -> None:
    """Zero would erase what nobody could read yet."""
    assert "retention" in faults(tmp_path, more=f"\n[retention]\ndays_after_handover = {days}\n")
