"""« Jusqu'à quand la CNAS peut-elle répondre ? »: the answer, why, and what persons decide on the page."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.domain.challenge import Finding
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.rights import Post
from gateway.services.desk import Submitted
from gateway.storage import Confirmation, Ruling
from tests.services.mails import START, answer_mail, request_mail
from tests.services.test_answers import UNCERTAIN
from tests.services.test_calendar_acts import amend
from tests.services.test_challenges import recorded
from tests.services.test_disputes import feast, in_dispute
from tests.services.world import RIPE, World, open_world
from tests.web.browsing import Browser, console, signed_in

SEEN = re.compile(r'name="seen" value="(\d+)"')
WHY = "Mme Haddad a vu l'accusé de dépôt"


@pytest.fixture
async def uncertain(tmp_path: Path) -> AsyncIterator[World]:
    """A hospital whose calendar expects a feast on the day after the fourth."""
    async with open_world(tmp_path, once=True, persons=2, calendar=UNCERTAIN) as world:
        yield world


SignIn = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def come(app: FastAPI, hospital: World) -> AsyncIterator[SignIn]:
    """Lets a person sign in now, since nobody stays signed in while days go by."""
    browsers: list[Browser] = []

    async def enter(name: str = "Claire Morel", post: Post = Post.SECRETARIAT) -> Browser:
        browsers.append(await signed_in(app, hospital, name, post))
        return browsers[-1]

    yield enter
    for browser in browsers:
        await browser.client.aclose()


def place(submitted: Submitted) -> str:
    """Where this clock is."""
    return f"/dossiers/{submitted.case.ref}/delai/{submitted.request.hash}"


async def decide(browser: Browser, submitted: Submitted, act: str, **fields: str) -> httpx.Response:
    """Open the page and send one of its forms."""
    await browser.get(place(submitted))
    return await send(browser, submitted, act, **fields)


async def send(browser: Browser, submitted: Submitted, act: str, **fields: str) -> httpx.Response:
    """Send a form of the page that is open."""
    found = SEEN.search(browser.page)
    return await browser.send(f"{place(submitted)}/{act}", **{"seen": found.group(1) if found else "", **fields})


def shown(answer: httpx.Response) -> str:
    """The page without markup, as it is read."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)).replace("&#39;", "'")


# --- what it says


async def test_a_certain_end_is_one_day_and_its_last_minute(hospital: World, secretary: Browser) -> None:
    """Never « midnight »: the last minute of the last day, in Algiers, and that Paris has the same hour in winter."""
    submitted = await hospital.to_running()

    page = shown(await secretary.get(place(submitted)))

    assert "Jusqu'au mercredi 28 janvier 2026" in page
    assert "23 h 59, heure d'Alger (même heure à Paris)" in page
    assert "Rien ne sera enregistré avant : jeudi 29 janvier 2026 à 12 h 00" in page
    assert "minuit" not in page
    assert "BENALI" in page


async def test_in_summer_the_end_is_another_day_in_paris(tmp_path: Path) -> None:
    """Between March and October, Paris is an hour ahead of Algiers."""
    async with open_world(tmp_path, once=True, persons=2, at=START + timedelta(days=140)) as world:
        submitted = await world.to_running(
            requested_from="2026-07-01", requested_until="2026-07-31", authorised_until="2026-06-30"
        )
        browser = await signed_in(console(world), world, "Claire Morel", Post.SECRETARIAT)
        page = shown(await browser.get(place(submitted)))
        await browser.client.aclose()

    assert "23 h 59, heure d'Alger ; à Paris, le" in page
    assert "à 00 h 59" in page


