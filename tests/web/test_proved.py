"""What four eyes guard is done for who proved a short while ago who they are; what they typed waits meanwhile."""

from datetime import timedelta

from fastapi import FastAPI

from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.rights import Post
from gateway.services.desk import Submitted
from gateway.services.sign_ins import SignIns
from gateway.storage import EnteredProof
from gateway.web.hall import Hall
from gateway.web.visit import COOKIE
from tests.services.mails import ADDRESSES, plain_mail
from tests.services.world import World
from tests.web.browsing import Browser, signed_in
from tests.web.test_clock import shown
from tests.web.test_proofs import DAY, check, enter

LATE = timedelta(minutes=21)
"""Longer than a form that is open stays good, shorter than the sign-in."""


async def request_of(hospital: World) -> Submitted:
    """A request that left three days ago, without a receipt."""
    found = await hospital.submit()
    await hospital.send_all()
    hospital.clock.advance(timedelta(days=3))
    return found


async def prove(app: FastAPI, hospital: World, browser: Browser) -> None:
    """The person proves it again, in another tab."""
    hall: Hall = app.state.hall
    sign_ins: SignIns = hall.sign_ins
    presence = await sign_ins.present(browser.client.cookies[COOKIE])
    assert presence is not None
    async with hospital.store.act() as act:
        await sign_ins.renew_proof(act, presence)


async def test_a_second_person_whose_proof_is_old_is_asked_first_and_loses_nothing(
    app: FastAPI, hospital: World
) -> None:
    """Nothing is confirmed, the date is still there, and the same form does it once they have proved who they are."""
    submitted = await request_of(hospital)
    claire = await signed_in(app, hospital, "Claire Morel", Post.SECRETARIAT)
    bob = await signed_in(app, hospital, "Bob Petit", Post.SECRETARIAT)
    await enter(claire, submitted)
    number = (await hospital.only(EnteredProof)).id
    hospital.clock.advance(LATE)

    refused = await check(bob, number, verdict="confirm", **DAY)

    assert refused.status_code == 409
    assert "prouvez d'abord que c'est vous" in shown(refused)
    assert f'href="/connexion/confirmer?retour=/preuves/{number}"' in refused.text
    assert f'value="{DAY["day"]}"' in refused.text
    assert (await hospital.only(EnteredProof)).settled_at is None

    await prove(app, hospital, bob)
    done = await check(bob, number, verdict="confirm", **DAY)

    assert done.status_code == 303
    assert (await hospital.request()).state is State.RUNNING


async def test_what_delays_or_puts_aside_needs_no_proof(app: FastAPI, hospital: World) -> None:
    """An old proof keeps nobody from putting a proof aside."""
    submitted = await request_of(hospital)
    claire = await signed_in(app, hospital, "Claire Morel", Post.SECRETARIAT)
    bob = await signed_in(app, hospital, "Bob Petit", Post.SECRETARIAT)
    await enter(claire, submitted)
    hospital.clock.advance(LATE)

    aside = await check(bob, 1, verdict="decline", **DAY)

    assert aside.status_code == 303
    assert (await hospital.only(EnteredProof)).counted is False


async def test_a_mail_that_holds_a_silence_back_is_freed_by_who_proved_it(app: FastAPI, hospital: World) -> None:
    """« Pas une réponse » would let a silence be recorded; an acceptance stops the period, and asks for nothing."""
    submitted = await hospital.to_running()
    mail = await hospital.take(plain_mail(ADDRESSES[Role.CNAS], cited=(submitted.message.message_id,)))
    claire = await signed_in(app, hospital, "Claire Morel", Post.SECRETARIAT)
    hospital.clock.advance(LATE)
    place = f"/courrier/{mail.id}"

    await claire.get(place + "?choix=not-an-answer")
    refused = await claire.send(place, choix="not-an-answer")
    await claire.get(place + "?choix=acceptance")
    stopped = await claire.send(place, choix="acceptance", dossier=submitted.case.ref)

    assert "prouvez d'abord" in shown(refused)
    assert await hospital.events("triage.proposed") == ()
    assert stopped.status_code == 303
    assert [row.outcome for row in await hospital.events("triage.classified")] == ["acceptance"]
