"""The log: integrity first, questions by fields, files to take away; each reading leaves a trace."""

import csv
import io

import pytest

from tests.services.world import World
from tests.web.browsing import Browser


async def test_the_log_says_first_how_much_of_it_is_signed(hospital: World, secretary: Browser) -> None:
    """Without a checkpoint it says so, instead of nothing."""
    await hospital.to_running()

    page = (await secretary.get("/journal?evenement=request.")).text

    assert page.index("Aucun point de contrôle") < page.index("request.submitted")
    assert "case.opened" not in page


async def test_a_record_is_read_in_words_and_its_code_stands_beside(hospital: World, auditor: Browser) -> None:
    """The question of the log goes by the code; a person reads a sentence, its outcome and who did it."""
    await hospital.to_running()

    page = (await auditor.get("/journal?evenement=request.acknowledged")).text

    assert "<td>La réception est attestée, le délai court<br>" in page
    assert ">request.acknowledged · running</bdi>" in page
    assert "<bdi>la passerelle</bdi>" in page
    assert '<option value="request." label="les demandes et leur délai">' in page


async def test_an_outcome_that_adds_something_is_told_and_a_partner_by_its_name(
    hospital: World, auditor: Browser
) -> None:
    """Which proof, from whom; the code and the partner's id are what a program reads."""
    await hospital.to_running()

    page = (await auditor.get("/journal?evenement=evidence.recorded")).text

    assert "<td>Une preuve de réception est inscrite (accusé de réception signé)<br>" in page
    assert '<bdi class="small muted">CNAS</bdi>' in page


async def test_a_record_of_another_version_keeps_its_code_and_deceives_nobody(
    hospital: World, auditor: Browser
) -> None:
    """No word is invented for it, and what it holds is a text."""
    async with hospital.store.act() as act:
        await act.record("note.made", actor="<i>a", outcome="later")

    page = (await auditor.get("/journal?evenement=note.")).text

    assert '<td><bdi class="mono small muted">note.made · later</bdi></td>' in page
    assert "<i>a" not in page
    assert "&lt;i&gt;a" in page


async def test_in_arabic_the_words_are_arabic_and_the_code_is_what_it_is(hospital: World, auditor: Browser) -> None:
    """The page is open in Arabic whole."""
    await hospital.to_running()
    auditor.client.cookies.set("langue", "ar")

    page = (await auditor.get("/journal?evenement=request.acknowledged")).text

    assert "الاستلام مثبت" in page
    assert "request.acknowledged" in page
    assert "La réception est attestée" not in page


async def test_reading_the_log_is_recorded_with_what_was_asked(hospital: World, secretary: Browser) -> None:
    """Who looks leaves a trace too."""
    await secretary.get("/journal?dossier=7f3k-q2")

    (entry,) = await hospital.events("log.read")
    assert entry.actor == "Claire Morel"
    assert b"7F3K-Q2" in entry.canonical


async def test_a_date_that_cannot_be_read_is_said_at_its_field_and_kept(secretary: Browser) -> None:
    """Nothing is guessed, nothing typed is lost."""
    page = (await secretary.get("/journal?du=2027-03-08&au=09/03/2027")).text

    assert 'id="du-e"' in page
    assert 'value="2027-03-08"' in page
    assert 'id="au-e"' not in page


async def test_the_file_for_a_spreadsheet_holds_no_formula(hospital: World, auditor: Browser) -> None:
    """What a partner or a person wrote is text, also for a spreadsheet."""
    async with hospital.store.act() as act:
        await act.record("note.made", actor="=cmd()")

    answer = await auditor.get("/journal.csv?evenement=note.")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["actor"] for row in rows] == ["'=cmd()"]
    assert answer.headers["content-disposition"] == 'attachment; filename="journal.csv"'


async def test_fifty_records_are_a_page_and_the_next_one_follows_without_a_gap(
    hospital: World, auditor: Browser
) -> None:
    """Keyset pages: nothing is lost between two of them, although reading adds records."""
    async with hospital.store.act() as act:
        for number in range(120):
            await act.record("note.made", actor="a", outcome=str(number))

    first = (await auditor.get("/journal?evenement=note.")).text
    after = first.split("avant=")[1].split('"')[0]
    second = (await auditor.get(f"/journal?evenement=note.&avant={after}")).text

    assert [f"note.made · {number}<" in first for number in (119, 70, 69)] == [True, True, False]
    assert [f"note.made · {number}<" in second for number in (70, 69, 20, 19)] == [False, True, True, False]


@pytest.mark.parametrize("name", ["journal.csv", "journal.json"])
async def test_a_file_never_leaves_for_a_question_that_cannot_be_read(secretary: Browser, name: str) -> None:
    """Without its bound it would hold more than what was asked for: the page says what is wrong instead."""
    answer = await secretary.get(f"/{name}?du=abc")

    assert answer.status_code == 422
    assert 'id="du-e"' in answer.text
