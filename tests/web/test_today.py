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


async def test_a_page_learns_that_something_changed_and_reading_is_no_change(
    hospital: World, secretary: Browser
) -> None:
    """What its script asks; it does not keep the person signed in."""
    await hospital.poll()
    submitted = await hospital.to_running()
    seen = (await secretary.get("/")).text.split('data-seen="')[1].split('"')[0]
    await secretary.get(f"/dossiers/{submitted.case.ref}")

    read_only = (await secretary.get(f"/changements?vu={seen}")).json()
    await hospital.submit(patient_name="AUTRE")
    after = (await secretary.get(f"/changements?vu={seen}")).json()

    assert read_only == {"count": 0}
    assert after["count"] > 0


async def test_a_page_that_asks_by_itself_does_not_keep_anybody_signed_in(hospital: World, secretary: Browser) -> None:
    """Thirty minutes after the last page that the person opened, they are out, however often the script asked."""
    await secretary.get("/")
    for _minute in range(31):
        hospital.clock.advance(timedelta(minutes=1))
        last = await secretary.client.get("/changements?vu=0")

    assert last.status_code == 303


async def test_french_punctuation_stays_on_the_line_of_its_word(hospital: World, secretary: Browser) -> None:
    """A line never begins with a colon; English has no such space."""
    await hospital.poll()
    await hospital.to_running()

    french = (await secretary.client.get("/")).text
    await secretary.get("/langue/en")
    english = (await secretary.client.get("/")).text

    assert "Délais en cours\N{NO-BREAK SPACE}: la CNAS doit répondre" in french
    assert "Running periods: the CNAS must answer" in english
