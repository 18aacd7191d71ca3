"""The certificate of a tacit acceptance: it says what was recorded, refuses what was not, and verifies anywhere."""

import io
import json
import subprocess
from dataclasses import fields, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from gateway.adapters.document.letters import _KNOWN, known, settled
from gateway.adapters.document.pdf import TypstPrinter
from gateway.adapters.log_key import LogKey
from gateway.domain.certificate import Certificate, Look, watched
from gateway.domain.challenge import Finding
from gateway.domain.checkpoint import read_note
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.sheet import Block, Exact, Facts, Paragraph, Sheet, Table, Text, Verbatim, long_day
from gateway.ports import Enclosure
from gateway.services.export.certificate_sheet import CHECK, JSON, KEY, SIGNATURE, certificate_sheet
from gateway.services.export.certified import Clerk, Issue
from gateway.services.export.certify import Certifier
from gateway.services.witness import Witness
from gateway.storage import Case, Challenge, Request, VaultKey, View
from tests.services.certifying import RULE, certifier, enclosed, log_key, needs_poppler, text_of
from tests.services.conftest import Build
from tests.services.mails import START, receipt, request_mail
from tests.services.world import END, RIPE, World

MEDICAL = ("rééducation", "complication", "Dr Martin")
IDENTITY = ("BENALI", "Amine", "01/05/1980", "12 500,00")


@pytest.fixture
def key(tmp_path: Path) -> LogKey:
    """The log's."""
    return log_key(tmp_path)


async def silent(world: World, **values: str) -> str:
    """A request whose silence is recorded; the case's number."""
    await world.to_running(**values)
    await world.watched_until(RIPE)
    await world.at_ripe()
    await world.deadlines.tick()
    return (await world.all(Case))[-1].ref


def signing(world: World, key: LogKey, *, persons: int = 1) -> Certifier:
    """With a log that is signed."""
    witness = Witness(store=world.store, signer=key, clock=world.clock, rule=RULE)
    return certifier(world, key, witness=witness, persons=persons)


@pytest.mark.law("M18")
async def test_it_states_all_that_was_recorded(hospital: World, key: LogKey) -> None:
    """Parties, request, evidence with its instants, the four days, the proof of silence, the log: in French."""
    ref = await silent(hospital)
    issued = await signing(hospital, key).issue(ref, actor="alice", language="fr")
    request, told = await hospital.request(), text_of(issued.pdf)
    for expected in (
        "Certificat d’acceptation réputée acquise",
        ref,
        *IDENTITY,
        "conv@cnas.test",
        "accusé de réception signé",
        "dimanche 25 janvier 2026",
        "jour de réception, compté",
        "fin du mercredi 28 janvier 2026, heure d’Alger",
        "instruction DSS/DACI/2019/224",
        "Aucune interruption des relevés de plus de deux heures.",
        "la demande est complète",
        "Personne n’a eu à confirmer",
        "Le constat est l’enregistrement",
        "page 1 / 3",
    ):
        assert expected in told, expected
    assert request.hash in told.replace(" ", "")
    assert (request.calendar_version or "?") in told.replace(" ", "")
    stated = json.loads(enclosed(issued.pdf)[JSON])
    assert stated["terms"]["hash"] == request.hash
    assert stated["effective_at"] == END.isoformat().replace("+00:00", "Z")
    assert [day["counted"] for day in stated["period"]["days"]] == [True] * 4


async def test_nothing_medical_is_in_it(hospital: World, key: LogKey) -> None:
    """Neither on a page nor in a file inside; without identity no name either."""
    ref = await silent(hospital)
    for identity in (True, False):
        issued = await signing(hospital, key).issue(ref, actor="alice", language="fr", identity=identity)
        files = b"".join(enclosed(issued.pdf).values()).decode(errors="replace")
        for word in MEDICAL:
            assert word not in text_of(issued.pdf) + files
        for word in ("BENALI", "Amine"):
            assert (word in text_of(issued.pdf)) is identity
            assert (word in files) is identity


