"""Every attack of docs/attacks.md on a whole gateway with real keys: refused at its step, and nothing comes of it.

The names begin with the row of the table. Each mail is judged by ``inspect``'s judge and taken in by reception.
"""

import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from csv import DictReader
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.adapters.openpgp.command import environment
from gateway.domain.parties import Role, Suite
from gateway.domain.request import State
from gateway.domain.steps import STEPS
from gateway.storage import Acceptance, Case, Mail, Pin, Request, StoredEvidence, Transmission, Verdict
from tests.attacks.make import MAKERS, Row, made, main, rows
from tests.attacks.scene import SECRET, Scene, scene
from tests.services.fakes import FakeClock
from tests.services.mails import START
from tests.services.suites import Keys, RealOpener, arrive
from tests.services.world import World, open_world, partner

ROWS = rows()
ROOT = Path(__file__).parents[2]
ELSEWHERE = Path(__file__).parent / "elsewhere.tsv"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All keys, for all attacks."""
    with scene(tmp_path_factory.mktemp("scene")) as made_keys:
        yield made_keys


@pytest.fixture
async def hospital(in_memory: Path, keys: Scene) -> AsyncIterator[World]:
    """A hospital that pinned both partners in both suites, and sent a request."""
    opener = RealOpener(keys.of(Role.HOSPITAL), [keys.of(Role.CNAS), keys.of(Role.CNSE)], FakeClock(START))
    partners = (partner(Role.CNAS), partner(Role.CNSE))
    sealer = keys.of(Role.HOSPITAL).sealer()
    async with open_world(in_memory, partners=partners, pinned=False, sealer=sealer, opener=opener) as world:
        opener._clock = world.clock
        for other in partners:
            await pin(world, other.id, keys.of(other.role))
        yield world


async def pin(world: World, owner: str, keys: Keys) -> None:
    """Both keys of a partner, the agreed one last."""
    async with world.store.act() as act:
        for suite in (Suite.SMIME, Suite.OPENPGP):
            key = keys.of(suite)
            pinned = Pin(
                site="s",
                partner=owner,
                suite=suite.value,
                fingerprint=key.fingerprint,
                material=key.material,
                pinned_at=START,
                pinned_by="alice",
                confirmed_by="alice",
            )
            await act.add(pinned)


async def knowledge(world: World) -> tuple[object, ...]:
    """All that a mail could change about cases; unsigned evidence is kept beside and starts nothing."""
    states = [(row.state, row.started_at, row.nominal_at) for row in await world.all(Request)]
    evidence = [row for row in await world.all(StoredEvidence) if row.grade.name.startswith("SIGNED")]
    return states, evidence, await world.all(Acceptance), await world.all(Case), await world.all(Pin)


def test_every_maker_has_its_row_and_every_row_its_maker() -> None:
    """In the order of the table; each attack of the list has one, here or elsewhere."""
    assert sorted(row.name for row in ROWS) == sorted(MAKERS)
    assert all(row.name.split("-")[0].upper() == row.row.upper() for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.row}-{row.name}" for row in ROWS])
async def test_attack(row: Row, hospital: World, keys: Scene) -> None:
    """Verdict, step and reason are the table's; nobody is answered, no state moves, no key is learnt."""
    submitted = await hospital.submit()
    await hospital.send_all()
    sent = replace(keys, sent=submitted.message.message_id, mic=submitted.message.mic)
    mails = await made(row.name, sent)
    for mail in mails[:-1]:
        await arrive(hospital, mail)
    before, ring = await knowledge(hospital), keyring(keys)
    taken = len(hospital.courier.taken)

    judged = await hospital.receiver._judge.judge(mails[-1])
    decided = await arrive(hospital, mails[-1])
    await hospital.send_all()

    verdict = Verdict(row.verdict)
    assert (decided.verdict, decided.step, decided.reason) == (verdict, row.step, row.reason)
    if verdict in {Verdict.QUARANTINE, Verdict.REPORT, Verdict.PLAIN, Verdict.AUTOMATIC}:
        assert (judged.verdict, judged.step, judged.reason) == (verdict, row.step, row.reason)
    if row.name != "a17-honest":
        assert await knowledge(hospital) == before
        assert {request.state for request in await hospital.all(Request)} == {State.SENT}
    # One silence for whatever failed: nothing leaves, and nothing is about to.
    assert len(hospital.courier.taken) == taken
    assert not [each for each in await hospital.all(Transmission) if each.receipt]
    assert keyring(keys) == ring


def keyring(keys: Scene) -> str:
    """The keys that our GnuPG holds."""
    home = str(keys.of(Role.HOSPITAL).home.path)
    listed = ["gpg", "--homedir", home, "--batch", "--with-colons", "--list-keys"]
    told = subprocess.run(listed, capture_output=True, check=True, env=environment())
    return "\n".join(re.findall(r"(?m)^fpr:.*$", told.stdout.decode()))


