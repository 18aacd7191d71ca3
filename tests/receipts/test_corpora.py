"""Thousands of real reports, when their folder lies beside the checkout: none breaks, none moves, nearly all are read.

The folder is ``../shared/corpora`` (p5-sisimai and others, too large and too foreign to be part of this project), with
what is expected of each mail in ``EXPECTED.tsv``. Where it is absent these tests are skipped, and say so.
"""

import re
from collections.abc import AsyncIterator, Iterator
from csv import DictReader
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.parties import PartnerKind, Role
from gateway.domain.request import State
from gateway.domain.transmission import State as Sending
from gateway.storage import Acceptance, Case, Mail, Message, Request, StoredEvidence, Transmission, Verdict
from gateway.wire.failure import Failure
from gateway.wire.incoming import Incoming
from tests.services.fakes import FakeClock
from tests.services.mails import ADDRESSES, START
from tests.services.suites import Keys, RealOpener, arrive, parties
from tests.services.world import World, open_world, partner

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
PAGE = Path(__file__).parents[2] / "docs" / "receipts.md"
DISAGREEMENTS = Path(__file__).parent / "disagreements.tsv"

OUTSTANDING = 500
"""Requests that were sent and not acknowledged while the mails arrive."""

AGREES = 0.95
ADDRESS_AGREES = 0.92

NO_FAILURE = {"feedback", "vacation", "delivered"}
"""What the corpus calls mails in which nothing failed."""

pytestmark = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"the corpora are not beside the checkout ({CORPORA.parent.name}/{CORPORA.name})"
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Role, Keys]]:
    """Three parties with keys in both suites."""
    with parties(tmp_path_factory.mktemp("parties")) as made:
        yield made


def opener(keys: dict[Role, Keys]) -> RealOpener:
    """The hospital's."""
    return RealOpener(keys[Role.HOSPITAL], [keys[Role.CNAS], keys[Role.CNSE]], FakeClock(START))


def mails() -> list[Path]:
    """Every mail of every corpus."""
    found = (path for path in sorted(CORPORA.rglob("*")) if path.is_file())
    return [path for path in found if not path.name.startswith("LICENSE") and path.name != "EXPECTED.tsv"]


def table(path: Path) -> list[dict[str, str]]:
    """The lines of a table."""
    return list(DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))


def expected() -> dict[str, str]:
    """What the corpus says of each report: final, passing or none, and whether the address is not there."""
    rows = [row for row in table(CORPORA / "EXPECTED.tsv") if row["kind"] == "dsn"]
    return {f"{row['corpus']}/{row['path']}": _told(row["expected"]) for row in rows}


def _told(text: str) -> str:
    lines = re.findall(r"status=(\d?)\S* reply=\S* reason=(\S*) hard=(\d)", text)
    failed = [(status, hard) for status, reason, hard in lines if reason not in NO_FAILURE]
    if not failed:
        return "none"
    grave = "final" if any(status == "5" for status, _ in failed) else "passing"
    return f"{grave}+address" if any(hard == "1" for _, hard in failed) else grave


def grave(told: str) -> str:
    """Final, passing or none."""
    return "final" if told == "address" else told.partition("+")[0]


def at_fault(told: str) -> str:
    """Whether it is the address that failed; what we could not read, or do not take for a report, says nothing."""
    return told if told in {"refused", "none"} else "address" if told.endswith("address") else "something else"


def summary(told: str) -> tuple[str, str]:
    """All that is compared."""
    return grave(told), at_fault(told)


def read_as(seen: Incoming) -> str:
    """What we read, in the same words."""
    return "refused" if seen.failed_step else seen.failure.value


async def test_every_mail_is_read_or_refused_with_a_reason(keys: dict[Role, Keys]) -> None:
    """No exception, whatever it is: bounces, receipts, bombs, other alphabets, broken structures."""
    read = opener(keys)
    found = mails()
    assert len(found) > 600
    for path in found:
        seen = await read.open(path.read_bytes())
        assert (seen.shape is None) == (seen.failed_reason is not None), path
        assert seen.failure in Failure, path


async def test_reports_are_read_as_the_corpus_says(keys: dict[Role, Keys]) -> None:
    """The class of nearly all; each one that differs is listed with its reason, and documented."""
    read = opener(keys)
    told = {name: (want, read_as(await read.open((CORPORA / name).read_bytes()))) for name, want in expected().items()}
    differ = {name: both for name, both in told.items() if len({*map(summary, both)}) > 1}
    assert differ == {row["mail"]: (row["corpus"], row["read"]) for row in table(DISAGREEMENTS)}
    graves = sum(grave(want) == grave(got) for want, got in told.values())
    faults = sum(at_fault(want) == at_fault(got) for want, got in told.values())
    assert f"{len(told)} avis" in PAGE.read_text(encoding="utf-8")
    assert graves / len(told) >= AGREES
    assert faults / len(told) >= ADDRESS_AGREES


@pytest.fixture
async def hospital(in_memory: Path, keys: dict[Role, Keys]) -> AsyncIterator[World]:
    """A hospital whose CNAS has a mail program, with requests under way."""
    others = (partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE))
    async with open_world(in_memory, partners=others, opener=opener(keys)) as world:
        for _ in range(OUTSTANDING):
            await world.submit()
        await handed_over(world)
        yield world


async def handed_over(world: World) -> None:
    """Every request has left, as the sender notes it one by one."""
    now = world.clock.now()
    async with world.store.act() as act:
        for row in await act.all(Transmission):
            await act.save(replace(row, state=Sending.HANDED_OVER, attempts=1, handed_over_at=now))
        for request in await act.all(Request):
            await act.save(replace(request, state=State.SENT, handed_over_at=now))


async def knowledge(world: World) -> tuple[object, ...]:
    """All that a mail could change."""
    tables = (Request, Transmission, StoredEvidence, Message, Case, Acceptance)
    return tuple([await world.all(table) for table in tables])


def as_if_from(address: str, raw: bytes) -> bytes:
    """The same mail under another From, as anyone may write it."""
    return re.sub(rb"(?im)^from:[^\n]*\n(?:[ \t][^\n]*\n)*", b"From: " + address.encode() + b"\r\n", raw, count=1)


async def test_no_mail_of_a_stranger_changes_or_causes_anything(hospital: World) -> None:
    """Each as it is and under the name of the CNAS: every mail is kept, nothing moves, nothing leaves."""
    before, taken = await knowledge(hospital), len(hospital.courier.taken)
    assert len(before[0]) == OUTSTANDING  # type: ignore[arg-type]  # rows
    assert {row.state for row in await hospital.all(Request)} == {State.SENT}
    arrived = 0
    for path in mails():
        raw = path.read_bytes()
        for data in (raw, as_if_from(ADDRESSES[Role.CNAS], raw)):
            await arrive(hospital, data)
            arrived += 1
    await hospital.deadlines.tick()
    await hospital.send_all()
    assert await knowledge(hospital) == before
    assert len(hospital.courier.taken) == taken
    rows = await hospital.all(Mail)
    assert len(rows) == arrived
    assert not {row.verdict for row in rows} & {Verdict.ACCEPTED, Verdict.RECEIPT, Verdict.REPORT}
