"""What the configuration decides: a calendar that ends, a lone person, a missing role, floors that never start."""

from datetime import UTC, date, datetime

import pytest

from gateway.doctor import rules
from gateway.doctor.finding import Level
from gateway.domain.amendments import CalendarAct, CalendarStatement, Verb
from gateway.domain.errors import CalendarInvalid
from gateway.domain.feasts import RowStatus
from tests.doctor.place import NOW, Place, complete, heard, levels, only

PROLONGED = CalendarAct(
    site="principal",
    verb=Verb.IMPORT,
    source="Journal officiel",
    recorded_at=NOW,
    recorded_by="alice",
    covers_until=date(2028, 12, 31),
)

MOURNING = CalendarStatement(
    site="principal",
    act=1,
    withdrawn=False,
    date=date(2026, 12, 10),
    name="Deuil",
    feast="deuil",
    status=RowStatus.OFFICIAL,
    off=True,
    source="Journal officiel",
)


async def test_a_sound_configuration_is_fine(place: Place) -> None:
    """Nothing to mend; that one person suffices is only to know."""
    here = place.installation()
    found = [
        *rules.configuration(here, ()),
        *await heard(rules.calendar(here)),
        *rules.people(here),
        *rules.staff(here),
        *rules.roles(here),
        *rules.floors(here),
        *rules.sizes(here),
    ]

    assert levels(found) == {
        "config.file": Level.OK,
        "config.calendar": Level.OK,
        "config.people": Level.TO_KNOW,
        "config.staff": Level.TO_KNOW,
        "partners.roles": Level.OK,
        "partners.floors": Level.OK,
        "partners.size": Level.OK,
    }


def test_a_faulty_file_is_told_with_what_cannot_be_examined(place: Place) -> None:
    """Every fault at once, in the error's own words."""
    place.change("[smtp]\n", "[smtp]\nrecieve = true\n")

    found = list(rules.configuration(place.installation(), ("smtp.login",)))

    assert levels(found) == {"config.file": Level.BLOCKING, "config.partial": Level.TO_KNOW}
    assert "smtp.recieve" in str(found[0].why)
    assert found[1].facts["checks"] == ["smtp.login"]


# --- Calendar and persons.


@pytest.mark.parametrize(
    ("today", "level"),
    [
        (datetime(2026, 11, 3, 12, tzinfo=UTC), Level.OK),
        (datetime(2026, 11, 4, 12, tzinfo=UTC), Level.TO_MEND),
        (datetime(2027, 2, 1, 12, tzinfo=UTC), Level.TO_MEND),
        (datetime(2027, 2, 1, 23, 30, tzinfo=UTC), Level.BLOCKING),
    ],
    ids=["90 days", "89 days", "its last day", "the next day in Algiers"],
)
async def test_a_calendar_that_ends_is_told_ninety_days_before(place: Place, today: datetime, level: Level) -> None:
    """The day is that of Algiers."""
    (place.folder / "calendar.toml").write_text('covers_until = 2027-02-01\nrecorded_by = "essai"\nrows = []\n')
    place.change("[gateway]\n", '[gateway]\ncalendar = "calendar.toml"\n')
    place.clock.at = today

    finding = only(await heard(rules.calendar(place.installation())), "config.calendar")

    assert finding.level is level
    assert complete(finding) is (level is not Level.OK)


async def test_what_persons_stated_over_the_calendar_counts(place: Place) -> None:
    """The file ends soon, an act in the database prolongs it."""
    (place.folder / "calendar.toml").write_text('covers_until = 2026-12-01\nrecorded_by = "essai"\nrows = []\n')
    place.change("[gateway]\n", '[gateway]\ncalendar = "calendar.toml"\n')
    place.create()
    assert only(await heard(rules.calendar(place.installation())), "config.calendar").level is Level.TO_MEND

    await place.store(PROLONGED)

    finding = only(await heard(rules.calendar(place.installation())), "config.calendar")
    assert (finding.level, finding.facts["covers_until"]) == (Level.OK, date(2028, 12, 31))


async def test_a_file_that_contradicts_what_persons_stated_is_an_error(place: Place) -> None:
    """The daemon would not start on it: the file alone must not hide that."""
    place.create()
    await place.store(PROLONGED, MOURNING)
    await heard(rules.calendar(place.installation()))
    far = '[[rows]]\ndate = 2027-03-01\nname = "Deuil"\nfeast = "deuil"\nstatus = "official"\nsource = "autre"\n'
    (place.folder / "calendar.toml").write_text(f'covers_until = 2028-12-01\nrecorded_by = "essai"\n{far}')
    place.change("[gateway]\n", '[gateway]\ncalendar = "calendar.toml"\n')

    with pytest.raises(CalendarInvalid, match="deuil"):
        await heard(rules.calendar(place.installation()))


async def test_an_unreadable_calendar_is_an_error(place: Place) -> None:
    """No day could be counted."""
    place.change("[gateway]\n", '[gateway]\ncalendar = "absent.toml"\n')

    with pytest.raises(CalendarInvalid):
        await heard(rules.calendar(place.installation()))


