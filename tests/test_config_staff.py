"""The sections [alarms] and [staff]: who is told, in which order, who stands in, and the path beside the mail."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.domain.alarms import Desk
from gateway.domain.alarms.facts import Limits
from gateway.domain.alarms.staff import Absence
from gateway.staffing import correspondents
from tests.test_config import faults, read


def staff(**sections: str) -> str:
    """The text of these sections."""
    return "".join(f"\n[staff.{name}]\n{text}" for name, text in sections.items())


def test_without_these_sections_nobody_is_told_and_there_is_no_other_path(tmp_path: Path) -> None:
    """Alarms are recorded and listed all the same."""
    settings = read(tmp_path)

    assert settings.told_of_alarms.members == ()
    assert settings.alarms.command is None
    assert settings.alarms.limits == Limits(authorisation_days=7, follow_up_days=7)


def test_the_order_is_that_of_the_file(tmp_path: Path) -> None:
    """Functions, absences with both their days, a delegate; in the outbox under a name that no partner can have."""
    text = staff(
        zoe='address = "zoe@hopital.test"\nfunctions = ["secretariat"]\n'
        'absent = ["2027-08-02/2027-08-20", "2027-12-24"]\ndelegate = "adam"\n',
        adam='address = "Adam@admin.hopital.test"\n',
    )
    settings = read(tmp_path, more=text + "\n[alarms]\nescalate_after_minutes = 15\nauthorisation_days = 3\n")
    zoe, adam = settings.told_of_alarms.members

    assert (zoe.id, zoe.desks, zoe.delegate) == ("zoe", frozenset({Desk.SECRETARIAT}), "adam")
    assert zoe.absences == (
        Absence(first=date(2027, 8, 2), last=date(2027, 8, 20)),
        Absence(first=date(2027, 12, 24), last=date(2027, 12, 24)),
    )
    assert (adam.address, adam.desks) == ("adam@admin.hopital.test", frozenset(Desk))
    assert settings.told_of_alarms.patience == timedelta(minutes=15)
    assert settings.alarms.limits.authorisation_days == 3
    assert [partner.id for partner in correspondents(settings.told_of_alarms, settings.party.role, 1)] == [
        "staff:zoe",
        "staff:adam",
    ]
    assert [partner.id for partner in settings.outbox.partners] == ["cnas", "cnse"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('address = "zoe@gmail.com"', "adresse hors de vos domaines"),
        ('address = "conv@cnas.test"', "adresse hors de vos domaines"),
        ('address = "soins@hopital.test"', "celle de la passerelle ou d'un partenaire"),
        ('address = "zoe@hopital.test"\nfunctions = []', "functions"),
        ('address = "zoe@hopital.test"\nfunctions = ["physician"]', "secretariat"),
        ('address = "zoe@hopital.test"\ndelegate = "nobody"', "une autre section de [staff] est attendue"),
        ('address = "zoe@hopital.test"\ndelegate = "zoe"', "une autre section de [staff] est attendue"),
        ('address = "zoe@hopital.test"\nabsent = ["2027-08-02"]', "absent demande delegate"),
        ('address = "zoe@hopital.test"\nabsent = ["août"]\ndelegate = "zoe"', "jours attendus"),
        ('address = "zoe@hopital.test"\nabsent = ["2027-08-20/2027-08-02"]\ndelegate = "zoe"', "jours attendus"),
        ('address = "zoe@hopital.test"\nphone = "1234"', "phone"),
        ("functions = []", "address"),
    ],
)
def test_what_cannot_work_is_refused_at_start(text: str, said: str, tmp_path: Path) -> None:
    """Alarms name cases: no address outside of the house, however it is spelt."""
    assert said in faults(tmp_path, more=staff(zoe=text + "\n"))


@pytest.mark.parametrize(
    "text",
    [
        "escalate_after_minutes = 4",
        "authorisation_days = 0",
        "follow_up_days = 91",
        "backup_days = 0",
        "backup_days = 91",
        "command = []",
        "command_seconds = 0",
        "command_seconds = 301",
        'command = "rm -rf /"',
    ],
)
def test_a_number_or_a_command_that_makes_no_sense_is_refused(text: str, tmp_path: Path) -> None:
    """A command is a list: no shell ever reads it."""
    assert f"alarms.{text.partition(' ')[0]}" in faults(tmp_path, more=f"\n[alarms]\n{text}\n")
