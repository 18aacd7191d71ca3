"""The first page: what to do, in which order, and whether it can be believed."""

from datetime import timedelta

from tests.services.world import World
from tests.web.browsing import Browser


async def test_a_running_clock_is_shown_with_its_days_and_its_end(hospital: World, secretary: Browser) -> None:
    """The secretary sees the patient's name, the days and the last one, without a click."""
    await hospital.poll()
    await hospital.to_running()

    page = (await secretary.get("/")).text

    assert "Délais en cours" in page
    assert "mercredi 28 janvier" in page
    assert "BENALI" in page or "patient" in page.lower()


async def test_an_empty_list_is_believed_only_when_the_mail_was_looked_at(hospital: World, secretary: Browser) -> None:
    """Nothing to do and nothing known are told apart."""
    never = (await secretary.get("/")).text
    await hospital.poll()
    fresh = (await secretary.get("/")).text
    hospital.clock.advance(timedelta(minutes=29))
    stale = (await secretary.get("/")).text

    assert "n&#39;est peut-être pas complète" in never
    assert "Rien à faire pour l&#39;instant" in fresh
    assert "n&#39;est peut-être pas complète" in stale


async def test_nobody_sees_a_page_without_signing_in(secretary: Browser) -> None:
    """A stranger is led to the sign-in page, whatever they ask for."""
    secretary.client.cookies.clear()

    answer = await secretary.get("/dossiers/7F3K-Q2")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/connexion?retour=/dossiers/7F3K-Q2"