@needs_poppler
async def test_its_own_commands_verify_it(hospital: World, key: LogKey, tmp_path: Path) -> None:
    """As they are printed in it, in an empty folder with nothing of ours; and one changed letter fails."""
    issued = await signing(hospital, key).issue(await silent(hospital), actor="alice", language="fr")
    assert CHECK.replace("\n", "").replace(" ", "") in text_of(issued.pdf).replace(" ", "")
    folder = tmp_path / "ailleurs"
    folder.mkdir()
    (folder / "CERTIFICAT.pdf").write_bytes(issued.pdf)

    def run(text: str) -> int:
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        shell = ["bash", "-c", f"set -eu\n{text}"]
        return subprocess.run(shell, cwd=folder, env=environment, capture_output=True, check=False).returncode

    assert run(CHECK) == 0
    assert {path.name for path in folder.iterdir()} == {"CERTIFICAT.pdf", JSON, SIGNATURE, KEY}
    stated = folder / JSON
    stated.write_bytes(stated.read_bytes().replace(b"true", b"fals", 1))
    assert run(CHECK.split("\n", 1)[1]) != 0


async def test_its_issue_is_recorded_with_what_it_states(hospital: World, key: LogKey) -> None:
    """Who, of what, with or without a name, and the hash of the facts; the checkpoint covers the silence."""
    ref = await silent(hospital)
    issued = await signing(hospital, key).issue(ref, actor="alice", language="en", identity=False)
    (record,) = await hospital.events("certificate.issued")
    assert (record.actor, record.case, record.outcome) == ("alice", ref, "without-identity")
    assert sha256(enclosed(issued.pdf)[JSON]).hexdigest().encode() in record.canonical
    assert f'"page":"{sha256(issued.pdf).hexdigest()}"'.encode() in record.canonical
    assert issued.certificate.logged.note is not None
    assert issued.certificate.logged.proof is not None


async def test_it_prints_the_checkpoint_that_left_at_the_time_of_the_silence(hospital: World, key: LogKey) -> None:
    """Years later too, with its proof and the instant at which it was written down outside: not that of today."""

    class Book:
        def append(self, text: str) -> None:
            lines.append(text)

    lines: list[str] = []
    ref = await silent(hospital)
    witness = Witness(store=hospital.store, signer=key, clock=hospital.clock, rule=RULE, book=Book())
    await witness.round()
    then = hospital.clock.now()
    hospital.clock.advance(timedelta(days=1000))
    async with hospital.store.act() as act:
        await act.record("test.event", actor="gateway")
    issued = await certifier(hospital, key, witness=witness).issue(ref, actor="alice", language="fr")
    logged = issued.certificate.logged
    assert len(lines) == 2
    assert (logged.note, logged.anchored) == (lines[0], (("file", then),))
    root = read_note(lines[0]).checkpoint.head.root.hex()
    assert (logged.proof or "").endswith(f"racine {root}\n")


async def test_the_english_copy_says_the_same(hospital: World, key: LogKey) -> None:
    """The facts are the same file; no French sentence is left on its pages."""
    ref = await silent(hospital)
    works = signing(hospital, key)
    french, english = [await works.issue(ref, actor="alice", language=code) for code in ("fr", "en")]
    assert enclosed(french.pdf)[KEY] == enclosed(english.pdf)[KEY]
    told = text_of(english.pdf)
    assert "Certificate of tacit acceptance" in told
    assert "Sunday 25 January 2026" in told
    for word in ("dossier", "Dossier", "jour ", "la demande", "aucun", "délai"):
        assert word not in told.replace(f"gateway dossier export {ref}", ""), word


async def test_what_was_not_recorded_is_not_certified(hospital: World, key: LogKey) -> None:
    """It says where the request stands; nothing is recorded of the attempt."""
    await hospital.to_running()
    (case,) = await hospital.all(Case)
    before = await hospital.names()
    with pytest.raises(NotAllowed, match="délai en cours"):
        await certifier(hospital, key).issue(case.ref, actor="alice", language="fr")
    with pytest.raises(NotAllowed, match="empreinte"):
        await certifier(hospital, key).issue(case.ref, actor="alice", language="fr", request_hash="ffff")
    with pytest.raises(Unknown):
        await certifier(hospital, key).issue("9999-99", actor="alice", language="fr")
    assert await hospital.names() == before


