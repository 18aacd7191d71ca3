"""The first page: what to do, in which order, and whether it can be believed."""

import re
from datetime import timedelta

from fastapi import FastAPI

from gateway.domain.duties import Urgency
from gateway.domain.rights import Post
from gateway.services.agenda import CLOCKS, TASKS
from gateway.services.kept_worklist import KeptWorklist
from gateway.services.worklist import Worklist
from tests.services.world import World
from tests.web.browsing import Browser, signed_in


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


async def many(app: FastAPI, hospital: World, count: int) -> Browser:
    """So many requests of yesterday without a receipt; and who comes in today."""
    for number in range(count):
        await hospital.submit(care=f"soin {number}")
    hospital.clock.advance(timedelta(days=1))
    await hospital.poll()
    return await signed_in(app, hospital, "Claire Morel", Post.SECRETARIAT)


async def test_a_long_list_goes_on_where_the_page_ends_and_says_how_long_it_is(app: FastAPI, hospital: World) -> None:
    """Nothing twice, nothing left out; the title and the heading count all of them; the last page leads nowhere."""
    secretary = await many(app, hospital, TASKS + 3)

    first = (await secretary.get("/")).text
    following = first.split('href="/?apres=')[1].split('"')[0]
    second = (await secretary.get(f"/?apres={following}")).text

    refs = [set(re.findall(r'href="/dossiers/(....-..)"', page)) for page in (first, second)]
    assert (len(refs[0]), len(refs[1]), refs[0] & refs[1]) == (TASKS, 3, set())
    assert f"Urgences : {TASKS + 3}." in first
    assert f"Urgences : {TASKS + 3}." in second
    assert "?apres=" not in second
    assert "Délais en cours" not in second


async def test_a_page_of_nowhere_is_no_page(secretary: Browser) -> None:
    """What is no place of ours, or one that no table can hold."""
    wrong = (
        "x",
        "0.99991399T235959999999.0.1.0.",
        "0.20260101T000000000000.0.9999999999.0.",
        "9.20260101T000000000000",
    )
    assert [(await secretary.get(f"/?apres={word}")).status_code for word in wrong] == [404] * 4


async def test_the_page_stays_quick_to_make_because_what_is_kept_is_not_read_again(
    app: FastAPI, hospital: World
) -> None:
    """With the worklist kept, a page reads the cases that it shows and no other."""
    secretary = await many(app, hospital, TASKS + 3)
    await KeptWorklist(
        store=hospital.store, cabinet=hospital.cabinet, clock=hospital.clock, party=hospital.party
    ).round()
    async with hospital.store.view() as view:
        page = await Worklist(
            store=hospital.store, cabinet=hospital.cabinet, clock=hospital.clock, party=hospital.party
        )._completed(view, (), None, 4)

    assert len(page.items) == 5
    assert page.counts[Urgency.NOW] == TASKS + 3
    assert f"Urgences : {TASKS + 3}." in (await secretary.get("/")).text


async def test_of_many_clocks_the_nearest_ends_are_shown(hospital: World, secretary: Browser) -> None:
    """And the page says that there are more."""
    await hospital.poll()
    for number in range(CLOCKS + 2):
        await hospital.to_running(care=f"soin {number}")

    page = (await secretary.get("/")).text

    assert page.count("/delai/") == CLOCKS
    assert f"Les plus proches de leur fin : {CLOCKS} délais sur {CLOCKS + 2}." in page