async def test_a_feast_that_may_move_has_a_row_for_each_day_it_may_fall_on(uncertain: World) -> None:
    """The range is in the answer, the reason beside it, and each hypothesis shows its own fourth day."""
    submitted = await uncertain.to_running()
    browser = await signed_in(console(uncertain), uncertain, "Claire Morel", Post.SECRETARIAT)
    answer = await browser.get(place(submitted))
    await browser.client.aclose()
    page = shown(answer)

    assert "Entre le mercredi 28 janvier 2026 et le jeudi 29 janvier 2026" in page
    assert "dépend du jour d'une fête, pas encore annoncé : Fête" in page
    assert "Fête : jeudi 29 janvier date prévue" in page
    assert "Fête : mercredi 28 janvier un jour plus tôt" in page
    assert answer.text.count('<td class="c e">4<small>') == 3
    assert answer.text.count('<td class="f">') == 1


async def test_a_moved_end_says_before_since_why_and_by_whom(uncertain: World) -> None:
    """The announcement moves the end; its source and the two who stated it stand on the page."""
    submitted = await uncertain.to_running()
    effect = await amend(uncertain, feast(START.date() + timedelta(days=3)), "Alice Martin")
    assert effect.number is not None
    await uncertain.calendar_acts.confirm(effect.number, actor="Bob Petit")
    browser = await signed_in(console(uncertain), uncertain, "Claire Morel", Post.SECRETARIAT)
    page = shown(await browser.get(place(submitted)))
    await browser.client.aclose()

    assert "La fin du délai a changé" in page
    assert "entre le mercredi 28 janvier 2026 et le jeudi 29 janvier 2026 jeudi 29 janvier 2026" in page
    assert "calendrier algérien complété : constat" in page
    assert "Alice Martin &amp; Bob Petit" in page


async def test_what_starts_the_period_stands_on_the_ladder_with_its_five_instants(
    hospital: World, secretary: Browser
) -> None:
    """The step that counts is marked; those that are missing say so."""
    submitted = await hospital.to_running()

    page = shown(await secretary.get(place(submitted)))

    assert "Accusé de réception signé : le délai part de là" in page
    assert "Avis de remise absente" in page
    assert "Les cinq instants" in page


async def test_a_request_without_receipt_has_no_clock_yet(hospital: World, secretary: Browser) -> None:
    """The sending starts nothing."""
    submitted = await hospital.submit()
    await hospital.send_all()

    page = shown(await secretary.get(place(submitted)))

    assert "Le délai n'a pas commencé" in page
    assert "J'ai une preuve" in page


async def test_an_answer_in_time_is_the_answer_of_the_page(hospital: World, secretary: Browser) -> None:
    """Who asks until when learns that it is over."""
    submitted = await hospital.to_running()
    await hospital.take(answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=False))

    page = shown(await secretary.get(place(submitted)))

    assert "La CNAS a répondu : refusée" in page
    assert "Ce qui manque" not in page


async def test_the_page_speaks_english(hospital: World, secretary: Browser) -> None:
    """Everything on it, days and reasons included."""
    submitted = await hospital.to_running()
    secretary.client.cookies.set("langue", "en")

    answer = await secretary.get(place(submitted))

    assert '<html lang="en">' in answer.text
    assert "Until Wednesday 28 January 2026" in shown(answer)


async def test_no_other_case_opens_a_request_and_no_mark_of_html_passes(hospital: World, secretary: Browser) -> None:
    """A request is found in its own case alone; what is typed in an address comes back nowhere."""
    submitted = await hospital.to_running()
    wrong = (
        f"/dossiers/{submitted.case.ref}/delai/{'0' * 64}",
        f"/dossiers/AAAA-AA/delai/{submitted.request.hash}",
        f"/dossiers/<script>/delai/{submitted.request.hash}",
    )
    for path in wrong:
        answer = await secretary.get(path)
        assert answer.status_code == 404
        assert "<script>/" not in answer.text


