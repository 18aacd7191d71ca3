"""The cases: listed, searched, and one opened with what happened in it."""

from datetime import timedelta

from gateway.domain.audit import parse
from gateway.domain.rights import Post
from tests.services.mails import VALUES
from tests.services.world import World
from tests.web.browsing import Browser, console, signed_in


async def ref_of(hospital: World) -> str:
    """A case whose request runs; its reference."""
    await hospital.poll()
    return (await hospital.to_running()).case.ref


async def test_a_case_says_what_happened_and_who_pays(hospital: World, secretary: Browser) -> None:
    """One page: the period day by day, the mails, the proof, the cover."""
    ref = await ref_of(hospital)

    page = (await secretary.get(f"/dossiers/{ref}")).text

    assert VALUES["patient_name"] in page
    assert "Le délai commence" in page
    assert "Fin du délai : mercredi 28 janvier 2026" in page
    assert "accusé de réception signé" in page
    assert f"/dossiers/{ref}/envoyer/EXTENSION_REQUEST" in page


async def test_opening_a_case_with_a_name_is_recorded_before_the_page_leaves(
    hospital: World, secretary: Browser
) -> None:
    """The log says who looked, and the case, never the patient."""
    ref = await ref_of(hospital)

    await secretary.get(f"/dossiers/{ref}")

    (entry,) = await hospital.events("case.read")
    assert (entry.actor, entry.case) == ("Claire Morel", ref)
    assert VALUES["patient_name"].encode() not in entry.canonical


async def test_an_auditor_sees_the_case_without_a_name_and_without_acts(hospital: World) -> None:
    """What is not theirs is not on the page: neither the patient nor a button."""
    ref = await ref_of(hospital)
    auditor = await signed_in(console(hospital), hospital, "Odile Audit", Post.AUDITOR)

    page = (await auditor.get(f"/dossiers/{ref}")).text

    assert VALUES["patient_name"] not in page
    assert "/envoyer/" not in page
    assert "Dossier de preuve" in page
    assert await hospital.events("case.read") == ()


async def test_a_case_is_found_by_its_patient_exactly_and_the_search_is_recorded(
    hospital: World, secretary: Browser
) -> None:
    """The keyed hash finds the exact name; the log keeps who searched and how many were found, not for whom."""
    ref = await ref_of(hospital)
    typed = {name: VALUES[name] for name in ("patient_name", "patient_first_name", "patient_born")}

    found = (await secretary.send("/dossiers/recherche", **typed)).text
    missed = (await secretary.send("/dossiers/recherche", **{**typed, "patient_name": "AUTRE"})).text

    assert f'href="/dossiers/{ref}"' in found
    assert f'href="/dossiers/{ref}"' not in missed
    assert "Aucun dossier ne correspond" in missed
    assert [entry.outcome for entry in await hospital.events("case.searched")] == ["read", "read"]


async def test_the_same_message_goes_again_once_however_often_the_button_is_pressed(
    hospital: World, secretary: Browser
) -> None:
    """A double click sends the same form twice: one act, and both lead to the case."""
    submitted = await hospital.submit()
    await hospital.send_all()
    ref = submitted.case.ref
    await secretary.get(f"/dossiers/{ref}")
    form, path = secretary.page, f"/dossiers/{ref}/renvoyer/{submitted.message.id}"

    first = await secretary.send(path)
    secretary.page = form
    second = await secretary.send(path)

    assert [answer.status_code for answer in (first, second)] == [303, 303]
    assert first.headers["location"] == second.headers["location"] == f"/dossiers/{ref}"
    assert [entry.partner for entry in await hospital.events("transmission.resent")] == ["cnas", "cnse"]


async def test_a_form_from_elsewhere_is_refused(hospital: World, secretary: Browser) -> None:
    """Another site's page, a missing token, a token of another person: nothing happens."""
    submitted = await hospital.submit()
    await hospital.send_all()
    path = f"/dossiers/{submitted.case.ref}/renvoyer/{submitted.message.id}"
    other = await signed_in(secretary.client._transport.app, hospital, "Jean Petit", Post.SECRETARIAT)  # type: ignore[attr-defined]
    await other.get(f"/dossiers/{submitted.case.ref}")
    await secretary.get(f"/dossiers/{submitted.case.ref}")

    foreign = await secretary.client.post(path, data={}, headers={"sec-fetch-site": "cross-site"})
    old = await secretary.client.post(path, data={}, headers={"origin": "https://mechant.test"})
    none = await secretary.send(path, token="")
    secretary.page = other.page
    stolen = await secretary.send(path)

    assert [answer.status_code for answer in (foreign, old, none, stolen)] == [403, 403, 404, 404]
    assert await hospital.events("transmission.resent") == ()


async def test_a_case_that_is_not_there_looks_like_one_that_is_not_ours(secretary: Browser) -> None:
    """The same words, on purpose."""
    answer = await secretary.get("/dossiers/AAAA-AA")

    assert answer.status_code == 404
    assert "pas ouverte à votre rôle" in answer.text


async def test_a_list_of_names_is_recorded_once_in_a_quarter_of_an_hour(hospital: World, secretary: Browser) -> None:
    """With the count and the cases, never a name; refreshing writes nothing, a new case or a later look does."""
    first = await ref_of(hospital)
    for _look in range(3):
        await secretary.get("/dossiers")
    assert len(await hospital.events("case.listed")) == 1
    second = (await hospital.submit(patient_name="HADDAD")).case.ref
    await secretary.get("/dossiers")
    hospital.clock.advance(timedelta(minutes=15))
    await secretary.get("/dossiers")

    found = [parse(entry.canonical, position=entry.index) for entry in await hospital.events("case.listed")]
    assert [(record.actor, record.details) for record in found] == [
        ("Claire Morel", {"found": 1, "cases": (first,)}),
        *[("Claire Morel", {"found": 2, "cases": (second, first)})] * 2,
    ]


async def test_a_list_without_names_is_not_recorded(hospital: World) -> None:
    """An auditor sees references: whose they are is not told."""
    await ref_of(hospital)
    auditor = await signed_in(console(hospital), hospital, "Odile Audit", Post.AUDITOR)
    await auditor.get("/dossiers")
    await auditor.client.aclose()

    assert await hospital.events("case.listed") == ()


async def test_who_searches_without_end_is_stopped_and_told_of_once(hospital: World, secretary: Browser) -> None:
    """Thirty in a minute are many; the alarm names nobody whom they looked for."""
    await ref_of(hospital)
    await secretary.get("/dossiers")
    answers = [
        (await secretary.send("/dossiers/recherche", patient_name="HADDAD")).status_code for _search in range(33)
    ]
    await hospital.watch()

    (told,) = await hospital.events("alarm.searches_refused")
    assert answers == [200] * 30 + [429] * 3
    assert told.actor == "Claire Morel"
    assert "searches_refused" in await hospital.open_alarms()
    assert b"HADDAD" not in told.canonical