async def test_of_several_a_person_says_which(hospital: World, key: LogKey) -> None:
    """By the beginning of its hash, in either case of letters; each certificate is of its own request."""
    first = await hospital.to_running()
    second = await hospital.submit(ref=first.case.ref, requested_until="2026-04-20")
    await hospital.send_all()
    await hospital.take(receipt(second.message, received_at=hospital.clock.now()))
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    works = signing(hospital, key)
    with pytest.raises(NotAllowed, match="--request"):
        await works.issue(first.case.ref, actor="alice", language="fr")
    for request, until in ((first.request, "20 mars"), (second.request, "20 avril")):
        told = await works.issue(first.case.ref, actor="alice", language="fr", request_hash=request.hash[:10].upper())
        assert told.certificate.terms.hash == request.hash
        assert f"vendredi {until} 2026" in text_of(told.pdf) or f"lundi {until} 2026" in text_of(told.pdf)


async def test_only_the_hospital_certifies(cnas: World, key: LogKey) -> None:
    """Others know of the silence by its notice."""
    await cnas.take(request_mail())
    (case,) = await cnas.all(Case)
    with pytest.raises(NotAllowed, match="hôpital"):
        await certifier(cnas, key).issue(case.ref, actor="bob", language="fr")


async def test_a_challenged_one_says_so_first_and_a_withdrawn_one_is_refused(hospital: World, key: LogKey) -> None:
    """In doubt: a warning at the head, and the ground. Upheld: told among the persons. Withdrawn: no certificate."""
    ref = await silent(hospital)
    works, challenges = signing(hospital, key), hospital.challenges
    await challenges.cast(ref, because="une réponse par fax", actor="bob")
    doubted = await works.issue(ref, actor="alice", language="fr")
    assert doubted.certificate.contested
    told = text_of(doubted.pdf)
    assert told.index("mise en cause") < told.index("La demande")
    assert "une réponse par fax" not in told
    await challenges.rule(ref, Finding.UPHELD, because="vérifié", actor="bob")
    upheld = await works.issue(ref, actor="alice", language="fr")
    assert not upheld.certificate.contested
    assert "l’acceptation est maintenue" in text_of(upheld.pdf)
    await challenges.cast(ref, because="une autre", actor="carol")
    await challenges.rule(ref, Finding.WITHDRAWN, because="retrouvée", actor="bob")
    with pytest.raises(NotAllowed, match="a été retirée"):
        await works.issue(ref, actor="alice", language="fr")
    assert len(await hospital.all(Challenge)) == 2


async def test_what_changes_while_it_is_made_is_not_certified(hospital: World, key: LogKey) -> None:
    """A challenge between the look and the record: refused, and nothing says that a certificate left."""
    ref = await silent(hospital)
    works = signing(hospital, key)

    class Slow(Clerk):
        """Somebody casts doubt while it prints."""

        async def gather(self, view: View, case: Case, request: Request, issue: Issue) -> Certificate:
            found = await super().gather(view, case, request, issue)
            await hospital.challenges.cast(ref, because="fax", actor="bob")
            return found

    works._clerk = Slow(**{each.name: getattr(works._clerk, each.name) for each in fields(Clerk)})
    with pytest.raises(NotAllowed, match="vient de changer"):
        await works.issue(ref, actor="alice", language="fr")
    assert await hospital.events("certificate.issued") == ()