async def test_refused_mail_shows_nothing_of_its_content(hospital: World, keys: Scene) -> None:
    """Of no refused mail a word of the text leaves the worker, whatever gpg had put out already."""
    refused = [row for row in ROWS if row.verdict == "quarantine" and row.step in {"decrypt", "encrypted"}]
    for row in refused:
        judged = await hospital.receiver._judge.judge((await made(row.name, keys))[-1])
        assert SECRET not in str(replace(judged.seen, outer=None))
        assert (judged.seen.entity, judged.seen.inner) == (None, None)


def test_every_step_has_an_asset() -> None:
    """But for the worker's own death and the state of a case, which no single mail decides."""
    shown = {row.step for row in ROWS} - {None}
    assert {step.name for step in STEPS} - shown == {"worker", "state"}


def test_the_script_writes_them_all_and_no_private_key(tmp_path: Path) -> None:
    """One file a mail."""
    main(tmp_path)
    found = list(tmp_path.iterdir())
    assert {path.name.split(".")[0] for path in found} == set(MAKERS)
    assert not [path for path in found if b"PRIVATE KEY" in path.read_bytes()]


def test_every_row_of_the_list_is_shown_here_or_elsewhere() -> None:
    """Thirty attacks; what is cited exists."""
    elsewhere = list(DictReader(ELSEWHERE.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    assert {row.row for row in ROWS} | {row["row"] for row in elsewhere} == {
        *(f"A{number}" for number in range(1, 31)),
        "step",
        "honest",
    }
    for row in elsewhere:
        path, _, name = row["test"].partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), row


async def test_another_outer_header_is_noted_and_decides_nothing(hospital: World, keys: Scene) -> None:
    """Who wrote what is what was signed; that somebody changed the rest on the way is recorded."""
    (mail,) = await made("a12-other-outside", keys)
    row = await arrive(hospital, mail)
    (noted,) = await hospital.events("mail.outer_differs")
    assert (row.partner, noted.partner) == ("cnas", "cnas")
    assert json.loads(noted.canonical)["details"]["fields"] == ["From", "Message-ID"]
    await arrive(hospital, (await made("honest-smime", keys))[0])
    assert len(await hospital.events("mail.outer_differs")) == 1


async def test_what_exchange_made_of_a_mail_is_noted(hospital: World, keys: Scene) -> None:
    """It is read as it was written, and whoever looks into it sees that it did not come so."""
    row = await arrive(hospital, (await made("honest-exchange", keys))[0])
    (noted,) = await hospital.events("mail.outer_differs")
    assert (row.partner, json.loads(noted.canonical)["details"]["fields"]) == ("cnas", ["Content-Type"])


async def test_headers_repeated_for_older_readers_are_not_text(hospital: World, keys: Scene) -> None:
    """RFC 9788 section 5.2: only what stands below them is."""
    judged = await hospital.receiver._judge.judge((await made("a11-legacy-display", keys))[0])
    assert judged.seen.inner is not None
    assert judged.seen.inner.text.strip() == SECRET


async def test_names_of_files_are_safe_to_show(hospital: World, keys: Scene) -> None:
    """No folder, no device, no control or bidirectional character, never empty; the last extension stays."""
    judged = await hospital.receiver._judge.judge((await made("a27-paths-and-devices", keys))[0])
    assert judged.seen.inner is not None
    names = [piece.name for piece in judged.seen.inner.pieces]
    assert names == ["x", "_CON.pdf", "a.pdf.exe", "afdp.exe", "b c.pdf", "d X-Inj_ 1.pdf", "sans-nom-7"]


async def test_arabic_text_is_read(hospital: World, keys: Scene) -> None:
    """The charset that Algerian programs use is on the list."""
    judged = await hospital.receiver._judge.judge((await made("a26-arabic", keys))[0])
    assert judged.seen.inner is not None
    assert judged.seen.inner.text == "موافقة"


async def test_no_line_break_comes_out_of_a_subject(hospital: World, keys: Scene) -> None:
    """An injected field is text on the one line of the subject."""
    judged = await hospital.receiver._judge.judge((await made("a25-subject", keys))[0])
    assert judged.seen.inner is not None
    assert judged.seen.inner.subject == "x  Bcc: eve@ailleurs.test"


async def test_the_mails_are_kept_for_a_person(hospital: World, keys: Scene) -> None:
    """Whatever was refused can be looked at later, byte for byte."""
    (mail,) = await made("a4-strangers-key", keys)
    row = await arrive(hospital, mail)
    async with hospital.store.view() as view:
        kept = await hospital.cabinet.get(view, (await hospital.only(Mail, id=row.id)).file or "")
    assert kept.endswith(mail)
