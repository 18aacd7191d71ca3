"""``gateway triage classify`` and ``gateway answer`` hand on what a person typed, by its place in the fiche."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import commands, triage
from gateway.cli.commands import app


@dataclass
class Desk:
    """Takes note of what it is asked."""

    asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    settled: bool = True

    async def classify(self, *told: Any, **more: Any) -> Any:
        """Noted."""
        self.asked.append((told, more))
        at = "2026-02-10" if self.settled else None
        return SimpleNamespace(id=told[0], settled_at=at, settled_as=told[1], settled_by="alice")

    async def bring(self, *told: Any, **more: Any) -> Any:
        """Noted."""
        self.asked.append((told, more))
        at = "2026-02-10" if self.settled else None
        return SimpleNamespace(id=12, settled_at=at, settled_as="refusal", settled_by="alice")

    async def submit(self, *told: Any, **more: Any) -> Any:
        """Noted, and refused: the rest is not looked at here."""
        self.asked.append((told, more))
        raise KeyboardInterrupt


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """In the place of a gateway."""
    import asyncio

    made = Desk()
    core = SimpleNamespace(triage=made, desk=made, base=SimpleNamespace(settings=SimpleNamespace(people={})))
    for module in (triage, commands):
        monkeypatch.setattr(module, "with_core", lambda _config, work: asyncio.run(work(core)))
        monkeypatch.setattr(module, "person", lambda _settings: "alice")
    monkeypatch.setattr(triage, "with_archive", lambda _config, _work: SimpleNamespace(ref="7F3K-Q2"))
    return made


def run(*words: str) -> Any:
    """One command."""
    return CliRunner().invoke(app, list(words))


def classified(desk: Desk, *words: str) -> dict[str, Any]:
    """What reached the desk of these words."""
    result = run("triage", "classify", "12", *words)
    assert result.exit_code == 0, result.output
    ((number, what), more) = desk.asked[-1]
    assert number == 12
    return {"what": what, **more}


def test_what_is_typed_goes_by_its_place(desk: Desk) -> None:
    """The plain options are the fields of an answer; --set reaches any other."""
    told = classified(
        desk,
        *(
            "partial",
            "--from",
            "2026-02-21",
            "--until",
            "2026-03-01",
            "--motive",
            "m",
            "--set",
            "decision.du=2026-02-22",
        ),
        *("--case", "7F3K-Q2", "--request", "ab12", "--with-form"),
    )
    assert told["places"] == {"decision.du": "2026-02-22", "decision.au": "2026-03-01", "decision.motif": "m"}
    assert (told["what"], told["ref"], told["request_hash"], told["has_form"]) == ("partial", "7F3K-Q2", "ab12", True)
    assert told["actor"] == "alice"


def test_nothing_typed_is_nothing_said(desk: Desk) -> None:
    """What the mail suggests is the default."""
    told = classified(desk, "not-an-answer")
    assert (told["places"], told["ref"], told["request_hash"], told["has_form"]) == ({}, None, None, False)


@pytest.mark.parametrize("what", ["ENTITLEMENT_CERTIFICATE", "entitlement_certificate"])
def test_fields_may_come_from_a_fiche(desk: Desk, tmp_path: Path, what: str) -> None:
    """As « gateway fiche » writes it; a date is a date, an empty field is none, pieces are in the mail."""
    fiche = tmp_path / "attestation.toml"
    fiche.write_text(
        'kind = "ENTITLEMENT_CERTIFICATE"\ndossier = "7F3K-Q2"\n[attestation]\nfin = 2026-02-20\nduree_jours = 47\n'
        'debut = ""\n[pieces]\nformulaire = "absent.pdf"\n',
        encoding="utf-8",
    )
    told = classified(desk, what, "--fiche", str(fiche), "--set", "attestation.duree_jours=48")
    assert told["places"] == {"attestation.fin": "2026-02-20", "attestation.duree_jours": "48"}


@pytest.mark.parametrize(
    ("content", "expected"), [('kind = "CARE_REQUEST"\n', "kind"), ("= oups", "TOML"), (None, "illisible")]
)
def test_a_fiche_of_another_kind_or_unreadable_is_refused(
    desk: Desk, tmp_path: Path, content: str | None, expected: str
) -> None:
    """Nothing is classified by mistake."""
    fiche = tmp_path / "fiche.toml"
    if content is not None:
        fiche.write_text(content, encoding="utf-8")
    result = run("triage", "classify", "12", "refusal", "--fiche", str(fiche))
    assert result.exit_code != 0
    assert expected in str(result.exception)
    assert desk.asked == []


def test_a_proposal_says_that_a_second_person_is_needed(desk: Desk) -> None:
    """And nothing else."""
    desk.settled = False
    result = run("triage", "classify", "12", "question")
    assert "une seconde personne doit dire la même chose" in result.output


@pytest.mark.parametrize(
    ("typed", "received"),
    [
        ("2026-02-10", date(2026, 2, 10)),
        ("10/02/2026", date(2026, 2, 10)),
        ("2026-02-10T09:00:00+01:00", datetime(2026, 2, 10, 8, tzinfo=UTC)),
    ],
)
def test_what_a_person_brings_is_handed_on_with_its_day(
    desk: Desk, tmp_path: Path, typed: str, received: object
) -> None:
    """The bytes of the file, when it came, and the fields as for a mail."""
    scan = tmp_path / "fax.pdf"
    scan.write_bytes(b"%PDF")
    words = ("--case", "7F3K-Q2", "--received", typed, "--motive", "m", "--with-form")
    result = run("triage", "enter", str(scan), "refusal", *words)
    assert result.exit_code == 0, result.output
    ((brought,), more) = desk.asked[0]
    assert (brought.scan, brought.received, more) == (b"%PDF", received, {"actor": "alice"})
    told = brought.word
    assert (told.what, told.ref, told.places, told.has_form) == ("refusal", "7F3K-Q2", {"decision.motif": "m"}, True)


def test_what_a_person_brought_says_what_the_second_one_types(desk: Desk, tmp_path: Path) -> None:
    """First to look at the file, then to say the same."""
    desk.settled = False
    scan = tmp_path / "fax.pdf"
    scan.write_bytes(b"%PDF")
    result = run("triage", "enter", str(scan), "refusal", "--case", "7F3K-Q2", "--received", "2026-02-10")
    assert "gateway message save mail-12 --to" in result.output
    assert "gateway triage classify 12 refusal" in result.output


@pytest.mark.parametrize(
    ("words", "kind", "values"),
    [
        (["--accept", "--until", "2026-03-01"], "EXTENSION_ACCEPTANCE", {"granted_until": "2026-03-01"}),
        (
            ["--partial", "--from", "2026-02-21", "--until", "2026-03-01", "--motive", "m"],
            "EXTENSION_PARTIAL_ACCEPTANCE",
            {"granted_from": "2026-02-21", "granted_until": "2026-03-01", "motive": "m"},
        ),
        (["--refuse", "--motive", "m", "--until", "2026-03-01"], "EXTENSION_REFUSAL", {"motive": "m"}),
    ],
)
def test_an_answer_is_one_of_three(desk: Desk, words: list[str], kind: str, values: dict[str, str]) -> None:
    """Each with its own fields."""
    run("answer", "7F3K-Q2", *words)
    ((form,), _more) = desk.asked[0]
    assert (form.kind.id, form.values) == (kind, values)


@pytest.mark.parametrize("words", [[], ["--accept", "--refuse"], ["--accept", "--partial"]])
def test_an_answer_that_is_none_or_two_is_refused(desk: Desk, words: list[str]) -> None:
    """Never a guess."""
    result = run("answer", "7F3K-Q2", *words)
    assert result.exit_code == 2
    assert desk.asked == []