async def test_gaps_and_persons_are_printed(by_mail: World, key: LogKey) -> None:
    """With a mail partner: nobody looked for days, and persons said, by name, what no machine can."""
    await by_mail.to_running_by_mdn()
    await by_mail.at_ripe()
    await by_mail.deadlines.tick()
    ref = (await by_mail.all(Case))[0].ref
    await by_mail.confirmations.confirm(ref, actor="Dr Œil")
    await by_mail.deadlines.tick()
    issued = await signing(by_mail, key, persons=2).issue(ref, actor="alice", language="fr")
    told = text_of(issued.pdf)
    assert "Interruption de INBOX" in told
    assert "sur la parole d’une personne" in told
    assert "Celle du médecin qui suit ce patient ne l’a pas été" in told
    assert "Dr Œil" in told
    assert "qu’aucune réponse n’est venue par une autre voie" in told
    assert "accusé de lecture non signé" in told
    # Two are demanded since; at the record one was enough, and the CNAS wrote by mail.
    assert "Une seule personne suffisait" in told
    assert not issued.certificate.silence.by_gateway
    assert "Deux personnes différentes étaient" in str(certificate_sheet(replace(issued.certificate, persons_needed=2)))


async def test_a_rehearsal_certifies_nothing(hospital: World, key: LogKey) -> None:
    """It is written across each page, said at its head and stated in its facts; nothing is added to its log."""
    ref = await silent(hospital)
    before = await hospital.names()
    issued = await certifier(hospital, key, rehearsal=True).issue(ref, actor="demo", language="fr")
    told = text_of(issued.pdf)
    assert told.count("DÉMONSTRATION") == 3
    assert "ne certifie rien" in told
    assert json.loads(enclosed(issued.pdf)[JSON])["rehearsal"] is True
    assert await hospital.names() == before


async def test_without_a_signed_log_it_says_that_nothing_is_signed(hospital: World) -> None:
    """The facts are inside, alone."""
    issued = await certifier(hospital, None).issue(await silent(hospital), actor="alice", language="fr")
    assert set(enclosed(issued.pdf)) == {JSON}
    told = text_of(issued.pdf)
    assert "sans signature" in told
    assert "Aucun point de contrôle signé" in told


async def test_a_forgotten_case_is_certified_without_a_name(hospital: World, key: LogKey) -> None:
    """Its key is destroyed: hashes, receipts and times stay."""
    ref = await silent(hospital)
    (case,) = await hospital.all(Case)
    (own,) = await hospital.all(VaultKey, id=case.vault_key)
    await hospital.change(replace(own, destroyed_at=hospital.clock.now()))
    issued = await signing(hospital, key).issue(ref, actor="alice", language="fr")
    assert "BENALI" not in text_of(issued.pdf)


async def test_a_record_that_was_erased_after_its_years_is_certified_no_more(hospital: World, key: LogKey) -> None:
    """Nothing is stated that the log does not say any more; a dossier of the case goes without."""
    ref = await silent(hospital)
    (record,) = await hospital.events("request.silence_recorded")
    async with hospital.store.act() as act:
        assert await act.erase([record.index], told_by=record.index + 1) == 1
    with pytest.raises(NotAllowed, match="effacé du journal"):
        await certifier(hospital, key).issue(ref, actor="alice", language="fr")
    (case,) = await hospital.all(Case)
    issue = Issue(actor="alice", at=hospital.clock.now(), identity=False)
    async with hospital.store.view() as view:
        assert await certifier(hospital, key).enclosed(view, case, issue) == {}


async def test_hostile_names_break_nothing(build: Build, key: LogKey) -> None:
    """Typst, markup, endless, Arabic, unknown and reversing letters: printed as letters or told by number."""
    hospital = await build()
    name = '#panic("x") $x$ *a* \\ <b> BEN\u202eKHELIFA 中 بن خليفة ' + "W" * 150
    ref = await silent(hospital, patient_name=name)
    told = text_of((await signing(hospital, key).issue(ref, actor="alice", language="fr")).pdf)
    assert '#panic("x") $x$ *a* \\ <b> BENKHELIFA [U+4E2D]' in told
    assert "W" * 150 in told.replace(" ", "")


# --- paper


def sheet(*texts: Text) -> Sheet:
    """With these in every kind of block."""
    blocks: list[Block] = [
        *(Paragraph(text=each) for each in texts),
        Facts(rows=tuple((each, each) for each in texts)),
        Table(head=("a", "b", "c"), widths=(1, 1, 1), rows=tuple((each, each, each) for each in texts)),
        Verbatim(text=Exact("\n".join("a" * 300 for _ in range(20)))),
    ]
    return Sheet(title="t", subtitle="s", author="x", reference="r", foot="f", blocks=tuple(blocks))