async def test_an_auditor_learns_no_name_and_finds_nothing_to_press(hospital: World, come: SignIn) -> None:
    """The same clock, by reference."""
    submitted = await recorded(hospital)
    await hospital.challenges.cast(submitted.case.ref, because=WHY, actor="alice")
    auditor = await come("Anne Audit", Post.AUDITOR)

    page = (await auditor.get(place(submitted))).text

    assert "BENALI" not in page
    assert "Haddad" not in page
    assert "trancher" not in page
    for act in ("confirmer", "departager", "trancher", "mettre-en-cause"):
        assert (await send(auditor, submitted, act, finding="upheld", because=WHY)).status_code == 404
    assert await hospital.all(Ruling) == ()


# --- documents


async def test_the_explanation_is_taken_away_as_a_file(hospital: World, secretary: Browser) -> None:
    """A PDF file with a name, which no browser opens in our pages; in no language that it is not printed in."""
    submitted = await hospital.to_running()
    for language in ("fr", "en", "ar"):
        answer = await secretary.get(f"{place(submitted)}/explication.pdf?langue={language}")
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["cache-control"] == "no-store"
    assert (await secretary.get(f"{place(submitted)}/explication.pdf?langue=../../etc")).status_code == 404


async def test_a_recorded_silence_offers_its_certificate(hospital: World, come: SignIn) -> None:
    """Where the silence is shown, with the name of the patient for who may know it."""
    submitted = await recorded(hospital)
    secretary, auditor = await come(), await come("Anne Audit", Post.AUDITOR)
    where = f"/dossiers/{submitted.case.ref}/certificat/{submitted.request.hash}.pdf"

    page = (await secretary.get(place(submitted))).text

    assert f'href="{where}"' in page
    assert (await secretary.get(where)).text == "%PDF-made-up with identity"
    assert (await auditor.get(where)).text == "%PDF-made-up"


# --- a condition


async def asked(world: World) -> Submitted:
    """A period that is over, while no second clock answers: a person must say what time it is."""
    submitted = await world.to_running()
    world.clock.go_to(RIPE)
    await world.deadlines.tick()
    await world.poll()
    assert await world.lacking() == ("second_time_source_agrees",)
    return submitted


async def test_a_condition_takes_two_persons_by_name(hospital: World, come: SignIn) -> None:
    """The first sees that a second is awaited, and has no button; with the second the condition holds."""
    submitted = await asked(hospital)
    secretary, bob = await come(), await come("Bob Petit")
    code = "time_source"

    done = await decide(secretary, submitted, "confirmer", code=code)
    mine = (await secretary.get(place(submitted))).text
    theirs = (await bob.get(place(submitted))).text
    await send(bob, submitted, "confirmer", code=code)

    assert (done.status_code, done.headers["location"]) == (303, place(submitted))
    assert "En attente d&#39;une seconde personne" in mine
    assert f'value="{code}"' not in mine
    assert "Confirmé par Claire Morel" in theirs
    assert f'value="{code}"' in theirs
    assert {row.person for row in await hospital.all(Confirmation)} == {"Claire Morel", "Bob Petit"}
    assert "second_time_source_agrees" not in await hospital.lacking()


async def test_the_same_person_cannot_be_the_second(hospital: World, come: SignIn) -> None:
    """Not even with an old page that still has the button."""
    submitted = await asked(hospital)
    secretary = await come()
    await secretary.get(place(submitted))
    stale = secretary.page
    await send(secretary, submitted, "confirmer", code="time_source")
    secretary.page = (await secretary.client.get(place(submitted))).text

    again = await send(secretary, submitted, "confirmer", code="time_source")

    assert "value=" in stale
    assert again.status_code == 404 or "seconde personne" in shown(again)
    assert len(await hospital.all(Confirmation)) == 1


async def test_a_double_click_is_one_word(hospital: World, come: SignIn) -> None:
    """The second sending leads where the first one led, and nothing is told twice."""
    submitted = await asked(hospital)
    secretary = await come()
    await secretary.get(place(submitted))
    form = secretary.page

    first = await send(secretary, submitted, "confirmer", code="time_source")
    secretary.page = form
    second = await send(secretary, submitted, "confirmer", code="time_source")

    assert (first.status_code, second.status_code) == (303, 303)
    assert second.headers["location"] == place(submitted)
    assert len(await hospital.all(Confirmation)) == 1