@pytest.mark.parametrize(
    ("people", "level"),
    [
        ('alice = "Alice A"\nbob = "Bob B"\n', Level.OK),
        ('alice = "Alice A"\nalice2 = "Alice A"\n', Level.TO_KNOW),
        ("", Level.TO_KNOW),
    ],
    ids=["two", "one with two accounts", "nobody"],
)
def test_four_eyes_need_two_persons(place: Place, people: str, level: Level) -> None:
    """Two accounts of one person are one."""
    place.write(place.config.read_text() + f"\n[people]\n{people}")

    finding = only(rules.people(place.installation()), "config.people")

    assert finding.level is level
    assert finding.facts["four_eyes"] is (level is Level.OK)


@pytest.mark.parametrize(
    ("text", "level", "names"),
    [
        ('[alarms]\ncommand = ["/bin/true"]\n[staff.un]\naddress = "un@hopital.test"\n', Level.OK, ["un"]),
        ('[staff.un]\naddress = "un@hopital.test"\n', Level.TO_KNOW, ["un"]),
        ('[alarms]\ncommand = ["/bin/true"]\n', Level.TO_KNOW, []),
        ("", Level.TO_KNOW, []),
    ],
    ids=["both ways", "by mail alone", "by the other way alone", "nobody"],
)
def test_somebody_should_be_told_of_alarms_by_two_ways(place: Place, text: str, level: Level, names: list[str]) -> None:
    """An alarm that nobody reads is none; who is told is said by the names of the sections."""
    place.write(f"{place.config.read_text()}\n{text}")

    finding = only(rules.staff(place.installation()), "config.staff")

    assert (finding.level, finding.facts["staff"]) == (level, names)
    assert complete(finding) is (level is not Level.OK)


# --- Partners.


def test_a_role_that_nobody_fills_is_blocking(place: Place) -> None:
    """The hospital's mails go to the CNAS and the CNSE."""
    place.change('role = "cnse"', 'role = "cpam"')

    finding = only(rules.roles(place.installation()), "partners.roles")

    assert (finding.level, finding.facts["absent"]) == (Level.BLOCKING, ["cnse"])
    assert complete(finding)


def test_each_role_has_its_own_needs(place: Place) -> None:
    """The CNAS writes to the hospital and the CNSE."""
    place.change('role = "hospital"', 'role = "cnas"')
    place.change('[partners.cnas]\nrole = "cnas"', '[partners.chu]\nrole = "hospital"')

    assert only(rules.roles(place.installation()), "partners.roles").level is Level.OK
    assert list(rules.floors(place.installation())) == []


def cnas(place: Place, lines: str) -> None:
    """Another agreement with the CNAS."""
    place.change('[partners.cnas]\nrole = "cnas"\nkind = "gateway"\n', f'[partners.cnas]\nrole = "cnas"\n{lines}\n')


@pytest.mark.parametrize(
    ("lines", "floors", "answers"),
    [
        ('kind = "gateway"', Level.OK, None),
        ('kind = "gateway"\nstarts_from = "mdn"', Level.TO_KNOW, None),
        ('kind = "mail"', Level.TO_KNOW, Level.TO_KNOW),
        ('kind = "mail"\nstarts_from = "signed_reply"', Level.OK, Level.TO_KNOW),
        ('kind = "mail"\nstarts_from = "signed_receipt"', Level.TO_MEND, Level.TO_KNOW),
        ('kind = "mail"\nanswers_come_here = "accord du 1er mars"', Level.TO_KNOW, None),
        ('kind = "mail"\nrecords_alone_from = "mdn"\nconvention = "accord du 1er mars"', Level.OK, Level.TO_KNOW),
    ],
)
def test_floors_are_explained(place: Place, lines: str, floors: Level, answers: Level | None) -> None:
    """From where the period starts, and where a person is needed; without an agreement, how to reach one."""
    cnas(place, lines)

    found = list(rules.floors(place.installation()))

    assert levels(found) == {"partners.floors": floors} | ({"partners.answers": answers} if answers else {})
    finding = only(found, "partners.floors")
    assert "cnas" in str(finding.what)
    assert finding.facts["starts_from"] is not None
    assert complete(finding) is (floors is not Level.OK)


def test_the_missing_agreement_is_named(place: Place) -> None:
    """A silence that starts from an unsigned receipt is recorded by a person, unless a convention says otherwise."""
    cnas(place, 'kind = "mail"')

    finding = only(rules.floors(place.installation()), "partners.floors")

    assert "convention" in str(finding.mend)
    assert "accusé de lecture non signé" in str(finding.what)


def test_the_largest_mail_is_the_smaller_of_both_limits(place: Place) -> None:
    """Ours and the partner's."""
    place.change("[smtp]\n", "[smtp]\nmax_bytes = 15000000\n")
    cnas(place, 'kind = "gateway"\nmax_bytes = 10000000')

    limits = {str(finding.facts["partner"]): finding.facts["limit"] for finding in rules.sizes(place.installation())}

    assert limits == {"cnas": 10_000_000, "cnse": 15_000_000}