def printed(found: Sheet, **options: object) -> bytes:
    """As of a fixed instant."""
    return TypstPrinter().pdf(found, language="fr", at=START, **options)  # type: ignore[arg-type]  # of the test


def test_the_same_sheet_gives_the_same_bytes() -> None:
    """And another instant others."""
    one = sheet("a", "b")
    assert printed(one) == printed(one)
    assert printed(one) != TypstPrinter().pdf(one, language="fr", at=START + timedelta(seconds=1))


def test_it_is_pdf_a_3() -> None:
    """What ISO 19005-3 demands and a library can see: metadata, output intent, fonts, files, nothing active."""
    file = Enclosure(name="a.json", data=b"{}", media_type="application/json", describes="x")
    with pikepdf.open(io.BytesIO(printed(sheet("été", "محمد", Exact("0")), enclosed=[file]))) as document:
        with document.open_metadata() as told:
            assert (told["pdfaid:part"], told["pdfaid:conformance"]) == ("3", "B")
            assert told["xmp:CreateDate"].startswith("2026-01-25T09:00:00")
        root = document.Root
        (intent,) = list(root.OutputIntents)
        assert intent.S == pikepdf.Name.GTS_PDFA1
        assert len(intent.DestOutputProfile.read_bytes()) > 100
        (spec,) = list(root.AF)
        assert (spec.AFRelationship, str(spec.UF)) == (pikepdf.Name.Data, "a.json")
        assert spec.EF.F.Subtype == pikepdf.Name("/application/json")
        assert root.Lang == "fr"
        assert root.MarkInfo.Marked
        assert not document.is_encrypted
        assert {"/JavaScript", "/OpenAction", "/AA"}.isdisjoint(root.keys())
        fonts = [
            item
            for item in document.objects
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor"
        ]
        assert len(fonts) >= 3
        assert all(any(f"/FontFile{kind}" in font for kind in ("", "2", "3")) for font in fonts)


def test_every_letter_that_is_said_to_be_known_is_printed() -> None:
    """In the serif and in the exact type: an unknown glyph would refuse the whole document."""
    letters = "".join(chr(number) for first, last in _KNOWN for number in range(first, last + 1))
    assert "[U+" not in known(letters)
    assert printed(sheet(letters, Exact(letters))).startswith(b"%PDF")


def test_nothing_leaves_its_column() -> None:
    """Neither a word of 200 letters nor an exact value in the narrowest column."""
    found = printed(sheet("M" * 200, Exact("W" * 200)))
    document = pypdfium2.PdfDocument(found)
    for page in document:
        width, _height = page.get_size()
        content = page.get_textpage()
        right = max(content.get_charbox(index)[2] for index in range(content.count_chars()))
        assert right < width - 50
    document.close()


def test_french_has_its_spaces_and_apostrophes() -> None:
    """Before high punctuation, inside guillemets, in amounts and hours; English has none of it."""
    assert (
        settled("l'un : « oui » ; 10 h 05 ? 12 500 €", "fr")
        == "l’un\u00a0: «\u00a0oui\u00a0»\u202f; 10\u00a0h\u00a005\u202f? 12\u00a0500\u202f€"
    )
    assert settled("it's 10 : « a »", "en") == "it's 10 : « a »"


def test_looks_outside_the_window_say_nothing() -> None:
    """Folder by folder; a gap before the first look and after the last one counts."""
    hour = timedelta(hours=1)

    def look(place: str, first: int, last: int) -> Look:
        return Look(
            place=place, first_at=START + first * hour, last_at=START + last * hour, count=2, uidnext=5, longest_gap=60
        )

    found = watched([look("A", -9, -8), look("A", 3, 4), look("B", 0, 10)], since=START, until=START + 10 * hour)
    assert [(each.place, each.looks, len(each.gaps)) for each in found] == [("A", 2, 2), ("B", 2, 0)]
    assert str(long_day(START.date().replace(month=3, day=1))) == "dimanche 1er mars 2026"