async def test_a_page_that_is_out_of_date_names_who_changed_what(hospital: World, come: SignIn) -> None:
    """Bob's word came between: Claire's is not taken for a case that she has not seen."""
    submitted = await asked(hospital)
    secretary, bob = await come(), await come("Bob Petit")
    await secretary.get(place(submitted))
    await decide(bob, submitted, "confirmer", code="time_source")

    answer = await send(secretary, submitted, "confirmer", code="time_source")

    assert answer.status_code == 409
    assert "Bob Petit : une condition est confirmée" in shown(answer)
    assert {row.person for row in await hospital.all(Confirmation)} == {"Bob Petit"}
    assert (await send(secretary, submitted, "confirmer", code="time_source")).status_code == 303


async def test_what_nobody_asks_is_not_confirmed(hospital: World, secretary: Browser) -> None:
    """A code that a hand wrote, or one that is not ripe."""
    submitted = await hospital.to_running()
    await secretary.get(place(submitted))
    secretary.page += '<input name="token" value="x">'
    for code in ("time_source", "no_such", ""):
        answer = await secretary.get(place(submitted))
        answer = await send(secretary, submitted, "confirmer", code=code)
        assert answer.status_code in {404, 409}
    assert await hospital.all(Confirmation) == ()


# --- an answer near the end


async def test_one_person_counts_an_answer_in_time_and_two_count_it_late(hospital: World, come: SignIn) -> None:
    """What lets silence be recorded takes two; the first waits without a button."""
    submitted = await in_dispute(hospital)
    secretary, bob = await come(), await come("Bob Petit")
    number = re.search(r'name="number" value="(\d+)"', (await secretary.get(place(submitted))).text)
    assert number is not None

    await send(secretary, submitted, "departager", number=number.group(1), finding="late", because=WHY)
    waiting = (await secretary.get(place(submitted))).text
    assert (await hospital.request()).state is State.ANSWER_DISPUTED
    await decide(bob, submitted, "departager", number=number.group(1), finding="late", because=WHY)

    assert "En attente d&#39;une seconde personne" in waiting
    assert 'action="' + place(submitted) + '/departager"' not in waiting
    assert (await hospital.request()).state is not State.ANSWER_DISPUTED
    assert [row.finding for row in await hospital.all(Ruling)] == [Finding.LATE, Finding.LATE]


async def test_a_decision_without_its_reason_keeps_what_was_chosen(hospital: World, come: SignIn) -> None:
    """Each field says what it lacks, nothing is preselected, and what was typed is still there."""
    submitted = await in_dispute(hospital)
    secretary = await come()
    blank = (await secretary.get(place(submitted))).text
    number = re.search(r'name="number" value="(\d+)"', blank)
    assert number is not None

    no_reason = await send(secretary, submitted, "departager", number=number.group(1), finding="in_time", because=" ")
    no_choice = await decide(secretary, submitted, "departager", number=number.group(1), because="<b>dit</b>")

    assert " checked" not in blank
    assert (no_reason.status_code, no_choice.status_code) == (422, 422)
    assert 'value="in_time" checked' in no_reason.text
    assert "Dites pourquoi" in no_reason.text
    assert "Choisissez" in no_choice.text
    assert "&lt;b&gt;dit&lt;/b&gt;</textarea>" in no_choice.text
    assert await hospital.all(Ruling) == ()


# --- a contested acceptance


