"""The CNAS as it is on the first day: a person, a mail program, no gateway. Everything must work all the same."""

import pytest

from gateway.domain.errors import NotAllowed
from gateway.domain.parties import Role
from gateway.storage import Acceptance
from tests.journeys.trio import Sent, Three, Trio
from tests.services.mails import ADDRESSES, answer_mail, plain_mail, plain_mdn

CNAS = ADDRESSES[Role.CNAS]


async def displayed(trio: Trio) -> Sent:
    """The hospital, whose exchanges before the stay went by paper, asks; the clerk's program says that it was shown."""
    await trio.until("2026-02-08")
    asked = await trio.hospital.sends("EXTENSION_REQUEST")
    assert await trio.who_got(asked) == ["cnse"]
    assert [letter.address for letter in trio.elsewhere] == [CNAS]
    assert await trio.request(asked) == Three("sent", None, "sent")
    assert await trio.ends(asked) == Three(None, None, None)
    await trio.hospital.world.take(plain_mdn(asked.message_id, at=trio.now))
    await trio.settle()
    assert await trio.request(asked) == Three("running", None, "running")
    assert await trio.ends(asked) == Three("2026-02-11T23:00:00Z", None, "2026-02-11T23:00:00Z")
    assert await trio.hospital.provisional(asked) == ("grade_below_policy",)
    return asked


async def test_the_clerk_answers_in_plain_words(by_mail: Trio) -> None:
    """Nothing acts on the mail before a person said what it is; then it counts from its arrival, and the CNSE knows."""
    hospital = by_mail.hospital
    asked = await displayed(by_mail)
    await by_mail.until("2026-02-10")
    await hospital.world.take(plain_mail(CNAS, cited=(asked.message_id,)))
    await by_mail.settle()
    assert await by_mail.request(asked) == Three("running", None, "running")
    (mail,) = await hospital.waiting()
    assert (mail.reason, mail.held_back, mail.partner) == ("not-sealed", True, "cnas")

    await by_mail.until("2026-02-12")
    await hospital.classifies(mail, "acceptance")
    assert await by_mail.request(asked) == Three("accepted", None, "accepted")
    assert await hospital.who_pays("2026-03-20") == "cnas: extended"
    assert await by_mail.troubles() == []


async def test_the_clerk_signs_with_a_mail_program_of_his_own(by_mail: Trio) -> None:
    """Signed by the pinned key, without a manifest: verified, readable, and still for a person to say what it is."""
    hospital = by_mail.hospital
    asked = await displayed(by_mail)
    await hospital.world.take(answer_mail(asked.request or "", accepts=False, ref=by_mail.ref, told=False))
    (mail,) = await hospital.waiting()
    assert (mail.reason, mail.held_back) == ("no-manifest", True)
    await hospital.classifies(mail, "refusal")
    assert await by_mail.request(asked) == Three("refused", None, "refused")
    assert await hospital.who_pays("2026-03-20") == "cnas: until_effective_repatriation"
    await hospital.sends("REPATRIATION_REQUEST")
    assert [letter.address for letter in by_mail.elsewhere] == [CNAS, CNAS]
    assert await by_mail.troubles() == []


async def test_an_answer_to_one_of_two_requests_is_for_a_person_to_place(by_mail: Trio) -> None:
    """The mail names none: it holds both silences back until a person says which one it answers."""
    hospital = by_mail.hospital
    longer = await displayed(by_mail)
    drug = await hospital.sends(
        "EXTENSION_REQUEST", nature="modification", requested_from="2026-02-10", requested_until="2026-02-20"
    )
    await hospital.world.take(plain_mdn(drug.message_id, at=by_mail.now))
    await hospital.world.take(plain_mail(CNAS, cited=()))
    (mail,) = await hospital.waiting()
    await by_mail.until("2026-02-13")
    for request in (longer, drug):
        assert "no_unsettled_mail" in await hospital.lacking(request)
    with pytest.raises(NotAllowed):
        await hospital.classifies(mail, "acceptance")
    await hospital.classifies(mail, "acceptance", about=drug)
    assert await by_mail.request(drug) == Three("accepted", None, "accepted")
    assert await by_mail.request(longer) == Three("elapsed", None, "elapsed")
    assert await by_mail.troubles() == []


@pytest.mark.law("S-receipt-displayed")
async def test_the_silence_of_a_mail_partner_needs_a_persons_word(by_mail: Trio) -> None:
    """A receipt that nobody signed starts the clock and records nothing alone; a person confirms by name."""
    hospital = by_mail.hospital
    asked = await displayed(by_mail)
    await by_mail.until("2026-02-14")
    assert await by_mail.request(asked) == Three("elapsed", None, "elapsed")
    assert await hospital.lacking(asked) == {"confirmed_grade_below_policy", "no_answer_by_another_way"}
    assert await hospital.world.all(Acceptance) == ()
    assert await hospital.confirms(asked) == {"grade_below_policy", "other_way"}
    assert await by_mail.request(asked) == Three("tacitly_accepted", None, "tacitly_accepted")
    (notice,) = await hospital.sent("TACIT_ACCEPTANCE_NOTICE")
    assert await by_mail.who_got(notice) == ["cnse"]
    assert [letter.address for letter in by_mail.elsewhere] == [CNAS, CNAS]
    assert await hospital.who_pays("2026-03-20") == "cnas: tacitly_extended"
    assert await by_mail.troubles() == []
