"""The mail that a gateway sends to itself: recorded, left alone, never answered, and nothing waits for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.kinds import EXTENSION_REFUSAL, PROBE
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.ports import SpoolFile
from gateway.services.dossier import Archive
from gateway.storage import Direction, Message, Transmission, Verdict
from gateway.wire.incoming import Incoming
from tests.services.fakes import OWN_FINGERPRINT
from tests.services.mails import ADDRESSES, FINGERPRINTS, START, plain_mail, receipt, sealed_message
from tests.services.world import MINUTE, RIPE, World

OURS = ADDRESSES[Role.HOSPITAL]


def probe(kind: str = PROBE, *, fingerprint: str = OWN_FINGERPRINT, address: str = OURS) -> Incoming:
    """Our own sealed mail to ourselves, as the worker sees it."""
    return sealed_message(
        kind, sender=Role.HOSPITAL, to=(OURS,), values={}, fingerprint=fingerprint, address=address, message_id="<p@h>"
    )


def receipt_probe() -> Incoming:
    """Our own signed receipt to ourselves."""
    message = Message(
        site="s", direction=Direction.OUT, kind=PROBE, partner="", message_id="<p@h>", mic="0" * 64, at=START
    )
    seen = receipt(message, received_at=START, sender=Role.HOSPITAL)
    return replace(seen, fingerprint=OWN_FINGERPRINT)


def archive(world: World) -> Archive:
    """What persons read."""
    return Archive(
        store=world.store,
        cabinet=world.cabinet,
        clock=world.clock,
        party=world.party,
        almanac=world.requests.almanac,
        readership=world.readers.readership,
    )


@pytest.mark.parametrize("seen", [probe(), receipt_probe()], ids=["sealed", "receipt"])
async def test_our_own_probe_is_recorded_and_left_alone(hospital: World, seen: Incoming) -> None:
    """Its own verdict; not in triage, not held back; no message, no answer, and the content is not kept."""
    row = await hospital.take(seen)

    assert (row.verdict, row.step, row.held_back, row.file, row.message) == (Verdict.PROBE, None, False, None, None)
    assert await archive(hospital).triage() == ()
    assert [await hospital.all(kind) for kind in (Transmission, Message, SpoolFile)] == [(), (), ()]
    assert (await hospital.names())[-1] == "mail.probe"


async def test_a_probe_that_is_listed_twice_is_a_duplicate(hospital: World) -> None:
    """The same bytes in another folder: no file is missing, nothing waits for a person."""
    await hospital.take(probe(), raw=b"same")
    again = await hospital.take(probe(), raw=b"same", folder="Junk")

    assert (again.verdict, again.file, again.held_back) == (Verdict.DUPLICATE, None, False)
    assert await archive(hospital).triage() == ()


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (probe(fingerprint=FINGERPRINTS[Role.CNAS]), Verdict.QUARANTINE),
        (probe(EXTENSION_REFUSAL.id), Verdict.QUARANTINE),
        (probe(fingerprint=FINGERPRINTS[Role.CNAS], address=ADDRESSES[Role.CNAS]), Verdict.QUARANTINE),
        (plain_mail(OURS), Verdict.PLAIN),
    ],
    ids=["another key", "another kind", "a partner's", "unsigned"],
)
async def test_what_only_looks_like_a_probe_is_treated_as_before(
    hospital: World, seen: Incoming, verdict: Verdict
) -> None:
    """A partner cannot hide an answer by calling it a probe, nor a stranger by writing from our address."""
    row = await hospital.take(seen)

    assert row.verdict is verdict
    assert row.file is not None


async def test_a_probe_holds_no_acceptance_back(hospital: World) -> None:
    """It came while a period ran, and the silence is recorded all the same."""
    await hospital.to_running()
    hospital.clock.advance(timedelta(hours=1))
    for seen in (probe(), receipt_probe()):
        await hospital.take(seen)
    await hospital.at_ripe(RIPE)
    hospital.clock.advance(MINUTE)
    await hospital.deadlines.tick()

    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