async def test_an_acceptance_is_challenged_by_one_and_withdrawn_by_two(hospital: World, come: SignIn) -> None:
    """Each word has its author; the record stays, the request goes back to what is known."""
    submitted = await recorded(hospital)
    secretary, bob = await come(), await come("Bob Petit")

    await decide(secretary, submitted, "mettre-en-cause", because=WHY)
    contested = shown(await secretary.get(place(submitted)))
    await decide(secretary, submitted, "trancher", finding="withdrawn", because=WHY)
    waiting = (await secretary.get(place(submitted))).text
    await decide(bob, submitted, "trancher", finding="withdrawn", because=WHY)
    after = shown(await bob.get(place(submitted)))

    assert "Acceptation mise en cause" in contested
    assert WHY in contested
    assert 'action="' + place(submitted) + '/trancher"' not in waiting
    assert "Claire Morel : retirée" in after
    assert "Bob Petit : retirée" in after
    assert "Son enregistrement reste au journal" in after


async def test_a_form_of_another_site_or_person_is_nobodys(hospital: World, come: SignIn) -> None:
    """The token is bound to the sign-in, and the browser says where the form was."""
    submitted = await recorded(hospital)
    secretary, bob = await come(), await come("Bob Petit")
    await secretary.get(place(submitted))
    bob.page = secretary.page

    stolen = await send(bob, submitted, "mettre-en-cause", because=WHY)
    foreign = await secretary.client.post(
        f"{place(submitted)}/mettre-en-cause", data={"because": WHY}, headers={"sec-fetch-site": "cross-site"}
    )

    assert (stolen.status_code, foreign.status_code) == (404, 403)
    assert not (await hospital.archive.case(submitted.case.ref)).requests[0].contested


async def test_the_cnas_sees_its_own_end_and_nothing_to_confirm(tmp_path: Path) -> None:
    """It follows: conditions and records are the hospital's."""
    async with open_world(tmp_path, Role.CNAS, once=True, persons=2) as world:
        seen = request_mail()
        await world.take(seen)
        request = await world.request()
        case = (await world.archive.cases())[0].case
        browser = await signed_in(console(world), world, "Agent Mezian", Post.AGENT)
        page = shown(await browser.get(f"/dossiers/{case.ref}/delai/{request.hash}"))
        await browser.client.aclose()

    assert "Jusqu'au" in page
    assert "Ce qui manque" not in page
    assert "Rien ne sera enregistré" not in page


async def test_the_cnas_answers_from_the_clock_that_its_first_page_leads_to(tmp_path: Path) -> None:
    """Its answers and a question; the ladder of proofs is the hospital's, and no proof is asked for."""
    async with open_world(tmp_path, Role.CNAS, once=True, persons=2) as world:
        await world.take(request_mail(Role.CNAS))
        (case,) = await world.archive.cases()
        app, place = console(world), f"/dossiers/{case.case.ref}/delai/{case.requests[0].request.hash}"
        agent = await signed_in(app, world, "Amel", Post.AGENT)
        page, menu = (await agent.get(place)).text, (await agent.get("/")).text
        forms = [
            (await agent.get(f"/dossiers/{case.case.ref}/envoyer/{kind}?demande={case.requests[0].request.hash}"))
            for kind in ("EXTENSION_ACCEPTANCE", "EXTENSION_PARTIAL_ACCEPTANCE", "EXTENSION_REFUSAL", "INFO_REQUEST")
        ]
        await agent.client.aclose()

    for form in forms:
        assert form.status_code == 200
        assert str(form.request.url.raw_path, "ascii") in page
    assert "VITAL" not in page
    assert place in menu
    assert "La preuve de réception" not in page
    assert "/preuves" not in page


async def test_a_running_clock_says_what_a_silence_does(hospital: World, secretary: Browser) -> None:
    """Whoever never heard of it reads it in the answer, on the case and on the first page."""
    submitted = await hospital.to_running()

    answer = (await secretary.get(place(submitted))).text
    case = (await secretary.get(f"/dossiers/{submitted.case.ref}")).text
    first = (await secretary.get("/")).text

    assert "Si la CNAS ne répond pas d&#39;ici là, la demande est réputée acceptée." in answer
    assert "Sans réponse à la fin du délai, elle est réputée acceptée." in case
    assert "sans réponse, la demande est réputée acceptée" in first
