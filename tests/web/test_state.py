"""The state page: a yes or a no first, then why; an alarm is taken once, by name."""

from datetime import timedelta

from fastapi import FastAPI

from gateway.domain.rights import Post
from gateway.storage import Alarm
from tests.services.world import World
from tests.web.browsing import Browser, signed_in


async def alarmed(hospital: World) -> Alarm:
    """An alarm that stands: nobody looks into the mailbox any more."""
    await hospital.poll()
    await hospital.watch(timedelta(minutes=1), times=13)
    return (await hospital.all(Alarm, ended_at=None))[0]


async def test_the_page_says_yes_when_all_is_well(hospital: World, secretary: Browser) -> None:
    """The first word answers the question."""
    await hospital.poll()

    page = (await secretary.get("/etat")).text

    assert "<strong>Oui.</strong>" in page
    assert "Aucune alarme ne dure." in page


async def test_the_page_says_no_and_why_when_mail_is_not_fetched(hospital: World, secretary: Browser) -> None:
    """The reason follows, with what it means for the law."""
    await alarmed(hospital)

    page = (await secretary.get("/etat")).text

    assert "<strong>Non.</strong> Le courrier n&#39;est pas relevé" in page
    assert "personne ne l&#39;a prise" in page


async def test_an_alarm_is_taken_by_name_and_once(hospital: World, secretary: Browser) -> None:
    """The second press of the same button changes nothing."""
    alarm = await alarmed(hospital)
    await secretary.get("/etat")
    form = secretary.page

    await secretary.send(f"/etat/alarmes/{alarm.id}")
    secretary.page = form
    answer = await secretary.send(f"/etat/alarmes/{alarm.id}")

    assert answer.status_code == 303
    assert [entry.actor for entry in await hospital.events("watch.taken")] == ["Claire Morel"]
    assert "prise par Claire Morel" in (await secretary.get("/etat")).text


async def test_an_auditor_sees_the_state_and_takes_nothing(app: FastAPI, hospital: World) -> None:
    """What is not theirs to do is not on the page."""
    await alarmed(hospital)
    auditor = await signed_in(app, hospital, "Odile Audit", Post.AUDITOR)

    page = (await auditor.get("/etat")).text

    assert "<strong>Non.</strong>" in page
    assert "/etat/alarmes/" not in page


async def test_help_accessibility_and_data_are_pages_of_every_person(secretary: Browser) -> None:
    """The three links at the foot lead somewhere."""
    for path in ("/aide", "/accessibilite", "/donnees"):
        answer = await secretary.get(path)
        assert answer.status_code == 200
        assert "<h1>" in answer.text
